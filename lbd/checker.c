// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lbd's side of the health checks: keeps a checker running, hands it its list, passes its reports
 * on. Nothing here waits for either process.
 */
#include "checker.h"

#include "checker_list.h"
#include "checker_zygote.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct checker {
	struct event_base *base;
	struct log *log;
	checker_fn *cb;
	void *arg;

	pid_t helper;          /* 0: none */
	int control;           /* to the helper; -1: it is gone */
	struct event *answers; /* of the helper */

	struct checker_list list; /* in force, with the last verdicts */
	size_t sent;              /* subjects of it that the checker has been told */
	bool told;                /* ... all, the end of the list too */

	pid_t pid;             /* of the checker, once the helper has said it; 0: none */
	int fd;                /* to the checker; -1: there is none */
	struct event *io;      /* its reports */
	struct event *room;    /* to send more of the list */
	struct event *again;   /* before a dead checker is replaced */
	struct event *silence; /* it said nothing for too long */
};

static const struct timeval restart_delay = {.tv_sec = 1};

static void close_event(struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
}

static void let_go(struct checker *c)
{
	close_event(&c->io);
	close_event(&c->room);
	(void)event_del(c->silence);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->pid = 0;
}

/* --- the list -------------------------------------------------------------------------------- */

static void expect_report(struct checker *c)
{
	mono patience = checker_list_patience(&c->list);
	if (mono_is_never(patience)) {
		(void)event_del(c->silence);
		return;
	}
	struct timeval tv = {.tv_sec = patience.ns / MONO_NS_PER_S,
			     .tv_usec = patience.ns % MONO_NS_PER_S / MONO_NS_PER_US};
	(void)event_add(c->silence, &tv);
}

/* As much of the list as fits; `room` brings us back for the rest. */
static void send_list(struct checker *c)
{
	struct checker_packet packet;
	while (!c->told) {
		checker_packet_fill(&packet, &c->list, c->sent);
		if (send(c->fd, &packet, checker_packet_bytes(&packet),
			 MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			/* Any other error means that it is gone: on_report() learns it too. */
			if (errno == EAGAIN || errno == ENOBUFS)
				(void)event_add(c->room, NULL);
			return;
		}
		c->sent += packet.count;
		c->told = packet.last;
	}
}

static void on_room(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	send_list(arg);
}

static void begin_list(struct checker *c)
{
	c->sent = 0;
	c->told = false;
	send_list(c);
	expect_report(c);
}

/* --- the checker ----------------------------------------------------------------------------- */

static void replace_later(struct checker *c)
{
	let_go(c);
	(void)event_add(c->again, &restart_delay);
}

static void on_report(evutil_socket_t fd, short what, void *arg)
{
	struct checker *c = arg;
	struct checker_report r;
	(void)what;
	ssize_t n = recv(fd, &r, sizeof(r), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(r)) {
		log_msg(c->log, LOG_LEVEL_WARN, "checker: process ended, starting another pid=%d",
			(int)c->pid);
		replace_later(c);
		return;
	}
	/* It reads strangers' bytes: what it says is checked. */
	r.reason[sizeof(r.reason) - 1] = '\0';
	struct checker_subject *subject = checker_list_find(&c->list, r.number);
	if (subject == NULL || (unsigned)r.verdict >= HEALTH_N)
		return;
	expect_report(c);
	subject->verdict = r.verdict;
	c->cb(c->arg, &r);
}

/* Sends the helper a socket for a new checker; it ends the old one first. */
static int ask_helper(const struct checker *c, int given)
{
	struct checker_request request = {.version = CHECKER_ZYGOTE_VERSION};
	struct iovec iov = {.iov_base = &request, .iov_len = sizeof(request)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&msg);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(given));
	memcpy(CMSG_DATA(header), &given, sizeof(given));
	return sendmsg(c->control, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int start_checker(struct checker *c)
{
	int fds[2];
	let_go(c);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return -errno;
	int err = ask_helper(c, fds[1]);
	close(fds[1]);
	c->fd = fds[0];
	c->io = event_new(c->base, c->fd, EV_READ | EV_PERSIST, on_report, c);
	c->room = event_new(c->base, c->fd, EV_WRITE, on_room, c);
	if (err == 0 && (c->io == NULL || c->room == NULL || event_add(c->io, NULL) != 0))
		err = -ENOMEM;
	if (err != 0) {
		let_go(c);
		return err;
	}
	begin_list(c);
	return 0;
}

static void try_start(struct checker *c)
{
	if (c->control < 0)
		return;
	int err = start_checker(c);
	if (err == 0)
		return;
	log_msg(c->log, LOG_LEVEL_ERR, "checker: cannot start: %s; servers keep their last verdict",
		strerror(-err));
	(void)event_add(c->again, &restart_delay);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	try_start(arg);
}

static void on_silence(evutil_socket_t fd, short what, void *arg)
{
	struct checker *c = arg;
	(void)fd;
	(void)what;
	log_msg(c->log, LOG_LEVEL_WARN, "checker: process is silent, replacing it pid=%d",
		(int)c->pid);
	try_start(c);
}

/* --- the helper ------------------------------------------------------------------------------ */

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct checker *c = arg;
	struct checker_answer answer;
	(void)what;
	ssize_t n = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(answer) || answer.version != CHECKER_ZYGOTE_VERSION) {
		log_msg(c->log, LOG_LEVEL_ERR,
			"checker: helper process is gone, servers keep their last verdict "
			"remedy=\"restart lbd\"");
		close_event(&c->answers);
		close(c->control);
		c->control = -1;
	} else if (answer.error != 0) {
		/* The socket closes too: on_report() has it tried again. */
		log_msg(c->log, LOG_LEVEL_ERR, "checker: cannot fork: %s", strerror(answer.error));
	} else {
		c->pid = answer.pid;
	}
}

