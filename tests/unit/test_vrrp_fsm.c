// SPDX-License-Identifier: GPL-2.0-or-later
/* links: vrrpd/vrrp_fsm lib/mono lib/addr */
#include "vrrpd/vrrp_fsm.h"

#include <criterion/criterion.h>

enum {
	PRIORITY = 100,
	INTERVAL_MS = 1000,
	OWN = 0x0a000005,   /* 10.0.0.5 */
	LOWER = 0x0a000004, /* below ours */
	HIGHER = 0x0a000006,
};

static const mono t0 = {.ns = 50LL * MONO_NS_PER_S};

static struct vrrp_conf conf_of(uint8_t priority, bool preempt)
{
	return (struct vrrp_conf){
		.priority = priority,
		.preempt = preempt,
		.advert_interval = mono_from_ms(INTERVAL_MS),
		.lease = mono_from_ms(3 * INTERVAL_MS),
		.hold = mono_from_ms(VRRP_HOLD_MS),
	};
}

static struct vrrp_actions simple(const struct vrrp_conf *conf, struct vrrp_router *r,
				  enum vrrp_event_kind kind, mono now)
{
	struct vrrp_event ev = {
		.kind = kind,
		.reason = VRRP_REASON_SHUTDOWN,
		.window = mono_from_ms(4 * INTERVAL_MS),
		.interval = mono_from_ms(INTERVAL_MS),
	};

	return vrrp_step(conf, r, &ev, now);
}

static struct vrrp_actions hear(const struct vrrp_conf *conf, struct vrrp_router *r,
				uint8_t priority, uint32_t source, mono now)
{
	struct vrrp_advert advert = {
		.priority = priority,
		.interval = mono_from_ms(200),
		.source = addr_from_ipv4(source),
	};
	struct vrrp_event ev = {.kind = VRRP_EV_ADVERT, .advert = &advert};

	return vrrp_step(conf, r, &ev, now);
}

static struct vrrp_router new_router(void)
{
	struct addr own = addr_from_ipv4(OWN);
	struct vrrp_router r;

	vrrp_router_init(&r, &own);
	return r;
}

static struct vrrp_router backup(const struct vrrp_conf *conf)
{
	struct vrrp_router r = new_router();

	simple(conf, &r, VRRP_EV_STARTUP, t0);
	cr_assert_eq(r.state, VRRP_BACKUP);
	return r;
}

/** Active since t0, its second advertisement sent. */
static struct vrrp_router active(const struct vrrp_conf *conf)
{
	struct vrrp_router r = new_router();

	simple(conf, &r, VRRP_EV_ADOPT, t0);
	cr_assert_eq(r.state, VRRP_ACTIVE);
	r.second_timer = mono_never();
	return r;
}

static mono after_ms(int64_t ms)
{
	return mono_add(t0, mono_from_ms(ms));
}

/* RFC 9568 6.1: Skew_Time and Active_Down_Interval, in nanoseconds. */
Test(vrrp_fsm, computes_the_timers_of_the_standard)
{
	static const struct {
		uint8_t priority;
		int64_t interval_cs, skew_us, down_us;
	} cases[] = {
		{254, 100, 7812, 3007812},   {200, 100, 218750, 3218750},
		{150, 100, 414062, 3414062}, {100, 100, 609375, 3609375},
		{1, 100, 996093, 3996093},   {254, 10, 781, 300781},
		{100, 10, 60937, 360937},    {200, 4095, 8957812, 131807812},
		{200, 1, 2187, 32187},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		mono interval = mono_from_cs(cases[i].interval_cs);

		cr_expect_eq(mono_to_us(vrrp_skew_time(cases[i].priority, interval)),
			     cases[i].skew_us, "case %zu", i);
		cr_expect_eq(mono_to_us(vrrp_active_down_interval(cases[i].priority, interval)),
			     cases[i].down_us, "case %zu", i);
	}
}

Test(vrrp_fsm, keeps_skew_times_apart_at_the_shortest_interval)
{
	cr_assert_gt(vrrp_skew_time(100, mono_from_cs(1)).ns,
		     vrrp_skew_time(101, mono_from_cs(1)).ns);
}

/* 6.4.1 */
Test(vrrp_fsm, owner_becomes_active_at_startup)
{
	struct vrrp_conf conf = conf_of(255, false);
	struct vrrp_router r = new_router();
	struct vrrp_actions a = simple(&conf, &r, VRRP_EV_STARTUP, t0);

	cr_assert_eq(r.state, VRRP_ACTIVE);
	cr_assert_eq(a.what, (unsigned)(VRRP_DO_TAKE | VRRP_DO_SEND | VRRP_DO_ANNOUNCE));
	cr_assert_eq(a.priority, 255);
	cr_assert_eq(r.adver_timer.ns, after_ms(INTERVAL_MS).ns);
}

