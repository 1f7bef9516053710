// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/ctl lib/nft_tx lib/nft_elem */
/*
 * Hands of the vrrpd namespace test:
 *   vrrp_tool ctl SOCKET COMMAND [ARGS]   one request; prints each reply, ends with the last
 *   vrrp_tool send INTERFACE HEX...       sends Ethernet frames given in hex
 *   vrrp_tool who-has INTERFACE IP MS     broadcasts an ARP request every MS until it is ended
 *   vrrp_tool owners IP PORT...           notes which switch port each ARP answer for IP comes
 * from; on SIGINT prints the ports in the order of their turns vrrp_tool hold-table NAME owns a
 * netdev table until it is ended
 */
#include "ctl.h"
#include "nft_tx.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <libnftnl/table.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	FRAME_MAX = 2048,
	ARP_BYTES = 42,
	ARP_OPERATION = 20,
	ARP_SENDER_MAC = 22,
	ARP_SENDER_IP = 28,
	ARP_TARGET_IP = 38,
	PORTS_MAX = 8,
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

static int packet_socket(const char *interface)
{
	struct sockaddr_ll sll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	if (fd < 0 || bind(fd, (struct sockaddr *)&sll, sizeof(sll)) < 0) {
		perror(interface);
		exit(EXIT_FAILURE);
	}
	return fd;
}

/** Asks as the interface's own address would: answers come back to it. */
static int who_has(const char *interface, const char *ip, int ms)
{
	static const uint8_t head[] = {0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1};
	uint8_t frame[ARP_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	int fd = packet_socket(interface);
	struct ifreq req = {.ifr_name = ""};

	strlcpy(req.ifr_name, interface, sizeof(req.ifr_name));
	if (ioctl(fd, SIOCGIFHWADDR, &req) < 0)
		return EXIT_FAILURE;
	memcpy(frame + ETH_ALEN, req.ifr_hwaddr.sa_data, ETH_ALEN);
	memcpy(frame + 2 * ETH_ALEN, head, sizeof(head));
	memcpy(frame + ARP_SENDER_MAC, req.ifr_hwaddr.sa_data, ETH_ALEN);
	int inet = socket(AF_INET, SOCK_DGRAM, 0);

	if (ioctl(inet, SIOCGIFADDR, &req) < 0)
		return EXIT_FAILURE;
	memcpy(frame + ARP_SENDER_IP, req.ifr_addr.sa_data + 2, 4);
	inet_pton(AF_INET, ip, frame + ARP_TARGET_IP);
	for (;;) {
		(void)!write(fd, frame, sizeof(frame));
		usleep((useconds_t)ms * 1000);
	}
}

static bool is_answer(const uint8_t *frame, ssize_t len, const struct sockaddr_ll *from,
		      const uint8_t *ip)
{
	static const uint8_t broadcast[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	return from->sll_pkttype != PACKET_OUTGOING && len >= ARP_BYTES && frame[12] == 0x08 &&
	       frame[13] == 0x06 && frame[ARP_OPERATION + 1] == 2 &&
	       memcmp(frame, broadcast, ETH_ALEN) != 0 && memcmp(frame + ARP_SENDER_IP, ip, 4) == 0;
}

static int owners(const char *ip_text, char **ports, int n)
{
	struct pollfd fds[PORTS_MAX + 1];
	uint8_t frame[FRAME_MAX], ip[4];
	unsigned answers = 0;
	sigset_t signals;
	int last = -1;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	inet_pton(AF_INET, ip_text, ip);
	for (int i = 0; i < n; i++)
		fds[i] = (struct pollfd){.fd = packet_socket(ports[i]), .events = POLLIN};
	fds[n] = (struct pollfd){.fd = signalfd(-1, &signals, 0), .events = POLLIN};
	puts("listening");
	fflush(stdout);
	while (poll(fds, (nfds_t)n + 1, -1) > 0 && !fds[n].revents) {
		for (int i = 0; i < n; i++) {
			struct sockaddr_ll from;
			socklen_t from_len = sizeof(from);
			ssize_t len = recvfrom(fds[i].fd, frame, sizeof(frame), MSG_DONTWAIT,
					       (struct sockaddr *)&from, &from_len);

			if (!is_answer(frame, len, &from, ip))
				continue;
			answers++;
			if (i != last)
				printf("turn %s\n", ports[i]);
			last = i;
		}
	}
	printf("answers %u\n", answers);
	return EXIT_SUCCESS;
}

static int hold_table(const char *name)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct nft_tx_error error;
	struct nft_tx *tx;

	if (!t || nft_tx_open(&tx))
		return EXIT_FAILURE;
	nftnl_table_set_str(t, NFTNL_TABLE_NAME, name);
	nftnl_table_set_u32(t, NFTNL_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	nft_tx_begin(tx);
	nft_tx_add_table(tx, NFPROTO_NETDEV, t, "hold");
	if (nft_tx_commit(tx, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return EXIT_FAILURE;
	}
	puts("held");
	fflush(stdout);
	pause();
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && strcmp(argv[1], "ctl") == 0)
		return ctl(argv[2], argv[3], argc > 4 ? argv[4] : NULL);
	if (argc >= 4 && strcmp(argv[1], "send") == 0)
		return send_frames(argv[2], argv + 3, argc - 3);
	if (argc == 5 && strcmp(argv[1], "who-has") == 0)
		return who_has(argv[2], argv[3], atoi(argv[4]));
	if (argc >= 4 && argc <= 3 + PORTS_MAX && strcmp(argv[1], "owners") == 0)
		return owners(argv[2], argv + 3, argc - 3);
	if (argc == 3 && strcmp(argv[1], "hold-table") == 0)
		return hold_table(argv[2]);
	fputs("usage: vrrp_tool ctl SOCKET COMMAND [ARGS] | send INTERFACE HEX... |\n"
	      "       who-has INTERFACE IP MS | owners IP PORT... | hold-table NAME\n",
	      stderr);
	return 2;
}
