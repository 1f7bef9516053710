// SPDX-License-Identifier: GPL-2.0-or-later
#include "servers.h"

#include <stdlib.h>
#include <string.h>

enum { WITNESSED_MIN = 2 };

/* A server of the configuration, by itself: the configuration may be gone at a reload. */
struct entry {
	uint16_t number;
	struct addr address;
	char pool[CONF_NAME_MAX];
	struct server_state state;
};

struct servers {
	bool follow_peer;
	mono last_success; /* of any server that is up by our own checker; zero: none yet */
	size_t n_owed;     /* entries with flush_owed */
	size_t n;
	struct entry entry[]; /* ascending by number */
};

static int compare_numbers(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

struct servers *servers_new(const struct conf *conf, mono now)
{
	size_t n = 0;

	for (size_t i = 0; i < conf->n_pools; i++)
		n += conf->pools[i].n_servers;
	struct servers *s = calloc(1, sizeof(*s) + n * sizeof(s->entry[0]));

	if (!s)
		return NULL;
	for (size_t i = 0; i < conf->n_pools; i++) {
		const struct conf_pool *pool = &conf->pools[i];

		for (size_t k = 0; k < pool->n_servers; k++) {
			struct entry *e = &s->entry[s->n++];

			e->number = pool->servers[k].number;
			e->address = pool->servers[k].address;
			strlcpy(e->pool, pool->name, sizeof(e->pool));
			e->state.own.since = now;
			e->state.peer.since = now;
		}
	}
	if (n > 0)
		qsort(s->entry, n, sizeof(s->entry[0]), compare_numbers);
	return s;
}

void servers_free(struct servers *s)
{
	free(s);
}

static const struct entry *find(const struct servers *s, uint16_t number)
{
	const struct entry key = {.number = number};

	return s->n == 0 ? NULL
			 : bsearch(&key, s->entry, s->n, sizeof(s->entry[0]), compare_numbers);
}

static struct server_state *at(struct servers *s, uint16_t number)
{
	const struct entry *e = find(s, number);

	return e ? &s->entry[e - s->entry].state : NULL;
}

static bool is_same(const struct entry *a, const struct entry *b)
{
	return strcmp(a->pool, b->pool) == 0 && addr_equal(&a->address, &b->address);
}

/** The number is nearly always the same too; only after a collision it may have moved. */
static const struct entry *find_same(const struct servers *s, const struct entry *wanted)
{
	const struct entry *e = find(s, wanted->number);

	if (e && is_same(e, wanted))
		return e;
	for (size_t i = 0; e && i < s->n; i++)
		if (is_same(&s->entry[i], wanted))
			return &s->entry[i];
	return NULL;
}

void servers_inherit(struct servers *s, const struct servers *old)
{
	s->follow_peer = old->follow_peer;
	s->last_success = old->last_success;
	s->n_owed = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct entry *known = find_same(old, &s->entry[i]);

		if (known)
			s->entry[i].state = known->state;
		s->n_owed += s->entry[i].state.flush_owed;
	}
}

void servers_seed_down(struct servers *s, uint16_t number, const char *reason)
{
	struct server_state *st = at(s, number);

	if (!st)
		return;
	st->own.verdict = HEALTH_DOWN;
	strlcpy(st->own.reason, reason, sizeof(st->own.reason));
}

static const struct server_opinion *counts(const struct servers *s, const struct server_state *st)
{
	bool peer = s->follow_peer && st->peer.verdict != HEALTH_UNKNOWN;

	return peer ? &st->peer : &st->own;
}

static void owe(struct servers *s, struct server_state *st, bool owed)
{
	if (st->flush_owed != owed)
		s->n_owed = owed ? s->n_owed + 1 : s->n_owed - 1;
	st->flush_owed = owed;
	st->told = SERVERS_FLUSH_NONE;
}

/** After a change: the word that counts was `before`. Returns whether it is another now. */
static bool note_edge(struct servers *s, struct server_state *st, enum health_verdict before)
{
	enum health_verdict after = counts(s, st)->verdict;

	if (after == before)
		return false;
	owe(s, st, after == HEALTH_DOWN);
	return true;
}

static void take(struct server_opinion *o, enum health_verdict verdict, const char *reason,
		 mono now)
{
	if (o->verdict != verdict)
		o->since = now;
	o->verdict = verdict;
	strlcpy(o->reason, reason ? reason : "", sizeof(o->reason));
}

