/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known about every server, and which word counts: a core. Our own checker has an opinion
 * and so has the Active peer's; while the peer is Active and within reach its opinion is used on
 * both nodes, so that both compute the same tables. Driven by main.c, read by the plan and status.
 */
#ifndef HA_SERVERS_H
#define HA_SERVERS_H

#include "conf.h"
#include "health.h"
#include "mono.h"

#include <stdbool.h>
#include <stddef.h>

enum { SERVER_REASON_MAX = 96 };

/** One side's opinion about one server. */
struct server_opinion {
	enum health_verdict verdict;
	mono since; /**< when this verdict was first heard, local clock */
	char reason[SERVER_REASON_MAX];
};

struct server_state {
	struct server_opinion own;
	struct server_opinion peer;
	uint64_t checks;   /**< own outcomes so far */
	uint64_t failures; /**< own outcomes that were failures */
};

struct servers; /**< opaque */

/** For all servers of conf, each unknown. Returns NULL when out of memory. */
struct servers *servers_new(const struct conf *conf, mono now);
void servers_free(struct servers *s);
/** Keeps what is known of servers that stand in both configurations (same pool, name, address). */
void servers_inherit(struct servers *s, const struct conf *conf, const struct servers *old,
		     const struct conf *old_conf);

/** True when the word that counts changed. number is conf_server.number; unknown ones are ignored.
 */
bool servers_set_own(struct servers *s, uint16_t number, enum health_verdict verdict,
		     const char *reason, mono now);
bool servers_set_peer(struct servers *s, uint16_t number, enum health_verdict verdict,
		      const char *reason, mono now);
/** Whose opinion counts from now on. True when this changes the word of any server. */
bool servers_follow_peer(struct servers *s, bool follow);
bool servers_follows_peer(const struct servers *s);
/** Counts one outcome of our own checker. */
void servers_count(struct servers *s, uint16_t number, bool failed);

/** The opinion that counts, borrowed; NULL for a number not in the configuration. */
const struct server_opinion *servers_opinion(const struct servers *s, uint16_t number);
const struct server_state *servers_state(const struct servers *s, uint16_t number);
/** Whether new clients may be sent to it: up, or not judged yet. */
bool servers_usable(const struct servers *s, uint16_t number);

#endif
