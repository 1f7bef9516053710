/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel should hold: the contents of every set of table inet hapair_lb as a pure function
 * of the configuration and of the living servers, and the difference between two such contents.
 * The rules themselves never change; dataplane.c keeps them and carries differences out.
 *
 * Connections are tagged in the conntrack mark: 0x5a00pppp with the pool number while a server is
 * being chosen, then 0x5bffbbbb with flags and the server number.
 */
#ifndef HA_PLAN_H
#define HA_PLAN_H

#include "conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PLAN_KEY_MAX_BYTES = 12,
	PLAN_DATA_MAX_BYTES = 4,
};

#define PLAN_MARK_POOL   0x5a000000U /**< | pool number */
#define PLAN_MARK_SERVER 0x5b000000U /**< | flags << 16 | server number */

/** The sets and maps of the table. */
enum plan_set {
	PLAN_SVC4,   /**< VIP . protocol . port -> pool mark */
	PLAN_RANGE4, /**< VIP . protocol . port range -> pool mark */
	PLAN_TBL4,   /**< pool mark . bucket -> server mark */
	PLAN_BE4,    /**< server mark -> server address */
	PLAN_BACK4,  /**< server address . tcp . port range -> VIP */
	PLAN_VIP4,   /**< VIPs that have services */
	PLAN_SET_N,
};

/** Form of a set: what of struct plan_elem counts. */
struct plan_shape {
	const char *name; /**< in the kernel */
	const char *what; /**< in messages */
	uint8_t key_len_bytes;
	uint8_t data_len_bytes; /**< 0: a set, not a map */
	bool interval;          /**< elements have key_end */
};

/** One element in the kernel's form: fields padded to 4 bytes, marks and buckets in host order. */
struct plan_elem {
	uint8_t key[PLAN_KEY_MAX_BYTES];
	uint8_t key_end[PLAN_KEY_MAX_BYTES]; /**< equal to key where the set has no intervals */
	uint8_t data[PLAN_DATA_MAX_BYTES];
};

/** Elements in ascending order of key, then key_end, byte by byte. */
struct plan_list {
	struct plan_elem *elem; /**< owned */
	size_t n;
	size_t cap;
};

/** Contents of the table. Start with plan_init(). */
struct plan {
	struct plan_list set[PLAN_SET_N];
	uint32_t seed;    /**< of the client hash */
	uint32_t buckets; /**< M: the greatest that any pool asks for; all pools share one rule */
	size_t conflicts; /**< ports that an earlier service had already claimed, left out */
};

/** What turns one plan into another: first all deletions, then all additions. */
struct plan_diff {
	struct plan_list del[PLAN_SET_N];
	struct plan_list add[PLAN_SET_N];
	bool hash_changed; /**< seed or M differ: the choosing rule must be written again */
};

const struct plan_shape *plan_shape(enum plan_set set);

void plan_init(struct plan *plan);
void plan_fini(struct plan *plan);
/**
 * Fills an initialised plan for conf. up[number] says whether a server counts as living, for
 * numbers 1..plan_servers(conf). IPv4 only. Returns false when out of memory (plan is then empty).
 */
bool plan_build(struct plan *plan, const struct conf *conf, const bool *up)
	__attribute__((warn_unused_result));
/** Highest server number in conf (not how many there are): the size of up[] is one more. */
size_t plan_servers(const struct conf *conf);
/**
 * Which servers of conf a plan knew (same number and address) and sent nobody to: out[number]
 * becomes true for them, numbers as for plan_build(). Backup servers are left alone: they are idle
 * without being dead.
 */
void plan_left_out(const struct plan *plan, const struct conf *conf, bool *out);
/** Makes *to (initialised) equal to *from. Returns false when out of memory (*to is then empty). */
bool plan_copy(struct plan *to, const struct plan *from) __attribute__((warn_unused_result));
/** Adds an element to a list without keeping its order; false when out of memory. */
bool plan_list_add(struct plan_list *list, const struct plan_elem *elem)
	__attribute__((warn_unused_result));
/** Restores the order after additions. */
void plan_list_sort(struct plan_list *list);

/** diff becomes the way from applied to wanted. Returns false when out of memory (diff is empty).
 */
bool plan_diff(struct plan_diff *diff, const struct plan *applied, const struct plan *wanted)
	__attribute__((warn_unused_result));
bool plan_diff_is_empty(const struct plan_diff *diff);
void plan_diff_fini(struct plan_diff *diff);

/** Number of the server that a client of the pool gets, 0 for none (client: IPv4). */
uint16_t plan_server_of(const struct plan *plan, uint16_t pool, const struct addr *client);
/** How many of the pool's plan->buckets buckets a server holds. */
size_t plan_buckets_of(const struct plan *plan, uint16_t pool, uint16_t server);

#endif
