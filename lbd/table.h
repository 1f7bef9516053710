/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which server a client gets: the hash table of one pool as a pure function of the configured
 * servers and the living ones, without history, so that two gateways agree without talking.
 * The base table spreads all configured servers by the permutation filling of Maglev (Eisenbud et
 * al., NSDI 2016, section 3.4); each bucket whose server is dead goes to the living server with the
 * best weighted rendezvous score. No client of a living server ever moves when another one dies.
 * Callers: plan.c, and whoever wants to know a client's server without asking the kernel.
 */
#ifndef HA_TABLE_H
#define HA_TABLE_H

#include "addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One server as the table sees it. */
struct table_server {
	struct addr address; /**< identity: a renamed or moved line keeps its clients */
	uint16_t number;     /**< what the buckets hold, 1.. */
	uint16_t weight;     /**< share relative to the others, 1.. */
	bool backup;         /**< serves only while no other server is up */
	bool up;
};

/**
 * Fills bucket[0..m) with server numbers; 0 everywhere when nobody is up. The order of servers[]
 * has no influence. seed: as for table_bucket(). Returns false when out of memory.
 */
bool table_fill(uint16_t *bucket, uint32_t m, const struct table_server *servers, size_t n,
		uint32_t seed) __attribute__((warn_unused_result));

/** The bucket of a client, 0..m-1, as the kernel's `jhash ip saddr mod m seed seed` gives it. */
uint32_t table_bucket(const struct addr *client, uint32_t m, uint32_t seed);

#endif
