// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The element half of nftables transactions: lists of set elements written attribute by attribute
 * (an attribute holds at most 64 kB, so that a long list becomes several messages of one batch),
 * and the reads that a restarted daemon needs.
 */
#include "nft_tx.h"

#include "nft_tx_priv.h"

#include <endian.h>
#include <errno.h>
#include <libnftnl/common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

enum {
	LIST_MAX_BYTES = 60 * 1024, /* leaves room below the 16-bit attribute length */
	ELEM_OVERHEAD_BYTES = 96,   /* headers and paddings of all attributes of one element */
	REQUEST_BYTES = 1024,
};

struct elem_list {
	uint16_t type; /* NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM */
	uint32_t family;
	const char *table;
	const char *set;
	uint32_t set_id;
	const char *what;
};

static size_t elem_bytes(const struct nft_elem *e)
{
	return ELEM_OVERHEAD_BYTES + 2 * e->key_len_bytes + e->data_len_bytes;
}

static void put_value(struct nlmsghdr *nlh, uint16_t type, const void *value, size_t len_bytes)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, len_bytes, value);
	mnl_attr_nest_end(nlh, nest);
}

static void put_elem(struct nlmsghdr *nlh, const struct nft_elem *e, bool is_new)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	put_value(nlh, NFTA_SET_ELEM_KEY, e->key, e->key_len_bytes);
	if (e->key_end != NULL)
		put_value(nlh, NFTA_SET_ELEM_KEY_END, e->key_end, e->key_len_bytes);
	if (is_new && e->data != NULL)
		put_value(nlh, NFTA_SET_ELEM_DATA, e->data, e->data_len_bytes);
	if (is_new && e->timeout_ms != 0)
		mnl_attr_put_u64(nlh, NFTA_SET_ELEM_TIMEOUT, htobe64(e->timeout_ms));
	mnl_attr_nest_end(nlh, nest);
}

/* Writes as many of elems[0..n) as one message holds. Returns how many; 0 when out of memory. */
static size_t put_message(struct nft_tx *tx, const struct elem_list *list,
			  const struct nft_elem *elems, size_t n)
{
	bool is_new = list->type == NFT_MSG_NEWSETELEM;
	struct nlmsghdr *nlh = nft_tx_msg_open(tx, list->type, list->family,
					       is_new ? NLM_F_CREATE : 0, list->what);
	if (nlh == NULL)
		return 0;
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, list->table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, list->set);
	if (list->set_id != 0)
		mnl_attr_put_u32(nlh, NFTA_SET_ELEM_LIST_SET_ID, htobe32(list->set_id));
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	size_t done = 0;
	size_t used_bytes = 0;
	while (done < n && used_bytes + elem_bytes(&elems[done]) <= LIST_MAX_BYTES) {
		put_elem(nlh, &elems[done], is_new);
		used_bytes += elem_bytes(&elems[done]);
		done++;
	}
	mnl_attr_nest_end(nlh, nest);
	nft_tx_msg_close(tx, nlh);
	return done;
}

static void put_list(struct nft_tx *tx, const struct elem_list *list, const struct nft_elem *elems,
		     size_t n)
{
	size_t at = 0;
	while (at < n) {
		size_t done = put_message(tx, list, elems + at, n - at);
		if (done == 0)
			return;
		at += done;
	}
}

void nft_tx_add_elems(struct nft_tx *tx, uint32_t family, const char *table, const char *set,
		      uint32_t set_id, const struct nft_elem *elems, size_t n, const char *what)
{
	struct elem_list list = {.type = NFT_MSG_NEWSETELEM,
				 .family = family,
				 .table = table,
				 .set = set,
				 .set_id = set_id,
				 .what = what};
	put_list(tx, &list, elems, n);
}

void nft_tx_del_elems(struct nft_tx *tx, uint32_t family, const char *table, const char *set,
		      const struct nft_elem *elems, size_t n, const char *what)
{
	struct elem_list list = {.type = NFT_MSG_DELSETELEM,
				 .family = family,
				 .table = table,
				 .set = set,
				 .what = what};
	put_list(tx, &list, elems, n);
}

void nft_tx_flush_set(struct nft_tx *tx, uint32_t family, const char *table, const char *set,
		      const char *what)
{
	struct nlmsghdr *nlh = nft_tx_msg_open(tx, NFT_MSG_DELSETELEM, family, 0, what);
	if (nlh == NULL)
		return;
	/* Deleting elements without a list means all of them. */
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	nft_tx_msg_close(tx, nlh);
}

/* --- reading --------------------------------------------------------------------------------- */

struct attr_table {
	const struct nlattr **by_type;
	uint16_t max;
};

static int note_attr(const struct nlattr *attr, void *arg)
{
	const struct attr_table *t = arg;
	uint16_t type = mnl_attr_get_type(attr);
	if (type <= t->max)
		t->by_type[type] = attr;
	return MNL_CB_OK;
}

