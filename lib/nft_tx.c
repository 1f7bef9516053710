// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nftables transactions: the batch is written into one growing buffer, every message with its own
 * sequence number, and goes to the kernel in one sendmsg. nf_tables works the batch off before
 * sendmsg returns, so all answers are already queued when we read them. Element lists and reads
 * are in nft_elem.c.
 */
#include "nft_tx.h"

#include "nft_tx_priv.h"

#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
	RECEIVE_BYTES = 64 * 1024,
	ANSWERS_BYTES = 4 * 1024 * 1024, /* receive buffer: a failed batch answers per message */
};

/* Netlink's alignment, without the sign trouble of its macro. */
static size_t align4(size_t len_bytes)
{
	return (len_bytes + 3) & ~(size_t)3;
}

/* --- socket ---------------------------------------------------------------------------------- */

/* The FORCE forms need CAP_NET_ADMIN and ignore the system limit; the plain ones are the fallback
 * and may grant less. */
static void set_buffer(int fd, int force_option, int option, size_t bytes)
{
	int value = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes;
	if (setsockopt(fd, SOL_SOCKET, force_option, &value, sizeof(value)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value));
}

int nft_tx_open(struct nft_tx **out)
{
	struct nft_tx *tx = calloc(1, sizeof(*tx));
	if (tx == NULL)
		return -ENOMEM;
	tx->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (tx->nl == NULL || mnl_socket_bind(tx->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		int err = errno;
		nft_tx_close(tx);
		return -err;
	}
	tx->portid = mnl_socket_get_portid(tx->nl);
	tx->seq = (uint32_t)time(NULL);
	int on = 1;
	(void)mnl_socket_setsockopt(tx->nl, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)mnl_socket_setsockopt(tx->nl, NETLINK_CAP_ACK, &on, sizeof(on));
	set_buffer(nft_tx_fd(tx), SO_RCVBUFFORCE, SO_RCVBUF, ANSWERS_BYTES);
	*out = tx;
	return 0;
}

void nft_tx_close(struct nft_tx *tx)
{
	if (tx == NULL)
		return;
	if (tx->nl != NULL)
		mnl_socket_close(tx->nl);
	free(tx->buf);
	free(tx->ops);
	free(tx);
}

uint32_t nft_tx_portid(const struct nft_tx *tx)
{
	return tx->portid;
}

int nft_tx_fd(const struct nft_tx *tx)
{
	return mnl_socket_get_fd(tx->nl);
}

/* --- the batch ------------------------------------------------------------------------------- */

uint32_t nft_tx_next_seq(struct nft_tx *tx)
{
	return ++tx->seq;
}

static bool reserve(struct nft_tx *tx, size_t bytes)
{
	if (tx->err != 0)
		return false;
	size_t need = tx->len_bytes + bytes;
	if (need > tx->cap_bytes) {
		size_t cap = tx->cap_bytes == 0 ? 4 * NFT_TX_MESSAGE_MAX_BYTES : tx->cap_bytes * 2;
		while (cap < need)
			cap *= 2;
		uint8_t *buf = realloc(tx->buf, cap);
		if (buf == NULL) {
			tx->err = ENOMEM;
			return false;
		}
		tx->buf = buf;
		tx->cap_bytes = cap;
	}
	return true;
}

static bool remember_op(struct nft_tx *tx, uint32_t seq, const char *what)
{
	if (tx->n_ops == tx->cap_ops) {
		size_t cap = tx->cap_ops == 0 ? 64 : tx->cap_ops * 2;
		struct nft_tx_op *ops = reallocarray(tx->ops, cap, sizeof(*ops));
		if (ops == NULL) {
			tx->err = ENOMEM;
			return false;
		}
		tx->ops = ops;
		tx->cap_ops = cap;
	}
	struct nft_tx_op *op = &tx->ops[tx->n_ops++];
	op->seq = seq;
	strlcpy(op->what, what, sizeof(op->what));
	return true;
}

void nft_tx_begin(struct nft_tx *tx)
{
	tx->len_bytes = 0;
	tx->n_ops = 0;
	tx->err = 0;
	if (!reserve(tx, NFT_TX_MESSAGE_MAX_BYTES))
		return;
	/* The kernel answers to this message when the batch as a whole is refused. */
	uint32_t seq = nft_tx_next_seq(tx);
	if (!remember_op(tx, seq, "nftables transaction"))
		return;
	struct nlmsghdr *nlh = nftnl_batch_begin((char *)tx->buf, seq);
	tx->len_bytes = nlh->nlmsg_len;
}

struct nlmsghdr *nft_tx_msg_open(struct nft_tx *tx, uint16_t type, uint32_t family, uint16_t flags,
				 const char *what)
{
	uint32_t seq = nft_tx_next_seq(tx);
	if (!reserve(tx, NFT_TX_MESSAGE_MAX_BYTES) || !remember_op(tx, seq, what))
		return NULL;
	tx->last_at_bytes = tx->len_bytes;
	return nftnl_nlmsg_build_hdr((char *)tx->buf + tx->len_bytes, type, (uint16_t)family, flags,
				     seq);
}

void nft_tx_msg_close(struct nft_tx *tx, struct nlmsghdr *nlh)
{
	tx->len_bytes += align4(nlh->nlmsg_len);
}

size_t nft_tx_count(const struct nft_tx *tx)
{
	return tx->n_ops > 0 ? tx->n_ops - 1 : 0;
}

/* --- objects --------------------------------------------------------------------------------- */

/* An object the caller could not allocate arrives as NULL. */
static bool have_object(struct nft_tx *tx, const void *object)
{
	if (object == NULL && tx->err == 0)
		tx->err = ENOMEM;
	return object != NULL;
}

void nft_tx_add_table(struct nft_tx *tx, uint32_t family, struct nftnl_table *t, const char *what)
{
	if (!have_object(tx, t))
		return;
	struct nlmsghdr *nlh = nft_tx_msg_open(tx, NFT_MSG_NEWTABLE, family, NLM_F_CREATE, what);
	if (nlh != NULL) {
		nftnl_table_nlmsg_build_payload(nlh, t);
		nft_tx_msg_close(tx, nlh);
	}
	nftnl_table_free(t);
}

void nft_tx_add_chain(struct nft_tx *tx, uint32_t family, struct nftnl_chain *c, const char *what)
{
	if (!have_object(tx, c))
		return;
	struct nlmsghdr *nlh = nft_tx_msg_open(tx, NFT_MSG_NEWCHAIN, family, NLM_F_CREATE, what);
	if (nlh != NULL) {
		nftnl_chain_nlmsg_build_payload(nlh, c);
		nft_tx_msg_close(tx, nlh);
	}
	nftnl_chain_free(c);
}

void nft_tx_add_set(struct nft_tx *tx, uint32_t family, struct nftnl_set *s, const char *what)
{
	if (!have_object(tx, s))
		return;
	struct nlmsghdr *nlh = nft_tx_msg_open(tx, NFT_MSG_NEWSET, family, NLM_F_CREATE, what);
	if (nlh != NULL) {
		nftnl_set_nlmsg_build_payload(nlh, s);
		nft_tx_msg_close(tx, nlh);
	}
	nftnl_set_free(s);
}

void nft_tx_add_rule(struct nft_tx *tx, uint32_t family, struct nftnl_rule *r, const char *what)
{
	if (!have_object(tx, r))
		return;
	struct nlmsghdr *nlh =
		nft_tx_msg_open(tx, NFT_MSG_NEWRULE, family, NLM_F_CREATE | NLM_F_APPEND, what);
	if (nlh != NULL) {
		nftnl_rule_nlmsg_build_payload(nlh, r);
		nft_tx_msg_close(tx, nlh);
	}
	nftnl_rule_free(r);
}

void nft_tx_purge_table(struct nft_tx *tx, uint32_t family, const char *table)
{
	char what[NFT_TX_WHAT_MAX];
	snprintf(what, sizeof(what), "delete table %s", table);
	static const uint16_t steps[] = {NFT_MSG_NEWTABLE, NFT_MSG_DELTABLE};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		uint16_t flags = steps[i] == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0;
		struct nlmsghdr *nlh = nft_tx_msg_open(tx, steps[i], family, flags, what);
		if (nlh == NULL)
			return;
		mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
		nft_tx_msg_close(tx, nlh);
	}
}

