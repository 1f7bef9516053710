/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sd_notify(3)'s protocol: datagrams to $NOTIFY_SOCKET. Nothing happens without a service manager.
 */
#ifndef HA_NOTIFY_H
#define HA_NOTIFY_H

#include "mono.h"

/** Sends state, e.g. "READY=1\nSTATUS=Backup"; failures are nobody's business. */
void notify_send(const char *state);
/** Interval at which to send "WATCHDOG=1" (half of $WATCHDOG_USEC), mono_never() if not asked. */
mono notify_watchdog_interval(void);

#endif
