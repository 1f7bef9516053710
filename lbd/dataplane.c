// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Driver of the kernel's table: keeps a shadow copy of what the kernel holds and turns each wanted
 * plan into one transaction.
 */
#include "dataplane.h"

#include "layout.h"
#include "layout_set.h"
#include "nft_expr.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h> /* libnftnl's headers use FILE without it */

#include <libnftnl/table.h>
#include <stdlib.h>
#include <string.h>

enum {
	FAMILY = NFPROTO_INET,
	TBL_CAPACITY_MIN = 65536,
};

struct dataplane {
	struct nft_tx *tx;
	struct log *log;
	struct plan applied;     /* what the kernel holds, once `ready` */
	struct layout_params at; /* what its rules were written with */
	bool ready;              /* the table exists and is ours */
	bool left_over;          /* a table of that name exists and is to be adopted or replaced */
	bool adoptable;          /* ... adopted: same layout; `applied` was read from it */
};

/* --- start ----------------------------------------------------------------------------------- */

struct reader {
	struct plan_list *list;
	const struct plan_shape *shape;
	bool failed;
};

static void read_elem(void *arg, const struct nft_elem *from)
{
	struct reader *reader = arg;
	const struct plan_shape *shape = reader->shape;
	struct plan_elem e = {0};
	if (from->key_len_bytes != shape->key_len_bytes ||
	    (shape->data_len_bytes > 0 && from->data_len_bytes != shape->data_len_bytes)) {
		reader->failed = true;
		return;
	}
	memcpy(e.key, from->key, shape->key_len_bytes);
	memcpy(e.key_end, from->key_end != NULL ? from->key_end : from->key, shape->key_len_bytes);
	if (shape->data_len_bytes > 0)
		memcpy(e.data, from->data, shape->data_len_bytes);
	if (!plan_list_add(reader->list, &e))
		reader->failed = true;
}

/* Fills `applied` from the kernel. Returns false when the table is not what its comment says. */
static bool read_contents(struct dataplane *dp)
{
	for (int i = 0; i < PLAN_SET_N; i++) {
		struct reader reader = {.list = &dp->applied.set[i],
					.shape = plan_shape((enum plan_set)i)};
		int err = nft_tx_dump_set(dp->tx, FAMILY, DATAPLANE_TABLE, reader.shape->name,
					  read_elem, &reader);
		if (err != 0 || reader.failed) {
			plan_fini(&dp->applied);
			return false;
		}
		plan_list_sort(&dp->applied.set[i]);
	}
	return true;
}

static int look_at_left_over(struct dataplane *dp)
{
	struct nft_table_info info;
	int err = nft_tx_get_table(dp->tx, FAMILY, DATAPLANE_TABLE, &info);
	if (err == -ENOENT)
		return 0;
	if (err != 0) {
		log_msg(dp->log, LOG_LEVEL_ERR, "dataplane: cannot read nftables: %s",
			strerror(-err));
		return err;
	}
	if ((info.flags & NFT_TABLE_F_OWNER) != 0 && info.owner != 0) {
		log_msg(dp->log, LOG_LEVEL_ERR,
			"dataplane: table inet " DATAPLANE_TABLE
			" belongs to another process, netlink port %u: is an lbd running already?",
			info.owner);
		return -EBUSY;
	}
	dp->left_over = true;
	/* A dead owner's table keeps the flag persist alone. Flags can not be added later: a table
	 * without it is replaced where this kernel could protect it. */
	dp->adoptable =
		layout_recognise(&info, &dp->at.tbl_capacity) == 0 &&
		(info.flags & NFT_TABLE_PERSIST) == (dp->at.table_flags & NFT_TABLE_PERSIST) &&
		read_contents(dp);
	log_msg(dp->log, LOG_LEVEL_INFO, "dataplane: found table left by an earlier lbd action=%s",
		dp->adoptable ? "adopt" : "replace");
	return 0;
}

int dataplane_open(const struct conf *conf, struct log *log, struct dataplane **out)
{
	(void)conf;
	struct dataplane *dp = calloc(1, sizeof(*dp));
	if (dp == NULL)
		return -ENOMEM;
	dp->log = log;
	plan_init(&dp->applied);
	int err = nft_tx_open(&dp->tx);
	if (err != 0) {
		log_msg(log, LOG_LEVEL_ERR,
			"dataplane: no nftables socket: %s; the kernel needs NF_TABLES",
			strerror(-err));
		goto fail;
	}
	dp->at.table_flags = nft_table_protection(dp->tx, FAMILY, DATAPLANE_TABLE "_probe");
	if (dp->at.table_flags == 0)
		log_msg(log, LOG_LEVEL_INFO,
			"dataplane: this kernel cannot protect a table from other programs; "
			"do not run `nft flush ruleset`");
	err = look_at_left_over(dp);
	if (err != 0)
		goto fail;
	*out = dp;
	return 0;
fail:
	dataplane_close(dp, false);
	return err;
}

/* --- changes --------------------------------------------------------------------------------- */

/* The elements of a list in the transaction's words; NULL when out of memory. */
static struct nft_elem *elems_of(const struct plan_list *list, const struct plan_shape *shape)
{
	struct nft_elem *elems = calloc(list->n, sizeof(*elems));
	if (elems == NULL)
		return NULL;
	for (size_t i = 0; i < list->n; i++) {
		const struct plan_elem *e = &list->elem[i];
		elems[i] = (struct nft_elem){
			.key = e->key,
			.key_len_bytes = shape->key_len_bytes,
			.key_end = shape->interval ? e->key_end : NULL,
			.data = shape->data_len_bytes > 0 ? e->data : NULL,
			.data_len_bytes = shape->data_len_bytes,
		};
	}
	return elems;
}

