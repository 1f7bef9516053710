// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/conf lib/conf_read lib/conf_build lib/conf_set lib/conf_lists lib/conf_value */
/* links: lib/conf_report lib/conf_check lib/conf_print lib/schema lib/nearest lib/profile */
/* links: lib/addr lib/mono */
/*
 * Configurations as pairs of files: tests/golden/conf/NAME.conf and NAME.out, which holds the
 * findings and, when it loads, the canonical print. GOLDEN_UPDATE=1 writes the .out files anew;
 * read the difference before keeping it.
 */
#include "conf.h"
#include "conf_value.h"
#include "profile.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char example[] = "etc/hapair.conf";

/** A loaded configuration or NULL, and what was said about it. */
struct loaded {
	struct conf *conf;
	struct conf_error *errors;
};

static struct loaded load_text(const char *text, const char *node, enum conf_self self)
{
	struct loaded l;

	l.conf = conf_parse("test.conf", text, strlen(text), node, self, &l.errors);
	return l;
}

static void unload(struct loaded *l)
{
	conf_free(l->conf);
	conf_errors_free(l->errors);
}

/** The text of the first finding that is not a warning. */
static const char *first_error(const struct loaded *l)
{
	const struct conf_error *e = l->errors;

	while (e && e->warning)
		e = e->next;
	cr_assert_not_null(e);
	return e->text;
}

/** The canonical print as text, to be freed. */
static char *print(const struct conf *conf)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	conf_print(out, conf);
	fclose(out);
	return text;
}

/** Findings and print of a file, to be freed. */
static char *describe(const char *path)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct loaded l;

	l.conf = conf_load(path, NULL, CONF_SELF_OPTIONAL, &l.errors);
	cr_expect_eq(conf_errors_print(out, strrchr(path, '/') + 1, l.errors) == 0, l.conf != NULL,
		     "%s", path);
	if (l.conf)
		conf_print(out, l.conf);
	fclose(out);
	unload(&l);
	return text;
}

static char *read_text(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = calloc(1, 65536);

	cr_assert(text);
	if (in) {
		cr_assert_lt(fread(text, 1, 65535, in), 65535);
		fclose(in);
	}
	return text;
}

static void write_text(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	cr_assert_not_null(out);
	fputs(text, out);
	fclose(out);
}

/** Calls check for every file of the pattern; there must be some. */
static void for_each_file(const char *pattern, void (*check)(const char *path))
{
	glob_t found;

	cr_assert_eq(glob(pattern, 0, NULL, &found), 0, "run the test in the top folder");
	for (size_t i = 0; i < found.gl_pathc; i++)
		check(found.gl_pathv[i]);
	globfree(&found);
}

static void expect_golden(const char *path)
{
	char out_path[256];
	char *is = describe(path);

	snprintf(out_path, sizeof(out_path), "%.*s.out", (int)(strlen(path) - strlen(".conf")),
		 path);
	if (getenv("GOLDEN_UPDATE"))
		write_text(out_path, is);

	char *expected = read_text(out_path);

	cr_expect_str_eq(is, expected, "%s:\n%s", path, is);
	free(expected);
	free(is);
}

Test(conf, every_golden_file_is_reported_and_printed_as_written_down)
{
	for_each_file("tests/golden/conf/*.conf", expect_golden);
}

static void expect_same_after_print(const char *path)
{
	struct conf_error *errors;
	struct conf *first = conf_load(path, NULL, CONF_SELF_OPTIONAL, &errors);

	conf_errors_free(errors);
	if (!first)
		return;

	char *text = print(first);
	struct loaded second = load_text(text, NULL, CONF_SELF_OPTIONAL);

	cr_assert_not_null(second.conf, "%s", path);

	char *again = print(second.conf);

	cr_expect_str_eq(again, text);
	cr_expect_eq(second.conf->hash, first->hash, "%s", path);
	free(again);
	free(text);
	unload(&second);
	conf_free(first);
}

