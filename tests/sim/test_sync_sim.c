// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/sync_fsm lbd/sync_fsm_record lbd/sync_fsm_view lib/mono */
/* Two synchronisation machines in a model world. When faults end, both kernels hold the same and
 * both nodes say so. */
#include "sync_world.h"

static void expect_equal(const char *what, int64_t which)
{
	run(CLOSED_MS + 3 * DELAY_MS); /* until nothing is under way to its end */
	mono now = mono_from_ms(w.now);

	for (unsigned key = 0; key < KEYS; key++) {
		const struct entry *a = &w.node[0].table[key];
		const struct entry *b = &w.node[1].table[key];

		cr_assert_eq(a->present, b->present, "%s %lld: key %u: %d/%d", what,
			     (long long)which, key, a->present, b->present);
		if (a->present)
			cr_assert_eq(a->conn, b->conn, "%s %lld: key %u", what, (long long)which,
				     key);
	}
	for (int n = 0; n < 2; n++)
		cr_assert_eq(sync_fsm_level(&w.node[n].fsm, now), SYNC_LEVEL_SYNCED,
			     "%s %lld: node %d says %s", what, (long long)which, n,
			     sync_level_name(sync_fsm_level(&w.node[n].fsm, now)));
}

Test(sync_sim, traffic_over_a_good_link_ends_in_equal_tables)
{
	start(1);
	link_up();
	for (int i = 0; i < 2000; i++) {
		traffic(0, 3);
		tick();
	}
	run(50);
	expect_equal("plain", 0);
}

Test(sync_sim, a_link_cut_at_any_step_ends_in_equal_tables)
{
	for (int64_t cut = 0; cut < 120; cut++) {
		for (int64_t gap = 1; gap < 60; gap += 29) {
			start((uint64_t)cut);
			traffic(0, 100);
			drain_events(0);
			link_up();
			for (int64_t t = 0; t < 200; t++) {
				if (t == cut)
					link_down();
				if (t == cut + gap)
					link_up();
				traffic(0, 2);
				tick();
			}
			link_up();
			run(200);
			expect_equal("cut", cut);
		}
	}
}

Test(sync_sim, an_overflow_at_any_step_ends_in_equal_tables)
{
	for (int64_t at = 0; at < 120; at++) {
		start((uint64_t)at);
		link_up();
		for (int64_t t = 0; t < 150; t++) {
			traffic(0, t == at ? EVENTS_MAX * 4 : 2);
			tick();
		}
		run(400);
		expect_equal("overflow", at);
		cr_assert_gt(w.node[0].fsm.restarts, 0);
	}
}

Test(sync_sim, a_restart_of_either_daemon_at_any_step_ends_in_equal_tables)
{
	for (int64_t at = 0; at < 100; at++) {
		for (int who = 0; who < 4; who++) {
			start((uint64_t)at);
			link_up();
			for (int64_t t = 0; t < 150; t++) {
				if (t == at)
					restart(who & 1, who == 3); /* 3: the standby reboots */
				if (t == at + 7)
					link_up();
				traffic(0, 2);
				tick();
			}
			run(300);
			expect_equal("restart", at * 10 + who);
		}
	}
}

Test(sync_sim, a_planned_change_of_roles_loses_no_connection)
{
	for (int64_t overlap = 0; overlap < 30; overlap++) {
		start((uint64_t)overlap);
		link_up();
		for (int t = 0; t < 200; t++) {
			traffic(0, 2);
			tick();
		}
		run(20);
		w.node[0].barrier_result = -1;
		drain_events(0);
		step(0, (struct sync_event){.type = SYNC_EV_BARRIER, .delay = mono_from_ms(50)});
		run(10);
		cr_assert_eq(w.node[0].barrier_result, SYNC_BARRIER_OK);
		/* Traffic moves before either lbd hears of it, and they hear at different times. */
		traffic(0, 3);
		run(DELAY_MS + 1);
		for (int i = 0; i < 3; i++)
			open_connection(1, (unsigned)dice(KEYS));
		run(2);
		set_owner(1, true);
		for (int64_t t = 0; t < overlap; t++) {
			traffic(1, 1);
			tick();
		}
		set_owner(0, false);
		for (int t = 0; t < 50; t++) {
			traffic(1, 2);
			tick();
		}
		run(50);
		expect_equal("planned", overlap);
		cr_assert_eq(w.node[1].fsm.bulks_sent, 0, "no bulk was needed");
	}
}

Test(sync_sim, a_takeover_after_power_loss_and_the_return_end_in_equal_tables)
{
	for (int64_t at = 0; at < 100; at++) {
		start((uint64_t)at);
		link_up();
		for (int64_t t = 0; t < at; t++) {
			traffic(0, 2);
			tick();
		}
		restart(0, true); /* power loss: link down, table empty, not owner */
		run(3);
		set_owner(1, true);
		for (int t = 0; t < 50; t++) {
			traffic(1, 2);
			tick();
		}
		link_up();
		cr_assert_eq(sync_fsm_level(&w.node[0].fsm, mono_from_ms(w.now)),
			     SYNC_LEVEL_CATCHING_UP, "must not preempt yet");
		run(100);
		expect_equal("returned", at);
		set_owner(0, true); /* failback */
		run(4);
		set_owner(1, false);
		for (int t = 0; t < 50; t++) {
			traffic(0, 2);
			tick();
		}
		run(50);
		expect_equal("failback", at);
	}
}

