/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Health checks run in a child process without privileges: it holds the sockets and timers around
 * the probes and sends verdicts, not data, to lbd. This is the parent's side: it starts the child,
 * reads its verdicts, and starts another one when it dies. Caller: lbd/main.c.
 *
 * Start it right after the configuration is parsed, before lbd opens anything: the child inherits
 * the configuration by fork, and nothing else.
 */
#ifndef HA_CHECKER_H
#define HA_CHECKER_H

#include "conf.h"
#include "health.h"
#include "log.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct checker; /**< opaque */

enum { CHECKER_REASON_MAX = 96 };

/** One outcome of a server's probe and what it means. */
struct checker_report {
	uint16_t number;                 /**< conf_server.number */
	enum health_verdict verdict;     /**< after this outcome */
	bool changed;                    /**< the verdict is new */
	bool failed;                     /**< this outcome was a failure */
	char reason[CHECKER_REASON_MAX]; /**< "connect: refused", "connect: ok" */
};

/** Called from the event loop for every outcome; report lives for the call. */
typedef void checker_fn(void *arg, const struct checker_report *report);

/**
 * Forks the child and watches it on base. conf and log are borrowed until checker_stop() or the
 * next checker_reload(). Servers of pools without a check, or without a TCP port to check, stay
 * unknown. Returns 0 and *out, or -errno.
 */
int checker_start(struct event_base *base, const struct conf *conf, struct log *log, checker_fn *cb,
		  void *arg, struct checker **out) __attribute__((warn_unused_result));
/**
 * The same with the verdict that servers start from (a reload): verdicts[number] for numbers up to
 * the highest in conf; NULL: all unknown. The array is copied.
 */
int checker_reload(struct checker *checker, const struct conf *conf,
		   const enum health_verdict *verdicts) __attribute__((warn_unused_result));
/** Ends the child and frees everything; NULL is fine. */
void checker_stop(struct checker *checker);
/** Process id of the child, for tests and status; 0 while there is none. */
int checker_pid(const struct checker *checker);

#endif