void nft_tx_del_chain(struct nft_tx *tx, uint32_t family, const char *table, const char *chain,
		      const char *what)
{
	struct nlmsghdr *nlh = nft_tx_msg_open(tx, NFT_MSG_DELCHAIN, family, 0, what);
	if (nlh == NULL)
		return;
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chain);
	nft_tx_msg_close(tx, nlh);
}

void nft_tx_flush_chain(struct nft_tx *tx, uint32_t family, const char *table, const char *chain,
			const char *what)
{
	/* Deleting a rule without naming one means all of the chain. */
	struct nlmsghdr *nlh = nft_tx_msg_open(tx, NFT_MSG_DELRULE, family, 0, what);
	if (nlh == NULL)
		return;
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain);
	nft_tx_msg_close(tx, nlh);
}

/* --- commit ---------------------------------------------------------------------------------- */

static const char *what_of(const struct nft_tx *tx, uint32_t seq)
{
	for (size_t i = 0; i < tx->n_ops; i++) {
		if (tx->ops[i].seq == seq)
			return tx->ops[i].what;
	}
	return "nftables transaction";
}

static int fail(struct nft_tx_error *error, int err, const char *what, const char *detail)
{
	if (error != NULL && error->err == 0) {
		error->err = err;
		snprintf(error->text, sizeof(error->text), "%s: %s%s%s", what, strerror(err),
			 detail[0] != '\0' ? ": " : "", detail);
	}
	return -err;
}

