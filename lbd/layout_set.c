// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Set objects. Type numbers and user data are what nft writes for the same declarations; the kernel
 * ignores both, but without them nft shows marks byte-swapped and refuses its own listing.
 */
#include "layout_set.h"

#include "dataplane.h"

#include <stdio.h> /* libnftnl's headers use FILE without it */

#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

/* nft's numbers of data types; a concatenation has six bits for each. */
enum {
	TYPE_INTEGER = 4,
	TYPE_IPV4_ADDR = 7,
	TYPE_INET_PROTO = 12,
	TYPE_INET_SERVICE = 13,
	TYPE_MARK = 19,
	TYPE_ENDPOINT = TYPE_IPV4_ADDR << 12 | TYPE_INET_PROTO << 6 | TYPE_INET_SERVICE,
	TYPE_BUCKET = TYPE_MARK << 6 | TYPE_INTEGER,
};

/* nft's byte orders in user data. */
enum {
	ORDER_NONE = 0,
	ORDER_HOST = 1,
	ORDER_NETWORK = 2,
};

/* nft's numbers of expressions in a `typeof` declaration. */
enum {
	TYPEOF_CT = 12,
	TYPEOF_CONCAT = 13,
	TYPEOF_NUMGEN = 23,
};

struct types {
	uint32_t key;
	uint32_t data;
	uint32_t key_order;
	uint32_t data_order;
};

static const struct types types[PLAN_SET_N] = {
	[PLAN_SVC4] = {TYPE_ENDPOINT, TYPE_MARK, ORDER_NONE, ORDER_HOST},
	[PLAN_RANGE4] = {TYPE_ENDPOINT, TYPE_MARK, ORDER_NONE, ORDER_HOST},
	[PLAN_TBL4] = {TYPE_BUCKET, TYPE_MARK, ORDER_NONE, ORDER_HOST},
	[PLAN_BE4] = {TYPE_MARK, TYPE_IPV4_ADDR, ORDER_HOST, ORDER_NETWORK},
	[PLAN_BACK4] = {TYPE_ENDPOINT, TYPE_IPV4_ADDR, ORDER_NONE, ORDER_NETWORK},
	[PLAN_VIP4] = {TYPE_IPV4_ADDR, 0, ORDER_NETWORK, ORDER_NONE},
};

uint32_t layout_set_id(enum plan_set set)
{
	return (uint32_t)set + 1;
}

/* `typeof ct mark`: key 3, no direction. */
static void put_typeof_ct_mark(struct nftnl_udata_buf *buf)
{
	nftnl_udata_put_u32(buf, NFTNL_UDATA_SET_TYPEOF_EXPR, TYPEOF_CT);
	struct nftnl_udata *nest = nftnl_udata_nest_start(buf, NFTNL_UDATA_SET_TYPEOF_DATA);
	nftnl_udata_put_u32(buf, 0, NFT_CT_MARK);
	nftnl_udata_put_u32(buf, 1, UINT32_MAX);
	nftnl_udata_nest_end(buf, nest);
}

/*
 * `typeof ct mark . numgen inc mod 65536`: a bucket number has no type of its own in nft, and a
 * jhash, which it is, can not be declared (nft 1.0.6 crashes on it).
 */
static void put_typeof_bucket(struct nftnl_udata_buf *buf)
{
	nftnl_udata_put_u32(buf, NFTNL_UDATA_SET_TYPEOF_EXPR, TYPEOF_CONCAT);
	struct nftnl_udata *fields = nftnl_udata_nest_start(buf, NFTNL_UDATA_SET_TYPEOF_DATA);
	struct nftnl_udata *mark = nftnl_udata_nest_start(buf, 0);
	put_typeof_ct_mark(buf);
	nftnl_udata_nest_end(buf, mark);
	struct nftnl_udata *bucket = nftnl_udata_nest_start(buf, 1);
	nftnl_udata_put_u32(buf, NFTNL_UDATA_SET_TYPEOF_EXPR, TYPEOF_NUMGEN);
	struct nftnl_udata *numgen = nftnl_udata_nest_start(buf, NFTNL_UDATA_SET_TYPEOF_DATA);
	nftnl_udata_put_u32(buf, 0, NFT_NG_INCREMENTAL);
	nftnl_udata_put_u32(buf, 1, 65536);
	nftnl_udata_put_u32(buf, 2, 0);
	nftnl_udata_nest_end(buf, numgen);
	nftnl_udata_nest_end(buf, bucket);
	nftnl_udata_nest_end(buf, fields);
}

