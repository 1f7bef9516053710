/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checking process. Caller: checker_zygote.c, in the forked process.
 */
#ifndef HA_CHECKER_CHILD_H
#define HA_CHECKER_CHILD_H

#include "log.h"

/**
 * Runs until lbd's end of the socket closes. fd: SOCK_SEQPACKET; lbd sends lists as packets of
 * checker_list.h, this process one struct checker_report an outcome. Returns the exit status.
 */
int checker_child_run(struct log *log, int fd);

#endif