Test(vrrp_fsm, others_become_backup_at_startup)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = new_router();
	struct vrrp_actions a = simple(&conf, &r, VRRP_EV_STARTUP, t0);

	cr_assert_eq(r.state, VRRP_BACKUP);
	cr_assert_eq(a.what, 0);
	cr_assert_eq(r.active_adver_interval.ns, conf.advert_interval.ns);
	cr_assert_eq(mono_to_us(mono_sub(r.active_down_timer, t0)), 3609375);
}

Test(vrrp_fsm, initialize_ignores_everything_but_startup)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = new_router();

	for (int k = 0; k < VRRP_EV_N; k++) {
		if (k == VRRP_EV_STARTUP || k == VRRP_EV_ADOPT || k == VRRP_EV_ADVERT)
			continue;
		cr_assert_eq(simple(&conf, &r, (enum vrrp_event_kind)k, t0).what, 0);
	}
	cr_assert_eq(hear(&conf, &r, 200, HIGHER, t0).what, 0);
	cr_assert_eq(r.state, VRRP_INITIALIZE);
}

/* 6.4.2 */
Test(vrrp_fsm, backup_shuts_down_without_a_packet)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = backup(&conf);
	struct vrrp_actions a = simple(&conf, &r, VRRP_EV_SHUTDOWN, t0);

	cr_assert_eq(r.state, VRRP_INITIALIZE);
	cr_assert_eq(a.what, 0);
	cr_assert(mono_is_never(vrrp_deadline(&r)));
}

Test(vrrp_fsm, backup_becomes_active_when_its_timer_fires_and_not_a_moment_before)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = backup(&conf);
	mono due = r.active_down_timer;

	cr_assert_eq(simple(&conf, &r, VRRP_EV_TIMER, mono_from_ns(due.ns - 1)).what, 0);
	cr_assert_eq(r.state, VRRP_BACKUP);
	struct vrrp_actions a = simple(&conf, &r, VRRP_EV_TIMER, due);

	cr_assert_eq(r.state, VRRP_ACTIVE);
	cr_assert_eq(a.what, (unsigned)(VRRP_DO_TAKE | VRRP_DO_SEND | VRRP_DO_ANNOUNCE));
	cr_assert_eq(a.priority, PRIORITY);
	cr_assert_eq(a.reason, VRRP_REASON_ACTIVE_DOWN_TIMER);
}

/* Point 4 */
Test(vrrp_fsm, backup_waits_skew_time_after_priority_zero)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = backup(&conf);

	hear(&conf, &r, 200, LOWER, t0); /* learns 200 ms */
	hear(&conf, &r, 0, HIGHER, after_ms(100));
	cr_assert_eq(mono_to_us(mono_sub(r.active_down_timer, after_ms(100))), 121875);
	cr_assert_eq(simple(&conf, &r, VRRP_EV_TIMER, r.active_down_timer).reason,
		     VRRP_REASON_PEER_RESIGNED);
}

Test(vrrp_fsm, backup_adopts_the_interval_of_an_equal_or_higher_priority)
{
	static const uint8_t priorities[] = {100, 101, 255};

	for (size_t i = 0; i < 3; i++) {
		struct vrrp_conf conf = conf_of(PRIORITY, true);
		struct vrrp_router r = backup(&conf);

		/* Point 2: an equal priority counts whatever the address. */
		cr_assert_eq(hear(&conf, &r, priorities[i], LOWER, after_ms(7)).what, 0);
		cr_assert_eq(mono_to_ms(r.active_adver_interval), 200);
		cr_assert_eq(mono_to_us(mono_sub(r.active_down_timer, after_ms(7))), 721875);
	}
}

Test(vrrp_fsm, backup_adopts_a_lower_priority_only_without_preempt_mode)
{
	struct vrrp_conf conf = conf_of(PRIORITY, false);
	struct vrrp_router r = backup(&conf);

	hear(&conf, &r, 99, LOWER, after_ms(7));
	cr_assert_eq(mono_to_us(mono_sub(r.active_down_timer, after_ms(7))), 721875);
}

/* Point 3 */
Test(vrrp_fsm, backup_discards_lower_priority_when_preempting)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = backup(&conf);
	mono due = r.active_down_timer;

	cr_assert_eq(hear(&conf, &r, 99, HIGHER, after_ms(7)).what, 0);
	cr_assert_eq(r.active_down_timer.ns, due.ns);
	cr_assert_eq(mono_to_ms(r.active_adver_interval), INTERVAL_MS);
}

