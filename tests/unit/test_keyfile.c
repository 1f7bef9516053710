// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/keyfile */
/* Key files as they are found on gateways, good and bad, and what is said about each. */
#include "keyfile.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eFF"

/** Makes a file of this text and mode; path is overwritten with its name. */
static void make_file(char path[static 32], const char *text, mode_t mode)
{
	strcpy(path, "/tmp/hapair-key-XXXXXX");

	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	cr_assert_eq(fchmod(fd, mode), 0);
	close(fd);
}

Test(keyfile, a_key_is_read_as_its_bytes_whatever_its_case_and_line_end)
{
	static const char *const texts[] = {KEY, KEY "\n", KEY " \r\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint8_t key[KEYFILE_KEY_BYTES];
		char path[32], error[KEYFILE_ERROR_MAX] = "";

		make_file(path, texts[i], i == 0 ? 0640 : 0600);
		cr_expect_eq(keyfile_read(path, key, error), 0, "%s", error);
		for (uint8_t k = 0; k < KEYFILE_KEY_BYTES - 1; k++)
			cr_expect_eq(key[k], k);
		cr_expect_eq(key[KEYFILE_KEY_BYTES - 1], 0xff);
		unlink(path);
	}
}

struct bad_file {
	const char *text;
	mode_t mode;
	uid_t owner;
	const char *said;
};

Test(keyfile, a_file_that_is_unsafe_or_no_key_is_refused_with_the_remedy)
{
	static const struct bad_file cases[] = {
		{KEY, 0604, 0, "may be used by others (mode 0604); chmod 0640 it"},
		{KEY, 0620, 0, "may be used by others (mode 0620); chmod 0640 it"},
		{KEY, 0601, 0, "may be used by others"},
		{KEY, 0600, 4711, "belongs to user 4711; chown root it"},
		{"", 0600, 0, "is empty; remove it and make a new one with `hactl keygen`"},
		{"secret\n", 0600, 0, "does not hold 64 hex digits; remove it"},
		{KEY "0", 0600, 0, "does not hold 64 hex digits"},
		{KEY "\nsecond line", 0600, 0, "does not hold 64 hex digits"},
		{KEY "\n" KEY, 0600, 0, "does not hold 64 hex digits"},
		{"g" KEY, 0600, 0, "does not hold 64 hex digits"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t key[KEYFILE_KEY_BYTES] = {42};
		char path[32], error[KEYFILE_ERROR_MAX] = "";

		make_file(path, cases[i].text, cases[i].mode);
		if (cases[i].owner && chown(path, cases[i].owner, 0) != 0) {
			unlink(path); /* not root: nothing can be given away */
			continue;
		}
		cr_expect_eq(keyfile_read(path, key, error), -EINVAL);
		cr_expect(strstr(error, cases[i].said), "%s", error);
		cr_expect(strstr(error, path), "%s", error);
		cr_expect_eq(key[0], 42);
		unlink(path);
	}
}

Test(keyfile, a_file_that_does_not_exist_is_to_be_made)
{
	uint8_t key[KEYFILE_KEY_BYTES];
	char error[KEYFILE_ERROR_MAX] = "";

	cr_expect_eq(keyfile_read("/nonexistent/pair.key", key, error), -ENOENT);
	cr_expect_str_eq(error, "key file /nonexistent/pair.key does not exist; make it with "
				"`hactl keygen` and copy it to the other node");
}

Test(keyfile, a_directory_or_a_pipe_is_no_key_and_nobody_waits_for_it)
{
	uint8_t key[KEYFILE_KEY_BYTES];
	char path[32], error[KEYFILE_ERROR_MAX] = "";

	cr_expect_eq(keyfile_read("/", key, error), -EINVAL);
	cr_expect(strstr(error, "no regular file"), "%s", error);

	make_file(path, "", 0600);
	unlink(path);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_eq(keyfile_read(path, key, error), -EINVAL);
	cr_expect(strstr(error, "no regular file"), "%s", error);
	unlink(path);
}

Test(keyfile, a_user_who_may_not_read_the_key_is_told_as_whom_he_tried)
{
	uint8_t key[KEYFILE_KEY_BYTES];
	char path[32], error[KEYFILE_ERROR_MAX] = "";

	if (geteuid() != 0)
		return;
	make_file(path, KEY, 0600);
	cr_assert_eq(seteuid(65534), 0);
	cr_expect_eq(keyfile_read(path, key, error), -EACCES);
	cr_assert_eq(seteuid(0), 0);
	cr_expect(strstr(error, "cannot be read as user nobody; run this as root"), "%s", error);
	unlink(path);
}

Test(keyfile, the_remedy_fits_behind_the_longest_name)
{
	uint8_t key[KEYFILE_KEY_BYTES];
	char path[200], error[KEYFILE_ERROR_MAX] = "";

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[180] = '\0';
	cr_expect_eq(keyfile_read(path, key, error), -ENOENT);
	cr_expect(strstr(error, "copy it to the other node"), "%s", error);
}
