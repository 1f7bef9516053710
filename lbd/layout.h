/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fixed part of table inet hapair_lb as operations of one transaction: sets, chains, rules.
 * Caller: dataplane.c. `nft list table inet hapair_lb` shows it in nft's notation.
 */
#ifndef HA_LAYOUT_H
#define HA_LAYOUT_H

#include "nft_tx.h"

#include <stddef.h>
#include <stdint.h>

enum {
	LAYOUT_VERSION = 1, /**< raised when sets, chains or rules change */
};

/** What of the layout depends on the configuration. */
struct layout_params {
	uint32_t table_flags;  /**< NFT_TABLE_F_* */
	uint32_t seed;         /**< of the client hash */
	uint32_t buckets;      /**< M */
	uint32_t tbl_capacity; /**< elements that map tbl4 can hold */
};

/** Appends the whole table, without elements. */
void layout_create(struct nft_tx *tx, const struct layout_params *params);
/** Appends the table alone: creates it, or takes over one whose owner is gone. */
void layout_claim(struct nft_tx *tx, const struct layout_params *params);
/** Appends the emptying and re-writing of the one chain that holds seed and M. */
void layout_rewrite_pick(struct nft_tx *tx, const struct layout_params *params);
/**
 * Reads version and capacity from a table's user data. Returns 0 with *tbl_capacity, or -EINVAL
 * when this table is not of our version.
 */
int layout_recognise(const struct nft_table_info *info, uint32_t *tbl_capacity)
	__attribute__((warn_unused_result));

#endif
