// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/sync_frame lbd/flow lib/wire lib/addr */
/* The pair link's frames: there and back, every truncation, every field out of range. */
#include "lbd/sync_frame.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t frame_buf[SYNC_FRAME_MAX_BYTES];
static struct sync_frame in;

/* Peeks and decodes a copy that ends exactly where the frame does. */
static enum sync_frame_error decode(const uint8_t *data, size_t len, struct sync_frame *out)
{
	struct sync_frame_header header;
	uint8_t *copy = malloc(len + 1);

	memcpy(copy, data, len);
	enum sync_frame_error error = sync_frame_peek(copy, len, &header);

	if (error == SYNC_FRAME_OK)
		error = sync_frame_decode(copy, &header, out);
	free(copy);
	return error;
}

static struct flow make_flow(uint16_t port)
{
	struct flow f = {
		.mark = 0x5b020007,
		.status = FLOW_STATUS_SYNCED,
		.timeout_s = 432000,
		.has_tcp = true,
		.tcp_state = FLOW_TCP_ESTABLISHED,
		.tcp = {{.flags = 0x0b, .scale = 7}, {.flags = 0x0a, .scale = 9}},
	};

	f.orig = (struct flow_tuple){.src = addr_from_ipv4(0xc0000264),
				     .dst = addr_from_ipv4(0xc000020a),
				     .sport = port,
				     .dport = 135,
				     .proto = FLOW_PROTO_TCP};
	f.reply = flow_tuple_inverse(&f.orig);
	f.reply.src = addr_from_ipv4(0x0a01000b);
	return f;
}

static size_t put_batch(enum sync_frame_type type, unsigned n, bool bulk)
{
	static struct sync_batch batch;

	batch.count = 0;
	for (unsigned i = 0; i < n; i++) {
		struct flow f = make_flow((uint16_t)(1000 + i));

		cr_assert(sync_batch_fits(&batch, type, &f, bulk));
		sync_batch_add(&batch, type, &f, bulk);
	}
	size_t len = sync_batch_finish(&batch, 0x01020304);

	memcpy(frame_buf, batch.buf, len);
	return len;
}

static struct sync_frame sample(enum sync_frame_type type)
{
	struct sync_frame f = {.type = type};

	switch (type) {
	case SYNC_HELLO:
		f.hello = (struct sync_hello){.version_min = 1,
					      .version_max = 1,
					      .capabilities = SYNC_CAN_IPV4,
					      .instance = 0x1122334455667788,
					      .config_hash = 0xfeedface,
					      .epoch = 4,
					      .owner = true,
					      .node = "gw1",
					      .program = "0.1.0"};
		break;
	case SYNC_BULK_BEGIN:
	case SYNC_BULK_END:
	case SYNC_BULK_DONE:
		f.bulk = (struct sync_bulk){.id = 3, .count = 1ull << 40};
		break;
	case SYNC_BARRIER:
	case SYNC_BARRIER_ACK:
		f.barrier = (struct sync_barrier){.id = 9, .injected = 77};
		break;
	case SYNC_VERDICT:
		f.verdict = (struct sync_verdict){
			.server = 2, .state = SYNC_SERVER_DOWN, .reason = "connect: refused"};
		break;
	case SYNC_FLUSH_SERVER:
		f.server = 65534;
		break;
	case SYNC_STATE:
		f.word = (struct sync_word){.owner = true,
					    .vrrpd = true,
					    .epoch = 8,
					    .connections = 500,
					    .n_groups = 2};
		f.word.group[0] =
			(struct sync_group){.name = "default", .state = 2, .priority = 200};
		f.word.group[1] = (struct sync_group){.name = "other", .state = 1, .epoch = 6};
		break;
	case SYNC_HEARTBEAT:
	case SYNC_HEARTBEAT_ACK:
		f.stamp = 123456789;
		break;
	case SYNC_BYE:
	case SYNC_BULK_REQUEST:
		snprintf(f.reason, sizeof(f.reason), "stopping");
		break;
	case SYNC_PUT:
	case SYNC_DEL:
	case SYNC_FRAME_TYPE_N:
		break;
	}
	return f;
}

static bool has_sample(unsigned type)
{
	return type != SYNC_PUT && type != SYNC_DEL;
}

