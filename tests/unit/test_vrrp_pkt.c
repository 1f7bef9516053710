// SPDX-License-Identifier: GPL-2.0-or-later
/* links: vrrpd/vrrp_pkt lib/cksum lib/wire lib/addr lib/mono */
#include "vrrpd/vrrp_pkt.h"

#include "cksum.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum {
	ETHERNET = 14,
	IP = 20,
	OURS = 51, /* the VRID of all vectors */
};

struct packet {
	uint8_t data[256];
	size_t len;
};

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = 0;

	while (*hex) {
		char pair[3] = {hex[0], hex[1], 0};

		if (*hex == ' ') {
			hex++;
			continue;
		}
		out[n++] = (uint8_t)strtoul(pair, NULL, 16);
		hex += 2;
	}
	return n;
}

static void seal_ip(struct packet *p)
{
	p->data[10] = p->data[11] = 0;
	uint16_t sum = cksum_fold(cksum_add(0, p->data, (p->data[0] & 0xfU) * 4));

	p->data[10] = (uint8_t)(sum >> 8);
	p->data[11] = (uint8_t)sum;
}

/** Makes the message checksum right again (message-only form), to reach the checks behind it. */
static void seal_message(struct packet *p)
{
	uint8_t *m = p->data + IP;

	m[6] = m[7] = 0;
	uint16_t sum = cksum_fold(cksum_add(0, m, p->len - IP));

	m[6] = (uint8_t)(sum >> 8);
	m[7] = (uint8_t)sum;
}

static struct packet wrap(const char *message_hex)
{
	static const uint8_t header[IP] = {0x45, 0xc0, 0,  0,  0, 0, 0x40, 0, 255, 112,
					   0,    0,    10, 77, 0, 1, 224,  0, 0,   18};
	struct packet p = {.len = 0};

	memcpy(p.data, header, IP);
	p.len = IP + from_hex(message_hex, p.data + IP);
	p.data[3] = (uint8_t)p.len;
	seal_ip(&p);
	return p;
}

static struct vrrp_pkt_accept accept_ours(void)
{
	struct vrrp_pkt_accept accept = {.own_address = addr_from_ipv4(0x0a4d0002)};

	accept.vrid[OURS] = true;
	return accept;
}

static enum vrrp_pkt_verdict judge(const struct packet *p, struct vrrp_advert *out)
{
	struct vrrp_pkt_accept accept = accept_ours();

	return vrrp_pkt_decode(&accept, p->data, p->len, out);
}

static const char good[] = "31336401 00645fb6 0a4d0064";

/* RFC 9568 5.2, vectors checked against two independent dissectors. */
static const struct {
	const char *hex;
	uint8_t priority;
	int64_t interval_cs;
	size_t n_addresses;
	enum vrrp_checksum_form form;
} vectors[] = {
	{"31336401 00645fb6 0a4d0064", 100, 100, 1, VRRP_CHECKSUM_RFC9568},
	{"31336401 006474d9 0a4d0064", 100, 100, 1, VRRP_CHECKSUM_PSEUDO},
	{"31330001 0064c3b6 0a4d0064", 0, 100, 1, VRRP_CHECKSUM_RFC9568},
	{"3133ff02 000aba5c 0a4d0064 0a4d0065", 255, 10, 2, VRRP_CHECKSUM_RFC9568},
};

Test(vrrp_pkt, decodes_the_golden_vectors)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct packet p = wrap(vectors[i].hex);
		struct vrrp_advert a;

		cr_assert_eq(judge(&p, &a), VRRP_PKT_ACCEPTED, "vector %zu", i);
		cr_assert_eq(a.vrid, OURS);
		cr_assert_eq(a.priority, vectors[i].priority);
		cr_assert_eq(mono_to_cs(a.interval), vectors[i].interval_cs);
		cr_assert_eq(a.n_addresses, vectors[i].n_addresses);
		cr_assert_eq(a.form, vectors[i].form);
		cr_assert_eq(addr_to_ipv4(&a.source), 0x0a4d0001);
		cr_assert_eq(memcmp(a.addresses, "\x0a\x4d\x00\x64", 4), 0);
	}
}

