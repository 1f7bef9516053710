// SPDX-License-Identifier: GPL-2.0-or-later
#include "vsock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PROTOCOL_VRRP = 112,
	IP_PROTOCOL_OFFSET = 9,
	ETHERTYPE_OFFSET = 12,
	WHOLE_PACKET = 0xffff,
};

static const uint32_t vrrp_group = 0xe0000012; /* 224.0.0.18 */

/**
 * Accepts untagged IPv4 packets of protocol 112 that were not sent by this machine. Frames of a
 * VLAN above the parent pass here too, tagged: they belong to another interface.
 */
static int attach_filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 7),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 5, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IP_PROTOCOL_OFFSET),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROTOCOL_VRRP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, WHOLE_PACKET),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	return 0;
}

static int open_packets(int ifindex)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	int on = 1;
	/* All protocols: a macvlan in private mode keeps frames with its own source MAC, the peer's
	 * advertisements, from sockets that ask for IPv4 only. Not asking for outgoing frames
	 * spares a copy of everything sent; before 4.20 the filter does it. */
	struct sockaddr_ll sll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = ifindex,
	};
	int err = attach_filter(fd);

	(void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	if (!err && bind(fd, (struct sockaddr *)&sll, sizeof(sll)) < 0)
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static int join_group(int ifindex)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ip_mreqn mreq = {
		.imr_multiaddr.s_addr = htonl(vrrp_group),
		.imr_ifindex = ifindex,
	};

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int vsock_receiver_open(int parent_ifindex, struct vsock_receiver *out)
{
	*out = (struct vsock_receiver){.fd = -1, .group_fd = -1};
	int fd = open_packets(parent_ifindex);

	if (fd < 0)
		return fd;
	int group_fd = join_group(parent_ifindex);

	if (group_fd < 0) {
		close(fd);
		return group_fd;
	}
	*out = (struct vsock_receiver){.fd = fd, .group_fd = group_fd};
	return 0;
}

void vsock_receiver_close(struct vsock_receiver *receiver)
{
	if (receiver->fd >= 0)
		close(receiver->fd);
	if (receiver->group_fd >= 0)
		close(receiver->group_fd);
	*receiver = (struct vsock_receiver){.fd = -1, .group_fd = -1};
}

ssize_t vsock_receive(const struct vsock_receiver *receiver, uint8_t *buf, size_t cap_bytes)
{
	ssize_t n = recv(receiver->fd, buf, cap_bytes, MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

int vsock_send_from_parent(const struct vsock_receiver *receiver, int parent_ifindex,
			   const uint8_t *frame, size_t len_bytes)
{
	struct sockaddr_ll sll = {
		.sll_family = AF_PACKET,
		.sll_ifindex = parent_ifindex,
		.sll_halen = ETH_ALEN,
	};

	/* This socket leaves the Ethernet header to the kernel, which knows the source. */
	memcpy(sll.sll_addr, frame, ETH_ALEN);
	memcpy(&sll.sll_protocol, frame + ETHERTYPE_OFFSET, sizeof(sll.sll_protocol));
	ssize_t n = sendto(receiver->fd, frame + ETH_HLEN, len_bytes - ETH_HLEN,
			   MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&sll, sizeof(sll));

	return n < 0 ? -errno : 0;
}

int vsock_sender_open(void)
{
	/* Protocol 0: nothing is ever queued for reading. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int vsock_send(int fd, int ifindex, const uint8_t *frame, size_t len_bytes, uint32_t mark)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(uint32_t))];
	} control = {.space = ""};
	struct sockaddr_ll sll = {
		.sll_family = AF_PACKET,
		.sll_ifindex = ifindex,
	};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)frame, .iov_len = len_bytes};
	struct msghdr msg = {
		.msg_name = &sll,
		.msg_namelen = sizeof(sll),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	memcpy(&sll.sll_protocol, frame + ETHERTYPE_OFFSET, sizeof(sll.sll_protocol));
	if (mark) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SO_MARK;
		control.header.cmsg_len = CMSG_LEN(sizeof(mark));
		memcpy(CMSG_DATA(&control.header), &mark, sizeof(mark));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.space);
	}
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
