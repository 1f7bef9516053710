// SPDX-License-Identifier: GPL-2.0-or-later
#include "lbd/flow.h"

#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <string.h>

enum {
	ATTR_HEADER_BYTES = 4,
	ATTR_NESTED = 0x8000,
	ATTR_TYPE_MASK = 0x3fff, /* without the nested and byte order bits */
};

/* ---- decoding: a bounded walk over attributes ---- */

/* One attribute: its type and a view of its payload. Lengths are in host order, as netlink's. */
struct attr {
	uint16_t type;
	const uint8_t *data;
	size_t len_bytes;
};

struct attr_walk {
	const uint8_t *at;
	size_t left_bytes;
};

static uint16_t load_u16_host(const uint8_t *b)
{
	uint16_t v;

	memcpy(&v, b, sizeof(v));
	return v;
}

/* Takes the next attribute. Returns false at the end; a malformed one sets *error as well. */
static bool walk_next(struct attr_walk *walk, struct attr *out, enum flow_error *error)
{
	if (walk->left_bytes == 0)
		return false;
	size_t len = walk->left_bytes >= ATTR_HEADER_BYTES ? load_u16_host(walk->at) : 0;

	if (len < ATTR_HEADER_BYTES || len > walk->left_bytes) {
		*error = FLOW_BAD_ATTRIBUTE;
		return false;
	}
	*out = (struct attr){
		.type = load_u16_host(walk->at + 2) & ATTR_TYPE_MASK,
		.data = walk->at + ATTR_HEADER_BYTES,
		.len_bytes = len - ATTR_HEADER_BYTES,
	};
	size_t step = (len + 3) & ~(size_t)3;

	if (step > walk->left_bytes)
		step = walk->left_bytes; /* the last one may go without its padding */
	walk->at += step;
	walk->left_bytes -= step;
	return true;
}

static uint64_t attr_number(const struct attr *a, size_t len_bytes, enum flow_error *error)
{
	uint64_t v = 0;

	if (a->len_bytes != len_bytes) {
		*error = FLOW_BAD_LENGTH;
		return 0;
	}
	for (size_t i = 0; i < len_bytes; i++)
		v = v << 8 | a->data[i];
	return v;
}

static struct addr attr_addr(const struct attr *a, enum addr_family family, enum flow_error *error)
{
	if (a->len_bytes != (family == ADDR_IPV4 ? 4u : 16u)) {
		*error = FLOW_BAD_LENGTH;
		return (struct addr){0};
	}
	return addr_from_bytes(family, a->data);
}

static enum flow_error decode_ip(const struct attr *nest, struct flow_tuple *t)
{
	struct attr_walk walk = {.at = nest->data, .left_bytes = nest->len_bytes};
	enum flow_error error = FLOW_OK;
	struct attr a;

	while (error == FLOW_OK && walk_next(&walk, &a, &error)) {
		switch (a.type) {
		case CTA_IP_V4_SRC:
			t->src = attr_addr(&a, ADDR_IPV4, &error);
			break;
		case CTA_IP_V4_DST:
			t->dst = attr_addr(&a, ADDR_IPV4, &error);
			break;
		case CTA_IP_V6_SRC:
			t->src = attr_addr(&a, ADDR_IPV6, &error);
			break;
		case CTA_IP_V6_DST:
			t->dst = attr_addr(&a, ADDR_IPV6, &error);
			break;
		}
	}
	return error;
}

static enum flow_error decode_ports(const struct attr *nest, struct flow_tuple *t)
{
	struct attr_walk walk = {.at = nest->data, .left_bytes = nest->len_bytes};
	enum flow_error error = FLOW_OK;
	struct attr a;

	while (error == FLOW_OK && walk_next(&walk, &a, &error)) {
		switch (a.type) {
		case CTA_PROTO_NUM:
			t->proto = (uint8_t)attr_number(&a, 1, &error);
			break;
		case CTA_PROTO_SRC_PORT:
			t->sport = (uint16_t)attr_number(&a, 2, &error);
			break;
		case CTA_PROTO_DST_PORT:
			t->dport = (uint16_t)attr_number(&a, 2, &error);
			break;
		}
	}
	return error;
}

