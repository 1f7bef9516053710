/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file with the pre-shared key of the pair link: 64 hexadecimal digits that nobody but its
 * owner and one group may read. One reader, so that `hactl check`, a daemon's -t and its start say
 * the same about the same file.
 */
#ifndef HA_KEYFILE_H
#define HA_KEYFILE_H

#include <stdint.h>

enum {
	KEYFILE_KEY_BYTES = 32,
	KEYFILE_ERROR_MAX = 256, /**< longest text with its NUL */
};

/**
 * Reads path into key, which the caller wipes after use. Returns 0, or -errno with what is wrong
 * and what to do about it in error: -EACCES when this user may not open the file, -EINVAL when it
 * is unsafe or holds no key. key is left alone then.
 */
int keyfile_read(const char *path, uint8_t key[static KEYFILE_KEY_BYTES],
		 char error[static KEYFILE_ERROR_MAX]) __attribute__((warn_unused_result));

#endif
