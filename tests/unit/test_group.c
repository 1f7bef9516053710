// SPDX-License-Identifier: GPL-2.0-or-later
/* links: vrrpd/group vrrpd/vrrp_fsm lib/mono lib/addr */
#include "vrrpd/group.h"

#include <criterion/criterion.h>

enum {
	FRONT,
	BACK,
	MEMBERS,
	DOWN_US = 360937, /* Active_Down_Interval at priority 100, 100 ms */
};

static const mono t0 = {.ns = 50LL * MONO_NS_PER_S};

static const struct vrrp_conf conf = {
	.priority = 100,
	.preempt = true,
	.advert_interval = {.ns = 100 * MONO_NS_PER_MS},
	.lease = {.ns = 296 * MONO_NS_PER_MS},
	.hold = {.ns = VRRP_HOLD_MS * MONO_NS_PER_MS},
};

static mono after_us(int64_t us)
{
	return mono_add(t0, mono_from_us(us));
}

static struct group_actions simple(struct group *g, enum group_event_kind kind, mono now)
{
	struct group_event ev = {
		.kind = kind, .reason = VRRP_REASON_FAULT, .window = mono_from_ms(400)};
	struct group_actions out;

	group_step(&conf, g, &ev, now, &out);
	return out;
}

static struct group_actions hear(struct group *g, size_t member, uint8_t priority, mono now)
{
	struct vrrp_advert advert = {
		.priority = priority,
		.interval = mono_from_ms(100),
		.source = addr_from_ipv4(0x0a000001),
	};
	struct group_event ev = {.kind = GROUP_EV_ADVERT, .member = member, .advert = &advert};
	struct group_actions out;

	group_step(&conf, g, &ev, now, &out);
	return out;
}

static struct group backup(void)
{
	struct addr own[MEMBERS] = {addr_from_ipv4(0x0a000005), addr_from_ipv4(0x0a010005)};
	struct group g;

	group_init(&g, own, MEMBERS, t0);
	simple(&g, GROUP_EV_STARTUP, t0);
	cr_assert_eq(g.state, VRRP_BACKUP);
	return g;
}

static struct group active(void)
{
	struct group g = backup();

	simple(&g, GROUP_EV_TIMER, after_us(DOWN_US + 1));
	cr_assert_eq(g.state, VRRP_ACTIVE);
	return g;
}

Test(group, all_members_become_active_together)
{
	struct group g = backup();
	struct group_actions a = simple(&g, GROUP_EV_TIMER, after_us(DOWN_US + 1));

	cr_assert(a.changed);
	for (size_t i = 0; i < MEMBERS; i++)
		cr_assert_eq(a.member[i].what,
			     (unsigned)(VRRP_DO_TAKE | VRRP_DO_SEND | VRRP_DO_ANNOUNCE));
	cr_assert_eq(g.epoch, 1);
	cr_assert_eq(g.reason, VRRP_REASON_ACTIVE_DOWN_TIMER);
}

Test(group, stays_backup_while_one_member_still_hears_the_active_router)
{
	struct group g = backup();
	mono now = t0;

	for (int i = 1; i <= 20; i++) {
		now = after_us(i * 100000);
		hear(&g, BACK, 200, now);
		cr_assert_not(simple(&g, GROUP_EV_TIMER, now).changed);
	}
	cr_assert_eq(mono_to_us(mono_sub(group_deadline(&g), now)), DOWN_US);
	cr_assert(simple(&g, GROUP_EV_TIMER, group_deadline(&g)).changed);
}

Test(group, takes_over_after_skew_time_when_all_links_say_so)
{
	struct group g = backup();

	hear(&g, FRONT, 200, after_us(100));
	hear(&g, BACK, 200, after_us(100));
	hear(&g, FRONT, 0, after_us(50000));
	hear(&g, BACK, 0, after_us(50100));
	cr_assert_eq(mono_to_us(mono_sub(group_deadline(&g), after_us(50100))), 60937);
	simple(&g, GROUP_EV_TIMER, group_deadline(&g));
	cr_assert_eq(g.reason, VRRP_REASON_PEER_RESIGNED);
}

Test(group, does_not_wait_the_full_time_for_a_link_the_leaving_router_lost)
{
	struct group g = backup();

	hear(&g, FRONT, 200, after_us(0));
	hear(&g, BACK, 200, after_us(0));
	hear(&g, BACK, 0, after_us(30000)); /* its front link is cut: no word there */
	cr_assert_eq(mono_to_us(mono_sub(group_deadline(&g), t0)), 160937);
}

Test(group, keeps_waiting_where_the_router_leaves_only_the_other_link)
{
	struct group g = backup();

	hear(&g, FRONT, 200, after_us(0));
	hear(&g, BACK, 0, after_us(30000));
	hear(&g, FRONT, 200, after_us(100000));
	cr_assert_eq(mono_to_us(mono_sub(group_deadline(&g), after_us(100000))), DOWN_US);
}

