// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Addresses as values. IPv4 text is read by hand, strictly (no octal, no short forms, which the C
 * library's older functions accept); IPv6 text goes through inet_pton() and inet_ntop(), which
 * print what RFC 5952 asks for.
 */
#include "addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum {
	IPV4_BYTES = 4,
	IPV6_BYTES = 16,
	BITS_PER_BYTE = 8,
	PORT_MAX = 65535,
};

/**
 * Reads decimal digits at *at, without sign or leading zero, up to max; moves *at behind them.
 * Returns false when there are none, too many, or the number is too large.
 */
static bool take_number(const char **at, uint32_t max, uint32_t *out)
{
	const char *s = *at;
	uint32_t v = 0;

	if (s[0] == '0' && s[1] >= '0' && s[1] <= '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		v = v * 10 + (uint32_t)(*s - '0');
		if (v > max)
			return false;
	}
	if (s == *at)
		return false;
	*at = s;
	*out = v;
	return true;
}

static bool parse_ipv4(const char *text, struct addr *out)
{
	struct addr a = {.family = ADDR_IPV4};

	for (size_t i = 0; i < IPV4_BYTES; i++) {
		uint32_t v;

		if (i > 0 && *text++ != '.')
			return false;
		if (!take_number(&text, UINT8_MAX, &v))
			return false;
		a.bytes[i] = (uint8_t)v;
	}
	if (*text)
		return false;
	*out = a;
	return true;
}

bool addr_parse(const char *text, struct addr *out)
{
	struct addr a = {.family = ADDR_IPV6};

	if (!strchr(text, ':'))
		return parse_ipv4(text, out);
	if (inet_pton(AF_INET6, text, a.bytes) != 1)
		return false;
	*out = a;
	return true;
}

const char *addr_print(const struct addr *a, char *buf, size_t cap_bytes)
{
	if (cap_bytes == 0)
		return buf;
	buf[0] = '\0';
	if (a->family == ADDR_IPV4)
		snprintf(buf, cap_bytes, "%u.%u.%u.%u", a->bytes[0], a->bytes[1], a->bytes[2],
			 a->bytes[3]);
	else if (a->family == ADDR_IPV6) {
		char text[INET6_ADDRSTRLEN] = "";

		inet_ntop(AF_INET6, a->bytes, text, sizeof(text));
		snprintf(buf, cap_bytes, "%s", text);
	} else {
		snprintf(buf, cap_bytes, "none");
	}
	return buf;
}

size_t addr_len_bytes(const struct addr *a)
{
	if (a->family == ADDR_IPV4)
		return IPV4_BYTES;
	return a->family == ADDR_IPV6 ? IPV6_BYTES : 0;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, addr_len_bytes(a));
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_compare(a, b) == 0;
}

struct addr addr_from_ipv4(uint32_t host_order)
{
	return (struct addr){
		.family = ADDR_IPV4,
		.bytes = {(uint8_t)(host_order >> 24), (uint8_t)(host_order >> 16),
			  (uint8_t)(host_order >> 8), (uint8_t)host_order},
	};
}

uint32_t addr_to_ipv4(const struct addr *a)
{
	if (a->family != ADDR_IPV4)
		return 0;
	return (uint32_t)a->bytes[0] << 24 | (uint32_t)a->bytes[1] << 16 |
	       (uint32_t)a->bytes[2] << 8 | a->bytes[3];
}

struct addr addr_from_bytes(enum addr_family family, const uint8_t *bytes)
{
	struct addr a = {.family = (uint8_t)family};

	memcpy(a.bytes, bytes, addr_len_bytes(&a));
	return a;
}

bool prefix_parse(const char *text, struct prefix *out)
{
	char host[ADDR_STR_MAX];
	const char *slash = strchr(text, '/');
	size_t host_len = slash ? (size_t)(slash - text) : strlen(text);
	struct prefix p = {0};

	if (host_len >= sizeof(host))
		return false;
	memcpy(host, text, host_len);
	host[host_len] = '\0';
	if (!addr_parse(host, &p.addr))
		return false;

	uint32_t len_bits = (uint32_t)addr_len_bytes(&p.addr) * BITS_PER_BYTE;

	if (slash) {
		const char *digits = slash + 1;

		if (!take_number(&digits, len_bits, &len_bits) || *digits)
			return false;
	}
	p.len_bits = (uint8_t)len_bits;
	*out = p;
	return true;
}