Test(sync_sim, both_owners_for_long_end_in_equal_tables)
{
	start(3);
	link_up();
	traffic(0, 60);
	run(100);
	set_owner(1, true);
	for (int t = 0; t < 3000; t++) {
		traffic((int)dice(2), 1);
		tick();
	}
	set_owner(0, false);
	run(500);
	expect_equal("split", 0);
}

Test(sync_sim, what_was_closing_at_a_change_of_roles_ends_on_both_nodes)
{
	for (int64_t overlap = 0; overlap < 2 * CLOSED_MS; overlap += 7) {
		for (int back = 0; back < 2; back++) {
			start((uint64_t)overlap);
			link_up();
			for (unsigned key = 0; key < KEYS / 2; key++)
				open_connection(0, key);
			run(50);
			for (unsigned key = 0; key < KEYS / 2; key += 2) {
				close_connection(0, key);
				run(3);
			}
			set_owner(1, true);
			run(overlap);
			set_owner(0, false);
			run(20);
			if (back) { /* nor does a failback at once confuse it */
				set_owner(0, true);
				run(3);
				set_owner(1, false);
			}
			run(3 * CLOSED_MS);
			expect_equal("closing", overlap * 2 + back);
			for (unsigned key = 0; key < KEYS / 2; key++)
				cr_assert_eq(w.node[1].table[key].present, key & 1,
					     "overlap %lld key %u", (long long)overlap, key);
		}
	}
}

enum fault { FAULT_STREAM_FULL, FAULT_INJECT_FAILED, FAULT_OVERFLOW, FAULT_CONFIG, FAULT_N };

static void suffer(int n, enum fault fault)
{
	switch (fault) {
	case FAULT_STREAM_FULL:
		w.node[n].drop_next = true;
		break;
	case FAULT_INJECT_FAILED:
		w.node[n].fail_next = true;
		break;
	case FAULT_OVERFLOW:
		if (w.node[n].fsm.owner) /* there is no traffic elsewhere */
			traffic(n, EVENTS_MAX * 3);
		break;
	case FAULT_CONFIG:
		step(n, (struct sync_event){.type = SYNC_EV_CONFIG, .config_equal = dice(2)});
		break;
	case FAULT_N:
		break;
	}
}

Test(sync_sim, a_loss_around_the_overlap_of_owners_ends_in_equal_tables)
{
	for (int64_t at = 0; at < 24; at++) {
		for (int which = 0; which < 2 * FAULT_N; which++) {
			start((uint64_t)(at * 100 + which));
			link_up();
			traffic(0, 60);
			run(60);
			for (int64_t t = 0; t < 40; t++) {
				if (t == at)
					suffer(which & 1, (enum fault)(which / 2));
				if (t == 4) /* traffic has come here before lbd hears of it */
					set_owner(1, true);
				if (t == 18)
					set_owner(0, false);
				traffic(0, t < 6);
				traffic(1, t > 4);
				for (int i = 0; t == 3 && i < 3 + (which == 5 ? EVENTS_MAX : 0);
				     i++)
					open_connection(1, (unsigned)i);
				tick();
			}
			w.node[0].drop_next = w.node[1].drop_next = false;
			w.node[0].fail_next = w.node[1].fail_next = false;
			run(SYNC_RETRY_MS + SYNC_RESTART_MAX_MS);
			expect_equal("overlap", at * 100 + which);
		}
	}
}

Test(sync_sim, random_faults_always_converge)
{
	for (uint64_t seed = 0; seed < 400; seed++) {
		int active = 0;

		start(seed);
		for (int t = 0; t < 600; t++) {
			switch (dice(60)) {
			case 0:
				link_down();
				break;
			case 1:
			case 2:
				link_up();
				break;
			case 3:
				traffic(active, EVENTS_MAX * 2);
				break;
			case 4:
				restart((int)dice(2), false);
				break;
			case 5:
				set_owner(1 - active, true);
				run((int64_t)dice(20));
				set_owner(active, false);
				active = 1 - active;
				break;
			case 6:
				suffer((int)dice(2), (enum fault)dice(FAULT_N));
				break;
			default:
				break;
			}
			traffic(active, 2);
			tick();
		}
		link_up();
		w.node[0].fail_next = w.node[1].fail_next = false;
		/* Longest wait that may be due: a replica that asks, an owner's doubled pauses. */
		run(SYNC_RESTART_MAX_MS + SYNC_RETRY_MS + 1000);
		expect_equal("random", (int64_t)seed);
	}
}
