// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/flow lib/addr */
/* Connections from and to ctnetlink attributes. The messages are captures of Linux 6.18. */
#include "lbd/flow.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* UPDATE event: 192.0.2.100:44646 -> VIP 192.0.2.10:135, translated to 10.1.0.11, just assured. */
static const uint8_t tcp_assured[] = {
	0x34, 0x00, 0x01, 0x80, 0x14, 0x00, 0x01, 0x80, 0x08, 0x00, 0x01, 0x00, 0xc0, 0x00, 0x02,
	0x64, 0x08, 0x00, 0x02, 0x00, 0xc0, 0x00, 0x02, 0x0a, 0x1c, 0x00, 0x02, 0x80, 0x05, 0x00,
	0x01, 0x00, 0x06, 0x00, 0x00, 0x00, 0x06, 0x00, 0x02, 0x00, 0xae, 0x66, 0x00, 0x00, 0x06,
	0x00, 0x03, 0x00, 0x00, 0x87, 0x00, 0x00, 0x34, 0x00, 0x02, 0x80, 0x14, 0x00, 0x01, 0x80,
	0x08, 0x00, 0x01, 0x00, 0x0a, 0x01, 0x00, 0x0b, 0x08, 0x00, 0x02, 0x00, 0xc0, 0x00, 0x02,
	0x64, 0x1c, 0x00, 0x02, 0x80, 0x05, 0x00, 0x01, 0x00, 0x06, 0x00, 0x00, 0x00, 0x06, 0x00,
	0x02, 0x00, 0x00, 0x87, 0x00, 0x00, 0x06, 0x00, 0x03, 0x00, 0xae, 0x66, 0x00, 0x00, 0x08,
	0x00, 0x0c, 0x00, 0x92, 0xcb, 0x83, 0x98, 0x08, 0x00, 0x03, 0x00, 0x00, 0x00, 0x01, 0xae,
	0x08, 0x00, 0x07, 0x00, 0x00, 0x06, 0x97, 0x80, 0x30, 0x00, 0x04, 0x80, 0x2c, 0x00, 0x01,
	0x80, 0x05, 0x00, 0x01, 0x00, 0x03, 0x00, 0x00, 0x00, 0x05, 0x00, 0x02, 0x00, 0x0a, 0x00,
	0x00, 0x00, 0x05, 0x00, 0x03, 0x00, 0x0a, 0x00, 0x00, 0x00, 0x06, 0x00, 0x04, 0x00, 0x23,
	0x00, 0x00, 0x00, 0x06, 0x00, 0x05, 0x00, 0x23, 0x00, 0x00, 0x00, 0x08, 0x00, 0x08, 0x00,
	0x5b, 0x00, 0x00, 0x01,
};

/* NEW event: UDP to the VIP, port 6005, both ends translated, no reply yet. */
static const uint8_t udp_masqueraded[] = {
	0x34, 0x00, 0x01, 0x80, 0x14, 0x00, 0x01, 0x80, 0x08, 0x00, 0x01, 0x00, 0xc0, 0x00,
	0x02, 0x64, 0x08, 0x00, 0x02, 0x00, 0xc0, 0x00, 0x02, 0x0a, 0x1c, 0x00, 0x02, 0x80,
	0x05, 0x00, 0x01, 0x00, 0x11, 0x00, 0x00, 0x00, 0x06, 0x00, 0x02, 0x00, 0xb0, 0x55,
	0x00, 0x00, 0x06, 0x00, 0x03, 0x00, 0x17, 0x75, 0x00, 0x00, 0x34, 0x00, 0x02, 0x80,
	0x14, 0x00, 0x01, 0x80, 0x08, 0x00, 0x01, 0x00, 0x0a, 0x01, 0x00, 0x0b, 0x08, 0x00,
	0x02, 0x00, 0x0a, 0x01, 0x00, 0x01, 0x1c, 0x00, 0x02, 0x80, 0x05, 0x00, 0x01, 0x00,
	0x11, 0x00, 0x00, 0x00, 0x06, 0x00, 0x02, 0x00, 0x17, 0x75, 0x00, 0x00, 0x06, 0x00,
	0x03, 0x00, 0xb0, 0x55, 0x00, 0x00, 0x08, 0x00, 0x0c, 0x00, 0xef, 0xe9, 0x05, 0x70,
	0x08, 0x00, 0x03, 0x00, 0x00, 0x00, 0x01, 0xb8, 0x08, 0x00, 0x07, 0x00, 0x00, 0x00,
	0x00, 0x1e, 0x08, 0x00, 0x08, 0x00, 0x5b, 0x00, 0x00, 0x01,
};

