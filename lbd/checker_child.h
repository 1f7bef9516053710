/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child process of the health checks and the records it sends. Caller: checker.c.
 */
#ifndef HA_CHECKER_CHILD_H
#define HA_CHECKER_CHILD_H

#include "checker.h"

/**
 * Runs in the child until the parent's end of the socket closes. fd: SOCK_SEQPACKET to the parent,
 * one struct checker_report a packet (both ends are the same program image). verdicts: as for
 * checker_reload(), never NULL. Returns the exit status.
 */
int checker_child_run(const struct conf *conf, struct log *log, int fd,
		      const enum health_verdict *verdicts);
/**
 * The TCP port on which the servers of a pool are probed: check.port, or the first TCP port of the
 * first service on the pool; 0 when there is none.
 */
uint16_t checker_port(const struct conf *conf, size_t pool);

#endif
