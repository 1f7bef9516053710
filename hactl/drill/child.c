// SPDX-License-Identifier: GPL-2.0-or-later
#include "child.h"

#include "owner.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	EXIT_NO_START = 127,
};

static int redirect(const char *log_path)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0 ||
	    dup2(fd, STDERR_FILENO) < 0)
		return -errno;
	return 0;
}

static int settle(pid_t parent, const struct child_place *place)
{
	sigset_t none;

	setsid();
	if (!place->outlive && (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent))
		return -ESRCH;
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int rc = owner_record(place->record_path);

	if (rc)
		return rc;
	if (place->ns && setns(place->ns->fd, CLONE_NEWNET))
		return -errno;
	return redirect(place->log_path);
}

pid_t child_fork(const struct child_place *place)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0 && settle(parent, place))
		_exit(EXIT_NO_START);
	return pid;
}

pid_t child_spawn(const struct child_place *place, const char *const *argv)
{
	char *words[16];
	size_t n = 0;

	/* execv() wants writable words for reasons of history; it does not write. */
	for (; argv[n] && n < 15; n++)
		words[n] = (char *)(uintptr_t)argv[n];
	words[n] = NULL;
	assert(words[0]);
	pid_t pid = child_fork(place);

	if (pid == 0) {
		execv(words[0], words);
		dprintf(STDERR_FILENO, "cannot start %s: %s\n", words[0], strerror(errno));
		_exit(EXIT_NO_START);
	}
	return pid;
}

bool child_ended(pid_t *pid, int *status)
{
	if (*pid <= 0 || waitpid(*pid, status, WNOHANG) != *pid)
		return false;
	*pid = 0;
	return true;
}

void child_kill(pid_t *pid)
{
	int status;

	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	while (waitpid(*pid, &status, 0) < 0 && errno == EINTR)
		;
	*pid = 0;
}
