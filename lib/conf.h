/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration as one immutable value. conf_load() reads a file through libinih and the table
 * of schema.h into a struct conf, reporting every mistake with file and line, all at once; nobody
 * writes to a loaded conf. Both nodes load the same file; `self` says which node we are.
 * Format and meaning of every key: hapair.conf(5).
 */
#ifndef HA_CONF_H
#define HA_CONF_H

#include "addr.h"
#include "mono.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	CONF_NAME_MAX = 32,   /**< node, group, vip, pool, service, server names with NUL */
	CONF_PATH_MAX = 256,  /**< file names with NUL */
	CONF_IFNAME_MAX = 16, /**< Linux interface names with NUL (IFNAMSIZ) */
	CONF_NODES_MAX = 2,
	CONF_VIPS_MAX = 64,
	CONF_ADDRESSES_MAX = 20, /**< addresses of one VIP */
	CONF_PORTS_MAX = 32,     /**< protocol/port entries of one service */
	CONF_TRACK_MAX = 8,      /**< tracked interfaces of one group */
	CONF_WEIGHT_MAX = 256,
	CONF_SERVERS_MAX = 65534 /**< over all pools: the mark has 16 bits for the server number */
};

/** [pair] */
struct conf_pair {
	mono advert_interval;         /**< Advertisement_Interval, 10 ms .. 40.95 s, whole cs */
	bool preempt;                 /**< Preempt_Mode */
	bool virtual_mac;             /**< key virtual_mac: macvlan with 00:00:5e:00:01:VRID */
	char key_file[CONF_PATH_MAX]; /**< pre-shared key of the pair link */
	int key_file_line;            /**< 0: it has its default */
	uint16_t pair_port;           /**< TCP port of the pair link */
	mono sync_wait;               /**< longest wait for the bulk before a preemption */
	uint32_t hash_seed;           /**< seed of the kernel's jhash; equal on both nodes */
};

/** [node NAME] */
struct conf_node {
	char name[CONF_NAME_MAX];
	struct addr pair_address; /**< this node's end of the pair link */
	uint8_t priority;         /**< VRRP Priority 1..255 */
	int line;                 /**< of the header, here and below */
	int pair_address_line;    /**< the header's where there is no such key */
};

/** [group NAME], or the one implicit group "default" */
struct conf_group {
	char name[CONF_NAME_MAX];
	bool preempt;                                /**< default: pair.preempt */
	uint8_t priority[CONF_NODES_MAX];            /**< per node; default: node priority */
	char track[CONF_TRACK_MAX][CONF_IFNAME_MAX]; /**< interfaces besides the VIPs' own */
	size_t n_track;
	int line;
	int track_line[CONF_TRACK_MAX];
};

/** [vip NAME] */
struct conf_vip {
	char name[CONF_NAME_MAX];
	char interface[CONF_IFNAME_MAX];           /**< parent link */
	uint8_t vrid;                              /**< Virtual Router Identifier 1..255 */
	struct prefix address[CONF_ADDRESSES_MAX]; /**< in file order; families may mix */
	size_t n_addresses;
	size_t group; /**< index into conf.groups */
	int line;
	int interface_line;
	int address_line[CONF_ADDRESSES_MAX];
};

/** One line of a pool's `server` list. */
struct conf_server {
	char name[CONF_NAME_MAX];
	struct addr address;
	uint16_t weight; /**< 1..256, default 1 */
	bool backup;     /**< serves only when no other server of the pool is up */
	/**
	 * 1..CONF_SERVERS_MAX, unique over all pools: the low half of the mark. A hash of pool name
	 * and address, so that a server keeps it whatever else is added, removed or moved; where
	 * two hashes collide the later in order of pool and address takes the next free number.
	 */
	uint16_t number;
	int line;
};

enum conf_check_type {
	CONF_CHECK_TCP, /**< connect to the port */
	CONF_CHECK_NONE,
	CONF_CHECK_N,
};

