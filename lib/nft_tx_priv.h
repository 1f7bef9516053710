/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the two halves of an nftables transaction share: nft_tx.c (objects, commit) and nft_elem.c
 * (element lists, reading). Nobody else includes this.
 */
#ifndef HA_NFT_TX_PRIV_H
#define HA_NFT_TX_PRIV_H

#include "nft_tx.h"

#include <libmnl/libmnl.h>
#include <stdbool.h>

enum {
	NFT_TX_MESSAGE_MAX_BYTES = 80 * 1024, /**< room kept for the message being written */
	NFT_TX_WHAT_MAX = 96,
};

/** One message of the batch, by its sequence number. */
struct nft_tx_op {
	uint32_t seq;
	char what[NFT_TX_WHAT_MAX];
};

struct nft_tx {
	struct mnl_socket *nl;
	uint32_t portid;
	uint32_t seq; /**< last one given */
	uint8_t *buf; /**< the batch so far */
	size_t len_bytes;
	size_t cap_bytes;
	struct nft_tx_op *ops;
	size_t n_ops;
	size_t cap_ops;
	size_t last_at_bytes; /**< offset of the last message, which asks for an ack */
	int err;              /**< first failure while appending, positive errno */
};

/**
 * Starts a message `type` (NFT_MSG_*) at the end of the batch with room for
 * NFT_TX_MESSAGE_MAX_BYTES, and remembers `what` for it. NULL when out of memory (remembered).
 */
struct nlmsghdr *nft_tx_msg_open(struct nft_tx *tx, uint16_t type, uint32_t family, uint16_t flags,
				 const char *what);
/** Takes the finished message into the batch. */
void nft_tx_msg_close(struct nft_tx *tx, struct nlmsghdr *nlh);
/** Sends one request outside the batch and feeds the answers to cb. Returns 0 or -errno. */
int nft_tx_query(struct nft_tx *tx, struct nlmsghdr *nlh, mnl_cb_t cb, void *arg)
	__attribute__((warn_unused_result));
/** Sequence number for a message outside the batch. */
uint32_t nft_tx_next_seq(struct nft_tx *tx);

#endif
