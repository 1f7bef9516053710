// SPDX-License-Identifier: GPL-2.0-or-later
/* links: */
/*
 * A server that tells its name, and the clients that ask for it, for dataplane.sh:
 *   dp_echo serve NAME tcp/PORT|udp/PORT...          until it is ended
 *   dp_echo ask tcp|udp ADDRESS PORT CLIENT...       prints "CLIENT ANSWER" lines; ANSWER is the
 *                                                    name, "refused", "timeout" or another error
 *   dp_echo stray ADDRESS PORT CLIENT                a bare ACK out of nowhere: "silence" or
 * "answer"
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SOCKETS_MAX = 16,
	WAIT_MS = 2000,
	SILENCE_MS = 300,
};

static struct sockaddr_in address(const char *text, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	a.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	if (inet_pton(AF_INET, text, &a.sin_addr) != 1) {
		fprintf(stderr, "dp_echo: bad address %s\n", text);
		exit(2);
	}
	return a;
}

/* --- server ---------------------------------------------------------------------------------- */

static int listen_on(const char *spec, bool *is_tcp)
{
	*is_tcp = strncmp(spec, "tcp/", 4) == 0;
	struct sockaddr_in a = address("0.0.0.0", spec + 4);
	int fd = socket(AF_INET, *is_tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	int on = 1;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || (*is_tcp && listen(fd, 128) != 0)) {
		perror(spec);
		exit(1);
	}
	return fd;
}

static void answer(int fd, bool is_tcp, const char *name)
{
	if (is_tcp) {
		int c = accept(fd, NULL, NULL);
		if (c < 0)
			return;
		(void)send(c, name, strlen(name), MSG_NOSIGNAL);
		close(c);
		return;
	}
	char buf[64];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	if (recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len) >= 0)
		(void)sendto(fd, name, strlen(name), 0, (struct sockaddr *)&from, len);
}

static int serve(const char *name, char **specs, size_t n)
{
	struct pollfd fds[SOCKETS_MAX];
	bool is_tcp[SOCKETS_MAX];
	for (size_t i = 0; i < n && i < SOCKETS_MAX; i++)
		fds[i] = (struct pollfd){.fd = listen_on(specs[i], &is_tcp[i]), .events = POLLIN};
	while (poll(fds, n, -1) >= 0) {
		for (size_t i = 0; i < n; i++) {
			if (fds[i].revents != 0)
				answer(fds[i].fd, is_tcp[i], name);
		}
	}
	return 1;
}

/* --- client ---------------------------------------------------------------------------------- */

static const char *reason(int err)
{
	if (err == ECONNREFUSED || err == ECONNRESET)
		return "refused";
	return err == EAGAIN || err == EINPROGRESS || err == ETIMEDOUT ? "timeout" : strerror(err);
}

static void ask(bool is_tcp, const struct sockaddr_in *to, const char *client)
{
	struct sockaddr_in from = address(client, "0");
	struct timeval wait = {.tv_sec = WAIT_MS / 1000};
	char name[64] = "";
	int fd = socket(AF_INET, is_tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	ssize_t n = -1;
	if (fd >= 0 && bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
	    connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 &&
	    (is_tcp || send(fd, "who", 3, 0) == 3))
		n = recv(fd, name, sizeof(name) - 1, 0);
	printf("%s %s\n", client, n > 0 ? name : n == 0 ? "closed" : reason(errno));
	if (fd >= 0)
		close(fd);
}

static uint16_t checksum(const uint16_t *words, size_t n)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += words[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* A segment of a connection that nobody knows; listens on the raw socket for any TCP answer. */
static int stray(const struct sockaddr_in *to, const char *client)
{
	struct sockaddr_in from = address(client, "40000");
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0) {
		perror("raw socket");
		return 1;
	}
	/* Pseudo-header of 12 bytes, then the TCP header with only ACK set. */
	uint16_t w[16] = {0};
	memcpy(&w[0], &from.sin_addr, 4);
	memcpy(&w[2], &to->sin_addr, 4);
	w[4] = htons(IPPROTO_TCP);
	w[5] = htons(20);
	w[6] = from.sin_port;
	w[7] = to->sin_port;
	w[9] = htons(1234);
	w[11] = htons(5678);
	w[12] = htons(5 << 12 | 0x10);
	w[13] = htons(1000);
	w[14] = checksum(w, 16);
	struct sockaddr_in raw_to = *to;
	raw_to.sin_port = 0;
	(void)sendto(fd, &w[6], 20, 0, (struct sockaddr *)&raw_to, sizeof(raw_to));
	struct pollfd p = {.fd = fd, .events = POLLIN};
	printf("%s\n", poll(&p, 1, SILENCE_MS) > 0 ? "answer" : "silence");
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2], argv + 3, (size_t)(argc - 3));
	if (argc >= 6 && strcmp(argv[1], "ask") == 0) {
		struct sockaddr_in to = address(argv[3], argv[4]);
		for (int i = 5; i < argc; i++)
			ask(strcmp(argv[2], "tcp") == 0, &to, argv[i]);
		return 0;
	}
	if (argc == 5 && strcmp(argv[1], "stray") == 0) {
		struct sockaddr_in to = address(argv[2], argv[3]);
		return stray(&to, argv[4]);
	}
	fprintf(stderr, "usage: dp_echo serve|ask|stray ...\n");
	return 2;
}
