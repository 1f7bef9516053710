// SPDX-License-Identifier: GPL-2.0-or-later
#include "msg.h"

#include "wire.h"

#include <string.h>

/* Layout: magic u16, length u16, kind u8, 3 zero, session u32, number u32, then the pattern. */
enum {
	MAGIC = 0xd211,
	PATTERN_MIN_BYTES = 24,
	PATTERN_STEPS = 300,
};

static uint32_t mix(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352dU;
	x ^= x >> 15;
	x *= 0x846ca68bU;
	return x ^ x >> 16;
}

static uint32_t seed_of(const struct msg *m)
{
	return mix(m->session * 0x9e3779b9U ^ mix(m->number ^ (uint32_t)m->kind << 28));
}

size_t msg_encode(const struct msg *m, uint8_t buf[static MSG_MAX_BYTES])
{
	struct wire_writer w;
	uint32_t seed = seed_of(m);
	size_t length = MSG_HEADER_BYTES + PATTERN_MIN_BYTES + seed % PATTERN_STEPS;

	wire_writer_init(&w, buf, MSG_MAX_BYTES);
	wire_put_u16(&w, MAGIC);
	wire_put_u16(&w, (uint16_t)length);
	wire_put_u8(&w, (uint8_t)m->kind);
	wire_put_zero(&w, 3);
	wire_put_u32(&w, m->session);
	wire_put_u32(&w, m->number);
	for (uint32_t i = 0; w.at < length; i++)
		wire_put_u8(&w, (uint8_t)(mix(seed + i / 4) >> 8 * (i % 4)));
	return length;
}

size_t msg_length(const uint8_t *data, size_t len_bytes)
{
	struct wire_reader r;

	wire_reader_init(&r, data, len_bytes);
	uint16_t magic = wire_get_u16(&r);
	uint16_t length = wire_get_u16(&r);

	if (len_bytes < MSG_HEADER_BYTES)
		return 0;
	if (magic != MAGIC || length < MSG_HEADER_BYTES || length > MSG_MAX_BYTES)
		return MSG_MAX_BYTES + 1;
	return length;
}

uint32_t msg_session(const uint8_t *data)
{
	struct wire_reader r;

	wire_reader_init(&r, data + 8, 4);
	return wire_get_u32(&r);
}

enum judge_break msg_check(const uint8_t *data, size_t len_bytes, const struct msg *expected)
{
	uint8_t whole[MSG_MAX_BYTES];
	struct wire_reader r;
	size_t length = msg_encode(expected, whole);

	if (length == len_bytes && memcmp(whole, data, length) == 0)
		return JUDGE_WHOLE;
	wire_reader_init(&r, data, len_bytes);
	wire_skip(&r, 4);
	uint8_t kind = wire_get_u8(&r);

	wire_skip(&r, 3);
	uint32_t session = wire_get_u32(&r);
	uint32_t number = wire_get_u32(&r);

	if (!wire_reader_ok(&r) || kind != expected->kind || session != expected->session ||
	    number == expected->number)
		return JUDGE_ALTERED;
	return number > expected->number ? JUDGE_LOST : JUDGE_REPEATED;
}
