// SPDX-License-Identifier: GPL-2.0-or-later
#include "cksum.h"

#include <assert.h>

uint32_t cksum_add(uint32_t sum, const void *data, size_t len_bytes)
{
	const uint8_t *b = data;

	for (; len_bytes >= 2; len_bytes -= 2, b += 2)
		sum += (uint32_t)b[0] << 8 | b[1];
	if (len_bytes)
		sum += (uint32_t)b[0] << 8;
	return sum;
}

uint32_t cksum_add_pseudo(uint32_t sum, const struct addr *src, const struct addr *dst,
			  uint8_t protocol, uint32_t len_bytes)
{
	assert(src->family == dst->family);
	sum = cksum_add(sum, src->bytes, addr_len_bytes(src));
	sum = cksum_add(sum, dst->bytes, addr_len_bytes(dst));
	/* 16 or 32 bits of length, zero padding, protocol: the sum is the same for both families.
	 */
	return sum + (len_bytes >> 16) + (len_bytes & 0xffff) + protocol;
}

uint16_t cksum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}