static int note_text(const struct nlattr *attr, void *arg)
{
	const char **text = arg;
	if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		*text = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

/* The kernel's own words in an error message, "" when there are none. */
static const char *extended_text(const struct nlmsghdr *nlh)
{
	const char *text = "";
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t offset_bytes = sizeof(*e);
	if ((nlh->nlmsg_flags & NLM_F_CAPPED) == 0)
		offset_bytes += align4(e->msg.nlmsg_len) - sizeof(struct nlmsghdr);
	if ((nlh->nlmsg_flags & NLM_F_ACK_TLVS) != 0 &&
	    offset_bytes <= mnl_nlmsg_get_payload_len(nlh))
		(void)mnl_attr_parse(nlh, (unsigned)offset_bytes, note_text, &text);
	return text;
}

/* One received datagram: notes the first error and whether the last message was acknowledged. */
static int judge_answers(const struct nft_tx *tx, const uint8_t *data, int len_bytes, bool *acked,
			 struct nft_tx_error *error)
{
	int result = 0;
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)data;
	for (; mnl_nlmsg_ok(nlh, len_bytes); nlh = mnl_nlmsg_next(nlh, &len_bytes)) {
		if (nlh->nlmsg_type != NLMSG_ERROR ||
		    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nlmsgerr))
			continue;
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
		if (e->error == 0) {
			*acked = true;
			continue;
		}
		int err = fail(error, -e->error, what_of(tx, nlh->nlmsg_seq), extended_text(nlh));
		if (result == 0)
			result = err;
	}
	return result;
}

static int read_answers(const struct nft_tx *tx, struct nft_tx_error *error)
{
	_Alignas(struct nlmsghdr) uint8_t data[RECEIVE_BYTES];
	bool acked = false;
	int result = 0;
	for (;;) {
		ssize_t n = recv(nft_tx_fd(tx), data, sizeof(data), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		/* ENOBUFS: answers were lost, which only a flood of errors can cause. */
		if (n < 0)
			return result != 0 ? result : fail(error, errno, "read answers", "");
		int err = judge_answers(tx, data, (int)n, &acked, error);
		if (result == 0)
			result = err;
	}
	if (result == 0 && !acked)
		return fail(error, EPROTO, "nftables transaction", "no answer from the kernel");
	return result;
}

static void drop_stale_answers(const struct nft_tx *tx)
{
	uint8_t data[256];
	while (recv(nft_tx_fd(tx), data, sizeof(data), MSG_DONTWAIT | MSG_TRUNC) >= 0)
		;
}

static int send_batch(struct nft_tx *tx, struct nft_tx_error *error)
{
	struct nlmsghdr *last = (struct nlmsghdr *)(void *)(tx->buf + tx->last_at_bytes);
	last->nlmsg_flags |= NLM_F_ACK;
	struct nlmsghdr *end =
		nftnl_batch_end((char *)tx->buf + tx->len_bytes, nft_tx_next_seq(tx));
	tx->len_bytes += end->nlmsg_len;

	int granted = 0;
	socklen_t len = sizeof(granted);
	(void)getsockopt(nft_tx_fd(tx), SOL_SOCKET, SO_SNDBUF, &granted, &len);
	if ((size_t)granted < tx->len_bytes + 4096)
		set_buffer(nft_tx_fd(tx), SO_SNDBUFFORCE, SO_SNDBUF, tx->len_bytes + 4096);
	drop_stale_answers(tx);
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct iovec iov = {.iov_base = tx->buf, .iov_len = tx->len_bytes};
	struct msghdr msg = {.msg_name = &kernel,
			     .msg_namelen = sizeof(kernel),
			     .msg_iov = &iov,
			     .msg_iovlen = 1};
	ssize_t n;
	do {
		n = sendmsg(nft_tx_fd(tx), &msg, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(error, errno, "send nftables transaction", "");
	return 0;
}

int nft_tx_commit(struct nft_tx *tx, struct nft_tx_error *error)
{
	if (error != NULL)
		*error = (struct nft_tx_error){0};
	int err = 0;
	if (tx->err != 0)
		err = fail(error, tx->err, "build nftables transaction", "");
	else if (nft_tx_count(tx) > 0)
		err = send_batch(tx, error);
	else
		return 0;
	if (err == 0)
		err = read_answers(tx, error);
	nft_tx_begin(tx);
	return err;
}

int nft_tx_query(struct nft_tx *tx, struct nlmsghdr *nlh, mnl_cb_t cb, void *arg)
{
	_Alignas(struct nlmsghdr) uint8_t data[RECEIVE_BYTES];
	uint32_t seq = nlh->nlmsg_seq;
	drop_stale_answers(tx);
	if (mnl_socket_sendto(tx->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(tx->nl, data, sizeof(data));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		int done = mnl_cb_run(data, (size_t)n, seq, tx->portid, cb, arg);
		if (done < 0)
			return -errno;
		if (done == MNL_CB_STOP)
			return 0;
	}
}
