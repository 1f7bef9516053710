// SPDX-License-Identifier: GPL-2.0-or-later
#include "lbd/ct.h"
#include "lbd/ct_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	TYPE_NEW = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW,
	TYPE_GET = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
	TYPE_DELETE = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE,
	BATCHES_PER_ROUND = 16, /* of recvmmsg before other handlers get their turn */
};

int ct_socket(unsigned groups, struct mnl_socket **out)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (!nl)
		return -errno;
	if (mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) < 0) {
		int error = -errno;

		mnl_socket_close(nl);
		return error;
	}
	*out = nl;
	return 0;
}

/* The connection in a message of the table, or false when it is none of ours. */
static bool decode(struct ct *ct, const struct nlmsghdr *nlh, struct flow *out)
{
	if (nlh->nlmsg_len < CT_ATTRS_AT)
		return false;
	enum flow_error error =
		flow_decode((const uint8_t *)nlh + CT_ATTRS_AT, nlh->nlmsg_len - CT_ATTRS_AT, out);

	if (error != FLOW_OK && error != FLOW_OTHER_PROTOCOL) {
		ct->counters.undecodable++;
		log_limited(ct->log, &ct->limit_refused, LOG_LEVEL_WARN,
			    "kernel message not understood reason=\"%s\"", flow_error_text(error));
	}
	return error == FLOW_OK && flow_mark_is_ours(out->mark);
}

/* ---- events ---- */

static void handle_event(struct ct *ct, const struct nlmsghdr *nlh)
{
	bool own = nlh->nlmsg_pid == ct->inject_portid;
	struct flow flow;

	if ((nlh->nlmsg_type != TYPE_NEW && nlh->nlmsg_type != TYPE_DELETE) ||
	    !decode(ct, nlh, &flow))
		return;
	ct->counters.events++;
	if (!(flow.status & FLOW_STATUS_ASSURED))
		return; /* half-open: never synchronised */
	if (nlh->nlmsg_type == TYPE_DELETE) {
		ct->counters.ended += !own;
		ct->callbacks.change(ct->arg, CT_CHANGE_END, &flow, own);
	} else if (!own && !(flow.status & FLOW_STATUS_DYING)) {
		ct->callbacks.change(ct->arg, CT_CHANGE_PUT, &flow, own);
	}
}

static void lost_events(struct ct *ct)
{
	ct->counters.overflows++;
	ct->callbacks.overflow(ct->arg);
}

static void handle_datagram(struct ct *ct, const struct mmsghdr *datagram, const uint8_t *buf)
{
	int len = (int)datagram->msg_len;

	if (datagram->msg_hdr.msg_flags & MSG_TRUNC) {
		lost_events(ct);
		return;
	}
	for (const struct nlmsghdr *nlh = (const void *)buf; mnl_nlmsg_ok(nlh, len);
	     nlh = mnl_nlmsg_next(nlh, &len))
		handle_event(ct, nlh);
}

/* One batch. Returns false when the queue is empty. */
static bool receive_events(struct ct *ct)
{
	struct mmsghdr datagram[CT_EVENT_VECTORS] = {0};
	struct iovec iov[CT_EVENT_VECTORS];

	for (size_t i = 0; i < CT_EVENT_VECTORS; i++) {
		iov[i] = (struct iovec){.iov_base = ct->event_buf[i], .iov_len = CT_EVENT_BYTES};
		datagram[i].msg_hdr.msg_iov = &iov[i];
		datagram[i].msg_hdr.msg_iovlen = 1;
	}
	int n = recvmmsg(mnl_socket_get_fd(ct->events), datagram, CT_EVENT_VECTORS, MSG_DONTWAIT,
			 NULL);

	if (n < 0 && errno == ENOBUFS) {
		lost_events(ct);
		return true;
	}
	for (int i = 0; i < n; i++)
		handle_datagram(ct, &datagram[i], ct->event_buf[i]);
	return n > 0;
}

bool ct_drain_events(struct ct *ct)
{
	mono end = mono_add(mono_now(), mono_from_ms(CT_DRAIN_MS));
	bool more = true;

	while (more && mono_before(mono_now(), end))
		more = receive_events(ct);
	ct_commit(ct); /* what the callbacks queued */
	return !more;
}

