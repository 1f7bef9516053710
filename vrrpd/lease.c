// SPDX-License-Identifier: GPL-2.0-or-later
#include "lease.h"

#include "nft_expr.h"
#include "nft_tx.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PROTOCOL_VRRP = 112,
	IP_PROTOCOL_OFFSET = 9,
	PRIORITY_OFFSET = 20 + 2,  /* our own packets have no IP options */
	NFT_TYPE_IFACE_INDEX = 20, /* nft's numbers: they make `nft list` print names */
	NFT_BYTEORDER_HOST = 1,
	USER_DATA_MAX = 64,
	SET_SIZE = 256,
	SET_LEASE_ID = 1,
	SET_ANSWER_ID = 2,
	CHAIN_NAME_MAX = LEASE_IFNAME_MAX + 8,
	WHAT_MAX = 64,
	ADDED_TO_DELETE_MS = 60000, /* must not run out inside its own transaction */
};

static const char table_name[] = LEASE_TABLE;
static const char set_lease[] = "lease";
static const char set_answer[] = "answer";

struct lease {
	struct nft_tx *tx;
	uint32_t table_flags;
};

int lease_open(struct lease **out)
{
	struct lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return -ENOMEM;
	int err = nft_tx_open(&lease->tx);

	if (err) {
		free(lease);
		return err;
	}
	lease->table_flags = nft_table_protection(lease->tx, NFPROTO_NETDEV, LEASE_TABLE "_probe");
	*out = lease;
	return 0;
}

uint32_t lease_portid(const struct lease *lease)
{
	return nft_tx_portid(lease->tx);
}

bool lease_is_protected(const struct lease *lease)
{
	return lease->table_flags != 0;
}

bool lease_exists(struct lease *lease)
{
	struct nft_table_info info;

	return nft_tx_get_table(lease->tx, NFPROTO_NETDEV, table_name, &info) == 0;
}

void lease_close(struct lease *lease)
{
	if (!lease)
		return;
	nft_tx_close(lease->tx);
	free(lease);
}

/** Says what is missing where a bare errno would not. */
static void explain(const struct nft_tx_error *cause, struct lease_error *out)
{
	const char *remedy = "";

	if (strstr(cause->text, "egress"))
		remedy = "; the kernel needs a netdev egress hook: Linux 5.16 or later with "
			 "CONFIG_NETFILTER_EGRESS";
	else if (cause->err == EOPNOTSUPP || cause->err == EAFNOSUPPORT ||
		 cause->err == EPROTONOSUPPORT)
		remedy = "; the kernel needs nf_tables with netdev tables: CONFIG_NF_TABLES and "
			 "CONFIG_NF_TABLES_NETDEV (try: modprobe nf_tables)";
	else if (cause->err == EPERM)
		remedy = "; needs CAP_NET_ADMIN";
	snprintf(out->text, sizeof(out->text), "nft table netdev %s: %s%s", table_name, cause->text,
		 remedy);
}

static void add_table(struct nft_tx *tx, uint32_t flags)
{
	struct nftnl_table *t = nftnl_table_alloc();

	if (t) {
		nftnl_table_set_str(t, NFTNL_TABLE_NAME, table_name);
		nftnl_table_set_u32(t, NFTNL_TABLE_FLAGS, flags);
	}
	nft_tx_add_table(tx, NFPROTO_NETDEV, t, "create table");
}

static void describe_key(struct nftnl_set *s)
{
	struct nftnl_udata_buf *data = nftnl_udata_buf_alloc(USER_DATA_MAX);

	if (!data)
		return; /* only how a listing looks */
	if (nftnl_udata_put_u32(data, NFTNL_UDATA_SET_KEYBYTEORDER, NFT_BYTEORDER_HOST))
		nftnl_set_set_data(s, NFTNL_SET_USERDATA, nftnl_udata_buf_data(data),
				   nftnl_udata_buf_len(data));
	nftnl_udata_buf_free(data);
}

