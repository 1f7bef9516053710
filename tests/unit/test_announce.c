// SPDX-License-Identifier: GPL-2.0-or-later
/* links: vrrpd/announce lib/wire lib/addr lib/mono */
#include "vrrpd/announce.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct announce idle = {.next = {.ns = INT64_MAX}};

Test(announce, repeats_at_0_second_50_200_1000_and_5000_ms)
{
	static const int64_t want_ms[] = {0, 5, 50, 200, 1000, 5000};
	struct announce a = idle;
	mono t0 = mono_from_s(7);

	announce_start(&a, mono_from_ms(5), t0);
	for (size_t i = 0; i < sizeof(want_ms) / sizeof(want_ms[0]); i++) {
		cr_assert_eq(mono_to_ms(mono_sub(a.next, t0)), want_ms[i]);
		cr_assert_not(announce_due(&a, mono_from_ns(a.next.ns - 1)));
		cr_assert(announce_due(&a, a.next));
	}
	cr_assert(mono_is_never(a.next));
	cr_assert_not(announce_due(&a, mono_from_s(1000)));
}

Test(announce, merges_rounds_missed_while_late)
{
	struct announce a = idle;

	announce_start(&a, mono_from_ms(5), mono_zero());
	cr_assert(announce_due(&a, mono_from_ms(300)));
	cr_assert_eq(mono_to_ms(a.next), 1000);
}

Test(announce, goes_on_when_started_again_within_a_second)
{
	struct announce a = idle;

	announce_start(&a, mono_from_ms(5), mono_zero());
	cr_assert(announce_due(&a, mono_from_ms(60)));
	announce_start(&a, mono_from_ms(5), mono_from_ms(100));
	cr_assert_eq(mono_to_ms(a.next), 200);
	announce_start(&a, mono_from_ms(5), mono_from_ms(1500));
	cr_assert_eq(mono_to_ms(a.next), 1500);
}

Test(announce, hurries_the_second_round_when_the_predecessor_is_silent_early)
{
	struct announce a = idle;

	announce_start(&a, mono_from_ms(300), mono_zero());
	cr_assert(announce_due(&a, mono_zero()));
	cr_assert_eq(mono_to_ms(a.next), 300);
	announce_hasten(&a, mono_from_ms(1));
	cr_assert(announce_due(&a, mono_from_ms(1)));
	cr_assert_eq(mono_to_ms(a.next), 50);
	announce_hasten(&a, mono_from_ms(2));
	cr_assert_not(announce_due(&a, mono_from_ms(2)));
}

Test(announce, stops)
{
	struct announce a = idle;

	announce_start(&a, mono_from_ms(5), mono_zero());
	announce_stop(&a);
	cr_assert_not(announce_due(&a, mono_from_s(9)));
}

/* Errata 7947 and 7949: the virtual MAC is the target hardware address too. */
Test(announce, writes_gratuitous_arp_in_both_forms)
{
	static const uint8_t want[ANNOUNCE_FRAME_BYTES] =
		"\xff\xff\xff\xff\xff\xff\x00\x00\x5e\x00\x01\x33\x08\x06"
		"\x00\x01\x08\x00\x06\x04\x00\x01"
		"\x00\x00\x5e\x00\x01\x33\xc0\x00\x02\x0a"
		"\x00\x00\x5e\x00\x01\x33\xc0\x00\x02\x0a";
	struct addr vip = addr_from_ipv4(0xc000020a);
	uint8_t frame[ANNOUNCE_FRAME_BYTES];

	announce_encode(51, &vip, ANNOUNCE_REQUEST, frame);
	cr_assert_eq(memcmp(frame, want, sizeof(frame)), 0);
	announce_encode(51, &vip, ANNOUNCE_REPLY, frame);
	cr_assert_eq(frame[21], 2);
	frame[21] = 1;
	cr_assert_eq(memcmp(frame, want, sizeof(frame)), 0);
}
