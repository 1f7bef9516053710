// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See ctl_server.h. A connection that fails or overflows is only marked ("doomed") where that is
 * noticed and freed from the event loop, because it may be noticed deep inside a handler that is
 * still answering it.
 */
#include "ctl_server.h"

#include "nearest.h"

#include <errno.h>
#include <event2/event.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	CLIENTS_MAX = 64,
	CLIENTS_RESERVED = 8, /* of those, for whoever may change things */
	BACKLOG = 16,
	PENDING_MAX_BYTES = 1024 * 1024,
	PENDING_MAX_PACKETS = 4096,
	SOCKET_MODE = 0660,
	RUNDIR_MODE = 0755,
};

struct packet {
	TAILQ_ENTRY(packet) link;
	size_t len_bytes;
	char data[];
};

TAILQ_HEAD(packet_queue, packet);

struct ctl_client {
	TAILQ_ENTRY(ctl_client) link;
	struct ctl_server *server;
	uint64_t client_id; /* never reused */
	int fd;
	uid_t uid; /* as the kernel vouches for it */
	struct event *readable;
	struct event *writable; /* pending only while the queue is not empty */
	struct packet_queue pending;
	size_t n_pending;
	size_t pending_bytes;
	bool doomed;
	bool subscribed;
	uint64_t subscription_id; /* request id its events carry */
};

TAILQ_HEAD(client_list, ctl_client);

struct ctl_server {
	struct event_base *base;
	const struct ctl_command *commands;
	size_t n_commands;
	void *arg;
	struct log *log;
	int fd;
	struct event *acceptable;
	struct event *accept_again; /* timer: out of descriptors, try later */
	struct event *reap;         /* made active when a client is doomed */
	struct client_list clients;
	size_t n_clients;
	uint64_t last_client_id;
	struct sockaddr_un address;
	struct log_limit refusals;
	/* A packet and one byte more, to see that it was too long; replies are built in the other.
	 */
	char in[CTL_PACKET_MAX + 1];
	char out[CTL_PACKET_MAX];
};

/*
 * Root may change things, and so may the account the daemon itself runs as: lbd, switched to the
 * service user, speaks to vrrpd, switched to the same one.
 */
