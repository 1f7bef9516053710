// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See privs.h. libcap-ng keeps one process-wide wanted state; each function here fills it from
 * scratch and applies it once. What the process may not do (it was started without CAP_SETUID, say,
 * under a service manager that already chose user and capabilities) is left out, not an error;
 * lacking a capability that was asked for is, unless it was called optional.
 */
#include "privs.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

enum {
	CAPS_MAX = 16,
	NOBODY = 65534, /* Linux' overflow uid and gid, where the account has no entry */
};

struct identity {
	uid_t uid;
	gid_t gid;
};

static int forbid_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

static bool may(int cap)
{
	return capng_have_capability(CAPNG_EFFECTIVE, (unsigned)cap) > 0;
}

/*
 * Reduces the process to caps and, unless id is NULL, to that user and group. The bounding set goes
 * too where that is allowed, so that nothing run from here gets a capability back.
 */
static int apply(const struct identity *id, const int *caps, size_t n)
{
	if (capng_get_caps_process())
		return -EPERM;

	bool can_bound = may(CAP_SETPCAP);

	capng_clear(can_bound ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS);
	for (size_t i = 0; i < n; i++)
		if (capng_update(CAPNG_ADD, (capng_type_t)(CAPNG_EFFECTIVE | CAPNG_PERMITTED),
				 (unsigned)caps[i]))
			return -EINVAL;
	int failed;
	if (id)
		failed = capng_change_id((int)id->uid, (int)id->gid,
					 (capng_flags_t)(CAPNG_DROP_SUPP_GRP |
							 (can_bound ? CAPNG_CLEAR_BOUNDING : 0)));
	else
		failed = capng_apply(can_bound ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS);
	return failed ? -EPERM : forbid_new_privileges();
}

static bool may_change_identity(void)
{
	return !capng_get_caps_process() && may(CAP_SETUID) && may(CAP_SETGID);
}

int privs_drop(const char *user, const int *caps, size_t n, int *user_changed)
{
	const struct passwd *pw = user ? getpwnam(user) : NULL;
	bool change = pw && pw->pw_uid != geteuid() && may_change_identity();
	struct identity id = {.uid = change ? pw->pw_uid : 0, .gid = change ? pw->pw_gid : 0};

	if (user_changed)
		*user_changed = change;
	return apply(change ? &id : NULL, caps, n);
}

/* What is held of caps[0..n), appended to out. */
static size_t held(const int *caps, size_t n, int *out)
{
	size_t n_out = 0;

	for (size_t i = 0; i < n; i++)
		if (may(caps[i]))
			out[n_out++] = caps[i];
	return n_out;
}

int privs_drop_to(const char *user, const struct privs_caps *caps, const char **missing)
{
	int keep[CAPS_MAX];

	*missing = NULL;
	if (caps->n_required + caps->n_optional > CAPS_MAX)
		return -EINVAL;
	if (capng_get_caps_process())
		return -EPERM;
	for (size_t i = 0; i < caps->n_required; i++) {
		if (may(caps->required[i]))
			continue;
		*missing = capng_capability_to_name((unsigned)caps->required[i]);
		return -EPERM;
	}
	size_t n = held(caps->required, caps->n_required, keep);

	n += held(caps->optional, caps->n_optional, keep + n);
	return privs_drop(user, keep, n, NULL);
}

int privs_drop_all(void)
{
	const struct passwd *pw = getpwnam("nobody");
	struct identity id = {.uid = pw ? pw->pw_uid : NOBODY, .gid = pw ? pw->pw_gid : NOBODY};

	return apply(may_change_identity() ? &id : NULL, NULL, 0);
}
