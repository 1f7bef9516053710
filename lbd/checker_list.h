/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the checking process is told: a list of servers to probe, cut into packets of bounded size.
 * Built by checker.c from the configuration, read by checker_child.c. Both ends are one program
 * image, so the records are plain structs; they carry a version and are checked all the same.
 */
#ifndef HA_CHECKER_LIST_H
#define HA_CHECKER_LIST_H

#include "conf.h"
#include "health.h"
#include "log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CHECKER_LIST_VERSION = 1,
	CHECKER_PACKET_SUBJECTS = 32,
};

/** One server to probe. */
struct checker_subject {
	uint16_t number; /**< conf_server.number */
	uint16_t port;   /**< TCP */
	struct addr address;
	struct health_conf health;
	mono timeout;                /**< of one probe */
	enum health_verdict verdict; /**< to start from */
};

/** Ascending by number; owned. */
struct checker_list {
	struct checker_subject *subject;
	size_t n;
};

/** One packet: part of a list. */
struct checker_packet {
	uint32_t version;
	uint32_t count; /**< subjects in this packet */
	bool first;     /**< a new list begins; what came of an unfinished one is void */
	bool last;      /**< the list is complete and replaces the one in force */
	struct checker_subject subject[CHECKER_PACKET_SUBJECTS];
};

/**
 * The list for conf; verdicts[number] is what each server starts from, NULL: all unknown. Pools
 * without a check, or without a TCP port to check (logged), are left out. Returns 0 or -ENOMEM.
 */
int checker_list_build(struct checker_list *list, const struct conf *conf,
		       const enum health_verdict *verdicts, struct log *log)
	__attribute__((warn_unused_result));
void checker_list_fini(struct checker_list *list);
/** NULL when the list has no such server. */
struct checker_subject *checker_list_find(const struct checker_list *list, uint16_t number);
/** Equal but for the verdict: such a server need not start anew. */
bool checker_subject_equal(const struct checker_subject *a, const struct checker_subject *b);
/**
 * The longest that the checker may stay silent while it works: some server of the list is probed
 * and its outcome reported within that time. Never for an empty list.
 */
mono checker_list_patience(const struct checker_list *list);

/** Fills a packet with what follows the first `sent` subjects. */
void checker_packet_fill(struct checker_packet *packet, const struct checker_list *list,
			 size_t sent);
/** Bytes of a packet that count. */
size_t checker_packet_bytes(const struct checker_packet *packet);
/** Whether len_bytes received are a packet as checker_packet_fill() makes them. */
bool checker_packet_is_valid(const struct checker_packet *packet, size_t len_bytes);

/**
 * The TCP port on which the servers of a pool are probed: check.port, or the first TCP port of the
 * first service on the pool; 0 when there is none.
 */
uint16_t checker_port(const struct conf *conf, size_t pool);

#endif