Test(sync_frame, every_control_frame_comes_back_as_it_went)
{
	for (unsigned type = SYNC_HELLO; type < SYNC_FRAME_TYPE_N; type++) {
		struct sync_frame out = sample((enum sync_frame_type)type);
		struct sync_frame_header header;

		if (!has_sample(type))
			continue;
		size_t len = sync_frame_encode(&out, 41, frame_buf, sizeof(frame_buf));

		cr_assert_gt(len, 0);
		cr_assert_eq(sync_frame_peek(frame_buf, len, &header), SYNC_FRAME_OK);
		cr_assert_eq(header.seq, 41);
		cr_assert_eq(header.len_bytes, len);
		cr_assert_eq(decode(frame_buf, len, &in), SYNC_FRAME_OK);
		cr_assert_eq(memcmp(&in, &out, sizeof(in)), 0, "%s", sync_frame_type_name(type));
	}
}

Test(sync_frame, every_truncation_waits_and_every_shortened_body_is_refused)
{
	for (unsigned type = SYNC_HELLO; type < SYNC_FRAME_TYPE_N; type++) {
		struct sync_frame out = sample((enum sync_frame_type)type);
		size_t len = has_sample(type)
				     ? sync_frame_encode(&out, 0, frame_buf, sizeof(frame_buf))
				     : put_batch((enum sync_frame_type)type, 3, false);

		for (size_t cut = 0; cut < len; cut++) {
			cr_assert_eq(decode(frame_buf, cut, &in), SYNC_FRAME_MORE);
			if (cut < SYNC_FRAME_HEADER_BYTES)
				continue;
			uint8_t header[4];

			/* The same cut, but the header agrees with it. */
			memcpy(header, frame_buf, sizeof(header));
			frame_buf[2] = (uint8_t)(cut >> 8);
			frame_buf[3] = (uint8_t)cut;
			cr_assert_neq(decode(frame_buf, cut, &in), SYNC_FRAME_OK, "%s cut to %zu",
				      sync_frame_type_name(type), cut);
			memcpy(frame_buf, header, sizeof(header));
		}
	}
}

Test(sync_frame, bytes_behind_the_known_fields_are_ignored)
{
	/* How a later version may grow a frame. */
	struct sync_frame out = sample(SYNC_VERDICT);
	size_t len = sync_frame_encode(&out, 0, frame_buf, sizeof(frame_buf));

	frame_buf[3] = (uint8_t)(len + 5);
	cr_assert_eq(decode(frame_buf, len + 5, &in), SYNC_FRAME_OK);
	cr_assert_eq(in.verdict.server, 2);
}

Test(sync_frame, records_come_back_as_they_went)
{
	size_t len = put_batch(SYNC_PUT, 5, true);
	struct sync_frame_header header;

	cr_assert_eq(len, SYNC_FRAME_HEADER_BYTES + 6 + 5 * SYNC_RECORD_IPV4_BYTES);
	cr_assert_eq(sync_frame_peek(frame_buf, len, &header), SYNC_FRAME_OK);
	cr_assert_eq(header.seq, 0x01020304);
	cr_assert_eq(sync_frame_decode(frame_buf, &header, &in), SYNC_FRAME_OK);
	cr_assert(in.records.bulk);
	cr_assert_eq(in.records.count, 5);
	for (unsigned i = 0; i < 5; i++) {
		struct flow want = make_flow((uint16_t)(1000 + i));
		struct flow got;

		cr_assert_eq(sync_frame_flow(&in, i, &got), SYNC_FRAME_OK);
		cr_assert(flow_tuple_equal(&got.orig, &want.orig));
		cr_assert(flow_tuple_equal(&got.reply, &want.reply));
		cr_assert_eq(got.mark, want.mark);
		cr_assert_eq(got.timeout_s, want.timeout_s);
		cr_assert_eq(got.status, want.status);
		cr_assert_eq(got.tcp_state, want.tcp_state);
		cr_assert_eq(memcmp(got.tcp, want.tcp, sizeof(got.tcp)), 0);
	}
}