static const struct nlattr *value_of(const struct nlattr *data)
{
	const struct nlattr *found[NFTA_DATA_MAX + 1] = {NULL};
	struct attr_table t = {.by_type = found, .max = NFTA_DATA_MAX};
	if (data != NULL)
		(void)mnl_attr_parse_nested(data, note_attr, &t);
	return found[NFTA_DATA_VALUE];
}

struct dump {
	nft_elem_fn *cb;
	void *arg;
};

static int dump_elem(const struct nlattr *elem, void *arg)
{
	const struct dump *dump = arg;
	const struct nlattr *found[NFTA_SET_ELEM_MAX + 1] = {NULL};
	struct attr_table t = {.by_type = found, .max = NFTA_SET_ELEM_MAX};
	(void)mnl_attr_parse_nested(elem, note_attr, &t);
	const struct nlattr *key = value_of(found[NFTA_SET_ELEM_KEY]);
	const struct nlattr *key_end = value_of(found[NFTA_SET_ELEM_KEY_END]);
	const struct nlattr *data = value_of(found[NFTA_SET_ELEM_DATA]);
	if (key == NULL)
		return MNL_CB_OK;
	struct nft_elem e = {.key = mnl_attr_get_payload(key),
			     .key_len_bytes = mnl_attr_get_payload_len(key)};
	if (key_end != NULL && mnl_attr_get_payload_len(key_end) == e.key_len_bytes)
		e.key_end = mnl_attr_get_payload(key_end);
	if (data != NULL) {
		e.data = mnl_attr_get_payload(data);
		e.data_len_bytes = mnl_attr_get_payload_len(data);
	}
	if (found[NFTA_SET_ELEM_EXPIRATION] != NULL)
		e.timeout_ms = be64toh(mnl_attr_get_u64(found[NFTA_SET_ELEM_EXPIRATION]));
	dump->cb(dump->arg, &e);
	return MNL_CB_OK;
}

static int dump_list(const struct nlattr *attr, void *arg)
{
	if (mnl_attr_get_type(attr) == NFTA_SET_ELEM_LIST_ELEMENTS)
		(void)mnl_attr_parse_nested(attr, dump_elem, arg);
	return MNL_CB_OK;
}

static int dump_message(const struct nlmsghdr *nlh, void *arg)
{
	(void)mnl_attr_parse(nlh, sizeof(struct nfgenmsg), dump_list, arg);
	return MNL_CB_OK;
}

int nft_tx_dump_set(struct nft_tx *tx, uint32_t family, const char *table, const char *set,
		    nft_elem_fn *cb, void *arg)
{
	_Alignas(struct nlmsghdr) char request[REQUEST_BYTES];
	struct nlmsghdr *nlh = nftnl_nlmsg_build_hdr(request, NFT_MSG_GETSETELEM, (uint16_t)family,
						     NLM_F_DUMP, nft_tx_next_seq(tx));
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	struct dump dump = {.cb = cb, .arg = arg};
	return nft_tx_query(tx, nlh, dump_message, &dump);
}

static int table_message(const struct nlmsghdr *nlh, void *arg)
{
	struct nft_table_info *info = arg;
	const struct nlattr *found[NFTA_TABLE_MAX + 1] = {NULL};
	struct attr_table t = {.by_type = found, .max = NFTA_TABLE_MAX};
	(void)mnl_attr_parse(nlh, sizeof(struct nfgenmsg), note_attr, &t);
	if (found[NFTA_TABLE_FLAGS] != NULL)
		info->flags = be32toh(mnl_attr_get_u32(found[NFTA_TABLE_FLAGS]));
	if (found[NFTA_TABLE_OWNER] != NULL)
		info->owner = be32toh(mnl_attr_get_u32(found[NFTA_TABLE_OWNER]));
	if (found[NFTA_TABLE_USERDATA] != NULL) {
		size_t len_bytes = mnl_attr_get_payload_len(found[NFTA_TABLE_USERDATA]);
		if (len_bytes > sizeof(info->udata))
			len_bytes = sizeof(info->udata);
		memcpy(info->udata, mnl_attr_get_payload(found[NFTA_TABLE_USERDATA]), len_bytes);
		info->udata_len_bytes = len_bytes;
	}
	return MNL_CB_OK;
}

int nft_tx_get_table(struct nft_tx *tx, uint32_t family, const char *table,
		     struct nft_table_info *info)
{
	_Alignas(struct nlmsghdr) char request[REQUEST_BYTES];
	*info = (struct nft_table_info){0};
	struct nlmsghdr *nlh = nftnl_nlmsg_build_hdr(request, NFT_MSG_GETTABLE, (uint16_t)family,
						     NLM_F_ACK, nft_tx_next_seq(tx));
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
	return nft_tx_query(tx, nlh, table_message, info);
}
