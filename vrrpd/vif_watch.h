/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The present state of the links vrrpd depends on, kept up to date by rtnetlink events. When events
 * were lost (the kernel says so) everything is read again, so that the state is never a sum of
 * events. Called by driver.c.
 */
#ifndef HA_VIF_WATCH_H
#define HA_VIF_WATCH_H

#include "addr.h"

#include <stdbool.h>
#include <stddef.h>

struct vif_watch;

struct vif_link {
	char name[16];
	int ifindex; /**< 0: does not exist */
	bool admin_up;
	bool carrier;        /**< operational */
	struct addr primary; /**< primary IPv4 address; ADDR_NONE: none */
	unsigned deletions;  /**< IPv4 addresses removed from it so far */
};

/** names: n interface names, copied; duplicates are watched once. Returns 0 or -errno. */
int vif_watch_open(const char (*names)[16], size_t n, struct vif_watch **out)
	__attribute__((warn_unused_result));
void vif_watch_close(struct vif_watch *watch);
int vif_watch_fd(const struct vif_watch *watch);
/** Takes in all pending events; true when a watched link changed. */
bool vif_watch_read(struct vif_watch *watch);
/** Times the kernel reported lost events and everything was read again. */
unsigned vif_watch_overruns(const struct vif_watch *watch);
/** NULL when the name is not watched. Valid until the next read. */
const struct vif_link *vif_watch_find(const struct vif_watch *watch, const char *name);

#endif
