/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The drill's eyes inside: it subscribes to both vrrpds and asks both lbds for their status again
 * and again, over their control sockets as any client does. Role and sync changes go to the
 * timeline with the time they were heard.
 */
#ifndef HA_WATCH_H
#define HA_WATCH_H

#include "home.h"
#include "judge.h"
#include "timeline.h"

struct event_base;
struct watch;

enum {
	WATCH_ROLES_MAX = 64,
};

/** What is known of one node. */
struct watch_node {
	bool vrrpd;          /**< its vrrpd answers */
	bool active;         /**< the watched group is Active there */
	bool backup;         /**< the watched group is Backup there */
	mono active_since;   /**< when that was heard; zero: not since the watch began */
	bool lbd;            /**< its lbd answers */
	bool peer_connected; /**< pair link */
	bool config_equal;
	bool synced;           /**< lbd says "synced" */
	mono synced_since;     /**< when that was first heard of this lbd; zero: never */
	long long connections; /**< of ours in its kernel, as lbd counts them; -1 unknown */
	unsigned servers;      /**< of all pools */
	unsigned servers_up;
};

/** group: name of the failover group to watch; all pointers borrowed. NULL when out of memory. */
struct watch *watch_new(struct event_base *base, const struct home *home, const struct conf *conf,
			const char *group, struct timeline *timeline);
void watch_free(struct watch *w);
/** Begins to dial a node's daemons; they need not be there yet. */
void watch_start(struct watch *w, size_t node);
/** Forgets a node: its daemons are gone, nothing heard of them counts any longer. */
void watch_stop(struct watch *w, size_t node);
/** Who became Active, in order; *n receives how many, at most WATCH_ROLES_MAX. */
const struct judge_role *watch_roles(const struct watch *w, size_t *n);
const struct watch_node *watch_node(const struct watch *w, size_t node);

#endif
