/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * May this node take the group from a lower-priority Active Router right now? The configured
 * Preempt_Mode is held back while the connection table is still being filled (lbd says so) and
 * after a planned hand-over. A pure function, asked by driver.c before each step; it never delays
 * the take-over from a router that fell silent.
 */
#ifndef HA_PREEMPT_H
#define HA_PREEMPT_H

#include "mono.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	PREEMPT_MEMORY_MS = 3000,         /**< lbd has fallen silent this long after a word */
	PREEMPT_ENTRIES_MAX = 1000000000, /**< more than any table holds */
};

/** lbd's last word on connection sync. */
enum preempt_sync {
	PREEMPT_SYNC_UNKNOWN,     /**< no lbd, or it does not know yet */
	PREEMPT_SYNC_ALONE,       /**< no peer to learn from */
	PREEMPT_SYNC_CATCHING_UP, /**< the bulk is being received */
	PREEMPT_SYNC_SYNCED,
};

struct preempt_input {
	bool configured;        /**< Preempt_Mode of the group */
	bool stepped_down;      /**< handed over on request, not resumed yet */
	mono started;           /**< instant this daemon started */
	mono sync_wait;         /**< longest wait for a word (pair.sync_wait) */
	enum preempt_sync sync; /**< last word */
	mono word_at;           /**< instant of the last word; zero: none so far */
	mono catching_up_since; /**< instant the present bulk began; with CATCHING_UP */
	uint64_t entries_left;  /**< entries still to come; with CATCHING_UP */
};

struct preempt_verdict {
	bool preempt;          /**< effective Preempt_Mode */
	bool waiting_for_sync; /**< only the sync stands in the way */
	mono recheck;          /**< instant the verdict changes by itself, or never */
};

struct preempt_verdict preempt_decide(const struct preempt_input *in, mono now);

#endif
