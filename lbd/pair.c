// SPDX-License-Identifier: GPL-2.0-or-later
#include "lbd/pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LISTEN_BACKLOG = 64,
	LISTEN_RETRY_MS = 1000,
	ACCEPTS_PER_ROUND = 64, /* before other handlers get their turn */
};

/* One connection that exists: half open, the link, or over and waiting to be freed. */
struct pair_slot {
	LIST_ENTRY(pair_slot) entry;
	struct pair_link *link;
	bool over;
};

struct pair {
	struct event_base *base;
	struct log *log;
	struct pair_callbacks callbacks;
	void *arg;
	struct pair_tls *tls;
	bool dial; /* we dial, the peer listens */
	char self[CONF_NAME_MAX];
	char peer[CONF_NAME_MAX];
	struct addr self_addr;
	struct addr peer_addr;
	uint16_t port;

	LIST_HEAD(, pair_slot) slots;
	struct pair_link *up; /* the link, borrowed from its slot */
	struct event *retry;  /* dial or bind again */
	struct event *reap;   /* free what is over */
	struct event *socket; /* listening, or connecting */
	int fd;               /* of socket; -1 none */
	int64_t retry_ms;
	struct pair_status status;
	struct log_limit limit_refused;
	struct log_limit limit_bind;
};

/* ---- addresses and sockets ---- */

static socklen_t to_sockaddr(const struct addr *addr, uint16_t port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (addr->family == ADDR_IPV4) {
		struct sockaddr_in *in = (void *)out;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, addr->bytes, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (void *)out;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, addr->bytes, 16);
	return sizeof(*in6);
}

/* A non-blocking TCP socket bound to our pair_address, or -errno. */
static int bound_socket(const struct pair *pair, uint16_t port)
{
	struct sockaddr_storage sa;
	socklen_t len = to_sockaddr(&pair->self_addr, port, &sa);
	int one = 1;
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&sa, len) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

/* The address of a connection's other end; no family when there is none. */
static struct addr from_sockaddr(const struct sockaddr_storage *sa)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	if (sa->ss_family == AF_INET)
		return addr_from_bytes(ADDR_IPV4, (const uint8_t *)&in->sin_addr);
	if (sa->ss_family == AF_INET6)
		return addr_from_bytes(ADDR_IPV6, in6->sin6_addr.s6_addr);
	return (struct addr){0};
}

static void start_timer(struct event *timer, int64_t delay_ms)
{
	struct timeval tv = {
		.tv_sec = delay_ms / 1000,
		.tv_usec = (suseconds_t)(delay_ms % 1000 * 1000),
	};

	event_add(timer, &tv);
}

static void close_socket(struct pair *pair, bool close_fd)
{
	if (pair->socket)
		event_free(pair->socket);
	if (close_fd && pair->fd >= 0)
		close(pair->fd);
	pair->socket = NULL;
	pair->fd = -1;
}

/* Dial again after a while, the longer the more often it failed. */
static void retry_later(struct pair *pair)
{
	if (!pair->dial)
		return;
	start_timer(pair->retry, pair->retry_ms);
	pair->retry_ms *= 2;
	if (pair->retry_ms > PAIR_RETRY_MAX_MS)
		pair->retry_ms = PAIR_RETRY_MAX_MS;
}

/* ---- what becomes of connections ---- */

static void refuse(struct pair *pair, enum pair_refusal refusal, const char *reason)
{
	pair->status.refused[refusal]++;
	snprintf(pair->status.last_error, sizeof(pair->status.last_error), "%s", reason);
	log_limited(pair->log, &pair->limit_refused, LOG_LEVEL_WARN,
		    "pair link refused reason=%s error=\"%s\"", pair_refusal_name(refusal), reason);
}

static struct pair_slot *slot_of(struct pair *pair, const struct pair_link *link)
{
	struct pair_slot *slot;

	LIST_FOREACH (slot, &pair->slots, entry) {
		if (slot->link == link)
			return slot;
	}
	return NULL;
}

