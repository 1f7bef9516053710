// SPDX-License-Identifier: GPL-2.0-or-later
/* links: vrrpd/preempt lib/mono */
#include "vrrpd/preempt.h"

#include <criterion/criterion.h>

static const struct preempt_input base = {
	.configured = true,
	.started = {.ns = 0},
	.sync_wait = {.ns = 10LL * MONO_NS_PER_S},
};

Test(preempt, follows_the_configuration_when_synced)
{
	struct preempt_input in = base;

	in.sync = PREEMPT_SYNC_SYNCED;
	in.word_at = mono_from_s(98);
	cr_assert(preempt_decide(&in, mono_zero()).preempt);
	in.configured = false;
	cr_assert_not(preempt_decide(&in, mono_from_s(99)).preempt);
	cr_assert_not(preempt_decide(&in, mono_from_s(99)).waiting_for_sync);
}

Test(preempt, never_happens_after_a_planned_hand_over)
{
	struct preempt_input in = base;

	in.sync = PREEMPT_SYNC_SYNCED;
	in.stepped_down = true;
	cr_assert_not(preempt_decide(&in, mono_from_s(99)).preempt);
}

Test(preempt, waits_the_whole_time_without_a_word_or_without_a_peer)
{
	static const enum preempt_sync words[] = {PREEMPT_SYNC_UNKNOWN, PREEMPT_SYNC_ALONE};

	for (size_t i = 0; i < 2; i++) {
		struct preempt_input in = base;
		struct preempt_verdict v;

		in.sync = words[i];
		v = preempt_decide(&in, mono_from_ms(9999));
		cr_assert_not(v.preempt);
		cr_assert(v.waiting_for_sync);
		cr_assert_eq(mono_to_ms(v.recheck), 10000);
		v = preempt_decide(&in, mono_from_s(10));
		cr_assert(v.preempt);
		cr_assert_not(v.waiting_for_sync);
	}
}

Test(preempt, waits_longer_for_a_big_bulk)
{
	struct preempt_input in = base;

	in.sync = PREEMPT_SYNC_CATCHING_UP;
	in.entries_left = 50000; /* 5 s more */
	cr_assert_not(preempt_decide(&in, mono_from_ms(14999)).preempt);
	cr_assert(preempt_decide(&in, mono_from_ms(15000)).preempt);
}

Test(preempt, counts_a_later_bulk_from_its_own_beginning)
{
	struct preempt_input in = base;

	in.sync = PREEMPT_SYNC_CATCHING_UP;
	in.catching_up_since = mono_from_s(100);
	cr_assert_not(preempt_decide(&in, mono_from_ms(109999)).preempt);
	cr_assert(preempt_decide(&in, mono_from_s(110)).preempt);
}

Test(preempt, counts_from_the_last_word_when_lbd_falls_silent)
{
	static const enum preempt_sync words[] = {PREEMPT_SYNC_SYNCED, PREEMPT_SYNC_ALONE};

	for (size_t i = 0; i < 2; i++) {
		struct preempt_input in = base;

		in.sync = words[i];
		in.word_at = mono_from_s(20);
		cr_assert(preempt_decide(&in, mono_from_ms(22999)).preempt);
		cr_assert_not(preempt_decide(&in, mono_from_ms(29999)).preempt);
		cr_assert(preempt_decide(&in, mono_from_s(30)).preempt);
	}
}

Test(preempt, waits_for_a_bulk_even_when_lbd_falls_silent_in_it)
{
	struct preempt_input in = base;

	in.sync = PREEMPT_SYNC_CATCHING_UP;
	in.word_at = mono_from_s(4);
	in.entries_left = 200000; /* 20 s more */
	cr_assert_not(preempt_decide(&in, mono_from_ms(33999)).preempt);
	cr_assert(preempt_decide(&in, mono_from_s(34)).preempt);
}

Test(preempt, is_not_confused_by_an_absurd_number_of_entries)
{
	struct preempt_input in = base;

	in.sync = PREEMPT_SYNC_CATCHING_UP;
	in.entries_left = UINT64_MAX;
	struct preempt_verdict v = preempt_decide(&in, mono_from_s(60));

	cr_assert_not(v.preempt);
	cr_assert_gt(v.recheck.ns, mono_from_s(60).ns);
	cr_assert_lt(v.recheck.ns, mono_from_s(1000000).ns);
}
