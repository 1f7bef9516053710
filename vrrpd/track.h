/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From present facts to fitness: is there a reason why this group must not be served from here, and
 * with what priority does it take part? Recomputed from scratch each time, never counted up and
 * down, so that no lost event can leave a fault behind. A core; driver.c collects the facts.
 */
#ifndef HA_TRACK_H
#define HA_TRACK_H

#include "vrrp.h"

enum {
	TRACK_FAULTS_MAX = 16,
	TRACK_TEXT_MAX = 48,
	TRACK_IFNAME_MAX = 16,
};

/** One link as it is now. */
struct track_link {
	char name[TRACK_IFNAME_MAX];
	bool exists;
	bool admin_up;
	bool carrier;       /**< operational: a cable, and something at its other end */
	bool needs_address; /**< VRRP runs on it: a primary IPv4 address is required */
	bool has_address;
	const char *trouble; /**< what else is wrong with it, or NULL; borrowed for the call */
};

struct track_verdict {
	uint8_t priority; /**< effective priority, 1..255 */
	size_t n_faults;  /**< any fault forbids to serve; texts of the first TRACK_FAULTS_MAX */
	char fault[TRACK_FAULTS_MAX][TRACK_TEXT_MAX]; /**< "eth0: no carrier" */
};

/** Judges n links; base_priority is the configured one of this node. */
void track_judge(const struct track_link *links, size_t n, uint8_t base_priority,
		 struct track_verdict *out);

#endif