static void put_udata(struct nftnl_udata_buf *buf, enum plan_set set)
{
	nftnl_udata_put_u32(buf, NFTNL_UDATA_SET_KEYBYTEORDER, types[set].key_order);
	if (plan_shape(set)->data_len_bytes > 0)
		nftnl_udata_put_u32(buf, NFTNL_UDATA_SET_DATABYTEORDER, types[set].data_order);
	if (set != PLAN_TBL4)
		return;
	struct nftnl_udata *key = nftnl_udata_nest_start(buf, NFTNL_UDATA_SET_KEY_TYPEOF);
	put_typeof_bucket(buf);
	nftnl_udata_nest_end(buf, key);
	struct nftnl_udata *data = nftnl_udata_nest_start(buf, NFTNL_UDATA_SET_DATA_TYPEOF);
	put_typeof_ct_mark(buf);
	nftnl_udata_nest_end(buf, data);
}

static struct nftnl_set *set_object(enum plan_set set, const struct layout_params *params)
{
	const struct plan_shape *shape = plan_shape(set);
	struct nftnl_set *s = nftnl_set_alloc();
	if (s == NULL)
		return NULL;
	uint32_t flags = 0;
	nftnl_set_set_str(s, NFTNL_SET_TABLE, DATAPLANE_TABLE);
	nftnl_set_set_str(s, NFTNL_SET_NAME, shape->name);
	nftnl_set_set_u32(s, NFTNL_SET_ID, layout_set_id(set));
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, types[set].key);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, shape->key_len_bytes);
	if (shape->data_len_bytes > 0) {
		flags |= NFT_SET_MAP;
		nftnl_set_set_u32(s, NFTNL_SET_DATA_TYPE, types[set].data);
		nftnl_set_set_u32(s, NFTNL_SET_DATA_LEN, shape->data_len_bytes);
	}
	if (shape->interval) {
		static const uint8_t field_bytes[] = {4, 1, 2};
		flags |= NFT_SET_INTERVAL | NFT_SET_CONCAT;
		nftnl_set_set_data(s, NFTNL_SET_DESC_CONCAT, field_bytes, sizeof(field_bytes));
	}
	/* With a size the kernel chooses the hash that is four times as quick to fill. */
	if (set == PLAN_TBL4)
		nftnl_set_set_u32(s, NFTNL_SET_DESC_SIZE, params->tbl_capacity);
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, flags);
	return s;
}

void layout_set_add(struct nft_tx *tx, enum plan_set set, const struct layout_params *params)
{
	struct nftnl_set *s = set_object(set, params);
	struct nftnl_udata_buf *udata = nftnl_udata_buf_alloc(NFT_UDATA_MAX_BYTES);
	if (s != NULL && udata != NULL) {
		put_udata(udata, set);
		nftnl_set_set_data(s, NFTNL_SET_USERDATA, nftnl_udata_buf_data(udata),
				   nftnl_udata_buf_len(udata));
	} else if (s != NULL) {
		nftnl_set_free(s);
		s = NULL;
	}
	char what[64];
	snprintf(what, sizeof(what), "%s %s", plan_shape(set)->what, plan_shape(set)->name);
	nft_tx_add_set(tx, NFPROTO_INET, s, what);
	if (udata != NULL)
		nftnl_udata_buf_free(udata);
}