Test(sync_frame, ends_carry_only_the_key)
{
	size_t len = put_batch(SYNC_DEL, 2, false);
	struct sync_frame_header header;
	struct flow want = make_flow(1001);
	struct flow got;

	cr_assert_eq(len, SYNC_FRAME_HEADER_BYTES + 6 + 2 * SYNC_KEY_IPV4_BYTES);
	cr_assert_eq(sync_frame_peek(frame_buf, len, &header), SYNC_FRAME_OK);
	cr_assert_eq(sync_frame_decode(frame_buf, &header, &in), SYNC_FRAME_OK);
	cr_assert_eq(sync_frame_flow(&in, 1, &got), SYNC_FRAME_OK);
	cr_assert(flow_tuple_equal(&got.orig, &want.orig));
}

Test(sync_frame, a_batch_takes_one_kind_and_no_more_than_fits)
{
	static struct sync_batch batch;
	struct flow four = make_flow(1);
	struct flow six = four;
	unsigned n = 0;

	cr_assert(addr_parse("2001:db8::1", &six.orig.src));
	cr_assert_eq(sync_batch_finish(&batch, 0), 0, "nothing begun, nothing to send");
	for (; sync_batch_fits(&batch, SYNC_PUT, &four, false); n++)
		sync_batch_add(&batch, SYNC_PUT, &four, false);
	cr_assert_eq(n, (SYNC_BATCH_BYTES - SYNC_FRAME_HEADER_BYTES - 6) / SYNC_RECORD_IPV4_BYTES);
	cr_assert_leq(sync_batch_finish(&batch, 0), SYNC_BATCH_BYTES);
	sync_batch_add(&batch, SYNC_PUT, &four, false);
	cr_assert_not(sync_batch_fits(&batch, SYNC_DEL, &four, false));
	cr_assert_not(sync_batch_fits(&batch, SYNC_PUT, &four, true));
	cr_assert_not(sync_batch_fits(&batch, SYNC_PUT, &six, false));
}

struct damage {
	const char *what;
	size_t at;
	uint8_t value;
	enum sync_frame_error error;
};

static void expect_damage(size_t len, const struct damage *cases, size_t n)
{
	static uint8_t whole[SYNC_FRAME_MAX_BYTES];

	memcpy(whole, frame_buf, len);
	for (size_t i = 0; i < n; i++) {
		memcpy(frame_buf, whole, len);
		frame_buf[cases[i].at] = cases[i].value;
		cr_expect_eq(decode(frame_buf, len, &in), cases[i].error, "%s", cases[i].what);
	}
}

Test(sync_frame, records_out_of_range_are_refused_by_name)
{
	enum { BODY = SYNC_FRAME_HEADER_BYTES, REC = BODY + 6 };
	static const struct damage cases[] = {
		{"family 5", BODY, 5, SYNC_FRAME_BAD_FAMILY},
		{"bulk flag 2", BODY + 1, 2, SYNC_FRAME_BAD_VALUE},
		{"record of 45 bytes", BODY + 2, 45, SYNC_FRAME_BAD_RECORD},
		{"IPv6 with IPv4 records", BODY, 6, SYNC_FRAME_BAD_RECORD},
		{"one record too many", BODY + 5, 2, SYNC_FRAME_BAD_RECORD},
		{"no record", BODY + 5, 0, SYNC_FRAME_BAD_RECORD},
		{"foreign mark", REC + 24, 0x5a, SYNC_FRAME_BAD_MARK},
		{"time-out beyond 2^31", REC + 28, 0x80, SYNC_FRAME_BAD_FLOW},
		{"ICMP", REC + 32, 1, SYNC_FRAME_BAD_FLOW},
		{"status bit EXPECTED", REC + 33, 1, SYNC_FRAME_BAD_FLOW},
		{"TCP state 10", REC + 34, 10, SYNC_FRAME_BAD_FLOW},
		{"scale 15", REC + 37, 15, SYNC_FRAME_BAD_FLOW},
		{"scale 15 of the reply", REC + 38, 15, SYNC_FRAME_BAD_FLOW},
	};

	expect_damage(put_batch(SYNC_PUT, 1, false), cases, sizeof(cases) / sizeof(cases[0]));
}

Test(sync_frame, a_record_without_port_or_address_is_refused)
{
	size_t len = put_batch(SYNC_PUT, 1, false);

	memset(frame_buf + SYNC_FRAME_HEADER_BYTES + 6 + 16, 0, 2);
	cr_assert_eq(decode(frame_buf, len, &in), SYNC_FRAME_BAD_FLOW);
	len = put_batch(SYNC_PUT, 1, false);
	memset(frame_buf + SYNC_FRAME_HEADER_BYTES + 6 + 8, 0, 4);
	cr_assert_eq(decode(frame_buf, len, &in), SYNC_FRAME_BAD_FLOW);
}

