// SPDX-License-Identifier: GPL-2.0-or-later
/* links: hactl/cmd_check hactl/options hactl/out_text hactl/text_status hactl/out_json */
/* links: hactl/snapshot hactl/verdict lib/ctl lib/host_check lib/keyfile lib/addr lib/mono */
/* links: lib/conf lib/conf_read lib/conf_build lib/conf_set lib/conf_lists lib/conf_value */
/* links: lib/conf_report lib/conf_check lib/conf_print lib/schema lib/nearest lib/profile */
/* hactl check on files for this host, for others, and with a key that no daemon would take. */
#include "hactl/hactl.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NO_KEY "/nonexistent/pair.key"

static char conf_path[64], key_path[64];

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
	cr_assert_eq(chmod(path, 0600), 0);
}

static void setup(void)
{
	snprintf(conf_path, sizeof(conf_path), "/tmp/hapair-check-%d.conf", (int)getpid());
	snprintf(key_path, sizeof(key_path), "/tmp/hapair-check-%d.key", (int)getpid());
	write_file(key_path, "000102030405060708090a0b0c0d0e0f"
			     "101112131415161718191a1b1c1d1e1f\n");
	cr_redirect_stdout();
	cr_redirect_stderr();
}

static void teardown(void)
{
	unlink(conf_path);
	unlink(key_path);
}

static void write_conf(const char *key)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "[pair]\nkey_file = %s\n[node far1]\npair_address = 192.0.2.77\npriority = 2\n"
		 "[node far2]\npair_address = 192.0.2.78\npriority = 1\n"
		 "[vip v]\ninterface = none-such-0\nvrid = 1\naddress = 192.0.2.10/24\n",
		 key);
	write_file(conf_path, text);
}

/** Runs `hactl -c conf_path [-n node] check [conf_path]`. */
static int run(const char *node, bool operand)
{
	const struct hactl h = {.conf_path = conf_path, .node = node};
	char name[] = "check";
	char *argv[] = {name, operand ? conf_path : NULL, NULL};

	return cmd_check(&h, operand ? 2 : 1, argv);
}

/** What has been said on stderr; read once a test. */
static const char *said(void)
{
	static char text[8192];
	size_t len;

	fflush(stderr);
	len = fread(text, 1, sizeof(text) - 1, cr_get_redirected_stderr());
	text[len] = '\0';
	return text;
}

Test(cmd_check, a_host_that_is_no_node_is_an_error_as_it_is_for_the_daemons, .init = setup,
     .fini = teardown)
{
	write_conf(key_path);
	cr_expect_eq(run(NULL, false), HACTL_FAILED);
	cr_expect_eq(run("near", false), HACTL_FAILED);
	cr_expect_eq(run("near", true), HACTL_FAILED);

	const char *text = said();

	cr_expect(strstr(text, ".conf: error: this host is called "), "%s", text);
	cr_expect(strstr(text, ".conf: error: there is no node near; the file has far1, far2"),
		  "%s", text);
}

Test(cmd_check, a_file_given_by_name_may_be_for_other_machines, .init = setup, .fini = teardown)
{
	write_conf(NO_KEY);
	cr_expect_eq(run(NULL, true), HACTL_DONE);

	const char *text = said();

	cr_expect(strstr(text, ".conf: warning: this host is called "), "%s", text);
	cr_expect(strstr(text, ".conf:2: warning: key file " NO_KEY " does not exist"), "%s", text);
	cr_expect_null(strstr(text, "none-such-0"), "%s", text);
}

Test(cmd_check, what_the_host_lacks_is_a_warning_with_file_and_line, .init = setup,
     .fini = teardown)
{
	write_conf(key_path);
	cr_expect_eq(run("far1", false), HACTL_DONE);

	const char *text = said();

	cr_expect(strstr(text, ".conf:10: warning: interface none-such-0 does not exist on this "
			       "host; it has "),
		  "%s", text);
	cr_expect(strstr(text, ".conf:4: warning: pair_address 192.0.2.77 is not an address of "
			       "this host"),
		  "%s", text);
	cr_expect_null(strstr(text, "key file"), "%s", text);
}

Test(cmd_check, a_key_that_lbd_would_refuse_is_an_error_on_its_line, .init = setup,
     .fini = teardown)
{
	write_conf(NO_KEY);
	cr_expect_eq(run("far1", false), HACTL_FAILED);
	write_conf(key_path);
	cr_assert_eq(chmod(key_path, 0604), 0);
	cr_expect_eq(run("far1", false), HACTL_FAILED);

	const char *text = said();

	cr_expect(strstr(text, ".conf:2: error: key file " NO_KEY " does not exist; make it with "
			       "`hactl keygen`"),
		  "%s", text);
	cr_expect(strstr(text, "may be used by others (mode 0604); chmod 0640 it"), "%s", text);
}

Test(cmd_check, a_key_that_only_root_may_read_is_no_error_of_whoever_checks, .init = setup,
     .fini = teardown)
{
	if (geteuid() != 0)
		return;
	write_conf(key_path);
	cr_assert_eq(chmod(conf_path, 0644), 0);
	cr_assert_eq(seteuid(65534), 0);
	cr_expect_eq(run("far1", false), HACTL_DONE);
	cr_assert_eq(seteuid(0), 0);
	cr_expect(strstr(said(), ".conf:2: warning: key file "));
}

Test(cmd_check, a_file_that_is_not_there_is_answered_without_a_line_number, .init = setup,
     .fini = teardown)
{
	cr_expect_eq(run(NULL, false), HACTL_FAILED);

	const char *text = said();

	cr_expect(strstr(text, ".conf: error: cannot read this file: No such file or directory; "
			       "copy the example /usr"),
		  "%s", text);
}