/* DESTROY event: deleted by hand; of TCP only the state (TIME_WAIT) is told. */
static const uint8_t tcp_destroyed[] = {
	0x34, 0x00, 0x01, 0x80, 0x14, 0x00, 0x01, 0x80, 0x08, 0x00, 0x01, 0x00, 0xc0, 0x00,
	0x02, 0x64, 0x08, 0x00, 0x02, 0x00, 0xc0, 0x00, 0x02, 0x0a, 0x1c, 0x00, 0x02, 0x80,
	0x05, 0x00, 0x01, 0x00, 0x06, 0x00, 0x00, 0x00, 0x06, 0x00, 0x02, 0x00, 0xae, 0x66,
	0x00, 0x00, 0x06, 0x00, 0x03, 0x00, 0x00, 0x87, 0x00, 0x00, 0x34, 0x00, 0x02, 0x80,
	0x14, 0x00, 0x01, 0x80, 0x08, 0x00, 0x01, 0x00, 0x0a, 0x01, 0x00, 0x0b, 0x08, 0x00,
	0x02, 0x00, 0xc0, 0x00, 0x02, 0x64, 0x1c, 0x00, 0x02, 0x80, 0x05, 0x00, 0x01, 0x00,
	0x06, 0x00, 0x00, 0x00, 0x06, 0x00, 0x02, 0x00, 0x00, 0x87, 0x00, 0x00, 0x06, 0x00,
	0x03, 0x00, 0xae, 0x66, 0x00, 0x00, 0x08, 0x00, 0x0c, 0x00, 0x92, 0xcb, 0x83, 0x98,
	0x08, 0x00, 0x03, 0x00, 0x00, 0x00, 0x03, 0xae, 0x08, 0x00, 0x07, 0x00, 0x00, 0x00,
	0x00, 0x77, 0x10, 0x00, 0x04, 0x80, 0x0c, 0x00, 0x01, 0x80, 0x05, 0x00, 0x01, 0x00,
	0x07, 0x00, 0x00, 0x00, 0x08, 0x00, 0x08, 0x00, 0x5b, 0x00, 0x00, 0x01,
};

static struct flow decode(const uint8_t *bytes, size_t len)
{
	struct flow flow;

	cr_assert_eq(flow_decode(bytes, len, &flow), FLOW_OK);
	return flow;
}

static void expect_text(const struct flow *flow, const char *text)
{
	char buf[FLOW_TEXT_MAX];

	cr_assert_str_eq(flow_print(flow, buf, sizeof(buf)), text);
}

Test(flow, an_assured_tcp_connection_is_read_whole)
{
	struct flow f = decode(tcp_assured, sizeof(tcp_assured));

	expect_text(&f, "tcp 192.0.2.100:44646 -> 192.0.2.10:135 => 10.1.0.11:135");
	cr_assert_eq(f.mark, 0x5b000001);
	cr_assert_eq(f.status, 0x1ae);
	cr_assert_eq(f.timeout_s, 432000);
	cr_assert_eq(f.id, 0x92cb8398);
	cr_assert(f.has_tcp);
	cr_assert_eq(f.tcp_state, FLOW_TCP_ESTABLISHED);
	cr_assert_eq(f.tcp[FLOW_ORIGINAL].scale, 10);
	cr_assert_eq(f.tcp[FLOW_REPLY].scale, 10);
	cr_assert_eq(f.tcp[FLOW_ORIGINAL].flags, 0x23);
	cr_assert_eq(f.tcp[FLOW_REPLY].flags, 0x23);
}

Test(flow, a_udp_connection_with_both_translations_is_read_whole)
{
	struct flow f = decode(udp_masqueraded, sizeof(udp_masqueraded));

	expect_text(&f, "udp 192.0.2.100:45141 -> 192.0.2.10:6005 => 10.1.0.11:6005");
	cr_assert_eq(addr_to_ipv4(&f.reply.dst), 0x0a010001, "the masquerade address");
	cr_assert_eq(f.timeout_s, 30);
	cr_assert_not(f.has_tcp);
	cr_assert_not(f.status & FLOW_STATUS_ASSURED);
}

Test(flow, a_destroy_event_carries_the_key)
{
	struct flow a = decode(tcp_assured, sizeof(tcp_assured));
	struct flow b = decode(tcp_destroyed, sizeof(tcp_destroyed));

	cr_assert(flow_tuple_equal(&a.orig, &b.orig));
	cr_assert_eq(flow_fingerprint(&a, 7), flow_fingerprint(&b, 7));
	cr_assert_eq(b.tcp_state, 7);
}

/* On the heap and exactly as long, so that a sanitizer sees every step too far. */
static enum flow_error decode_copy(const uint8_t *bytes, size_t len, struct flow *out)
{
	uint8_t *copy = malloc(len + 1);

	memcpy(copy, bytes, len);
	enum flow_error error = flow_decode(copy, len, out);

