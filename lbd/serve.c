// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What connects the parts of lbd: verdicts become tables, roles become ownership of the stream, and
 * what vrrpd and the peer want to know is said to them. Everything here is called from the event
 * loop; the parts themselves do not know each other.
 */
#include "lbd.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* vrrpd may be restarting inside its lease: until then its last word holds. */
	VRRPD_GONE_MS = 3000,
};

int lbd_apply(struct lbd *lbd)
{
	bool *up = calloc(plan_servers(lbd->conf) + 1, sizeof(*up));
	struct nft_tx_error error = {0};
	struct plan wanted;

	if (!up)
		return -ENOMEM;
	for (size_t n = 1; n <= plan_servers(lbd->conf); n++)
		up[n] = servers_usable(lbd->servers, (uint16_t)n);
	plan_init(&wanted);
	int rc = plan_build(&wanted, lbd->conf, up)
			 ? dataplane_apply(lbd->dataplane, &wanted, &error)
			 : -ENOMEM;

	if (rc)
		log_limited(lbd->log, &lbd->apply_limit, LOG_LEVEL_ERR,
			    "nftables: change refused, old tables serve op=\"%s\" error=\"%s\"",
			    error.text, strerror(-rc));
	lbd->apply_pending = rc != 0;
	plan_fini(&wanted);
	free(up);
	return rc;
}

static enum sync_verdict_state to_wire(enum health_verdict verdict)
{
	switch (verdict) {
	case HEALTH_UP:
		return SYNC_SERVER_UP;
	case HEALTH_DOWN:
		return SYNC_SERVER_DOWN;
	case HEALTH_UNKNOWN:
	case HEALTH_N:
		break;
	}
	return SYNC_SERVER_UNKNOWN;
}

static enum health_verdict from_wire(enum sync_verdict_state state)
{
	switch (state) {
	case SYNC_SERVER_UP:
		return HEALTH_UP;
	case SYNC_SERVER_DOWN:
		return HEALTH_DOWN;
	case SYNC_SERVER_UNKNOWN:
	case SYNC_SERVER_N:
		break;
	}
	return HEALTH_UNKNOWN;
}

static const struct conf_server *find_server(const struct conf *conf, uint16_t number,
					     const struct conf_pool **pool)
{
	for (size_t i = 0; i < conf->n_pools; i++) {
		*pool = &conf->pools[i];
		for (size_t k = 0; k < (*pool)->n_servers; k++)
			if ((*pool)->servers[k].number == number)
				return &(*pool)->servers[k];
	}
	*pool = NULL;
	return NULL;
}

/** The word that counts has changed: tables first, then the connections of a dead server. */
static void server_changed(struct lbd *lbd, uint16_t number)
{
	const struct server_opinion *o = servers_opinion(lbd->servers, number);
	const struct conf_pool *pool;
	const struct conf_server *server = find_server(lbd->conf, number, &pool);
	bool down = o->verdict == HEALTH_DOWN;

	assert(server);
	log_msg(lbd->log, down ? LOG_LEVEL_WARN : LOG_LEVEL_NOTICE,
		"server %s/%s: %s reason=\"%s\" word=%s", pool->name, server->name,
		health_verdict_name(o->verdict), o->reason,
		servers_follows_peer(lbd->servers) ? "peer" : "own");
	int rc = lbd_apply(lbd);

	/* The node whose word counts tells the other one to forget the connections too. */
	if (rc == 0 && down && !servers_follows_peer(lbd->servers))
		rc = sync_server_died(lbd->sync, number);
	if (rc)
		log_limited(lbd->log, &lbd->apply_limit, LOG_LEVEL_ERR,
			    "server %s/%s: connections not deleted error=\"%s\"", pool->name,
			    server->name, strerror(-rc));
}

static void send_verdict(struct lbd *lbd, uint16_t number)
{
	const struct server_state *st = servers_state(lbd->servers, number);
	struct sync_verdict verdict = {.server = number, .state = to_wire(st->own.verdict)};

	strlcpy(verdict.reason, st->own.reason, sizeof(verdict.reason));
	sync_send_verdict(lbd->sync, &verdict);
}

static void send_all_verdicts(struct lbd *lbd)
{
	for (size_t n = 1; n <= plan_servers(lbd->conf); n++)
		send_verdict(lbd, (uint16_t)n);
}

void lbd_on_report(void *arg, const struct checker_report *report)
{
	struct lbd *lbd = arg;

	if (!servers_state(lbd->servers, report->number))
		return;
	servers_count(lbd->servers, report->number, report->failed);
	bool changed = servers_set_own(lbd->servers, report->number, report->verdict,
				       report->reason, mono_now());

	if (!lbd->sync)
		return;
	if (report->changed)
		send_verdict(lbd, report->number);
	if (changed)
		server_changed(lbd, report->number);
}

static void on_peer_verdict(void *arg, const struct sync_verdict *verdict)
{
	struct lbd *lbd = arg;

	if (servers_state(lbd->servers, verdict->server) &&
	    servers_set_peer(lbd->servers, verdict->server, from_wire(verdict->state),
			     verdict->reason, mono_now()))
		server_changed(lbd, verdict->server);
}

