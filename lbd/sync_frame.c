// SPDX-License-Identifier: GPL-2.0-or-later
#include "lbd/sync_frame.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
	LEN_AT = 2, /* offset of the low half of the length in the header */
	COUNT_AT = SYNC_FRAME_HEADER_BYTES + 4,
	GROUP_STATE_MAX = 2,
};

/* ---- values inside bodies ---- */

static void put_text(struct wire_writer *w, const char *text, size_t cap_bytes)
{
	size_t len = strnlen(text, cap_bytes - 1);

	wire_put_u8(w, (uint8_t)len);
	wire_put_bytes(w, text, len);
}

/* A text of printable ASCII; anything else in it becomes '?', for it ends in logs and terminals. */
static void get_text(struct wire_reader *r, char *out, size_t cap_bytes)
{
	size_t len = wire_get_u8(r);
	const uint8_t *b = wire_get_view(r, len);
	size_t n = b ? (len < cap_bytes ? len : cap_bytes - 1) : 0;

	for (size_t i = 0; i < n; i++)
		out[i] = b[i] >= 0x20 && b[i] < 0x7f ? (char)b[i] : '?';
	out[n] = '\0';
}

static enum sync_frame_error get_name(struct wire_reader *r, char out[static SYNC_NAME_MAX])
{
	size_t len = wire_get_u8(r);
	const uint8_t *b = wire_get_view(r, len);

	out[0] = '\0';
	if (!b)
		return SYNC_FRAME_SHORT;
	if (len == 0 || len >= SYNC_NAME_MAX)
		return SYNC_FRAME_BAD_NAME;
	for (size_t i = 0; i < len; i++) {
		if (b[i] <= 0x20 || b[i] >= 0x7f)
			return SYNC_FRAME_BAD_NAME;
	}
	memcpy(out, b, len);
	out[len] = '\0';
	return SYNC_FRAME_OK;
}

/* A boolean byte: only 0 and 1 are valid. */
static bool get_bool(struct wire_reader *r, enum sync_frame_error *error)
{
	uint8_t v = wire_get_u8(r);

	if (v > 1)
		*error = SYNC_FRAME_BAD_VALUE;
	return v == 1;
}

/* ---- records ---- */

static size_t record_bytes(enum sync_frame_type type, enum addr_family family)
{
	if (type == SYNC_PUT)
		return family == ADDR_IPV4 ? SYNC_RECORD_IPV4_BYTES : SYNC_RECORD_IPV6_BYTES;
	return family == ADDR_IPV4 ? SYNC_KEY_IPV4_BYTES : SYNC_KEY_IPV6_BYTES;
}

static void put_addr(struct wire_writer *w, const struct addr *a)
{
	wire_put_bytes(w, a->bytes, addr_len_bytes(a));
}

static struct addr get_addr(struct wire_reader *r, enum addr_family family)
{
	const uint8_t *b = wire_get_view(r, family == ADDR_IPV4 ? 4 : 16);

	return b ? addr_from_bytes(family, b) : (struct addr){0};
}

static void put_key(struct wire_writer *w, const struct flow *f)
{
	put_addr(w, &f->orig.src);
	put_addr(w, &f->orig.dst);
	wire_put_u16(w, f->orig.sport);
	wire_put_u16(w, f->orig.dport);
	wire_put_u8(w, f->orig.proto);
	wire_put_zero(w, 3);
}

