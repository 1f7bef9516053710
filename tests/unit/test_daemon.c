// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/daemon lib/keyfile lib/log lib/mono lib/mono_now lib/addr */
/* links: lib/conf lib/conf_read lib/conf_build lib/conf_set lib/conf_lists lib/conf_value */
/* links: lib/conf_report lib/conf_check lib/conf_print lib/schema lib/nearest lib/profile */
/* How a daemon starts: command line, privileges, configuration and key, and what it says. */
#include "daemon.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARGS_MAX = 12 };

/** Parses words separated by one space, the program's name first. */
static bool parse(const char *line, struct daemon_options *options, int *status)
{
	static char copy[256];
	char *argv[ARGS_MAX] = {NULL}, *rest = copy;
	int argc = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	while (argc < ARGS_MAX - 1 && (argv[argc] = strsep(&rest, " ")))
		argc++;
	optind = 0;
	return daemon_options_parse(argc, argv, argv[0], options, status);
}

Test(daemon, long_and_short_options_mean_the_same)
{
	static const char *const lines[] = {
		"lbd -c /c -n gw1 -r /r -s /s -t -v",
		"lbd --config /c --node gw1 --rundir /r --statedir /s --test --verbose"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct daemon_options o;
		int status;

		cr_assert(parse(lines[i], &o, &status), "%s", lines[i]);
		cr_expect_str_eq(o.conf_path, "/c");
		cr_expect_str_eq(o.node, "gw1");
		cr_expect_str_eq(o.rundir, "/r");
		cr_expect_str_eq(o.statedir, "/s");
		cr_expect(o.check_only && o.verbose);
	}
}

Test(daemon, help_and_version_are_printed_and_all_is_well, .init = cr_redirect_stdout)
{
	static const char *const lines[] = {"vrrpd --help", "vrrpd -h", "vrrpd --version",
					    "vrrpd -V"};
	struct daemon_options o;
	int status = -1;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		cr_expect_not(parse(lines[i], &o, &status), "%s", lines[i]);
		cr_expect_eq(status, DAEMON_EXIT_OK);
	}
	fflush(stdout);

	char text[8192] = "";
	FILE *printed = cr_get_redirected_stdout();

	cr_assert_gt(fread(text, 1, sizeof(text) - 1, printed), 0);
	cr_expect(strstr(text, "--help"), "%s", text);
	cr_expect(strstr(text, "vrrpd " HAPAIR_VERSION "\n"), "%s", text);
}

Test(daemon, a_wrong_command_line_is_a_usage_error, .init = cr_redirect_stderr)
{
	static const char *const lines[] = {"vrrpd -x", "vrrpd --colour", "vrrpd -t now",
					    "vrrpd -c"};
	struct daemon_options o;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		int status = -1;

		cr_expect_not(parse(lines[i], &o, &status), "%s", lines[i]);
		cr_expect_eq(status, DAEMON_EXIT_USAGE, "%s", lines[i]);
	}
}

Test(daemon, without_privileges_it_says_so_first_and_a_check_needs_none, .init = cr_redirect_stderr)
{
	struct daemon_options o;
	int status = -1;
	uid_t user = geteuid();

	if (user == 0)
		cr_assert_eq(seteuid(65534), 0);
	cr_expect(parse("vrrpd -t", &o, &status));
	cr_expect_not(parse("vrrpd", &o, &status));
	cr_expect_eq(status, DAEMON_EXIT_FAILED);
	cr_assert_eq(seteuid(user), 0);
	fflush(stderr);
	cr_assert_stderr_eq_str(
		"vrrpd: must be started as root (or with CAP_NET_ADMIN and CAP_NET_RAW)\n");
}

/** A pair whose key is in a file of this mode and text; its name goes to path. */
static void write_pair(char path[static 64], const char *key, mode_t mode)
{
	char key_path[64];

	snprintf(path, 64, "/tmp/hapair-daemon-%d.conf", (int)getpid());
	snprintf(key_path, sizeof(key_path), "/tmp/hapair-daemon-%d.key", (int)getpid());

	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	fprintf(file,
		"[pair]\nkey_file = %s\n[node a]\npair_address = 10.9.9.1\npriority = 2\n"
		"[node b]\npair_address = 10.9.9.2\npriority = 1\n",
		key_path);
	fclose(file);
	file = fopen(key_path, "w");
	cr_assert_not_null(file);
	fputs(key, file);
	fclose(file);
	cr_assert_eq(chmod(key_path, mode), 0);
}

static void remove_pair(const char *path)
{
	char key_path[64];

	unlink(path);
	snprintf(key_path, sizeof(key_path), "%s", path);
	strcpy(key_path + strlen(key_path) - strlen("conf"), "key");
	unlink(key_path);
}

static bool loads(const char *program, const char *path)
{
	char line[128];
	struct daemon_options o;
	int status;

	snprintf(line, sizeof(line), "%s -t -n a -c %s", program, path);
	cr_assert(parse(line, &o, &status));

	struct conf *conf = daemon_conf_load(&o);

	conf_free(conf);
	return conf != NULL;
}

Test(daemon, only_the_end_of_the_pair_link_asks_for_a_key_that_can_be_used,
     .init = cr_redirect_stderr)
{
	static const char key[] = "000102030405060708090a0b0c0d0e0f"
				  "101112131415161718191a1b1c1d1e1f\n";
	char path[64];

	write_pair(path, key, 0600);
	cr_expect(loads("lbd", path));
	cr_expect(loads("vrrpd", path));
	write_pair(path, key, 0644);
	cr_expect_not(loads("lbd", path));
	cr_expect(loads("vrrpd", path));
	write_pair(path, "", 0600);
	cr_expect_not(loads("lbd", path));
	remove_pair(path);
	fflush(stderr);

	char text[4096] = "";
	FILE *said = cr_get_redirected_stderr();

	cr_assert_gt(fread(text, 1, sizeof(text) - 1, said), 0);
	cr_expect(strstr(text, ".conf:2: error: key file "), "%s", text);
	cr_expect(strstr(text, "may be used by others (mode 0644); chmod 0640 it"), "%s", text);
	cr_expect(strstr(text, "is empty"), "%s", text);
}

/* What the log's tap heard. */
struct heard {
	char text[1024];
};

static void hear(void *arg, enum log_level level, const char *text)
{
	struct heard *heard = arg;

	(void)level;
	strlcat(heard->text, text, sizeof(heard->text));
	strlcat(heard->text, "\n", sizeof(heard->text));
}

Test(daemon, a_reload_names_the_line_of_a_finding_that_has_one, .init = cr_redirect_stderr)
{
	const struct daemon_options missing = {.conf_path = "/nonexistent/x.conf"};
	struct log *log = log_new("lbd", LOG_LEVEL_INFO);
	struct heard heard = {""};
	char path[64];

	log_set_tap(log, hear, &heard);
	cr_expect_null(daemon_conf_reload(&missing, log));
	cr_expect(strstr(heard.text, "reload: /nonexistent/x.conf: cannot read this file"), "%s",
		  heard.text);
	write_pair(path, "", 0600);

	FILE *file = fopen(path, "a");

	cr_assert_not_null(file);
	fputs("priority = 0\n", file);
	fclose(file);

	const struct daemon_options wrong = {.conf_path = path, .node = "a"};

	cr_expect_null(daemon_conf_reload(&wrong, log));
	cr_expect(strstr(heard.text, ".conf:9: "), "%s", heard.text);
	cr_expect(strstr(heard.text, "the running configuration stays"), "%s", heard.text);
	remove_pair(path);
	log_free(log);
}
