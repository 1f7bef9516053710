// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/nearest */
#include "nearest.h"

#include <criterion/criterion.h>

static const char *const words[] = {"status", "failover", "resume", "check",
				    "keygen", "drill",    "monitor"};

static const struct {
	const char *typed;
	const char *expected; /* NULL: no suggestion */
} cases[] = {
	{"stauts", "status"},
	{"statsu", "status"},
	{"state", "status"},
	{"fail", "failover"},
	{"failver", "failover"},
	{"chekc", "check"},
	{"drills", "drill"},
	{"mon", "monitor"},
	{"xyzzy", NULL},
	{"", NULL},
	{"completely-different", NULL},
};

Test(nearest, a_mistyped_word_finds_the_one_that_was_meant)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nearest best = {0};

		for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++)
			nearest_offer(&best, cases[i].typed, words[j]);
		if (cases[i].expected)
			cr_expect_str_eq(best.word ? best.word : "(none)", cases[i].expected, "%s",
					 cases[i].typed);
		else
			cr_expect_null(best.word, "%s: %s", cases[i].typed, best.word);
	}
}

Test(nearest, a_word_of_any_length_is_handled)
{
	char typed[300];
	struct nearest best = {0};

	for (size_t len = 0; len < sizeof(typed) - 1; len++) {
		typed[len] = 'a';
		typed[len + 1] = '\0';
		nearest_offer(&best, typed, "status");
	}
	cr_expect_null(best.word);
}
