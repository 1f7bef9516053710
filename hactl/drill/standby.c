// SPDX-License-Identifier: GPL-2.0-or-later
#include "standby.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	BUFFER_BYTES = 65536,
	CONNECTIONS = 2, /**< of a session */
};

/** A connection that should be there, host order. */
struct wanted {
	uint32_t client;
	uint32_t server;
	uint16_t source;
	uint16_t port;
	bool held;
};

/** What a look passes around. */
struct look {
	const struct layout *layout;
	struct wanted *wanted; /**< sorted */
	size_t n;
	size_t held;
};

struct tuple {
	uint32_t src, dst;
	uint16_t sport, dport;
	uint8_t proto;
};

struct standby {
	struct mnl_socket *nl;
	uint8_t buf[BUFFER_BYTES];
};

int standby_open(const struct netns *ns, struct standby **out)
{
	struct standby *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (!s)
		return -ENOMEM;
	int home = netns_enter(ns);

	if (home < 0) {
		free(s);
		return home;
	}
	s->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int rc = !s->nl || mnl_socket_bind(s->nl, 0, MNL_SOCKET_AUTOPID) ? -errno : 0;

	netns_leave(home);
	if (rc) {
		standby_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void standby_close(struct standby *s)
{
	if (s && s->nl)
		mnl_socket_close(s->nl);
	free(s);
}

static int compare(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;

	if (x->client != y->client)
		return x->client < y->client ? -1 : 1;
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return x->port < y->port ? -1 : x->port > y->port;
}

static int list_wanted(struct look *look, const struct judge_session *session, size_t n)
{
	const struct layout *l = look->layout;

	look->wanted = calloc(n * CONNECTIONS + 1, sizeof(*look->wanted));
	if (!look->wanted)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		uint8_t server = layout_server_of_port(l, session[i].port);

		if (!session[i].opened || session[i].broken != JUDGE_WHOLE || server == 0)
			continue;
		for (size_t c = 0; c < CONNECTIONS; c++)
			look->wanted[look->n++] =
				(struct wanted){.client = l->client[i % l->n_clients],
						.source = session[i].source[c],
						.port = session[i].port,
						.server = l->server[server - 1].address};
	}
	qsort(look->wanted, look->n, sizeof(*look->wanted), compare);
	return 0;
}

/** An entry of the table, as far as it is compared. */
struct entry {
	struct tuple orig, reply;
	uint8_t tcp_state;
};

static int on_port(const struct nlattr *a, void *arg)
{
	struct tuple *t = arg;
	int type = mnl_attr_get_type(a);

	if (type == CTA_PROTO_NUM && mnl_attr_validate(a, MNL_TYPE_U8) >= 0)
		t->proto = mnl_attr_get_u8(a);
	else if (type == CTA_PROTO_SRC_PORT && mnl_attr_validate(a, MNL_TYPE_U16) >= 0)
		t->sport = ntohs(mnl_attr_get_u16(a));
	else if (type == CTA_PROTO_DST_PORT && mnl_attr_validate(a, MNL_TYPE_U16) >= 0)
		t->dport = ntohs(mnl_attr_get_u16(a));
	return MNL_CB_OK;
}

static int on_address(const struct nlattr *a, void *arg)
{
	struct tuple *t = arg;
	int type = mnl_attr_get_type(a);

	if (mnl_attr_validate(a, MNL_TYPE_U32) < 0)
		return MNL_CB_OK;
	if (type == CTA_IP_V4_SRC)
		t->src = ntohl(mnl_attr_get_u32(a));
	else if (type == CTA_IP_V4_DST)
		t->dst = ntohl(mnl_attr_get_u32(a));
	return MNL_CB_OK;
}

static int on_tuple(const struct nlattr *a, void *arg)
{
	int type = mnl_attr_get_type(a);

	if (type == CTA_TUPLE_PROTO)
		return mnl_attr_parse_nested(a, on_port, arg);
	return type == CTA_TUPLE_IP ? mnl_attr_parse_nested(a, on_address, arg) : MNL_CB_OK;
}

static int on_tcp(const struct nlattr *a, void *arg)
{
	struct entry *e = arg;

	if (mnl_attr_get_type(a) == CTA_PROTOINFO_TCP_STATE)
		e->tcp_state = mnl_attr_get_u8(a);
	return MNL_CB_OK;
}

static int on_protocol(const struct nlattr *a, void *arg)
{
	return mnl_attr_get_type(a) == CTA_PROTOINFO_TCP ? mnl_attr_parse_nested(a, on_tcp, arg)
							 : MNL_CB_OK;
}

static int on_attribute(const struct nlattr *a, void *arg)
{
	struct entry *e = arg;

	switch (mnl_attr_get_type(a)) {
	case CTA_TUPLE_ORIG:
		return mnl_attr_parse_nested(a, on_tuple, &e->orig);
	case CTA_TUPLE_REPLY:
		return mnl_attr_parse_nested(a, on_tuple, &e->reply);
	case CTA_PROTOINFO:
		return mnl_attr_parse_nested(a, on_protocol, e);
	default:
		return MNL_CB_OK;
	}
}

static int on_entry(const struct nlmsghdr *nlh, void *arg)
{
	struct look *look = arg;
	struct entry e = {0};

	if (mnl_attr_parse(nlh, sizeof(struct nfgenmsg), on_attribute, &e) < 0)
		return MNL_CB_OK;
	if (e.orig.proto != IPPROTO_TCP || e.orig.dst != look->layout->front ||
	    e.tcp_state != TCP_CONNTRACK_ESTABLISHED)
		return MNL_CB_OK;
	const struct wanted key = {
		.client = e.orig.src, .source = e.orig.sport, .port = e.orig.dport};
	struct wanted *w = bsearch(&key, look->wanted, look->n, sizeof(key), compare);

	if (w && !w->held && e.reply.src == w->server) {
		w->held = true;
		look->held++;
	}
	return MNL_CB_OK;
}

static int dump(struct standby *s, struct look *look)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(s->buf);

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(nlh, sizeof(*head));

	head->nfgen_family = AF_INET;
	if (mnl_socket_sendto(s->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(s->nl, s->buf, sizeof(s->buf));

		if (n < 0)
			return -errno;
		int rc = mnl_cb_run(s->buf, (size_t)n, 1, mnl_socket_get_portid(s->nl), on_entry,
				    look);

		if (rc == MNL_CB_STOP)
			return 0;
		/* EINTR: the table changed while it was read; what was read is good. */
		if (rc < 0 && errno != EINTR)
			return -errno;
	}
}

int standby_look(struct standby *s, const struct layout *l, const struct judge_session *session,
		 size_t n_sessions, struct standby_count *out)
{
	struct look look = {.layout = l};
	int rc = list_wanted(&look, session, n_sessions);

	*out = (struct standby_count){0};
	if (rc == 0)
		rc = dump(s, &look);
	if (rc == 0)
		*out = (struct standby_count){.held = look.held, .of = look.n};
	free(look.wanted);
	return rc;
}
