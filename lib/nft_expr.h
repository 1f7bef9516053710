/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules as objects: one short call per nftables expression, appended to a rule under construction.
 * Callers: lbd's data plane and vrrpd's lease. Running out of memory is remembered in the rule and
 * surfaces as NULL from nft_rule_take(), which nft_tx_add_rule() reports at the commit; a rule with
 * a missing match can therefore never reach the kernel.
 *
 * Registers are NFT_REG_1.. (16 bytes each) or NFT_REG32_00.. (4 bytes each); register numbers,
 * operations and keys are those of linux/netfilter/nf_tables.h. They do not keep their value from
 * one rule to the next.
 */
#ifndef HA_NFT_EXPR_H
#define HA_NFT_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nft_tx;
struct nftnl_expr;
struct nftnl_rule;

enum {
	/* Newer than the headers: rules outlive their owner, and a new owner may claim them. */
	NFT_TABLE_PERSIST = 0x4,
};

/**
 * Flags that protect a table from other programs: owner with persist, or 0 where this kernel does
 * not know persist (the rules of a crashed owner would go with it). Creates and deletes a table
 * called `scratch` in one transaction.
 */
uint32_t nft_table_protection(struct nft_tx *tx, uint32_t family, const char *scratch);

/** A rule under construction. */
struct nft_rule {
	struct nftnl_rule *rule;
	bool failed; /**< out of memory somewhere: nft_rule_take() gives NULL */
};

/** Starts an empty rule for the chain. Nothing is kept of the strings. */
void nft_rule_init(struct nft_rule *r, const char *table, const char *chain);
/** The finished rule, to be given to nft_tx_add_rule(); NULL when memory ran out. */
struct nftnl_rule *nft_rule_take(struct nft_rule *r);

/** dreg = len bytes at offset of the header `base` (NFT_PAYLOAD_*). */
void nft_expr_payload(struct nft_rule *r, uint32_t base, uint32_t offset_bytes, uint32_t len_bytes,
		      uint32_t dreg);
/** dreg = meta key (NFT_META_*). */
void nft_expr_meta(struct nft_rule *r, uint32_t key, uint32_t dreg);
/** dreg = conntrack key without direction (NFT_CT_*). */
void nft_expr_ct(struct nft_rule *r, uint32_t key, uint32_t dreg);
/** conntrack key = sreg. */
void nft_expr_ct_set(struct nft_rule *r, uint32_t key, uint32_t sreg);
/** Goes on when sreg `op` (NFT_CMP_*) data holds. */
void nft_expr_cmp(struct nft_rule *r, uint32_t sreg, uint32_t op, const void *data,
		  uint32_t len_bytes);
void nft_expr_cmp_u8(struct nft_rule *r, uint32_t sreg, uint32_t op, uint8_t value);
/** value in host byte order, as meta and conntrack keys are. */
void nft_expr_cmp_u32(struct nft_rule *r, uint32_t sreg, uint32_t op, uint32_t value);
/** dreg = (sreg & mask) ^ xor; mask and xor have len bytes. */
void nft_expr_bitwise(struct nft_rule *r, uint32_t sreg, uint32_t dreg, const void *mask,
		      const void *xor_with, uint32_t len_bytes);
/** Goes on when the key in sreg is in the set (not in it: inverted). set_id as in nft_tx.h. */
void nft_expr_lookup(struct nft_rule *r, uint32_t sreg, const char *set, uint32_t set_id,
		     bool inverted);
/** dreg = map[sreg]; goes on when there was an element. */
void nft_expr_map(struct nft_rule *r, uint32_t sreg, const char *map, uint32_t set_id,
		  uint32_t dreg);
/** Adds the key in sreg to a dynamic set, or restarts its time. timeout_ms 0: the set's own. */
void nft_expr_dynset_update(struct nft_rule *r, uint32_t sreg, const char *set, uint32_t set_id,
			    uint64_t timeout_ms);
/** dreg = the bytes of data. */
void nft_expr_immediate(struct nft_rule *r, uint32_t dreg, const void *data, uint32_t len_bytes);
/** Ends with a verdict: NF_ACCEPT, NF_DROP, NFT_GOTO, NFT_JUMP, NFT_RETURN; chain for the jumps. */
void nft_expr_verdict(struct nft_rule *r, int verdict, const char *chain);
/** dreg = reciprocal_scale(jhash(len bytes of sreg, seed), modulus). */
void nft_expr_jhash(struct nft_rule *r, uint32_t sreg, uint32_t len_bytes, uint32_t modulus,
		    uint32_t seed, uint32_t dreg);
/** Rewrites destination (NFT_NAT_DNAT) or source (NFT_NAT_SNAT) to the address in reg_addr. */
void nft_expr_nat(struct nft_rule *r, uint32_t type, uint32_t family, uint32_t reg_addr);
/** Ends with a refusal: NFT_REJECT_*; code for the ICMP kinds. */
void nft_expr_reject(struct nft_rule *r, uint32_t type, uint8_t code);

#endif
