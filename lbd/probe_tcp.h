/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The simplest probe: a server that accepts a TCP connection is up. Caller: checker_child.c.
 */
#ifndef HA_PROBE_TCP_H
#define HA_PROBE_TCP_H

#include "probe.h"

/** Keeps no state: feed's first argument may be NULL. */
const struct probe_type *probe_tcp(void);

#endif