static enum flow_error decode_tuple(const struct attr *nest, struct flow_tuple *t)
{
	struct attr_walk walk = {.at = nest->data, .left_bytes = nest->len_bytes};
	enum flow_error error = FLOW_OK;
	struct attr a;

	*t = (struct flow_tuple){0};
	while (error == FLOW_OK && walk_next(&walk, &a, &error)) {
		if (a.type == CTA_TUPLE_IP)
			error = decode_ip(&a, t);
		else if (a.type == CTA_TUPLE_PROTO)
			error = decode_ports(&a, t);
	}
	return error;
}

/* CTA_PROTOINFO_TCP_FLAGS_*: struct nf_ct_tcp_flags, flags then mask. */
static uint8_t decode_tcp_flags(const struct attr *a, enum flow_error *error)
{
	return (uint8_t)(attr_number(a, 2, error) >> 8);
}

static enum flow_error decode_tcp(const struct attr *nest, struct flow *flow)
{
	struct attr_walk walk = {.at = nest->data, .left_bytes = nest->len_bytes};
	enum flow_error error = FLOW_OK;
	struct attr a;

	while (error == FLOW_OK && walk_next(&walk, &a, &error)) {
		switch (a.type) {
		case CTA_PROTOINFO_TCP_STATE:
			flow->tcp_state = (uint8_t)attr_number(&a, 1, &error);
			flow->has_tcp = true;
			break;
		case CTA_PROTOINFO_TCP_WSCALE_ORIGINAL:
			flow->tcp[FLOW_ORIGINAL].scale = (uint8_t)attr_number(&a, 1, &error);
			break;
		case CTA_PROTOINFO_TCP_WSCALE_REPLY:
			flow->tcp[FLOW_REPLY].scale = (uint8_t)attr_number(&a, 1, &error);
			break;
		case CTA_PROTOINFO_TCP_FLAGS_ORIGINAL:
			flow->tcp[FLOW_ORIGINAL].flags = decode_tcp_flags(&a, &error);
			break;
		case CTA_PROTOINFO_TCP_FLAGS_REPLY:
			flow->tcp[FLOW_REPLY].flags = decode_tcp_flags(&a, &error);
			break;
		}
	}
	return error;
}

static enum flow_error decode_protoinfo(const struct attr *nest, struct flow *flow)
{
	struct attr_walk walk = {.at = nest->data, .left_bytes = nest->len_bytes};
	enum flow_error error = FLOW_OK;
	struct attr a;

	while (error == FLOW_OK && walk_next(&walk, &a, &error)) {
		if (a.type == CTA_PROTOINFO_TCP)
			error = decode_tcp(&a, flow);
	}
	return error;
}

static enum flow_error decode_attr(const struct attr *a, struct flow *flow)
{
	enum flow_error error = FLOW_OK;

	switch (a->type) {
	case CTA_TUPLE_ORIG:
		return decode_tuple(a, &flow->orig);
	case CTA_TUPLE_REPLY:
		return decode_tuple(a, &flow->reply);
	case CTA_PROTOINFO:
		return decode_protoinfo(a, flow);
	case CTA_STATUS:
		flow->status = (uint32_t)attr_number(a, 4, &error);
		break;
	case CTA_TIMEOUT:
		flow->timeout_s = (uint32_t)attr_number(a, 4, &error);
		break;
	case CTA_MARK:
		flow->mark = (uint32_t)attr_number(a, 4, &error);
		break;
	case CTA_ID:
		flow->id = (uint32_t)attr_number(a, 4, &error);
		break;
	}
	return error;
}

static bool is_complete(const struct flow_tuple *t)
{
	return t->src.family != ADDR_NONE && t->dst.family != ADDR_NONE && t->proto != 0;
}

static enum flow_error check_tuples(const struct flow *flow)
{
	const struct flow_tuple *o = &flow->orig;
	const struct flow_tuple *r = &flow->reply;

