/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Internet checksum (RFC 1071), whole and in pieces, with the pseudo-headers of IPv4
 * (RFC 9293 3.1) and IPv6 (RFC 8200 8.1). Used by the codecs of vrrpd and the frames of the drill.
 */
#ifndef HA_CKSUM_H
#define HA_CKSUM_H

#include "addr.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Adds len_bytes of data to a running sum (start with 0). Only the last piece may have an odd
 * length. The sum cannot overflow below 64 KiB of data.
 */
uint32_t cksum_add(uint32_t sum, const void *data, size_t len_bytes);
/** Adds the pseudo-header of an upper-layer packet; both addresses of one family. */
uint32_t cksum_add_pseudo(uint32_t sum, const struct addr *src, const struct addr *dst,
			  uint8_t protocol, uint32_t len_bytes);
/**
 * The checksum of a sum in host order, ready for wire_put_u16. Over data whose checksum field is
 * filled in correctly the result is 0.
 */
uint16_t cksum_fold(uint32_t sum);

#endif
