// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/cksum lib/addr */
#include "cksum.h"

#include <criterion/criterion.h>

Test(cksum, sums_the_example_of_rfc_1071)
{
	static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	cr_assert_eq(cksum_fold(cksum_add(0, data, sizeof(data))), (uint16_t)~0xddf2);
}

Test(cksum, pads_an_odd_last_byte_with_zero)
{
	static const uint8_t odd[] = {0x12, 0x34, 0x56};
	static const uint8_t even[] = {0x12, 0x34, 0x56, 0x00};

	cr_assert_eq(cksum_fold(cksum_add(0, odd, 3)), cksum_fold(cksum_add(0, even, 4)));
}

Test(cksum, is_the_same_in_pieces)
{
	static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	uint32_t pieces = cksum_add(cksum_add(0, data, 4), data + 4, 5);

	cr_assert_eq(cksum_fold(pieces), cksum_fold(cksum_add(0, data, 9)));
}

Test(cksum, gives_zero_over_data_that_contains_it)
{
	uint8_t data[] = {0x45, 0x00, 0x00, 0x20, 0, 0, 0xff, 0xff};
	uint16_t sum = cksum_fold(cksum_add(0, data, sizeof(data)));

	data[4] = (uint8_t)(sum >> 8);
	data[5] = (uint8_t)sum;
	cr_assert_eq(cksum_fold(cksum_add(0, data, sizeof(data))), 0);
}

Test(cksum, adds_the_ipv4_pseudo_header_as_if_it_were_data)
{
	struct addr src = addr_from_ipv4(0x0a4d0001);
	struct addr dst = addr_from_ipv4(0xe0000012);
	static const uint8_t header[] = {10, 77, 0, 1, 224, 0, 0, 18, 0, 112, 0, 12};

	cr_assert_eq(cksum_fold(cksum_add_pseudo(0, &src, &dst, 112, 12)),
		     cksum_fold(cksum_add(0, header, sizeof(header))));
}

Test(cksum, adds_the_ipv6_pseudo_header_as_if_it_were_data)
{
	struct addr src, dst;
	uint8_t header[40] = {0};

	cr_assert(addr_parse("fe80::1", &src) && addr_parse("ff02::12", &dst));
	for (size_t i = 0; i < 16; i++) {
		header[i] = src.bytes[i];
		header[16 + i] = dst.bytes[i];
	}
	header[33] = 0x01; /* length 0x10028: both halves count */
	header[35] = 0x28;
	header[39] = 112;
	cr_assert_eq(cksum_fold(cksum_add_pseudo(0, &src, &dst, 112, 0x10028)),
		     cksum_fold(cksum_add(0, header, sizeof(header))));
}
