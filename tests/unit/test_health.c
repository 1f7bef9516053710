// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/health lib/mono */
/*
 * Rise, fall and the quick second look.
 */
#include "lbd/health.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
	NO_JITTER = 1000, /* the middle of the range: moves nothing */
};

static struct health_conf conf_of(int64_t interval_ms, unsigned rise, unsigned fall)
{
	return (struct health_conf){
		.interval = mono_from_ms(interval_ms), .rise = rise, .fall = fall};
}

Test(health, an_unknown_server_is_up_at_its_first_success)
{
	struct health_conf conf = conf_of(5000, 3, 3);
	struct health h;
	health_init(&h, HEALTH_UNKNOWN, mono_zero());
	cr_assert(health_step(&h, &conf, true, mono_from_ms(7), NO_JITTER));
	cr_assert_eq(h.verdict, HEALTH_UP);
	cr_assert_eq(mono_to_ms(h.due), 5007);
}

Test(health, an_unknown_server_is_down_after_fall_failures_not_one)
{
	struct health_conf conf = conf_of(5000, 3, 3);
	struct health h;
	health_init(&h, HEALTH_UNKNOWN, mono_zero());
	cr_assert_not(health_step(&h, &conf, false, mono_zero(), NO_JITTER));
	cr_assert_not(health_step(&h, &conf, false, mono_from_s(1), NO_JITTER));
	cr_assert_eq(h.verdict, HEALTH_UNKNOWN);
	cr_assert_eq(mono_to_ms(h.due), 2000, "a doubt is settled soon");
	cr_assert(health_step(&h, &conf, false, mono_from_s(2), NO_JITTER));
	cr_assert_eq(h.verdict, HEALTH_DOWN);
}

Test(health, an_attempt_that_says_nothing_changes_nothing)
{
	struct health_conf conf = conf_of(5000, 2, 2);
	struct health h;
	health_init(&h, HEALTH_UP, mono_zero());
	cr_assert_not(health_step(&h, &conf, false, mono_zero(), NO_JITTER));
	for (int i = 0; i < 5; i++)
		health_pass(&h, &conf, mono_from_ms(100), NO_JITTER);
	cr_assert_eq(h.verdict, HEALTH_UP);
	cr_assert_eq(h.against, 1);
	cr_assert_eq(mono_to_ms(h.due), 1100);
}

/* Outcomes as letters, verdict after each: U up, D down. */
Test(health, rise_and_fall_count_in_a_row)
{
	static const struct {
		unsigned rise, fall;
		const char *outcomes; /* + success, - failure */
		const char *verdicts;
	} rows[] = {
		{2, 2, "+-+--+-++", "UUUUDDDDU"},
		{1, 1, "+-+-", "UDUD"},
		{3, 1, "-++-+++", "DDDDDDU"},
		{1, 3, "+--+---+", "UUUUUUDU"},
	};
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct health_conf conf = conf_of(5000, rows[r].rise, rows[r].fall);
		struct health h;
		health_init(&h, HEALTH_UNKNOWN, mono_zero());
		for (size_t i = 0; i < strlen(rows[r].outcomes); i++) {
			enum health_verdict before = h.verdict;
			bool changed = health_step(&h, &conf, rows[r].outcomes[i] == '+',
						   mono_from_s((int64_t)i), NO_JITTER);
			cr_assert_eq(changed, before != h.verdict);
			cr_assert_eq(h.verdict,
				     rows[r].verdicts[i] == 'U' ? HEALTH_UP : HEALTH_DOWN,
				     "row %zu step %zu", r, i);
		}
	}
}

Test(health, a_doubt_is_checked_again_after_a_second)
{
	struct health_conf conf = conf_of(5000, 2, 2);
	struct health h;
	health_init(&h, HEALTH_UP, mono_zero());
	cr_assert_not(health_step(&h, &conf, false, mono_from_ms(100), NO_JITTER));
	cr_assert_eq(mono_to_ms(h.due), 1100);
	cr_assert(health_step(&h, &conf, false, mono_from_ms(1100), NO_JITTER));
	cr_assert_eq(mono_to_ms(h.due), 6100);
}

Test(health, a_doubt_never_waits_longer_than_the_interval)
{
	struct health_conf conf = conf_of(200, 2, 2);
	struct health h;
	health_init(&h, HEALTH_DOWN, mono_zero());
	cr_assert_not(health_step(&h, &conf, true, mono_zero(), NO_JITTER));
	cr_assert_eq(mono_to_ms(h.due), 200);
}

Test(health, jitter_stays_within_a_tenth)
{
	struct health_conf conf = conf_of(5000, 2, 2);
	for (uint32_t random = 0; random < 100000; random += 7) {
		struct health h;
		health_init(&h, HEALTH_UP, mono_zero());
		cr_assert_not(health_step(&h, &conf, true, mono_zero(), random));
		cr_assert(h.due.ns >= mono_from_ms(4500).ns && h.due.ns <= mono_from_ms(5500).ns);
	}
}

Test(health, every_verdict_has_a_name)
{
	cr_assert_str_eq(health_verdict_name(HEALTH_UNKNOWN), "unknown");
	cr_assert_str_eq(health_verdict_name(HEALTH_UP), "up");
	cr_assert_str_eq(health_verdict_name(HEALTH_DOWN), "down");
}
