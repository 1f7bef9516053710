// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules of the load balancer as objects. NAT chains see only the first packet of a flow, so an
 * established packet pays for connection tracking and nothing else. Values pass from rule to rule
 * in the conntrack mark: registers do not survive the end of a rule.
 *
 *   pre, out: ct mark set (VIP . protocol . port) -> pool mark, goto pick    exact ports, then
 * ranges pick:     ct mark set (pool mark . jhash(client)) -> server mark, goto dn; nobody: refuse
 *   dn:       dnat to (server mark) -> address
 *   post:     a mid-stream segment of a server, on a connection unknown here: source becomes the
 * VIP input:    what reaches this machine itself on a VIP goes to chain vip
 */
#include "layout.h"

#include "dataplane.h"
#include "layout_set.h"
#include "nft_expr.h"

#include <errno.h>
#include <netinet/in.h> /* before the kernel's headers, which give way to it */
#include <stdio.h>      /* libnftnl's headers use FILE without it */

#include <libnftnl/chain.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>

static const char table_name[] = DATAPLANE_TABLE;

enum {
	FAMILY = NFPROTO_INET,
	/* Offsets in headers. */
	IPV4_SADDR = 12,
	IPV4_DADDR = 16,
	TH_SPORT = 0,
	TH_DPORT = 2,
	TCP_FLAGS = 13,
	/* Bits of the TCP flags. */
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

/* The events our connections raise at all; everything else stays silent in the kernel. */
static const uint32_t event_mask = 1U << IPCT_ASSURED | 1U << IPCT_DESTROY;

/* --- parts of rules -------------------------------------------------------------------------- */

static void match_ipv4(struct nft_rule *r)
{
	nft_expr_meta(r, NFT_META_NFPROTO, NFT_REG_1);
	nft_expr_cmp_u8(r, NFT_REG_1, NFT_CMP_EQ, NFPROTO_IPV4);
}

static void match_l4proto(struct nft_rule *r, uint8_t proto)
{
	nft_expr_meta(r, NFT_META_L4PROTO, NFT_REG_1);
	nft_expr_cmp_u8(r, NFT_REG_1, NFT_CMP_EQ, proto);
}

static void match_tcp_flags(struct nft_rule *r, uint8_t mask, uint8_t value)
{
	static const uint8_t zero = 0;
	match_l4proto(r, IPPROTO_TCP);
	nft_expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS, 1, NFT_REG_1);
	nft_expr_bitwise(r, NFT_REG_1, NFT_REG_1, &mask, &zero, sizeof(mask));
	nft_expr_cmp_u8(r, NFT_REG_1, NFT_CMP_EQ, value);
}

static void match_ct_direction(struct nft_rule *r, uint8_t direction)
{
	nft_expr_ct(r, NFT_CT_DIRECTION, NFT_REG_1);
	nft_expr_cmp_u8(r, NFT_REG_1, NFT_CMP_EQ, direction);
}

/* Register 1 := map[address . protocol . port], from either end of the packet. */
static void map_endpoint(struct nft_rule *r, uint32_t addr_offset, uint32_t port_offset,
			 enum plan_set map)
{
	nft_expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, addr_offset, 4, NFT_REG_1);
	nft_expr_meta(r, NFT_META_L4PROTO, NFT_REG32_01);
	nft_expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, port_offset, 2, NFT_REG32_02);
	nft_expr_map(r, NFT_REG_1, plan_shape(map)->name, layout_set_id(map), NFT_REG_1);
}

static void rule_init(struct nft_rule *r, const char *chain)
{
	nft_rule_init(r, table_name, chain);
}

static void rule_done(struct nft_tx *tx, struct nft_rule *r, const char *what)
{
	nft_tx_add_rule(tx, FAMILY, nft_rule_take(r), what);
}

/* --- rules ----------------------------------------------------------------------------------- */

/* A service port becomes its pool's mark; then `verdict` (into pick, or the end). */
static void rule_service(struct nft_tx *tx, const char *chain, enum plan_set map, bool choose)
{
	struct nft_rule r;
	rule_init(&r, chain);
	match_ipv4(&r);
	map_endpoint(&r, IPV4_DADDR, TH_DPORT, map);
	nft_expr_ct_set(&r, NFT_CT_MARK, NFT_REG_1);
	if (choose)
		nft_expr_verdict(&r, NFT_GOTO, "pick");
	else
		nft_expr_verdict(&r, NF_DROP, NULL);
	rule_done(tx, &r, "rule: service ports");
}