static void add_set(struct nft_tx *tx, const char *name, uint32_t id)
{
	struct nftnl_set *s = nftnl_set_alloc();

	if (s) {
		nftnl_set_set_str(s, NFTNL_SET_TABLE, table_name);
		nftnl_set_set_str(s, NFTNL_SET_NAME, name);
		nftnl_set_set_u32(s, NFTNL_SET_FAMILY, NFPROTO_NETDEV);
		nftnl_set_set_u32(s, NFTNL_SET_ID, id);
		nftnl_set_set_u32(s, NFTNL_SET_FLAGS, NFT_SET_EVAL | NFT_SET_TIMEOUT);
		nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, NFT_TYPE_IFACE_INDEX);
		nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, sizeof(uint32_t));
		nftnl_set_set_u32(s, NFTNL_SET_DESC_SIZE, SET_SIZE);
		describe_key(s);
	}
	nft_tx_add_set(tx, NFPROTO_NETDEV, s, "create set with time-outs");
}

static void add_chain(struct nft_tx *tx, const char *chain, const char *device, uint32_t hook)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	char what[WHAT_MAX];

	if (c) {
		nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, table_name);
		nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, chain);
		nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
		nftnl_chain_set_str(c, NFTNL_CHAIN_DEV, device);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook);
		nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, 0);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	snprintf(what, sizeof(what), "%s hook on %s",
		 hook == NF_NETDEV_EGRESS ? "egress" : "ingress", device);
	nft_tx_add_chain(tx, NFPROTO_NETDEV, c, what);
}

static void match_vrrp(struct nft_rule *r)
{
	uint16_t ipv4_be16 = htons(ETH_P_IP);

	nft_expr_meta(r, NFT_META_PROTOCOL, NFT_REG_1);
	nft_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, &ipv4_be16, sizeof(ipv4_be16));
	nft_expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, IP_PROTOCOL_OFFSET, 1, NFT_REG_1);
	nft_expr_cmp_u8(r, NFT_REG_1, NFT_CMP_EQ, PROTOCOL_VRRP);
}

static void start_vrrp_rule(struct nft_rule *r, const char *chain, uint32_t mark)
{
	nft_rule_init(r, table_name, chain);
	match_vrrp(r);
	if (!mark)
		return;
	nft_expr_meta(r, NFT_META_MARK, NFT_REG_1);
	nft_expr_cmp_u32(r, NFT_REG_1, NFT_CMP_EQ, mark);
}

/** oif @if_in update @set { oif timeout ... } */
static void update_if(struct nft_rule *r, const char *if_in, const char *set, uint64_t timeout_ms)
{
	nft_expr_meta(r, NFT_META_OIF, NFT_REG_1);
	nft_expr_lookup(r, NFT_REG_1, if_in, if_in == set_lease ? SET_LEASE_ID : SET_ANSWER_ID,
			false);
	nft_expr_meta(r, NFT_META_OIF, NFT_REG_1);
	nft_expr_dynset_update(r, NFT_REG_1, set, set == set_lease ? SET_LEASE_ID : SET_ANSWER_ID,
			       timeout_ms);
}

/** Frames that only keep up what is open, and shortly. */
static void add_hold_rules(struct nft_tx *tx, const char *chain, uint64_t hold_ms)
{
	struct nft_rule r;

	start_vrrp_rule(&r, chain, LEASE_MARK_HOLD);
	update_if(&r, set_answer, set_answer, hold_ms);
	nft_tx_add_rule(tx, NFPROTO_NETDEV, nft_rule_take(&r), "rule: hold answers");

	start_vrrp_rule(&r, chain, LEASE_MARK_HOLD);
	update_if(&r, set_lease, set_lease, hold_ms);
	nft_tx_add_rule(tx, NFPROTO_NETDEV, nft_rule_take(&r), "rule: hold the lease");

	start_vrrp_rule(&r, chain, LEASE_MARK_HOLD);
	nft_expr_verdict(&r, NF_DROP, NULL);
	nft_tx_add_rule(tx, NFPROTO_NETDEV, nft_rule_take(&r), "rule: end of holding frames");
}

