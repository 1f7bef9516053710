// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The commands lbd answers (ctl.h): status, barrier, subscribe. It reads the context and the parts'
 * own status functions and decides nothing. Called by main.c.
 */
#include "lbd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BARRIER_TIMEOUT_MS = 2000, BARRIER_TIMEOUT_MAX_MS = 60000 };

static void row_daemon(const struct lbd *lbd, const struct ctl_call *call)
{
	char hash[20];

	snprintf(hash, sizeof(hash), "%016" PRIx64, lbd->conf->hash);
	ctl_row(call, CTL_ROW_DAEMON,
		json_pack("{s:s, s:s, s:s, s:i, s:I, s:s}", "daemon", "lbd", "node",
			  conf_self(lbd->conf)->name, "version", HAPAIR_VERSION, "pid",
			  (int)getpid(), "uptime_ms",
			  (json_int_t)mono_to_ms(mono_sub(mono_now(), lbd->started)), "config_hash",
			  hash));
}

static size_t usable_servers(const struct lbd *lbd, const struct conf_pool *pool)
{
	size_t n = 0;

	for (size_t i = 0; i < pool->n_servers; i++)
		n += servers_usable(lbd->servers, pool->servers[i].number);
	return n;
}

static void row_server(const struct lbd *lbd, const struct ctl_call *call,
		       const struct conf_pool *pool, const struct conf_server *server)
{
	const struct plan *applied = dataplane_applied(lbd->dataplane);
	const struct server_opinion *o = servers_opinion(lbd->servers, server->number);
	const struct server_state *st = servers_state(lbd->servers, server->number);
	char address[ADDR_STR_MAX];
	double share = 0;

	if (applied->buckets > 0)
		share = 100.0 * (double)plan_buckets_of(applied, pool->number, server->number) /
			(double)applied->buckets;
	addr_print(&server->address, address, sizeof(address));
	ctl_row(call, CTL_ROW_SERVER,
		json_pack("{s:s, s:s, s:s, s:i, s:i, s:b, s:s, s:I, s:f, s:s, s:I, s:I}", "pool",
			  pool->name, "server", server->name, "address", address, "number",
			  (int)server->number, "weight", (int)server->weight, "backup",
			  (int)server->backup, "state", health_verdict_name(o->verdict), "since_ms",
			  (json_int_t)mono_to_ms(mono_sub(mono_now(), o->since)), "share_pct",
			  share, "reason", o->reason, "checks", (json_int_t)st->checks, "failures",
			  (json_int_t)st->failures));
}

static void rows_pools(const struct lbd *lbd, const struct ctl_call *call)
{
	for (size_t i = 0; i < lbd->conf->n_pools; i++) {
		const struct conf_pool *pool = &lbd->conf->pools[i];

		ctl_row(call, CTL_ROW_POOL,
			json_pack("{s:s, s:i, s:i, s:i}", "pool", pool->name, "servers",
				  (int)pool->n_servers, "up", (int)usable_servers(lbd, pool),
				  "buckets", (int)pool->buckets));
	}
	for (size_t i = 0; i < lbd->conf->n_pools; i++) {
		const struct conf_pool *pool = &lbd->conf->pools[i];

		for (size_t k = 0; k < pool->n_servers; k++)
			row_server(lbd, call, pool, &pool->servers[k]);
	}
}

