/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Codec of VRRPv3 advertisements over IPv4 (RFC 9568 5): Ethernet frames out, IP packets in. Every
 * check of RFC 9568 7.1 is made here, in its order, and each has its own reject reason, so that the
 * driver only counts. A core: no I/O, no clock.
 */
#ifndef HA_VRRP_PKT_H
#define HA_VRRP_PKT_H

#include "vrrp.h"

enum {
	VRRP_PKT_FRAME_MAX = 14 + 20 + 8 + 4 * 255, /**< Ethernet, IP, VRRP, 255 addresses */
};

/** The verdict on a received packet. Texts: vrrp_pkt_verdict_name(). */
enum vrrp_pkt_verdict {
	VRRP_PKT_ACCEPTED,
	VRRP_PKT_IP_HEADER,     /**< truncated, not version 4, bad header length */
	VRRP_PKT_IP_CHECKSUM,   /**< header checksum */
	VRRP_PKT_IP_FRAGMENT,   /**< an advertisement is never fragmented */
	VRRP_PKT_IP_PROTOCOL,   /**< not 112 */
	VRRP_PKT_DESTINATION,   /**< not 224.0.0.18 */
	VRRP_PKT_TTL,           /**< not 255: it has crossed a router */
	VRRP_PKT_LENGTH,        /**< IP length beyond the packet, below 8, or not 8 + 4n */
	VRRP_PKT_VERSION,       /**< not 3 */
	VRRP_PKT_TYPE,          /**< not ADVERTISEMENT */
	VRRP_PKT_CHECKSUM,      /**< matches neither form */
	VRRP_PKT_VRID,          /**< not configured on the receiving interface */
	VRRP_PKT_COUNT_ZERO,    /**< no address (erratum 8299) */
	VRRP_PKT_INTERVAL_ZERO, /**< Max Advertise Interval 0 (erratum 8301) */
	VRRP_PKT_OWN_ADDRESS,   /**< our own source address: a loop or a duplicate address */
	VRRP_PKT_VERDICT_N,
};

/** What the receiving interface accepts. */
struct vrrp_pkt_accept {
	bool vrid[256];          /**< configured virtual routers */
	struct addr own_address; /**< primary address of the interface; ADDR_NONE: unknown */
};

/** What goes into an advertisement. */
struct vrrp_pkt_advert {
	uint8_t vrid;
	uint8_t priority;
	mono interval;                /**< whole centiseconds, 1..4095 */
	struct addr source;           /**< primary IPv4 address of the parent interface */
	const struct addr *addresses; /**< the IPv4 addresses of the virtual router */
	size_t n_addresses;           /**< 1..255 */
	enum vrrp_checksum_form form;
};

/**
 * Judges an IP packet as received (Ethernet padding behind it is tolerated). On VRRP_PKT_ACCEPTED
 * *out is filled, its address list pointing into packet; otherwise *out is untouched.
 */
enum vrrp_pkt_verdict vrrp_pkt_decode(const struct vrrp_pkt_accept *accept, const void *packet,
				      size_t len_bytes, struct vrrp_advert *out)
	__attribute__((warn_unused_result));

/**
 * Writes the whole Ethernet frame (to 01:00:5e:00:00:12 from the virtual MAC, TTL 255, TOS 0xc0).
 * Returns its length in bytes, or 0 if it does not fit into cap_bytes.
 */
size_t vrrp_pkt_encode(const struct vrrp_pkt_advert *advert, uint8_t *frame, size_t cap_bytes)
	__attribute__((warn_unused_result));

/** "ttl", "checksum", ...: the names counters are shown under. */
const char *vrrp_pkt_verdict_name(enum vrrp_pkt_verdict verdict);

#endif