static void add_egress_rules(struct nft_tx *tx, const char *chain, uint64_t timeout_ms)
{
	struct nft_rule r;

	start_vrrp_rule(&r, chain, 0);
	nft_expr_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, PRIORITY_OFFSET, 1, NFT_REG_1);
	nft_expr_cmp_u8(&r, NFT_REG_1, NFT_CMP_EQ, 0);
	nft_expr_verdict(&r, NF_ACCEPT, NULL);
	nft_tx_add_rule(tx, NFPROTO_NETDEV, nft_rule_take(&r), "rule: priority 0");

	start_vrrp_rule(&r, chain, LEASE_MARK_ANSWER);
	update_if(&r, set_lease, set_answer, timeout_ms);
	nft_tx_add_rule(tx, NFPROTO_NETDEV, nft_rule_take(&r), "rule: answer ARP");

	start_vrrp_rule(&r, chain, 0);
	nft_expr_meta(&r, NFT_META_OIF, NFT_REG_1);
	nft_expr_dynset_update(&r, NFT_REG_1, set_lease, SET_LEASE_ID, timeout_ms);
	nft_expr_verdict(&r, NF_ACCEPT, NULL);
	nft_tx_add_rule(tx, NFPROTO_NETDEV, nft_rule_take(&r), "rule: renew the lease");

	nft_rule_init(&r, table_name, chain);
	nft_expr_meta(&r, NFT_META_OIF, NFT_REG_1);
	nft_expr_lookup(&r, NFT_REG_1, set_lease, SET_LEASE_ID, true);
	nft_expr_verdict(&r, NF_DROP, NULL);
	nft_tx_add_rule(tx, NFPROTO_NETDEV, nft_rule_take(&r), "rule: shut way out");
}

static void add_ingress_rules(struct nft_tx *tx, const char *chain)
{
	uint16_t arp_be16 = htons(ETH_P_ARP);
	struct nft_rule r;

	nft_rule_init(&r, table_name, chain);
	nft_expr_meta(&r, NFT_META_PROTOCOL, NFT_REG_1);
	nft_expr_cmp(&r, NFT_REG_1, NFT_CMP_EQ, &arp_be16, sizeof(arp_be16));
	nft_expr_meta(&r, NFT_META_IIF, NFT_REG_1);
	nft_expr_lookup(&r, NFT_REG_1, set_answer, SET_ANSWER_ID, true);
	nft_expr_verdict(&r, NF_DROP, NULL);
	nft_tx_add_rule(tx, NFPROTO_NETDEV, nft_rule_take(&r), "rule: hold ARP");

	nft_rule_init(&r, table_name, chain);
	nft_expr_meta(&r, NFT_META_IIF, NFT_REG_1);
	nft_expr_lookup(&r, NFT_REG_1, set_lease, SET_LEASE_ID, true);
	nft_expr_verdict(&r, NF_DROP, NULL);
	nft_tx_add_rule(tx, NFPROTO_NETDEV, nft_rule_take(&r), "rule: shut way in");
}

static void add_device(struct nft_tx *tx, const struct lease_device *d,
		       const struct lease_times *times)
{
	char chain[CHAIN_NAME_MAX];

	snprintf(chain, sizeof(chain), "out_%s", d->name);
	add_chain(tx, chain, d->name, NF_NETDEV_EGRESS);
	add_hold_rules(tx, chain, (uint64_t)mono_to_ms(times->hold));
	add_egress_rules(tx, chain, (uint64_t)mono_to_ms(times->timeout));
	snprintf(chain, sizeof(chain), "in_%s", d->name);
	add_chain(tx, chain, d->name, NF_NETDEV_INGRESS);
	add_ingress_rules(tx, chain);
	struct nft_elem e = {.key = &d->ifindex, .key_len_bytes = sizeof(d->ifindex)};

	if (d->lease_ms > 0) {
		e.timeout_ms = (uint64_t)d->lease_ms;
		nft_tx_add_elems(tx, NFPROTO_NETDEV, table_name, set_lease, SET_LEASE_ID, &e, 1,
				 "keep lease");
	}
	if (d->answer_ms > 0) {
		e.timeout_ms = (uint64_t)d->answer_ms;
		nft_tx_add_elems(tx, NFPROTO_NETDEV, table_name, set_answer, SET_ANSWER_ID, &e, 1,
				 "keep answering");
	}
}

