// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel settings of this network namespace that load balancing depends on.
 */
#include "dataplane.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct sysctl {
	const char *name; /* as sysctl(8) takes it with slashes */
	const char *value;
	const char *why;
};

static const struct sysctl wanted[] = {
	{"net/ipv4/ip_forward", "1", "without it nothing reaches the servers"},
	{"net/netfilter/nf_conntrack_events", "1",
	 "without it the peer never hears of connections"},
	{"net/netfilter/nf_conntrack_tcp_loose", "1",
	 "without it a takeover cannot pick up connections it was not told of"},
};

static bool has_value(const char *path, const char *value)
{
	char now[16] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, now, sizeof(now) - 1);
	close(fd);
	if (n <= 0)
		return false;
	now[strcspn(now, "\n")] = '\0';
	return strcmp(now, value) == 0;
}

static int set_value(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, value, strlen(value));
	int err = n < 0 ? errno : 0;
	close(fd);
	return -err;
}

int dataplane_sysctls(struct log *log)
{
	int wrong = 0;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		char path[128];
		snprintf(path, sizeof(path), "/proc/sys/%s", wanted[i].name);
		if (has_value(path, wanted[i].value))
			continue;
		int err = set_value(path, wanted[i].value);
		if (err == 0) {
			log_msg(log, LOG_LEVEL_INFO, "sysctl: set name=%s value=%s", wanted[i].name,
				wanted[i].value);
			continue;
		}
		wrong++;
		log_msg(log, LOG_LEVEL_WARN, "sysctl: cannot set %s: %s; %s; run: sysctl -w %s=%s",
			wanted[i].name, strerror(-err), wanted[i].why, wanted[i].name,
			wanted[i].value);
	}
	return wrong;
}