static uint8_t state_to_wire(const char *name)
{
	static const char *const names[] = {"Initialize", "Backup", "Active"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return (uint8_t)i;
	return 0;
}

/** Our vrrpd's word for the peer. */
static void tell_peer(struct lbd *lbd)
{
	struct sync_vrrp *vrrp = calloc(1, sizeof(*vrrp));
	size_t n;
	const struct vrrp_role *roles = vrrp_watch_roles(lbd->watch, &n);

	if (!vrrp)
		return;
	vrrp->reachable = vrrp_watch_is_connected(lbd->watch);
	vrrp->n_groups = n < SYNC_GROUPS_MAX ? n : SYNC_GROUPS_MAX;
	for (size_t i = 0; i < vrrp->n_groups; i++) {
		struct sync_group *g = &vrrp->group[i];

		strlcpy(g->name, roles[i].group, sizeof(g->name));
		g->state = state_to_wire(roles[i].state);
		g->priority = roles[i].priority;
		g->epoch = roles[i].epoch;
	}
	sync_set_state(lbd->sync, vrrp);
	free(vrrp);
}

/** The sync's and the peer's word for our vrrpd. */
static void tell_vrrpd(struct lbd *lbd, const struct sync_status *s)
{
	static const char *const states[] = {"Initialize", "Backup", "Active"};
	json_t *groups = json_array();

	for (size_t i = 0; i < s->peer.n_groups; i++) {
		const struct sync_group *g = &s->peer.group[i];

		json_array_append_new(groups,
				      json_pack("{s:s, s:s, s:I, s:i}", "group", g->name, "state",
						states[g->state], "epoch", (json_int_t)g->epoch,
						"priority", (int)g->priority));
	}
	vrrp_watch_say(
		lbd->watch,
		json_pack("{s:s, s:I, s:I, s:{s:b, s:s, s:o}}", "sync", sync_level_name(s->level),
			  "entries_left", (json_int_t)s->entries_left, "eta_ms",
			  mono_is_never(s->eta) ? (json_int_t)-1 : (json_int_t)mono_to_ms(s->eta),
			  "peer", "connected", (int)s->connected, "node", s->node, "groups",
			  groups));
}

/**
 * Are we the ones whose connections count? vrrpd says so; while it is out of reach its last word
 * holds for a moment, unless the peer has taken over meanwhile.
 */
static bool owns(const struct lbd *lbd, const struct sync_status *s)
{
	if (!vrrp_watch_any_active(lbd->watch))
		return false;
	if (vrrp_watch_is_connected(lbd->watch))
		return true;
	return !(s->connected && s->peer.owner) &&
	       mono_before(vrrp_watch_gone_for(lbd->watch, mono_now()),
			   mono_from_ms(VRRPD_GONE_MS));
}

void lbd_tick(struct lbd *lbd)
{
	struct sync_status *s = calloc(1, sizeof(*s));

	if (!s)
		return;
	sync_get_status(lbd->sync, s);
	bool owner = owns(lbd, s);

	if (owner != lbd->owner) {
		lbd->owner = owner;
		sync_set_owner(lbd->sync, owner);
	}
	if (servers_follow_peer(lbd->servers, !owner && s->connected && s->peer.owner))
		lbd->apply_pending = true;
	if (lbd->apply_pending)
		lbd_apply(lbd);
	tell_peer(lbd);
	sync_get_status(lbd->sync, s);
	tell_vrrpd(lbd, s);
	free(s);
}

void lbd_on_roles(void *arg)
{
	struct lbd *lbd = arg;

	if (lbd->sync)
		lbd_tick(lbd);
}

/** From inside the sync's own calls: not at once, the event loop comes back to it. */
static void tick_soon(struct lbd *lbd)
{
	if (lbd->soon)
		event_active(lbd->soon, EV_TIMEOUT, 0);
}

static void on_peer(void *arg, bool connected, const struct sync_word *word)
{
	struct lbd *lbd = arg;

	(void)word;
	if (!lbd->sync || !lbd->watch)
		return;
	if (connected && !lbd->peer_connected)
		send_all_verdicts(lbd);
	lbd->peer_connected = connected;
	tick_soon(lbd);
}

static void on_level(void *arg, enum sync_level level)
{
	struct lbd *lbd = arg;

	(void)level;
	tick_soon(lbd);
}

const struct sync_callbacks *lbd_sync_callbacks(void)
{
	static const struct sync_callbacks callbacks = {
		.verdict = on_peer_verdict,
		.peer = on_peer,
		.level = on_level,
	};

	return &callbacks;
}

/** What the children of a reload start from: nobody's verdict is forgotten. */
static enum health_verdict *known_verdicts(const struct servers *servers, const struct conf *conf)
{
	size_t n = plan_servers(conf);
	enum health_verdict *known = calloc(n + 1, sizeof(*known));

	for (size_t i = 1; known && i <= n; i++)
		known[i] = servers_state(servers, (uint16_t)i)->own.verdict;
	return known;
}

void lbd_reload(struct lbd *lbd)
{
	char error[PAIR_ERROR_MAX];
	struct conf *conf = daemon_conf_reload(&lbd->options, lbd->log);

	if (!conf)
		return;
	struct servers *servers = servers_new(conf, mono_now());
	int rc = servers ? sync_reload(lbd->sync, conf, error) : -ENOMEM;

	if (rc) {
		log_msg(lbd->log, LOG_LEVEL_ERR, "reload: refused error=\"%s\"",
			servers ? error : strerror(-rc));
		servers_free(servers);
		conf_free(conf);
		return;
	}
	servers_inherit(servers, conf, lbd->servers, lbd->conf);
	enum health_verdict *known = known_verdicts(servers, conf);

	servers_free(lbd->servers);
	lbd->servers = servers;
	rc = known ? checker_reload(lbd->checker, conf, known) : -ENOMEM;
	if (rc)
		log_msg(lbd->log, LOG_LEVEL_ERR, "reload: checker error=\"%s\"", strerror(-rc));
	free(known);
	conf_free(lbd->conf);
	lbd->conf = conf;
	lbd_apply(lbd);
	send_all_verdicts(lbd);
	log_msg(lbd->log, LOG_LEVEL_NOTICE, "reload: done services=%zu pools=%zu", conf->n_services,
		conf->n_pools);
}
