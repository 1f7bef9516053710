// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/ct_inject lbd/flow lib/addr lib/mono lib/mono_now lib/log */
/* Changes to the kernel's table, against a kernel of a few lines in place of the socket. */
#include "lbd/ct_priv.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE = 256, SEEN = 512 };

/* The model kernel, and what it was asked for. */
static struct flow table[TABLE];
static size_t n_table;
static int create_error; /* positive errno for every creation */
static struct {
	unsigned type;
	bool create;
	struct flow flow;
} seen[SEEN];
static size_t n_seen;
static _Alignas(8) uint8_t replies[256 * 1024];
static size_t replies_bytes;

static struct ct *ct;
static size_t alarms;

int ct_socket(unsigned groups, struct mnl_socket **out)
{
	(void)groups, (void)out;
	return -ENOSYS;
}

static struct flow *find(const struct flow *key)
{
	for (size_t i = 0; i < n_table; i++) {
		if (flow_tuple_equal(&table[i].orig, &key->orig))
			return &table[i];
	}
	return NULL;
}

static struct nlmsghdr *reply(unsigned type, uint32_t seq)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(replies + replies_bytes);

	nlh->nlmsg_type = (uint16_t)type;
	nlh->nlmsg_seq = seq;
	return nlh;
}

static void reply_error(const struct nlmsghdr *to, int error)
{
	struct nlmsghdr *nlh = reply(NLMSG_ERROR, to->nlmsg_seq);
	struct nlmsgerr *err = mnl_nlmsg_put_extra_header(nlh, sizeof(*err));

	err->error = -error;
	replies_bytes += nlh->nlmsg_len;
}

static void reply_entry(const struct nlmsghdr *to, const struct flow *flow)
{
	struct nlmsghdr *nlh = reply(NFNL_SUBSYS_CTNETLINK << 8, to->nlmsg_seq);

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
	for (int i = 0; i < 2; i++)
		nlh->nlmsg_len += (uint32_t)flow_encode(
			flow, i ? FLOW_ENCODE_REPLY_KEY : FLOW_ENCODE_KEY,
			(uint8_t *)nlh + nlh->nlmsg_len, FLOW_ATTRS_MAX_BYTES);
	mnl_attr_put_u32(nlh, CTA_MARK, htonl(flow->mark));
	struct nlattr *info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
	struct nlattr *tcp = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE, flow->tcp_state);
	mnl_attr_nest_end(nlh, tcp);
	mnl_attr_nest_end(nlh, info);
	replies_bytes += nlh->nlmsg_len;
}

/* Our messages carry no translated reply tuple: the decoder gets the plain inverse. */
static struct flow decode(const struct nlmsghdr *nlh)
{
	uint8_t attrs[2 * CT_MESSAGE_BYTES];
	size_t len = nlh->nlmsg_len - CT_ATTRS_AT;
	struct flow key = {0};

	memcpy(attrs, (const uint8_t *)nlh + CT_ATTRS_AT, len);
	if (flow_decode(attrs, len, &key) == FLOW_OK)
		return key;
	/* A key alone: add a reply tuple, that of any connection, to please the decoder. */
	struct flow other = table[0];

	len += flow_encode(&other, FLOW_ENCODE_REPLY_KEY, attrs + len, FLOW_ATTRS_MAX_BYTES);
	(void)!flow_decode(attrs, len, &key);
	return key;
}

static int serve(const struct nlmsghdr *nlh, unsigned type, bool create, const struct flow *flow)
{
	struct flow *have = find(flow);

	if (flow->orig.src.family == ADDR_NONE)
		return 0; /* a flush by mark */
	if (type == IPCTNL_MSG_CT_GET && have)
		reply_entry(nlh, have);
	if (type == IPCTNL_MSG_CT_NEW && create && have)
		return EEXIST;
	if (type == IPCTNL_MSG_CT_NEW && create && create_error)
		return create_error;
	if (type == IPCTNL_MSG_CT_NEW && create)
		table[n_table++] = *flow;
	else if (!have)
		return ENOENT;
	else if (type == IPCTNL_MSG_CT_NEW && flow->has_tcp && flow->tcp_state)
		have->tcp_state = flow->tcp_state;
	return 0;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *buf, size_t len)
{
	int left = (int)len;

	(void)nl;
	replies_bytes = 0;
	for (const struct nlmsghdr *nlh = buf; mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left)) {
		struct flow flow = decode(nlh);
		unsigned type = nlh->nlmsg_type & 0xff;
		bool create = nlh->nlmsg_flags & NLM_F_CREATE;

		cr_assert_lt(n_seen, SEEN);
		seen[n_seen].type = type;
		seen[n_seen].create = create;
		seen[n_seen++].flow = flow;
		int error = serve(nlh, type, create, &flow);

		if (error || (nlh->nlmsg_flags & NLM_F_ACK))
			reply_error(nlh, error);
	}
	return (ssize_t)len;
}

/* One message a time. */
ssize_t mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t cap)
{
	struct nlmsghdr *first = (void *)replies;

	(void)nl;
	if (replies_bytes == 0) {
		errno = EAGAIN;
		return -1;
	}
	size_t len = first->nlmsg_len;

	cr_assert_leq(len, cap);
	memcpy(buf, replies, len);
	replies_bytes -= len;
	memmove(replies, replies + len, replies_bytes);
	return (ssize_t)len;
}