Test(conf, a_printed_configuration_loads_back_to_itself_with_an_equal_hash)
{
	for_each_file("tests/golden/conf/*.conf", expect_same_after_print);
	for_each_file(example, expect_same_after_print);
}

Test(conf, the_shipped_example_loads_without_a_finding_on_both_nodes)
{
	for (int i = 0; i < 2; i++) {
		const char *const names[] = {"gw1", "gw2"};
		struct loaded l;

		l.conf = conf_load(example, names[i], CONF_SELF_REQUIRED, &l.errors);
		cr_assert_not_null(l.conf);
		cr_expect_null(l.errors);
		cr_expect_str_eq(conf_self(l.conf)->name, names[i]);
		cr_expect_str_eq(conf_peer(l.conf)->name, names[1 - i]);
		cr_expect_eq(l.conf->n_vips, 2);
		cr_expect_eq(l.conf->n_services, 2);
		cr_expect_eq(l.conf->pools[0].n_servers, 3);
		cr_expect_eq(l.conf->pools[0].check.port, 135);
		unload(&l);
	}
}

/* What would be cut, or read as something else, when it comes out of the print. */
Test(conf, the_longest_values_and_the_oddest_names_survive_the_print)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "[pair]\nkey_file = /%0179d\n[node track]\npair_address = 10.9.9.1\n"
		 "[node preempt]\npair_address = 10.9.9.2\npriority = 7\n"
		 "[group priority]\ntrack = 1 2+3.4\n"
		 "[vip group]\ninterface = eth-0_9.4094+x\nvrid = 1\naddress = 10.0.0.1/24\n"
		 "group = priority\n[pool check]\nserver = rise 10.0.0.2 backup\n fall 10.0.0.3\n",
		 0);

	struct loaded first = load_text(text, "track", CONF_SELF_REQUIRED);

	cr_assert_not_null(first.conf);

	char *printed = print(first.conf);
	struct loaded second = load_text(printed, "track", CONF_SELF_REQUIRED);

	cr_assert_not_null(second.conf, "%s", printed);
	cr_expect_eq(second.conf->hash, first.conf->hash);
	free(printed);
	unload(&second);
	unload(&first);
}

Test(conf, the_hash_differs_when_a_value_differs_and_not_when_a_comment_does)
{
	struct loaded a = load_text("[node a]\n", "a", CONF_SELF_REQUIRED);
	struct loaded b =
		load_text("# x\n\n [node a] ; y\npriority = 100\n", "a", CONF_SELF_REQUIRED);
	struct loaded c = load_text("[node a]\npriority = 101\n", "a", CONF_SELF_REQUIRED);

	cr_assert(a.conf && b.conf && c.conf);
	cr_expect_eq(a.conf->hash, b.conf->hash);
	cr_expect_neq(a.conf->hash, c.conf->hash);
	cr_expect_null(conf_peer(a.conf));
	unload(&a);
	unload(&b);
	unload(&c);
}

/* FNV-1a's own definition: an empty input hashes to the offset, which no print can be. */
Test(conf, the_hash_is_fnv_1a_over_the_print)
{
	struct loaded l = load_text("[node a]\n", "a", CONF_SELF_REQUIRED);
	char *text = print(l.conf);
	uint64_t hash = UINT64_C(14695981039346656037);

	for (const char *c = text; *c; c++)
		hash = (hash ^ (uint8_t)*c) * UINT64_C(1099511628211);
	cr_expect_eq(l.conf->hash, hash);
	free(text);
	unload(&l);
}

static const char two_nodes[] = "[node gw1]\npair_address = 10.9.9.1\npriority = 200\n"
				"[node gw2]\npair_address = 10.9.9.2\n";