static json_t *list_addresses(const struct conf_vip *vip)
{
	json_t *list = json_array();

	for (size_t i = 0; i < vip->n_addresses; i++) {
		char text[ADDR_STR_MAX];

		addr_print(&vip->address[i].addr, text, sizeof(text));
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *list_ports(const struct conf_service *service)
{
	json_t *list = json_array();

	for (size_t i = 0; i < service->n_ports; i++) {
		const struct conf_port *port = &service->port[i];
		char range[16];
		char text[24];

		port_range_print(&port->range, range, sizeof(range));
		snprintf(text, sizeof(text), "%s/%s", conf_proto_name(port->proto), range);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static void rows_services(const struct lbd *lbd, const struct ctl_call *call)
{
	for (size_t i = 0; i < lbd->conf->n_services; i++) {
		const struct conf_service *service = &lbd->conf->services[i];
		const struct conf_vip *vip = &lbd->conf->vips[service->vip];
		const struct conf_pool *pool = &lbd->conf->pools[service->pool];

		ctl_row(call, CTL_ROW_SERVICE,
			json_pack("{s:s, s:s, s:o, s:o, s:s, s:s, s:s}", "service", service->name,
				  "vip", vip->name, "addresses", list_addresses(vip), "ports",
				  list_ports(service), "profile", service->profile, "pool",
				  pool->name, "state",
				  usable_servers(lbd, pool) > 0 ? "up" : "down"));
	}
}

static json_t *refusals(const uint64_t refused[PAIR_REFUSAL_N])
{
	json_t *o = json_object();

	for (int i = 0; i < PAIR_REFUSAL_N; i++)
		json_object_set_new(o, pair_refusal_name((enum pair_refusal)i),
				    json_integer((json_int_t)refused[i]));
	return o;
}

static json_t *list_peer_groups(const struct sync_word *word)
{
	static const char *const states[] = {"Initialize", "Backup", "Active"};
	json_t *list = json_array();

	for (size_t i = 0; i < word->n_groups; i++) {
		const struct sync_group *g = &word->group[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:i, s:I}", "group", g->name, "state",
						states[g->state], "priority", (int)g->priority,
						"epoch", (json_int_t)g->epoch));
	}
	return list;
}

/** Milliseconds for people's programs; -1 for "never". */
static json_int_t ms_or_none(mono t)
{
	return mono_is_never(t) ? -1 : (json_int_t)mono_to_ms(t);
}

static void row_peer(const struct ctl_call *call, const struct sync_status *s)
{
	char hash[20];
	char address[ADDR_STR_MAX] = "";

	snprintf(hash, sizeof(hash), "%016" PRIx64, s->peer.config_hash);
	if (s->configured)
		addr_print(&s->address, address, sizeof(address));
	json_t *body = json_pack(
		"{s:b, s:b, s:s, s:s, s:I, s:s, s:s, s:b, s:o, s:s, s:o, s:I, s:b}", "configured",
		(int)s->configured, "connected", (int)s->connected, "node", s->node, "address",
		address, "since_ms", (json_int_t)mono_to_ms(mono_sub(mono_now(), s->since)),
		"version", s->connected ? s->hello.program : "", "config_hash",
		s->connected ? hash : "", "config_equal", (int)s->config_equal, "refused",
		refusals(s->refused), "last_error", s->last_error, "groups",
		list_peer_groups(&s->peer), "connections", (json_int_t)s->peer.connections, "vrrpd",
		(int)s->peer.vrrpd);

	json_object_set_new(body, "lag_ms",
			    mono_is_never(s->lag)
				    ? json_null()
				    : json_real((double)mono_to_us(s->lag) / MONO_NS_PER_US));
	ctl_row(call, CTL_ROW_PEER, body);
}

static json_t *inject_errors(const struct ct_counters *counters)
{
	json_t *o = json_object();

	for (int i = 0; i < CT_ERRNO_MAX; i++) {
		const char *name = strerrorname_np(i);

		if (counters->errors[i] > 0 && name)
			json_object_set_new(o, name, json_integer((json_int_t)counters->errors[i]));
	}
	return o;
}

static void row_sync(const struct ctl_call *call, const struct sync_status *s)
{
	ctl_row(call, CTL_ROW_SYNC,
		json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, "
			  "s:I, s:I, s:I}",
			  "state", sync_level_name(s->level), "role", s->role, "diverged",
			  (int)s->diverged, "entries_left", (json_int_t)s->entries_left, "eta_ms",
			  ms_or_none(s->eta), "connections", (json_int_t)s->connections, "sent",
			  (json_int_t)s->sent, "received", (json_int_t)s->received, "destroyed",
			  (json_int_t)s->destroyed, "injected", (json_int_t)s->ct.injected,
			  "inject_errors", inject_errors(&s->ct), "no_room",
			  (json_int_t)s->ct.no_room, "overflows", (json_int_t)s->ct.overflows,
			  "late", (json_int_t)s->late, "unacked", (json_int_t)s->unacked_bytes,
			  "resyncs", (json_int_t)s->resyncs, "last_resync_ms",
			  (json_int_t)mono_to_ms(s->last_resync)));
}

static void cmd_status(void *arg, const struct ctl_call *call, const json_t *args)
{
	struct lbd *lbd = arg;
	struct sync_status *s = calloc(1, sizeof(*s));

	(void)args;
	if (!s) {
		ctl_end_text(call, CTL_FAILED, "out of memory");
		return;
	}
	sync_get_status(lbd->sync, s);
	row_daemon(lbd, call);
	row_peer(call, s);
	row_sync(call, s);
	rows_pools(lbd, call);
	rows_services(lbd, call);
	ctl_end(call, CTL_DONE, NULL);
	free(s);
}

static const char *barrier_remedy(enum sync_barrier_result result)
{
	switch (result) {
	case SYNC_BARRIER_OK:
		return "";
	case SYNC_BARRIER_BUSY:
		return "wait for the other failover to end";
	case SYNC_BARRIER_NO_PEER:
	case SYNC_BARRIER_LINK_LOST:
		return "start lbd on the other node and look at the pair link in hactl status";
	case SYNC_BARRIER_CONFIG:
		return "copy the configuration to the other node and reload both";
	case SYNC_BARRIER_NOT_SYNCED:
		return "wait until hactl status says that the connections are in sync";
	case SYNC_BARRIER_TIMEOUT:
		return "look at the other node's load and at the pair link";
	case SYNC_BARRIER_N:
		break;
	}
	return "";
}

static void barrier_done(void *arg, enum sync_barrier_result result, mono lag, uint64_t connections)
{
	struct ctl_call *call = arg;
	enum ctl_code code = result == SYNC_BARRIER_TIMEOUT ? CTL_TIMED_OUT : CTL_REFUSED;

	if (result == SYNC_BARRIER_OK)
		ctl_end(call, CTL_DONE,
			json_pack("{s:f, s:I}", "lag_ms", (double)mono_to_us(lag) / MONO_NS_PER_US,
				  "connections", (json_int_t)connections));
	else
		ctl_end(call, code,
			json_pack("{s:s, s:s}", "text", sync_barrier_text(result), "remedy",
				  barrier_remedy(result)));
	free(call);
}

static void cmd_barrier(void *arg, const struct ctl_call *call, const json_t *args)
{
	struct lbd *lbd = arg;
	const json_t *timeout = json_object_get(args, "timeout_ms");
	json_int_t timeout_ms = timeout ? json_integer_value(timeout) : BARRIER_TIMEOUT_MS;

	if (timeout_ms <= 0 || timeout_ms > BARRIER_TIMEOUT_MAX_MS) {
		ctl_end_text(call, CTL_BAD_ARGS, "timeout_ms: a number from 1 to %d",
			     BARRIER_TIMEOUT_MAX_MS);
		return;
	}
	struct ctl_call *waiting = malloc(sizeof(*waiting));

	if (!waiting) {
		ctl_end_text(call, CTL_FAILED, "out of memory");
		return;
	}
	*waiting = *call;
	sync_barrier(lbd->sync, mono_from_ms(timeout_ms), barrier_done, waiting);
}

static void cmd_subscribe(void *arg, const struct ctl_call *call, const json_t *args)
{
	(void)arg;
	(void)args;
	ctl_subscribe(call);
}

static const struct ctl_command commands[] = {
	{.name = "status", .handler = cmd_status},
	{.name = "barrier", .changes = true, .handler = cmd_barrier},
	{.name = "subscribe", .handler = cmd_subscribe},
};

static void publish_record(void *arg, enum log_level level, const char *text)
{
	struct lbd *lbd = arg;

	ctl_publish(lbd->control, CTL_EVENT_LOG,
		    json_pack("{s:s, s:s}", "level", log_level_name(level), "text", text));
}

int lbd_control_open(struct lbd *lbd)
{
	char path[CONF_PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/lbd.sock", lbd->options.rundir);

	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	int rc = ctl_server_open(lbd->base, path, commands, sizeof(commands) / sizeof(commands[0]),
				 lbd, lbd->log, &lbd->control);

	if (rc == 0)
		log_set_tap(lbd->log, publish_record, lbd);
	return rc;
}
