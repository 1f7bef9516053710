// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The parent's side of the health checks. A child that dies is replaced after a second, starting
 * from the last verdicts, so that its death changes nothing for clients.
 */
#include "checker.h"

#include "checker_child.h"
#include "plan.h"
#include "privs.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct checker {
	struct event_base *base;
	const struct conf *conf;
	struct log *log;
	checker_fn *cb;
	void *arg;
	enum health_verdict *verdicts; /* last ones, by server number */
	size_t n_verdicts;
	pid_t pid;          /* 0: no child */
	int fd;             /* -1: no child */
	struct event *io;   /* verdicts of the child */
	struct event *wait; /* before a dead child is replaced */
};

static const struct timeval restart_delay = {.tv_sec = 1};

/* --- the child's first steps ----------------------------------------------------------------- */

static void reset_signals(void)
{
	/* The parent's handlers write into descriptors that are closed here. The terminal's signals
	 * reach the parent too, which then ends this process in good order. */
	static const int to_default[] = {SIGTERM, SIGCHLD, SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2};
	static const int to_ignore[] = {SIGINT, SIGHUP};
	for (size_t i = 0; i < sizeof(to_default) / sizeof(to_default[0]); i++)
		(void)signal(to_default[i], SIG_DFL);
	for (size_t i = 0; i < sizeof(to_ignore) / sizeof(to_ignore[0]); i++)
		(void)signal(to_ignore[i], SIG_IGN);
	sigset_t none;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Leaves only stdio and fd open; returns the descriptor that fd has become, or -errno. */
static int keep_only(int fd)
{
	const int place = STDERR_FILENO + 1;
	if (fd != place && dup2(fd, place) < 0)
		return -errno;
	closefrom(place + 1);
	return place;
}

static void __attribute__((noreturn)) run_child(const struct checker *c, int fd, pid_t parent)
{
	reset_signals();
	log_set_tap(c->log, NULL, NULL);
	int kept = keep_only(fd);
	int err = privs_drop_all();
	/* After the change of user, which clears it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(EXIT_FAILURE);
	if (kept < 0 || err != 0) {
		log_msg(c->log, LOG_LEVEL_ERR, "checker: cannot give up privileges: %s",
			strerror(kept < 0 ? -kept : -err));
		_exit(EXIT_FAILURE);
	}
	_exit(checker_child_run(c->conf, c->log, kept, c->verdicts));
}

/* --- the parent ------------------------------------------------------------------------------ */

/*
 * The child ends by itself when the socket closes. It may belong to another user than lbd does by
 * now, so that killing it can be forbidden; then all there is to do is wait a moment.
 */
static void end_child(struct checker *c)
{
	enum { PATIENCE_MS = 200 };
	if (c->io != NULL)
		event_free(c->io);
	c->io = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	if (c->pid > 0) {
		(void)kill(c->pid, SIGKILL);
		struct pollfd end = {.fd = pidfd_open(c->pid, 0), .events = POLLIN};
		if (end.fd >= 0) {
			(void)poll(&end, 1, PATIENCE_MS);
			close(end.fd);
		}
		if (waitpid(c->pid, NULL, WNOHANG) == 0)
			log_msg(c->log, LOG_LEVEL_WARN, "checker: old process lingers pid=%d",
				(int)c->pid);
	}
	c->pid = 0;
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
		end_child(c);
		(void)event_add(c->wait, &restart_delay);
		return;
	}
	/* It reads strangers' bytes: what it says is checked. */
	r.reason[sizeof(r.reason) - 1] = '\0';
	if (r.number >= c->n_verdicts || (unsigned)r.verdict >= HEALTH_N)
		return;
	c->verdicts[r.number] = r.verdict;
	c->cb(c->arg, &r);
}

static int start_child(struct checker *c)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return -errno;
	pid_t parent = getpid();
	c->pid = fork();
	if (c->pid == 0)
		run_child(c, fds[1], parent);
	int err = c->pid < 0 ? errno : 0;
	close(fds[1]);
	c->fd = fds[0];
	if (err == 0) {
		c->io = event_new(c->base, c->fd, EV_READ | EV_PERSIST, on_report, c);
		if (c->io == NULL || event_add(c->io, NULL) != 0)
			err = ENOMEM;
	}
	if (err != 0)
		end_child(c);
	return -err;
}

static void on_restart(evutil_socket_t fd, short what, void *arg)
{
	struct checker *c = arg;
	(void)fd;
	(void)what;
	int err = start_child(c);
	if (err == 0)
		return;
	log_msg(c->log, LOG_LEVEL_ERR, "checker: cannot start: %s; servers keep their last verdict",
		strerror(-err));
	(void)event_add(c->wait, &restart_delay);
}

static int take_conf(struct checker *c, const struct conf *conf,
		     const enum health_verdict *verdicts)
{
	size_t n = plan_servers(conf) + 1;
	enum health_verdict *copy = calloc(n, sizeof(*copy));
	if (copy == NULL)
		return -ENOMEM;
	for (size_t i = 0; verdicts != NULL && i < n; i++)
		copy[i] = verdicts[i];
	free(c->verdicts);
	c->verdicts = copy;
	c->n_verdicts = n;
	c->conf = conf;
	return 0;
}

int checker_start(struct event_base *base, const struct conf *conf, struct log *log, checker_fn *cb,
		  void *arg, struct checker **out)
{
	struct checker *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	*c = (struct checker){.base = base, .log = log, .cb = cb, .arg = arg, .fd = -1};
	c->wait = evtimer_new(base, on_restart, c);
	int err = c->wait == NULL ? -ENOMEM : take_conf(c, conf, NULL);
	if (err == 0)
		err = start_child(c);
	if (err != 0) {
		checker_stop(c);
		return err;
	}
	*out = c;
	return 0;
}

int checker_reload(struct checker *c, const struct conf *conf, const enum health_verdict *verdicts)
{
	int err = take_conf(c, conf, verdicts);
	if (err != 0)
		return err;
	end_child(c);
	(void)event_del(c->wait);
	return start_child(c);
}

void checker_stop(struct checker *c)
{
	if (c == NULL)
		return;
	end_child(c);
	if (c->wait != NULL)
		event_free(c->wait);
	free(c->verdicts);
	free(c);
}

int checker_pid(const struct checker *c)
{
	return (int)c->pid;
}
