// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One function per nftables expression over libnftnl's generic attribute setters.
 */
#include "nft_expr.h"

#include "nft_tx.h"

#include <stdio.h> /* libnftnl/expr.h uses FILE without it */

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter/nf_tables.h>

uint32_t nft_table_protection(struct nft_tx *tx, uint32_t family, const char *scratch)
{
	uint32_t flags = NFT_TABLE_F_OWNER | NFT_TABLE_PERSIST;
	struct nftnl_table *t = nftnl_table_alloc();
	if (t != NULL) {
		nftnl_table_set_str(t, NFTNL_TABLE_NAME, scratch);
		nftnl_table_set_u32(t, NFTNL_TABLE_FLAGS, flags);
	}
	nft_tx_begin(tx);
	nft_tx_add_table(tx, family, t, "probe table flags");
	nft_tx_purge_table(tx, family, scratch);
	return nft_tx_commit(tx, NULL) == 0 ? flags : 0;
}

void nft_rule_init(struct nft_rule *r, const char *table, const char *chain)
{
	*r = (struct nft_rule){.rule = nftnl_rule_alloc()};
	if (r->rule == NULL || nftnl_rule_set_str(r->rule, NFTNL_RULE_TABLE, table) != 0 ||
	    nftnl_rule_set_str(r->rule, NFTNL_RULE_CHAIN, chain) != 0)
		r->failed = true;
}

struct nftnl_rule *nft_rule_take(struct nft_rule *r)
{
	struct nftnl_rule *rule = r->rule;
	r->rule = NULL;
	if (r->failed && rule != NULL) {
		nftnl_rule_free(rule);
		rule = NULL;
	}
	return rule;
}

/* NULL when out of memory, which the rule remembers. */
static struct nftnl_expr *expr_new(struct nft_rule *r, const char *name)
{
	if (r->failed)
		return NULL;
	struct nftnl_expr *e = nftnl_expr_alloc(name);
	if (e == NULL)
		r->failed = true;
	return e;
}

static void expr_set_data(struct nft_rule *r, struct nftnl_expr *e, uint16_t attr, const void *data,
			  uint32_t len_bytes)
{
	if (nftnl_expr_set(e, attr, data, len_bytes) < 0)
		r->failed = true;
}

static void expr_set_str(struct nft_rule *r, struct nftnl_expr *e, uint16_t attr, const char *text)
{
	if (nftnl_expr_set_str(e, attr, text) < 0)
		r->failed = true;
}

void nft_expr_payload(struct nft_rule *r, uint32_t base, uint32_t offset_bytes, uint32_t len_bytes,
		      uint32_t dreg)
{
	struct nftnl_expr *e = expr_new(r, "payload");
	if (e == NULL)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset_bytes);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len_bytes);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, dreg);
	nftnl_rule_add_expr(r->rule, e);
}

void nft_expr_meta(struct nft_rule *r, uint32_t key, uint32_t dreg)
{
	struct nftnl_expr *e = expr_new(r, "meta");
	if (e == NULL)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, dreg);
	nftnl_rule_add_expr(r->rule, e);
}

void nft_expr_ct(struct nft_rule *r, uint32_t key, uint32_t dreg)
{
	struct nftnl_expr *e = expr_new(r, "ct");
	if (e == NULL)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, dreg);
	nftnl_rule_add_expr(r->rule, e);
}

void nft_expr_ct_set(struct nft_rule *r, uint32_t key, uint32_t sreg)
{
	struct nftnl_expr *e = expr_new(r, "ct");
	if (e == NULL)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_SREG, sreg);
	nftnl_rule_add_expr(r->rule, e);
}

void nft_expr_cmp(struct nft_rule *r, uint32_t sreg, uint32_t op, const void *data,
		  uint32_t len_bytes)
{
	struct nftnl_expr *e = expr_new(r, "cmp");
	if (e == NULL)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, sreg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	expr_set_data(r, e, NFTNL_EXPR_CMP_DATA, data, len_bytes);
	nftnl_rule_add_expr(r->rule, e);
}

void nft_expr_cmp_u8(struct nft_rule *r, uint32_t sreg, uint32_t op, uint8_t value)
{
	nft_expr_cmp(r, sreg, op, &value, sizeof(value));
}