static void on_events(evutil_socket_t fd, short what, void *arg)
{
	struct ct *ct = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < BATCHES_PER_ROUND && receive_events(ct); i++)
		;
	ct_commit(ct); /* what the callbacks queued */
}

/*
 * Lets through what carries our tag, and of our own doing only the deletions (a running dump must
 * hear of them). Numbers of the netlink header are in host order, the load instructions are not.
 */
static int attach_filter(struct ct *ct)
{
	enum { MARK_AT = 4, PORTID_AT = 12, TYPE_AT = 4, ATTRS_AT = 20 };
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, PORTID_AT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(ct->inject_portid), 0, 2),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, TYPE_AT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(TYPE_DELETE), 0, 9),
		BPF_STMT(BPF_LD | BPF_IMM, ATTRS_AT),
		BPF_STMT(BPF_LDX | BPF_IMM, CTA_MARK),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_NLATTR)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 5, 0),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, MARK_AT),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, FLOW_MARK_OURS_MASK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FLOW_MARK_OURS, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (setsockopt(mnl_socket_get_fd(ct->events), SOL_SOCKET, SO_ATTACH_FILTER, &program,
		       sizeof(program)) < 0)
		return -errno;
	return 0;
}

static int open_events(struct ct *ct)
{
	int size = CT_EVENT_BUFFER_BYTES;
	int error = ct_socket(0, &ct->events);

	if (error)
		return error;
	int fd = mnl_socket_get_fd(ct->events);

	/* Filter and buffer first, then the groups: nothing unfiltered slips in. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		return -errno;
	error = attach_filter(ct);
	if (error)
		return error;
	for (int group = NFNLGRP_CONNTRACK_UPDATE; group <= NFNLGRP_CONNTRACK_DESTROY; group++) {
		if (mnl_socket_setsockopt(ct->events, NETLINK_ADD_MEMBERSHIP, &group,
					  sizeof(group)) < 0)
			return -errno;
	}
	ct->readable = event_new(ct->base, fd, EV_READ | EV_PERSIST, on_events, ct);
	if (!ct->readable || event_add(ct->readable, NULL) < 0)
		return -ENOMEM;
	return 0;
}

/* ---- dumps ---- */

static void dump_close(struct ct_dump *dump)
{
	if (dump->readable)
		event_free(dump->readable);
	if (dump->nl)
		mnl_socket_close(dump->nl);
	dump->readable = NULL;
	dump->nl = NULL;
}

static void dump_entry(struct ct_dump *dump, const struct nlmsghdr *nlh)
{
	struct ct *ct = dump->ct;
	struct flow flow;

	if (!decode(ct, nlh, &flow))
		return;
	bool assured = (flow.status & FLOW_STATUS_ASSURED) && !(flow.status & FLOW_STATUS_DYING);

	if (dump->survey) {
		dump->result.entries += assured;
		dump->result.generations |= 1u << flow_mark_generation(flow.mark);
	} else if (assured) {
		ct->callbacks.record(ct->arg, &flow);
	}
}

/*
 * Reads one chunk. Returns 1 when there is more, 0 at the end, -errno on a failure. The dump may
 * have been closed by a callback meanwhile: dump->nl is NULL then.
 */
static int dump_chunk(struct ct_dump *dump)
{
	struct ct *ct = dump->ct;
	ssize_t got = mnl_socket_recvfrom(dump->nl, ct->dump_buf, sizeof(ct->dump_buf));

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 1 : -errno;
	int len = (int)got;

	for (const struct nlmsghdr *nlh = (const void *)ct->dump_buf;
	     dump->nl && mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_type == NLMSG_DONE)
			return 0;
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

			return err->error;
		}
		if (nlh->nlmsg_type == TYPE_NEW)
			dump_entry(dump, nlh);
	}
	return 1;
}

static void dump_finish(struct ct_dump *dump, int error)
{
	struct ct *ct = dump->ct;

	dump_close(dump);
	dump->result.took = mono_sub(mono_now(), dump->began);
	if (!dump->survey)
		ct->callbacks.dump_done(ct->arg, error);
	else if (error == 0)
		ct->callbacks.survey(ct->arg, &dump->result);
}

