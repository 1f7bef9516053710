// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Changes to the kernel's table, in batches of up to CT_BATCH with the acknowledgement on the last
 * message. ctnetlink carries each message out by itself: an error of one stops no other, and all
 * replies are queued when sendmsg returns. An entry that exists already is read back: one with the
 * same translation is updated (a create with translation would be refused), one with another is
 * replaced, and when only its translated side clashes the one in the way is removed first.
 */
#include "lbd/ct.h"
#include "lbd/ct_priv.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { INJECT_BUFFER_BYTES = 4 * 1024 * 1024 };

int ct_inject_open(struct ct *ct)
{
	int size = INJECT_BUFFER_BYTES;
	int one = 1;
	int error = ct_socket(0, &ct->inject);

	if (error)
		return error;
	int fd = mnl_socket_get_fd(ct->inject);

	/* 64 entries read back at once must fit; error replies stay short. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
	    mnl_socket_setsockopt(ct->inject, NETLINK_CAP_ACK, &one, sizeof(one)) < 0)
		return -errno;
	ct->inject_portid = mnl_socket_get_portid(ct->inject);
	return 0;
}

void ct_inject_close(struct ct *ct)
{
	if (ct->inject)
		mnl_socket_close(ct->inject);
	ct->inject = NULL;
}

/* ---- messages ---- */

static void msgs_begin(struct ct *ct)
{
	ct->msgs.len_bytes = 0;
	ct->msgs.n = 0;
	ct->msgs.first_seq = ct->seq + 1;
}

static struct nlmsghdr *msgs_add(struct ct *ct, unsigned type, unsigned flags, uint8_t family)
{
	struct ct_msgs *msgs = &ct->msgs;

	assert(msgs->len_bytes + CT_MESSAGE_BYTES <= sizeof(msgs->buf));
	msgs->last_at = msgs->len_bytes;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(msgs->buf + msgs->len_bytes);

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = ++ct->seq;
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	msgs->len_bytes += nlh->nlmsg_len;
	msgs->op[msgs->n++] = CT_NO_OP;
	return nlh;
}

/* A message about ops[op]; the reply will name it. */
static void msgs_add_op(struct ct *ct, size_t op, unsigned type, unsigned flags,
			enum flow_encoding encoding)
{
	const struct flow *flow = &ct->ops[op].flow;
	uint8_t family = flow->orig.src.family == ADDR_IPV4 ? AF_INET : AF_INET6;
	struct nlmsghdr *nlh = msgs_add(ct, type, flags, family);
	size_t len =
		flow_encode(flow, encoding, (uint8_t *)nlh + nlh->nlmsg_len, FLOW_ATTRS_MAX_BYTES);

	nlh->nlmsg_len += (uint32_t)len;
	ct->msgs.len_bytes += len;
	ct->msgs.op[ct->msgs.n - 1] = (uint8_t)op;
}

/* Told for each reply: index into ct.ops, errno (0 for data and the last acknowledgement). */
typedef void reply_fn(struct ct *ct, size_t op, int error, const struct nlmsghdr *nlh);

/* One datagram of replies. Returns true when the acknowledgement of the last message was in it. */
static bool take_replies(struct ct *ct, const uint8_t *buf, int len, reply_fn *reply)
{
	uint32_t last = ct->msgs.first_seq + (uint32_t)ct->msgs.n - 1;
	bool done = false;

	for (const struct nlmsghdr *nlh = (const void *)buf; mnl_nlmsg_ok(nlh, len);
	     nlh = mnl_nlmsg_next(nlh, &len)) {
		uint32_t index = nlh->nlmsg_seq - ct->msgs.first_seq;
		int error = 0;

		if (nlh->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

			error = -err->error;
			done = done || nlh->nlmsg_seq == last;
		}
		if (index < ct->msgs.n && ct->msgs.op[index] != CT_NO_OP)
			reply(ct, ct->msgs.op[index], error, nlh);
	}
	return done;
}

/* Sends the batch and reads all replies. Returns 0 or -errno when nothing can be said of it. */
static int msgs_send(struct ct *ct, reply_fn *reply)
{
	struct ct_msgs *msgs = &ct->msgs;
	struct nlmsghdr *last = (void *)(msgs->buf + msgs->last_at);
	uint8_t buf[8192];
	bool done = false;

	if (msgs->n == 0)
		return 0;
	last->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(ct->inject, msgs->buf, msgs->len_bytes) < 0)
		return -errno;
	while (!done) {
		ssize_t len = mnl_socket_recvfrom(ct->inject, buf, sizeof(buf));

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		done = take_replies(ct, buf, (int)len, reply);
	}
	return 0;
}

/* ---- one batch of operations ---- */

/* Told when the batch is over: what the callback queues must not meet a half judged batch. */
static void raise_alarm(struct ct *ct, const struct flow *flow, int error)
{
	if (ct->alarm == 0)
		ct->alarm_flow = *flow;
	ct->alarm = error;
}

