// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The prober: each millisecond one ICMP echo and one ARP request to the front VIP from the clients'
 * namespace, one more echo put straight into each gateway's port, addressed to the virtual MAC, and
 * an ear on the switch's side of these ports. The number of the probe
 * travels in the echo's payload and in the ARP request's sender hardware address, which comes back
 * as the target hardware address of every reply: so it is known which gateway answered which probe.
 */
#include "cast.h"

#include "link.h"
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	ARP_BYTES = 28,
	ARP_FRAME_BYTES = ETH_HLEN + ARP_BYTES,
	ARP_HARDWARE_ETHERNET = 1,
	ARP_REPLY = 2,
	ARP_OPERATION_AT = ETH_HLEN + 6,
	ARP_SENDER_IP_AT = ETH_HLEN + 14,
	ARP_TARGET_MAC_AT = ETH_HLEN + 18,
	IP_PROTOCOL_AT = ETH_HLEN + 9,
	IP_SOURCE_AT = ETH_HLEN + 12,
	IP_BYTES = 20,
	ECHO_TTL = 64,
	ICMP_AT = ETH_HLEN + IP_BYTES, /**< we send no IP options, so replies have none */
	ECHO_BYTES = 8 + 12,           /**< header; token and number */
	SNAP_BYTES = 128,
	CONTROL_BYTES = 64,
	BATCH = 32,
	ICMP_FILTER_OPTION = 1, /**< of SOL_RAW; its header clashes with net/if.h */
	REALTIME_PRIORITY = 5,
	MAC_LOCAL = 0x02, /**< locally administered, unicast */
	MAC_MARK = 0xd1,
};

struct prober {
	struct cast_board *board;
	uint32_t vip;
	uint32_t token;        /**< tells our echoes from others' */
	uint32_t direct_token; /**< the same, of those put into a port */
	uint32_t client;       /**< their source address */
	int timer;
	int echo;                 /**< raw ICMP, clients' namespace */
	int arp;                  /**< packet socket, clients' namespace */
	int port[CONF_NODES_MAX]; /**< packet sockets, switch */
	struct sockaddr_in echo_to;
	struct sockaddr_ll arp_to;
	struct sockaddr_ll direct_to[CONF_NODES_MAX];
	uint8_t mac[6];     /**< of the clients' interface */
	uint8_t vip_mac[6]; /**< where a gateway takes packets for the VIP */
};

static _Noreturn void die(const char *what)
{
	dprintf(STDERR_FILENO, "prober: %s: %s\n", what, strerror(errno));
	_exit(1);
}

enum answer { ANSWER_ECHO, ANSWER_ARP, ANSWER_DIRECT };

/* gateway CONF_NODES_MAX: the client has it. */
static void note_answer(struct prober *p, uint32_t number, mono now, unsigned gateway,
			enum answer kind)
{
	if (number >= p->board->n_probes)
		return;
	struct judge_probe *probe = &p->board->probe[number];

	if (gateway >= CONF_NODES_MAX) {
		if (probe->answered.ns == 0 && kind == ANSWER_ECHO)
			probe->answered = now;
	} else if (kind == ANSWER_ARP) {
		probe->arp_by = (uint8_t)(probe->arp_by | 1U << gateway);
	} else if (kind == ANSWER_DIRECT) {
		probe->direct_by = (uint8_t)(probe->direct_by | 1U << gateway);
	} else {
		probe->echo_by = (uint8_t)(probe->echo_by | 1U << gateway);
	}
}

