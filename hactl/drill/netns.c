// SPDX-License-Identifier: GPL-2.0-or-later
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void path_of(const char *name, char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, NETNS_DIR "/%s", name);
}

static int loopback_up(void)
{
	struct ifreq req = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	int rc = ioctl(fd, SIOCSIFFLAGS, &req) ? -errno : 0;

	close(fd);
	return rc;
}

/* Inside the new namespace: gives it its name in the file system. */
static int pin(const char *path)
{
	int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	close(fd);
	if (mount("/proc/thread-self/ns/net", path, "none", MS_BIND, NULL)) {
		int rc = -errno;

		unlink(path);
		return rc;
	}
	return loopback_up();
}

int netns_add(const char *role, struct netns *out)
{
	char path[PATH_MAX];
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	*out = (struct netns){.fd = -1};
	if (home < 0)
		return -errno;
	if (mkdir(NETNS_DIR, 0755) && errno != EEXIST) {
		int rc = -errno;

		close(home);
		return rc;
	}
	snprintf(out->name, sizeof(out->name), NETNS_PREFIX "%d-%s", (int)getpid(), role);
	path_of(out->name, path);
	if (unshare(CLONE_NEWNET)) {
		int rc = -errno;

		close(home);
		return rc;
	}
	int rc = pin(path);

	netns_leave(home);
	if (rc == 0) {
		out->fd = open(path, O_RDONLY | O_CLOEXEC);
		rc = out->fd < 0 ? -errno : 0;
	}
	if (rc)
		netns_del(out);
	return rc;
}

void netns_unpin(const char *name)
{
	char path[PATH_MAX];

	path_of(name, path);
	umount2(path, MNT_DETACH);
	unlink(path);
}

void netns_del(struct netns *ns)
{
	if (ns->name[0] != '\0')
		netns_unpin(ns->name);
	if (ns->fd >= 0)
		close(ns->fd);
	*ns = (struct netns){.fd = -1};
}

int netns_enter(const struct netns *ns)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (home < 0)
		return -errno;
	if (setns(ns->fd, CLONE_NEWNET)) {
		int rc = -errno;

		close(home);
		return rc;
	}
	return home;
}

void netns_leave(int handle)
{
	/* Working on in a stranger's namespace could touch links that are not ours. */
	if (setns(handle, CLONE_NEWNET))
		abort();
	close(handle);
}

int netns_sysctl(const char *path, const char *text)
{
	char file[PATH_MAX];

	snprintf(file, sizeof(file), "/proc/sys/%s", path);
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int rc = write(fd, text, strlen(text)) < 0 ? -errno : 0;

	close(fd);
	return rc;
}