	if (!is_complete(o) || !is_complete(r))
		return FLOW_NO_TUPLE;
	if (o->proto != r->proto || (o->proto != FLOW_PROTO_TCP && o->proto != FLOW_PROTO_UDP))
		return FLOW_OTHER_PROTOCOL;
	if (o->src.family != o->dst.family || r->src.family != r->dst.family ||
	    o->src.family != r->src.family)
		return FLOW_FAMILY_MISMATCH;
	return FLOW_OK;
}

enum flow_error flow_decode(const uint8_t *attrs, size_t len_bytes, struct flow *out)
{
	struct attr_walk walk = {.at = attrs, .left_bytes = len_bytes};
	enum flow_error error = FLOW_OK;
	struct flow flow = {0};
	struct attr a;

	while (error == FLOW_OK && walk_next(&walk, &a, &error))
		error = decode_attr(&a, &flow);
	if (error == FLOW_OK)
		error = check_tuples(&flow);
	if (error == FLOW_OK)
		*out = flow;
	return error;
}

/* ---- encoding ---- */

struct attr_writer {
	uint8_t *buf;
	size_t cap_bytes;
	size_t at;
	bool overflow;
};

static void put_attr(struct attr_writer *w, uint16_t type, const void *data, size_t len_bytes)
{
	size_t padded = (ATTR_HEADER_BYTES + len_bytes + 3) & ~(size_t)3;

	if (w->overflow || padded > w->cap_bytes - w->at) {
		w->overflow = true;
		return;
	}
	uint8_t *b = w->buf + w->at;
	uint16_t len = (uint16_t)(ATTR_HEADER_BYTES + len_bytes);

	memset(b, 0, padded);
	memcpy(b, &len, sizeof(len));
	memcpy(b + 2, &type, sizeof(type));
	if (len_bytes)
		memcpy(b + ATTR_HEADER_BYTES, data, len_bytes);
	w->at += padded;
}

static void put_u8(struct attr_writer *w, uint16_t type, uint8_t v)
{
	put_attr(w, type, &v, sizeof(v));
}

static void put_be16(struct attr_writer *w, uint16_t type, uint16_t v)
{
	uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	put_attr(w, type, b, sizeof(b));
}

static void put_be32(struct attr_writer *w, uint16_t type, uint32_t v)
{
	uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	put_attr(w, type, b, sizeof(b));
}

/* Opens a nest; the returned offset goes to nest_end(). */
static size_t nest_begin(struct attr_writer *w, uint16_t type)
{
	size_t start = w->at;

	put_attr(w, type | ATTR_NESTED, NULL, 0);
	return start;
}

static void nest_end(struct attr_writer *w, size_t start)
{
	uint16_t len = (uint16_t)(w->at - start);

	if (!w->overflow)
		memcpy(w->buf + start, &len, sizeof(len));
}

static void put_tuple(struct attr_writer *w, uint16_t type, const struct flow_tuple *t)
{
	bool v4 = t->src.family == ADDR_IPV4;
	size_t len = addr_len_bytes(&t->src);
	size_t tuple = nest_begin(w, type);
	size_t ip = nest_begin(w, CTA_TUPLE_IP);

	put_attr(w, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, t->src.bytes, len);
	put_attr(w, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, t->dst.bytes, len);
	nest_end(w, ip);
	size_t proto = nest_begin(w, CTA_TUPLE_PROTO);

	put_u8(w, CTA_PROTO_NUM, t->proto);
	put_be16(w, CTA_PROTO_SRC_PORT, t->sport);
	put_be16(w, CTA_PROTO_DST_PORT, t->dport);
	nest_end(w, proto);
	nest_end(w, tuple);
}