/** How the servers of a pool are judged. */
struct conf_check {
	enum conf_check_type type;
	uint16_t port; /**< 0 only when the pool needs none: check is `none`, or no service uses it
			*/
	mono interval; /**< default 5 s */
	mono timeout;  /**< default 3 s */
	unsigned rise; /**< successes until up, default 2 */
	unsigned fall; /**< failures until down, default 2 */
};

/** [pool NAME] */
struct conf_pool {
	char name[CONF_NAME_MAX];
	struct conf_server *servers; /**< owned by the conf */
	size_t n_servers;
	struct conf_check check;
	uint32_t buckets; /**< M, size of the hash table, default 1021 */
	uint16_t number;  /**< 1..: the low half of the mark while choosing */
	int line;
};

enum conf_proto {
	CONF_PROTO_TCP = 6,
	CONF_PROTO_UDP = 17,
};

struct conf_port {
	enum conf_proto proto;
	struct port_range range;
};

/** [service NAME] */
struct conf_service {
	char name[CONF_NAME_MAX];
	size_t vip;                  /**< index into conf.vips */
	size_t pool;                 /**< index into conf.pools */
	char profile[CONF_NAME_MAX]; /**< "" when ports are given by hand */
	struct conf_port port[CONF_PORTS_MAX];
	size_t n_ports;
	int line;
};

struct conf {
	char path[CONF_PATH_MAX];
	struct conf_pair pair;
	struct conf_node nodes[CONF_NODES_MAX];
	size_t n_nodes;
	size_t self; /**< index of this node; n_nodes when the caller did not ask to be found */
	struct conf_group *groups;
	size_t n_groups;
	struct conf_vip *vips;
	size_t n_vips;
	struct conf_pool *pools;
	size_t n_pools;
	struct conf_service *services;
	size_t n_services;
	uint64_t hash; /**< of the canonical print: equal on nodes with equal configuration */
};

/** One finding; list ends with next == NULL. */
struct conf_error {
	struct conf_error *next;
	int line;       /**< 1..; 0 when it concerns the whole file */
	bool warning;   /**< true: does not stop the load */
	char text[256]; /**< without file and line; ends with the remedy where there is one */
};

enum conf_self {
	CONF_SELF_REQUIRED, /**< node not found is an error (daemons) */
	CONF_SELF_WANTED,   /**< a warning, and conf.self == n_nodes (a file for other machines) */
	CONF_SELF_OPTIONAL, /**< conf.self == n_nodes then (drill) */
};

/**
 * Loads path. node: name of this node, or NULL for the host name (up to its first dot).
 * Returns a conf to be freed by conf_free(), or NULL when there was any error that is not a
 * warning. *errors receives the findings in line order (may be non-NULL on success: warnings),
 * to be freed by conf_errors_free().
 */
struct conf *conf_load(const char *path, const char *node, enum conf_self self,
		       struct conf_error **errors) __attribute__((warn_unused_result));
/** The same from memory; path is only for messages and conf.path. */
struct conf *conf_parse(const char *path, const char *text, size_t len_bytes, const char *node,
			enum conf_self self, struct conf_error **errors)
	__attribute__((warn_unused_result));
void conf_free(struct conf *conf);
void conf_errors_free(struct conf_error *errors);
/** Writes "path:line: error: text" lines. Returns the number of errors that are not warnings. */
size_t conf_errors_print(FILE *out, const char *path, const struct conf_error *errors);
/** Prints conf canonically, defaults included; the output loads back to an equal conf. */
void conf_print(FILE *out, const struct conf *conf);

/** This node and the other one; peer is NULL in a configuration of one node. */
const struct conf_node *conf_self(const struct conf *conf);
const struct conf_node *conf_peer(const struct conf *conf);
/** "tcp" / "udp". */
const char *conf_proto_name(enum conf_proto proto);

#endif
