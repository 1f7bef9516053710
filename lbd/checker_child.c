// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The checking process: a timer, and while a probe runs a socket, for every server. Each outcome
 * becomes one record to lbd.
 */
#include "checker_child.h"

#include "checker.h"
#include "checker_list.h"
#include "mono.h"
#include "probe_tcp.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct child;

/* One server under test. */
struct subject {
	struct child *child;
	struct checker_subject what;
	const struct probe_type *probe;
	struct health health;
	struct event *timer; /* next probe due, or the deadline of the running one */
	struct event *io;    /* of the running probe, else NULL */
	int fd;              /* of the running probe, else -1 */
};

struct child {
	struct event_base *base;
	struct log *log;
	int fd;
	struct subject **subjects; /* ascending by number; each owned, its events point to it */
	size_t n;
	struct checker_list coming; /* a list of which the last packet is still to come */
};

static void set_timer(struct subject *s, mono delay)
{
	if (delay.ns < 0)
		delay = mono_zero();
	struct timeval tv = {.tv_sec = delay.ns / MONO_NS_PER_S,
			     .tv_usec = delay.ns % MONO_NS_PER_S / MONO_NS_PER_US};
	(void)event_add(s->timer, &tv);
}

static enum probe_outcome fault_of(int err)
{
	switch (err) {
	case ECONNREFUSED:
		return PROBE_REFUSED;
	case ECONNRESET:
	case EPIPE:
		return PROBE_RESET;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
		return PROBE_UNREACHABLE;
	case ETIMEDOUT:
		return PROBE_TIMEOUT;
	default:
		return PROBE_LOCAL;
	}
}

/* --- reporting ------------------------------------------------------------------------------- */

static void report(const struct subject *s, enum probe_outcome outcome, bool changed)
{
	struct checker_report r = {.number = s->what.number,
				   .verdict = s->health.verdict,
				   .changed = changed,
				   .tried = outcome != PROBE_LOCAL,
				   .failed = outcome != PROBE_OK && outcome != PROBE_LOCAL};
	snprintf(r.reason, sizeof(r.reason), "%s: %s", s->probe->name, probe_outcome_text(outcome));
	/* A parent that does not read is starting or busy: waiting is right, there is no one else
	 * to serve. A parent that is gone ends this process. */
	if (send(s->child->fd, &r, sizeof(r), MSG_NOSIGNAL) < 0 && errno != EINTR)
		event_base_loopbreak(s->child->base);
}

/* --- one probe ------------------------------------------------------------------------------- */

static void end_conversation(struct subject *s)
{
	if (s->io != NULL)
		event_free(s->io);
	s->io = NULL;
	/* Nothing was left unread, so this sends FIN, not RST: it leaves no trace in server logs.
	 */
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void feed(struct subject *s, const struct probe_event *event)
{
	enum probe_outcome outcome = s->probe->feed(NULL, event);
	if (outcome == PROBE_PENDING)
		return;
	end_conversation(s);
	mono now = mono_now();
	bool changed = false;
	if (outcome == PROBE_LOCAL)
		health_pass(&s->health, &s->what.health, now, arc4random());
	else
		changed = health_step(&s->health, &s->what.health, outcome == PROBE_OK, now,
				      arc4random());
	set_timer(s, mono_sub(s->health.due, now));
	report(s, outcome, changed);
}

static void feed_fault(struct subject *s, int err)
{
	struct probe_event event = {.type = PROBE_EV_FAILED, .fault = fault_of(err)};
	feed(s, &event);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct subject *s = arg;
	(void)what;
	int err = 0;
	socklen_t len = sizeof(err);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		err = errno;
	if (err != 0) {
		feed_fault(s, err);
		return;
	}
	struct probe_event event = {.type = PROBE_EV_CONNECTED};
	feed(s, &event);
}

static socklen_t socket_address(const struct subject *s, struct sockaddr_storage *out)
{
	*out = (struct sockaddr_storage){0};
	if (s->what.address.family == ADDR_IPV4) {
		struct sockaddr_in *sin = (struct sockaddr_in *)(void *)out;
		sin->sin_family = AF_INET;
		sin->sin_port = htons(s->what.port);
		memcpy(&sin->sin_addr, s->what.address.bytes, sizeof(sin->sin_addr));
		return sizeof(*sin);
	}
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)(void *)out;
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(s->what.port);
	memcpy(&sin6->sin6_addr, s->what.address.bytes, sizeof(sin6->sin6_addr));
	return sizeof(*sin6);
}

