/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lease: netdev table hapair_vrrp, in which the kernel itself keeps the gate of every virtual
 * MAC device shut unless an advertisement left through it within the last T. Sending opens and
 * renews it, so nothing is programmed while all is well; this module installs the table, shuts the
 * gates at once on a release, and reads what is left of a lease. Per device:
 *
 *   egress   ip protocol 112 oif @lease update @answer { oif timeout T }   second advert onwards
 *            ip protocol 112 update @lease { oif timeout T } accept        any advert
 *            oif != @lease drop
 *   ingress  meta protocol arp iif != @answer drop
 *            iif != @lease drop
 *
 * ARP (a broadcast that reaches both nodes) waits for the second advertisement: by then the former
 * Active Router has heard the first one and shut its gate.
 */
#ifndef HA_LEASE_H
#define HA_LEASE_H

#include "mono.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lease;

enum {
	LEASE_DEVICES_MAX = 64,
	LEASE_IFNAME_MAX = 16,
	LEASE_TEXT_MAX = 400,
};

/** One virtual MAC device and what is known of its lease. */
struct lease_device {
	char name[LEASE_IFNAME_MAX];
	uint32_t ifindex;
	int64_t lease_ms;  /**< time left, -1: gate shut */
	int64_t answer_ms; /**< time left for answering ARP, -1: not answering */
};

/** Why the kernel refused, with the remedy. */
struct lease_error {
	char text[LEASE_TEXT_MAX];
};

/** Opens the netlink socket. Returns 0 or -errno. */
int lease_open(struct lease **out) __attribute__((warn_unused_result));
void lease_close(struct lease *lease);
/**
 * Replaces the table in one transaction: one pair of chains per device, T = timeout in whole
 * milliseconds, and the time left of devices with lease_ms >= 0 goes on running. No packet sees
 * anything in between. Returns 0 or -errno with *error.
 */
int lease_install(struct lease *lease, const struct lease_device *devices, size_t n, mono timeout,
		  struct lease_error *error) __attribute__((warn_unused_result));
/** Fills in lease_ms and answer_ms by ifindex. Without a table all are -1. Returns 0 or -errno. */
int lease_read(struct lease *lease, struct lease_device *devices, size_t n)
	__attribute__((warn_unused_result));
/** Shuts the gates of n devices in one transaction. Returns 0 or -errno with *error. */
int lease_shut(struct lease *lease, const uint32_t *ifindexes, size_t n, struct lease_error *error)
	__attribute__((warn_unused_result));
/** Removes the table; on failure there is nothing left to do for the caller. */
void lease_remove(struct lease *lease);

#endif