Test(vrrp_pkt, encodes_the_golden_vectors)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct addr addresses[] = {addr_from_ipv4(0x0a4d0064), addr_from_ipv4(0x0a4d0065)};
		struct vrrp_pkt_advert advert = {
			.vrid = OURS,
			.priority = vectors[i].priority,
			.interval = mono_from_cs(vectors[i].interval_cs),
			.source = addr_from_ipv4(0x0a4d0001),
			.addresses = addresses,
			.n_addresses = vectors[i].n_addresses,
			.form = vectors[i].form,
		};
		struct packet want = wrap(vectors[i].hex);
		uint8_t frame[VRRP_PKT_FRAME_MAX];
		size_t len = vrrp_pkt_encode(&advert, frame, sizeof(frame));

		cr_assert_eq(len, ETHERNET + want.len);
		cr_assert_eq(memcmp(frame + ETHERNET, want.data, want.len), 0, "vector %zu", i);
		cr_assert_eq(memcmp(frame,
				    "\x01\x00\x5e\x00\x00\x12\x00\x00\x5e\x00\x01\x33\x08\x00",
				    ETHERNET),
			     0);
	}
}

Test(vrrp_pkt, writes_nothing_it_has_no_room_for)
{
	struct addr address = addr_from_ipv4(0x0a4d0064);
	struct vrrp_pkt_advert advert = {
		.vrid = OURS,
		.interval = mono_from_cs(100),
		.source = addr_from_ipv4(0x0a4d0001),
		.addresses = &address,
		.n_addresses = 1,
	};
	uint8_t frame[46];

	cr_assert_eq(vrrp_pkt_encode(&advert, frame, sizeof(frame)), 46);
	for (size_t cap = 0; cap < sizeof(frame); cap++)
		cr_assert_eq(vrrp_pkt_encode(&advert, frame, cap), 0);
}

/* RFC 9568 7.1, each check alone. */
Test(vrrp_pkt, names_every_defect)
{
	enum seal { SEAL_NONE, SEAL_IP, SEAL_MESSAGE };
	static const struct {
		size_t at;
		uint8_t value;
		enum seal seal;
		enum vrrp_pkt_verdict want;
	} cases[] = {
		{0, 0x65, SEAL_IP, VRRP_PKT_IP_HEADER},
		{0, 0x44, SEAL_NONE, VRRP_PKT_IP_HEADER},
		{0, 0x4f, SEAL_NONE, VRRP_PKT_IP_HEADER},
		{10, 0x00, SEAL_NONE, VRRP_PKT_IP_CHECKSUM},
		{6, 0x20, SEAL_IP, VRRP_PKT_IP_FRAGMENT},
		{7, 0x01, SEAL_IP, VRRP_PKT_IP_FRAGMENT},
		{9, 17, SEAL_IP, VRRP_PKT_IP_PROTOCOL},
		{19, 5, SEAL_IP, VRRP_PKT_DESTINATION},
		{8, 254, SEAL_IP, VRRP_PKT_TTL},
		{3, IP + 7, SEAL_IP, VRRP_PKT_LENGTH},
		{3, IP + 13, SEAL_IP, VRRP_PKT_LENGTH},
		{IP + 3, 2, SEAL_MESSAGE, VRRP_PKT_LENGTH},
		{IP + 3, 0, SEAL_MESSAGE, VRRP_PKT_LENGTH},
		{IP + 0, 0x21, SEAL_MESSAGE, VRRP_PKT_VERSION},
		{IP + 0, 0x32, SEAL_MESSAGE, VRRP_PKT_TYPE},
		{IP + 7, 0x00, SEAL_NONE, VRRP_PKT_CHECKSUM},
		{IP + 1, 52, SEAL_MESSAGE, VRRP_PKT_VRID},
		{IP + 1, 0, SEAL_MESSAGE, VRRP_PKT_VRID},
		{IP + 5, 0, SEAL_MESSAGE, VRRP_PKT_INTERVAL_ZERO},
		{15, 2, SEAL_IP, VRRP_PKT_OWN_ADDRESS},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct packet p = wrap(good);
		struct vrrp_advert a;

		p.data[cases[i].at] = cases[i].value;
		if (cases[i].seal == SEAL_IP)
			seal_ip(&p);
		if (cases[i].seal == SEAL_MESSAGE)
			seal_message(&p);
		cr_assert_eq(judge(&p, &a), cases[i].want, "case %zu: %s", i,
			     vrrp_pkt_verdict_name(judge(&p, &a)));
	}
}