static void put_record(struct wire_writer *w, const struct flow *f)
{
	put_addr(w, &f->orig.src);
	put_addr(w, &f->orig.dst);
	put_addr(w, &f->reply.src);
	put_addr(w, &f->reply.dst);
	wire_put_u16(w, f->orig.sport);
	wire_put_u16(w, f->orig.dport);
	wire_put_u16(w, f->reply.sport);
	wire_put_u16(w, f->reply.dport);
	wire_put_u32(w, f->mark);
	wire_put_u32(w, f->timeout_s);
	wire_put_u8(w, f->orig.proto);
	wire_put_u8(w, (uint8_t)(f->status & FLOW_STATUS_SYNCED));
	wire_put_u8(w, f->has_tcp ? f->tcp_state : 0xff);
	wire_put_u8(w, f->tcp[FLOW_ORIGINAL].flags);
	wire_put_u8(w, f->tcp[FLOW_REPLY].flags);
	wire_put_u8(w, f->tcp[FLOW_ORIGINAL].scale);
	wire_put_u8(w, f->tcp[FLOW_REPLY].scale);
	wire_put_zero(w, 5);
}

static bool is_zero_addr(const struct addr *a)
{
	return addr_equal(a, &(struct addr){.family = a->family});
}

static enum sync_frame_error check_tuple(const struct flow_tuple *t)
{
	if ((t->proto != FLOW_PROTO_TCP && t->proto != FLOW_PROTO_UDP) || t->sport == 0 ||
	    t->dport == 0 || is_zero_addr(&t->src) || is_zero_addr(&t->dst))
		return SYNC_FRAME_BAD_FLOW;
	return SYNC_FRAME_OK;
}

static enum sync_frame_error get_key(struct wire_reader *r, enum addr_family family, struct flow *f)
{
	*f = (struct flow){0};
	f->orig.src = get_addr(r, family);
	f->orig.dst = get_addr(r, family);
	f->orig.sport = wire_get_u16(r);
	f->orig.dport = wire_get_u16(r);
	f->orig.proto = wire_get_u8(r);
	wire_skip(r, 3);
	return wire_reader_ok(r) ? check_tuple(&f->orig) : SYNC_FRAME_SHORT;
}

static enum sync_frame_error check_record(const struct flow *f)
{
	enum sync_frame_error error = check_tuple(&f->orig);

	if (error == SYNC_FRAME_OK)
		error = check_tuple(&f->reply);
	if (error != SYNC_FRAME_OK)
		return error;
	if (!flow_mark_is_ours(f->mark))
		return SYNC_FRAME_BAD_MARK;
	if (f->timeout_s > INT32_MAX || (f->status & ~(uint32_t)FLOW_STATUS_SYNCED) ||
	    (f->has_tcp && f->tcp_state > FLOW_TCP_STATE_MAX) ||
	    f->tcp[FLOW_ORIGINAL].scale > FLOW_TCP_SCALE_MAX ||
	    f->tcp[FLOW_REPLY].scale > FLOW_TCP_SCALE_MAX)
		return SYNC_FRAME_BAD_FLOW;
	return SYNC_FRAME_OK;
}

static enum sync_frame_error get_record(struct wire_reader *r, enum addr_family family,
					struct flow *f)
{
	*f = (struct flow){0};
	f->orig.src = get_addr(r, family);
	f->orig.dst = get_addr(r, family);
	f->reply.src = get_addr(r, family);
	f->reply.dst = get_addr(r, family);
	f->orig.sport = wire_get_u16(r);
	f->orig.dport = wire_get_u16(r);
	f->reply.sport = wire_get_u16(r);
	f->reply.dport = wire_get_u16(r);
	f->mark = wire_get_u32(r);
	f->timeout_s = wire_get_u32(r);
	f->orig.proto = wire_get_u8(r);
	f->reply.proto = f->orig.proto;
	f->status = wire_get_u8(r);
	f->tcp_state = wire_get_u8(r);
	f->has_tcp = f->tcp_state != 0xff;
	f->tcp[FLOW_ORIGINAL].flags = wire_get_u8(r);
	f->tcp[FLOW_REPLY].flags = wire_get_u8(r);
	f->tcp[FLOW_ORIGINAL].scale = wire_get_u8(r);
	f->tcp[FLOW_REPLY].scale = wire_get_u8(r);
	wire_skip(r, 5);
	if (!f->has_tcp)
		f->tcp_state = 0;
	return wire_reader_ok(r) ? check_record(f) : SYNC_FRAME_SHORT;
}