/* Marks a connection as over; it is freed from the event loop, outside its own callbacks. */
static void retire(struct pair *pair, struct pair_link *link)
{
	struct pair_slot *slot = slot_of(pair, link);

	if (slot)
		slot->over = true;
	start_timer(pair->reap, 0);
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
	struct pair *pair = arg;
	struct pair_slot *slot = LIST_FIRST(&pair->slots);

	(void)fd;
	(void)what;
	while (slot) {
		struct pair_slot *next = LIST_NEXT(slot, entry);

		if (slot->over) {
			LIST_REMOVE(slot, entry);
			pair_link_free(slot->link);
			free(slot);
		}
		slot = next;
	}
}

static void link_down(struct pair *pair, const char *reason)
{
	pair->up = NULL;
	pair->status.connected = false;
	pair->status.since = mono_now();
	snprintf(pair->status.last_error, sizeof(pair->status.last_error), "%s", reason);
	log_msg(pair->log, LOG_LEVEL_NOTICE, "pair link down peer=%s reason=\"%s\"", pair->peer,
		reason);
	pair->callbacks.down(pair->arg, reason);
}

static void on_hello(void *arg, struct pair_link *link, struct sync_hello *out)
{
	struct pair *pair = arg;

	(void)link;
	out->version_min = SYNC_VERSION_MIN;
	out->version_max = SYNC_VERSION_MAX;
	out->capabilities = SYNC_CAN_IPV4 | SYNC_CAN_IPV6;
	snprintf(out->node, sizeof(out->node), "%s", pair->self);
	snprintf(out->program, sizeof(out->program), "%s", HAPAIR_VERSION);
	pair->callbacks.hello(pair->arg, out);
}

static const char *on_greeted(void *arg, struct pair_link *link, const struct sync_hello *peer,
			      enum pair_refusal *refusal)
{
	struct pair *pair = arg;
	const struct pair_slot *slot = slot_of(pair, link);

	if (!slot || slot->over) {
		*refusal = PAIR_REFUSAL_GARBAGE;
		return "given up for a newer connection";
	}
	if (sync_version_common(peer) == 0) {
		*refusal = PAIR_REFUSAL_VERSION;
		return "the peer speaks no protocol version of ours";
	}
	if (strcmp(peer->node, pair->peer) != 0) {
		*refusal = PAIR_REFUSAL_WRONG_NODE;
		return "the other end is not the configured peer node";
	}
	if (pair->up) {
		struct pair_link *old = pair->up;

		link_down(pair, "replaced by a newer connection");
		retire(pair, old);
	}
	pair->up = link;
	pair->retry_ms = PAIR_RETRY_MIN_MS;
	pair->status.connected = true;
	pair->status.since = mono_now();
	pair->status.peer = *peer;
	log_msg(pair->log, LOG_LEVEL_NOTICE, "pair link up peer=%s version=%s", peer->node,
		peer->program);
	pair->callbacks.up(pair->arg, peer);
	return NULL;
}

static const char *on_frame(void *arg, struct pair_link *link, const struct sync_frame *frame)
{
	struct pair *pair = arg;

	return link == pair->up ? pair->callbacks.frame(pair->arg, frame) : NULL;
}

static void on_idle(void *arg, struct pair_link *link)
{
	struct pair *pair = arg;

	if (link == pair->up)
		pair->callbacks.idle(pair->arg);
}

static void on_drained(void *arg, struct pair_link *link)
{
	struct pair *pair = arg;

	if (link == pair->up)
		pair->callbacks.drained(pair->arg);
}

static void on_closed(void *arg, struct pair_link *link, enum pair_refusal refusal,
		      const char *reason)
{
	struct pair *pair = arg;

	if (link == pair->up)
		link_down(pair, reason);
	else if (refusal < PAIR_REFUSAL_N)
		refuse(pair, refusal, reason);
	retire(pair, link);
	if (!pair->up)
		retry_later(pair);
}

static void add_link(struct pair *pair, int fd)
{
	static const struct pair_link_callbacks callbacks = {
		.hello = on_hello,
		.greeted = on_greeted,
		.frame = on_frame,
		.idle = on_idle,
		.drained = on_drained,
		.closed = on_closed,
	};
	struct pair_slot *slot = calloc(1, sizeof(*slot));

	if (!slot) {
		close(fd);
		return;
	}
	slot->link = pair_link_new(pair->base, pair->tls, fd, pair->dial, &callbacks, pair);
	if (!slot->link) {
		free(slot);
		return;
	}
	LIST_INSERT_HEAD(&pair->slots, slot, entry);
}

