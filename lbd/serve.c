// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What connects the parts of lbd: verdicts become tables, roles become ownership of the stream, and
 * what vrrpd and the peer want to know is said to them. Everything here is called from the event
 * loop; the parts themselves do not know each other.
 */
#include "lbd.h"

#include "checker_list.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* vrrpd may be restarting inside its lease: until then its last word holds. */
	VRRPD_GONE_MS = 3000,
};

static void warn_of_conflicts(struct lbd *lbd, const struct plan *wanted)
{
	if (wanted->conflicts > 0 && wanted->conflicts != lbd->conflicts)
		log_msg(lbd->log, LOG_LEVEL_WARN,
			"services: %zu ports are claimed by two services, the first in order has "
			"them remedy=\"hactl check\"",
			wanted->conflicts);
	lbd->conflicts = wanted->conflicts;
}

int lbd_apply(struct lbd *lbd)
{
	bool *up = calloc(plan_servers(lbd->conf) + 1, sizeof(*up));
	struct nft_tx_error error = {0};
	struct plan wanted;

	/* Until it is done: nobody may believe that the kernel holds what is wanted. */
	lbd->apply_pending = true;
	if (!up)
		return -ENOMEM;
	for (size_t i = 0; i < servers_n(lbd->servers); i++) {
		uint16_t number = servers_number(lbd->servers, i);

		up[number] = servers_usable(lbd->servers, number);
	}
	plan_init(&wanted);
	int rc = plan_build(&wanted, lbd->conf, up)
			 ? dataplane_apply(lbd->dataplane, &wanted, &error)
			 : -ENOMEM;

	if (rc)
		log_limited(lbd->log, &lbd->apply_limit, LOG_LEVEL_ERR,
			    "nftables: change refused, old tables serve op=\"%s\" error=\"%s\"",
			    error.text, strerror(-rc));
	else
		warn_of_conflicts(lbd, &wanted);
	lbd->apply_pending = rc != 0;
	plan_fini(&wanted);
	free(up);
	return rc;
}

void lbd_seed_servers(struct lbd *lbd)
{
	bool *out = calloc(plan_servers(lbd->conf) + 1, sizeof(*out));

	if (!out)
		return; /* then they are unknown, as at a first start */
	plan_left_out(dataplane_applied(lbd->dataplane), lbd->conf, out);
	for (size_t i = 0; i < lbd->conf->n_pools; i++) {
		const struct conf_pool *pool = &lbd->conf->pools[i];

		/* What nobody checks could never come back. */
		if (pool->check.type == CONF_CHECK_NONE || checker_port(lbd->conf, i) == 0)
			continue;
		for (size_t k = 0; k < pool->n_servers; k++) {
			if (!out[pool->servers[k].number])
				continue;
			servers_seed_down(lbd->servers, pool->servers[k].number,
					  "from before the restart");
			log_msg(lbd->log, LOG_LEVEL_INFO,
				"server %s/%s: down reason=\"from before the restart\"", pool->name,
				pool->servers[k].name);
		}
	}
	free(out);
}

