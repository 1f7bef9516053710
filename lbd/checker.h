/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Health checks run in a process without privileges: it holds the sockets and timers around the
 * probes and sends verdicts, not data, to lbd. This is lbd's side. Caller: lbd's main.c and
 * serve.c.
 *
 *   lbd --- control --- helper        forked at the start, user nobody, no capability; only forks
 *    \                    |
 *     \--- list, reports --- checker  forked by the helper: user nobody, no capability
 *
 * Start it first, before lbd reads the pair key or opens anything: the helper inherits lbd's memory
 * by fork, and every checker inherits the helper's. A reload sends the checker another list and
 * forks nothing. A checker that dies, or that says nothing for longer than any probe takes, is
 * replaced by the helper; the new one starts from the last verdicts, so that its death changes
 * nothing for clients. Where lbd may not change the user (it was not started as root), helper and
 * checker keep lbd's user and have no capability.
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
	bool tried;                      /**< false: this machine could not even try */
	bool failed;                     /**< this outcome was a failure of the server */
	char reason[CHECKER_REASON_MAX]; /**< "connect: refused", "connect: ok" */
};

/** Called from the event loop for every outcome; report lives for the call. */
typedef void checker_fn(void *arg, const struct checker_report *report);

/**
 * Forks the helper. Nothing is checked before checker_watch(). log is borrowed until
 * checker_stop(). Returns 0 and *out, or -errno.
 */
int checker_start(struct event_base *base, struct log *log, checker_fn *cb, void *arg,
		  struct checker **out) __attribute__((warn_unused_result));
/**
 * Has the servers of conf checked from now on, instead of those before. verdicts[number] is what
 * each starts from, for numbers up to the highest in conf; NULL: all unknown. A server that was
 * checked the same way before keeps its state instead. Everything is copied. Servers of pools
 * without a check, or without a TCP port to check, stay unknown. Returns 0, or -ENOMEM: then the
 * servers before are checked on. What fails later is logged and tried again.
 */
int checker_watch(struct checker *checker, const struct conf *conf,
		  const enum health_verdict *verdicts) __attribute__((warn_unused_result));
/** Ends checker and helper and frees everything; NULL is fine. */
void checker_stop(struct checker *checker);
/** Process id of the checker, for tests; 0 while there is none. */
int checker_pid(const struct checker *checker);

#endif