static uint16_t checksum(const uint8_t *data, size_t len_bytes)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len_bytes; i += 2)
		sum += (uint32_t)(data[i] << 8 | data[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void write_echo(uint8_t packet[static ECHO_BYTES], uint32_t token, uint32_t number)
{
	struct wire_writer w;

	wire_writer_init(&w, packet, ECHO_BYTES);
	wire_put_u8(&w, ICMP_ECHO);
	wire_put_u8(&w, 0);
	wire_put_u16(&w, 0);
	wire_put_u16(&w, (uint16_t)token);
	wire_put_u16(&w, (uint16_t)number);
	wire_put_u32(&w, token);
	wire_put_u32(&w, number);
	wire_put_u32(&w, 0);
	wire_patch_u16(&w, 2, checksum(packet, ECHO_BYTES));
}

static void send_echo(struct prober *p, uint32_t number)
{
	uint8_t packet[ECHO_BYTES];

	write_echo(packet, p->token, number);
	(void)!sendto(p->echo, packet, sizeof(packet), MSG_DONTWAIT,
		      (const struct sockaddr *)&p->echo_to, sizeof(p->echo_to));
}

/* Into both ports, past the switch: whoever takes packets for the VIP answers. */
static void send_direct(struct prober *p, uint32_t number)
{
	uint8_t frame[ICMP_AT + ECHO_BYTES];
	struct wire_writer w;

	wire_writer_init(&w, frame, sizeof(frame));
	wire_put_bytes(&w, p->vip_mac, 6);
	wire_put_bytes(&w, p->mac, 6);
	wire_put_u16(&w, ETH_P_IP);
	wire_put_u16(&w, 0x4500); /* version, header length, no service class */
	wire_put_u16(&w, IP_BYTES + ECHO_BYTES);
	wire_put_u32(&w, 0); /* identification, no fragments */
	wire_put_u8(&w, ECHO_TTL);
	wire_put_u8(&w, IPPROTO_ICMP);
	wire_put_u16(&w, 0);
	wire_put_u32(&w, p->client);
	wire_put_u32(&w, p->vip);
	wire_patch_u16(&w, ETH_HLEN + 10, checksum(frame + ETH_HLEN, IP_BYTES));
	write_echo(frame + ICMP_AT, p->direct_token, number);
	for (size_t g = 0; g < CONF_NODES_MAX; g++)
		(void)!sendto(p->port[g], frame, sizeof(frame), MSG_DONTWAIT,
			      (const struct sockaddr *)&p->direct_to[g], sizeof(p->direct_to[g]));
}

/* RFC 5227 style: sender protocol address 0, so that no cache learns from it. */
static void send_arp(struct prober *p, uint32_t number)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint8_t frame[ARP_FRAME_BYTES];
	struct wire_writer w;

	wire_writer_init(&w, frame, sizeof(frame));
	wire_put_bytes(&w, broadcast, 6);
	wire_put_bytes(&w, p->mac, 6);
	wire_put_u16(&w, ETH_P_ARP);
	wire_put_u16(&w, ARP_HARDWARE_ETHERNET);
	wire_put_u16(&w, ETH_P_IP);
	wire_put_u8(&w, 6);
	wire_put_u8(&w, 4);
	wire_put_u16(&w, 1);
	wire_put_u8(&w, MAC_LOCAL);
	wire_put_u8(&w, MAC_MARK);
	wire_put_u32(&w, number);
	wire_put_u32(&w, 0);
	wire_put_zero(&w, 6);
	wire_put_u32(&w, p->vip);
	(void)!sendto(p->arp, frame, sizeof(frame), MSG_DONTWAIT,
		      (const struct sockaddr *)&p->arp_to, sizeof(p->arp_to));
}

/* Late or not, one probe a wake-up: catching up in a burst would measure nothing. */
static void send_probe(struct prober *p)
{
	uint64_t expirations;
	size_t n = p->board->n_probes;

	if (read(p->timer, &expirations, sizeof(expirations)) < 0 || p->board->probes_stopped ||
	    n == CAST_PROBES_MAX)
		return;
	p->board->probe[n] = (struct judge_probe){.sent = mono_now()};
	p->board->n_probes = n + 1;
	send_echo(p, (uint32_t)n);
	send_arp(p, (uint32_t)n);
	send_direct(p, (uint32_t)n);
}

static void read_echo(struct prober *p, const uint8_t *icmp, size_t len_bytes, mono now,
		      unsigned gateway)
{
	struct wire_reader r;

	wire_reader_init(&r, icmp, len_bytes);
	uint8_t type = wire_get_u8(&r);

	wire_skip(&r, 7);
	uint32_t token = wire_get_u32(&r);
	uint32_t number = wire_get_u32(&r);

	if (!wire_reader_ok(&r) || type != ICMP_ECHOREPLY)
		return;
	if (token == p->token)
		note_answer(p, number, now, gateway, ANSWER_ECHO);
	else if (token == p->direct_token)
		note_answer(p, number, now, gateway, ANSWER_DIRECT);
}

/* What left a gateway's port: an ARP reply, or an echo reply, in an Ethernet frame. */
static void read_frame(struct prober *p, const uint8_t *frame, size_t len_bytes, mono now,
		       unsigned gateway)
{
	struct wire_reader r;

	wire_reader_init(&r, frame, len_bytes);
	wire_skip(&r, 12);
	uint16_t protocol = wire_get_u16(&r);

	if (protocol == ETH_P_IP && len_bytes > ICMP_AT) {
		read_echo(p, frame + ICMP_AT, len_bytes - ICMP_AT, now, gateway);
		return;
	}
	wire_skip(&r, ARP_TARGET_MAC_AT - ETH_HLEN);
	uint8_t local = wire_get_u8(&r);
	uint8_t mark = wire_get_u8(&r);
	uint32_t number = wire_get_u32(&r);

	if (wire_reader_ok(&r) && protocol == ETH_P_ARP && local == MAC_LOCAL && mark == MAC_MARK)
		note_answer(p, number, now, gateway, ANSWER_ARP);
}

/*
 * When the kernel received the message, on our clock; now, when it does not say. A prober that had
 * to wait for its processor reads late what came in time.
 */
static mono received_at(struct msghdr *msg, mono now)
{
	struct timespec stamp, real;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
		clock_gettime(CLOCK_REALTIME, &real);
		mono age = mono_from_ns((real.tv_sec - stamp.tv_sec) * MONO_NS_PER_S +
					real.tv_nsec - stamp.tv_nsec);

		return age.ns > 0 ? mono_sub(now, age) : now;
	}
	return now;
}