const char *prefix_print(const struct prefix *p, char *buf, size_t cap_bytes)
{
	char text[ADDR_STR_MAX];

	addr_print(&p->addr, text, sizeof(text));
	snprintf(buf, cap_bytes, "%s/%u", text, p->len_bits);
	return buf;
}

struct prefix prefix_network(const struct prefix *p)
{
	struct prefix net = *p;

	for (size_t i = 0; i < sizeof(net.addr.bytes); i++) {
		size_t first_bit = i * BITS_PER_BYTE;

		if (first_bit >= p->len_bits)
			net.addr.bytes[i] = 0;
		else if (p->len_bits - first_bit < BITS_PER_BYTE)
			net.addr.bytes[i] &= (uint8_t)(0xff00U >> (p->len_bits - first_bit));
	}
	return net;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	if (p->addr.family != a->family)
		return false;

	struct prefix net = prefix_network(p);
	struct prefix other = prefix_network(&(struct prefix){.addr = *a, .len_bits = p->len_bits});

	return addr_equal(&net.addr, &other.addr);
}

bool port_range_parse(const char *text, struct port_range *out)
{
	uint32_t first, last;

	if (!take_number(&text, PORT_MAX, &first))
		return false;
	last = first;
	if (*text == '-') {
		text++;
		if (!take_number(&text, PORT_MAX, &last))
			return false;
	}
	if (*text || first == 0 || last < first)
		return false;
	*out = (struct port_range){.first = (uint16_t)first, .last = (uint16_t)last};
	return true;
}

const char *port_range_print(const struct port_range *r, char *buf, size_t cap_bytes)
{
	if (r->first == r->last)
		snprintf(buf, cap_bytes, "%u", r->first);
	else
		snprintf(buf, cap_bytes, "%u-%u", r->first, r->last);
	return buf;
}

bool port_range_overlaps(const struct port_range *a, const struct port_range *b)
{
	return a->first <= b->last && b->first <= a->last;
}

static uint32_t rotate_left(uint32_t v, unsigned bits)
{
	return v << bits | v >> (32 - bits);
}

/** The three running words of lookup3. */
struct jhash {
	uint32_t a, b, c;
};

static void jhash_mix(struct jhash *h)
{
	h->a = (h->a - h->c) ^ rotate_left(h->c, 4);
	h->c += h->b;
	h->b = (h->b - h->a) ^ rotate_left(h->a, 6);
	h->a += h->c;
	h->c = (h->c - h->b) ^ rotate_left(h->b, 8);
	h->b += h->a;
	h->a = (h->a - h->c) ^ rotate_left(h->c, 16);
	h->c += h->b;
	h->b = (h->b - h->a) ^ rotate_left(h->a, 19);
	h->a += h->c;
	h->c = (h->c - h->b) ^ rotate_left(h->b, 4);
	h->b += h->a;
}

static void jhash_final(struct jhash *h)
{
	h->c = (h->c ^ h->b) - rotate_left(h->b, 14);
	h->a = (h->a ^ h->c) - rotate_left(h->c, 11);
	h->b = (h->b ^ h->a) - rotate_left(h->a, 25);
	h->c = (h->c ^ h->b) - rotate_left(h->b, 16);
	h->a = (h->a ^ h->c) - rotate_left(h->c, 4);
	h->b = (h->b ^ h->a) - rotate_left(h->a, 14);
	h->c = (h->c ^ h->b) - rotate_left(h->b, 24);
}

/** A whole block is read in the machine's own byte order... */
static uint32_t word_native(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

/** ...and the tail as little-endian on every machine. */
static uint32_t word_le(const uint8_t *at)
{
	return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

uint32_t addr_jhash(const void *key, size_t len_bytes, uint32_t seed)
{
	const uint8_t *at = key;
	const uint32_t start = 0xdeadbeefU + (uint32_t)len_bytes + seed;
	struct jhash h = {start, start, start};

	for (; len_bytes > 12; len_bytes -= 12, at += 12) {
		h.a += word_native(at);
		h.b += word_native(at + 4);
		h.c += word_native(at + 8);
		jhash_mix(&h);
	}
	if (len_bytes == 0)
		return h.c;
	if (len_bytes >= 12)
		h.c += word_le(at + 8);
	if (len_bytes >= 8)
		h.b += word_le(at + 4);
	h.a += word_le(at);
	jhash_final(&h);
	return h.c;
}
