/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver of vrrpd: owns sockets, devices, timers and the cores' state, feeds events to the
 * cores and carries their actions out. main.c makes one and runs the loop; control.c shows and
 * commands it through driver_priv.h.
 */
#ifndef HA_DRIVER_H
#define HA_DRIVER_H

#include "conf.h"
#include "daemon.h"
#include "log.h"

struct driver;
struct event_base;

struct driver_options {
	struct event_base *base;
	struct log *log;
	const struct daemon_options *daemon; /**< command line, borrowed; used again on SIGHUP */
	bool realtime;                       /**< scheduling was granted; shown in status */
};

/**
 * Opens sockets, makes or adopts devices, installs the lease, listens on the control socket. conf
 * is taken over in every case. Returns 0 or -errno; what is wrong has been logged.
 */
int driver_open(const struct driver_options *options, struct conf *conf_take, struct driver **out)
	__attribute__((warn_unused_result));
/** Takes part in the election: groups inside their own lease go on as Active, others as Backup. */
void driver_start(struct driver *d);
/** Reads the configuration again; with any error, or a change of shape, the old one stays. */
void driver_reload(struct driver *d);
/** Resigns (priority 0), shuts the gates and removes devices and table. */
void driver_stop(struct driver *d);
void driver_close(struct driver *d);

#endif