static bool may_change(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

static void client_doom(struct ctl_client *client, const char *why)
{
	if (client->doomed)
		return;
	client->doomed = true;
	if (why)
		log_limited(client->server->log, &client->server->refusals, LOG_LEVEL_WARN,
			    "control client dropped reason=\"%s\" uid=%u", why,
			    (unsigned)client->uid);
	event_active(client->server->reap, EV_TIMEOUT, 0);
}

static void client_free(struct ctl_client *client)
{
	struct packet *packet;

	while ((packet = TAILQ_FIRST(&client->pending))) {
		TAILQ_REMOVE(&client->pending, packet, link);
		free(packet);
	}
	if (client->readable)
		event_free(client->readable);
	if (client->writable)
		event_free(client->writable);
	close(client->fd);
	TAILQ_REMOVE(&client->server->clients, client, link);
	client->server->n_clients--;
	free(client);
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_server *server = arg;
	struct ctl_client *client, *next;

	(void)fd;
	(void)what;
	TAILQ_FOREACH_SAFE (client, &server->clients, link, next) {
		if (client->doomed)
			client_free(client);
	}
}

static struct ctl_client *client_find(const struct ctl_server *server, uint64_t client_id)
{
	struct ctl_client *client;

	TAILQ_FOREACH (client, &server->clients, link) {
		if (client->client_id == client_id)
			return client->doomed ? NULL : client;
	}
	return NULL;
}

/* Returns 0, -EAGAIN when the socket is full, or another -errno when the client is gone. */
static int send_packet(int fd, const char *data, size_t len_bytes)
{
	if (send(fd, data, len_bytes, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 0;
	return errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS ? -EAGAIN : -errno;
}

static void client_enqueue(struct ctl_client *client, const char *data, size_t len_bytes)
{
	if (client->n_pending >= PENDING_MAX_PACKETS ||
	    client->pending_bytes + len_bytes > PENDING_MAX_BYTES) {
		client_doom(client, "does not read");
		return;
	}

	struct packet *packet = malloc(sizeof(*packet) + len_bytes);
	if (!packet) {
		client_doom(client, "out of memory");
		return;
	}
	packet->len_bytes = len_bytes;
	memcpy(packet->data, data, len_bytes);
	TAILQ_INSERT_TAIL(&client->pending, packet, link);
	client->n_pending++;
	client->pending_bytes += len_bytes;
	event_add(client->writable, NULL);
}

static void client_send(struct ctl_client *client, const char *data, size_t len_bytes)
{
	if (client->doomed)
		return;
	if (!TAILQ_EMPTY(&client->pending)) {
		client_enqueue(client, data, len_bytes);
		return;
	}

	int rc = send_packet(client->fd, data, len_bytes);
	if (rc == -EAGAIN)
		client_enqueue(client, data, len_bytes);
	else if (rc)
		client_doom(client, NULL);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_client *client = arg;
	struct packet *packet;

	(void)what;
	while (!client->doomed && (packet = TAILQ_FIRST(&client->pending))) {
		/* The analyzer does not see that TAILQ_REMOVE has moved the head. */
		int rc = send_packet(fd, packet->data, packet->len_bytes); // NOLINT
		if (rc == -EAGAIN)
			return;
		if (rc) {
			client_doom(client, NULL);
			return;
		}
		TAILQ_REMOVE(&client->pending, packet, link);
		client->n_pending--;
		client->pending_bytes -= packet->len_bytes;
		free(packet);
	}
	event_del(client->writable);
}

/* Encodes and sends one reply; steals body. */
static void reply(const struct ctl_call *call, enum ctl_code code, bool end, json_t *body)
{
	struct ctl_server *server = call->server;
	struct ctl_client *client = client_find(server, call->client_id);

	if (client) {
		size_t len = ctl_reply_encode(call->id, code, end, body, server->out,
					      sizeof(server->out));
		if (len == 0) {
			log_limited(server->log, &server->refusals, LOG_LEVEL_WARN,
				    "control reply does not fit code=%d", (int)code);
			if (end)
				len = ctl_reply_encode(call->id, CTL_FAILED, true, NULL,
						       server->out, sizeof(server->out));
		}
		if (len > 0)
			client_send(client, server->out, len);
	}
	json_decref(body);
}

void ctl_row(const struct ctl_call *call, enum ctl_code code, json_t *body)
{
	reply(call, code, false, body);
}

void ctl_end(const struct ctl_call *call, enum ctl_code code, json_t *body)
{
	reply(call, code, true, body);
}

void ctl_end_text(const struct ctl_call *call, enum ctl_code code, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ctl_end(call, code, json_pack("{s:s}", "text", text));
}

void ctl_subscribe(const struct ctl_call *call)
{
	struct ctl_client *client = client_find(call->server, call->client_id);

	if (!client)
		return;
	client->subscribed = true;
	client->subscription_id = call->id;
}

void ctl_publish(struct ctl_server *server, enum ctl_code code, json_t *body)
{
	struct ctl_client *client;

	/* Log taps publish also while a daemon starts and stops, when there is no server. */
	if (!server) {
		json_decref(body);
		return;
	}

	/* A doomed client stays in the list until the loop runs: no removal under our feet. */
	TAILQ_FOREACH (client, &server->clients, link) {
		if (!client->subscribed || client->doomed)
			continue;
		struct ctl_call call = {.server = server,
					.client_id = client->client_id,
					.id = client->subscription_id};
		reply(&call, code, false, json_incref(body));
	}
	json_decref(body);
}

static void refuse_unknown(const struct ctl_call *call, const char *cmd)
{
	struct nearest best = {0};

	for (size_t i = 0; i < call->server->n_commands; i++)
		nearest_offer(&best, cmd, call->server->commands[i].name);
	if (!best.word) {
		ctl_end_text(call, CTL_BAD_COMMAND, "unknown command \"%s\"", cmd);
		return;
	}

	char text[160];
	snprintf(text, sizeof(text), "unknown command \"%s\"; did you mean \"%s\"?", cmd,
		 best.word);
	ctl_end(call, CTL_BAD_COMMAND, json_pack("{s:s, s:s}", "text", text, "nearest", best.word));
}

static void dispatch(struct ctl_client *client, const struct ctl_call *call,
		     const struct ctl_request *req)
{
	const struct ctl_server *server = client->server;

	for (size_t i = 0; i < server->n_commands; i++) {
		const struct ctl_command *command = &server->commands[i];
		if (strcmp(command->name, req->cmd) != 0)
			continue;
		if (command->changes && !may_change(client->uid))
			ctl_end_text(call, CTL_DENIED,
				     "\"%s\" changes the node: only root may do that", req->cmd);
		else
			command->handler(server->arg, call, req->args);
		return;
	}
	refuse_unknown(call, req->cmd);
}

static void refuse_version(const struct ctl_call *call)
{
	char text[96];

	snprintf(text, sizeof(text), "protocol versions understood here: %d to %d",
		 CTL_VERSION_OLDEST, CTL_VERSION);
	ctl_end(call, CTL_BAD_VERSION,
		json_pack("{s:s, s:i, s:i}", "text", text, "oldest", CTL_VERSION_OLDEST, "newest",
			  CTL_VERSION));
}

static void handle_packet(struct ctl_client *client, size_t len_bytes)
{
	struct ctl_request req;
	enum ctl_code code = ctl_request_decode(client->server->in, len_bytes, &req);
	struct ctl_call call = {
		.server = client->server, .client_id = client->client_id, .id = req.id};

	if (code == CTL_DONE)
		dispatch(client, &call, &req);
	else if (code == CTL_BAD_VERSION)
		refuse_version(&call);
	else if (code == CTL_BAD_COMMAND)
		refuse_unknown(&call, req.cmd);
	else
		ctl_end_text(&call, code, "%s", ctl_code_text(code));
	ctl_request_fini(&req);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_client *client = arg;
	struct ctl_server *server = client->server;

	(void)what;
	if (client->doomed)
		return;
	/* MSG_TRUNC: the true length comes back, also of a packet that was cut. */
	ssize_t len = recv(fd, server->in, sizeof(server->in), MSG_DONTWAIT | MSG_TRUNC);
	if (len < 0 && (errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (len <= 0)
		client_doom(client, NULL);
	else if ((size_t)len > CTL_PACKET_MAX)
		handle_packet(client, sizeof(server->in));
	else
		handle_packet(client, (size_t)len);
}

static void refuse_crowd(struct ctl_server *server, int fd)
{
	json_t *body = json_pack("{s:s}", "text", "too many control connections");
	size_t len = ctl_reply_encode(0, CTL_FAILED, true, body, server->out, sizeof(server->out));

	json_decref(body);
	if (len > 0)
		(void)send_packet(fd, server->out, len);
	close(fd);
	log_limited(server->log, &server->refusals, LOG_LEVEL_WARN,
		    "control client refused reason=\"too many\" max=%d", CLIENTS_MAX);
}

/* Readers cannot keep out whoever may have to act. */
static bool is_crowded(const struct ctl_server *server, uid_t uid)
{
	size_t reserved = may_change(uid) ? 0 : CLIENTS_RESERVED;

	return server->n_clients >= CLIENTS_MAX - reserved;
}

static void client_new(struct ctl_server *server, int fd)
{
	struct ucred peer;
	socklen_t peer_len = sizeof(peer);
	struct ctl_client *client = calloc(1, sizeof(*client));

	if (!client || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len)) {
		free(client);
		close(fd);
		return;
	}
	if (is_crowded(server, peer.uid)) {
		free(client);
		refuse_crowd(server, fd);
		return;
	}
	client->server = server;
	client->client_id = ++server->last_client_id;
	client->fd = fd;
	client->uid = peer.uid;
	TAILQ_INIT(&client->pending);
	TAILQ_INSERT_TAIL(&server->clients, client, link);
	server->n_clients++;
	client->readable = event_new(server->base, fd, EV_READ | EV_PERSIST, on_readable, client);
	client->writable = event_new(server->base, fd, EV_WRITE | EV_PERSIST, on_writable, client);
	if (!client->readable || !client->writable || event_add(client->readable, NULL))
		client_free(client);
}

static void on_acceptable(evutil_socket_t listener, short what, void *arg)
{
	struct ctl_server *server = arg;
	const struct timeval second = {.tv_sec = 1};

	(void)listener;
	(void)what;
	int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		event_add(server->acceptable, NULL);
		client_new(server, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		/* The connection stays in the backlog: asking again at once would spin. */
		event_del(server->acceptable);
		event_add(server->accept_again, &second);
	}
}

static int fill_address(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	return strlcpy(address->sun_path, path, sizeof(address->sun_path)) <
			       sizeof(address->sun_path)
		       ? 0
		       : -ENAMETOOLONG;
}

/* Removes the socket a dead daemon left; -EADDRINUSE when somebody answers on it. */
static int remove_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;

	int rc = connect(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;
	close(fd);
	if (rc == -ENOENT)
		return 0;
	if (rc != -ECONNREFUSED)
		return rc == 0 || rc == -EAGAIN ? -EADDRINUSE : rc;
	return unlink(address->sun_path) && errno != ENOENT ? -errno : 0;
}

/* RUNDIR itself, one level, for whoever starts a daemon without a service manager. */
static void make_rundir(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

	strlcpy(dir, path, sizeof(dir));
	char *slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = '\0';
	/* When it fails, bind() says what is wrong. */
	(void)!mkdir(dir, RUNDIR_MODE);
}

static int listen_on(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;

	/* The mode must be right from the first instant, not after a chmod. */
	mode_t old_mask = umask(0777 & ~SOCKET_MODE);
	int rc = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;
	umask(old_mask);

	if (rc == 0) {
		const struct group *group = getgrnam("hapair");
		if (group && chown(address->sun_path, (uid_t)-1, group->gr_gid))
			rc = errno == EPERM ? 0 : -errno; /* not root: the group stays ours */
	}
	if (rc == 0 && listen(fd, BACKLOG))
		rc = -errno;
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

int ctl_server_open(struct event_base *base, const char *path, const struct ctl_command *commands,
		    size_t n_commands, void *arg, struct log *log, struct ctl_server **out)
{
	struct ctl_server *server = calloc(1, sizeof(*server));
	int rc = -ENOMEM;

	*out = NULL;
	if (!server)
		return -ENOMEM;
	server->base = base;
	server->commands = commands;
	server->n_commands = n_commands;
	server->arg = arg;
	server->log = log;
	server->fd = -1;
	TAILQ_INIT(&server->clients);
	rc = fill_address(path, &server->address);
	if (rc)
		goto fail;
	make_rundir(path);
	rc = remove_stale(&server->address);
	if (rc)
		goto fail;
	rc = listen_on(&server->address);
	if (rc < 0)
		goto fail;
	server->fd = rc;

	rc = -ENOMEM;
	server->acceptable =
		event_new(base, server->fd, EV_READ | EV_PERSIST, on_acceptable, server);
	server->accept_again = event_new(base, -1, EV_TIMEOUT, on_acceptable, server);
	server->reap = event_new(base, -1, EV_TIMEOUT, on_reap, server);
	if (!server->acceptable || !server->accept_again || !server->reap ||
	    event_add(server->acceptable, NULL))
		goto fail;
	*out = server;
	return 0;
fail:
	ctl_server_close(server);
	return rc;
}

void ctl_server_close(struct ctl_server *server)
{
	struct ctl_client *client;

	if (!server)
		return;
	while ((client = TAILQ_FIRST(&server->clients)))
		client_free(client); // NOLINT: it takes itself out of the list
	if (server->acceptable)
		event_free(server->acceptable);
	if (server->accept_again)
		event_free(server->accept_again);
	if (server->reap)
		event_free(server->reap);
	if (server->fd >= 0) {
		close(server->fd);
		(void)!unlink(server->address.sun_path);
	}
	free(server);
}
