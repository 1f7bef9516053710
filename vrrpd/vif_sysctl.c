// SPDX-License-Identifier: GPL-2.0-or-later
/* The per-interface settings of vif.h, through /proc/sys. */
#include "vif.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int write_setting(const char *family, const char *link, const char *key, const char *value)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, link, key);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int err = write(fd, value, strlen(value)) < 0 ? -errno : 0;

	close(fd);
	return err;
}

int vif_sysctl_parent(const char *name)
{
	/* Answer only for addresses of this very link, and never show a virtual one as sender. */
	int err = write_setting("ipv4", name, "arp_ignore", "1");

	return err ? err : write_setting("ipv4", name, "arp_announce", "2");
}

int vif_sysctl_device(const char *name)
{
	static const struct {
		const char *key;
		const char *value;
	} settings[] = {
		{"rp_filter", "0"}, /* the route back leads through the parent */
		{"arp_ignore", "1"},
		{"accept_local", "1"},
		{"promote_secondaries", "1"}, /* removing one address must not take others along */
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int err = write_setting("ipv4", name, settings[i].key, settings[i].value);

		if (err)
			return err;
	}
	/* Absent on a kernel without IPv6, which is as good. */
	(void)!write_setting("ipv6", name, "disable_ipv6", "1");
	return 0;
}

int vif_sysctl_all_rp_filter(void)
{
	int fd = open("/proc/sys/net/ipv4/conf/all/rp_filter", O_RDONLY | O_CLOEXEC);
	char text[8] = "";

	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	int err = n < 0 ? -errno : 0;

	close(fd);
	return err ? err : atoi(text);
}
