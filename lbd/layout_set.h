/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sets and maps of table inet hapair_lb: key and data types, sizes, and the user data that make
 * the distribution's nft list them and load its own listing again. Callers: layout.c, dataplane.c.
 */
#ifndef HA_LAYOUT_SET_H
#define HA_LAYOUT_SET_H

#include "layout.h"
#include "plan.h"

/** Appends the creation of a set, empty. */
void layout_set_add(struct nft_tx *tx, enum plan_set set, const struct layout_params *params);
/** Id of the set inside the transaction that creates it. */
uint32_t layout_set_id(enum plan_set set);

#endif