/* A translation to exactly one address and port. */
static void put_nat(struct attr_writer *w, uint16_t type, const struct addr *addr, uint16_t port)
{
	bool v4 = addr->family == ADDR_IPV4;
	size_t len = addr_len_bytes(addr);
	size_t nat = nest_begin(w, type);

	put_attr(w, v4 ? CTA_NAT_V4_MINIP : CTA_NAT_V6_MINIP, addr->bytes, len);
	put_attr(w, v4 ? CTA_NAT_V4_MAXIP : CTA_NAT_V6_MAXIP, addr->bytes, len);
	size_t proto = nest_begin(w, CTA_NAT_PROTO);

	put_be16(w, CTA_PROTONAT_PORT_MIN, port);
	put_be16(w, CTA_PROTONAT_PORT_MAX, port);
	nest_end(w, proto);
	nest_end(w, nat);
}

static void put_tcp_flags(struct attr_writer *w, uint16_t type, uint8_t flags)
{
	uint8_t b[2];

	b[0] = (flags & (FLOW_TCP_WINDOW_SCALE | FLOW_TCP_SACK_PERM)) | FLOW_TCP_BE_LIBERAL;
	b[1] = FLOW_TCP_WINDOW_SCALE | FLOW_TCP_SACK_PERM | FLOW_TCP_BE_LIBERAL;
	put_attr(w, type, b, sizeof(b));
}

static void put_protoinfo(struct attr_writer *w, const struct flow *flow)
{
	uint8_t state = flow->has_tcp ? flow->tcp_state : FLOW_TCP_ESTABLISHED;
	size_t info = nest_begin(w, CTA_PROTOINFO);
	size_t tcp = nest_begin(w, CTA_PROTOINFO_TCP);

	put_u8(w, CTA_PROTOINFO_TCP_STATE, state);
	put_u8(w, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, flow->tcp[FLOW_ORIGINAL].scale);
	put_u8(w, CTA_PROTOINFO_TCP_WSCALE_REPLY, flow->tcp[FLOW_REPLY].scale);
	put_tcp_flags(w, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, flow->tcp[FLOW_ORIGINAL].flags);
	put_tcp_flags(w, CTA_PROTOINFO_TCP_FLAGS_REPLY, flow->tcp[FLOW_REPLY].flags);
	nest_end(w, tcp);
	nest_end(w, info);
}

/* Flags only; the masks keep everything else as the kernel has it. */
static void put_liberal(struct attr_writer *w)
{
	static const uint8_t liberal[2] = {FLOW_TCP_BE_LIBERAL, FLOW_TCP_BE_LIBERAL};
	size_t info = nest_begin(w, CTA_PROTOINFO);
	size_t tcp = nest_begin(w, CTA_PROTOINFO_TCP);

	put_attr(w, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, liberal, sizeof(liberal));
	put_attr(w, CTA_PROTOINFO_TCP_FLAGS_REPLY, liberal, sizeof(liberal));
	nest_end(w, tcp);
	nest_end(w, info);
}

size_t flow_encode(const struct flow *flow, enum flow_encoding encoding, uint8_t *buf,
		   size_t cap_bytes)
{
	struct attr_writer w = {.buf = buf, .cap_bytes = cap_bytes};

	if (flow->orig.src.family == ADDR_NONE)
		return 0;
	if (encoding == FLOW_ENCODE_REPLY_KEY) {
		put_tuple(&w, CTA_TUPLE_REPLY, &flow->reply);
		return w.overflow ? 0 : w.at;
	}
	put_tuple(&w, CTA_TUPLE_ORIG, &flow->orig);
	if (encoding == FLOW_ENCODE_CREATE) {
		struct flow_tuple inverse = flow_tuple_inverse(&flow->orig);

		put_tuple(&w, CTA_TUPLE_REPLY, &inverse);
		put_nat(&w, CTA_NAT_DST, &flow->reply.src, flow->reply.sport);
		put_nat(&w, CTA_NAT_SRC, &flow->reply.dst, flow->reply.dport);
	}
	if (encoding == FLOW_ENCODE_RELAX)
		put_liberal(&w);
	if (encoding == FLOW_ENCODE_CREATE || encoding == FLOW_ENCODE_UPDATE) {
		uint32_t status = (flow->status & FLOW_STATUS_SYNCED) | FLOW_STATUS_CONFIRMED;

		put_be32(&w, CTA_TIMEOUT, flow->timeout_s ? flow->timeout_s : 1);
		put_be32(&w, CTA_STATUS, status);
		put_be32(&w, CTA_MARK, flow->mark);
		if (flow->orig.proto == FLOW_PROTO_TCP &&
		    (encoding == FLOW_ENCODE_CREATE || flow->has_tcp))
			put_protoinfo(&w, flow);
	}
	return w.overflow ? 0 : w.at;
}