enum sync_frame_error sync_frame_flow(const struct sync_frame *frame, size_t i, struct flow *out)
{
	const struct sync_records *records = &frame->records;
	size_t size = record_bytes(frame->type, records->family);
	struct wire_reader r;

	assert(i < records->count);
	wire_reader_init(&r, records->data + i * size, size);
	return frame->type == SYNC_PUT ? get_record(&r, records->family, out)
				       : get_key(&r, records->family, out);
}

static enum sync_frame_error get_records(struct wire_reader *r, struct sync_frame *out)
{
	struct sync_records *records = &out->records;
	enum sync_frame_error error = SYNC_FRAME_OK;
	uint8_t family = wire_get_u8(r);

	records->bulk = get_bool(r, &error);
	size_t size = wire_get_u8(r);

	wire_skip(r, 1);
	records->count = wire_get_u16(r);
	if (!wire_reader_ok(r))
		return SYNC_FRAME_SHORT;
	if (family != ADDR_IPV4 && family != ADDR_IPV6)
		return SYNC_FRAME_BAD_FAMILY;
	records->family = family == ADDR_IPV4 ? ADDR_IPV4 : ADDR_IPV6;
	if (size != record_bytes(out->type, records->family) || records->count == 0)
		return SYNC_FRAME_BAD_RECORD;
	records->data = wire_get_view(r, records->count * size);
	if (!records->data)
		return SYNC_FRAME_BAD_RECORD;
	for (size_t i = 0; error == SYNC_FRAME_OK && i < records->count; i++) {
		struct flow flow;

		error = sync_frame_flow(out, i, &flow);
	}
	return error;
}

/* ---- bodies ---- */

static void put_hello(struct wire_writer *w, const struct sync_hello *h)
{
	wire_put_u16(w, h->version_min);
	wire_put_u16(w, h->version_max);
	wire_put_u32(w, h->capabilities);
	wire_put_u64(w, h->instance);
	wire_put_u64(w, h->config_hash);
	wire_put_u32(w, h->epoch);
	wire_put_u8(w, h->owner);
	put_text(w, h->node, sizeof(h->node));
	put_text(w, h->program, sizeof(h->program));
}

static enum sync_frame_error get_hello(struct wire_reader *r, struct sync_hello *h)
{
	enum sync_frame_error error = SYNC_FRAME_OK;

	h->version_min = wire_get_u16(r);
	h->version_max = wire_get_u16(r);
	h->capabilities = wire_get_u32(r);
	h->instance = wire_get_u64(r);
	h->config_hash = wire_get_u64(r);
	h->epoch = wire_get_u32(r);
	h->owner = get_bool(r, &error);
	if (!wire_reader_ok(r))
		return SYNC_FRAME_SHORT;
	if (h->version_min == 0 || h->version_min > h->version_max)
		return SYNC_FRAME_BAD_VERSION;
	if (error == SYNC_FRAME_OK)
		error = get_name(r, h->node);
	get_text(r, h->program, sizeof(h->program));
	return error;
}

static void put_word(struct wire_writer *w, const struct sync_word *word)
{
	wire_put_u8(w, word->owner);
	wire_put_u8(w, word->vrrpd);
	wire_put_u32(w, word->epoch);
	wire_put_u64(w, word->config_hash);
	wire_put_u64(w, word->connections);
	wire_put_u8(w, word->n_groups);
	for (size_t i = 0; i < word->n_groups; i++) {
		const struct sync_group *g = &word->group[i];

		put_text(w, g->name, sizeof(g->name));
		wire_put_u8(w, g->state);
		wire_put_u8(w, g->priority);
		wire_put_u32(w, g->epoch);
	}
}

static enum sync_frame_error get_word(struct wire_reader *r, struct sync_word *word)
{
	enum sync_frame_error error = SYNC_FRAME_OK;

