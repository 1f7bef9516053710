/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bounded reader and writer over bytes. Every access is checked against the buffer; the first one
 * that does not fit sets a sticky error, later reads give zero and later writes do nothing, so a
 * codec checks once at the end. Network byte order unless the name ends in _le (DCE/RPC).
 */
#ifndef HA_WIRE_H
#define HA_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_reader {
	const uint8_t *data; /**< borrowed */
	size_t len_bytes;
	size_t at; /**< offset of the next byte, never beyond len_bytes */
	bool short_read;
};

struct wire_writer {
	uint8_t *data; /**< borrowed */
	size_t cap_bytes;
	size_t at;
	bool overflow;
};

void wire_reader_init(struct wire_reader *r, const void *data, size_t len_bytes);
uint8_t wire_get_u8(struct wire_reader *r);
uint16_t wire_get_u16(struct wire_reader *r);
uint32_t wire_get_u32(struct wire_reader *r);
uint64_t wire_get_u64(struct wire_reader *r);
uint16_t wire_get_u16_le(struct wire_reader *r);
uint32_t wire_get_u32_le(struct wire_reader *r);
/** Copies len_bytes to dst; on a short read dst is zeroed. */
void wire_get_bytes(struct wire_reader *r, void *dst, size_t len_bytes);
/** Pointer to len_bytes inside the buffer, or NULL on a short read. */
const uint8_t *wire_get_view(struct wire_reader *r, size_t len_bytes);
void wire_skip(struct wire_reader *r, size_t len_bytes);
size_t wire_left_bytes(const struct wire_reader *r);
bool wire_reader_ok(const struct wire_reader *r);

void wire_writer_init(struct wire_writer *w, void *data, size_t cap_bytes);
void wire_put_u8(struct wire_writer *w, uint8_t v);
void wire_put_u16(struct wire_writer *w, uint16_t v);
void wire_put_u32(struct wire_writer *w, uint32_t v);
void wire_put_u64(struct wire_writer *w, uint64_t v);
void wire_put_u16_le(struct wire_writer *w, uint16_t v);
void wire_put_u32_le(struct wire_writer *w, uint32_t v);
void wire_put_bytes(struct wire_writer *w, const void *src, size_t len_bytes);
void wire_put_zero(struct wire_writer *w, size_t len_bytes);
/** Overwrites two bytes written before (lengths, checksums); at + 2 must lie below w->at. */
void wire_patch_u16(struct wire_writer *w, size_t at, uint16_t v);
void wire_patch_u16_le(struct wire_writer *w, size_t at, uint16_t v);
bool wire_writer_ok(const struct wire_writer *w);

#endif
