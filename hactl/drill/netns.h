/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Named network namespaces as ip-netns(8) knows them: /run/netns/hapair-drill-PID-NAME. The pid in
 * the name is the drill that made it; what belongs to a pid that is gone may be swept away.
 */
#ifndef HA_NETNS_H
#define HA_NETNS_H

#include <stdbool.h>
#include <stddef.h>

enum {
	NETNS_NAME_MAX = 96,
};

#define NETNS_DIR    "/run/netns"
#define NETNS_PREFIX "hapair-drill-"

struct netns {
	char name[NETNS_NAME_MAX]; /**< file name below NETNS_DIR; "" when there is none */
	int fd;                    /**< open on the namespace, close-on-exec */
};

/** Makes a namespace with loopback up. Returns 0 or -errno. */
int netns_add(const char *role, struct netns *out) __attribute__((warn_unused_result));
/** Removes the name and our hold on it; the kernel ends it with its last process. */
void netns_del(struct netns *ns);
/**
 * Moves the calling process into the namespace and returns a handle for netns_leave(), or -errno.
 */
int netns_enter(const struct netns *ns) __attribute__((warn_unused_result));
/** Back to where the process came from. Failing to return would be fatal, so it aborts then. */
void netns_leave(int handle);
/** Writes text to a file below /proc/sys of the calling process's namespace; 0 or -errno. */
int netns_sysctl(const char *path, const char *text) __attribute__((warn_unused_result));
/** Unmounts and removes a name below NETNS_DIR. */
void netns_unpin(const char *name);

#endif
