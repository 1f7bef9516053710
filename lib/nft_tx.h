/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One nftables transaction: operations are appended, committed in a single sendmsg, and every
 * error of the kernel is mapped back to the operation that caused it, in the caller's words.
 * libnftnl builds tables, chains, sets and rules; element lists are written with libmnl directly
 * (libnftnl drops elements silently past 64 kB). Callers: vrrpd's lease and lbd's data plane.
 */
#ifndef HA_NFT_TX_H
#define HA_NFT_TX_H

#include <stddef.h>
#include <stdint.h>

struct nft_tx;
struct nftnl_table;
struct nftnl_chain;
struct nftnl_set;
struct nftnl_rule;

/** The first operation the kernel refused; text: "create chain pre: Operation not supported". */
struct nft_tx_error {
	int err; /**< positive errno */
	char text[200];
};

/** One element: key, optional end of an interval key, optional data. */
struct nft_elem {
	const void *key; /**< as the kernel keeps it: fields padded to 4 bytes each */
	size_t key_len_bytes;
	const void *key_end; /**< NULL unless an interval of a concatenation; as long as key */
	const void *data;    /**< NULL in sets; ignored in deletions */
	size_t data_len_bytes;
	uint64_t timeout_ms; /**< when adding: 0 none; when reading: time left, 0 none */
};

enum {
	NFT_UDATA_MAX_BYTES = 256 /**< longest user data the kernel keeps */
};

/** What the kernel says about a table. */
struct nft_table_info {
	uint32_t flags; /**< NFT_TABLE_F_* */
	uint32_t owner; /**< netlink port id, 0 without one */
	uint8_t udata[NFT_UDATA_MAX_BYTES];
	size_t udata_len_bytes;
};

/** Opens the netlink socket. Returns 0 and *out, or -errno. */
int nft_tx_open(struct nft_tx **out) __attribute__((warn_unused_result));
void nft_tx_close(struct nft_tx *tx);
/** Netlink port id of the socket (owner of OWNER tables). */
uint32_t nft_tx_portid(const struct nft_tx *tx);
/** The socket, for callers that poll. */
int nft_tx_fd(const struct nft_tx *tx);

/** Forgets what was appended; every batch starts with it. */
void nft_tx_begin(struct nft_tx *tx);
/* Each add takes ownership of its object (freed when encoded). `what` names it in errors and is
 * copied. family is NFPROTO_*. Out of memory is remembered and reported by the commit. */
void nft_tx_add_table(struct nft_tx *tx, uint32_t family, struct nftnl_table *t, const char *what);
/** Deletes the table if it exists (add + delete), so that it never fails on absence. */
void nft_tx_purge_table(struct nft_tx *tx, uint32_t family, const char *table);
void nft_tx_add_chain(struct nft_tx *tx, uint32_t family, struct nftnl_chain *c, const char *what);
void nft_tx_add_set(struct nft_tx *tx, uint32_t family, struct nftnl_set *s, const char *what);
void nft_tx_add_rule(struct nft_tx *tx, uint32_t family, struct nftnl_rule *r, const char *what);
/** set_id: the NFTNL_SET_ID given to a set created in the same batch, else 0. */
void nft_tx_add_elems(struct nft_tx *tx, uint32_t family, const char *table, const char *set,
		      uint32_t set_id, const struct nft_elem *elems, size_t n, const char *what);
void nft_tx_del_elems(struct nft_tx *tx, uint32_t family, const char *table, const char *set,
		      const struct nft_elem *elems, size_t n, const char *what);
/** Deletes all elements of a set. */
void nft_tx_flush_set(struct nft_tx *tx, uint32_t family, const char *table, const char *set,
		      const char *what);
void nft_tx_del_chain(struct nft_tx *tx, uint32_t family, const char *table, const char *chain,
		      const char *what);
/** Deletes all rules of a chain; the chain stays. */
void nft_tx_flush_chain(struct nft_tx *tx, uint32_t family, const char *table, const char *chain,
			const char *what);
/** Messages appended since nft_tx_begin(). */
size_t nft_tx_count(const struct nft_tx *tx);
/**
 * Sends the batch and waits for the kernel's word. Returns 0 (nothing to do counts as success) or
 * -errno with *error filled; on failure the kernel has changed nothing.
 */
int nft_tx_commit(struct nft_tx *tx, struct nft_tx_error *error)
	__attribute__((warn_unused_result));

/** Receives one element; its pointers live for the call only. */
typedef void nft_elem_fn(void *arg, const struct nft_elem *elem);
/**
 * Reads the elements of a set with their data and remaining time. The kernel's dump is quadratic in
 * the size of the set: for sets up to some ten thousand elements. Appended operations stay.
 * Returns 0 or -errno (-ENOENT: no such table or set).
 */
int nft_tx_dump_set(struct nft_tx *tx, uint32_t family, const char *table, const char *set,
		    nft_elem_fn *cb, void *arg) __attribute__((warn_unused_result));
/** Reads one table's flags, owner and user data. Returns 0 or -errno (-ENOENT: no such table). */
int nft_tx_get_table(struct nft_tx *tx, uint32_t family, const char *table,
		     struct nft_table_info *info) __attribute__((warn_unused_result));

#endif