/* Point 7 */
Test(vrrp_fsm, owner_preempts_whatever_preempt_mode_says)
{
	struct vrrp_conf conf = conf_of(PRIORITY, false);
	struct vrrp_router r = backup(&conf);
	mono due = r.active_down_timer;

	conf.priority = 255;
	hear(&conf, &r, 254, HIGHER, after_ms(7));
	cr_assert_eq(r.active_down_timer.ns, due.ns);
}

/* 6.4.3 */
Test(vrrp_fsm, active_says_goodbye_when_it_shuts_down)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = active(&conf);
	struct vrrp_actions a = simple(&conf, &r, VRRP_EV_SHUTDOWN, t0);

	cr_assert_eq(r.state, VRRP_INITIALIZE);
	cr_assert_eq(a.what, (unsigned)(VRRP_DO_SEND | VRRP_DO_RELEASE));
	cr_assert_eq(a.priority, 0);
}

Test(vrrp_fsm, active_advertises_every_interval_without_drift)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = active(&conf);

	for (int i = 1; i < 5; i++) {
		/* woken up 3 ms late each time */
		struct vrrp_actions a =
			simple(&conf, &r, VRRP_EV_TIMER, after_ms(i * INTERVAL_MS + 3));

		cr_assert_eq(a.what, (unsigned)(VRRP_DO_SEND | VRRP_DO_ANSWER));
		cr_assert_eq(r.adver_timer.ns, after_ms((i + 1) * INTERVAL_MS).ns);
	}
}

Test(vrrp_fsm, active_sends_a_second_advertisement_soon_after_the_first)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = new_router();

	simple(&conf, &r, VRRP_EV_ADOPT, t0);
	cr_assert_eq(mono_to_ms(mono_sub(vrrp_deadline(&r), t0)), 5);
	cr_assert_not(vrrp_is_answering(&r, after_ms(4)));
	cr_assert_eq(simple(&conf, &r, VRRP_EV_TIMER, after_ms(5)).what,
		     (unsigned)(VRRP_DO_SEND | VRRP_DO_ANSWER));
	cr_assert(vrrp_is_answering(&r, after_ms(5)));
	cr_assert_eq(vrrp_deadline(&r).ns, after_ms(INTERVAL_MS).ns);
}

Test(vrrp_fsm, active_answers_priority_zero_and_restarts_its_timer)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = active(&conf);
	struct vrrp_actions a = hear(&conf, &r, 0, HIGHER, after_ms(400));

	cr_assert_eq(a.what, (unsigned)(VRRP_DO_SEND | VRRP_DO_ANSWER));
	cr_assert_eq(r.adver_timer.ns, after_ms(400 + INTERVAL_MS).ns);
}

/* Point 1: Preempt_Mode False changes nothing here. */
Test(vrrp_fsm, active_always_yields_to_a_higher_priority)
{
	for (int preempt = 0; preempt < 2; preempt++) {
		struct vrrp_conf conf = conf_of(PRIORITY, preempt);
		struct vrrp_router r = active(&conf);
		struct vrrp_actions a = hear(&conf, &r, 101, LOWER, after_ms(400));

		cr_assert_eq(r.state, VRRP_BACKUP);
		cr_assert_eq(a.what, (unsigned)(VRRP_DO_RELEASE | VRRP_DO_SEND));
		cr_assert_eq(a.priority, 0, "the farewell");
		cr_assert_eq(a.reason, VRRP_REASON_HIGHER_PRIORITY);
		cr_assert_eq(mono_to_ms(r.active_adver_interval), 200);
		cr_assert_eq(mono_to_us(mono_sub(vrrp_deadline(&r), after_ms(400))), 721875);
	}
}

/* Points 2 and 9: two of equal priority, owners too, settle by unsigned address. */
Test(vrrp_fsm, active_breaks_a_tie_by_address)
{
	static const uint8_t priorities[] = {100, 255};

	for (size_t i = 0; i < 2; i++) {
		struct vrrp_conf conf = conf_of(priorities[i], true);
		struct vrrp_router r = active(&conf);

		hear(&conf, &r, priorities[i], LOWER, after_ms(1));
		cr_assert_eq(r.state, VRRP_ACTIVE);
		hear(&conf, &r, priorities[i], 0xc0000001, after_ms(2));
		cr_assert_eq(r.state, VRRP_BACKUP);
	}
}