	word->owner = get_bool(r, &error);
	word->vrrpd = get_bool(r, &error);
	word->epoch = wire_get_u32(r);
	word->config_hash = wire_get_u64(r);
	word->connections = wire_get_u64(r);
	word->n_groups = wire_get_u8(r);
	if (word->n_groups > SYNC_GROUPS_MAX)
		return SYNC_FRAME_BAD_VALUE;
	for (size_t i = 0; error == SYNC_FRAME_OK && i < word->n_groups; i++) {
		struct sync_group *g = &word->group[i];

		error = get_name(r, g->name);
		g->state = wire_get_u8(r);
		g->priority = wire_get_u8(r);
		g->epoch = wire_get_u32(r);
		if (error == SYNC_FRAME_OK && g->state > GROUP_STATE_MAX)
			error = SYNC_FRAME_BAD_VALUE;
	}
	return error;
}

static enum sync_frame_error get_verdict(struct wire_reader *r, struct sync_verdict *v)
{
	v->server = wire_get_u16(r);
	uint8_t state = wire_get_u8(r);

	get_text(r, v->reason, sizeof(v->reason));
	if (!wire_reader_ok(r))
		return SYNC_FRAME_SHORT;
	if (v->server == 0 || state >= SYNC_SERVER_N)
		return SYNC_FRAME_BAD_VALUE;
	v->state = state == SYNC_SERVER_UP     ? SYNC_SERVER_UP
		   : state == SYNC_SERVER_DOWN ? SYNC_SERVER_DOWN
					       : SYNC_SERVER_UNKNOWN;
	return SYNC_FRAME_OK;
}

static enum sync_frame_error decode_body(struct wire_reader *r, struct sync_frame *out)
{
	switch (out->type) {
	case SYNC_HELLO:
		return get_hello(r, &out->hello);
	case SYNC_PUT:
	case SYNC_DEL:
		return get_records(r, out);
	case SYNC_BULK_BEGIN:
	case SYNC_BULK_END:
	case SYNC_BULK_DONE:
		out->bulk.id = wire_get_u32(r);
		out->bulk.count = wire_get_u64(r);
		return SYNC_FRAME_OK;
	case SYNC_BARRIER:
	case SYNC_BARRIER_ACK:
		out->barrier.id = wire_get_u64(r);
		out->barrier.injected = wire_get_u64(r);
		return SYNC_FRAME_OK;
	case SYNC_VERDICT:
		return get_verdict(r, &out->verdict);
	case SYNC_FLUSH_SERVER:
		out->server = wire_get_u16(r);
		return out->server ? SYNC_FRAME_OK : SYNC_FRAME_BAD_VALUE;
	case SYNC_STATE:
		return get_word(r, &out->word);
	case SYNC_HEARTBEAT:
	case SYNC_HEARTBEAT_ACK:
		out->stamp = wire_get_u64(r);
		return SYNC_FRAME_OK;
	case SYNC_BYE:
	case SYNC_BULK_REQUEST:
		get_text(r, out->reason, sizeof(out->reason));
		return SYNC_FRAME_OK;
	case SYNC_FRAME_TYPE_N:
		break;
	}
	return SYNC_FRAME_BAD_TYPE;
}

/* ---- frames ---- */

enum sync_frame_error sync_frame_peek(const uint8_t *data, size_t len_bytes,
				      struct sync_frame_header *out)
{
	struct wire_reader r;

	if (len_bytes < SYNC_FRAME_HEADER_BYTES)
		return SYNC_FRAME_MORE;
	wire_reader_init(&r, data, len_bytes);
	out->len_bytes = wire_get_u32(&r);
	out->type = wire_get_u8(&r);
	out->flags = wire_get_u8(&r);
	wire_skip(&r, 2);
	out->seq = wire_get_u32(&r);
	if (out->len_bytes < SYNC_FRAME_HEADER_BYTES || out->len_bytes > SYNC_FRAME_MAX_BYTES)
		return SYNC_FRAME_BAD_LENGTH;
	return out->len_bytes > len_bytes ? SYNC_FRAME_MORE : SYNC_FRAME_OK;
}

