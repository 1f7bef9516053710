/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices when another program changes or removes the lease's table: without it the gates stand
 * open. Reads nf_tables' notifications. Called by driver_mend.c, which installs the table again.
 */
#ifndef HA_LEASE_WATCH_H
#define HA_LEASE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct lease_watch;

/** own_portid: of the socket whose changes are ours (lease_portid()). Returns 0 or -errno. */
int lease_watch_open(uint32_t own_portid, struct lease_watch **out)
	__attribute__((warn_unused_result));
void lease_watch_close(struct lease_watch *watch);
int lease_watch_fd(const struct lease_watch *watch);
/** Takes in all pending notifications; true when somebody else touched the table, or may have. */
bool lease_watch_read(struct lease_watch *watch);

#endif