	free(copy);
	return error;
}

Test(flow, every_truncation_is_an_error_or_lacks_only_whole_attributes)
{
	/* A cut between two attributes leaves a shorter message that is valid in itself. */
	for (size_t len = 0; len < sizeof(tcp_assured); len++) {
		struct flow f = {.mark = 99};
		enum flow_error error = decode_copy(tcp_assured, len, &f);

		if (len < 104)
			cr_assert_neq(error, FLOW_OK, "%zu bytes lack a tuple", len);
		if (error != FLOW_OK)
			cr_assert_eq(f.mark, 99, "an error leaves the result alone");
	}
}

Test(flow, a_length_that_leaves_its_nest_is_an_error)
{
	for (size_t at = 0; at + 1 < sizeof(tcp_assured); at += 4) {
		uint8_t copy[sizeof(tcp_assured)];
		struct flow f;

		memcpy(copy, tcp_assured, sizeof(copy));
		copy[at] = 0xff;
		copy[at + 1] = 0x7f;
		(void)decode_copy(copy, sizeof(copy), &f); /* whatever it says, within bounds */
	}
	uint8_t outer[sizeof(tcp_assured)];
	struct flow f;

	memcpy(outer, tcp_assured, sizeof(outer));
	outer[0] = 3; /* shorter than its own header */
	cr_assert_eq(flow_decode(outer, sizeof(outer), &f), FLOW_BAD_ATTRIBUTE);
	outer[0] = 0x34;
	outer[8] = 7; /* an IPv4 address of three bytes */
	cr_assert_eq(flow_decode(outer, sizeof(outer), &f), FLOW_BAD_LENGTH);
}

Test(flow, other_protocols_are_told_apart_from_broken_messages)
{
	uint8_t copy[sizeof(udp_masqueraded)];
	struct flow f;

	memcpy(copy, udp_masqueraded, sizeof(copy));
	copy[32] = 1; /* CTA_PROTO_NUM of either tuple: ICMP */
	copy[84] = 1;
	cr_assert_eq(flow_decode(copy, sizeof(copy), &f), FLOW_OTHER_PROTOCOL);
}

Test(flow, a_created_entry_has_the_plain_inverse_reply_and_both_translations)
{
	/* What the kernel demands (see flow.h); the decoder reads the reply tuple back. */
	struct flow f = decode(tcp_assured, sizeof(tcp_assured));
	uint8_t buf[FLOW_ATTRS_MAX_BYTES];
	size_t len = flow_encode(&f, FLOW_ENCODE_CREATE, buf, sizeof(buf));
	struct flow g = decode(buf, len);
	struct flow_tuple inverse = flow_tuple_inverse(&f.orig);
	static const uint8_t nat_dst[] = {0x28, 0, 0x0d, 0x80, 8, 0, 1, 0, 10, 1, 0, 11};
	static const uint8_t nat_src[] = {0x28, 0, 0x06, 0x80, 8, 0, 1, 0, 192, 0, 2, 100};

	cr_assert(flow_tuple_equal(&g.orig, &f.orig));
	cr_assert(flow_tuple_equal(&g.reply, &inverse));
	cr_assert_neq(memmem(buf, len, nat_dst, sizeof(nat_dst)), NULL);
	cr_assert_neq(memmem(buf, len, nat_src, sizeof(nat_src)), NULL);
	cr_assert_eq(g.status, FLOW_STATUS_SYNCED, "no bit that the kernel would refuse");
	cr_assert_eq(g.mark, f.mark);
	cr_assert_eq(g.timeout_s, f.timeout_s);
	cr_assert_eq(g.tcp_state, FLOW_TCP_ESTABLISHED);
	cr_assert_eq(g.tcp[FLOW_ORIGINAL].scale, 10);
	cr_assert_eq(g.tcp[FLOW_REPLY].flags,
		     FLOW_TCP_WINDOW_SCALE | FLOW_TCP_SACK_PERM | FLOW_TCP_BE_LIBERAL);
}

Test(flow, an_update_says_nothing_of_translation)
{
	struct flow f = decode(tcp_assured, sizeof(tcp_assured));
	uint8_t buf[FLOW_ATTRS_MAX_BYTES];
	size_t len = flow_encode(&f, FLOW_ENCODE_UPDATE, buf, sizeof(buf));
	struct flow g;

	cr_assert_gt(len, 0);
	cr_assert_eq(flow_decode(buf, len, &g), FLOW_NO_TUPLE, "no reply tuple");
	cr_assert_eq(memmem(buf, len, "\x0d\x80", 2), NULL);
	cr_assert_eq(memmem(buf, len, "\x0a\x01\x00\x0b", 4), NULL);
}