Test(sync_frame, control_fields_out_of_range_are_refused_by_name)
{
	enum { BODY = SYNC_FRAME_HEADER_BYTES };
	static const struct damage hello[] = {
		{"lowest version 0", BODY + 1, 0, SYNC_FRAME_BAD_VERSION},
		{"range reversed", BODY + 1, 2, SYNC_FRAME_BAD_VERSION},
		{"owner 2", BODY + 28, 2, SYNC_FRAME_BAD_VALUE},
		{"empty name", BODY + 29, 0, SYNC_FRAME_BAD_NAME},
		{"name longer than the frame", BODY + 29, 255, SYNC_FRAME_SHORT},
		{"control byte in a name", BODY + 30, 7, SYNC_FRAME_BAD_NAME},
	};
	static const struct damage verdict[] = {
		{"state 3", BODY + 2, 3, SYNC_FRAME_BAD_VALUE},
		{"server 0", BODY + 1, 0, SYNC_FRAME_BAD_VALUE},
	};
	static const struct damage word[] = {
		{"owner 2", BODY, 2, SYNC_FRAME_BAD_VALUE},
		{"65 groups", BODY + 22, 65, SYNC_FRAME_BAD_VALUE},
		{"group state 3", BODY + 31, 3, SYNC_FRAME_BAD_VALUE},
	};
	struct sync_frame f = sample(SYNC_HELLO);

	expect_damage(sync_frame_encode(&f, 0, frame_buf, sizeof(frame_buf)), hello,
		      sizeof(hello) / sizeof(hello[0]));
	f = sample(SYNC_VERDICT);
	expect_damage(sync_frame_encode(&f, 0, frame_buf, sizeof(frame_buf)), verdict,
		      sizeof(verdict) / sizeof(verdict[0]));
	f = sample(SYNC_STATE);
	expect_damage(sync_frame_encode(&f, 0, frame_buf, sizeof(frame_buf)), word,
		      sizeof(word) / sizeof(word[0]));
}

Test(sync_frame, unknown_types_are_skipped_only_when_marked_so)
{
	struct sync_frame f = sample(SYNC_HEARTBEAT);
	size_t len = sync_frame_encode(&f, 0, frame_buf, sizeof(frame_buf));

	frame_buf[4] = 200;
	cr_assert_eq(decode(frame_buf, len, &in), SYNC_FRAME_BAD_TYPE);
	frame_buf[5] = SYNC_FRAME_SKIPPABLE;
	cr_assert_eq(decode(frame_buf, len, &in), SYNC_FRAME_SKIP);
}

Test(sync_frame, lengths_out_of_range_are_refused_before_anything_is_awaited)
{
	struct sync_frame_header header;
	uint8_t b[SYNC_FRAME_HEADER_BYTES] = {0, 0, 0, 11, SYNC_BYE};

	cr_assert_eq(sync_frame_peek(b, sizeof(b), &header), SYNC_FRAME_BAD_LENGTH);
	b[0] = 0x7f;
	cr_assert_eq(sync_frame_peek(b, sizeof(b), &header), SYNC_FRAME_BAD_LENGTH);
	memcpy(b, "GET / HTTP/1", sizeof(b));
	cr_assert_eq(sync_frame_peek(b, sizeof(b), &header), SYNC_FRAME_BAD_LENGTH);
}

Test(sync_frame, texts_are_made_harmless)
{
	struct sync_frame f = sample(SYNC_BYE);

	snprintf(f.reason, sizeof(f.reason), "a\033[31m\nb");
	size_t len = sync_frame_encode(&f, 0, frame_buf, sizeof(frame_buf));

	cr_assert_eq(decode(frame_buf, len, &in), SYNC_FRAME_OK);
	cr_assert_str_eq(in.reason, "a?[31m?b");
}

Test(sync_frame, the_common_version_is_the_highest_both_speak)
{
	cr_assert_eq(sync_version_common(&(struct sync_hello){.version_min = 1, .version_max = 9}),
		     SYNC_VERSION_MAX);
	cr_assert_eq(sync_version_common(&(struct sync_hello){.version_min = SYNC_VERSION_MAX + 1,
							      .version_max = 99}),
		     0);
}
