// SPDX-License-Identifier: GPL-2.0-or-later
#include "checker_zygote.h"

#include "checker_child.h"
#include "privs.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void reset_signals(void)
{
	/* lbd's handlers write into descriptors that are closed here. What a terminal or a service
	 * manager sends to all processes of lbd is for lbd itself, which then closes the socket. */
	static const int to_default[] = {SIGCHLD, SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2};
	static const int to_ignore[] = {SIGINT, SIGHUP, SIGTERM};
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

/* Returns false when the parent is gone already. */
static bool die_with(pid_t parent)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

/* Waits for a request. Returns the socket that came with it, or -1 when there will be no more. */
static int receive(int fd)
{
	struct checker_request request = {0};
	struct iovec iov = {.iov_base = &request, .iov_len = sizeof(request)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	ssize_t n;
	do {
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    n != (ssize_t)sizeof(request) || request.version != CHECKER_ZYGOTE_VERSION)
		return -1;
	int given;
	memcpy(&given, CMSG_DATA(c), sizeof(given));
	return given;
}

/* Its corpse is kept until here, so that the number cannot mean another process. */
static void end_checker(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static pid_t fork_checker(struct log *log, int given, struct checker_answer *answer)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		int kept = keep_only(given);
		_exit(kept >= 0 && die_with(parent) ? checker_child_run(log, kept) : EXIT_FAILURE);
	}
	*answer = (struct checker_answer){.version = CHECKER_ZYGOTE_VERSION,
					  .pid = pid > 0 ? pid : 0,
					  .error = pid < 0 ? errno : 0};
	return pid;
}

void checker_zygote_run(struct log *log, int fd, pid_t parent)
{
	reset_signals();
	log_set_tap(log, NULL, NULL);
	int kept = keep_only(fd);
	int err = privs_drop_all();
	/* After the change of user, which clears it. */
	if (!die_with(parent))
		_exit(EXIT_FAILURE);
	if (kept < 0 || err != 0) {
		log_msg(log, LOG_LEVEL_ERR, "checker: cannot give up privileges: %s",
			strerror(kept < 0 ? -kept : -err));
		_exit(EXIT_FAILURE);
	}
	pid_t checker = 0;
	int given;
	while ((given = receive(kept)) >= 0) {
		struct checker_answer answer;
		end_checker(checker);
		checker = fork_checker(log, given, &answer);
		close(given);
		if (send(kept, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
			break;
	}
	end_checker(checker);
	_exit(EXIT_SUCCESS);
}
