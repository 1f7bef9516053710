// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/mono */
#include "mono.h"

#include <criterion/criterion.h>

Test(mono, units_convert_to_and_from_nanoseconds)
{
	cr_expect_eq(mono_from_ns(7).ns, 7);
	cr_expect_eq(mono_from_us(7).ns, 7000);
	cr_expect_eq(mono_from_ms(7).ns, 7000000);
	cr_expect_eq(mono_from_cs(7).ns, 70000000);
	cr_expect_eq(mono_from_s(7).ns, INT64_C(7000000000));
	cr_expect_eq(mono_to_us(mono_from_ms(7)), 7000);
	cr_expect_eq(mono_to_ms(mono_from_s(7)), 7000);
	cr_expect_eq(mono_to_cs(mono_from_s(7)), 700);
}

Test(mono, conversion_to_a_larger_unit_drops_the_rest)
{
	cr_expect_eq(mono_to_ms(mono_from_us(1999)), 1);
	cr_expect_eq(mono_to_cs(mono_from_ms(19)), 1);
	cr_expect_eq(mono_to_us(mono_from_ns(999)), 0);
}

/* RFC 9568 section 5.2.7: the interval is a number of 12 bits in centiseconds. */
Test(mono, the_longest_advertisement_interval_is_40950_ms)
{
	cr_expect_eq(mono_to_ms(mono_from_cs(4095)), 40950);
}

Test(mono, durations_add_subtract_and_multiply)
{
	mono a = mono_from_ms(300), b = mono_from_ms(100);

	cr_expect_eq(mono_to_ms(mono_add(a, b)), 400);
	cr_expect_eq(mono_to_ms(mono_sub(a, b)), 200);
	cr_expect_eq(mono_to_ms(mono_sub(b, a)), -200);
	cr_expect_eq(mono_to_ms(mono_mul(b, 3)), 300);
	cr_expect_eq(mono_mul(b, 0).ns, mono_zero().ns);
}

Test(mono, never_absorbs_what_is_added_subtracted_or_multiplied)
{
	mono s = mono_from_s(1);

	cr_expect(mono_is_never(mono_add(mono_never(), s)));
	cr_expect(mono_is_never(mono_add(s, mono_never())));
	cr_expect(mono_is_never(mono_sub(mono_never(), s)));
	cr_expect(mono_is_never(mono_mul(mono_never(), 0)));
	cr_expect_not(mono_is_never(mono_zero()));
}

Test(mono, a_deadline_is_reached_at_its_instant_and_not_before)
{
	mono deadline = mono_from_ms(10);

	cr_expect_not(mono_reached(deadline, mono_from_ns(deadline.ns - 1)));
	cr_expect(mono_reached(deadline, deadline));
	cr_expect(mono_reached(deadline, mono_from_ns(deadline.ns + 1)));
}

Test(mono, never_is_not_reached_even_at_the_end_of_time)
{
	cr_expect_not(mono_reached(mono_never(), mono_from_ns(INT64_MAX)));
}

Test(mono, comparison_finds_the_earlier_and_the_later)
{
	mono a = mono_from_ms(1), b = mono_from_ms(2);

	cr_expect(mono_before(a, b));
	cr_expect_not(mono_before(b, a));
	cr_expect_not(mono_before(a, a));
	cr_expect_eq(mono_min(a, b).ns, a.ns);
	cr_expect_eq(mono_max(a, b).ns, b.ns);
	cr_expect_eq(mono_min(a, mono_never()).ns, a.ns);
	cr_expect(mono_is_never(mono_max(mono_never(), b)));
}