static int append_list(struct nft_tx *tx, enum plan_set set, const struct plan_list *list, bool add,
		       uint32_t set_id)
{
	if (list->n == 0)
		return 0;
	const struct plan_shape *shape = plan_shape(set);
	struct nft_elem *elems = elems_of(list, shape);
	if (elems == NULL)
		return -ENOMEM;
	char what[64];
	snprintf(what, sizeof(what), "%s %s (%s)", add ? "add" : "delete", shape->what,
		 shape->name);
	if (add)
		nft_tx_add_elems(tx, FAMILY, DATAPLANE_TABLE, shape->name, set_id, elems, list->n,
				 what);
	else
		nft_tx_del_elems(tx, FAMILY, DATAPLANE_TABLE, shape->name, elems, list->n, what);
	free(elems);
	return 0;
}

static int append_diff(struct dataplane *dp, const struct plan_diff *diff, bool creating)
{
	int err = 0;
	for (int i = 0; i < PLAN_SET_N && err == 0; i++)
		err = append_list(dp->tx, (enum plan_set)i, &diff->del[i], false, 0);
	for (int i = 0; i < PLAN_SET_N && err == 0; i++)
		err = append_list(dp->tx, (enum plan_set)i, &diff->add[i], true,
				  creating ? layout_set_id((enum plan_set)i) : 0);
	return err;
}

static uint32_t capacity_for(const struct plan *wanted)
{
	uint32_t capacity = TBL_CAPACITY_MIN;
	while (capacity < 2 * wanted->set[PLAN_TBL4].n)
		capacity *= 2;
	return capacity;
}

/* The whole table anew, over whatever is there. */
static int append_creation(struct dataplane *dp, const struct plan *wanted,
			   struct layout_params *params)
{
	struct plan nothing;
	struct plan_diff diff;
	plan_init(&nothing);
	params->tbl_capacity = capacity_for(wanted);
	if (dp->ready || dp->left_over)
		nft_tx_purge_table(dp->tx, FAMILY, DATAPLANE_TABLE);
	layout_create(dp->tx, params);
	if (!plan_diff(&diff, &nothing, wanted))
		return -ENOMEM;
	int err = append_diff(dp, &diff, true);
	plan_diff_fini(&diff);
	return err;
}

static int append_change(struct dataplane *dp, const struct plan *wanted,
			 const struct layout_params *params)
{
	struct plan_diff diff;
	if (!plan_diff(&diff, &dp->applied, wanted))
		return -ENOMEM;
	int err = 0;
	/* An adopted table may have been written with another seed: its rule is not read back. */
	if (!dp->ready)
		layout_claim(dp->tx, params);
	if (!dp->ready || params->seed != dp->at.seed || params->buckets != dp->at.buckets)
		layout_rewrite_pick(dp->tx, params);
	if (!plan_diff_is_empty(&diff))
		err = append_diff(dp, &diff, false);
	plan_diff_fini(&diff);
	return err;
}

static int append_all(struct dataplane *dp, const struct plan *wanted, struct layout_params *params)
{
	bool keep =
		(dp->ready || dp->adoptable) && wanted->set[PLAN_TBL4].n <= params->tbl_capacity;
	return keep ? append_change(dp, wanted, params) : append_creation(dp, wanted, params);
}

static int fail_memory(struct nft_tx_error *error)
{
	if (error != NULL) {
		error->err = ENOMEM;
		snprintf(error->text, sizeof(error->text), "out of memory");
	}
	return -ENOMEM;
}

int dataplane_apply(struct dataplane *dp, const struct plan *wanted, struct nft_tx_error *error)
{
	struct layout_params params = dp->at;
	params.seed = wanted->seed;
	params.buckets = wanted->buckets;
	struct plan copy;
	plan_init(&copy);
	nft_tx_begin(dp->tx);
	if (append_all(dp, wanted, &params) != 0 || !plan_copy(&copy, wanted)) {
		plan_fini(&copy);
		return fail_memory(error);
	}
	size_t messages = nft_tx_count(dp->tx);
	int err = nft_tx_commit(dp->tx, error);
	if (err != 0) {
		plan_fini(&copy);
		return err;
	}
	plan_fini(&dp->applied);
	dp->applied = copy;
	dp->at = params;
	dp->ready = true;
	if (messages > 0)
		log_msg(dp->log, LOG_LEVEL_DEBUG, "dataplane: applied messages=%zu", messages);
	return 0;
}

const struct plan *dataplane_applied(const struct dataplane *dp)
{
	return &dp->applied;
}

void dataplane_close(struct dataplane *dp, bool remove_table)
{
	if (dp == NULL)
		return;
	if (remove_table && dp->ready) {
		struct nft_tx_error error;
		nft_tx_begin(dp->tx);
		nft_tx_purge_table(dp->tx, FAMILY, DATAPLANE_TABLE);
		if (nft_tx_commit(dp->tx, &error) != 0)
			log_msg(dp->log, LOG_LEVEL_WARN, "dataplane: %s", error.text);
	}
	nft_tx_close(dp->tx);
	plan_fini(&dp->applied);
	free(dp);
}
