/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose is it? A process is known by its pid and its start time, because pids are used again. What
 * a drill leaves behind (directory, namespaces, processes) is its own only by such records.
 */
#ifndef HA_OWNER_H
#define HA_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

enum {
	OWNER_RECORDS_MAX = 256,
};

struct owner {
	pid_t pid;
	unsigned long long started; /**< clock ticks since boot */
};

/** Appends "pid start-time" of the calling process to a file. Returns 0 or -errno. */
int owner_record(const char *path) __attribute__((warn_unused_result));
/** Reads such a file; returns how many records, at most OWNER_RECORDS_MAX, or -errno. */
int owner_read(const char *path, struct owner out[static OWNER_RECORDS_MAX])
	__attribute__((warn_unused_result));
/** True when this very process still runs. */
bool owner_lives(const struct owner *o);
/** Session of a process, 0 when it is gone: children of ours are leaders of theirs. */
pid_t owner_session(pid_t pid);

#endif
