// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The checking process: a timer, and while a probe runs a socket, for every server. Each outcome
 * becomes one record to lbd.
 */
#include "checker_child.h"

#include "mono.h"
#include "plan.h"
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
	const struct conf_server *server;
	const struct conf_check *check;
	const struct probe_type *probe;
	uint16_t port;
	struct health health;
	struct event *timer; /* next probe due, or the deadline of the running one */
	struct event *io;    /* of the running probe, else NULL */
	int fd;              /* of the running probe, else -1 */
};

struct child {
	struct event_base *base;
	struct log *log;
	int fd;
	struct subject *subjects;
	size_t n;
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
	struct checker_report r = {.number = s->server->number,
				   .verdict = s->health.verdict,
				   .changed = changed,
				   .failed = outcome != PROBE_OK};
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
	struct health_conf conf = {
		.interval = s->check->interval, .rise = s->check->rise, .fall = s->check->fall};
	mono now = mono_now();
	bool changed = health_step(&s->health, &conf, outcome == PROBE_OK, now, arc4random());
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
	if (s->server->address.family == ADDR_IPV4) {
		struct sockaddr_in *sin = (struct sockaddr_in *)(void *)out;
		sin->sin_family = AF_INET;
		sin->sin_port = htons(s->port);
		memcpy(&sin->sin_addr, s->server->address.bytes, sizeof(sin->sin_addr));
		return sizeof(*sin);
	}
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)(void *)out;
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(s->port);
	memcpy(&sin6->sin6_addr, s->server->address.bytes, sizeof(sin6->sin6_addr));
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
	set_timer(s, s->check->timeout);
	int err = start_connect(s);
	if (err != 0)
		feed_fault(s, -err);
}

/* --- the process ----------------------------------------------------------------------------- */

uint16_t checker_port(const struct conf *conf, size_t pool)
{
	if (conf->pools[pool].check.port != 0)
		return conf->pools[pool].check.port;
	for (size_t i = 0; i < conf->n_services; i++) {
		const struct conf_service *service = &conf->services[i];
		if (service->pool != pool)
			continue;
		for (size_t p = 0; p < service->n_ports; p++) {
			if (service->port[p].proto == CONF_PROTO_TCP)
				return service->port[p].range.first;
		}
	}
	return 0;
}

static bool add_pool(struct child *child, const struct conf *conf, size_t pool,
		     const enum health_verdict *verdicts)
{
	const struct conf_pool *p = &conf->pools[pool];
	uint16_t port = checker_port(conf, pool);
	if (p->check.type == CONF_CHECK_NONE)
		return true;
	if (port == 0) {
		log_msg(child->log, LOG_LEVEL_WARN,
			"checker: pool=%s has no TCP port to check; set check_port or check = none",
			p->name);
		return true;
	}
	for (size_t i = 0; i < p->n_servers; i++) {
		struct subject *s = &child->subjects[child->n];
		*s = (struct subject){.child = child,
				      .server = &p->servers[i],
				      .check = &p->check,
				      .probe = probe_tcp(),
				      .port = port,
				      .fd = -1};
		health_init(&s->health, verdicts[p->servers[i].number], mono_zero());
		s->timer = event_new(child->base, -1, 0, on_timer, s);
		if (s->timer == NULL)
			return false;
		child->n++;
	}
	return true;
}

/* First probes are spread over a second, or an interval if that is shorter. */
static void start_timers(const struct child *child)
{
	for (size_t i = 0; i < child->n; i++) {
		struct subject *s = &child->subjects[i];
		mono span = mono_min(s->check->interval, mono_from_s(1));
		set_timer(s, mono_from_ns(span.ns / (int64_t)child->n * (int64_t)i));
	}
}

static void on_parent(evutil_socket_t fd, short what, void *arg)
{
	/* The parent never sends: readable means it is gone. */
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

static bool child_fill(struct child *child, const struct conf *conf,
		       const enum health_verdict *verdicts)
{
	child->subjects = calloc(plan_servers(conf) + 1, sizeof(*child->subjects));
	if (child->subjects == NULL)
		return false;
	for (size_t i = 0; i < conf->n_pools; i++) {
		if (!add_pool(child, conf, i, verdicts))
			return false;
	}
	return true;
}

int checker_child_run(const struct conf *conf, struct log *log, int fd,
		      const enum health_verdict *verdicts)
{
	struct child child = {.log = log, .fd = fd, .base = event_base_new()};
	struct event *parent = NULL;
	int status = EXIT_FAILURE;
	if (child.base == NULL || !child_fill(&child, conf, verdicts))
		goto out;
	parent = event_new(child.base, fd, EV_READ, on_parent, child.base);
	if (parent == NULL || event_add(parent, NULL) != 0)
		goto out;
	start_timers(&child);
	if (event_base_dispatch(child.base) >= 0)
		status = EXIT_SUCCESS;
out:
	for (size_t i = 0; i < child.n; i++) {
		end_conversation(&child.subjects[i]);
		event_free(child.subjects[i].timer);
	}
	free(child.subjects);
	if (parent != NULL)
		event_free(parent);
	if (child.base != NULL)
		event_base_free(child.base);
	return status;
}
