/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What both daemons of this node say about themselves and the peer, sorted by kind: the one value
 * from which the verdict and every form of `hactl status` are made. A core.
 */
#ifndef HA_SNAPSHOT_H
#define HA_SNAPSHOT_H

#include "ctl.h"

/**
 * Each member is owned, and NULL when that daemon does not answer.
 * vrrpd: {"daemon":{},"groups":[],"vips":[]}
 * lbd:   {"daemon":{},"peer":{},"sync":{},"pools":[],"servers":[],"services":[]}
 */
struct snapshot {
	json_t *vrrpd;
	json_t *lbd;
};

/** The empty object of each daemon, a new reference; NULL when out of memory. */
json_t *snapshot_new_vrrpd(void);
json_t *snapshot_new_lbd(void);
/** Adds a row of a `status` answer to its daemon's object; unknown codes are left out. */
void snapshot_add(json_t *daemon, const struct ctl_reply *row);
void snapshot_fini(struct snapshot *s);

/** This node's name as the daemons give it, or "this node". Borrowed. */
const char *snapshot_node(const struct snapshot *s);
/** The other node's name, or "the peer". Borrowed. */
const char *snapshot_peer(const struct snapshot *s);
/** The peer's state in a group as told over the pair link; "" when unknown. Borrowed. */
const char *snapshot_peer_state(const struct snapshot *s, const char *group);

#endif
