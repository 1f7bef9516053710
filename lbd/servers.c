// SPDX-License-Identifier: GPL-2.0-or-later
#include "servers.h"

#include <stdlib.h>
#include <string.h>

struct servers {
	bool follow_peer;
	size_t n;
	struct server_state state[]; /**< by number - 1 */
};

struct servers *servers_new(const struct conf *conf, mono now)
{
	size_t n = 0;

	for (size_t i = 0; i < conf->n_pools; i++)
		n += conf->pools[i].n_servers;
	struct servers *s = calloc(1, sizeof(*s) + n * sizeof(s->state[0]));

	if (!s)
		return NULL;
	s->n = n;
	for (size_t i = 0; i < n; i++) {
		s->state[i].own.since = now;
		s->state[i].peer.since = now;
	}
	return s;
}

void servers_free(struct servers *s)
{
	free(s);
}

static struct server_state *at(struct servers *s, uint16_t number)
{
	return number >= 1 && number <= s->n ? &s->state[number - 1] : NULL;
}

static const struct conf_server *find_same(const struct conf *conf, const char *pool,
					   const struct conf_server *server)
{
	for (size_t i = 0; i < conf->n_pools; i++) {
		const struct conf_pool *p = &conf->pools[i];

		for (size_t k = 0; k < p->n_servers && strcmp(p->name, pool) == 0; k++)
			if (strcmp(p->servers[k].name, server->name) == 0 &&
			    addr_equal(&p->servers[k].address, &server->address))
				return &p->servers[k];
	}
	return NULL;
}

void servers_inherit(struct servers *s, const struct conf *conf, const struct servers *old,
		     const struct conf *old_conf)
{
	s->follow_peer = old->follow_peer;
	for (size_t i = 0; i < conf->n_pools; i++) {
		const struct conf_pool *p = &conf->pools[i];

		for (size_t k = 0; k < p->n_servers; k++) {
			const struct conf_server *was =
				find_same(old_conf, p->name, &p->servers[k]);
			const struct server_state *known =
				was ? servers_state(old, was->number) : NULL;
			struct server_state *now = at(s, p->servers[k].number);

			if (known && now)
				*now = *known;
		}
	}
}

static const struct server_opinion *counts(const struct servers *s, const struct server_state *st)
{
	bool peer = s->follow_peer && st->peer.verdict != HEALTH_UNKNOWN;

	return peer ? &st->peer : &st->own;
}

static bool set(const struct servers *s, const struct server_state *st, struct server_opinion *o,
		const struct server_opinion *fresh)
{
	enum health_verdict before = counts(s, st)->verdict;

	if (o->verdict == fresh->verdict)
		strlcpy(o->reason, fresh->reason, sizeof(o->reason));
	else
		*o = *fresh;
	return counts(s, st)->verdict != before;
}

static struct server_opinion opinion(enum health_verdict verdict, const char *reason, mono now)
{
	struct server_opinion o = {.verdict = verdict, .since = now};

	strlcpy(o.reason, reason ? reason : "", sizeof(o.reason));
	return o;
}

bool servers_set_own(struct servers *s, uint16_t number, enum health_verdict verdict,
		     const char *reason, mono now)
{
	struct server_state *st = at(s, number);
	struct server_opinion fresh = opinion(verdict, reason, now);

	return st && set(s, st, &st->own, &fresh);
}

bool servers_set_peer(struct servers *s, uint16_t number, enum health_verdict verdict,
		      const char *reason, mono now)
{
	struct server_state *st = at(s, number);
	struct server_opinion fresh = opinion(verdict, reason, now);

	return st && set(s, st, &st->peer, &fresh);
}

bool servers_follow_peer(struct servers *s, bool follow)
{
	bool changed = false;

	if (s->follow_peer == follow)
		return false;
	for (size_t i = 0; i < s->n; i++) {
		const struct server_state *st = &s->state[i];

		changed |=
			st->peer.verdict != HEALTH_UNKNOWN && st->peer.verdict != st->own.verdict;
	}
	s->follow_peer = follow;
	return changed;
}

bool servers_follows_peer(const struct servers *s)
{
	return s->follow_peer;
}

void servers_count(struct servers *s, uint16_t number, bool failed)
{
	struct server_state *st = at(s, number);

	if (!st)
		return;
	st->checks++;
	st->failures += failed;
}

const struct server_state *servers_state(const struct servers *s, uint16_t number)
{
	return number >= 1 && number <= s->n ? &s->state[number - 1] : NULL;
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
