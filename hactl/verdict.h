/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One word and one sentence about the pair: is it well, does it serve, and if not why. A core that
 * judges a snapshot; `hactl status` prints it first.
 */
#ifndef HA_VERDICT_H
#define HA_VERDICT_H

#include "snapshot.h"

enum verdict_level {
	VERDICT_OK,       /**< serving, and the other node can take over with every connection */
	VERDICT_DEGRADED, /**< serving, but something an administrator should mend */
	VERDICT_DOWN,     /**< as far as this node knows, clients are not served */
	VERDICT_N,
};

struct verdict {
	enum verdict_level level;
	char summary[1024]; /**< reasons in plain words, separated by "; " */
};

void verdict_judge(const struct snapshot *s, struct verdict *out);
/** "OK", "DEGRADED", "DOWN". */
const char *verdict_name(enum verdict_level level);
/** A duration for people: "300 ms", "12 s", "3 min", "2 h 13 min", "5 d 3 h". Returns buf. */
const char *verdict_print_age(json_int_t age_ms, char *buf, size_t cap_bytes);

#endif
