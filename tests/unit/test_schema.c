// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/schema lib/nearest lib/profile */
/* The table itself, and the table against the manual page hapair.conf(5), both ways. */
#include "schema.h"

#include "profile.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char man_page[] = "etc/hapair.conf.5";

enum {
	LINE_MAX_BYTES = 256,
};

Test(schema, every_key_has_a_unique_name_in_its_section_and_one_line_of_help)
{
	size_t n;
	const struct schema_key *table = schema_table(&n);

	cr_assert_gt(n, 0);
	for (size_t i = 0; i < n; i++) {
		cr_expect_eq(schema_find(table[i].section, table[i].name), &table[i], "%s",
			     table[i].name);
		cr_expect(table[i].help && table[i].help[0], "%s", table[i].name);
		cr_expect_null(strchr(table[i].help, '\n'), "%s", table[i].name);
		cr_expect(i == 0 || table[i - 1].section <= table[i].section, "%s", table[i].name);
	}
}

Test(schema, every_key_is_required_or_says_where_its_value_comes_from)
{
	size_t n;
	const struct schema_key *table = schema_table(&n);

	for (size_t i = 0; i < n; i++)
		cr_expect_eq((table[i].dflt != NULL) + (table[i].inherits != NULL) +
				     table[i].required,
			     1, "%s", table[i].name);
}

Test(schema, every_type_says_its_name_and_what_it_accepts)
{
	size_t n;
	const struct schema_key *table = schema_table(&n);
	char text[SCHEMA_ACCEPTS_MAX];

	for (unsigned t = 0; t < SCHEMA_TYPE_N; t++)
		cr_expect(schema_type_name((enum schema_type)t)[0]);
	for (size_t i = 0; i < n; i++)
		cr_expect_gt(strlen(schema_accepts(&table[i], text)), 5, "%s", table[i].name);
}

Test(schema, ranges_are_told_with_their_units)
{
	static const struct {
		enum schema_section section;
		const char *key, *range;
	} cases[] = {
		{SCHEMA_PAIR, "advert_interval", "10ms to 40950ms in steps of 10ms"},
		{SCHEMA_PAIR, "sync_wait", "0s to 1h"},
		{SCHEMA_PAIR, "hash_seed", "0 to 4294967295"},
		{SCHEMA_VIP, "vrid", "1 to 255"},
		{SCHEMA_POOL, "check", "tcp or none"},
		{SCHEMA_POOL, "check_timeout", "10ms to 1m"},
		{SCHEMA_VIP, "address", ""},
	};
	char text[SCHEMA_ACCEPTS_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct schema_key *key = schema_find(cases[i].section, cases[i].key);

		cr_expect_str_eq(schema_range(key, text), cases[i].range);
	}
}

Test(schema, a_section_is_found_by_its_name)
{
	for (unsigned s = 0; s < SCHEMA_SECTION_N; s++) {
		enum schema_section section = (enum schema_section)s;

		cr_expect_eq(schema_section_find(schema_section_name(section)), section);
		cr_expect(schema_section_help(section)[0]);
		cr_expect_eq(schema_section_is_named(section), section != SCHEMA_PAIR);
	}
	cr_expect_eq(schema_section_find("Pair"), SCHEMA_SECTION_N);
	cr_expect_eq(schema_section_nearest("Pair"), SCHEMA_PAIR);
	cr_expect_eq(schema_section_nearest("services"), SCHEMA_SERVICE);
	cr_expect_eq(schema_section_nearest("monitoring"), SCHEMA_SECTION_N);
}

Test(schema, the_key_that_was_meant_is_suggested_from_its_own_section)
{
	const struct schema_key *key = schema_nearest(SCHEMA_PAIR, "advert-interval");

	cr_assert_not_null(key);
	cr_expect_str_eq(key->name, "advert_interval");
	cr_expect_null(schema_nearest(SCHEMA_VIP, "advert_interval"));
	cr_expect_null(schema_nearest(SCHEMA_VIP, "colour"));
	cr_expect_eq(schema_section_having("vrid", SCHEMA_PAIR), SCHEMA_VIP);
	cr_expect_eq(schema_section_having("vrid", SCHEMA_VIP), SCHEMA_SECTION_N);
}

/** One key as the manual page tells it. */
struct man_key {
	enum schema_section section;
	char name[LINE_MAX_BYTES];
	char type[LINE_MAX_BYTES];
	char range[LINE_MAX_BYTES];
	char dflt[LINE_MAX_BYTES];
	bool required;
};

/** Copies what follows start in line, without a closing full stop; false when it begins otherwise.
 */
static bool text_after(const char *line, const char *start, char out[LINE_MAX_BYTES])
{
	size_t n = strlen(start);

	if (strncmp(line, start, n) != 0)
		return false;
	snprintf(out, LINE_MAX_BYTES, "%s", line + n);
	n = strlen(out);
	if (n > 0 && out[n - 1] == '.')
		out[n - 1] = '\0';
	return true;
}

