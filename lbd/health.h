/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rise and fall: turns the outcomes of a server's probes into a verdict and says when to probe
 * again. A doubt is settled quickly: while outcomes contradict the verdict the next probe comes
 * after a second instead of a whole interval. Caller: checker_child.c, once per outcome.
 */
#ifndef HA_HEALTH_H
#define HA_HEALTH_H

#include "mono.h"

#include <stdbool.h>
#include <stdint.h>

/** What is believed about a server. */
enum health_verdict {
	HEALTH_UNKNOWN, /**< no outcome yet; counts as up, so that a start refuses nobody */
	HEALTH_UP,
	HEALTH_DOWN,
	HEALTH_N,
};

/** How a server is judged; from the pool's check keys. */
struct health_conf {
	mono interval; /**< between probes while nothing is in doubt, > 0 */
	unsigned rise; /**< successes in a row until up, >= 1 */
	unsigned fall; /**< failures in a row until down, >= 1 */
};

/** One server's state; only health_init() and health_step() write it. */
struct health {
	enum health_verdict verdict;
	unsigned against; /**< outcomes in a row that contradict the verdict */
	mono due;         /**< when to start the next probe */
};

/**
 * Starts with a known verdict (HEALTH_UNKNOWN for a new server) and the first probe at `due`.
 */
void health_init(struct health *h, enum health_verdict verdict, mono due);
/**
 * One outcome. Rise or fall of them in a row change the verdict; from unknown the first success
 * does. random: any number; moves the next probe by up to a tenth of its delay either way, so that
 * many servers never fall into step. Returns true when the verdict changed. h->due is set.
 */
bool health_step(struct health *h, const struct health_conf *conf, bool success, mono now,
		 uint32_t random);
/** An attempt that says nothing about the server: only sets h->due. random: as above. */
void health_pass(struct health *h, const struct health_conf *conf, mono now, uint32_t random);
/** "unknown", "up", "down". */
const char *health_verdict_name(enum health_verdict verdict);

#endif