enum sync_frame_error sync_frame_decode(const uint8_t *data, const struct sync_frame_header *header,
					struct sync_frame *out)
{
	struct wire_reader r;

	if (header->type < SYNC_HELLO || header->type >= SYNC_FRAME_TYPE_N)
		return header->flags & SYNC_FRAME_SKIPPABLE ? SYNC_FRAME_SKIP : SYNC_FRAME_BAD_TYPE;
	memset(out, 0, sizeof(*out));
	out->type = (enum sync_frame_type)header->type;
	wire_reader_init(&r, data + SYNC_FRAME_HEADER_BYTES,
			 header->len_bytes - SYNC_FRAME_HEADER_BYTES);
	enum sync_frame_error error = decode_body(&r, out);

	if (error == SYNC_FRAME_OK && !wire_reader_ok(&r))
		return SYNC_FRAME_SHORT;
	return error;
}

static void put_header(struct wire_writer *w, enum sync_frame_type type, uint32_t seq)
{
	wire_put_u32(w, 0); /* patched when the length is known */
	wire_put_u8(w, (uint8_t)type);
	wire_put_u8(w, 0);
	wire_put_u16(w, 0);
	wire_put_u32(w, seq);
}

static void encode_body(struct wire_writer *w, const struct sync_frame *frame)
{
	switch (frame->type) {
	case SYNC_HELLO:
		put_hello(w, &frame->hello);
		break;
	case SYNC_BULK_BEGIN:
	case SYNC_BULK_END:
	case SYNC_BULK_DONE:
		wire_put_u32(w, frame->bulk.id);
		wire_put_u64(w, frame->bulk.count);
		break;
	case SYNC_BARRIER:
	case SYNC_BARRIER_ACK:
		wire_put_u64(w, frame->barrier.id);
		wire_put_u64(w, frame->barrier.injected);
		break;
	case SYNC_VERDICT:
		wire_put_u16(w, frame->verdict.server);
		wire_put_u8(w, (uint8_t)frame->verdict.state);
		put_text(w, frame->verdict.reason, sizeof(frame->verdict.reason));
		break;
	case SYNC_FLUSH_SERVER:
		wire_put_u16(w, frame->server);
		break;
	case SYNC_STATE:
		put_word(w, &frame->word);
		break;
	case SYNC_HEARTBEAT:
	case SYNC_HEARTBEAT_ACK:
		wire_put_u64(w, frame->stamp);
		break;
	case SYNC_BYE:
	case SYNC_BULK_REQUEST:
		put_text(w, frame->reason, sizeof(frame->reason));
		break;
	case SYNC_PUT:
	case SYNC_DEL:
	case SYNC_FRAME_TYPE_N:
		w->overflow = true; /* batches have their own builder */
		break;
	}
}

size_t sync_frame_encode(const struct sync_frame *frame, uint32_t seq, uint8_t *buf,
			 size_t cap_bytes)
{
	struct wire_writer w;

	wire_writer_init(&w, buf, cap_bytes);
	put_header(&w, frame->type, seq);
	encode_body(&w, frame);
	if (!wire_writer_ok(&w))
		return 0;
	wire_patch_u16(&w, LEN_AT, (uint16_t)w.at);
	return w.at;
}

bool sync_batch_fits(const struct sync_batch *b, enum sync_frame_type type, const struct flow *flow,
		     bool bulk)
{
	return b->count == 0 ||
	       (b->type == type && b->bulk == bulk && b->family == flow->orig.src.family &&
		b->w.at + record_bytes(type, b->family) <= sizeof(b->buf));
}