/* Reads what is there; `gateway` CONF_NODES_MAX is the raw ICMP socket, with an IP header first. */
static void drain(struct prober *p, int fd, unsigned gateway)
{
	uint8_t snap[BATCH][SNAP_BYTES];
	_Alignas(struct cmsghdr) char control[BATCH][CONTROL_BYTES];
	struct iovec iov[BATCH];
	struct mmsghdr msgs[BATCH] = {0};

	for (size_t i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){.iov_base = snap[i], .iov_len = SNAP_BYTES};
		msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i],
						  .msg_iovlen = 1,
						  .msg_control = control[i],
						  .msg_controllen = CONTROL_BYTES};
	}
	int n = recvmmsg(fd, msgs, BATCH, MSG_DONTWAIT, NULL);
	mono now = mono_now();

	for (int i = 0; i < n; i++) {
		size_t len_bytes = msgs[i].msg_len;

		if (gateway < CONF_NODES_MAX)
			read_frame(p, snap[i], len_bytes, now, gateway);
		else if (len_bytes > 20)
			read_echo(p, snap[i] + 20, len_bytes - 20,
				  received_at(&msgs[i].msg_hdr, now), gateway);
	}
}

static void open_client_side(struct prober *p, const struct lab *lab)
{
	const struct layout *l = lab->layout;
	const int one = 1;
	struct icmp_filter {
		uint32_t data;
	} only_replies = {.data = ~(1U << ICMP_ECHOREPLY)};
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(l->client[0])};
	struct nl_sock *nl;
	int home = netns_enter(&lab->client);

	if (home < 0 || link_open(&nl))
		die("clients' namespace");
	p->echo = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (p->echo < 0 ||
	    setsockopt(p->echo, SOL_RAW, ICMP_FILTER_OPTION, &only_replies, sizeof(only_replies)) ||
	    setsockopt(p->echo, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) ||
	    bind(p->echo, (const struct sockaddr *)&from, sizeof(from)))
		die("ICMP socket");
	p->arp = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* sends only */
	if (p->arp < 0 || link_hardware_address(nl, LAB_HOST_INTERFACE, p->mac))
		die("packet socket");
	p->echo_to =
		(struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(l->front)};
	p->arp_to = (struct sockaddr_ll){.sll_family = AF_PACKET,
					 .sll_ifindex = link_index(nl, LAB_HOST_INTERFACE),
					 .sll_halen = 6};
	link_close(nl);
	netns_leave(home);
}

/*
 * Only what can be an answer of the VIP reaches us: ARP replies with it as sender, and ICMP echo
 * replies from it.
 */