static void rules_pick(struct nft_tx *tx, const struct layout_params *params)
{
	struct nft_rule r;
	rule_init(&r, "pick");
	nft_expr_immediate(&r, NFT_REG_1, &event_mask, sizeof(event_mask));
	nft_expr_ct_set(&r, NFT_CT_EVENTMASK, NFT_REG_1);
	rule_done(tx, &r, "rule: limit conntrack events (kernel option NF_CONNTRACK_EVENTS)");

	rule_init(&r, "pick");
	match_ipv4(&r);
	nft_expr_ct(&r, NFT_CT_MARK, NFT_REG_1);
	nft_expr_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, IPV4_SADDR, 4, NFT_REG_2);
	nft_expr_jhash(&r, NFT_REG_2, 4, params->buckets, params->seed, NFT_REG32_01);
	nft_expr_map(&r, NFT_REG_1, plan_shape(PLAN_TBL4)->name, layout_set_id(PLAN_TBL4),
		     NFT_REG_1);
	nft_expr_ct_set(&r, NFT_CT_MARK, NFT_REG_1);
	nft_expr_verdict(&r, NFT_GOTO, "dn");
	rule_done(tx, &r, "rule: choose a server (kernel option NFT_HASH)");

	/* Nobody is up: say so at once instead of letting the client wait. */
	rule_init(&r, "pick");
	match_l4proto(&r, IPPROTO_TCP);
	nft_expr_reject(&r, NFT_REJECT_TCP_RST, 0);
	rule_done(tx, &r, "rule: refuse TCP when no server is up");
	rule_init(&r, "pick");
	nft_expr_reject(&r, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_PORT_UNREACH);
	rule_done(tx, &r, "rule: refuse UDP when no server is up");
}

static void rules_nat(struct nft_tx *tx)
{
	struct nft_rule r;
	rule_init(&r, "dn");
	match_ipv4(&r);
	nft_expr_ct(&r, NFT_CT_MARK, NFT_REG_1);
	nft_expr_map(&r, NFT_REG_1, plan_shape(PLAN_BE4)->name, layout_set_id(PLAN_BE4), NFT_REG_1);
	nft_expr_nat(&r, NFT_NAT_DNAT, NFPROTO_IPV4, NFT_REG_1);
	rule_done(tx, &r, "rule: translate to the server (kernel option NFT_NAT)");

	rule_init(&r, "post");
	match_ct_direction(&r, IP_CT_DIR_ORIGINAL);
	match_tcp_flags(&r, TCP_SYN | TCP_ACK, TCP_ACK);
	match_ipv4(&r);
	map_endpoint(&r, IPV4_SADDR, TH_SPORT, PLAN_BACK4);
	nft_expr_nat(&r, NFT_NAT_SNAT, NFPROTO_IPV4, NFT_REG_1);
	rule_done(tx, &r, "rule: return path of servers");
}

/*
 * What arrives for this machine itself on a VIP. A new connection to a service port can get here
 * only in the instant between two generations of elements: dropped, its next attempt finds the new
 * ones. A segment of a connection nobody can place is dropped too, never answered by our own stack:
 * a reset would kill a session that another rule, or the other gateway, still knows.
 */
static void rules_vip(struct nft_tx *tx)
{
	struct nft_rule r;
	rule_init(&r, "input");
	match_ipv4(&r);
	nft_expr_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, IPV4_DADDR, 4, NFT_REG_1);
	nft_expr_lookup(&r, NFT_REG_1, plan_shape(PLAN_VIP4)->name, layout_set_id(PLAN_VIP4),
			false);
	nft_expr_verdict(&r, NFT_GOTO, "vip");
	rule_done(tx, &r, "rule: guard virtual addresses");

	/* Answers to connections that this machine itself opened from the VIP. */
	rule_init(&r, "vip");
	match_ct_direction(&r, IP_CT_DIR_REPLY);
	nft_expr_verdict(&r, NF_ACCEPT, NULL);
	rule_done(tx, &r, "rule: answers to this machine");

	rule_service(tx, "vip", PLAN_SVC4, false);
	rule_service(tx, "vip", PLAN_RANGE4, false);

	rule_init(&r, "vip");
	match_tcp_flags(&r, TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK, TCP_SYN);
	nft_expr_reject(&r, NFT_REJECT_TCP_RST, 0);
	rule_done(tx, &r, "rule: refuse TCP ports that are no service");
	rule_init(&r, "vip");
	match_l4proto(&r, IPPROTO_TCP);
	nft_expr_verdict(&r, NF_DROP, NULL);
	rule_done(tx, &r, "rule: never answer for a lost TCP connection");
	rule_init(&r, "vip");
	match_l4proto(&r, IPPROTO_UDP);
	nft_expr_reject(&r, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_PORT_UNREACH);
	rule_done(tx, &r, "rule: refuse UDP ports that are no service");
}

