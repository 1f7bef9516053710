// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/addr */
#include "addr.h"

#include <criterion/criterion.h>
#include <string.h>

static struct addr parse(const char *text)
{
	struct addr a = {0};

	cr_assert(addr_parse(text, &a), "%s", text);
	return a;
}

static struct prefix parse_prefix(const char *text)
{
	struct prefix p = {0};

	cr_assert(prefix_parse(text, &p), "%s", text);
	return p;
}

/* IPv6 text as RFC 5952 section 4 wants it. */
static const struct {
	const char *in, *out;
} addresses[] = {
	{"0.0.0.0", "0.0.0.0"},
	{"192.0.2.1", "192.0.2.1"},
	{"255.255.255.255", "255.255.255.255"},
	{"::", "::"},
	{"::1", "::1"},
	{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
	{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
	{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
	{"fe80::0102:0304", "fe80::102:304"},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
};

Test(addr, an_address_prints_in_its_canonical_form)
{
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct addr a = parse(addresses[i].in);
		char text[ADDR_STR_MAX];

		cr_expect_str_eq(addr_print(&a, text, sizeof(text)), addresses[i].out);
	}
}

static const char *const no_addresses[] = {
	"",
	" ",
	"1",
	"1.2.3",
	"1.2.3.4.",
	"1.2.3.4.5",
	"1..2.3",
	".1.2.3",
	"1.2.3.256",
	"1.2.3.4 ",
	" 1.2.3.4",
	"01.2.3.4",
	"1.2.3.00",
	"0x1.2.3.4",
	"1.2.3.-4",
	"+1.2.3.4",
	"1.2.3.4/8",
	"1.2.3.99999999999",
	":",
	":::",
	"1:2:3:4:5:6",
	"1:2:3:4:5:6:7:8:9",
	"12345::",
	"::g",
	"fe80::1%eth0",
	"[::1]",
};

Test(addr, text_that_is_no_address_is_refused_and_leaves_the_result_alone)
{
	const struct addr before = {.family = ADDR_IPV4, .bytes = {9, 9, 9, 9}};

	for (size_t i = 0; i < sizeof(no_addresses) / sizeof(no_addresses[0]); i++) {
		struct addr a = before;

		cr_expect_not(addr_parse(no_addresses[i], &a), "%s", no_addresses[i]);
		cr_expect(memcmp(&a, &before, sizeof(a)) == 0, "%s", no_addresses[i]);
	}
}

Test(addr, a_short_buffer_is_never_overrun)
{
	struct addr a = parse("192.168.100.200");
	char text[ADDR_STR_MAX];

	for (size_t cap = 0; cap < sizeof(text); cap++) {
		memset(text, '#', sizeof(text));
		addr_print(&a, text, cap);
		for (size_t i = cap; i < sizeof(text); i++)
			cr_assert_eq(text[i], '#', "byte %zu of capacity %zu", i, cap);
		cr_expect(cap == 0 || memchr(text, '\0', cap));
	}
}

Test(addr, lengths_follow_the_family)
{
	struct addr four = parse("10.0.0.1"), six = parse("::1"), none = {0};
	char text[ADDR_STR_MAX];

	cr_expect_eq(addr_len_bytes(&four), 4);
	cr_expect_eq(addr_len_bytes(&six), 16);
	cr_expect_eq(addr_len_bytes(&none), 0);
	cr_expect_str_eq(addr_print(&none, text, sizeof(text)), "none");
}

/* RFC 9568 section 6.4.3: the greater address wins, compared as unsigned in network order. */
Test(addr, comparison_is_unsigned_in_network_order_with_the_family_first)
{
	static const char *const ascending[] = {"1.0.0.255", "10.0.0.1",  "10.0.1.0", "127.255.0.1",
						"128.0.0.1", "255.0.0.1", "::1",      "2001:db8::1",
						"fe80::1",   "fe80::80"};

	for (size_t i = 0; i < sizeof(ascending) / sizeof(ascending[0]); i++)
		for (size_t j = 0; j < sizeof(ascending) / sizeof(ascending[0]); j++) {
			struct addr a = parse(ascending[i]), b = parse(ascending[j]);
			int order = addr_compare(&a, &b);

			cr_expect_eq(order < 0, i < j, "%s %s", ascending[i], ascending[j]);
			cr_expect_eq(order > 0, i > j, "%s %s", ascending[i], ascending[j]);
			cr_expect_eq(addr_equal(&a, &b), i == j);
		}
}

Test(addr, an_ipv4_address_goes_to_a_host_order_number_and_back)
{
	struct addr a = addr_from_ipv4(0xc0000201), parsed = parse("192.0.2.1"), six = parse("::1");

	cr_expect(addr_equal(&a, &parsed));
	cr_expect_eq(addr_to_ipv4(&parsed), 0xc0000201);
	cr_expect_eq(addr_to_ipv4(&six), 0);
}

Test(addr, bytes_beyond_the_family_stay_zero)
{
	uint8_t bytes[16];

	memset(bytes, 0xee, sizeof(bytes));

	struct addr a = addr_from_bytes(ADDR_IPV4, bytes);
	struct addr parsed = parse("238.238.238.238");
	struct addr six = addr_from_bytes(ADDR_IPV6, bytes);

	cr_expect(memcmp(&a, &parsed, sizeof(a)) == 0);
	cr_expect(memcmp(six.bytes, bytes, sizeof(bytes)) == 0);
}

Test(addr, a_prefix_keeps_its_host_bits_and_prints_back)
{
	static const struct {
		const char *in, *out, *network;
	} cases[] = {
		{"192.0.2.10/24", "192.0.2.10/24", "192.0.2.0/24"},
		{"192.0.2.10", "192.0.2.10/32", "192.0.2.10/32"},
		{"10.255.255.255/9", "10.255.255.255/9", "10.128.0.0/9"},
		{"255.255.255.255/0", "255.255.255.255/0", "0.0.0.0/0"},
		{"10.1.2.3/31", "10.1.2.3/31", "10.1.2.2/31"},
		{"2001:db8::ffff/64", "2001:db8::ffff/64", "2001:db8::/64"},
		{"2001:db8::1", "2001:db8::1/128", "2001:db8::1/128"},
		{"ffff::1/1", "ffff::1/1", "8000::/1"},
	};
	char text[PREFIX_STR_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prefix p = parse_prefix(cases[i].in), net = prefix_network(&p);

		cr_expect_str_eq(prefix_print(&p, text, sizeof(text)), cases[i].out);
		cr_expect_str_eq(prefix_print(&net, text, sizeof(text)), cases[i].network);
	}
}

Test(addr, text_that_is_no_prefix_is_refused)
{
	static const char *const cases[] = {"",
					    "/8",
					    "10.0.0.1/",
					    "10.0.0.1/33",
					    "10.0.0.1/-1",
					    "10.0.0.1/8 ",
					    "10.0.0.1/08",
					    "10.0.0.1/8/8",
					    "::1/129",
					    "10.0.0/8",
					    "::1/ 8",
					    "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/1"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prefix p;

		cr_expect_not(prefix_parse(cases[i], &p), "%s", cases[i]);
	}
}

Test(addr, a_prefix_contains_the_addresses_of_its_network_only)
{
	static const struct {
		const char *prefix, *addr;
		bool inside;
	} cases[] = {
		{"192.0.2.10/24", "192.0.2.0", true},
		{"192.0.2.10/24", "192.0.2.255", true},
		{"192.0.2.10/24", "192.0.3.10", false},
		{"192.0.2.10/32", "192.0.2.10", true},
		{"192.0.2.10/32", "192.0.2.11", false},
		{"0.0.0.0/0", "203.0.113.9", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"10.1.0.0/15", "10.0.255.255", true},
		{"10.2.0.0/15", "10.1.255.255", false},
		{"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prefix p = parse_prefix(cases[i].prefix);
		struct addr a = parse(cases[i].addr);

		cr_expect_eq(prefix_contains(&p, &a), cases[i].inside, "%s %s", cases[i].prefix,
			     cases[i].addr);
	}
}

Test(addr, a_port_range_parses_and_prints_back)
{
	static const struct {
		const char *text;
		uint16_t first, last;
	} cases[] = {{"1", 1, 1}, {"135", 135, 135}, {"6005-65535", 6005, 65535}};
	char text[16];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct port_range r;

		cr_assert(port_range_parse(cases[i].text, &r));
		cr_expect_eq(r.first, cases[i].first);
		cr_expect_eq(r.last, cases[i].last);
		cr_expect_str_eq(port_range_print(&r, text, sizeof(text)), cases[i].text);
	}
}

Test(addr, text_that_is_no_port_range_is_refused)
{
	static const char *const cases[] = {
		"",    "0",   "0-5", "65536",  "5-4",    "1-",      "-1",   "1-2-3",     "80,81",
		"80 ", " 80", "080", "1-0x20", "tcp/80", "1-65536", "http", "4294967376"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct port_range r;

		cr_expect_not(port_range_parse(cases[i], &r), "%s", cases[i]);
	}
}

Test(addr, port_ranges_overlap_when_they_share_a_port)
{
	const struct port_range a = {100, 200};
	const struct {
		struct port_range other;
		bool overlap;
	} cases[] = {{{1, 99}, false},   {{201, 300}, false}, {{1, 100}, true},  {{200, 300}, true},
		     {{150, 160}, true}, {{1, 65535}, true},  {{100, 200}, true}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect_eq(port_range_overlaps(&a, &cases[i].other), cases[i].overlap);
		cr_expect_eq(port_range_overlaps(&cases[i].other, &a), cases[i].overlap);
	}
}

/*
 * Read from a kernel: `meta mark set jhash KEY mod 4294967295 seed S` on packets sent for it, the
 * result one below the hash (the modulus scales the hash by (2^32 - 1) / 2^32). One key of a word,
 * one of two words, and one of four, which passes through the block of twelve bytes.
 */
static const struct {
	const char *saddr, *daddr; /* daddr NULL: saddr alone */
	uint32_t seed, mark;
} kernel_hashes[] = {
	{"10.1.2.3", NULL, 0x5eed1234, 0xf4b96061},
	{"10.9.9.9", NULL, 0x5eed1234, 0x384f3378},
	{"10.200.0.9", NULL, 0x5eed1234, 0xd79eb501},
	{"10.255.255.254", NULL, 0x5eed1234, 0x3ab403f4},
	{"10.1.2.3", "10.9.9.9", 0x5eed1234, 0x2acbb897},
	{"10.9.9.9", "10.1.2.3", 0x5eed1234, 0x5903baba},
	{"10.200.0.9", "10.9.9.9", 0x5eed1234, 0x5b13901a},
	{"2001:db8::1", NULL, 1, 0x1e55bcd0},
	{"::1", NULL, 1, 0x89ab59ee},
	{"2001:db8:51::abcd", NULL, 1, 0xe5a49700},
};

Test(addr, jhash_equals_the_hash_that_the_kernel_computes)
{
	for (size_t i = 0; i < sizeof(kernel_hashes) / sizeof(kernel_hashes[0]); i++) {
		struct addr a = parse(kernel_hashes[i].saddr);
		size_t len = addr_len_bytes(&a);
		uint8_t key[16];

		memcpy(key, a.bytes, sizeof(key));
		if (kernel_hashes[i].daddr) {
			struct addr b = parse(kernel_hashes[i].daddr);

			memcpy(key + 4, b.bytes, 4);
			len = 8;
		}
		cr_expect_eq(addr_jhash(key, len, kernel_hashes[i].seed) - 1, kernel_hashes[i].mark,
			     "%s", kernel_hashes[i].saddr);
	}
}

Test(addr, jhash_of_no_bytes_is_the_start_value)
{
	cr_expect_eq(addr_jhash("", 0, 0), 0xdeadbeef);
}
