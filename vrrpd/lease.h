/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lease: netdev table hapair_vrrp, in which the kernel itself keeps the gate of every virtual
 * MAC device shut unless an advertisement left through it within the last T. Sending opens and
 * renews it, so nothing is programmed while all is well; this module installs the table, shuts the
 * gates at once on a release, and reads what is left of a lease. Per device:
 *
 *   egress   vrrp, mark HOLD    oif @answer update @answer { oif timeout H }
 *            vrrp, mark HOLD    oif @lease update @lease { oif timeout H }
 *            vrrp, mark HOLD    drop
 *            vrrp, priority 0   accept
 *            vrrp, mark ANSWER  oif @lease update @answer { oif timeout T }
 *            vrrp               update @lease { oif timeout T } accept
 *            oif != @lease drop
 *   ingress  meta protocol arp iif != @answer drop
 *            iif != @lease drop
 *
 * Any advertisement opens the gate for IP: a learning switch sends a unicast frame to one node
 * only. ARP, a broadcast that reaches both, waits for an advertisement with mark ANSWER, which is
 * sent once the former Active Router is certainly silent (vrrp_fsm.h). Priority 0 says that this
 * node leaves, and therefore opens and renews nothing. While a node resigns but still serves, it
 * keeps that up with frames marked HOLD, which shorten the lease to H and go no further: dead or
 * stopped in the middle of a hand-over it is silent within H.
 *
 * The table belongs to this process and outlives it where the kernel has both flags (owner,
 * persist): then no other program can change it.
 */
#ifndef HA_LEASE_H
#define HA_LEASE_H

#include "mono.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lease;

/** Name of the table. */
#define LEASE_TABLE "hapair_vrrp"

enum {
	LEASE_MARK_ANSWER = 0x56520001,
	LEASE_MARK_HOLD = 0x56520002,
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

/** Time-outs in the rules, in whole milliseconds. */
struct lease_times {
	mono timeout; /**< T */
	mono hold;    /**< H */
};

/** Opens the netlink socket, asks whether tables can be protected. Returns 0 or -errno. */
int lease_open(struct lease **out) __attribute__((warn_unused_result));
void lease_close(struct lease *lease);
/** Netlink port of the changes made here. */
uint32_t lease_portid(const struct lease *lease);
/** Other programs cannot change the table. */
bool lease_is_protected(const struct lease *lease);
/** The table exists, made by whomever. */
bool lease_exists(struct lease *lease);
/**
 * Replaces the table in one transaction: one pair of chains per device, and the time left of
 * devices with lease_ms > 0 (answer_ms likewise) goes on running. No packet sees anything in
 * between. Returns 0 or -errno with *error.
 */
int lease_install(struct lease *lease, const struct lease_device *devices, size_t n,
		  const struct lease_times *times, struct lease_error *error)
	__attribute__((warn_unused_result));
/** Fills in lease_ms and answer_ms by ifindex. Without a table all are -1. Returns 0 or -errno. */
int lease_read(struct lease *lease, struct lease_device *devices, size_t n)
	__attribute__((warn_unused_result));
/** Shuts the gates of n devices in one transaction. Returns 0 or -errno with *error. */
int lease_shut(struct lease *lease, const uint32_t *ifindexes, size_t n, struct lease_error *error)
	__attribute__((warn_unused_result));
/** Removes the table; on failure there is nothing left to do for the caller. */
void lease_remove(struct lease *lease);

#endif