int lbd_check_servers(struct lbd *lbd)
{
	enum health_verdict *known = calloc(plan_servers(lbd->conf) + 1, sizeof(*known));

	if (!known)
		return -ENOMEM;
	for (size_t i = 0; i < servers_n(lbd->servers); i++) {
		uint16_t number = servers_number(lbd->servers, i);

		known[number] = servers_state(lbd->servers, number)->own.verdict;
	}
	int rc = checker_watch(lbd->checker, lbd->conf, known);

	free(known);
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

static void log_flush(struct lbd *lbd, uint16_t number, enum servers_flush due)
{
	const struct conf_pool *pool;
	const struct conf_server *server = find_server(lbd->conf, number, &pool);
	const char *why = "";

	switch (due) {
	case SERVERS_FLUSH_PEER_UP:
		why = "the peer reaches it";
		break;
	case SERVERS_FLUSH_NONE_ALIVE:
		why = "no server answers this node";
		break;
	case SERVERS_FLUSH_NONE:
	case SERVERS_FLUSH_NOW:
	case SERVERS_FLUSH_WAIT:
		return;
	}
	log_msg(lbd->log, LOG_LEVEL_WARN,
		"server %s/%s: taken out, its connections stay reason=\"%s\"", pool->name,
		server->name, why);
}

/**
 * Deletes the connections of dead servers, once the tables no longer send anybody to them. That is
 * for the Active node, which tells the other one, and for a node without another one.
 */
static void settle_flushes(struct lbd *lbd)
{
	if (!servers_owe_flush(lbd->servers) || lbd->apply_pending ||
	    servers_follows_peer(lbd->servers) || !(lbd->owner || !conf_peer(lbd->conf)))
		return;
	for (size_t i = 0; i < servers_n(lbd->servers); i++) {
		uint16_t number = servers_number(lbd->servers, i);
		enum servers_flush due = servers_flush_due(lbd->servers, number, lbd->peer_near);

		if (servers_flush_is_news(lbd->servers, number, due))
			log_flush(lbd, number, due);
		if (due != SERVERS_FLUSH_NOW)
			continue;
		int rc = sync_server_died(lbd->sync, number);

		if (rc)
			log_limited(lbd->log, &lbd->flush_limit, LOG_LEVEL_ERR,
				    "server %u: connections not deleted, trying again error=\"%s\"",
				    number, strerror(-rc));
		else
			servers_flushed(lbd->servers, number);
	}
}

/** The word that counts has changed: tables first, then the connections of a dead server. */
static void server_changed(struct lbd *lbd, uint16_t number)
{
	const struct server_opinion *o = servers_opinion(lbd->servers, number);
	const struct conf_pool *pool;
	const struct conf_server *server = find_server(lbd->conf, number, &pool);

	assert(server);
	log_msg(lbd->log, o->verdict == HEALTH_DOWN ? LOG_LEVEL_WARN : LOG_LEVEL_NOTICE,
		"server %s/%s: %s reason=\"%s\" word=%s", pool->name, server->name,
		health_verdict_name(o->verdict), o->reason,
		servers_follows_peer(lbd->servers) ? "peer" : "own");
	lbd_apply(lbd);
	settle_flushes(lbd);
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
	for (size_t i = 0; i < servers_n(lbd->servers); i++)
		send_verdict(lbd, servers_number(lbd->servers, i));
}

/**
 * Numbers mean the same servers on both nodes only while both have the same configuration. Each
 * time that comes true the opinions of before are void, and both nodes say theirs again.
 */
static void note_peer(struct lbd *lbd, bool near)
{
	if (near == lbd->peer_near)
		return;
	lbd->peer_near = near;
	if (!near)
		return;
	if (servers_forget_peer(lbd->servers, mono_now()))
		lbd->apply_pending = true;
	send_all_verdicts(lbd);
}

void lbd_on_report(void *arg, const struct checker_report *report)
{
	struct lbd *lbd = arg;

	if (!servers_state(lbd->servers, report->number))
		return;
	bool changed = servers_set_own(lbd->servers, report->number, report->verdict,
				       report->reason, mono_now());

	if (report->tried)
		servers_count(lbd->servers, report->number, report->failed, mono_now());
	if (!lbd->sync)
		return;
	if (report->changed)
		send_verdict(lbd, report->number);
	if (changed)
		server_changed(lbd, report->number);
	else
		settle_flushes(lbd);
}

static void on_peer_verdict(void *arg, const struct sync_verdict *verdict)
{
	struct lbd *lbd = arg;

	if (!lbd->peer_near || !servers_state(lbd->servers, verdict->server))
		return;
	if (servers_set_peer(lbd->servers, verdict->server, from_wire(verdict->state),
			     verdict->reason, mono_now()))
		server_changed(lbd, verdict->server);
	else
		settle_flushes(lbd);
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
	note_peer(lbd, s->config_equal);
	bool owner = owns(lbd, s);

	if (owner != lbd->owner) {
		lbd->owner = owner;
		sync_set_owner(lbd->sync, owner);
	}
	if (servers_follow_peer(lbd->servers, !owner && lbd->peer_near && s->peer.owner))
		lbd->apply_pending = true;
	if (lbd->apply_pending)
		lbd_apply(lbd);
	settle_flushes(lbd);
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

/** Before the frames that follow it: whose verdicts they are has to be settled at once. */
static void refresh_peer(struct lbd *lbd)
{
	struct sync_status *s = calloc(1, sizeof(*s));

	if (!s)
		return; /* the next tick does it */
	sync_get_status(lbd->sync, s);
	note_peer(lbd, s->config_equal);
	free(s);
}

static void on_peer(void *arg, bool connected, const struct sync_word *word)
{
	struct lbd *lbd = arg;

	(void)connected;
	(void)word;
	if (!lbd->sync || !lbd->watch)
		return;
	refresh_peer(lbd);
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
	servers_inherit(servers, lbd->servers);
	servers_free(lbd->servers);
	lbd->servers = servers;
	conf_free(lbd->conf);
	lbd->conf = conf;
	rc = lbd_check_servers(lbd);
	if (rc)
		log_msg(lbd->log, LOG_LEVEL_ERR,
			"reload: servers are checked as before error=\"%s\"", strerror(-rc));
	lbd_apply(lbd);
	refresh_peer(lbd);
	tick_soon(lbd);
	log_msg(lbd->log, LOG_LEVEL_NOTICE, "reload: done services=%zu pools=%zu", conf->n_services,
		conf->n_pools);
}