void sync_batch_add(struct sync_batch *b, enum sync_frame_type type, const struct flow *flow,
		    bool bulk)
{
	assert(sync_batch_fits(b, type, flow, bulk));
	if (b->count == 0) {
		b->type = type;
		b->family = flow->orig.src.family == ADDR_IPV4 ? ADDR_IPV4 : ADDR_IPV6;
		b->bulk = bulk;
		wire_writer_init(&b->w, b->buf, sizeof(b->buf));
		put_header(&b->w, type, 0);
		wire_put_u8(&b->w, (uint8_t)b->family);
		wire_put_u8(&b->w, bulk);
		wire_put_u8(&b->w, (uint8_t)record_bytes(type, b->family));
		wire_put_u8(&b->w, 0);
		wire_put_u16(&b->w, 0); /* count, patched at the end */
	}
	if (type == SYNC_PUT)
		put_record(&b->w, flow);
	else
		put_key(&b->w, flow);
	b->count++;
}

size_t sync_batch_finish(struct sync_batch *b, uint32_t seq)
{
	if (b->count == 0)
		return 0;
	wire_patch_u16(&b->w, LEN_AT, (uint16_t)b->w.at);
	wire_patch_u16(&b->w, 8, (uint16_t)(seq >> 16));
	wire_patch_u16(&b->w, 10, (uint16_t)seq);
	wire_patch_u16(&b->w, COUNT_AT, b->count);
	b->count = 0;
	return b->w.at;
}

uint16_t sync_version_common(const struct sync_hello *peer)
{
	uint16_t high = peer->version_max < SYNC_VERSION_MAX ? peer->version_max : SYNC_VERSION_MAX;

	return high >= peer->version_min && high >= SYNC_VERSION_MIN ? high : 0;
}

const char *sync_frame_error_text(enum sync_frame_error error)
{
	static const char *const text[SYNC_FRAME_ERROR_N] = {
		[SYNC_FRAME_OK] = "ok",
		[SYNC_FRAME_MORE] = "incomplete",
		[SYNC_FRAME_SKIP] = "unknown type skipped",
		[SYNC_FRAME_BAD_LENGTH] = "frame length out of range",
		[SYNC_FRAME_BAD_TYPE] = "unknown frame type",
		[SYNC_FRAME_SHORT] = "frame body too short",
		[SYNC_FRAME_BAD_NAME] = "bad name",
		[SYNC_FRAME_BAD_VERSION] = "bad version range",
		[SYNC_FRAME_BAD_FAMILY] = "bad address family",
		[SYNC_FRAME_BAD_RECORD] = "records do not fit the frame",
		[SYNC_FRAME_BAD_FLOW] = "connection record out of range",
		[SYNC_FRAME_BAD_MARK] = "connection record without our mark",
		[SYNC_FRAME_BAD_VALUE] = "field out of range",
	};

	return error < SYNC_FRAME_ERROR_N ? text[error] : "unknown";
}

const char *sync_frame_type_name(unsigned type)
{
	static const char *const name[SYNC_FRAME_TYPE_N] = {
		[SYNC_HELLO] = "HELLO",
		[SYNC_PUT] = "PUT",
		[SYNC_DEL] = "DEL",
		[SYNC_BULK_BEGIN] = "BULK_BEGIN",
		[SYNC_BULK_END] = "BULK_END",
		[SYNC_BULK_DONE] = "BULK_DONE",
		[SYNC_BULK_REQUEST] = "BULK_REQUEST",
		[SYNC_BARRIER] = "BARRIER",
		[SYNC_BARRIER_ACK] = "BARRIER_ACK",
		[SYNC_VERDICT] = "VERDICT",
		[SYNC_FLUSH_SERVER] = "FLUSH_SERVER",
		[SYNC_STATE] = "STATE",
		[SYNC_HEARTBEAT] = "HEARTBEAT",
		[SYNC_HEARTBEAT_ACK] = "HEARTBEAT_ACK",
		[SYNC_BYE] = "BYE",
	};

	return type < SYNC_FRAME_TYPE_N && name[type] ? name[type] : "unknown";
}
