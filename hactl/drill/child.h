/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes of a drill: forked into a namespace, in a session of their own so that the
 * terminal's ^C reaches only the drill itself, and ended by pid with it. Each is recorded with its
 * start time, so that a later drill ends what belongs to this one and nothing else.
 */
#ifndef HA_CHILD_H
#define HA_CHILD_H

#include "netns.h"

#include <sys/types.h>

/** Where and how a child lives. */
struct child_place {
	const struct netns *ns;  /**< NULL: stays here */
	const char *log_path;    /**< stdout and stderr are appended to it */
	const char *record_path; /**< its pid and start time are appended to it */
	bool outlive;            /**< goes on when the drill itself ends */
};

/** Forks a process. Returns its pid to the parent, 0 to the child, or -errno. */
pid_t child_fork(const struct child_place *place) __attribute__((warn_unused_result));
/** The same, then executes argv[0]. */
pid_t child_spawn(const struct child_place *place, const char *const *argv)
	__attribute__((warn_unused_result));
/** Kills and reaps a child; *pid becomes 0. 0 and less are fine. */
void child_kill(pid_t *pid);
/** True when the child has ended; then *pid becomes 0 and *status its wait status. */
bool child_ended(pid_t *pid, int *status);

#endif
