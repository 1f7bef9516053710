/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listens behind every gateway's ports for gratuitous ARP: who announced which address, and when.
 */
#ifndef HA_HERALD_H
#define HA_HERALD_H

#include "lab.h"

struct event_base;
struct herald;

/** Begins to listen in the lab's switch, on its present ports; all borrowed. 0 or -errno. */
int herald_new(struct event_base *base, const struct lab *lab, struct herald **out)
	__attribute__((warn_unused_result));
void herald_free(struct herald *h);
/** When a gateway last announced layout.vip[vip]; zero: never. */
mono herald_last(const struct herald *h, size_t vip, size_t gateway);

#endif