Test(conf, a_node_that_is_not_in_the_file_is_told_which_ones_are)
{
	struct loaded l = load_text(two_nodes, "gw3", CONF_SELF_REQUIRED);

	cr_expect_null(l.conf);
	cr_expect_str_eq(first_error(&l),
			 "there is no node gw3; the file has gw1, gw2; use one of these");
	unload(&l);
}

Test(conf, a_host_that_is_not_in_the_file_is_told_its_own_name_and_how_to_go_on)
{
	struct loaded l = load_text(two_nodes, NULL, CONF_SELF_REQUIRED);
	char host[64] = "", expected[256];

	cr_assert_eq(gethostname(host, sizeof(host) - 1), 0);
	host[strcspn(host, ".")] = '\0';
	snprintf(expected, sizeof(expected),
		 "this host is called %s; the file has gw1, gw2; use -n, or name the [node] like "
		 "the host",
		 host);
	cr_expect_null(l.conf);
	cr_expect_str_eq(first_error(&l), expected, "%s", first_error(&l));
	unload(&l);
}

Test(conf, a_host_finds_itself_by_its_name_up_to_the_first_dot)
{
	char host[64] = "", text[128];

	cr_assert_eq(gethostname(host, sizeof(host) - 1), 0);
	host[strcspn(host, ".")] = '\0';
	snprintf(text, sizeof(text), "[node %s]\n", host);

	struct loaded l = load_text(text, NULL, CONF_SELF_REQUIRED);

	cr_assert_not_null(l.conf);
	cr_expect_eq(l.conf->self, 0);
	unload(&l);
}

Test(conf, without_a_node_asked_for_self_is_the_number_of_nodes)
{
	struct loaded l = load_text(two_nodes, "gw3", CONF_SELF_OPTIONAL);

	cr_assert_not_null(l.conf);
	cr_expect_eq(l.conf->self, l.conf->n_nodes);
	unload(&l);
}

Test(conf, a_file_that_cannot_be_read_is_a_finding)
{
	static const char *const paths[] = {"/nonexistent/hapair.conf", "/"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct loaded l;

		l.conf = conf_load(paths[i], NULL, CONF_SELF_OPTIONAL, &l.errors);
		cr_expect_null(l.conf);
		cr_assert_not_null(l.errors);
		cr_expect(strstr(l.errors->text, "cannot read this file"), "%s", l.errors->text);
		unload(&l);
	}
}

Test(conf, a_file_that_does_not_exist_is_answered_with_the_example_to_start_from)
{
	struct loaded l;

	l.conf = conf_load("/nonexistent/hapair.conf", NULL, CONF_SELF_OPTIONAL, &l.errors);
	cr_assert_not_null(l.errors);
	cr_expect_eq(l.errors->line, 0);
	cr_expect(strstr(l.errors->text, "No such file or directory"), "%s", l.errors->text);
	cr_expect(strstr(l.errors->text, "/share/doc/hapair/hapair.conf"), "%s", l.errors->text);
	unload(&l);
}

Test(conf, a_file_for_other_machines_loads_with_a_warning_that_this_is_none_of_them)
{
	struct loaded l = load_text(two_nodes, "gw3", CONF_SELF_WANTED);

	cr_assert_not_null(l.conf);
	cr_expect_eq(l.conf->self, l.conf->n_nodes);

	const struct conf_error *e = l.errors;

	while (e && !strstr(e->text, "there is no node gw3; the file has gw1, gw2"))
		e = e->next;
	cr_assert_not_null(e);
	cr_expect(e->warning);
	cr_expect_eq(e->line, 0);
	unload(&l);
}

