/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sockets of VRRP. Packet sockets both ways, so that neither a firewall rule nor a full
 * connection table can silence an advertisement: one receiver per parent interface, filtered in
 * the kernel to IPv4 protocol 112 from others, and one sender per virtual MAC device. The group is
 * joined with an ordinary socket besides, so that snooping switches hear of it by IGMP.
 */
#ifndef HA_VSOCK_H
#define HA_VSOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct vsock_receiver {
	int fd;       /**< packet socket, non-blocking; -1: closed */
	int group_fd; /**< holds the membership of 224.0.0.18 */
};

/** Opens a receiver on the parent. Returns 0 or -errno; *out is closed (-1) on failure. */
int vsock_receiver_open(int parent_ifindex, struct vsock_receiver *out)
	__attribute__((warn_unused_result));
void vsock_receiver_close(struct vsock_receiver *receiver);
/** One IP packet, from its IP header on. Returns its length, -EAGAIN when there is none, -errno. */
ssize_t vsock_receive(const struct vsock_receiver *receiver, uint8_t *buf, size_t cap_bytes)
	__attribute__((warn_unused_result));

/**
 * Sends an advertisement, given as a whole Ethernet frame, from the parent with the parent's own
 * MAC: switches must not take it for the virtual router's place. Returns 0 or -errno.
 */
int vsock_send_from_parent(const struct vsock_receiver *receiver, int parent_ifindex,
			   const uint8_t *frame, size_t len_bytes)
	__attribute__((warn_unused_result));

/** Opens a sender; it receives nothing. Returns the descriptor or -errno. */
int vsock_sender_open(void) __attribute__((warn_unused_result));
/**
 * Sends a whole Ethernet frame through a device, never blocking; mark is what nftables sees as
 * meta mark. Returns 0 or -errno.
 */
int vsock_send(int fd, int ifindex, const uint8_t *frame, size_t len_bytes, uint32_t mark)
	__attribute__((warn_unused_result));

#endif
