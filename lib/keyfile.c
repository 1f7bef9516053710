// SPDX-License-Identifier: GPL-2.0-or-later
#include "keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The part of a path that leaves room for the remedy behind it. */
#define PATH_FMT "%.130s"

enum {
	HEX_DIGITS = 2 * KEYFILE_KEY_BYTES,
	FILE_MAX_BYTES = 256, /* more than key, line ends and blanks need */
	/* A group may read: the one that the daemon runs in once it has given up being root. */
	UNSAFE_BITS = S_IRWXO | S_IWGRP,
};

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/** 64 hex digits, then nothing but white space. */
static bool parse_key(const char *text, uint8_t key[static KEYFILE_KEY_BYTES])
{
	for (size_t i = 0; i < KEYFILE_KEY_BYTES; i++) {
		int high = hex_value(text[2 * i]);
		int low = high < 0 ? -1 : hex_value(text[2 * i + 1]);

		if (low < 0)
			return false;
		key[i] = (uint8_t)(high << 4 | low);
	}
	return text[HEX_DIGITS + strspn(text + HEX_DIGITS, " \t\r\n")] == '\0';
}

/** Whoever may write the file may choose the key, and an owner always may. */
static int check_file(int fd, const char *path, char error[static KEYFILE_ERROR_MAX])
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		int err = errno;

		snprintf(error, KEYFILE_ERROR_MAX, "key file " PATH_FMT ": %s", path,
			 strerror(err));
		return -err;
	}
	if (!S_ISREG(st.st_mode))
		snprintf(error, KEYFILE_ERROR_MAX,
			 "key file " PATH_FMT " is no regular file; make one with `hactl keygen`",
			 path);
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		snprintf(error, KEYFILE_ERROR_MAX,
			 "key file " PATH_FMT " belongs to user %u; chown root it, or make a new "
			 "one with `hactl keygen`",
			 path, (unsigned)st.st_uid);
	else if (st.st_mode & UNSAFE_BITS)
		snprintf(error, KEYFILE_ERROR_MAX,
			 "key file " PATH_FMT " may be used by others (mode %04o); chmod 0640 it, "
			 "or make a new one with `hactl keygen`",
			 path, (unsigned)(st.st_mode & 07777));
	else
		return 0;
	return -EINVAL;
}

static void explain_open(const char *path, int err, char error[static KEYFILE_ERROR_MAX])
{
	const struct passwd *user = err == EACCES ? getpwuid(geteuid()) : NULL;

	if (user)
		snprintf(error, KEYFILE_ERROR_MAX,
			 "key file " PATH_FMT " cannot be read as user %.20s; run this as root, or "
			 "chgrp %.20s and chmod 0640 it",
			 path, user->pw_name, user->pw_name);
	else if (err == ENOENT)
		snprintf(error, KEYFILE_ERROR_MAX,
			 "key file " PATH_FMT " does not exist; make it with `hactl keygen` and "
			 "copy it to the other node",
			 path);
	else
		snprintf(error, KEYFILE_ERROR_MAX,
			 "key file " PATH_FMT " cannot be read: %s; make one with `hactl keygen`",
			 path, strerror(err));
}

static int read_text(int fd, const char *path, uint8_t key[static KEYFILE_KEY_BYTES],
		     char error[static KEYFILE_ERROR_MAX])
{
	char text[FILE_MAX_BYTES + 1] = {0};
	uint8_t found[KEYFILE_KEY_BYTES];
	ssize_t len = read(fd, text, FILE_MAX_BYTES);
	int result = 0;

	if (len < 0) {
		result = -errno;
		explain_open(path, -result, error);
	} else if (len == 0) {
		snprintf(error, KEYFILE_ERROR_MAX,
			 "key file " PATH_FMT " is empty; remove it and make a new one with `hactl "
			 "keygen`",
			 path);
		result = -EINVAL;
	} else if (!parse_key(text, found)) {
		snprintf(error, KEYFILE_ERROR_MAX,
			 "key file " PATH_FMT " does not hold %d hex digits; remove it and make a "
			 "new one with `hactl keygen`",
			 path, HEX_DIGITS);
		result = -EINVAL;
	} else {
		memcpy(key, found, sizeof(found));
	}
	explicit_bzero(text, sizeof(text));
	explicit_bzero(found, sizeof(found));
	return result;
}

int keyfile_read(const char *path, uint8_t key[static KEYFILE_KEY_BYTES],
		 char error[static KEYFILE_ERROR_MAX])
{
	/* Not blocking: in place of the file there may be a pipe that nobody writes to. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		int err = errno;

		explain_open(path, err, error);
		return -err;
	}
	int result = check_file(fd, path, error);

	if (result == 0)
		result = read_text(fd, path, key, error);
	close(fd);
	return result;
}