static void tell_alarm(struct ct *ct)
{
	int error = ct->alarm;
	struct flow flow = ct->alarm_flow;

	ct->alarm = 0;
	if (error)
		ct->callbacks.no_room(ct->arg, &flow, error);
}

static void refuse(struct ct *ct, const struct ct_op *op, int error)
{
	static const char *const names[] = {
		[CT_OP_UPSERT] = "insert", [CT_OP_CREATE] = "insert", [CT_OP_CLOSE] = "update",
		[CT_OP_DEL] = "delete",    [CT_OP_RELAX] = "relax",
	};
	char text[FLOW_TEXT_MAX];

	ct->counters.errors[error > 0 && error < CT_ERRNO_MAX ? error : 0]++;
	log_limited(ct->log, &ct->limit_refused, LOG_LEVEL_WARN,
		    "kernel refused connection=\"%s\" operation=%s error=\"%s\"",
		    flow_print(&op->flow, text, sizeof(text)), names[op->kind], strerror(error));
	if (error == ENOMEM || error == ENOSPC) {
		ct->counters.no_room++;
		raise_alarm(ct, &op->flow, error);
	}
}

static void on_op_reply(struct ct *ct, size_t op, int error, const struct nlmsghdr *nlh)
{
	(void)nlh;
	ct->ops[op].error = error;
}

/* A later operation of the batch on the same connection has the last word. */
static bool is_superseded(const struct ct *ct, size_t index)
{
	for (size_t i = index + 1; i < ct->n_ops; i++) {
		if (ct->ops[i].kind != CT_OP_RELAX &&
		    flow_tuple_equal(&ct->ops[i].flow.orig, &ct->ops[index].flow.orig))
			return true;
	}
	return false;
}

/* Sorts the results; leaves in error EEXIST only for those that need the second round. */
static size_t judge_ops(struct ct *ct)
{
	size_t again = 0;

	for (size_t i = 0; i < ct->n_ops; i++) {
		struct ct_op *op = &ct->ops[i];
		int error = op->error;

		op->error = 0;
		if (op->kind == CT_OP_DEL) {
			ct->counters.deleted += error == 0;
			if (error != 0 && error != ENOENT)
				refuse(ct, op, error);
		} else if (op->kind == CT_OP_RELAX) {
			ct->counters.relaxed += error == 0;
			if (error != 0 && error != ENOENT)
				refuse(ct, op, error);
		} else if (op->kind == CT_OP_CLOSE) {
			op->error = is_superseded(ct, i) ? 0 : EEXIST;
			again += op->error != 0;
		} else if (error == 0) {
			ct->counters.injected++;
			ct->counters.created++;
		} else if (error != EEXIST) {
			refuse(ct, op, error);
		} else if (op->kind == CT_OP_UPSERT && !is_superseded(ct, i)) {
			op->error = EEXIST;
			again++;
		}
	}
	return again;
}

/* Keeps only the operations of the second round, in order. */
static void keep_existing(struct ct *ct)
{
	size_t n = 0;

	for (size_t i = 0; i < ct->n_ops; i++) {
		if (ct->ops[i].error == EEXIST)
			ct->ops[n++] = ct->ops[i];
	}
	ct->n_ops = n;
}

/* What the kernel has under the original tuple of ops[op]; no family when nothing. */
static void on_found(struct ct *ct, size_t op, int error, const struct nlmsghdr *nlh)
{
	if (error != 0 || nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_len < CT_ATTRS_AT)
		return;
	if (flow_decode((const uint8_t *)nlh + CT_ATTRS_AT, nlh->nlmsg_len - CT_ATTRS_AT,
			&ct->found[op]) != FLOW_OK)
		ct->counters.undecodable++;
}

static int read_back(struct ct *ct)
{
	memset(ct->found, 0, sizeof(ct->found));
	msgs_begin(ct);
	for (size_t i = 0; i < ct->n_ops; i++)
		msgs_add_op(ct, i, IPCTNL_MSG_CT_GET, 0, FLOW_ENCODE_KEY);
	return msgs_send(ct, on_found);
}

/* May our entry follow the old owner's towards its end? If so, with the mark that it has here. */
static bool follow_close(struct flow *want, const struct flow *have)
{
	if (!have->has_tcp || have->tcp_state != FLOW_TCP_ESTABLISHED ||
	    !flow_mark_is_ours(have->mark))
		return false;
	want->mark = have->mark;
	return true;
}

/* Second round: same translation, update; otherwise out with what is in the way, then create. */
static int replace_existing(struct ct *ct)
{
	msgs_begin(ct);
	for (size_t i = 0; i < ct->n_ops; i++) {
		struct ct_op *op = &ct->ops[i];
		const struct flow *have = &ct->found[i];
		bool exists = have->orig.src.family != ADDR_NONE;
		bool same = exists && flow_tuple_equal(&have->reply, &op->flow.reply);

		op->error = 0;
		op->sent = op->kind == CT_OP_UPSERT || (same && follow_close(&op->flow, have));
		if (!op->sent)
			continue;
		if (same) {
			msgs_add_op(ct, i, IPCTNL_MSG_CT_NEW, 0, FLOW_ENCODE_UPDATE);
			continue;
		}
		msgs_add_op(ct, i, IPCTNL_MSG_CT_DELETE, 0,
			    exists ? FLOW_ENCODE_KEY : FLOW_ENCODE_REPLY_KEY);
		ct->msgs.op[ct->msgs.n - 1] = CT_NO_OP; /* gone meanwhile: just as well */
		msgs_add_op(ct, i, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL,
			    FLOW_ENCODE_CREATE);
		ct->counters.replaced++;
	}
	return msgs_send(ct, on_op_reply);
}