/* Point 5 */
Test(vrrp_fsm, active_answers_a_loser_at_once_and_leaves_its_timer_running)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = active(&conf);
	struct vrrp_actions a = hear(&conf, &r, 99, HIGHER, after_ms(400));

	cr_assert_eq(r.state, VRRP_ACTIVE);
	cr_assert_eq(a.what, (unsigned)(VRRP_DO_SEND | VRRP_DO_ANNOUNCE | VRRP_DO_ANSWER));
	cr_assert_eq(a.priority, PRIORITY);
	cr_assert_eq(r.adver_timer.ns, after_ms(INTERVAL_MS).ns);
}

/* Planned resignation */
Test(vrrp_fsm, resigning_repeats_priority_zero_rarely_and_holds_a_short_lease)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = active(&conf);
	struct vrrp_actions a = simple(&conf, &r, VRRP_EV_RESIGN, t0);

	cr_assert_eq(a.what, (unsigned)(VRRP_DO_SEND | VRRP_DO_HOLD));
	cr_assert_eq(a.priority, 0);
	for (int ms = VRRP_HOLD_EVERY_MS; ms < INTERVAL_MS * 3 / 2; ms += VRRP_HOLD_EVERY_MS) {
		a = simple(&conf, &r, VRRP_EV_TIMER, after_ms(ms));
		cr_assert_eq(a.what, (unsigned)VRRP_DO_HOLD, "at %d ms", ms);
		cr_assert_eq(mono_to_ms(mono_sub(r.lease_until, after_ms(ms))), VRRP_HOLD_MS);
	}
	/* Later than any Skew_Time, which is less than an interval. */
	a = simple(&conf, &r, VRRP_EV_TIMER, after_ms(INTERVAL_MS * 3 / 2));
	cr_assert_eq(a.what, (unsigned)(VRRP_DO_SEND | VRRP_DO_HOLD));
	cr_assert_eq(a.priority, 0);
	cr_assert_eq(r.state, VRRP_ACTIVE);
}

Test(vrrp_fsm, resigning_and_late_is_over)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = active(&conf);

	simple(&conf, &r, VRRP_EV_RESIGN, t0);
	cr_assert_eq(simple(&conf, &r, VRRP_EV_TIMER, after_ms(VRRP_HOLD_MS)).what,
		     (unsigned)VRRP_DO_RELEASE);
	cr_assert_eq(r.state, VRRP_BACKUP);
}

Test(vrrp_fsm, resigning_yields_to_whoever_speaks_up_and_says_farewell)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = active(&conf);

	simple(&conf, &r, VRRP_EV_RESIGN, t0);
	cr_assert_eq(hear(&conf, &r, 0, HIGHER, after_ms(10)).what, 0);
	struct vrrp_actions a = hear(&conf, &r, 1, LOWER, after_ms(15));

	cr_assert_eq(a.what, (unsigned)(VRRP_DO_RELEASE | VRRP_DO_SEND));
	cr_assert_eq(a.priority, 0);
	cr_assert_eq(a.reason, VRRP_REASON_HANDED_OVER);
	cr_assert_eq(r.state, VRRP_BACKUP);
}

Test(vrrp_fsm, resignation_is_withdrawn_when_nobody_takes_over)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = active(&conf);
	struct vrrp_actions a;

	simple(&conf, &r, VRRP_EV_RESIGN, t0);
	for (int ms = VRRP_HOLD_EVERY_MS; ms < 4 * INTERVAL_MS; ms += VRRP_HOLD_EVERY_MS)
		simple(&conf, &r, VRRP_EV_TIMER, after_ms(ms));
	a = simple(&conf, &r, VRRP_EV_TIMER, after_ms(4 * INTERVAL_MS));
	cr_assert_eq(a.what, (unsigned)(VRRP_DO_SEND | VRRP_DO_WITHDRAWN | VRRP_DO_ANSWER));
	cr_assert_eq(a.priority, PRIORITY);
	cr_assert_not(vrrp_is_resigning(&r));
	cr_assert_eq(r.state, VRRP_ACTIVE);
	cr_assert_eq(mono_to_ms(mono_sub(r.lease_until, after_ms(4 * INTERVAL_MS))),
		     3 * INTERVAL_MS);
}

Test(vrrp_fsm, priority_zero_said_again_does_not_put_off_the_take_over)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = backup(&conf);

	hear(&conf, &r, 0, HIGHER, t0);
	mono due = r.active_down_timer;

	for (int ms = 5; ms < 600; ms += 5)
		hear(&conf, &r, 0, HIGHER, after_ms(ms));
	cr_assert_eq(r.active_down_timer.ns, due.ns);
}