static int start_helper(struct checker *c)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return -errno;
	pid_t parent = getpid();
	c->control = fds[0];
	c->helper = fork();
	if (c->helper == 0)
		checker_zygote_run(c->log, fds[1], parent);
	int err = c->helper < 0 ? -errno : 0;
	close(fds[1]);
	c->answers = event_new(c->base, c->control, EV_READ | EV_PERSIST, on_answer, c);
	if (err == 0 && (c->answers == NULL || event_add(c->answers, NULL) != 0))
		err = -ENOMEM;
	return err;
}

/* It ends by itself when the socket closes; it may belong to another user than lbd by now, so that
 * killing it can be forbidden. */
static void end_helper(struct checker *c)
{
	enum { PATIENCE_MS = 500 };
	close_event(&c->answers);
	if (c->control >= 0)
		close(c->control);
	c->control = -1;
	if (c->helper <= 0)
		return;
	struct pollfd end = {.fd = pidfd_open(c->helper, 0), .events = POLLIN};
	if (end.fd >= 0) {
		(void)poll(&end, 1, PATIENCE_MS);
		close(end.fd);
	}
	(void)kill(c->helper, SIGKILL);
	if (waitpid(c->helper, NULL, WNOHANG) == 0)
		log_msg(c->log, LOG_LEVEL_WARN, "checker: helper process lingers pid=%d",
			(int)c->helper);
	c->helper = 0;
}

/* --- interface ------------------------------------------------------------------------------- */

int checker_start(struct event_base *base, struct log *log, checker_fn *cb, void *arg,
		  struct checker **out)
{
	struct checker *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	*c = (struct checker){
		.base = base, .log = log, .cb = cb, .arg = arg, .fd = -1, .control = -1};
	c->again = evtimer_new(base, on_again, c);
	c->silence = evtimer_new(base, on_silence, c);
	int err = c->again == NULL || c->silence == NULL ? -ENOMEM : start_helper(c);
	if (err != 0) {
		checker_stop(c);
		return err;
	}
	*out = c;
	return 0;
}

int checker_watch(struct checker *c, const struct conf *conf, const enum health_verdict *verdicts)
{
	struct checker_list list;
	int err = checker_list_build(&list, conf, verdicts, c->log);
	if (err != 0)
		return err;
	checker_list_fini(&c->list);
	c->list = list;
	if (c->fd >= 0)
		begin_list(c);
	else if (!event_pending(c->again, EV_TIMEOUT, NULL))
		try_start(c);
	return 0;
}

void checker_stop(struct checker *c)
{
	if (c == NULL)
		return;
	if (c->silence != NULL)
		let_go(c);
	end_helper(c);
	close_event(&c->again);
	close_event(&c->silence);
	checker_list_fini(&c->list);
	free(c);
}

int checker_pid(const struct checker *c)
{
	return (int)c->pid;
}