static struct flow connection(unsigned i, uint8_t state)
{
	struct addr client = addr_from_ipv4(0x0a000000u + i);
	struct flow flow = {
		.mark = FLOW_MARK_OURS | 0x20001,
		.status = FLOW_STATUS_SYNCED,
		.timeout_s = 60,
		.has_tcp = true,
		.tcp_state = state,
	};

	flow.orig = (struct flow_tuple){client, addr_from_ipv4(1), 40000, 135, FLOW_PROTO_TCP};
	flow.reply = (struct flow_tuple){addr_from_ipv4(2), client, 135, 40000, FLOW_PROTO_TCP};
	return flow;
}

static void no_room(void *arg, const struct flow *flow, int error)
{
	(void)arg;
	cr_assert_eq(error, ENOMEM);
	cr_assert_eq(flow->orig.sport, 40000);
	alarms++;
	if (alarms > 1)
		return;
	/* All that sync.c may do from here, while the full batch would still be there. */
	create_error = 0;
	for (unsigned i = 0; i < 3; i++) {
		struct flow more = connection(1000 + i, FLOW_TCP_ESTABLISHED);

		ct_put(ct, &more, CT_PUT_CREATE);
	}
	cr_assert_eq(ct_flush_mark(ct, FLOW_MARK_OURS, FLOW_MARK_OURS_MASK), 0);
	struct flow last = connection(2000, FLOW_TCP_ESTABLISHED);

	ct_put(ct, &last, CT_PUT_CREATE);
}

static void set_up(void)
{
	ct = calloc(1, sizeof(*ct));
	ct->callbacks.no_room = no_room;
	n_table = 0;
	n_seen = 0;
	create_error = 0;
	alarms = 0;
	replies_bytes = 0;
	table[n_table++] = connection(9999, FLOW_TCP_ESTABLISHED);
}

static void tear_down(void)
{
	free(ct);
}

TestSuite(ct_inject, .init = set_up, .fini = tear_down);

Test(ct_inject, a_callback_may_queue_and_flush_when_a_full_table_refused_a_batch)
{
	create_error = ENOMEM;
	for (unsigned i = 0; i < CT_BATCH; i++) {
		struct flow flow = connection(i, FLOW_TCP_ESTABLISHED);

		ct_put(ct, &flow, CT_PUT_UPSERT);
	}
	cr_assert_eq(alarms, 1, "once for a batch");
	cr_assert_eq(ct->counters.no_room, CT_BATCH);
	cr_assert_eq(ct->counters.errors[ENOMEM], CT_BATCH, "each judged once");
	cr_assert_eq(ct->n_ops, 1, "what was queued last still waits");
	ct_commit(ct);
	cr_assert_eq(ct->counters.injected, 4);
	cr_assert_eq(n_seen, CT_BATCH + 3 + 1 + 1, "nothing was sent twice or lost");
}

static void close_one(const struct flow *flow)
{
	ct_put(ct, flow, CT_PUT_CLOSE);
	ct_commit(ct);
}

Test(ct_inject, an_established_entry_follows_the_old_owners_towards_its_end)
{
	enum { TIME_WAIT = 7 };
	struct flow flow = connection(9999, TIME_WAIT);

	flow.mark = FLOW_MARK_OURS | 0x10001; /* of another generation */
	close_one(&flow);
	cr_assert_eq(n_seen, 2);
	cr_assert_eq(seen[0].type, IPCTNL_MSG_CT_GET);
	cr_assert_eq(seen[1].type, IPCTNL_MSG_CT_NEW);
	cr_assert_not(seen[1].create);
	cr_assert_eq(seen[1].flow.tcp_state, TIME_WAIT);
	cr_assert_eq(seen[1].flow.timeout_s, 60);
	cr_assert_eq(seen[1].flow.mark, table[0].mark, "the mark it has here stays");
	cr_assert_eq(ct->counters.closed, 1);
	close_one(&flow);
	cr_assert_eq(n_seen, 3, "it is closing already: read, left alone");
}

Test(ct_inject, a_closing_record_neither_creates_nor_replaces)
{
	struct flow absent = connection(1, 4);
	struct flow moved = connection(9999, 4);

	moved.reply.src = addr_from_ipv4(3); /* another server: another connection */
	close_one(&absent);
	close_one(&moved);
	cr_assert_eq(n_seen, 2);
	cr_assert_eq(seen[1].type, IPCTNL_MSG_CT_GET);
	cr_assert_eq(ct->counters.injected, 0);
	cr_assert_eq(table[0].tcp_state, FLOW_TCP_ESTABLISHED);
}

Test(ct_inject, a_relaxation_behind_an_update_does_not_supersede_it)
{
	struct flow flow = connection(9999, 5);

	ct_put(ct, &flow, CT_PUT_UPSERT);
	ct_relax(ct, &flow);
	ct_commit(ct);
	cr_assert_eq(table[0].tcp_state, 5);
	cr_assert_eq(ct->counters.injected, 1);
}