/** ".Ss \(lBnode NAME\(rB" opens a section, any other .Ss or .Sh closes it. */
static enum schema_section section_of(const char *line, enum schema_section now)
{
	char word[LINE_MAX_BYTES];

	if (text_after(line, ".Ss \\(lB", word)) {
		word[strcspn(word, " \\")] = '\0';
		return schema_section_find(word);
	}
	if (strncmp(line, ".Ss ", 4) == 0 || strncmp(line, ".Sh ", 4) == 0)
		return SCHEMA_SECTION_N;
	return now;
}

/** Reads the keys of the manual page into keys; returns how many there are. */
static size_t read_man_keys(struct man_key *keys, size_t cap)
{
	FILE *in = fopen(man_page, "r");
	enum schema_section section = SCHEMA_SECTION_N;
	char line[LINE_MAX_BYTES], word[LINE_MAX_BYTES];
	size_t n = 0;

	cr_assert_not_null(in, "%s: run the test in the top folder", man_page);
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		section = section_of(line, section);
		if (section == SCHEMA_SECTION_N)
			continue;
		if (text_after(line, ".It Ic ", word)) {
			char *type = strstr(word, " No = Ar ");

			cr_assert(type && n < cap, "%s", line);
			*type = '\0';
			keys[n] = (struct man_key){.section = section};
			snprintf(keys[n].name, LINE_MAX_BYTES, "%s", word);
			snprintf(keys[n].type, LINE_MAX_BYTES, "%s", type + 9);
			n++;
		} else if (n > 0) {
			text_after(line, "Range: ", keys[n - 1].range);
			text_after(line, "Default: ", keys[n - 1].dflt);
			if (strcmp(line, "Required.") == 0)
				keys[n - 1].required = true;
		}
	}
	fclose(in);
	return n;
}

Test(schema, the_manual_page_tells_every_key_with_its_type_range_and_default_and_no_other)
{
	struct man_key keys[64];
	size_t n_man = read_man_keys(keys, 64);
	size_t n;
	const struct schema_key *table = schema_table(&n);
	char range[SCHEMA_ACCEPTS_MAX];

	for (size_t i = 0; i < n_man; i++)
		cr_expect_not_null(schema_find(keys[i].section, keys[i].name),
				   "the page has key %s, the table has not", keys[i].name);
	cr_assert_eq(n_man, n, "the page has %zu keys, the table %zu", n_man, n);
	for (size_t i = 0; i < n; i++) {
		const char *dflt = table[i].dflt ? table[i].dflt : table[i].inherits;

		cr_expect_eq(keys[i].section, table[i].section, "%s", table[i].name);
		cr_expect_str_eq(keys[i].name, table[i].name);
		cr_expect_str_eq(keys[i].type, schema_type_name(table[i].type), "%s: %s",
				 table[i].name, keys[i].type);
		cr_expect_str_eq(keys[i].range, schema_range(&table[i], range), "%s: %s",
				 table[i].name, keys[i].range);
		cr_expect_str_eq(keys[i].dflt, dflt ? dflt : "", "%s: %s", table[i].name,
				 keys[i].dflt);
		cr_expect_eq(keys[i].required, table[i].required, "%s", table[i].name);
	}
}

/** The three lines by which the page tells a profile, at the place where the page has reached. */
static void expect_profile(FILE *in, const struct profile *profile)
{
	char expected[3][LINE_MAX_BYTES], line[LINE_MAX_BYTES];

	snprintf(expected[0], LINE_MAX_BYTES, "%s.\n", profile->summary);
	snprintf(expected[1], LINE_MAX_BYTES, "Ports: %s.\n", profile->ports);
	snprintf(expected[2], LINE_MAX_BYTES, "Check: none.\n");
	if (profile->check == CONF_CHECK_TCP)
		snprintf(expected[2], LINE_MAX_BYTES, "Check: tcp on %u.\n", profile->check_port);
	for (size_t i = 0; i < 3;) {
		cr_assert(fgets(line, sizeof(line), in), "%s", profile->name);
		if (strcmp(line, ".br\n") == 0)
			continue;
		cr_expect_str_eq(line, expected[i], "%s: %s", profile->name, line);
		i++;
	}
}

Test(schema, the_manual_page_tells_every_profile_with_its_ports_and_check_and_no_other)
{
	FILE *in = fopen(man_page, "r");
	char line[LINE_MAX_BYTES], name[LINE_MAX_BYTES];
	bool inside = false;
	size_t n, found = 0;
	const struct profile *table = profile_table(&n);

	cr_assert_not_null(in);
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, ".Sh ", 4) == 0)
			inside = strcmp(line, ".Sh PROFILES") == 0;
		if (!inside || !text_after(line, ".It Cm ", name))
			continue;
		cr_assert_lt(found, n, "the page has profile %s, the table has not", name);
		cr_expect_str_eq(name, table[found].name);
		expect_profile(in, &table[found++]);
	}
	fclose(in);
	cr_expect_eq(found, n);
}