bool servers_set_own(struct servers *s, uint16_t number, enum health_verdict verdict,
		     const char *reason, mono now)
{
	struct server_state *st = at(s, number);

	if (!st)
		return false;
	enum health_verdict before = counts(s, st)->verdict;

	if (st->own.verdict != verdict)
		st->witnessed = 0;
	take(&st->own, verdict, reason, now);
	return note_edge(s, st, before);
}

bool servers_set_peer(struct servers *s, uint16_t number, enum health_verdict verdict,
		      const char *reason, mono now)
{
	struct server_state *st = at(s, number);

	if (!st)
		return false;
	enum health_verdict before = counts(s, st)->verdict;

	take(&st->peer, verdict, reason, now);
	return note_edge(s, st, before);
}

bool servers_forget_peer(struct servers *s, mono now)
{
	bool changed = false;

	for (size_t i = 0; i < s->n; i++) {
		struct server_state *st = &s->entry[i].state;
		enum health_verdict before = counts(s, st)->verdict;

		take(&st->peer, HEALTH_UNKNOWN, "", now);
		changed |= note_edge(s, st, before);
	}
	return changed;
}

bool servers_follow_peer(struct servers *s, bool follow)
{
	bool changed = false;

	if (s->follow_peer == follow)
		return false;
	for (size_t i = 0; i < s->n; i++) {
		struct server_state *st = &s->entry[i].state;

		s->follow_peer = !follow;
		enum health_verdict before = counts(s, st)->verdict;

		s->follow_peer = follow;
		changed |= note_edge(s, st, before);
	}
	s->follow_peer = follow;
	return changed;
}

bool servers_follows_peer(const struct servers *s)
{
	return s->follow_peer;
}

void servers_count(struct servers *s, uint16_t number, bool failed, mono now)
{
	struct server_state *st = at(s, number);

	if (!st)
		return;
	st->checks++;
	st->failures += failed;
	if (!failed && st->own.verdict == HEALTH_UP)
		s->last_success = now;
	if (failed && st->own.verdict == HEALTH_DOWN && mono_before(st->own.since, s->last_success))
		st->witnessed++;
}

size_t servers_n(const struct servers *s)
{
	return s->n;
}

uint16_t servers_number(const struct servers *s, size_t i)
{
	return s->entry[i].number;
}

const struct server_state *servers_state(const struct servers *s, uint16_t number)
{
	const struct entry *e = find(s, number);

	return e ? &e->state : NULL;
}

const struct server_opinion *servers_opinion(const struct servers *s, uint16_t number)
{
	const struct server_state *st = servers_state(s, number);

	return st ? counts(s, st) : NULL;
}

bool servers_usable(const struct servers *s, uint16_t number)
{
	const struct server_opinion *o = servers_opinion(s, number);

	return o && o->verdict != HEALTH_DOWN;
}

/* --- connections of dead servers ---------------------------------------------------------------
 */

bool servers_owe_flush(const struct servers *s)
{
	return s->n_owed > 0;
}

static bool none_alive(const struct servers *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->entry[i].state.own.verdict == HEALTH_UP)
			return false;
	return true;
}

/*
 * One node's view can be wrong: its link to the servers may be dead, not the servers. The peer's
 * opinion settles it. Without the peer this server has to fail again after another one has
 * answered: then our side of the network works. Twice, for an attempt may have begun before it did.
 */
enum servers_flush servers_flush_due(const struct servers *s, uint16_t number, bool peer_near)
{
	const struct server_state *st = servers_state(s, number);

	if (!st || !st->flush_owed)
		return SERVERS_FLUSH_NONE;
	if (peer_near && st->peer.verdict == HEALTH_UP)
		return SERVERS_FLUSH_PEER_UP;
	if (peer_near && st->peer.verdict == HEALTH_DOWN)
		return SERVERS_FLUSH_NOW;
	if (st->witnessed >= WITNESSED_MIN)
		return SERVERS_FLUSH_NOW;
	return none_alive(s) ? SERVERS_FLUSH_NONE_ALIVE : SERVERS_FLUSH_WAIT;
}

void servers_flushed(struct servers *s, uint16_t number)
{
	struct server_state *st = at(s, number);

	if (st)
		owe(s, st, false);
}

bool servers_flush_is_news(struct servers *s, uint16_t number, enum servers_flush due)
{
	struct server_state *st = at(s, number);

	if (!st || st->told == due)
		return false;
	st->told = due;
	return true;
}
