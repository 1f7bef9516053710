/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ct.c (sockets, events, dumps) and ct_inject.c (changes to the kernel) share; nobody else. */
#ifndef HA_CT_PRIV_H
#define HA_CT_PRIV_H

#include "lbd/ct.h"

#include <event2/event.h>
#include <libmnl/libmnl.h>

enum {
	CT_EVENT_VECTORS = 32,     /* datagrams of one recvmmsg */
	CT_EVENT_BYTES = 2048,     /* room for one event; they take about 200 */
	CT_DUMP_BYTES = 64 * 1024, /* the kernel fills at most 32 KiB */
	CT_ATTRS_AT = 20,          /* nlmsghdr, nfgenmsg */
	CT_NO_OP = 0xff,           /* a message whose result does not matter */
	CT_MESSAGE_BYTES = CT_ATTRS_AT + FLOW_ATTRS_MAX_BYTES,
};

enum ct_op_kind { CT_OP_UPSERT, CT_OP_CREATE, CT_OP_CLOSE, CT_OP_DEL, CT_OP_RELAX };

struct ct_op {
	enum ct_op_kind kind;
	struct flow flow;
	int error; /* positive errno of the reply, 0 when none came */
	bool sent; /* a message of the second round is about it */
};

/* Netlink messages on their way to one sendmsg. */
struct ct_msgs {
	size_t len_bytes;
	size_t n;
	uint32_t first_seq;
	size_t last_at;           /* offset of the last message */
	uint8_t op[2 * CT_BATCH]; /* message -> index into ct.ops, or CT_NO_OP */
	_Alignas(8) uint8_t buf[2 * CT_BATCH * CT_MESSAGE_BYTES];
};

/* A running or resting dump. */
struct ct_dump {
	struct ct *ct;
	struct mnl_socket *nl; /* NULL when resting */
	struct event *readable;
	mono began;
	bool survey;             /* count only */
	struct ct_survey result; /* of a survey */
};

struct ct {
	struct event_base *base;
	struct log *log;
	struct ct_callbacks callbacks;
	void *arg;
	struct ct_counters counters;
	struct log_limit limit_refused;

	struct mnl_socket *events;
	struct event *readable;
	_Alignas(8) uint8_t event_buf[CT_EVENT_VECTORS][CT_EVENT_BYTES];

	struct ct_dump bulk;
	struct ct_dump survey;
	_Alignas(8) uint8_t dump_buf[CT_DUMP_BYTES];

	struct mnl_socket *inject;
	uint32_t inject_portid;
	uint32_t seq;
	size_t n_ops;
	struct ct_op ops[CT_BATCH];
	struct ct_msgs msgs;
	struct flow found[CT_BATCH]; /* what stands in the way of ops[i] */
	int flush_error;             /* positive errno of the reply to a flush */
	int alarm;                   /* positive errno to be told after the batch, 0 none */
	struct flow alarm_flow;      /* the first connection it was about */
};

/* Opens a non-blocking ctnetlink socket joined to the given groups. 0 or -errno. */
int ct_socket(unsigned groups, struct mnl_socket **out) __attribute__((warn_unused_result));
int ct_inject_open(struct ct *ct) __attribute__((warn_unused_result));
void ct_inject_close(struct ct *ct);

#endif