/* Erratum 8299. */
Test(vrrp_pkt, rejects_an_advertisement_without_addresses)
{
	struct packet p = wrap("31336400 00640000");
	struct vrrp_advert a;

	seal_message(&p);
	cr_assert_eq(judge(&p, &a), VRRP_PKT_COUNT_ZERO);
}

Test(vrrp_pkt, tolerates_ethernet_padding)
{
	struct packet p = wrap(good);
	struct vrrp_advert a;

	p.len += 14;
	cr_assert_eq(judge(&p, &a), VRRP_PKT_ACCEPTED);
}

Test(vrrp_pkt, takes_ip_options_for_what_they_are)
{
	struct packet p = wrap(good);
	struct vrrp_advert a;

	memmove(p.data + IP + 4, p.data + IP, p.len - IP);
	memset(p.data + IP, 1, 4);
	p.data[0] = 0x46;
	p.data[3] = (uint8_t)(p.data[3] + 4);
	p.len += 4;
	seal_ip(&p);
	cr_assert_eq(judge(&p, &a), VRRP_PKT_ACCEPTED);
}

Test(vrrp_pkt, ignores_the_reserved_bits_beside_the_interval)
{
	struct packet p = wrap(good);
	struct vrrp_advert a;

	p.data[IP + 4] = 0xf0;
	seal_message(&p);
	cr_assert_eq(judge(&p, &a), VRRP_PKT_ACCEPTED);
	cr_assert_eq(mono_to_cs(a.interval), 100);
}

Test(vrrp_pkt, rejects_every_truncation)
{
	struct packet whole = wrap(good);

	for (size_t len = 0; len < whole.len; len++) {
		struct vrrp_advert a;
		struct vrrp_pkt_accept accept = accept_ours();
		uint8_t *exact = malloc(len ? len : 1); /* so that a sanitizer sees a long read */

		memcpy(exact, whole.data, len);
		cr_assert_neq(vrrp_pkt_decode(&accept, exact, len, &a), VRRP_PKT_ACCEPTED);
		free(exact);
	}
}

/* One flipped bit anywhere is caught: only the checksums stand behind priority and addresses. */
Test(vrrp_pkt, rejects_every_single_bit_error)
{
	for (size_t v = 0; v < 2; v++) {
		struct packet whole = wrap(vectors[v].hex);

		for (size_t bit = 0; bit < whole.len * 8; bit++) {
			struct packet p = whole;
			struct vrrp_advert a;

			p.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
			cr_assert_neq(judge(&p, &a), VRRP_PKT_ACCEPTED, "bit %zu", bit);
		}
	}
}

/* Every value of every byte, with checksums made good again: the verdict follows from the table. */
Test(vrrp_pkt, judges_every_value_of_every_message_byte_as_the_standard_says)
{
	for (size_t at = 0; at < 6; at++) {
		for (unsigned value = 0; value < 256; value++) {
			struct packet p = wrap(good);
			enum vrrp_pkt_verdict want = VRRP_PKT_ACCEPTED;
			struct vrrp_advert a;

			p.data[IP + at] = (uint8_t)value;
			seal_message(&p);
			if (at == 0 && value >> 4 != 3)
				want = VRRP_PKT_VERSION;
			else if (at == 0 && (value & 0xf) != 1)
				want = VRRP_PKT_TYPE;
			else if (at == 1 && value != OURS)
				want = VRRP_PKT_VRID;
			else if (at == 3 && value != 1)
				want = VRRP_PKT_LENGTH;
			else if (at == 5 && value == 0)
				want = VRRP_PKT_INTERVAL_ZERO;
			cr_assert_eq(judge(&p, &a), want, "byte %zu value %u", at, value);
		}
	}
}

Test(vrrp_pkt, has_a_name_for_every_verdict)
{
	for (int i = 0; i < VRRP_PKT_VERDICT_N; i++)
		cr_assert_not_null(vrrp_pkt_verdict_name((enum vrrp_pkt_verdict)i));
}
