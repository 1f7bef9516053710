// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/table lib/addr */
/*
 * The hash table of a pool: balanced, without history, and never moving a living server's clients.
 */
#include "lbd/table.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
	M = 1021,
	SERVERS_MAX = 32,
	SEED = 0x5eed1234,
};

static void make_servers(struct table_server *servers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		servers[i] =
			(struct table_server){.address = addr_from_ipv4(0x0a01000bU + (uint32_t)i),
					      .number = (uint16_t)(i + 1),
					      .weight = 1,
					      .up = true};
}

static size_t held_by(const uint16_t *bucket, uint16_t number)
{
	size_t held = 0;
	for (size_t i = 0; i < M; i++)
		held += bucket[i] == number;
	return held;
}

Test(table, equal_servers_hold_equally_many_buckets)
{
	for (size_t n = 1; n <= 10; n++) {
		struct table_server servers[SERVERS_MAX];
		uint16_t bucket[M];
		make_servers(servers, n);
		cr_assert(table_fill(bucket, M, servers, n, SEED));
		cr_assert_eq(held_by(bucket, 0), 0);
		for (uint16_t i = 1; i <= n; i++) {
			size_t held = held_by(bucket, i);
			cr_assert(held * n <= M + n && (held + 1) * n >= M, "n=%zu held=%zu", n,
				  held);
			cr_assert_leq((double)held, 1.01 * M / (double)n, "n=%zu", n);
		}
	}
}

Test(table, weights_divide_the_buckets)
{
	struct table_server servers[SERVERS_MAX];
	uint16_t bucket[M];
	make_servers(servers, 3);
	servers[1].weight = 2;
	servers[2].weight = 7;
	cr_assert(table_fill(bucket, M, servers, 3, SEED));
	static const double share[] = {0.1, 0.2, 0.7};
	for (uint16_t i = 0; i < 3; i++) {
		double error = (double)held_by(bucket, (uint16_t)(i + 1)) / M - share[i];
		cr_assert(error < 0.01 && error > -0.01, "server %d off by %f", i, error);
	}
}

Test(table, the_death_of_one_moves_no_client_of_the_living)
{
	for (size_t n = 2; n <= 16; n++) {
		struct table_server servers[SERVERS_MAX];
		uint16_t before[M];
		uint16_t after[M];
		make_servers(servers, n);
		cr_assert(table_fill(before, M, servers, n, SEED));
		for (size_t dead = 0; dead < n; dead++) {
			servers[dead].up = false;
			cr_assert(table_fill(after, M, servers, n, SEED));
			servers[dead].up = true;
			for (size_t i = 0; i < M; i++) {
				bool was_dead = before[i] == servers[dead].number;
				cr_assert_eq(was_dead, before[i] != after[i], "n=%zu bucket %zu", n,
					     i);
				cr_assert_neq(after[i], 0);
			}
		}
	}
}

Test(table, the_orphans_are_shared_by_all_survivors)
{
	struct table_server servers[SERVERS_MAX];
	uint16_t bucket[M];
	make_servers(servers, 8);
	servers[3].up = false;
	cr_assert(table_fill(bucket, M, servers, 8, SEED));
	for (uint16_t i = 1; i <= 8; i++) {
		if (i != 4)
			cr_assert(held_by(bucket, i) > M / 8 && held_by(bucket, i) < M / 5);
	}
}

Test(table, heavier_survivors_take_more_orphans)
{
	struct table_server servers[SERVERS_MAX];
	uint16_t before[M];
	uint16_t after[M];
	make_servers(servers, 3);
	servers[0].weight = 8;
	servers[2].weight = 3;
	cr_assert(table_fill(before, M, servers, 3, SEED));
	servers[0].up = false;
	cr_assert(table_fill(after, M, servers, 3, SEED));
	double taken = (double)(held_by(after, 3) - held_by(before, 3));
	double all = (double)held_by(before, 1);
	cr_assert(taken / all > 0.69 && taken / all < 0.81, "%f of %f", taken, all);
}

Test(table, neither_the_order_of_servers_nor_of_verdicts_matters)
{
	struct table_server servers[SERVERS_MAX];
	struct table_server reversed[SERVERS_MAX];
	uint16_t one[M];
	uint16_t two[M];
	make_servers(servers, 9);
	servers[2].up = servers[7].up = false;
	servers[4].weight = 3;
	for (size_t i = 0; i < 9; i++)
		reversed[i] = servers[8 - i];
	cr_assert(table_fill(one, M, servers, 9, SEED));
	cr_assert(table_fill(two, M, reversed, 9, SEED));
	cr_assert_eq(memcmp(one, two, sizeof(one)), 0);
}

Test(table, backups_serve_only_while_nobody_else_is_up)
{
	struct table_server servers[SERVERS_MAX];
	uint16_t bucket[M];
	make_servers(servers, 3);
	servers[2].backup = true;
	cr_assert(table_fill(bucket, M, servers, 3, SEED));
	cr_assert_eq(held_by(bucket, 3), 0);
	servers[0].up = false;
	cr_assert(table_fill(bucket, M, servers, 3, SEED));
	cr_assert_eq(held_by(bucket, 2), M);
	servers[1].up = false;
	cr_assert(table_fill(bucket, M, servers, 3, SEED));
	cr_assert_eq(held_by(bucket, 3), M);
	servers[2].up = false;
	cr_assert(table_fill(bucket, M, servers, 3, SEED));
	cr_assert_eq(held_by(bucket, 0), M);
}

Test(table, any_number_of_buckets_works)
{
	static const uint32_t sizes[] = {1, 2, 3, 61, 64, 251, 1000, M};
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct table_server servers[SERVERS_MAX];
		uint16_t bucket[M];
		make_servers(servers, 5);
		servers[1].up = false;
		cr_assert(table_fill(bucket, sizes[s], servers, 5, SEED));
		for (uint32_t i = 0; i < sizes[s]; i++)
			cr_assert(bucket[i] != 0 && bucket[i] != 2, "m=%u", sizes[s]);
	}
}

/* From the kernel's own `jhash ip saddr mod 65536 seed ...`, which is the hash's upper half. */
Test(table, the_hash_is_the_kernels)
{
	static const struct {
		const char *client;
		uint32_t seed;
		uint32_t bucket;
	} vectors[] = {
		{"10.0.0.1", 0x5eed1234, 0x2c16},
		{"127.0.0.1", 0x5eed1234, 0x5e25},
		{"172.16.200.9", 0x5eed1234, 0x5c24},
		{"192.0.2.77", 0x5eed1234, 0x2a1a},
		{"203.0.113.255", 0x5eed1234, 0x7078},
		{"10.0.0.1", 1, 0x5760},
		{"127.0.0.1", 1, 0xb382},
		{"172.16.200.9", 1, 0x94bd},
		{"192.0.2.77", 1, 0x65c3},
		{"203.0.113.255", 1, 0x5d2e},
	};
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct addr client;
		cr_assert(addr_parse(vectors[i].client, &client));
		cr_assert_eq(table_bucket(&client, 65536, vectors[i].seed), vectors[i].bucket,
			     "%s gives %u", vectors[i].client,
			     table_bucket(&client, 65536, vectors[i].seed));
	}
}

Test(table, a_bucket_is_always_inside_the_table)
{
	for (uint32_t i = 0; i < 20000; i++) {
		struct addr client = addr_from_ipv4(i * 2654435761U);
		cr_assert_lt(table_bucket(&client, M, SEED), M);
	}
}
