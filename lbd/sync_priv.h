/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sync.c (kernel side, interface) and sync_peer.c (pair link side) share; nobody else. */
#ifndef HA_SYNC_PRIV_H
#define HA_SYNC_PRIV_H

#include "lbd/pair.h"
#include "lbd/sync.h"

struct sync {
	struct event_base *base;
	struct log *log;
	struct sync_callbacks callbacks;
	void *arg;
	struct ct *ct;
	struct pair *pair;    /* NULL without a second node */
	struct event *tick;   /* deadline of the state machine */
	struct event *second; /* STATE to the peer, survey */
	struct sync_fsm fsm;
	enum sync_level level; /* last one told */

	uint64_t seed;     /* of fingerprints */
	uint64_t instance; /* of this start */
	struct conf_pair settings;
	struct conf_node nodes[CONF_NODES_MAX];
	size_t self;
	bool configured;
	uint64_t config_hash;

	struct sync_vrrp vrrp;
	struct sync_word peer;
	int64_t entries;  /* ours in this kernel: last survey and what was seen since */
	uint64_t created; /* ct counter at the last look */
	mono next_survey;
	mono diverging; /* instant since which the nodes' counts differ; never */
	bool dump_paused;
	uint64_t sent;
	uint64_t received;
	uint64_t destroyed;

	sync_barrier_fn *barrier;
	void *barrier_arg;
	mono barrier_began;
};

/* Steps the machine and carries its actions out. */
void sync_step(struct sync *sync, const struct sync_event *event);
/* Our entries in this kernel, as far as known. */
uint64_t sync_entries(struct sync *sync);
/* Each second: compares the two nodes' counts. */
void sync_watch_counts(struct sync *sync);
/* Remembers what is needed of a configuration. */
void sync_take_conf(struct sync *sync, const struct conf *conf);
/* Sends STATE. */
void sync_send_word(struct sync *sync);
/* Deletes a server's connections in this kernel. 0 or -errno. */
int sync_flush_server(struct sync *sync, uint16_t server) __attribute__((warn_unused_result));
/* Prepares the pair link of conf, for pair_start(); *out is NULL without a second node. */
int sync_peer_open(struct sync *sync, const struct conf *conf, struct pair **out,
		   char error[static PAIR_ERROR_MAX]) __attribute__((warn_unused_result));

#endif
