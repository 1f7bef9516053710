/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can happen to a node in a drill. Each sets the zero of the result's timeline and adds the
 * fault to it; 0 or -errno with the reason in result->why.
 */
#ifndef HA_FAULT_H
#define HA_FAULT_H

#include "stage.h"

/** An administrator runs `hactl failover` on the node. */
int fault_planned(struct stage *s, size_t node) __attribute__((warn_unused_result));
/** All processes stop and all links go at once. */
int fault_power_loss(struct stage *s, size_t node) __attribute__((warn_unused_result));
/** vrrpd is killed and nobody restarts it. */
int fault_vrrpd_kill(struct stage *s, size_t node) __attribute__((warn_unused_result));
/** A node without power comes back: links, then daemons. */
int fault_power_on(struct stage *s, size_t node) __attribute__((warn_unused_result));

#endif
