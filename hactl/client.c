// SPDX-License-Identifier: GPL-2.0-or-later
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
	int fd;
	uint64_t id;                 /* of the request being answered */
	char packet[CTL_PACKET_MAX]; /* the one being sent or read */
};

static int connect_within(int fd, const struct sockaddr_un *address, mono timeout)
{
	/* On UNIX sockets the send time-out also bounds the wait for a place in the backlog. */
	const struct timeval tv = {.tv_sec = timeout.ns / MONO_NS_PER_S,
				   .tv_usec = timeout.ns % MONO_NS_PER_S / MONO_NS_PER_US};

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)))
		return -errno;
	return connect(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;
}

int client_open(const char *rundir, const char *daemon, mono timeout, struct client **out)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int len =
		snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s.sock", rundir, daemon);

	*out = NULL;
	if (len < 0 || (size_t)len >= sizeof(address.sun_path))
		return -ENAMETOOLONG;

	struct client *client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int rc = client->fd < 0 ? -errno : connect_within(client->fd, &address, timeout);
	if (rc) {
		client_close(client);
		return rc;
	}
	*out = client;
	return 0;
}

void client_close(struct client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		close(client->fd);
	free(client);
}

int client_fd(const struct client *client)
{
	return client->fd;
}

int client_request(struct client *client, const char *cmd, const json_t *args)
{
	client->id++;
	size_t len =
		ctl_request_encode(client->id, cmd, args, client->packet, sizeof(client->packet));
	if (len == 0)
		return -EMSGSIZE;
	return send(client->fd, client->packet, len, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int wait_readable(int fd, mono deadline)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		mono left = mono_sub(deadline, mono_now());
		/* Round up: a wait of "0 ms" that is not yet over would spin. */
		int wait_ms = mono_is_never(deadline) ? -1
			      : left.ns <= 0          ? 0
						      : (int)(mono_to_ms(left) + 1);
		int n = poll(&p, 1, wait_ms);
		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

int client_next(struct client *client, mono deadline, struct ctl_reply *reply)
{
	*reply = (struct ctl_reply){0};
	for (;;) {
		int rc = wait_readable(client->fd, deadline);
		if (rc)
			return rc;
		ssize_t len = recv(client->fd, client->packet, sizeof(client->packet), 0);
		if (len < 0)
			return -errno;
		if (len == 0)
			return -ECONNRESET;
		rc = ctl_reply_decode(client->packet, (size_t)len, reply);
		/* 0: the daemon refused before it knew which request this is. */
		if (rc || reply->id == client->id || reply->id == 0)
			return rc;
		ctl_reply_fini(reply);
	}
}

static int converse(struct client *client, const struct client_question *q, mono deadline,
		    struct ctl_reply *last)
{
	int rc = client_request(client, q->cmd, q->args);

	while (rc == 0) {
		rc = client_next(client, deadline, last);
		if (rc || last->end)
			return rc;
		if (q->row)
			q->row(q->arg, last);
		ctl_reply_fini(last);
	}
	return rc;
}

int client_ask(const struct client_question *q, struct ctl_reply *last)
{
	struct client *client;
	mono deadline = mono_add(mono_now(), q->timeout);
	int rc = client_open(q->rundir, q->daemon, q->timeout, &client);

	*last = (struct ctl_reply){0};
	if (rc == 0)
		rc = converse(client, q, deadline, last);
	client_close(client);
	return rc;
}

const char *client_explain(const char *rundir, const char *daemon, int rc, char *buf,
			   size_t cap_bytes)
{
	const char *why = strerror(-rc);

	if (rc == -ENOENT || rc == -ECONNREFUSED)
		why = "it is not running";
	else if (rc == -EACCES)
		why = "permission denied; be root or a member of group hapair";
	else if (rc == -EAGAIN || rc == -ETIMEDOUT)
		why = "no answer in time";
	else if (rc == -ECONNRESET)
		why = "it closed the connection";
	else if (rc == -EPROTO)
		why = "its answer makes no sense";
	else if (rc == -EPROTONOSUPPORT)
		why = "it speaks another version of the protocol; use the hactl installed with it";
	snprintf(buf, cap_bytes, "%s does not answer at %s/%s.sock: %s", daemon, rundir, daemon,
		 why);
	return buf;
}