Test(group, a_higher_priority_on_one_member_releases_all_with_a_farewell)
{
	struct group g = active();
	struct group_actions a = hear(&g, BACK, 200, after_us(DOWN_US + 2000));

	cr_assert(a.changed);
	cr_assert_eq(g.reason, VRRP_REASON_HIGHER_PRIORITY);
	for (size_t i = 0; i < MEMBERS; i++) {
		cr_assert_eq(a.member[i].what, (unsigned)(VRRP_DO_RELEASE | VRRP_DO_SEND));
		cr_assert_eq(a.member[i].priority, 0);
		cr_assert_eq(g.member[i].state, VRRP_BACKUP);
	}
	cr_assert_not(g.stepped_down);
}

Test(group, a_fault_sends_priority_zero_everywhere_and_releases_all)
{
	struct group g = active();
	struct group_actions a = simple(&g, GROUP_EV_SHUTDOWN, after_us(DOWN_US + 2000));

	cr_assert_eq(g.state, VRRP_INITIALIZE);
	cr_assert_eq(g.reason, VRRP_REASON_FAULT);
	for (size_t i = 0; i < MEMBERS; i++) {
		cr_assert_eq(a.member[i].what, (unsigned)(VRRP_DO_SEND | VRRP_DO_RELEASE));
		cr_assert_eq(a.member[i].priority, 0);
	}
}

Test(group, hands_over_as_a_whole_and_remembers_it)
{
	struct group g = active();
	mono now = after_us(DOWN_US + 50000);
	struct group_actions a = simple(&g, GROUP_EV_RESIGN, now);

	for (size_t i = 0; i < MEMBERS; i++)
		cr_assert_eq(a.member[i].priority, 0);
	cr_assert(group_is_resigning(&g));
	cr_assert_eq(g.state, VRRP_ACTIVE);
	for (int ms = 5; ms <= 70; ms += 5)
		simple(&g, GROUP_EV_TIMER, mono_add(now, mono_from_ms(ms)));
	a = hear(&g, FRONT, 1, mono_add(now, mono_from_ms(72)));
	cr_assert_eq(a.member[BACK].what, (unsigned)(VRRP_DO_RELEASE | VRRP_DO_SEND));
	cr_assert_eq(a.member[BACK].priority, 0);
	cr_assert_eq(g.reason, VRRP_REASON_HANDED_OVER);
	cr_assert(g.stepped_down);
	simple(&g, GROUP_EV_RESUME, now);
	cr_assert_not(g.stepped_down);
	group_recall_stepped_down(&g);
	cr_assert(g.stepped_down);
}

Test(group, forgets_that_it_stepped_down_once_it_is_active_again)
{
	struct group g = active();
	mono now = after_us(DOWN_US + 50000);

	simple(&g, GROUP_EV_RESIGN, now);
	hear(&g, FRONT, 1, now);
	simple(&g, GROUP_EV_TIMER, group_deadline(&g));
	cr_assert_eq(g.state, VRRP_ACTIVE);
	cr_assert_not(g.stepped_down);
	cr_assert_eq(g.epoch, 2);
}

Test(group, withdraws_the_resignation_of_all_members_at_once)
{
	struct group g = active();
	mono now = after_us(DOWN_US + 50000);
	bool withdrawn = false;

	simple(&g, GROUP_EV_RESIGN, now);
	while (!withdrawn) {
		struct group_actions a = simple(&g, GROUP_EV_TIMER, group_deadline(&g));

		withdrawn = a.withdrawn;
		cr_assert_not(a.changed);
	}
	cr_assert_not(group_is_resigning(&g));
	for (size_t i = 0; i < MEMBERS; i++)
		cr_assert_not(vrrp_is_resigning(&g.member[i]));
}

Test(group, releases_all_when_the_lease_of_one_is_lost)
{
	struct group g = active();
	struct group_actions a = simple(&g, GROUP_EV_TIMER, after_us(DOWN_US + 5000000));

	cr_assert_eq(g.state, VRRP_BACKUP);
	cr_assert_eq(g.reason, VRRP_REASON_LEASE_LOST);
	for (size_t i = 0; i < MEMBERS; i++)
		cr_assert_eq(a.member[i].what, (unsigned)VRRP_DO_RELEASE);
}

Test(group, one_late_advert_that_finds_the_lease_lost_releases_all)
{
	struct group g = active();
	struct group_actions a = hear(&g, BACK, 50, after_us(DOWN_US + 5000000));

	cr_assert_eq(g.state, VRRP_BACKUP);
	for (size_t i = 0; i < MEMBERS; i++)
		cr_assert_eq(a.member[i].what, (unsigned)VRRP_DO_RELEASE);
}
