/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The helper that forks checking processes: it was forked itself before lbd knew any secret and has
 * given up all privileges, so what it forks has neither. It reads no data, only requests with a
 * socket attached. Caller: checker.c.
 */
#ifndef HA_CHECKER_ZYGOTE_H
#define HA_CHECKER_ZYGOTE_H

#include "log.h"

#include <stdint.h>
#include <sys/types.h>

enum { CHECKER_ZYGOTE_VERSION = 1 };

/** To the helper, with one descriptor: end the checker there is, fork one that has this socket. */
struct checker_request {
	uint32_t version;
};

/** From the helper, one for each request. */
struct checker_answer {
	uint32_t version;
	int32_t pid;   /**< of the new checker */
	int32_t error; /**< 0, or errno of the fork */
};

/**
 * Runs in the forked helper until lbd's end of fd (SOCK_SEQPACKET) closes or lbd dies; the checker
 * dies with it. parent: lbd's process id.
 */
void checker_zygote_run(struct log *log, int fd, pid_t parent) __attribute__((noreturn));

#endif
