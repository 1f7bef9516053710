// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/nft_tx lib/nft_elem lib/nft_expr */
/*
 * nftables transactions against the kernel of the current network namespace:
 *   tx_tool error     an operation in the middle fails: it is named, and nothing is changed
 *   tx_tool many      200000 elements arrive, all of them
 *   tx_tool timeout   an element's remaining time is read back
 *   tx_tool absent    reading a table that is not there says so
 * Exit 0 when it is so. Used by dataplane.sh.
 */
#include "nft_tx.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h> /* libnftnl's headers use FILE without it */

#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

enum {
	FAMILY = NFPROTO_INET,
	MANY = 200000,
};

static const char table[] = "hapair_tx";

static void add_table_and_set(struct nft_tx *tx, uint32_t flags)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct nftnl_set *s = nftnl_set_alloc();
	if (t == NULL || s == NULL)
		exit(2);
	nftnl_table_set_str(t, NFTNL_TABLE_NAME, table);
	nftnl_set_set_str(s, NFTNL_SET_TABLE, table);
	nftnl_set_set_str(s, NFTNL_SET_NAME, "s");
	nftnl_set_set_u32(s, NFTNL_SET_ID, 1);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, 4);
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, flags);
	nft_tx_begin(tx);
	nft_tx_add_table(tx, FAMILY, t, "the table");
	nft_tx_add_set(tx, FAMILY, s, "the set");
}

static bool commit(struct nft_tx *tx)
{
	struct nft_tx_error error;
	if (nft_tx_commit(tx, &error) == 0)
		return true;
	printf("%s\n", error.text);
	return false;
}

static bool test_error(struct nft_tx *tx)
{
	uint32_t key = 1;
	struct nft_elem e = {.key = &key, .key_len_bytes = sizeof(key)};
	struct nft_tx_error error;
	add_table_and_set(tx, 0);
	nft_tx_add_elems(tx, FAMILY, table, "s", 1, &e, 1, "the good element");
	nft_tx_del_chain(tx, FAMILY, table, "nowhere", "the chain that is not there");
	nft_tx_flush_set(tx, FAMILY, table, "s", "the last one");
	int err = nft_tx_commit(tx, &error);
	printf("%d %s\n", err, error.text);
	struct nft_table_info info;
	return err == -ENOENT && error.err == ENOENT &&
	       strncmp(error.text, "the chain that is not there: ", 29) == 0 &&
	       nft_tx_get_table(tx, FAMILY, table, &info) == -ENOENT;
}

static void count(void *arg, const struct nft_elem *elem)
{
	size_t *n = arg;
	*n += elem->key_len_bytes == 4;
}

static bool test_many(struct nft_tx *tx)
{
	uint32_t *keys = calloc(MANY, sizeof(*keys));
	struct nft_elem *elems = calloc(MANY, sizeof(*elems));
	if (keys == NULL || elems == NULL)
		exit(2);
	for (uint32_t i = 0; i < MANY; i++) {
		keys[i] = i;
		elems[i] = (struct nft_elem){.key = &keys[i], .key_len_bytes = sizeof(keys[i])};
	}
	size_t n = 0;
	add_table_and_set(tx, 0);
	nft_tx_add_elems(tx, FAMILY, table, "s", 1, elems, MANY, "many elements");
	bool done = commit(tx) && nft_tx_dump_set(tx, FAMILY, table, "s", count, &n) == 0;
	printf("%zu elements\n", n);
	/* All but one are deleted again in one batch. */
	nft_tx_begin(tx);
	nft_tx_del_elems(tx, FAMILY, table, "s", elems + 1, MANY - 1, "delete many");
	size_t left = 0;
	done = done && commit(tx) && nft_tx_dump_set(tx, FAMILY, table, "s", count, &left) == 0;
	free(keys);
	free(elems);
	return done && n == MANY && left == 1;
}

static void note_time(void *arg, const struct nft_elem *elem)
{
	uint64_t *left_ms = arg;
	*left_ms = elem->timeout_ms;
}

static bool test_timeout(struct nft_tx *tx)
{
	uint32_t key = 7;
	struct nft_elem e = {.key = &key, .key_len_bytes = sizeof(key), .timeout_ms = 60000};
	uint64_t left_ms = 0;
	add_table_and_set(tx, NFT_SET_TIMEOUT);
	nft_tx_add_elems(tx, FAMILY, table, "s", 1, &e, 1, "an element");
	bool done = commit(tx) && nft_tx_dump_set(tx, FAMILY, table, "s", note_time, &left_ms) == 0;
	printf("%llu ms left\n", (unsigned long long)left_ms);
	return done && left_ms > 50000 && left_ms <= 60000;
}

static bool test_absent(struct nft_tx *tx)
{
	struct nft_table_info info;
	size_t n = 0;
	return nft_tx_get_table(tx, FAMILY, table, &info) == -ENOENT &&
	       nft_tx_dump_set(tx, FAMILY, table, "s", count, &n) == -ENOENT && n == 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		bool (*run)(struct nft_tx *tx);
	} tests[] = {{"error", test_error},
		     {"many", test_many},
		     {"timeout", test_timeout},
		     {"absent", test_absent}};
	struct nft_tx *tx = NULL;
	if (argc != 2 || nft_tx_open(&tx) != 0)
		return 2;
	int status = 2;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (strcmp(argv[1], tests[i].name) == 0)
			status = tests[i].run(tx) ? 0 : 1;
	}
	nft_tx_begin(tx);
	nft_tx_purge_table(tx, FAMILY, table);
	if (!commit(tx))
		status = 1;
	nft_tx_close(tx);
	return status;
}