static int commit(struct lease *lease, struct lease_error *error)
{
	struct nft_tx_error cause = {.err = 0};
	int err = nft_tx_commit(lease->tx, &cause);

	if (err)
		explain(&cause, error);
	return err;
}

int lease_install(struct lease *lease, const struct lease_device *devices, size_t n,
		  const struct lease_times *times, struct lease_error *error)
{
	nft_tx_begin(lease->tx);
	nft_tx_purge_table(lease->tx, NFPROTO_NETDEV, table_name);
	add_table(lease->tx, lease->table_flags);
	add_set(lease->tx, set_lease, SET_LEASE_ID);
	add_set(lease->tx, set_answer, SET_ANSWER_ID);
	for (size_t i = 0; i < n; i++)
		add_device(lease->tx, &devices[i], times);
	return commit(lease, error);
}

struct reading {
	struct lease_device *devices;
	size_t n;
	bool answer;
};

static void read_element(void *arg, const struct nft_elem *elem)
{
	const struct reading *reading = arg;
	uint32_t ifindex;

	if (elem->key_len_bytes != sizeof(ifindex))
		return;
	memcpy(&ifindex, elem->key, sizeof(ifindex));
	for (size_t i = 0; i < reading->n; i++) {
		if (reading->devices[i].ifindex != ifindex)
			continue;
		if (reading->answer)
			reading->devices[i].answer_ms = (int64_t)elem->timeout_ms;
		else
			reading->devices[i].lease_ms = (int64_t)elem->timeout_ms;
	}
}

int lease_read(struct lease *lease, struct lease_device *devices, size_t n)
{
	struct reading reading = {.devices = devices, .n = n};

	for (size_t i = 0; i < n; i++)
		devices[i].lease_ms = devices[i].answer_ms = -1;
	int err = nft_tx_dump_set(lease->tx, NFPROTO_NETDEV, table_name, set_lease, read_element,
				  &reading);

	if (err)
		return err == -ENOENT ? 0 : err;
	reading.answer = true;
	return nft_tx_dump_set(lease->tx, NFPROTO_NETDEV, table_name, set_answer, read_element,
			       &reading);
}

int lease_shut(struct lease *lease, const uint32_t *ifindexes, size_t n, struct lease_error *error)
{
	struct nft_elem elems[LEASE_DEVICES_MAX];

	for (size_t i = 0; i < n; i++)
		elems[i] = (struct nft_elem){.key = &ifindexes[i],
					     .key_len_bytes = sizeof(ifindexes[i]),
					     .timeout_ms = ADDED_TO_DELETE_MS};
	/* An element may run out at any moment, and deleting an absent one fails the batch: add
	 * first, in the same transaction, so that no packet ever sees it. */
	nft_tx_begin(lease->tx);
	nft_tx_add_elems(lease->tx, NFPROTO_NETDEV, table_name, set_lease, 0, elems, n, "lease");
	nft_tx_add_elems(lease->tx, NFPROTO_NETDEV, table_name, set_answer, 0, elems, n, "answer");
	nft_tx_del_elems(lease->tx, NFPROTO_NETDEV, table_name, set_lease, elems, n, "end lease");
	nft_tx_del_elems(lease->tx, NFPROTO_NETDEV, table_name, set_answer, elems, n,
			 "end answers");
	return commit(lease, error);
}

void lease_remove(struct lease *lease)
{
	struct lease_error ignored;

	nft_tx_begin(lease->tx);
	nft_tx_purge_table(lease->tx, NFPROTO_NETDEV, table_name);
	(void)!commit(lease, &ignored);
}
