/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that exists while one scenario runs: directory, laboratory, daemons, actors, eyes. And
 * the steps all scenarios share: set up until ready, load, settle, tear down.
 */
#ifndef HA_STAGE_H
#define HA_STAGE_H

#include "herald.h"
#include "home.h"
#include "scenario.h"
#include "watch.h"

struct event;

enum {
	STAGE_MOVES_MAX = 2,
	STAGE_SIGNALS = 4,
	STAGE_LATE_MS = 10, /**< an echo that took longer is no service */
};

struct stage {
	const struct scenario_options *options;
	struct scenario_result *result; /**< borrowed, filled in on the way */
	struct home home;
	struct conf *conf; /**< derived, owned */
	struct layout layout;
	struct lab lab;
	bool lab_built;
	struct cast cast;
	struct event_base *base;
	struct event *tick; /**< wakes stage_wait() up */
	struct event *on_signal[STAGE_SIGNALS];
	struct herald *herald;
	struct watch *watch;
	pid_t vrrpd[CONF_NODES_MAX];
	pid_t lbd[CONF_NODES_MAX];
	bool interrupted;
	bool preempt;       /**< the scenario needs preemption: the primary is the preferred node */
	size_t primary;     /**< node that was Active when the pair was ready */
	mono down_interval; /**< longest Active_Down_Interval of the nodes */
	struct judge_move move[STAGE_MOVES_MAX]; /**< hand-overs so far, the last one under way */
	size_t n_moves;
	mono served_since; /**< when the node that should serve was heard to be Active */
	mono restored;     /**< progress of the sessions counts from then on */
	char actor_log[CONF_PATH_MAX];
	char pids[CONF_PATH_MAX];
};

/* Each step returns 0 or -errno; reasons are in result->why then (but for -EINTR). */

/** Directory, configuration, namespaces. stage_close() after success and failure. */
int stage_open(struct stage *s, const struct scenario_options *options, bool preempt,
	       struct scenario_result *result) __attribute__((warn_unused_result));
/** So many seconds, and the time in which a dead node is noticed. */
mono stage_patience(const struct stage *s, int64_t seconds);
/** Servers and both nodes' daemons, until the pair is ready: then s->primary is set. */
int stage_start_pair(struct stage *s) __attribute__((warn_unused_result));
/** Prober and clients, until all sessions are open and have run for a while. */
int stage_start_load(struct stage *s) __attribute__((warn_unused_result));
/**
 * Until the node's kernel holds every connection of the sessions, or `until` (may be NULL) holds
 * for the node, or time is over: what is missing then is a reason.
 */
typedef bool stage_test_fn(const struct stage *s, size_t arg);
int stage_prove_standby(struct stage *s, size_t node, stage_test_fn *until)
	__attribute__((warn_unused_result));
/**
 * After the fault of the last move: until its new owner is Active, then until every session made
 * progress again, for at least `least`.
 */
int stage_recover(struct stage *s, mono least) __attribute__((warn_unused_result));
/** Stops the load, lets what is in flight arrive, stops the probes. */
int stage_settle(struct stage *s) __attribute__((warn_unused_result));
/** again: it will be run once more, nothing of this run is left. */
void stage_close(struct stage *s, bool again);
/** A test for stage_wait(): the group is Active on the node. */
bool stage_is_active(const struct stage *s, size_t node);

/** Starts the daemons of a node, and looks at them from now on. */
int stage_start_node(struct stage *s, size_t node) __attribute__((warn_unused_result));

/**
 * Runs the event loop until the test holds. Returns 0, -ETIMEDOUT, -EINTR after a signal, -ECHILD
 * when an actor or a daemon has ended unasked (then said so in result->why).
 */
int stage_wait(struct stage *s, stage_test_fn *test, size_t arg, mono timeout)
	__attribute__((warn_unused_result));
/** Runs the event loop for a time. 0 or as above. */
int stage_run_for(struct stage *s, mono time) __attribute__((warn_unused_result));

#endif
