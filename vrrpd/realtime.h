/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Being on time under load: fixed-priority scheduling and memory that is not paged out. Called by
 * main.c once, before privileges are given up.
 */
#ifndef HA_REALTIME_H
#define HA_REALTIME_H

/** Asks for SCHED_FIFO. Returns 0 or -errno. */
int realtime_schedule(void) __attribute__((warn_unused_result));
/** Locks present and future memory without a limit. Returns 0 or -errno. */
int realtime_lock_memory(void) __attribute__((warn_unused_result));

#endif
