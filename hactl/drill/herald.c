// SPDX-License-Identifier: GPL-2.0-or-later
#include "herald.h"

#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SENDER_IP_AT = ETH_HLEN + 14,
	TARGET_IP_AT = ETH_HLEN + 24,
	SNAP_BYTES = 64,
};

/** An ear on one port of the switch. */
struct ear {
	struct herald *herald;
	size_t lan, gateway;
	struct event *readable;
};

struct herald {
	const struct layout *layout;
	struct ear ear[LAYOUT_LANS_MAX * CONF_NODES_MAX];
	size_t n;
	mono last[LAYOUT_VIPS_MAX][CONF_NODES_MAX];
};

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ear *e = arg;
	const struct layout *l = e->herald->layout;
	uint8_t frame[SNAP_BYTES];
	ssize_t n;

	(void)what;
	while ((n = recv(fd, frame, sizeof(frame), MSG_DONTWAIT)) >= 0) {
		struct wire_reader r;

		wire_reader_init(&r, frame, (size_t)n);
		wire_skip(&r, SENDER_IP_AT);
		uint32_t address = wire_get_u32(&r);

		for (size_t v = 0; wire_reader_ok(&r) && v < l->n_vips; v++)
			if (l->vip[v].lan == e->lan && l->vip[v].address == address)
				e->herald->last[v][e->gateway] = mono_now();
	}
}

/* Only ARP whose sender and target address are the same. */
static int attach_filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SENDER_IP_AT),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, TARGET_IP_AT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SNAP_BYTES),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

static int open_port(size_t gateway, size_t lan)
{
	char name[CONF_IFNAME_MAX];
	const int one = 1;
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL),
				 .sll_ifindex =
					 (int)if_nametoindex(lab_port_name(gateway, lan, name))};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	int rc = attach_filter(fd);

	if (rc == 0 && (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
			bind(fd, (const struct sockaddr *)&at, sizeof(at))))
		rc = -errno;
	if (rc)
		close(fd);
	return rc ? rc : fd;
}

static int listen_at(struct herald *h, struct event_base *base, size_t gateway, size_t lan)
{
	struct ear *e = &h->ear[h->n];
	int fd = open_port(gateway, lan);

	if (fd < 0)
		return fd;
	*e = (struct ear){.herald = h, .lan = lan, .gateway = gateway};
	e->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, e);
	if (!e->readable) {
		close(fd);
		return -ENOMEM;
	}
	h->n++;
	return event_add(e->readable, NULL) ? -ENOMEM : 0;
}

int herald_new(struct event_base *base, const struct lab *lab, struct herald **out)
{
	struct herald *h = calloc(1, sizeof(*h));
	int rc = 0;

	*out = h;
	if (!h)
		return -ENOMEM;
	h->layout = lab->layout;
	int home = netns_enter(&lab->sw);

	if (home < 0)
		return home;
	for (size_t i = 0; i < lab->layout->n_lans && rc == 0; i++)
		for (size_t g = 0; g < CONF_NODES_MAX && rc == 0; g++)
			rc = listen_at(h, base, g, i);
	netns_leave(home);
	return rc;
}

void herald_free(struct herald *h)
{
	for (size_t i = 0; h && i < h->n; i++) {
		int fd = event_get_fd(h->ear[i].readable);

		event_free(h->ear[i].readable);
		close(fd);
	}
	free(h);
}

mono herald_last(const struct herald *h, size_t vip, size_t gateway)
{
	return h->last[vip][gateway];
}