Test(conf, values_that_the_host_decides_about_know_their_lines)
{
	struct loaded l = load_text("[node a]\n"
				    "priority = 7\n"
				    "pair_address = 10.9.9.1\n"
				    "[group g]\n"
				    "track = eth1\n"
				    " eth2 eth3\n"
				    "[vip v]\n"
				    "vrid = 1\n"
				    "interface = eth0\n"
				    "group = g\n"
				    "address =\n"
				    " 10.0.0.1/24\n"
				    "\n"
				    " 10.0.0.2/24 10.0.0.3/24\n"
				    "[pair]\n"
				    "port = 1\n"
				    "key_file = /key\n",
				    "a", CONF_SELF_REQUIRED);

	cr_assert_not_null(l.conf);
	cr_expect_eq(l.conf->nodes[0].pair_address_line, 3);
	cr_expect_eq(l.conf->groups[0].track_line[0], 5);
	cr_expect_eq(l.conf->groups[0].track_line[2], 6);
	cr_expect_eq(l.conf->vips[0].interface_line, 9);
	cr_expect_eq(l.conf->vips[0].address_line[0], 12);
	cr_expect_eq(l.conf->vips[0].address_line[1], 14);
	cr_expect_eq(l.conf->vips[0].address_line[2], 14);
	cr_expect_eq(l.conf->pair.key_file_line, 17);
	unload(&l);
}

Test(conf, a_file_with_zero_bytes_is_not_read_at_all)
{
	struct conf_error *errors;
	struct conf *conf =
		conf_parse("x", "[node a]\n\0x = 1\n", 16, NULL, CONF_SELF_OPTIONAL, &errors);

	cr_expect_null(conf);
	cr_expect(strstr(errors->text, "zero bytes"));
	conf_errors_free(errors);
}

Test(conf, a_byte_order_mark_and_dos_line_ends_are_read_over)
{
	struct loaded l =
		load_text("\xef\xbb\xbf[node a]\r\npriority = 7\r\n", "a", CONF_SELF_REQUIRED);

	cr_assert_not_null(l.conf);
	cr_expect_eq(l.conf->nodes[0].priority, 7);
	unload(&l);
}

Test(conf, a_line_of_199_bytes_is_read_and_one_of_200_is_refused)
{
	for (int len = 199; len <= 200; len++) {
		char text[256];

		snprintf(text, sizeof(text), "[node a]\npriority = 7%*s\n", len - 12, ";");

		struct loaded l = load_text(text, "a", CONF_SELF_REQUIRED);

		cr_expect_eq(l.conf != NULL, len == 199, "%d", len);
		unload(&l);
	}
}

Test(conf, findings_come_in_line_order_and_at_most_a_hundred_of_them)
{
	char text[8192] = "";
	size_t n = 0;
	int line = 0;

	for (int i = 0; i < 500; i++)
		strcat(text, "no key here\n");

	struct loaded l = load_text(text, NULL, CONF_SELF_OPTIONAL);

	cr_expect_null(l.conf);
	for (const struct conf_error *e = l.errors; e; e = e->next, n++) {
		cr_expect_leq(line, e->line);
		line = e->line;
	}
	cr_expect_eq(n, 100);
	unload(&l);
}

/** Number of the server of that name; pool: index. */
static uint16_t number_of(const struct loaded *l, size_t pool, const char *server)
{
	const struct conf_pool *p = &l->conf->pools[pool];

	for (size_t i = 0; i < p->n_servers; i++)
		if (strcmp(p->servers[i].name, server) == 0)
			return p->servers[i].number;
	return 0;
}

Test(conf, pools_are_numbered_from_one_and_servers_all_differ)
{
	struct loaded l = load_text("[node a]\n[pool p]\nserver = x 10.0.0.1\n y 10.0.0.2\n"
				    "[pool q]\nserver = x 10.0.0.1\n",
				    "a", CONF_SELF_REQUIRED);

	cr_assert_not_null(l.conf);
	cr_expect_eq(l.conf->pools[0].number, 1);
	cr_expect_eq(l.conf->pools[1].number, 2);
	cr_expect_neq(number_of(&l, 0, "x"), 0);
	cr_expect_neq(number_of(&l, 0, "x"), number_of(&l, 0, "y"));
	cr_expect_neq(number_of(&l, 0, "x"), number_of(&l, 1, "x"));
	unload(&l);
}

