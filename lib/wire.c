// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire.h"

#include <assert.h>
#include <string.h>

void wire_reader_init(struct wire_reader *r, const void *data, size_t len_bytes)
{
	*r = (struct wire_reader){.data = data, .len_bytes = len_bytes};
}

const uint8_t *wire_get_view(struct wire_reader *r, size_t len_bytes)
{
	if (r->short_read || len_bytes > r->len_bytes - r->at) {
		r->short_read = true;
		return NULL;
	}
	const uint8_t *view = r->data + r->at;

	r->at += len_bytes;
	return view;
}

static uint64_t get_be(struct wire_reader *r, size_t len_bytes)
{
	const uint8_t *b = wire_get_view(r, len_bytes);
	uint64_t v = 0;

	for (size_t i = 0; b && i < len_bytes; i++)
		v = v << 8 | b[i];
	return v;
}

static uint64_t get_le(struct wire_reader *r, size_t len_bytes)
{
	const uint8_t *b = wire_get_view(r, len_bytes);
	uint64_t v = 0;

	for (size_t i = len_bytes; b && i > 0; i--)
		v = v << 8 | b[i - 1];
	return v;
}

uint8_t wire_get_u8(struct wire_reader *r)
{
	return (uint8_t)get_be(r, 1);
}

uint16_t wire_get_u16(struct wire_reader *r)
{
	return (uint16_t)get_be(r, 2);
}

uint32_t wire_get_u32(struct wire_reader *r)
{
	return (uint32_t)get_be(r, 4);
}

uint64_t wire_get_u64(struct wire_reader *r)
{
	return get_be(r, 8);
}

uint16_t wire_get_u16_le(struct wire_reader *r)
{
	return (uint16_t)get_le(r, 2);
}

uint32_t wire_get_u32_le(struct wire_reader *r)
{
	return (uint32_t)get_le(r, 4);
}

void wire_get_bytes(struct wire_reader *r, void *dst, size_t len_bytes)
{
	const uint8_t *b = wire_get_view(r, len_bytes);

	if (b)
		memcpy(dst, b, len_bytes);
	else
		memset(dst, 0, len_bytes);
}

void wire_skip(struct wire_reader *r, size_t len_bytes)
{
	(void)wire_get_view(r, len_bytes);
}

size_t wire_left_bytes(const struct wire_reader *r)
{
	return r->short_read ? 0 : r->len_bytes - r->at;
}

bool wire_reader_ok(const struct wire_reader *r)
{
	return !r->short_read;
}

void wire_writer_init(struct wire_writer *w, void *data, size_t cap_bytes)
{
	*w = (struct wire_writer){.data = data, .cap_bytes = cap_bytes};
}

static uint8_t *reserve(struct wire_writer *w, size_t len_bytes)
{
	if (w->overflow || len_bytes > w->cap_bytes - w->at) {
		w->overflow = true;
		return NULL;
	}
	uint8_t *at = w->data + w->at;

	w->at += len_bytes;
	return at;
}

static void store_be(uint8_t *b, size_t len_bytes, uint64_t v)
{
	for (size_t i = len_bytes; i > 0; i--, v >>= 8)
		b[i - 1] = (uint8_t)v;
}

static void store_le(uint8_t *b, size_t len_bytes, uint64_t v)
{
	for (size_t i = 0; i < len_bytes; i++, v >>= 8)
		b[i] = (uint8_t)v;
}

static void put_be(struct wire_writer *w, size_t len_bytes, uint64_t v)
{
	uint8_t *b = reserve(w, len_bytes);

	if (b)
		store_be(b, len_bytes, v);
}

static void put_le(struct wire_writer *w, size_t len_bytes, uint64_t v)
{
	uint8_t *b = reserve(w, len_bytes);

	if (b)
		store_le(b, len_bytes, v);
}

void wire_put_u8(struct wire_writer *w, uint8_t v)
{
	put_be(w, 1, v);
}

void wire_put_u16(struct wire_writer *w, uint16_t v)
{
	put_be(w, 2, v);
}

void wire_put_u32(struct wire_writer *w, uint32_t v)
{
	put_be(w, 4, v);
}

void wire_put_u64(struct wire_writer *w, uint64_t v)
{
	put_be(w, 8, v);
}

void wire_put_u16_le(struct wire_writer *w, uint16_t v)
{
	put_le(w, 2, v);
}

void wire_put_u32_le(struct wire_writer *w, uint32_t v)
{
	put_le(w, 4, v);
}

void wire_put_bytes(struct wire_writer *w, const void *src, size_t len_bytes)
{
	uint8_t *b = reserve(w, len_bytes);

	if (b && len_bytes)
		memcpy(b, src, len_bytes);
}

void wire_put_zero(struct wire_writer *w, size_t len_bytes)
{
	uint8_t *b = reserve(w, len_bytes);

	if (b && len_bytes)
		memset(b, 0, len_bytes);
}

void wire_patch_u16(struct wire_writer *w, size_t at, uint16_t v)
{
	if (w->overflow)
		return;
	assert(at + 2 <= w->at);
	store_be(w->data + at, 2, v);
}

void wire_patch_u16_le(struct wire_writer *w, size_t at, uint16_t v)
{
	if (w->overflow)
		return;
	assert(at + 2 <= w->at);
	store_le(w->data + at, 2, v);
}

bool wire_writer_ok(const struct wire_writer *w)
{
	return !w->overflow;
}