/* ARP waits for the former Active Router to be silent. */
Test(vrrp_fsm, successor_answers_arp_once_a_dead_predecessor_is_silent)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = backup(&conf);

	hear(&conf, &r, 0, HIGHER, t0);
	mono now = r.active_down_timer;
	struct vrrp_actions a = simple(&conf, &r, VRRP_EV_TIMER, now);

	cr_assert_eq(a.what, (unsigned)(VRRP_DO_TAKE | VRRP_DO_SEND | VRRP_DO_ANNOUNCE));
	cr_assert_eq(mono_to_ms(mono_sub(vrrp_deadline(&r), now)), VRRP_ANSWER_AFTER_LEAVING_MS);
	a = simple(&conf, &r, VRRP_EV_TIMER, vrrp_deadline(&r));
	cr_assert_eq(a.what, (unsigned)(VRRP_DO_SEND | VRRP_DO_ANSWER));
}

Test(vrrp_fsm, successor_answers_arp_at_the_second_farewell)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = backup(&conf);

	hear(&conf, &r, 0, HIGHER, t0);
	mono now = r.active_down_timer;

	simple(&conf, &r, VRRP_EV_TIMER, now);
	/* The first may have been on its way before the gate was shut. It is answered all the same.
	 */
	cr_assert_eq(hear(&conf, &r, 0, HIGHER, now).what, (unsigned)VRRP_DO_SEND);
	cr_assert_eq(hear(&conf, &r, 0, HIGHER, now).what,
		     (unsigned)(VRRP_DO_SEND | VRRP_DO_ANSWER));
	cr_assert(vrrp_is_answering(&r, now));
}

Test(vrrp_fsm, preempting_waits_with_arp_for_the_lease_of_the_other)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = backup(&conf);
	mono now = r.active_down_timer;

	hear(&conf, &r, 50, HIGHER, mono_sub(now, mono_from_ms(10))); /* every 200 ms */
	simple(&conf, &r, VRRP_EV_TIMER, now);
	cr_assert_eq(r.state, VRRP_ACTIVE);
	cr_assert_eq(mono_to_ms(mono_sub(r.second_timer, now)), 590);
}

/* The lease: late means look first, not shout. */
Test(vrrp_fsm, active_that_wakes_up_after_its_lease_becomes_backup_in_silence)
{
	for (int k = 0; k < VRRP_EV_N; k++) {
		struct vrrp_conf conf = conf_of(PRIORITY, true);
		struct vrrp_router r = active(&conf);
		struct vrrp_advert advert = {.priority = 50, .interval = mono_from_ms(200)};
		struct vrrp_event ev = {.kind = (enum vrrp_event_kind)k,
					.advert = &advert,
					.interval = mono_from_ms(200)};
		struct vrrp_actions a = vrrp_step(&conf, &r, &ev, after_ms(3 * INTERVAL_MS));

		cr_assert_eq(a.what, (unsigned)VRRP_DO_RELEASE, "event %d", k);
		cr_assert_neq(r.state, VRRP_ACTIVE);
	}
}

Test(vrrp_fsm, every_advertisement_renews_the_lease)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = active(&conf);

	simple(&conf, &r, VRRP_EV_TIMER, after_ms(2900));
	cr_assert_eq(r.state, VRRP_ACTIVE);
	simple(&conf, &r, VRRP_EV_TIMER, after_ms(2900 + 2999));
	cr_assert_eq(r.state, VRRP_ACTIVE);
}

Test(vrrp_fsm, a_late_backup_still_takes_over)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = backup(&conf);

	simple(&conf, &r, VRRP_EV_TIMER, after_ms(60000));
	cr_assert_eq(r.state, VRRP_ACTIVE);
	cr_assert_eq(r.adver_timer.ns, after_ms(60000 + INTERVAL_MS).ns);
}

Test(vrrp_fsm, one_silent_interval_is_enough_when_the_peer_leaves_elsewhere)
{
	struct vrrp_conf conf = conf_of(PRIORITY, true);
	struct vrrp_router r = backup(&conf);

	hear(&conf, &r, 200, LOWER, t0); /* interval 200 ms, skew 121.875 ms */
	simple(&conf, &r, VRRP_EV_PEER_LEAVING, after_ms(50));
	cr_assert_eq(mono_to_us(mono_sub(r.active_down_timer, t0)), 321875);
	simple(&conf, &r, VRRP_EV_PEER_LEAVING, after_ms(60));
	cr_assert_eq(mono_to_us(mono_sub(r.active_down_timer, t0)), 321875);
	/* It did not mean this link after all. */
	hear(&conf, &r, 200, LOWER, after_ms(200));
	cr_assert_eq(mono_to_us(mono_sub(r.active_down_timer, after_ms(200))), 721875);
}