/* --- table and chains ------------------------------------------------------------------------ */

struct chain_hook {
	const char *name;
	const char *type; /* NULL: reached by goto only */
	uint32_t hook;
	int32_t priority;
};

static const struct chain_hook chains[] = {
	{"dn", NULL, 0, 0},
	{"pick", NULL, 0, 0},
	{"vip", NULL, 0, 0},
	{"pre", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST},
	{"out", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST},
	{"post", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC},
	{"input", "filter", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER},
};

static void add_chain(struct nft_tx *tx, const struct chain_hook *chain)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	if (c != NULL) {
		nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, table_name);
		nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, chain->name);
	}
	if (c != NULL && chain->type != NULL) {
		nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, chain->type);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, chain->hook);
		nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, chain->priority);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	char what[64];
	snprintf(what, sizeof(what), "chain %s%s", chain->name,
		 chain->type != NULL ? " (kernel option NFT_CHAIN_NAT)" : "");
	nft_tx_add_chain(tx, FAMILY, c, what);
}

static const char comment_format[] = "hapair layout %u capacity %u";

static struct nftnl_table *table_object(const struct layout_params *params)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct nftnl_udata_buf *udata = nftnl_udata_buf_alloc(NFT_UDATA_MAX_BYTES);
	if (t != NULL && udata != NULL) {
		char comment[NFTNL_UDATA_COMMENT_MAXLEN];
		snprintf(comment, sizeof(comment), comment_format, (unsigned)LAYOUT_VERSION,
			 params->tbl_capacity);
		nftnl_udata_put_strz(udata, NFTNL_UDATA_TABLE_COMMENT, comment);
		nftnl_table_set_str(t, NFTNL_TABLE_NAME, table_name);
		nftnl_table_set_data(t, NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(udata),
				     nftnl_udata_buf_len(udata));
		if (params->table_flags != 0)
			nftnl_table_set_u32(t, NFTNL_TABLE_FLAGS, params->table_flags);
	} else if (t != NULL) {
		nftnl_table_free(t);
		t = NULL;
	}
	if (udata != NULL)
		nftnl_udata_buf_free(udata);
	return t;
}

int layout_recognise(const struct nft_table_info *info, uint32_t *tbl_capacity)
{
	/* One attribute: type, length, text with its NUL. */
	char text[NFT_UDATA_MAX_BYTES];
	if (info->udata_len_bytes < 3 || info->udata[0] != NFTNL_UDATA_TABLE_COMMENT ||
	    (size_t)info->udata[1] + 2 > info->udata_len_bytes)
		return -EINVAL;
	strlcpy(text, (const char *)info->udata + 2, info->udata[1]);
	unsigned version = 0;
	unsigned capacity = 0;
	if (sscanf(text, comment_format, &version, &capacity) != 2 || version != LAYOUT_VERSION)
		return -EINVAL;
	*tbl_capacity = capacity;
	return 0;
}

void layout_claim(struct nft_tx *tx, const struct layout_params *params)
{
	nft_tx_add_table(tx, FAMILY, table_object(params), "table inet " DATAPLANE_TABLE);
}

void layout_rewrite_pick(struct nft_tx *tx, const struct layout_params *params)
{
	nft_tx_flush_chain(tx, FAMILY, table_name, "pick", "empty chain pick");
	rules_pick(tx, params);
}

void layout_create(struct nft_tx *tx, const struct layout_params *params)
{
	layout_claim(tx, params);
	for (int set = 0; set < PLAN_SET_N; set++)
		layout_set_add(tx, (enum plan_set)set, params);
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
		add_chain(tx, &chains[i]);
	static const char *const entries[] = {"pre", "out"};
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		rule_service(tx, entries[i], PLAN_SVC4, true);
		rule_service(tx, entries[i], PLAN_RANGE4, true);
	}
	rules_pick(tx, params);
	rules_nat(tx);
	rules_vip(tx);
}