static void attach_filter(int fd, uint32_t vip)
{
	enum {
		IS_IP = 6,
		TAKE = 13,
		LEAVE = 14,
	};
#define IF_EQUAL(at, value, yes, no)                                                               \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, (yes) - (at)-1, (no) - (at)-1)
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		IF_EQUAL(1, ETH_P_ARP, 2, IS_IP),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, ARP_OPERATION_AT),
		IF_EQUAL(3, ARP_REPLY, 4, LEAVE),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARP_SENDER_IP_AT),
		IF_EQUAL(5, vip, TAKE, LEAVE),
		IF_EQUAL(IS_IP, ETH_P_IP, 7, LEAVE),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IP_PROTOCOL_AT),
		IF_EQUAL(8, IPPROTO_ICMP, 9, LEAVE),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ICMP_AT),
		IF_EQUAL(10, ICMP_ECHOREPLY, 11, LEAVE),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, IP_SOURCE_AT),
		IF_EQUAL(12, vip, TAKE, LEAVE),
		BPF_STMT(BPF_RET | BPF_K, SNAP_BYTES),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
#undef IF_EQUAL
	const struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
		die("packet filter");
}

static void open_switch_side(struct prober *p, const struct lab *lab)
{
	const struct layout *l = lab->layout;
	const int one = 1;
	int home = netns_enter(&lab->sw);

	if (home < 0)
		die("switch's namespace");
	for (size_t g = 0; g < CONF_NODES_MAX; g++) {
		char name[CONF_IFNAME_MAX];
		struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
		/* Protocol 0 until the filter is in place: nothing unfiltered gets queued. */
		int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

		at.sll_ifindex =
			(int)if_nametoindex(lab_port_name(g, l->net[l->front_net].lan, name));
		if (fd < 0 || at.sll_ifindex == 0)
			die("switch port");
		attach_filter(fd, p->vip);
		if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
		    bind(fd, (const struct sockaddr *)&at, sizeof(at)))
			die("switch port");
		p->port[g] = fd;
		p->direct_to[g] = (struct sockaddr_ll){
			.sll_family = AF_PACKET, .sll_ifindex = at.sll_ifindex, .sll_halen = 6};
	}
	netns_leave(home);
}

static void start_clock(struct prober *p)
{
	const struct itimerspec every = {.it_value.tv_nsec = CAST_PROBE_INTERVAL_US * 1000,
					 .it_interval.tv_nsec = CAST_PROBE_INTERVAL_US * 1000};
	const struct sched_param param = {.sched_priority = REALTIME_PRIORITY};

	p->board->prober_realtime = sched_setscheduler(0, SCHED_FIFO, &param) == 0;
	(void)!mlockall(MCL_CURRENT | MCL_FUTURE);
	p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (p->timer < 0 || timerfd_settime(p->timer, 0, &every, NULL))
		die("timer");
}

/* Without a virtual MAC each gateway takes packets at its own: a broadcast frame reaches either. */
static void set_vip_mac(struct prober *p, const struct lab *lab)
{
	const uint8_t virtual_mac[6] = {0, 0, 0x5e, 0, 1, lab->layout->front_vrid};

	memset(p->vip_mac, 0xff, sizeof(p->vip_mac));
	if (lab->conf->pair.virtual_mac)
		memcpy(p->vip_mac, virtual_mac, sizeof(p->vip_mac));
}

_Noreturn void cast_run_prober(const struct cast_role *role)
{
	struct prober p = {.board = role->board,
			   .vip = role->lab->layout->front,
			   .client = role->lab->layout->client[0],
			   .token = 0x5a000000U ^ (uint32_t)getpid(),
			   .direct_token = 0x5b000000U ^ (uint32_t)getpid()};

	set_vip_mac(&p, role->lab);

	open_client_side(&p, role->lab);
	open_switch_side(&p, role->lab);
	start_clock(&p);
	for (;;) {
		struct pollfd fds[] = {{.fd = p.timer, .events = POLLIN},
				       {.fd = p.echo, .events = POLLIN},
				       {.fd = p.port[0], .events = POLLIN},
				       {.fd = p.port[1], .events = POLLIN}};

		if (poll(fds, 4, -1) < 0 && errno != EINTR)
			die("poll");
		if (fds[1].revents)
			drain(&p, p.echo, CONF_NODES_MAX);
		for (unsigned g = 0; g < CONF_NODES_MAX; g++)
			if (fds[2 + g].revents)
				drain(&p, p.port[g], g);
		if (fds[0].revents)
			send_probe(&p);
	}
}
