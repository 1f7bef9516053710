// SPDX-License-Identifier: GPL-2.0-or-later
/* links: */
/*
 * Long-lived TCP connections for pair.sh:
 *   hold serve PORT...           echoes what it gets, on every port, until it is ended
 *   hold open ADDRESS PORT N SOURCE...
 *                                opens N connections from the sources in turn, says "open N", then
 *                                for every line on standard input sends a byte down each of them
 *                                and says "alive A reset R closed C silent S": reset means that a
 *                                RST came, closed that the server ended it; ends at end of input
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1000, WAIT_MS = 3000, EVENTS = 64, BACKLOG = 512 };

static int die(const char *what)
{
	fprintf(stderr, "hold: %s: %s\n", what, strerror(errno));
	return 1;
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, BACKLOG) < 0)
		exit(die("listen"));
	return fd;
}

static void watch(int epoll, int fd, uint32_t is_listener)
{
	struct epoll_event ev = {.events = EPOLLIN};

	ev.data.u64 = (uint64_t)is_listener << 32 | (uint32_t)fd;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		exit(die("epoll"));
}

static void echo(int fd)
{
	char buf[512];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n <= 0 || write(fd, buf, (size_t)n) != n)
		close(fd);
}

static _Noreturn void serve(int argc, char **argv)
{
	int epoll = epoll_create1(0);

	for (int i = 0; i < argc; i++)
		watch(epoll, listen_on((uint16_t)atoi(argv[i])), 1);
	for (;;) {
		struct epoll_event ev[EVENTS];
		int n = epoll_wait(epoll, ev, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = (int)(uint32_t)ev[i].data.u64;

			if (ev[i].data.u64 >> 32)
				watch(epoll, accept(fd, NULL, NULL), 0);
			else
				echo(fd);
		}
	}
}

enum fate { ALIVE, RESET, CLOSED, SILENT, FATE_N };

static enum fate fate_of(ssize_t n)
{
	if (n > 0)
		return ALIVE;
	return n < 0 && errno == ECONNRESET ? RESET : CLOSED;
}

static void ask_all(const int *fds, int n)
{
	int count[FATE_N] = {0};

	for (int i = 0; i < n; i++)
		/* What fails here says why when it is read. */
		if (send(fds[i], "x", 1, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
			exit(die("send"));
	for (int i = 0; i < n; i++) {
		struct pollfd p = {.fd = fds[i], .events = POLLIN};
		char byte;

		if (poll(&p, 1, i == 0 ? WAIT_MS : WAIT_MS / 3) <= 0)
			count[SILENT]++;
		else
			count[fate_of(recv(fds[i], &byte, 1, 0))]++;
	}
	printf("alive %d reset %d closed %d silent %d\n", count[ALIVE], count[RESET], count[CLOSED],
	       count[SILENT]);
}

static struct sockaddr_in parse(const char *address, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (inet_pton(AF_INET, address, &a.sin_addr) != 1) {
		fprintf(stderr, "hold: bad address %s\n", address);
		exit(2);
	}
	return a;
}

static int connect_from(const char *source, const struct sockaddr_in *to)
{
	static const struct timeval patience = {.tv_sec = WAIT_MS / 1000};
	struct sockaddr_in from = parse(source, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		exit(die("connect"));
	return fd;
}

static int hold(const struct sockaddr_in *to, int n, char **sources, int n_sources)
{
	int fds[CONNECTIONS_MAX];
	char line[16];

	for (int i = 0; i < n; i++)
		fds[i] = connect_from(sources[i % n_sources], to);
	setlinebuf(stdout);
	printf("open %d\n", n);
	while (fgets(line, sizeof(line), stdin))
		ask_all(fds, n);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "serve") == 0)
		serve(argc - 2, argv + 2);
	if (argc > 5 && strcmp(argv[1], "open") == 0 && atoi(argv[4]) > 0 &&
	    atoi(argv[4]) <= CONNECTIONS_MAX) {
		struct sockaddr_in to = parse(argv[2], (uint16_t)atoi(argv[3]));

		return hold(&to, atoi(argv[4]), argv + 5, argc - 5);
	}
	fputs("usage: hold serve PORT... | hold open ADDRESS PORT N SOURCE...\n", stderr);
	return 2;
}
