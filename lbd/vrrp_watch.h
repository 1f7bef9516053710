/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lbd's ear and voice towards vrrpd: a client of RUNDIR/vrrpd.sock that subscribes to the roles of
 * the failover groups and says what vrrpd wants to know of the connection sync and of the peer.
 * vrrpd may come and go; the watch dials again and reports what changed. A role holds until vrrpd
 * says another or, connected anew, does not name its group. Called by main.c.
 */
#ifndef HA_VRRP_WATCH_H
#define HA_VRRP_WATCH_H

#include "conf.h"
#include "log.h"

#include <jansson.h>
#include <stdbool.h>

struct event_base;
struct vrrp_watch;

enum { VRRP_WATCH_GROUPS_MAX = CONF_VIPS_MAX, VRRP_STATE_NAME_MAX = 16 };

/** A failover group as vrrpd last described it. */
struct vrrp_role {
	char group[CONF_NAME_MAX];
	char state[VRRP_STATE_NAME_MAX]; /**< "Initialize", "Backup" or "Active" */
	uint8_t priority;                /**< effective VRRP Priority */
	uint32_t epoch;                  /**< claims of Active so far */
};

/** Something changed: connected or not, or a role. */
typedef void vrrp_watch_fn(void *arg);

/**
 * Starts watching RUNDIR/vrrpd.sock; a vrrpd that is not there yet is no error.
 * Returns 0 and *out, or -errno.
 */
int vrrp_watch_open(struct event_base *base, const char *rundir, struct log *log,
		    vrrp_watch_fn *changed, void *arg, struct vrrp_watch **out)
	__attribute__((warn_unused_result));
void vrrp_watch_close(struct vrrp_watch *w);
bool vrrp_watch_is_connected(const struct vrrp_watch *w);
/** The roles last heard, borrowed; also after vrrpd has gone, see vrrp_watch_is_connected(). */
const struct vrrp_role *vrrp_watch_roles(const struct vrrp_watch *w, size_t *n);
/** True when some group is Active here as far as we know. */
bool vrrp_watch_any_active(const struct vrrp_watch *w);
/** How long vrrpd has been out of reach; zero while it is connected. */
mono vrrp_watch_gone_for(const struct vrrp_watch *w, mono now);
/** Sends the `lbd` command with these arguments (stolen); dropped when not connected. */
void vrrp_watch_say(struct vrrp_watch *w, json_t *args);

#endif
