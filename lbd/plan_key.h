/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing the fields of element keys and data the way nf_tables keeps them in registers: every
 * field padded to 4 bytes; addresses and ports in network order, marks and buckets as host words.
 * Callers: the files of the plan.
 */
#ifndef HA_PLAN_KEY_H
#define HA_PLAN_KEY_H

#include "addr.h"

#include <stdint.h>
#include <string.h>

static inline void plan_key_u32(uint8_t *to, uint32_t value)
{
	memcpy(to, &value, sizeof(value));
}

static inline uint32_t plan_key_get_u32(const uint8_t *from)
{
	uint32_t value;
	memcpy(&value, from, sizeof(value));
	return value;
}

/** 4 bytes of an IPv4 address. */
static inline void plan_key_addr(uint8_t *to, const struct addr *a)
{
	memcpy(to, a->bytes, 4);
}

/** 12 bytes: IPv4 address . protocol . port. */
static inline void plan_key_endpoint(uint8_t *to, const struct addr *a, uint8_t proto,
				     uint16_t port)
{
	memset(to, 0, 12);
	plan_key_addr(to, a);
	to[4] = proto;
	to[8] = (uint8_t)(port >> 8);
	to[9] = (uint8_t)(port & 0xff);
}

#endif
