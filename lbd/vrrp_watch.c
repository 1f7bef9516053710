// SPDX-License-Identifier: GPL-2.0-or-later
#include "vrrp_watch.h"

#include "ctl.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	RETRY_MS = 100,
	/* vrrpd names all its groups in answer to the subscription, at once. */
	ROLL_CALL_MS = 100,
	SUBSCRIBE_ID = 1,
	WORD_ID = 2,
	READ_BURST = 64,
};

struct vrrp_watch {
	struct event_base *base;
	struct log *log;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	vrrp_watch_fn *changed;
	void *arg;
	int fd; /**< -1 while not connected */
	struct event *readable;
	struct event *retry;
	struct event *roll_call; /* pending: groups may still be named */
	mono gone_since;
	struct vrrp_role roles[VRRP_WATCH_GROUPS_MAX];
	bool named[VRRP_WATCH_GROUPS_MAX]; /* in this connection */
	size_t n_roles;
	char packet[CTL_PACKET_MAX];
};

static void retry_later(struct vrrp_watch *w)
{
	static const struct timeval delay = {.tv_usec = RETRY_MS * 1000};

	evtimer_add(w->retry, &delay);
}

static void disconnect(struct vrrp_watch *w)
{
	if (w->fd < 0)
		return;
	event_free(w->readable);
	w->readable = NULL;
	close(w->fd);
	w->fd = -1;
	event_del(w->roll_call);
	w->gone_since = mono_now();
	log_msg(w->log, LOG_LEVEL_WARN, "vrrpd: out of reach path=%s", w->path);
	retry_later(w);
	w->changed(w->arg);
}

static bool send_request(struct vrrp_watch *w, uint64_t id, const char *cmd, const json_t *args)
{
	size_t len = ctl_request_encode(id, cmd, args, w->packet, sizeof(w->packet));

	return len > 0 && send(w->fd, w->packet, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
}

static struct vrrp_role *find_role(struct vrrp_watch *w, const char *group)
{
	for (size_t i = 0; i < w->n_roles; i++)
		if (strcmp(w->roles[i].group, group) == 0)
			return &w->roles[i];
	if (w->n_roles == VRRP_WATCH_GROUPS_MAX)
		return NULL;
	struct vrrp_role *role = &w->roles[w->n_roles++];

	*role = (struct vrrp_role){0};
	strlcpy(role->group, group, sizeof(role->group));
	return role;
}

static void take_role(struct vrrp_watch *w, const json_t *body, const char *state_member)
{
	const char *group = json_string_value(json_object_get(body, "group"));
	const char *state = json_string_value(json_object_get(body, state_member));

	if (!group || !state)
		return;
	struct vrrp_role *role = find_role(w, group);

	if (!role)
		return;
	w->named[role - w->roles] = true;
	strlcpy(role->state, state, sizeof(role->state));
	role->priority = (uint8_t)json_integer_value(json_object_get(body, "priority"));
	role->epoch = (uint32_t)json_integer_value(json_object_get(body, "epoch"));
	w->changed(w->arg);
}

static void take_packet(struct vrrp_watch *w, size_t len_bytes)
{
	struct ctl_reply reply;

	if (ctl_reply_decode(w->packet, len_bytes, &reply) < 0)
		return;
	if (reply.code == CTL_ROW_GROUP)
		take_role(w, reply.body, "state");
	else if (reply.code == CTL_EVENT_ROLE)
		take_role(w, reply.body, "new");
	ctl_reply_fini(&reply);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct vrrp_watch *w = arg;

	(void)what;
	for (int i = 0; i < READ_BURST; i++) {
		ssize_t len = recv(fd, w->packet, sizeof(w->packet), MSG_DONTWAIT);

		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (len <= 0) {
			disconnect(w);
			return;
		}
		take_packet(w, (size_t)len);
		if (w->fd < 0)
			return;
	}
}

static int dial(struct vrrp_watch *w)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	strlcpy(sun.sun_path, w->path, sizeof(sun.sun_path));
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0) {
		int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

/* The roles of before the connection held until now: what vrrpd no longer knows of is forgotten. */
static void on_roll_call(evutil_socket_t unused, short what, void *arg)
{
	struct vrrp_watch *w = arg;
	size_t kept = 0;

	(void)unused;
	(void)what;
	for (size_t i = 0; i < w->n_roles; i++) {
		if (!w->named[i])
			continue;
		w->roles[kept] = w->roles[i];
		w->named[kept++] = true;
	}
	if (kept == w->n_roles)
		return;
	w->n_roles = kept;
	w->changed(w->arg);
}

static void on_retry(evutil_socket_t unused, short what, void *arg)
{
	struct vrrp_watch *w = arg;

	(void)unused;
	(void)what;
	w->fd = dial(w);
	if (w->fd < 0) {
		w->fd = -1;
		retry_later(w);
		return;
	}
	w->readable = event_new(w->base, w->fd, EV_READ | EV_PERSIST, on_readable, w);
	if (!w->readable || event_add(w->readable, NULL) < 0 ||
	    !send_request(w, SUBSCRIBE_ID, "subscribe", NULL)) {
		disconnect(w);
		return;
	}
	static const struct timeval roll_call = {.tv_usec = ROLL_CALL_MS * 1000};

	memset(w->named, 0, sizeof(w->named));
	evtimer_add(w->roll_call, &roll_call);
	log_msg(w->log, LOG_LEVEL_INFO, "vrrpd: connected path=%s", w->path);
	w->changed(w->arg);
}

int vrrp_watch_open(struct event_base *base, const char *rundir, struct log *log,
		    vrrp_watch_fn *changed, void *arg, struct vrrp_watch **out)
{
	struct vrrp_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->base = base;
	w->log = log;
	w->changed = changed;
	w->arg = arg;
	w->fd = -1;
	w->gone_since = mono_now();
	w->retry = evtimer_new(base, on_retry, w);
	w->roll_call = evtimer_new(base, on_roll_call, w);
	int len = snprintf(w->path, sizeof(w->path), "%s/vrrpd.sock", rundir);

	if (!w->retry || !w->roll_call || len < 0 || (size_t)len >= sizeof(w->path)) {
		int err = w->retry && w->roll_call ? -ENAMETOOLONG : -ENOMEM;

		vrrp_watch_close(w);
		return err;
	}
	static const struct timeval at_once = {0};

	evtimer_add(w->retry, &at_once);
	*out = w;
	return 0;
}

void vrrp_watch_close(struct vrrp_watch *w)
{
	if (!w)
		return;
	if (w->readable)
		event_free(w->readable);
	if (w->retry)
		event_free(w->retry);
	if (w->roll_call)
		event_free(w->roll_call);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

bool vrrp_watch_is_connected(const struct vrrp_watch *w)
{
	return w->fd >= 0;
}

const struct vrrp_role *vrrp_watch_roles(const struct vrrp_watch *w, size_t *n)
{
	*n = w->n_roles;
	return w->roles;
}

bool vrrp_watch_any_active(const struct vrrp_watch *w)
{
	for (size_t i = 0; i < w->n_roles; i++)
		if (strcmp(w->roles[i].state, "Active") == 0)
			return true;
	return false;
}

mono vrrp_watch_gone_for(const struct vrrp_watch *w, mono now)
{
	return w->fd >= 0 ? mono_zero() : mono_sub(now, w->gone_since);
}

void vrrp_watch_say(struct vrrp_watch *w, json_t *args)
{
	if (w->fd >= 0 && !send_request(w, WORD_ID, "lbd", args) && errno != EAGAIN)
		disconnect(w);
	json_decref(args);
}