/* ---- values ---- */

struct flow_tuple flow_tuple_inverse(const struct flow_tuple *t)
{
	return (struct flow_tuple){
		.src = t->dst,
		.dst = t->src,
		.sport = t->dport,
		.dport = t->sport,
		.proto = t->proto,
	};
}

bool flow_tuple_equal(const struct flow_tuple *a, const struct flow_tuple *b)
{
	return a->sport == b->sport && a->dport == b->dport && a->proto == b->proto &&
	       addr_equal(&a->src, &b->src) && addr_equal(&a->dst, &b->dst);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static uint64_t mix_addr(uint64_t h, const struct addr *a)
{
	uint64_t word[2];

	memcpy(word, a->bytes, sizeof(word));
	return mix(mix(h, word[0]), word[1]);
}

uint64_t flow_fingerprint(const struct flow *flow, uint64_t seed)
{
	const struct flow_tuple *t = &flow->orig;
	uint64_t h = mix(seed, (uint64_t)flow->id << 16 | t->proto);

	h = mix_addr(h, &t->src);
	h = mix_addr(h, &t->dst);
	return mix(mix(h, (uint64_t)t->sport << 16 | t->dport), seed);
}

uint32_t flow_mark_with_generation(uint32_t mark, unsigned generation)
{
	return (mark & ~FLOW_MARK_GENERATION_MASK) |
	       (generation << FLOW_MARK_GENERATION_SHIFT & FLOW_MARK_GENERATION_MASK);
}

unsigned flow_mark_generation(uint32_t mark)
{
	return (mark & FLOW_MARK_GENERATION_MASK) >> FLOW_MARK_GENERATION_SHIFT;
}

bool flow_is_closing(const struct flow *flow)
{
	return flow->has_tcp && flow->tcp_state >= FLOW_TCP_CLOSING_FIRST &&
	       flow->tcp_state <= FLOW_TCP_CLOSING_LAST;
}

bool flow_mark_is_ours(uint32_t mark)
{
	return (mark & FLOW_MARK_OURS_MASK) == FLOW_MARK_OURS;
}

const char *flow_print(const struct flow *flow, char *buf, size_t cap_bytes)
{
	char src[ADDR_STR_MAX];
	char dst[ADDR_STR_MAX];
	char server[ADDR_STR_MAX];

	snprintf(buf, cap_bytes, "%s %s:%u -> %s:%u => %s:%u",
		 flow->orig.proto == FLOW_PROTO_TCP ? "tcp" : "udp",
		 addr_print(&flow->orig.src, src, sizeof(src)), flow->orig.sport,
		 addr_print(&flow->orig.dst, dst, sizeof(dst)), flow->orig.dport,
		 addr_print(&flow->reply.src, server, sizeof(server)), flow->reply.sport);
	return buf;
}

const char *flow_error_text(enum flow_error error)
{
	static const char *const text[FLOW_ERROR_N] = {
		[FLOW_OK] = "ok",
		[FLOW_BAD_ATTRIBUTE] = "attribute leaves the message",
		[FLOW_BAD_LENGTH] = "attribute of a wrong length",
		[FLOW_NO_TUPLE] = "tuple missing or incomplete",
		[FLOW_FAMILY_MISMATCH] = "address families mixed",
		[FLOW_OTHER_PROTOCOL] = "neither TCP nor UDP",
	};

	return error < FLOW_ERROR_N ? text[error] : "unknown";
}
