// SPDX-License-Identifier: GPL-2.0-or-later
/* See notify.h; the protocol is described in sd_notify(3) under "Notes". */
#include "notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify_send(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(to.sun_path))
		return;
	strlcpy(to.sun_path, path, sizeof(to.sun_path));
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0'; /* abstract name space */

	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	socklen_t to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
		      (const struct sockaddr *)&to, to_len);
	close(fd);
}

mono notify_watchdog_interval(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	const char *error = NULL;

	if (!usec)
		return mono_never();
	/* A child inherits the variables, not the duty. */
	if (pid && strtonum(pid, 1, INT32_MAX, &error) != getpid())
		return mono_never();

	long long timeout_us = strtonum(usec, 2, INT64_MAX / MONO_NS_PER_US, &error);
	if (error)
		return mono_never();
	return mono_from_us(timeout_us / 2);
}