void nft_expr_cmp_u32(struct nft_rule *r, uint32_t sreg, uint32_t op, uint32_t value)
{
	nft_expr_cmp(r, sreg, op, &value, sizeof(value));
}

void nft_expr_bitwise(struct nft_rule *r, uint32_t sreg, uint32_t dreg, const void *mask,
		      const void *xor_with, uint32_t len_bytes)
{
	struct nftnl_expr *e = expr_new(r, "bitwise");
	if (e == NULL)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, sreg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, dreg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, len_bytes);
	expr_set_data(r, e, NFTNL_EXPR_BITWISE_MASK, mask, len_bytes);
	expr_set_data(r, e, NFTNL_EXPR_BITWISE_XOR, xor_with, len_bytes);
	nftnl_rule_add_expr(r->rule, e);
}

static struct nftnl_expr *lookup_new(struct nft_rule *r, uint32_t sreg, const char *set,
				     uint32_t set_id)
{
	struct nftnl_expr *e = expr_new(r, "lookup");
	if (e == NULL)
		return NULL;
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, sreg);
	expr_set_str(r, e, NFTNL_EXPR_LOOKUP_SET, set);
	if (set_id != 0)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SET_ID, set_id);
	nftnl_rule_add_expr(r->rule, e);
	return e;
}

void nft_expr_lookup(struct nft_rule *r, uint32_t sreg, const char *set, uint32_t set_id,
		     bool inverted)
{
	struct nftnl_expr *e = lookup_new(r, sreg, set, set_id);
	if (e != NULL && inverted)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

void nft_expr_map(struct nft_rule *r, uint32_t sreg, const char *map, uint32_t set_id,
		  uint32_t dreg)
{
	struct nftnl_expr *e = lookup_new(r, sreg, map, set_id);
	if (e != NULL)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, dreg);
}

void nft_expr_dynset_update(struct nft_rule *r, uint32_t sreg, const char *set, uint32_t set_id,
			    uint64_t timeout_ms)
{
	struct nftnl_expr *e = expr_new(r, "dynset");
	if (e == NULL)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, sreg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	expr_set_str(r, e, NFTNL_EXPR_DYNSET_SET_NAME, set);
	if (set_id != 0)
		nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SET_ID, set_id);
	if (timeout_ms != 0)
		nftnl_expr_set_u64(e, NFTNL_EXPR_DYNSET_TIMEOUT, timeout_ms);
	nftnl_rule_add_expr(r->rule, e);
}

void nft_expr_immediate(struct nft_rule *r, uint32_t dreg, const void *data, uint32_t len_bytes)
{
	struct nftnl_expr *e = expr_new(r, "immediate");
	if (e == NULL)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, dreg);
	expr_set_data(r, e, NFTNL_EXPR_IMM_DATA, data, len_bytes);
	nftnl_rule_add_expr(r->rule, e);
}

void nft_expr_verdict(struct nft_rule *r, int verdict, const char *chain)
{
	struct nftnl_expr *e = expr_new(r, "immediate");
	if (e == NULL)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (chain != NULL)
		expr_set_str(r, e, NFTNL_EXPR_IMM_CHAIN, chain);
	nftnl_rule_add_expr(r->rule, e);
}

void nft_expr_jhash(struct nft_rule *r, uint32_t sreg, uint32_t len_bytes, uint32_t modulus,
		    uint32_t seed, uint32_t dreg)
{
	struct nftnl_expr *e = expr_new(r, "hash");
	if (e == NULL)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_TYPE, NFT_HASH_JENKINS);
	nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_SREG, sreg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_DREG, dreg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_LEN, len_bytes);
	nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_MODULUS, modulus);
	nftnl_expr_set_u32(e, NFTNL_EXPR_HASH_SEED, seed);
	nftnl_rule_add_expr(r->rule, e);
}

void nft_expr_nat(struct nft_rule *r, uint32_t type, uint32_t family, uint32_t reg_addr)
{
	struct nftnl_expr *e = expr_new(r, "nat");
	if (e == NULL)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_TYPE, type);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FAMILY, family);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, reg_addr);
	nftnl_rule_add_expr(r->rule, e);
}

void nft_expr_reject(struct nft_rule *r, uint32_t type, uint8_t code)
{
	struct nftnl_expr *e = expr_new(r, "reject");
	if (e == NULL)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, type);
	nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, code);
	nftnl_rule_add_expr(r->rule, e);
}
