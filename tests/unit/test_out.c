// SPDX-License-Identifier: GPL-2.0-or-later
/* links: hactl/out_text hactl/text_status hactl/out_json hactl/snapshot hactl/verdict lib/ctl */
/*
 * Status as text and as JSON from canned answers of the daemons: tests/golden/status/NAME.in.json
 * holds their rows, NAME.txt and NAME.json what is to be printed. GOLDEN_UPDATE=1 rewrites the
 * expectations; read the difference before believing it.
 */
#include "hactl/out.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN "tests/golden/status/"

static json_t *daemon_from(json_t *object, const json_t *rows)
{
	size_t i;
	json_t *row;

	if (!json_is_array(rows)) {
		json_decref(object);
		return NULL;
	}
	json_array_foreach (rows, i, row) {
		struct ctl_reply reply = {
			.code = (int)json_integer_value(json_object_get(row, "code")), .body = row};
		snapshot_add(object, &reply);
	}
	return object;
}

static struct snapshot load(const char *path)
{
	json_error_t error;
	json_t *root = json_load_file(path, 0, &error);
	struct snapshot s;

	cr_assert(root, "%s:%d: %s", path, error.line, error.text);
	s.vrrpd = daemon_from(snapshot_new_vrrpd(), json_object_get(root, "vrrpd"));
	s.lbd = daemon_from(snapshot_new_lbd(), json_object_get(root, "lbd"));
	json_decref(root);
	return s;
}

/* Prints the status through ops into a new string. */
static char *render(const struct out_ops *ops, const struct snapshot *s, bool colour)
{
	char *text = NULL;
	size_t len = 0;
	struct out out = {.ops = ops, .data = open_memstream(&text, &len), .colour = colour};
	struct verdict verdict;

	verdict_judge(s, &verdict);
	ops->status(&out, s, &verdict);
	fclose(out.data);
	return text;
}

static char *slurp(const char *path)
{
	char *text = NULL;
	size_t len = 0;
	FILE *in = fopen(path, "r");
	FILE *copy = open_memstream(&text, &len);
	int c;

	while (in && (c = fgetc(in)) != EOF)
		fputc(c, copy);
	fclose(copy);
	if (in)
		fclose(in);
	return text;
}

static void compare(const char *path, const char *actual)
{
	if (getenv("GOLDEN_UPDATE")) {
		FILE *f = fopen(path, "w");
		cr_assert(f);
		fputs(actual, f);
		fclose(f);
		return;
	}
	char *expected = slurp(path);
	cr_expect_str_eq(actual, expected, "%s differs:\n--- expected\n%s--- printed\n%s", path,
			 expected, actual);
	free(expected);
}

static void check_all(const struct out_ops *ops, const char *suffix)
{
	glob_t found;

	cr_assert_eq(glob(GOLDEN "*.in.json", 0, NULL, &found), 0, "run from the top folder");
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char path[256];
		size_t stem = strlen(found.gl_pathv[i]) - strlen(".in.json");
		struct snapshot s = load(found.gl_pathv[i]);
		char *actual = render(ops, &s, false);

		snprintf(path, sizeof(path), "%.*s%s", (int)stem, found.gl_pathv[i], suffix);
		compare(path, actual);
		free(actual);
		snapshot_fini(&s);
	}
	globfree(&found);
}

Test(out, status_text_is_as_in_the_golden_files)
{
	check_all(out_text_ops(), ".txt");
}

Test(out, status_json_is_as_in_the_golden_files)
{
	check_all(out_json_ops(), ".json");
}

Test(out, colour_marks_the_verdict_only_when_asked_for)
{
	struct snapshot s = load(GOLDEN "active.in.json");
	char *plain = render(out_text_ops(), &s, false);
	char *coloured = render(out_text_ops(), &s, true);

	cr_expect(!strchr(plain, '\033'));
	cr_expect_eq(strncmp(coloured, "\033[1;32mOK\033[0m: ", 15), 0);
	free(plain);
	free(coloured);
	snapshot_fini(&s);
}

static const struct {
	long long age_ms;
	const char *text;
} ages[] = {
	{-1, "-"},
	{0, "0 ms"},
	{999, "999 ms"},
	{1000, "1 s"},
	{59999, "59 s"},
	{60000, "1 min"},
	{3600000, "1 h 0 min"},
	{7980000, "2 h 13 min"},
	{273600000, "3 d 4 h"},
};

Test(out, ages_are_printed_in_the_two_largest_units)
{
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		char buf[32];
		cr_expect_str_eq(verdict_print_age(ages[i].age_ms, buf, sizeof(buf)), ages[i].text);
	}
}

/* Runs one row function and returns what it wrote to the data stream. */
static char *render_event(const struct out_ops *ops, const struct ctl_reply *reply)
{
	char *text = NULL;
	size_t len = 0;
	struct out out = {.ops = ops, .data = open_memstream(&text, &len)};

	ops->event(&out, "vrrpd", 1234, reply);
	fclose(out.data);
	return text;
}

Test(out, a_role_event_is_one_line_in_both_forms)
{
	struct ctl_reply reply = {.code = CTL_EVENT_ROLE,
				  .body = json_pack("{s:i, s:i, s:s, s:s, s:s, s:s, s:i, s:i}", "v",
						    1, "id", 9, "group", "default", "old", "Backup",
						    "new", "Active", "reason", "active_down_timer",
						    "epoch", 4, "priority", 100)};
	char *text = render_event(out_text_ops(), &reply);
	char *json = render_event(out_json_ops(), &reply);

	cr_expect(strstr(text, " vrrpd  group default: Backup -> Active "
			       "reason=active_down_timer epoch=4 prio=100\n"));
	cr_expect_str_eq(json, "{\"v\":1,\"t_ms\":1234,\"daemon\":\"vrrpd\",\"code\":2001,"
			       "\"group\":\"default\",\"old\":\"Backup\",\"new\":\"Active\","
			       "\"reason\":\"active_down_timer\",\"epoch\":4,\"priority\":100}\n");
	free(text);
	free(json);
	ctl_reply_fini(&reply);
}

Test(out, a_refusal_names_reason_and_remedy_and_leaves_stdout_empty)
{
	const struct refusal why = {
		.code = CTL_REFUSED, .text = "gw2 is missing", .remedy = "plug it in"};
	char *data = NULL, *complaints = NULL;
	size_t data_len = 0, complaints_len = 0;
	struct out out = {.ops = out_text_ops(),
			  .data = open_memstream(&data, &data_len),
			  .complaints = open_memstream(&complaints, &complaints_len)};

	out.ops->refusal(&out, &why);
	fclose(out.data);
	fclose(out.complaints);
	cr_expect_str_eq(data, "");
	cr_expect_str_eq(complaints,
			 "hactl: refused: gw2 is missing\nhactl: what to do: plug it in\n");
	free(data);
	free(complaints);
}
