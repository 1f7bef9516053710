/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domain types of the Virtual Router Redundancy Protocol in the words of RFC 9568, shared by the
 * cores and drivers of vrrpd. Numbers are in host order; instants and durations are mono.
 */
#ifndef HA_VRRP_H
#define HA_VRRP_H

#include "addr.h"
#include "mono.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VRRP_VERSION = 3,
	VRRP_IP_PROTOCOL = 112,
	VRRP_TTL = 255, /**< RFC 9568 5.1.1.3: sent and required */
	VRRP_PRIORITY_RELEASE = 0,
	VRRP_PRIORITY_OWNER = 255,
	VRRP_INTERVAL_MAX_CS = 4095,
	VRRP_MAC_LEN = 6,
};

/** RFC 9568 6.3. */
enum vrrp_state {
	VRRP_INITIALIZE,
	VRRP_BACKUP,
	VRRP_ACTIVE,
	VRRP_STATE_N,
};

/** Why a state was entered; texts in vrrp_reason_name(). */
enum vrrp_reason {
	VRRP_REASON_NONE,
	VRRP_REASON_STARTUP,           /**< started, or the last fault went away */
	VRRP_REASON_OWNER,             /**< started with priority 255 */
	VRRP_REASON_LEASE_VALID,       /**< restarted inside its own lease (crash certificate) */
	VRRP_REASON_ACTIVE_DOWN_TIMER, /**< the Active Router fell silent */
	VRRP_REASON_PEER_RESIGNED,     /**< the Active Router said so with priority 0 */
	VRRP_REASON_HIGHER_PRIORITY,   /**< another router has precedence */
	VRRP_REASON_HANDED_OVER,       /**< planned: another router took over on request */
	VRRP_REASON_LEASE_LOST,        /**< woke up after the own lease had run out */
	VRRP_REASON_FAULT,             /**< a tracked fact forbids to serve */
	VRRP_REASON_SHUTDOWN,
	VRRP_REASON_N,
};

/** How the checksum of a v3 IPv4 advertisement is computed (RFC 9568 5.2.8 against RFC 5798). */
enum vrrp_checksum_form {
	VRRP_CHECKSUM_PSEUDO,  /**< with pseudo-header: what the usual neighbours send and accept */
	VRRP_CHECKSUM_RFC9568, /**< the VRRP message alone */
	VRRP_CHECKSUM_FORM_N,
};

/** A valid advertisement of another router. */
struct vrrp_advert {
	uint8_t vrid;
	uint8_t priority;             /**< 0 releasing .. 255 owner */
	mono interval;                /**< Max Advertise Interval, 10 ms .. 40.95 s */
	struct addr source;           /**< primary address of the sender */
	enum vrrp_checksum_form form; /**< which checksum matched */
	size_t n_addresses;           /**< 1..255 */
	const uint8_t *addresses;     /**< borrowed from the packet: n * 4 bytes */
};

static inline const char *vrrp_state_name(enum vrrp_state state)
{
	static const char *const names[VRRP_STATE_N] = {
		[VRRP_INITIALIZE] = "Initialize",
		[VRRP_BACKUP] = "Backup",
		[VRRP_ACTIVE] = "Active",
	};

	return names[state];
}

static inline const char *vrrp_reason_name(enum vrrp_reason reason)
{
	static const char *const names[VRRP_REASON_N] = {
		[VRRP_REASON_NONE] = "none",
		[VRRP_REASON_STARTUP] = "startup",
		[VRRP_REASON_OWNER] = "owner",
		[VRRP_REASON_LEASE_VALID] = "lease_valid",
		[VRRP_REASON_ACTIVE_DOWN_TIMER] = "active_down_timer",
		[VRRP_REASON_PEER_RESIGNED] = "peer_resigned",
		[VRRP_REASON_HIGHER_PRIORITY] = "higher_priority",
		[VRRP_REASON_HANDED_OVER] = "handed_over",
		[VRRP_REASON_LEASE_LOST] = "lease_lost",
		[VRRP_REASON_FAULT] = "fault",
		[VRRP_REASON_SHUTDOWN] = "shutdown",
	};

	return names[reason];
}

/** Writes the virtual router MAC of an IPv4 virtual router (RFC 9568 7.3). */
static inline void vrrp_mac_ipv4(uint8_t vrid, uint8_t mac[static VRRP_MAC_LEN])
{
	static const uint8_t base[VRRP_MAC_LEN] = {0x00, 0x00, 0x5e, 0x00, 0x01, 0x00};

	for (size_t i = 0; i < VRRP_MAC_LEN; i++)
		mac[i] = base[i];
	mac[VRRP_MAC_LEN - 1] = vrid;
}

#endif
