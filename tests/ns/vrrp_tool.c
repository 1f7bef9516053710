// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/ctl */
/*
 * Hands of the vrrpd namespace test:
 *   vrrp_tool ctl SOCKET COMMAND [ARGS]   one request; prints each reply, ends with the last
 *   vrrp_tool send INTERFACE HEX...       sends Ethernet frames given in hex
 */
#include "ctl.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	FRAME_MAX = 2048,
};

static int ctl_connect(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >= sizeof(sun.sun_path))
		return -1;
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	perror(path);
	return -1;
}

static int ctl(const char *path, const char *cmd, const char *args_text)
{
	static char packet[CTL_PACKET_MAX];
	json_t *args = args_text ? json_loads(args_text, 0, NULL) : NULL;
	size_t len = ctl_request_encode(1, cmd, args, packet, sizeof(packet));
	int fd = ctl_connect(path);

	json_decref(args);
	if (fd < 0 || send(fd, packet, len, 0) < 0)
		return EXIT_FAILURE;
	for (;;) {
		ssize_t n = recv(fd, packet, sizeof(packet), 0);
		struct ctl_reply reply;

		if (n <= 0 || ctl_reply_decode(packet, (size_t)n, &reply))
			return EXIT_FAILURE;
		printf("%.*s\n", (int)n, packet);
		bool end = reply.end;
		int code = reply.code;

		ctl_reply_fini(&reply);
		if (end) {
			close(fd);
			return code == CTL_DONE ? EXIT_SUCCESS : EXIT_FAILURE;
		}
	}
}

static size_t from_hex(const char *hex, uint8_t *out, size_t cap)
{
	size_t n = 0;

	for (; hex[0] && hex[1] && n < cap; hex += 2) {
		char pair[3] = {hex[0], hex[1], 0};

		out[n++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

static int send_frames(const char *interface, char **hex, int n)
{
	struct sockaddr_ll sll = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	for (int i = 0; i < n; i++) {
		uint8_t frame[FRAME_MAX];
		size_t len = from_hex(hex[i], frame, sizeof(frame));

		if (sendto(fd, frame, len, 0, (struct sockaddr *)&sll, sizeof(sll)) < 0) {
			perror("send");
			return EXIT_FAILURE;
		}
	}
	close(fd);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && strcmp(argv[1], "ctl") == 0)
		return ctl(argv[2], argv[3], argc > 4 ? argv[4] : NULL);
	if (argc >= 4 && strcmp(argv[1], "send") == 0)
		return send_frames(argv[2], argv + 3, argc - 3);
	fputs("usage: vrrp_tool ctl SOCKET COMMAND [ARGS] | send INTERFACE HEX...\n", stderr);
	return 2;
}
