// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/flow lbd/ct lbd/ct_inject lib/addr lib/mono lib/mono_now lib/log */
/*
 * Load for sync.sh:
 *   sync_load fill FIRST N     enters N translated connections of server 1 into this namespace's
 *                              kernel, assured, the clients counted from 10.64.0.0 + FIRST
 *   sync_load empty FIRST N    deletes them again, one by one
 *   sync_load serve PORT       accepts TCP connections, echoes, keeps them open until killed
 */
#include "lbd/ct.h"

#include <event2/event.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 0x0a400000, VIP = 0xc000020a, SERVER = 0x0a01000b, PEERS_MAX = 256 };

static struct flow make_flow(uint32_t i)
{
	struct flow flow = {
		.mark = FLOW_MARK_OURS | 1,
		.status = FLOW_STATUS_SYNCED,
		.timeout_s = 3600,
		.has_tcp = true,
		.tcp_state = FLOW_TCP_ESTABLISHED,
	};
	struct addr client = addr_from_ipv4(CLIENTS + (i >> 2));
	uint16_t port = (uint16_t)(40000 + (i & 3));

	flow.orig = (struct flow_tuple){.src = client,
					.dst = addr_from_ipv4(VIP),
					.sport = port,
					.dport = 135,
					.proto = FLOW_PROTO_TCP};
	flow.reply = (struct flow_tuple){.src = addr_from_ipv4(SERVER),
					 .dst = client,
					 .sport = 135,
					 .dport = port,
					 .proto = FLOW_PROTO_TCP};
	return flow;
}

static void on_change(void *arg, enum ct_change change, const struct flow *flow, bool own)
{
	(void)arg, (void)change, (void)flow, (void)own;
}

static void on_overflow(void *arg)
{
	(void)arg;
}

static void on_no_room(void *arg, const struct flow *flow, int error)
{
	(void)arg, (void)flow;
	fprintf(stderr, "no room: %s\n", strerror(error));
}

static int change_table(bool fill, uint32_t first, uint32_t n)
{
	struct ct_callbacks callbacks = {
		.change = on_change, .overflow = on_overflow, .no_room = on_no_room};
	struct event_base *base = event_base_new();
	struct ct *ct;
	int error = ct_open(base, NULL, &callbacks, NULL, &ct);

	if (error) {
		fprintf(stderr, "ct_open: %s\n", strerror(-error));
		return 1;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct flow flow = make_flow(first + i);

		if (fill)
			ct_put(ct, &flow, CT_PUT_UPSERT);
		else
			ct_del(ct, &flow);
	}
	ct_commit(ct);
	const struct ct_counters *c = ct_counters(ct);

	printf("injected=%llu deleted=%llu\n", (unsigned long long)c->injected,
	       (unsigned long long)c->deleted);
	ct_close(ct);
	event_base_free(base);
	return 0;
}

static int serve(uint16_t port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct pollfd fds[PEERS_MAX];
	nfds_t n = 1;
	int one = 1;

	fds[0] = (struct pollfd){.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN};
	setsockopt(fds[0].fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fds[0].fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fds[0].fd, 64) < 0) {
		perror("sync_load serve");
		return 1;
	}
	while (poll(fds, n, -1) > 0) {
		if ((fds[0].revents & POLLIN) && n < PEERS_MAX)
			fds[n++] = (struct pollfd){.fd = accept(fds[0].fd, NULL, NULL),
						   .events = POLLIN};
		for (nfds_t i = 1; i < n; i++) {
			char buf[512];
			ssize_t got = fds[i].revents ? read(fds[i].fd, buf, sizeof(buf)) : -1;

			if (got > 0 && write(fds[i].fd, buf, (size_t)got) < 0)
				got = 0;
			if (fds[i].revents && got <= 0) {
				close(fds[i].fd);
				fds[i].fd = -1;
			}
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t a = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
	uint32_t b = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;

	if (argc == 4 && strcmp(argv[1], "fill") == 0)
		return change_table(true, a, b);
	if (argc == 4 && strcmp(argv[1], "empty") == 0)
		return change_table(false, a, b);
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve((uint16_t)a);
	fprintf(stderr, "usage: sync_load fill|empty FIRST N | serve PORT\n");
	return 2;
}
