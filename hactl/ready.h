/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * May the VIPs be handed to the other node now? Judges a snapshot for `hactl failover`. A core.
 */
#ifndef HA_READY_H
#define HA_READY_H

#include "out.h"
#include "snapshot.h"

/**
 * True when the peer can take over every group of `groups` (names) with every connection;
 * otherwise *why says what stands in the way and what to do.
 */
bool ready_for_handover(const struct snapshot *s, const json_t *groups, struct refusal *why)
	__attribute__((warn_unused_result));

#endif
