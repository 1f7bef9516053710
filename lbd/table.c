// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The hash table of a pool. All arithmetic is on integers: two machines must never round
 * differently.
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

/* A server while its pool's table is filled. */
struct seat {
	uint64_t identity;
	const struct table_server *server;
	uint32_t next; /* position in its permutation of the buckets */
	uint32_t skip; /* step of the permutation, no common divisor with m */
	uint32_t credit;
};

/* The finalizer of splitmix64: every input bit reaches every output bit. */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9U;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebU;
	x ^= x >> 31;
	return x;
}

static uint64_t identity_of(const struct addr *a, uint32_t seed)
{
	uint64_t h = mix(((uint64_t)seed << 8 | a->family) + 0x9e3779b97f4a7c15U);
	for (size_t i = 0; i < sizeof(a->bytes); i += sizeof(uint32_t)) {
		uint64_t word = (uint64_t)a->bytes[i] << 24 | (uint64_t)a->bytes[i + 1] << 16 |
				(uint64_t)a->bytes[i + 2] << 8 | a->bytes[i + 3];
		h = mix(h ^ word);
	}
	return h;
}

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
	while (b != 0) {
		uint32_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

static int compare_seats(const void *a, const void *b)
{
	const struct seat *x = a;
	const struct seat *y = b;
	if (x->identity != y->identity)
		return x->identity < y->identity ? -1 : 1;
	return (x->server->number > y->server->number) - (x->server->number < y->server->number);
}

/* Seats of the configured servers of one kind (backup or not). Returns how many. */
static size_t take_seats(struct seat *seats, const struct table_server *servers, size_t n,
			 bool backup, uint32_t seed)
{
	size_t taken = 0;
	for (size_t i = 0; i < n; i++) {
		if (servers[i].backup != backup)
			continue;
		seats[taken++] = (struct seat){.identity = identity_of(&servers[i].address, seed),
					       .server = &servers[i]};
	}
	qsort(seats, taken, sizeof(*seats), compare_seats);
	return taken;
}

static void start_permutation(struct seat *seat, uint32_t m)
{
	seat->next = (uint32_t)(mix(seat->identity) % m);
	seat->skip = m > 1 ? (uint32_t)(mix(seat->identity + 1) % (m - 1)) + 1 : 1;
	while (greatest_common_divisor(seat->skip, m) != 1)
		seat->skip = seat->skip % m + 1;
}

/* Gives the seat its most preferred bucket that is still free (holds 0). */
static void take_bucket(struct seat *seat, uint16_t *bucket, uint32_t m)
{
	while (bucket[seat->next] != 0)
		seat->next = (uint32_t)(((uint64_t)seat->next + seat->skip) % m);
	bucket[seat->next] = seat->server->number;
}

static uint32_t weight_of(const struct seat *seat)
{
	return seat->server->weight > 0 ? seat->server->weight : 1;
}

/*
 * In each round every server earns its weight and pays the greatest weight for a turn: the heaviest
 * moves in every round, the others skip turns evenly.
 */
static void fill_base(struct seat *seats, size_t n, uint16_t *bucket, uint32_t m)
{
	uint32_t price = 1;
	for (size_t i = 0; i < n; i++) {
		start_permutation(&seats[i], m);
		if (weight_of(&seats[i]) > price)
			price = weight_of(&seats[i]);
	}
	uint32_t filled = 0;
	while (filled < m) {
		for (size_t i = 0; i < n && filled < m; i++) {
			seats[i].credit += weight_of(&seats[i]);
			if (seats[i].credit < price)
				continue;
			seats[i].credit -= price;
			take_bucket(&seats[i], bucket, m);
			filled++;
		}
	}
}

/*
 * -log2(x / 2^32) in units of 2^-24, for x >= 1. The fraction of the logarithm comes bit by bit:
 * squaring the mantissa doubles the logarithm, and passing 2 is a one.
 */
static uint64_t minus_log2(uint32_t x)
{
	enum { FRACTION_BITS = 24 };
	uint32_t leading = (uint32_t)__builtin_clz(x);
	uint64_t mantissa = (uint64_t)x << leading; /* [2^31, 2^32) stands for [1, 2) */
	uint64_t fraction = 0;
	for (int i = 0; i < FRACTION_BITS; i++) {
		mantissa = (mantissa * mantissa) >> 31;
		fraction <<= 1;
		if (mantissa >> 32 != 0) {
			mantissa >>= 1;
			fraction |= 1;
		}
	}
	return ((uint64_t)(leading + 1) << FRACTION_BITS) - fraction;
}

/*
 * Weighted rendezvous: the greatest weight / -log(h) wins; -log(h) of a uniform h is exponentially
 * distributed, so that a server wins in proportion to its weight. Compared by cross-multiplication.
 */
static uint16_t rendezvous(const struct seat *seats, size_t n, uint32_t at)
{
	uint16_t best = 0;
	uint64_t best_weight = 0;
	uint64_t best_cost = 1;
	for (size_t i = 0; i < n; i++) {
		if (!seats[i].server->up)
			continue;
		uint32_t h = (uint32_t)(mix(seats[i].identity ^ mix((uint64_t)at + 1)) >> 32) | 1U;
		uint64_t cost = minus_log2(h) + 1;
		if (best == 0 || weight_of(&seats[i]) * best_cost > best_weight * cost) {
			best = seats[i].server->number;
			best_weight = weight_of(&seats[i]);
			best_cost = cost;
		}
	}
	return best;
}

static bool any_up(const struct seat *seats, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (seats[i].server->up)
			return true;
	}
	return false;
}

static bool number_is_up(const struct seat *seats, size_t n, uint16_t number)
{
	for (size_t i = 0; i < n; i++) {
		if (seats[i].server->number == number)
			return seats[i].server->up;
	}
	return false;
}

bool table_fill(uint16_t *bucket, uint32_t m, const struct table_server *servers, size_t n,
		uint32_t seed)
{
	memset(bucket, 0, m * sizeof(*bucket));
	if (n == 0)
		return true;
	struct seat *seats = calloc(n, sizeof(*seats));
	if (seats == NULL)
		return false;
	size_t taken = take_seats(seats, servers, n, false, seed);
	if (!any_up(seats, taken))
		taken = take_seats(seats, servers, n, true, seed);
	if (any_up(seats, taken)) {
		fill_base(seats, taken, bucket, m);
		for (uint32_t at = 0; at < m; at++) {
			if (!number_is_up(seats, taken, bucket[at]))
				bucket[at] = rendezvous(seats, taken, at);
		}
	}
	free(seats);
	return true;
}

uint32_t table_bucket(const struct addr *client, uint32_t m, uint32_t seed)
{
	uint32_t hash = addr_jhash(client->bytes, addr_len_bytes(client), seed);
	return (uint32_t)(((uint64_t)hash * m) >> 32);
}