/* Opens the connection. Returns 0 when it is under way (s->fd, s->io), or -errno. */
static int start_connect(struct subject *s)
{
	struct sockaddr_storage to;
	socklen_t len = socket_address(s, &to);
	s->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	if (connect(s->fd, (struct sockaddr *)&to, len) != 0 && errno != EINPROGRESS)
		return -errno;
	s->io = event_new(s->child->base, s->fd, EV_WRITE, on_writable, s);
	if (s->io == NULL || event_add(s->io, NULL) != 0)
		return -ENOMEM;
	return 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct subject *s = arg;
	(void)fd;
	(void)what;
	if (s->fd >= 0) {
		struct probe_event event = {.type = PROBE_EV_DEADLINE};
		feed(s, &event);
		return;
	}
	set_timer(s, s->what.timeout);
	int err = start_connect(s);
	if (err != 0)
		feed_fault(s, -err);
}

/* --- lists ----------------------------------------------------------------------------------- */

static void free_subject(struct subject *s)
{
	if (s == NULL)
		return;
	end_conversation(s);
	if (s->timer != NULL)
		event_free(s->timer);
	free(s);
}

static void free_subjects(struct subject **subjects, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free_subject(subjects[i]);
	free(subjects);
}

static struct subject *new_subject(struct child *child, const struct checker_subject *what)
{
	struct subject *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	*s = (struct subject){.child = child, .what = *what, .probe = probe_tcp(), .fd = -1};
	health_init(&s->health, what->verdict, mono_zero());
	s->timer = event_new(child->base, -1, 0, on_timer, s);
	if (s->timer == NULL) {
		free_subject(s);
		return NULL;
	}
	return s;
}

/* Moves the subject out of the old ones if it is tested the same way there; *at walks them. */
static struct subject *take_over(struct child *child, size_t *at,
				 const struct checker_subject *what)
{
	while (*at < child->n && child->subjects[*at]->what.number < what->number)
		(*at)++;
	if (*at == child->n || !checker_subject_equal(&child->subjects[*at]->what, what))
		return NULL;
	struct subject *s = child->subjects[*at];
	child->subjects[*at] = NULL;
	(*at)++;
	return s;
}

/* The complete list replaces the one in force; first probes are spread over a second, or an
 * interval if that is shorter. */
static bool adopt_list(struct child *child)
{
	const struct checker_list *list = &child->coming;
	struct subject **subjects = calloc(list->n + 1, sizeof(struct subject *));
	bool done = subjects != NULL;
	size_t at = 0;
	size_t n = 0;
	while (done && n < list->n) {
		const struct checker_subject *what = &list->subject[n];
		struct subject *s = take_over(child, &at, what);
		if (s == NULL) {
			s = new_subject(child, what);
			mono span = mono_min(what->health.interval, mono_from_s(1));
			if (s != NULL)
				set_timer(s, mono_from_ns(span.ns / (int64_t)list->n * (int64_t)n));
		}
		done = s != NULL;
		if (done)
			subjects[n++] = s;
	}
	free_subjects(child->subjects, child->n);
	child->subjects = subjects;
	child->n = n;
	checker_list_fini(&child->coming);
	return done;
}

static bool append(struct checker_list *list, const struct checker_packet *packet)
{
	size_t n = list->n + packet->count;
	if (n > CONF_SERVERS_MAX)
		return false;
	struct checker_subject *grown = reallocarray(list->subject, n + 1, sizeof(*list->subject));
	if (grown == NULL)
		return false;
	list->subject = grown;
	for (size_t i = 0; i < packet->count; i++) {
		if (list->n > 0 && packet->subject[i].number <= list->subject[list->n - 1].number)
			return false;
		list->subject[list->n++] = packet->subject[i];
	}
	return true;
}

/* --- the process ----------------------------------------------------------------------------- */

static void on_parent(evutil_socket_t fd, short what, void *arg)
{
	struct child *child = arg;
	struct checker_packet packet;
	(void)what;
	ssize_t n = recv(fd, &packet, sizeof(packet), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	bool good = n > 0 && checker_packet_is_valid(&packet, (size_t)n);
	if (good && packet.first)
		checker_list_fini(&child->coming);
	if (good)
		good = append(&child->coming, &packet) && (!packet.last || adopt_list(child));
	if (good)
		return;
	if (n > 0)
		log_msg(child->log, LOG_LEVEL_ERR, "checker: cannot use the list of servers");
	event_base_loopbreak(child->base);
}

int checker_child_run(struct log *log, int fd)
{
	struct child child = {.log = log, .fd = fd, .base = event_base_new()};
	struct event *parent = NULL;
	int status = EXIT_FAILURE;
	if (child.base == NULL)
		goto out;
	parent = event_new(child.base, fd, EV_READ | EV_PERSIST, on_parent, &child);
	if (parent == NULL || event_add(parent, NULL) != 0)
		goto out;
	if (event_base_dispatch(child.base) >= 0)
		status = EXIT_SUCCESS;
out:
	free_subjects(child.subjects, child.n);
	checker_list_fini(&child.coming);
	if (parent != NULL)
		event_free(parent);
	if (child.base != NULL)
		event_base_free(child.base);
	return status;
}