/* ---- listening side ---- */

static size_t half_open(const struct pair *pair)
{
	const struct pair_slot *slot;
	size_t n = 0;

	LIST_FOREACH (slot, &pair->slots, entry)
		n += !slot->over && slot->link != pair->up;
	return n;
}

/* All of them are the peer's; the newest are the most likely to be alive, and come first. */
static void evict_oldest(struct pair *pair)
{
	struct pair_slot *slot;
	struct pair_slot *oldest = NULL;

	LIST_FOREACH (slot, &pair->slots, entry) {
		if (!slot->over && slot->link != pair->up)
			oldest = slot;
	}
	if (oldest) {
		refuse(pair, PAIR_REFUSAL_GARBAGE, "too many connections without handshake");
		retire(pair, oldest->link);
	}
}

/* Returns false when nobody waits. */
static bool accept_one(struct pair *pair, int listener)
{
	struct sockaddr_storage sa = {0};
	socklen_t len = sizeof(sa);
	int fd = accept4(listener, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return false;
	struct addr from = from_sockaddr(&sa);

	if (!addr_equal(&from, &pair->peer_addr)) {
		char text[ADDR_STR_MAX];
		char reason[PAIR_ERROR_MAX];

		close(fd);
		snprintf(reason, sizeof(reason), "connection from %s, which is not the peer",
			 addr_print(&from, text, sizeof(text)));
		refuse(pair, PAIR_REFUSAL_GARBAGE, reason);
		return true;
	}
	if (half_open(pair) >= PAIR_HALF_OPEN_MAX)
		evict_oldest(pair);
	add_link(pair, fd);
	return true;
}

static void on_acceptable(evutil_socket_t listener, short what, void *arg)
{
	(void)what;
	for (int i = 0; i < ACCEPTS_PER_ROUND && accept_one(arg, listener); i++)
		;
}

/* Opens the listening socket, or tries again later: the address may come with its interface. */
static void start_listening(struct pair *pair)
{
	char text[ADDR_STR_MAX];
	int fd = bound_socket(pair, pair->port);
	int error = fd < 0 ? -fd : 0;

	if (error == 0) {
		pair->fd = fd;
		pair->socket = event_new(pair->base, fd, EV_READ | EV_PERSIST, on_acceptable, pair);
		if (listen(fd, LISTEN_BACKLOG) < 0)
			error = errno;
		else if (!pair->socket || event_add(pair->socket, NULL) < 0)
			error = ENOMEM;
	}
	if (error == 0)
		return;
	close_socket(pair, true);
	snprintf(pair->status.last_error, sizeof(pair->status.last_error), "listen: %s",
		 strerror(error));
	log_limited(pair->log, &pair->limit_bind, LOG_LEVEL_WARN,
		    "pair link cannot listen address=%s port=%u error=\"%s\"",
		    addr_print(&pair->self_addr, text, sizeof(text)), pair->port, strerror(error));
	start_timer(pair->retry, LISTEN_RETRY_MS);
}

/* ---- dialling side ---- */

static void dial_failed(struct pair *pair, int error)
{
	close_socket(pair, true);
	snprintf(pair->status.last_error, sizeof(pair->status.last_error), "connect: %s",
		 strerror(error));
	retry_later(pair);
}

static void on_connected(evutil_socket_t sock, short what, void *arg)
{
	struct pair *pair = arg;
	int error = 0;
	socklen_t len = sizeof(error);

	if (what & EV_TIMEOUT)
		error = ETIMEDOUT;
	else if (getsockopt(sock, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error) {
		dial_failed(pair, error);
		return;
	}
	close_socket(pair, false);
	add_link(pair, sock);
	if (LIST_EMPTY(&pair->slots))
		retry_later(pair); /* out of memory */
}

static void start_dialling(struct pair *pair)
{
	struct sockaddr_storage sa;
	socklen_t len = to_sockaddr(&pair->peer_addr, pair->port, &sa);
	struct timeval patience = {.tv_sec = PAIR_RETRY_MAX_MS / 1000};
	int fd = bound_socket(pair, 0);

	if (fd < 0) {
		dial_failed(pair, -fd);
		return;
	}
	pair->fd = fd;
	pair->socket = event_new(pair->base, fd, EV_WRITE, on_connected, pair);
	if (!pair->socket || event_add(pair->socket, &patience) < 0)
		dial_failed(pair, ENOMEM);
	else if (connect(fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS)
		dial_failed(pair, errno);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct pair *pair = arg;

	(void)fd;
	(void)what;
	if (!pair->dial)
		start_listening(pair);
	else if (!pair->up && !pair->socket && half_open(pair) == 0)
		start_dialling(pair);
}

/* ---- life ---- */

int pair_open(const struct pair_setup *setup, struct pair **out, char error[static PAIR_ERROR_MAX])
{
	const struct conf *conf = setup->conf;
	const struct conf_node *self = conf_self(conf);
	const struct conf_node *peer = conf_peer(conf);
	struct pair *pair = calloc(1, sizeof(*pair));

	snprintf(error, PAIR_ERROR_MAX, "out of memory");
	if (!pair)
		return -ENOMEM;
	pair->base = setup->base;
	pair->log = setup->log;
	pair->callbacks = *setup->callbacks;
	pair->arg = setup->arg;
	pair->dial = conf->self == 0;
	pair->self_addr = self->pair_address;
	pair->peer_addr = peer->pair_address;
	pair->port = conf->pair.pair_port;
	pair->retry_ms = PAIR_RETRY_MIN_MS;
	pair->fd = -1;
	pair->status.since = mono_now();
	pair->status.lag = mono_never();
	snprintf(pair->self, sizeof(pair->self), "%s", self->name);
	snprintf(pair->peer, sizeof(pair->peer), "%s", peer->name);
	pair->retry = evtimer_new(pair->base, on_retry, pair);
	pair->reap = evtimer_new(pair->base, on_reap, pair);
	int result = pair->retry && pair->reap ? 0 : -ENOMEM;

	if (result == 0)
		result = pair_tls_open(conf->pair.key_file, self->name, peer->name, &pair->tls,
				       error);
	if (result) {
		pair_close(pair, "");
		return result;
	}
	*out = pair;
	return 0;
}

void pair_start(struct pair *pair)
{
	if (pair)
		on_retry(-1, 0, pair);
}

int pair_same_key(const struct pair *pair, const char *key_file, bool *same,
		  char error[static PAIR_ERROR_MAX])
{
	return pair_tls_same_key(pair->tls, key_file, same, error);
}

void pair_leave(struct pair *pair, const char *reason, mono patience)
{
	if (pair_is_up(pair))
		pair_link_leave(pair->up, reason, patience);
}

void pair_close(struct pair *pair, const char *reason)
{
	if (!pair)
		return;
	if (pair->up)
		pair_link_say_bye(pair->up, reason);
	while (!LIST_EMPTY(&pair->slots)) {
		struct pair_slot *slot = LIST_FIRST(&pair->slots);

		LIST_REMOVE(slot, entry);
		pair_link_free(slot->link);
		free(slot);
	}
	close_socket(pair, true);
	if (pair->retry)
		event_free(pair->retry);
	if (pair->reap)
		event_free(pair->reap);
	pair_tls_close(pair->tls);
	free(pair);
}

bool pair_is_up(const struct pair *pair)
{
	return pair && pair->up;
}

void pair_send(struct pair *pair, const struct sync_frame *frame)
{
	if (pair_is_up(pair))
		pair_link_send(pair->up, frame);
}

bool pair_put(struct pair *pair, enum sync_frame_type type, const struct flow *flow, bool bulk)
{
	return !pair_is_up(pair) || pair_link_put(pair->up, type, flow, bulk);
}

size_t pair_queued_bytes(const struct pair *pair)
{
	return pair_is_up(pair) ? pair_link_queued_bytes(pair->up) : 0;
}

void pair_reset(struct pair *pair, const char *reason)
{
	if (!pair_is_up(pair))
		return;
	struct pair_link *link = pair->up;

	pair_link_say_bye(link, reason);
	on_closed(pair, link, PAIR_REFUSAL_N, reason);
}

void pair_get_status(const struct pair *pair, struct pair_status *out)
{
	*out = pair->status;
	out->lag = pair->up ? pair_link_lag(pair->up) : mono_never();
	out->queued_bytes = pair_queued_bytes(pair);
}
