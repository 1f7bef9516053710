// SPDX-License-Identifier: GPL-2.0-or-later
#include "preempt.h"

enum {
	ENTRIES_PER_MS = 10, /* slower than any link: a bulk that takes longer has gone wrong */
};

static bool is_silent(const struct preempt_input *in, mono now)
{
	return mono_reached(mono_add(in->word_at, mono_from_ms(PREEMPT_MEMORY_MS)), now);
}

static mono wait_until(const struct preempt_input *in, mono now)
{
	mono from = in->started;
	mono wait = in->sync_wait;

	/* lbd, when it returns, has everything still to learn. */
	if (is_silent(in, now))
		from = mono_max(from, in->word_at);
	if (in->sync == PREEMPT_SYNC_CATCHING_UP) {
		uint64_t left = in->entries_left < PREEMPT_ENTRIES_MAX ? in->entries_left
								       : PREEMPT_ENTRIES_MAX;

		from = mono_max(from, in->catching_up_since);
		wait = mono_add(wait, mono_from_ms((int64_t)(left / ENTRIES_PER_MS)));
	}
	return mono_add(from, wait);
}

struct preempt_verdict preempt_decide(const struct preempt_input *in, mono now)
{
	struct preempt_verdict verdict = {.recheck = mono_never()};

	if (!in->configured || in->stepped_down)
		return verdict;
	mono until = wait_until(in, now);

	if ((in->sync == PREEMPT_SYNC_SYNCED && !is_silent(in, now)) || mono_reached(until, now)) {
		verdict.preempt = true;
	} else {
		verdict.waiting_for_sync = true;
		verdict.recheck = until;
	}
	return verdict;
}
