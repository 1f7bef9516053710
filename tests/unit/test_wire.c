// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/wire */
#include "wire.h"

#include <criterion/criterion.h>
#include <string.h>

static const uint8_t bytes[15] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

Test(wire, numbers_are_read_in_network_order)
{
	struct wire_reader r;

	wire_reader_init(&r, bytes, sizeof(bytes));
	cr_expect_eq(wire_get_u8(&r), 0x01);
	cr_expect_eq(wire_get_u16(&r), 0x0203);
	cr_expect_eq(wire_get_u32(&r), 0x04050607);
	cr_expect_eq(wire_get_u64(&r), UINT64_C(0x08090a0b0c0d0e0f));
	cr_expect_eq(wire_left_bytes(&r), 0);
	cr_expect(wire_reader_ok(&r));
}

Test(wire, names_in_le_read_little_endian)
{
	struct wire_reader r;

	wire_reader_init(&r, bytes, sizeof(bytes));
	cr_expect_eq(wire_get_u16_le(&r), 0x0201);
	cr_expect_eq(wire_get_u32_le(&r), 0x06050403);
}

Test(wire, a_short_read_gives_zero_and_sticks)
{
	struct wire_reader r;

	wire_reader_init(&r, bytes, 3);
	cr_expect_eq(wire_get_u32(&r), 0);
	cr_expect_not(wire_reader_ok(&r));
	cr_expect_eq(wire_get_u8(&r), 0, "a byte is left, but the reader has failed");
	cr_expect_eq(wire_left_bytes(&r), 0);
	cr_expect_null(wire_get_view(&r, 0));
}

Test(wire, every_number_one_byte_short_is_refused)
{
	for (size_t len = 0; len < 8; len++) {
		struct wire_reader r;

		wire_reader_init(&r, bytes, len);
		wire_get_u64(&r);
		cr_expect_not(wire_reader_ok(&r), "%zu", len);
	}
}

Test(wire, a_length_near_the_largest_size_does_not_wrap)
{
	struct wire_reader r;
	struct wire_writer w;
	uint8_t buf[8];

	wire_reader_init(&r, bytes, sizeof(bytes));
	wire_skip(&r, 4);
	cr_expect_null(wire_get_view(&r, SIZE_MAX));
	cr_expect_not(wire_reader_ok(&r));

	wire_writer_init(&w, buf, sizeof(buf));
	wire_put_u32(&w, 1);
	wire_put_zero(&w, SIZE_MAX - 1);
	cr_expect_not(wire_writer_ok(&w));
}

Test(wire, bytes_are_copied_or_zeroed)
{
	struct wire_reader r;
	uint8_t dst[4] = {0xff, 0xff, 0xff, 0xff};

	wire_reader_init(&r, bytes, 6);
	wire_get_bytes(&r, dst, 4);
	cr_expect(memcmp(dst, bytes, 4) == 0);
	wire_get_bytes(&r, dst, 4);
	cr_expect(memcmp(dst, "\0\0\0\0", 4) == 0);
	cr_expect_not(wire_reader_ok(&r));
}

Test(wire, a_view_points_into_the_buffer)
{
	struct wire_reader r;

	wire_reader_init(&r, bytes, sizeof(bytes));
	wire_skip(&r, 2);
	cr_expect_eq(wire_get_view(&r, 5), bytes + 2);
	cr_expect_eq(wire_left_bytes(&r), 8);
	cr_expect_eq(wire_get_view(&r, 0), bytes + 7);
}

Test(wire, what_is_written_reads_back)
{
	uint8_t buf[64];
	struct wire_writer w;
	struct wire_reader r;

	wire_writer_init(&w, buf, sizeof(buf));
	wire_put_u8(&w, 0xfe);
	wire_put_u16(&w, 0xfedc);
	wire_put_u32(&w, 0xfedcba98);
	wire_put_u64(&w, UINT64_C(0xfedcba9876543210));
	wire_put_u16_le(&w, 0xfedc);
	wire_put_u32_le(&w, 0xfedcba98);
	wire_put_bytes(&w, "abc", 3);
	wire_put_zero(&w, 2);
	cr_assert(wire_writer_ok(&w));
	cr_expect_eq(w.at, 26);

	wire_reader_init(&r, buf, w.at);
	cr_expect_eq(wire_get_u8(&r), 0xfe);
	cr_expect_eq(wire_get_u16(&r), 0xfedc);
	cr_expect_eq(wire_get_u32(&r), 0xfedcba98);
	cr_expect_eq(wire_get_u64(&r), UINT64_C(0xfedcba9876543210));
	cr_expect_eq(wire_get_u16_le(&r), 0xfedc);
	cr_expect_eq(wire_get_u32_le(&r), 0xfedcba98);
	cr_expect(memcmp(wire_get_view(&r, 5), "abc\0\0", 5) == 0);
	cr_expect(wire_reader_ok(&r));
}

Test(wire, a_write_that_does_not_fit_changes_nothing_and_sticks)
{
	uint8_t buf[4] = {9, 9, 9, 9};
	struct wire_writer w;

	wire_writer_init(&w, buf, 3);
	wire_put_u32(&w, 0);
	cr_expect_not(wire_writer_ok(&w));
	wire_put_u8(&w, 0);
	cr_expect_eq(w.at, 0);
	cr_expect(memcmp(buf, "\x09\x09\x09\x09", 4) == 0);
}

Test(wire, a_length_written_before_can_be_patched)
{
	uint8_t buf[8];
	struct wire_writer w;

	wire_writer_init(&w, buf, sizeof(buf));
	wire_put_u32(&w, 0);
	wire_patch_u16(&w, 0, 0x0102);
	wire_patch_u16_le(&w, 2, 0x0102);
	cr_expect(memcmp(buf, "\x01\x02\x02\x01", 4) == 0);
	wire_put_zero(&w, 5);
	wire_patch_u16(&w, 6, 0xffff); /* after an overflow: no effect, no failed assertion */
	cr_expect_not(wire_writer_ok(&w));
}
