/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Internet addresses, prefixes and port ranges as plain values: parse, print, compare, hash.
 * Bytes are in network order as on the wire; families are our own small numbers, so that this core
 * needs no system socket header.
 */
#ifndef HA_ADDR_H
#define HA_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum addr_family {
	ADDR_NONE = 0,
	ADDR_IPV4 = 4,
	ADDR_IPV6 = 6,
};

enum {
	ADDR_STR_MAX = 48,   /**< longest text with its NUL, IPv6 */
	PREFIX_STR_MAX = 52, /**< the same with "/128" */
};

/** An address; bytes beyond the family's length are zero, so memcmp-equal means equal. */
struct addr {
	uint8_t family; /**< enum addr_family */
	uint8_t bytes[16];
};

/** An address with its prefix length in bits; host bits are kept ("192.0.2.10/24"). */
struct prefix {
	struct addr addr;
	uint8_t len_bits;
};

/** Inclusive, first <= last, host order, 1..65535. */
struct port_range {
	uint16_t first;
	uint16_t last;
};

/** Parses "192.0.2.1" or "2001:db8::1"; returns false and leaves *out alone when text is neither.
 */
bool addr_parse(const char *text, struct addr *out);
/** Writes the canonical text; cap_bytes >= ADDR_STR_MAX always suffices. Returns buf. */
const char *addr_print(const struct addr *a, char *buf, size_t cap_bytes);
/** Length of the address in bytes: 4, 16, or 0 for ADDR_NONE. */
size_t addr_len_bytes(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);
/** <0, 0, >0: family first, then unsigned bytes in network order (RFC 9568 6.4.3 tie-break). */
int addr_compare(const struct addr *a, const struct addr *b);
/** An IPv4 address from a host-order number, and back (0 for other families). */
struct addr addr_from_ipv4(uint32_t host_order);
uint32_t addr_to_ipv4(const struct addr *a);
/** An address of the given family from network-order bytes (4 or 16 of them). */
struct addr addr_from_bytes(enum addr_family family, const uint8_t *bytes);

/** Parses "10.0.0.1/24"; without a length the prefix is the host (/32, /128). */
bool prefix_parse(const char *text, struct prefix *out);
const char *prefix_print(const struct prefix *p, char *buf, size_t cap_bytes);
/** True when a lies inside p's network. */
bool prefix_contains(const struct prefix *p, const struct addr *a);
/** p with its host bits cleared. */
struct prefix prefix_network(const struct prefix *p);

/** Parses "135" or "6005-65535"; false for 0, reversed or trailing text. */
bool port_range_parse(const char *text, struct port_range *out);
const char *port_range_print(const struct port_range *r, char *buf, size_t cap_bytes);
bool port_range_overlaps(const struct port_range *a, const struct port_range *b);

/**
 * Bob Jenkins' lookup3 over whole 32-bit words as the Linux kernel's jhash() computes it for keys
 * loaded into nftables registers: key in memory order, len_bytes a multiple of 4.
 */
uint32_t addr_jhash(const void *key, size_t len_bytes, uint32_t seed);

#endif