static void on_dump(evutil_socket_t fd, short what, void *arg)
{
	struct ct_dump *dump = arg;

	(void)fd;
	(void)what;
	/*
	 * First what happened before this chunk is read. Should some of it be left over, no harm is
	 * done: an end that is told after a newer connection's record is followed by that
	 * connection's own event, for events keep their order.
	 */
	(void)ct_drain_events(dump->ct);
	if (!dump->nl)
		return;
	int more = dump_chunk(dump);

	ct_commit(dump->ct);
	if (dump->nl && more <= 0)
		dump_finish(dump, more);
}

static void put_filter(struct nlmsghdr *nlh, uint32_t mark, uint32_t mask)
{
	mnl_attr_put_u32(nlh, CTA_MARK, htonl(mark));
	mnl_attr_put_u32(nlh, CTA_MARK_MASK, htonl(mask));
}

static int dump_open(struct ct_dump *dump)
{
	uint8_t buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	int error = ct_socket(0, &dump->nl);

	if (error)
		return error;
	dump->began = mono_now();
	dump->result = (struct ct_survey){0};
	nlh->nlmsg_type = TYPE_GET;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++dump->ct->seq;
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	put_filter(nlh, FLOW_MARK_OURS, FLOW_MARK_OURS_MASK);
	if (mnl_socket_sendto(dump->nl, nlh, nlh->nlmsg_len) < 0) {
		error = -errno;
		dump_close(dump);
	}
	return error;
}

/* Opens the dump and lets the event loop read it. */
static int dump_start(struct ct_dump *dump)
{
	int error = dump_open(dump);

	if (error)
		return error;
	dump->readable = event_new(dump->ct->base, mnl_socket_get_fd(dump->nl),
				   EV_READ | EV_PERSIST, on_dump, dump);
	if (!dump->readable || event_add(dump->readable, NULL) < 0) {
		dump_close(dump);
		return -ENOMEM;
	}
	return 0;
}

int ct_dump_start(struct ct *ct)
{
	return ct->bulk.nl ? -EBUSY : dump_start(&ct->bulk);
}

void ct_dump_pause(struct ct *ct, bool pause)
{
	if (!ct->bulk.readable)
		return;
	if (pause)
		event_del(ct->bulk.readable);
	else
		event_add(ct->bulk.readable, NULL);
}

void ct_dump_stop(struct ct *ct)
{
	dump_close(&ct->bulk);
}

void ct_survey_start(struct ct *ct)
{
	if (ct->survey.nl)
		return;
	int error = dump_start(&ct->survey);

	if (error)
		log_msg(ct->log, LOG_LEVEL_WARN, "counting connections failed error=\"%s\"",
			strerror(-error));
}

int ct_survey_now(struct ct *ct, struct ct_survey *out)
{
	struct ct_dump dump = {.ct = ct, .survey = true};
	int more = dump_open(&dump);

	if (more)
		return more;
	/* The kernel writes the next chunk inside recv: there is never anything to wait for. */
	do {
		more = dump_chunk(&dump);
	} while (more > 0);
	*out = dump.result;
	out->took = mono_sub(mono_now(), dump.began);
	dump_close(&dump);
	return more;
}

/* ---- life ---- */

int ct_open(struct event_base *base, struct log *log, const struct ct_callbacks *callbacks,
	    void *arg, struct ct **out)
{
	struct ct *ct = calloc(1, sizeof(*ct));

	if (!ct)
		return -ENOMEM;
	ct->base = base;
	ct->log = log;
	ct->callbacks = *callbacks;
	ct->arg = arg;
	ct->bulk.ct = ct;
	ct->survey.ct = ct;
	ct->survey.survey = true;
	int error = ct_inject_open(ct);

	if (error == 0)
		error = open_events(ct);
	if (error) {
		ct_close(ct);
		return error;
	}
	*out = ct;
	return 0;
}

void ct_close(struct ct *ct)
{
	if (!ct)
		return;
	dump_close(&ct->bulk);
	dump_close(&ct->survey);
	if (ct->readable)
		event_free(ct->readable);
	if (ct->events)
		mnl_socket_close(ct->events);
	ct_inject_close(ct);
	free(ct);
}

const struct ct_counters *ct_counters(const struct ct *ct)
{
	return &ct->counters;
}