static void judge_second(struct ct *ct)
{
	for (size_t i = 0; i < ct->n_ops; i++) {
		const struct ct_op *op = &ct->ops[i];
		bool gone = op->kind == CT_OP_CLOSE && op->error == ENOENT;

		if (!op->sent || gone)
			continue;
		if (op->error == 0) {
			ct->counters.injected++;
			ct->counters.closed += op->kind == CT_OP_CLOSE;
		} else {
			refuse(ct, op, op->error);
		}
	}
}

static void add_op(struct ct *ct, size_t op)
{
	switch (ct->ops[op].kind) {
	case CT_OP_DEL:
		msgs_add_op(ct, op, IPCTNL_MSG_CT_DELETE, 0, FLOW_ENCODE_KEY);
		break;
	case CT_OP_RELAX:
		msgs_add_op(ct, op, IPCTNL_MSG_CT_NEW, 0, FLOW_ENCODE_RELAX);
		break;
	case CT_OP_CLOSE:
		break; /* first it is read back */
	case CT_OP_UPSERT:
	case CT_OP_CREATE:
		msgs_add_op(ct, op, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL,
			    FLOW_ENCODE_CREATE);
		break;
	}
}

void ct_commit(struct ct *ct)
{
	if (ct->n_ops == 0)
		return;
	msgs_begin(ct);
	for (size_t i = 0; i < ct->n_ops; i++)
		add_op(ct, i);
	int error = msgs_send(ct, on_op_reply);

	if (error == 0 && judge_ops(ct) > 0) {
		keep_existing(ct);
		error = read_back(ct);
		if (error == 0)
			error = replace_existing(ct);
		if (error == 0)
			judge_second(ct);
	}
	if (error) {
		/* The batch is in doubt: as bad as no room, the peer must send it all again. */
		ct->counters.errors[-error < CT_ERRNO_MAX ? -error : 0] += ct->n_ops;
		log_limited(ct->log, &ct->limit_refused, LOG_LEVEL_ERR,
			    "injection failed connections=%zu error=\"%s\"", ct->n_ops,
			    strerror(-error));
		raise_alarm(ct, &ct->ops[0].flow, -error);
	}
	ct->n_ops = 0;
	tell_alarm(ct);
}

static void queue(struct ct *ct, enum ct_op_kind kind, const struct flow *flow)
{
	ct->ops[ct->n_ops++] = (struct ct_op){.kind = kind, .flow = *flow};
	if (ct->n_ops == CT_BATCH)
		ct_commit(ct);
}

void ct_put(struct ct *ct, const struct flow *flow, enum ct_put how)
{
	static const enum ct_op_kind kind[] = {
		[CT_PUT_UPSERT] = CT_OP_UPSERT,
		[CT_PUT_CREATE] = CT_OP_CREATE,
		[CT_PUT_CLOSE] = CT_OP_CLOSE,
	};

	queue(ct, kind[how], flow);
}

void ct_del(struct ct *ct, const struct flow *flow)
{
	queue(ct, CT_OP_DEL, flow);
}

void ct_relax(struct ct *ct, const struct flow *flow)
{
	bool liberal = flow->has_tcp && flow->tcp[FLOW_ORIGINAL].flags &
						flow->tcp[FLOW_REPLY].flags & FLOW_TCP_BE_LIBERAL;

	if (flow->orig.proto == FLOW_PROTO_TCP && !liberal)
		queue(ct, CT_OP_RELAX, flow);
}

static void on_flush_reply(struct ct *ct, size_t op, int error, const struct nlmsghdr *nlh)
{
	(void)op;
	(void)nlh;
	ct->flush_error = error;
}

int ct_flush_mark(struct ct *ct, uint32_t mark, uint32_t mask)
{
	ct_commit(ct);
	msgs_begin(ct);
	struct nlmsghdr *nlh = msgs_add(ct, IPCTNL_MSG_CT_DELETE, 0, AF_UNSPEC);

	ct->msgs.len_bytes -= nlh->nlmsg_len;
	mnl_attr_put_u32(nlh, CTA_MARK, htonl(mark));
	mnl_attr_put_u32(nlh, CTA_MARK_MASK, htonl(mask));
	ct->msgs.len_bytes += nlh->nlmsg_len;
	ct->msgs.op[0] = 0;
	ct->flush_error = 0;
	int error = msgs_send(ct, on_flush_reply);

	return error ? error : -ct->flush_error;
}
