/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "Did you mean": the known word that a mistyped one most resembles. Used for commands by the
 * control server and hactl. A core: plain values in, plain values out.
 */
#ifndef HA_NEAREST_H
#define HA_NEAREST_H

#include <stddef.h>

/** The best candidate so far; start with all members zero and offer every known word. */
struct nearest {
	const char *word; /**< borrowed from the offers; NULL while nothing is near enough */
	size_t distance;  /**< edits between it and the mistyped word */
};

/**
 * Offers candidate as a reading of typed. It is taken when it starts with typed, or when it needs
 * fewer edits than the best so far and at most a third of its length (at least two).
 */
void nearest_offer(struct nearest *best, const char *typed, const char *candidate);

#endif
