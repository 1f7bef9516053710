// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Start time and session from /proc/PID/stat; false when there is no such process. */
static bool read_stat(pid_t pid, unsigned long long *started, int *session)
{
	char path[64], text[1024];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	/* The name of the program, in parentheses, may contain anything. */
	const char *rest = strrchr(text, ')');

	/* Fields 3.. of proc(5): state, ppid, pgrp, session, then 15 more until the start time. */
	return rest && sscanf(rest,
			      ") %*c %*d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
			      "%*d %*d %*d %llu",
			      session, started) == 2;
}

int owner_record(const char *path)
{
	unsigned long long started;
	int session;

	if (!read_stat(getpid(), &started, &session))
		return -ESRCH;
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	int rc = dprintf(fd, "%d %llu\n", (int)getpid(), started) < 0 ? -EIO : 0;

	close(fd);
	return rc;
}

int owner_read(const char *path, struct owner out[static OWNER_RECORDS_MAX])
{
	FILE *in = fopen(path, "re");
	int n = 0, pid;

	if (!in)
		return -errno;
	while (n < OWNER_RECORDS_MAX && fscanf(in, "%d %llu", &pid, &out[n].started) == 2)
		out[n++].pid = pid;
	fclose(in);
	return n;
}

bool owner_lives(const struct owner *o)
{
	unsigned long long started;
	int session;

	return read_stat(o->pid, &started, &session) && started == o->started;
}

pid_t owner_session(pid_t pid)
{
	unsigned long long started;
	int session;

	return read_stat(pid, &started, &session) ? session : 0;
}
