/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving up privileges: keep named capabilities, switch to the service user where it exists, set
 * no_new_privs. Called once by each daemon after its sockets are open.
 */
#ifndef HA_PRIVS_H
#define HA_PRIVS_H

#include <stddef.h>

/**
 * Keeps the capabilities caps[0..n) (CAP_* numbers) and nothing else, as user `user` if that
 * account exists (otherwise the user stays). Returns 0 or -errno; *user_changed tells (may be
 * NULL).
 */
int privs_drop(const char *user, const int *caps, size_t n, int *user_changed)
	__attribute__((warn_unused_result));
/** Capabilities (CAP_* numbers) a daemon cannot do without, and those it would like to keep. */
struct privs_caps {
	const int *required;
	size_t n_required;
	const int *optional;
	size_t n_optional;
};

/**
 * As privs_drop(), but an optional capability that is not held is left out. Returns 0 or -errno;
 * -EPERM with *missing naming a required capability ("net_admin"), NULL when it was not that.
 */
int privs_drop_to(const char *user, const struct privs_caps *caps, const char **missing)
	__attribute__((warn_unused_result));
/** For children that judge strangers' bytes: user and group nobody, no capability at all. */
int privs_drop_all(void) __attribute__((warn_unused_result));

#endif