Test(flow, tcp_without_known_state_is_created_established_and_liberal)
{
	struct flow f = decode(tcp_assured, sizeof(tcp_assured));
	uint8_t buf[FLOW_ATTRS_MAX_BYTES];

	f.has_tcp = false;
	f.tcp_state = 0;
	memset(f.tcp, 0, sizeof(f.tcp));
	struct flow g = decode(buf, flow_encode(&f, FLOW_ENCODE_CREATE, buf, sizeof(buf)));

	cr_assert_eq(g.tcp_state, FLOW_TCP_ESTABLISHED);
	cr_assert_eq(g.tcp[FLOW_ORIGINAL].flags, FLOW_TCP_BE_LIBERAL);
}

Test(flow, encoding_into_every_too_small_buffer_fails_cleanly)
{
	struct flow f = decode(tcp_assured, sizeof(tcp_assured));
	uint8_t whole[FLOW_ATTRS_MAX_BYTES];
	size_t len = flow_encode(&f, FLOW_ENCODE_CREATE, whole, sizeof(whole));

	for (size_t cap = 0; cap < len; cap++) {
		uint8_t *buf = malloc(cap + 1);

		cr_assert_eq(flow_encode(&f, FLOW_ENCODE_CREATE, buf, cap), 0);
		free(buf);
	}
}

Test(flow, ipv6_goes_there_and_back)
{
	struct flow f = {.mark = FLOW_MARK_OURS | 5, .timeout_s = 10};
	uint8_t buf[FLOW_ATTRS_MAX_BYTES];

	cr_assert(addr_parse("2001:db8::1", &f.orig.src));
	cr_assert(addr_parse("2001:db8:51::10", &f.orig.dst));
	f.orig.sport = 1;
	f.orig.dport = 443;
	f.orig.proto = FLOW_PROTO_UDP;
	f.reply = flow_tuple_inverse(&f.orig);
	struct flow g = decode(buf, flow_encode(&f, FLOW_ENCODE_CREATE, buf, sizeof(buf)));

	cr_assert(flow_tuple_equal(&g.orig, &f.orig));
	cr_assert_eq(g.mark, f.mark);
}

Test(flow, the_generation_lives_in_two_bits_of_the_mark)
{
	cr_assert_eq(flow_mark_with_generation(0x5b800007, 3), 0x5b830007);
	cr_assert_eq(flow_mark_with_generation(0x5b830007, 1), 0x5b810007);
	cr_assert_eq(flow_mark_generation(0x5b820007), 2);
	cr_assert(flow_mark_is_ours(0x5b000000));
	cr_assert_not(flow_mark_is_ours(0x5a000001));
}

Test(flow, fingerprints_differ_by_id_and_seed)
{
	struct flow a = decode(tcp_assured, sizeof(tcp_assured));
	struct flow b = a;

	b.id++;
	cr_assert_neq(flow_fingerprint(&a, 1), flow_fingerprint(&b, 1), "a reused tuple is new");
	cr_assert_neq(flow_fingerprint(&a, 1), flow_fingerprint(&a, 2));
}

Test(flow, relaxing_names_the_connection_and_one_flag_of_each_direction)
{
	struct flow flow = decode(tcp_assured, sizeof(tcp_assured));
	/* PROTOINFO { TCP { FLAGS_ORIGINAL 08/08, FLAGS_REPLY 08/08 } } behind the original tuple.
	 */
	static const uint8_t tail[] = {
		0x18, 0x00, 0x04, 0x80, 0x14, 0x00, 0x01, 0x80, 0x06, 0x00, 0x04, 0x00,
		0x08, 0x08, 0x00, 0x00, 0x06, 0x00, 0x05, 0x00, 0x08, 0x08, 0x00, 0x00,
	};
	uint8_t buf[FLOW_ATTRS_MAX_BYTES];
	uint8_t key[FLOW_ATTRS_MAX_BYTES];
	size_t len = flow_encode(&flow, FLOW_ENCODE_RELAX, buf, sizeof(buf));
	size_t key_len = flow_encode(&flow, FLOW_ENCODE_KEY, key, sizeof(key));

	cr_assert_eq(len, key_len + sizeof(tail));
	cr_expect_arr_eq(buf, key, key_len);
	cr_expect_arr_eq(buf + key_len, tail, sizeof(tail));
}

Test(flow, a_connection_is_closing_from_its_first_fin_on)
{
	for (uint8_t state = 0; state <= FLOW_TCP_STATE_MAX; state++) {
		struct flow flow = {.has_tcp = true, .tcp_state = state};

		cr_assert_eq(flow_is_closing(&flow), state >= 4 && state <= 8, "state %u", state);
		flow.has_tcp = false;
		cr_assert_not(flow_is_closing(&flow), "nothing known of a TCP state");
	}
}
