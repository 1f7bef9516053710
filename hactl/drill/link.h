/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links, addresses and routes of a drill through route netlink. A socket belongs to the namespace
 * it was opened in and stays there, so the lab keeps one for each namespace.
 */
#ifndef HA_LINK_H
#define HA_LINK_H

#include <stdbool.h>
#include <stdint.h>

struct nl_sock;

/** Opens a socket in the calling process's namespace. Returns 0 or -errno. */
int link_open(struct nl_sock **out) __attribute__((warn_unused_result));
void link_close(struct nl_sock *sk);
/** A bridge that forwards at once: no spanning tree, no multicast snooping; up. */
int link_add_bridge(struct nl_sock *sk, const char *name) __attribute__((warn_unused_result));
/** A veth pair: `name` here, `peer_name` in the namespace peer_fd; both down. */
int link_add_veth(struct nl_sock *sk, const char *name, const char *peer_name, int peer_fd)
	__attribute__((warn_unused_result));
/** Makes a link a port of a bridge. */
int link_set_bridge(struct nl_sock *sk, const char *name, const char *bridge)
	__attribute__((warn_unused_result));
int link_set_up(struct nl_sock *sk, const char *name, bool up) __attribute__((warn_unused_result));
/** Stops a bridge from forwarding to or from a port that is up, at once; down and up resets it. */
int link_block_port(struct nl_sock *sk, const char *name) __attribute__((warn_unused_result));
/** Removes a link (and a veth's other end); a link that is not there is no error. */
int link_del(struct nl_sock *sk, const char *name) __attribute__((warn_unused_result));
/** Adds an IPv4 address, host order. */
int link_add_address(struct nl_sock *sk, const char *name, uint32_t address, uint8_t len_bits)
	__attribute__((warn_unused_result));
/** Default route via gateway, host order. */
int link_add_default_route(struct nl_sock *sk, uint32_t gateway)
	__attribute__((warn_unused_result));
/** Index of a link, or 0. */
int link_index(struct nl_sock *sk, const char *name);
/** The hardware address of a link; 0 or -errno. */
int link_hardware_address(struct nl_sock *sk, const char *name, uint8_t out[static 6])
	__attribute__((warn_unused_result));

#endif
