/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a node's kernel holds: its connection table, read over ctnetlink in the node's namespace and
 * compared with the connections of the sessions. Not asked of lbd: that is who is being judged.
 */
#ifndef HA_STANDBY_H
#define HA_STANDBY_H

#include "judge.h"
#include "layout.h"
#include "netns.h"

/** How many of the sessions' connections a kernel holds. */
struct standby_count {
	size_t held;
	size_t of;
};

struct standby;

/** Opens a socket in the namespace. Returns 0 or -errno. */
int standby_open(const struct netns *ns, struct standby **out) __attribute__((warn_unused_result));
void standby_close(struct standby *s);
/**
 * Reads the table. A connection is held when client, VIP and ports are those of the session's, the
 * answers come from the session's server, and it is established. Returns 0 or -errno.
 */
int standby_look(struct standby *s, const struct layout *l, const struct judge_session *session,
		 size_t n_sessions, struct standby_count *out) __attribute__((warn_unused_result));

#endif
