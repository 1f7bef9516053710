/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who plays in a drill: one process for each server, one for the client sessions, one for new
 * connections, one for visits (short whole sessions), one for the probes. They share a board in
 * memory with the drill itself: each part of it has one writer, so nothing is locked.
 */
#ifndef HA_CAST_H
#define HA_CAST_H

#include "child.h"
#include "judge.h"
#include "lab.h"

#include <stdatomic.h>
#include <sys/types.h>

enum {
	CAST_PROBE_INTERVAL_US = 1000,
	CAST_PROBES_MAX = 180 * 1000, /**< three minutes of them */
	CAST_SESSIONS_MAX = 20000,
	CAST_RATE_MAX = 5000,         /**< new connections a second */
	CAST_VISIT_SHARE = 10,        /**< one visit for so many new connections */
	CAST_GROUP_SERVER_SHIFT = 24, /**< association group: server number above this bit */
	CAST_MESSAGES_PER_S = 2500,   /**< over all sessions and both directions, about */
	CAST_COMPLAINT_MAX = 96,
};

/** What the actors say to the drill and it to them. */
struct cast_board {
	/* Written by the drill. */
	atomic_bool load_stopped; /**< no new requests, notifications and connections */
	atomic_bool probes_stopped;

	/* Written by the actor named. */
	atomic_uint servers_ready;              /**< each server: listening */
	atomic_uint sessions_open;              /**< sessions: both connections bound */
	atomic_uint sessions_failed;            /**< sessions: could not be opened */
	atomic_uint connections_tried;          /**< storm: finished, either way */
	atomic_uint connections_failed;         /**< storm */
	atomic_uint connections_pending;        /**< storm: under way */
	atomic_uint connect_longest_ms;         /**< storm: slowest that succeeded */
	atomic_bool storm_settled;              /**< storm: stopped and nothing under way */
	atomic_uint visits_tried;               /**< visits: finished, either way */
	atomic_uint visits_failed;              /**< visits */
	atomic_uint visits_pending;             /**< visits: under way */
	atomic_bool visits_settled;             /**< visits: stopped and nothing under way */
	char visit_failure[CAST_COMPLAINT_MAX]; /**< visits: how the first one failed */
	struct judge_client visit_client[LAYOUT_CLIENTS_MAX];   /**< visits */
	struct judge_client session_client[LAYOUT_CLIENTS_MAX]; /**< sessions */
	atomic_bool prober_realtime;              /**< prober: it has real-time priority */
	char connect_failure[CAST_COMPLAINT_MAX]; /**< storm: how the first one failed */
	char session_failure[CAST_COMPLAINT_MAX]; /**< sessions: how the first one ended */

	atomic_size_t n_probes;        /**< prober: sent so far */
	struct judge_probe *probe;     /**< CAST_PROBES_MAX of them, shared as well */
	struct judge_session *session; /**< n_sessions of them, shared as well */
	size_t n_sessions;
};

struct cast_options {
	unsigned sessions; /**< how many */
	unsigned rate;     /**< new connections a second; 0: none */
	mono patience;     /**< after which a new connection has failed */
};

struct cast {
	struct cast_board *board;
	size_t board_bytes;
	struct cast_options options;
	const struct lab *lab;    /**< borrowed */
	struct child_place place; /**< where the actors complain and are recorded */
	pid_t server[LAYOUT_SERVERS_MAX];
	pid_t sessions;
	pid_t storm;
	pid_t visits;
	pid_t prober;
};

/** Makes the board. Returns 0 or -errno; cast_fini() after both. */
int cast_init(struct cast *cast, const struct lab *lab, const struct cast_options *options,
	      const struct child_place *place) __attribute__((warn_unused_result));
/** Starts the servers, resp. clients, resp. the prober. 0 or -errno. */
int cast_start_servers(struct cast *cast) __attribute__((warn_unused_result));
int cast_start_clients(struct cast *cast) __attribute__((warn_unused_result));
int cast_start_prober(struct cast *cast) __attribute__((warn_unused_result));
/** Name of an actor that has ended though it should not have, or NULL. */
const char *cast_missing(struct cast *cast);
/** Ends all actors and frees the board; `keep`: servers and clients go on without the drill. */
void cast_fini(struct cast *cast, bool keep);

/** Time between two requests of one session, and between two notifications to it. */
mono cast_message_period(unsigned sessions);

/* The actors: each runs in its own process until it is killed, and never returns. */

struct cast_role {
	struct cast_board *board;
	const struct lab *lab;
	struct cast_options options;
	size_t server; /**< index into layout.server, for cast_run_server() */
};

_Noreturn void cast_run_server(const struct cast_role *role);
_Noreturn void cast_run_sessions(const struct cast_role *role);
_Noreturn void cast_run_storm(const struct cast_role *role);
_Noreturn void cast_run_visits(const struct cast_role *role);
_Noreturn void cast_run_prober(const struct cast_role *role);

#endif