Test(conf, a_server_keeps_its_number_whatever_happens_to_other_lines)
{
	static const char *const texts[] = {
		"[node a]\n[pool p]\nserver = x 10.0.0.1\n y 10.0.0.2\n",
		"[node a]\n[pool p]\nserver = new 10.0.0.9\n x 10.0.0.1\n y 10.0.0.2\n",
		"[node a]\n[pool p]\nserver = y 10.0.0.2\n x 10.0.0.1 weight=4\n",
	};
	uint16_t x = 0;
	uint16_t y = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct loaded l = load_text(texts[i], "a", CONF_SELF_REQUIRED);

		cr_assert_not_null(l.conf);
		if (i == 0) {
			x = number_of(&l, 0, "x");
			y = number_of(&l, 0, "y");
		}
		cr_expect_eq(number_of(&l, 0, "x"), x);
		cr_expect_eq(number_of(&l, 0, "y"), y);
		unload(&l);
	}
}

Test(conf, a_pool_of_ten_thousand_servers_loads)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fprintf(out, "[node a]\n[pool p]\nbuckets = 65521\nserver =\n");
	for (unsigned i = 0; i < 10000; i++)
		fprintf(out, "\ts%u 10.1.%u.%u\n", i, i / 200, 1 + i % 200);
	fclose(out);

	struct loaded l = load_text(text, "a", CONF_SELF_REQUIRED);

	cr_assert_not_null(l.conf);
	cr_assert_eq(l.conf->pools[0].n_servers, 10000);
	bool *taken = calloc(CONF_SERVERS_MAX + 1, sizeof(*taken));

	for (size_t i = 0; i < 10000; i++) {
		uint16_t number = l.conf->pools[0].servers[i].number;

		cr_assert(number >= 1 && number <= CONF_SERVERS_MAX);
		cr_assert_not(taken[number], "two servers have number %u", number);
		taken[number] = true;
	}
	free(taken);
	unload(&l);
	free(text);
}

Test(conf, every_profile_makes_a_service_that_loads_and_has_a_port_to_check)
{
	size_t n;
	const struct profile *table = profile_table(&n);

	for (size_t i = 0; i < n; i++) {
		char text[512];

		snprintf(text, sizeof(text),
			 "[node a]\n[vip v]\ninterface = eth0\nvrid = 1\naddress = 10.0.0.1/24\n"
			 "[pool p]\nserver = x 10.0.0.2\n"
			 "[service s]\nvip = v\npool = p\nprofile = %s\n",
			 table[i].name);

		struct loaded l = load_text(text, "a", CONF_SELF_REQUIRED);

		cr_assert_not_null(l.conf, "%s", table[i].name);
		cr_expect_null(l.errors);
		cr_expect_gt(l.conf->services[0].n_ports, 0);
		cr_expect_eq(l.conf->pools[0].check.type, table[i].check);
		cr_expect_eq(l.conf->pools[0].check.port, table[i].check_port, "%s", table[i].name);
		cr_expect_eq(profile_find(table[i].name), &table[i]);
		unload(&l);
	}
	cr_expect_null(profile_find("none-such"));
}

Test(conf, a_host_address_is_one_that_a_machine_may_have)
{
	static const struct {
		const char *text;
		bool is_host;
	} cases[] = {{"10.0.0.1", true},
		     {"0.0.0.0", false},
		     {"127.0.0.1", false},
		     {"224.0.0.18", false},
		     {"255.255.255.255", false},
		     {"223.255.255.255", true},
		     {"::", false},
		     {"::1", false},
		     {"::2", true},
		     {"fe80::1", true},
		     {"ff02::12", false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr a;

		cr_assert(addr_parse(cases[i].text, &a));
		cr_expect_eq(conf_value_is_host(&a), cases[i].is_host, "%s", cases[i].text);
	}
}
