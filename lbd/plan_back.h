/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which VIP a server's TCP port belongs to. A gateway that has just taken over without state meets
 * servers speaking on connections it never heard of; it gives such a segment the VIP as source.
 * That is only right where exactly one VIP claims the (server, port).
 */
#ifndef HA_PLAN_BACK_H
#define HA_PLAN_BACK_H

#include "plan.h"

/**
 * Appends the elements of map back4 for conf: for every server the ranges of TCP ports that exactly
 * one VIP address maps to it; what two claim is left out. Returns false when out of memory.
 */
bool plan_back_build(struct plan_list *list, const struct conf *conf)
	__attribute__((warn_unused_result));

#endif
