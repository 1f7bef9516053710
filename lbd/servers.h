/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known about every server, whose word counts, and when a dead server's connections may be
 * deleted: a core. Our own checker has an opinion and so has the peer's; while the peer is Active
 * and within reach its opinion is used on both nodes, so that both compute the same tables. Driven
 * by serve.c, read by the plan and status.
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

/** Whether a server's connections are to be deleted now. */
enum servers_flush {
	SERVERS_FLUSH_NONE,       /**< nothing is owed */
	SERVERS_FLUSH_NOW,        /**< it is dead beyond doubt */
	SERVERS_FLUSH_WAIT,       /**< until another server answers, or the peer speaks */
	SERVERS_FLUSH_PEER_UP,    /**< not while the peer reaches it: our link may be at fault */
	SERVERS_FLUSH_NONE_ALIVE, /**< not while no server at all answers: the fault is ours */
};

struct server_state {
	struct server_opinion own;
	struct server_opinion peer;
	uint64_t checks;         /**< own outcomes so far */
	uint64_t failures;       /**< own outcomes that were failures */
	unsigned witnessed;      /**< failures while down, after another server had answered */
	bool flush_owed;         /**< down by the word that counts, its connections not deleted */
	enum servers_flush told; /**< last servers_flush_due() that the caller has logged */
};

struct servers; /**< opaque */

/** For all servers of conf (copied), each unknown. Returns NULL when out of memory. */
struct servers *servers_new(const struct conf *conf, mono now);
void servers_free(struct servers *s);
/** Keeps what is known of servers that `old` has too (same pool and address). */
void servers_inherit(struct servers *s, const struct servers *old);
/** A verdict from before this process started: not an edge, no deletion is owed for it. */
void servers_seed_down(struct servers *s, uint16_t number, const char *reason);

/** True when the word that counts changed. number is conf_server.number; unknown ones are ignored.
 */
bool servers_set_own(struct servers *s, uint16_t number, enum health_verdict verdict,
		     const char *reason, mono now);
bool servers_set_peer(struct servers *s, uint16_t number, enum health_verdict verdict,
		      const char *reason, mono now);
/** All opinions of the peer become unknown. True when this changes the word of any server. */
bool servers_forget_peer(struct servers *s, mono now);
/** Whose opinion counts from now on. True when this changes the word of any server. */
bool servers_follow_peer(struct servers *s, bool follow);
bool servers_follows_peer(const struct servers *s);
/** Counts one outcome of our own checker; first take its verdict by servers_set_own(). */
void servers_count(struct servers *s, uint16_t number, bool failed, mono now);

/** Number of servers, and the number of the i-th of them (ascending). */
size_t servers_n(const struct servers *s);
uint16_t servers_number(const struct servers *s, size_t i);
/** The opinion that counts, borrowed; NULL for a number not in the configuration. */
const struct server_opinion *servers_opinion(const struct servers *s, uint16_t number);
const struct server_state *servers_state(const struct servers *s, uint16_t number);
/** Whether new clients may be sent to it: up, or not judged yet. */
bool servers_usable(const struct servers *s, uint16_t number);

/** True when the connections of any server are owed their deletion. */
bool servers_owe_flush(const struct servers *s);
/**
 * Whether to delete the connections of a server now. peer_near: the peer is connected and has the
 * same configuration, so that its opinions are fresh. What is owed and not due stays owed until it
 * is due or the server returns.
 */
enum servers_flush servers_flush_due(const struct servers *s, uint16_t number, bool peer_near);
/** The deletion was carried out. */
void servers_flushed(struct servers *s, uint16_t number);
/** Remembers what was logged; true when it is news. */
bool servers_flush_is_news(struct servers *s, uint16_t number, enum servers_flush due);

#endif
