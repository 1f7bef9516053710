// SPDX-License-Identifier: GPL-2.0-or-later
#include "watch.h"

#include "hactl/client.h"
#include "hactl/jget.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum {
	TICK_MS = 10,
	DIAL_TIMEOUT_MS = 50,
	STATUS_INTERVAL_MS = 20,
};

/** A connection to one daemon of one node. */
struct ear {
	struct watch *watch;
	size_t node;
	bool lbd;              /**< else vrrpd */
	struct client *client; /**< NULL while not connected */
	struct event *readable;
	bool asked; /**< lbd: an answer is under way */
	mono next;  /**< lbd: next status request */
};

struct watch {
	struct event_base *base;
	struct event *tick;
	const struct home *home;
	const struct conf *conf;
	const char *group;
	struct timeline *timeline;
	bool started[CONF_NODES_MAX];
	struct watch_node node[CONF_NODES_MAX];
	struct watch_node next[CONF_NODES_MAX]; /**< being filled by the rows of a status answer */
	char sync_word[CONF_NODES_MAX][16];     /**< last lbd sync state put on the timeline */
	struct ear vrrpd[CONF_NODES_MAX];
	struct ear lbd[CONF_NODES_MAX];
	bool was_active[CONF_NODES_MAX]; /**< as last heard, over reconnections */
	struct judge_role role[WATCH_ROLES_MAX];
	size_t n_roles;
};

static void hang_up(struct ear *e)
{
	struct watch_node *n = &e->watch->node[e->node];

	if (e->readable)
		event_free(e->readable);
	client_close(e->client);
	e->readable = NULL;
	e->client = NULL;
	e->asked = false;
	if (e->lbd) {
		n->lbd = n->peer_connected = n->config_equal = n->synced = false;
		n->synced_since = mono_zero();
	} else {
		n->vrrpd = n->active = n->backup = false;
	}
}

static void hear_role(struct ear *e, const struct ctl_reply *reply)
{
	struct watch *w = e->watch;
	struct watch_node *n = &w->node[e->node];
	bool event = reply->code == CTL_EVENT_ROLE;
	const char *state = jget_str(reply->body, event ? "new" : "state");
	const char *reason = jget_str(reply->body, "reason");

	if (strcmp(jget_str(reply->body, "group"), w->group) != 0)
		return;
	bool active = strcmp(state, "Active") == 0;

	if (active && !n->active)
		n->active_since = mono_now();
	if (active && !w->was_active[e->node] && w->n_roles < WATCH_ROLES_MAX)
		w->role[w->n_roles++] =
			(struct judge_role){.at = mono_now(), .node = (unsigned)e->node};
	w->was_active[e->node] = active;
	n->active = active;
	n->backup = strcmp(state, "Backup") == 0;
	if (event)
		timeline_add(w->timeline, mono_now(), w->conf->nodes[e->node].name,
			     "vrrpd: %s -> %s%s%s%s", jget_str(reply->body, "old"), state,
			     *reason ? " (" : "", reason, *reason ? ")" : "");
}

/* The last row of a status answer has come: what they said becomes what is known. */
static void adopt_status(struct ear *e)
{
	struct watch *w = e->watch;
	struct watch_node *n = &w->node[e->node], *next = &w->next[e->node];

	n->lbd = true;
	n->peer_connected = next->peer_connected;
	n->config_equal = next->config_equal;
	n->synced = next->synced;
	n->connections = next->connections;
	n->servers = next->servers;
	n->servers_up = next->servers_up;
	if (n->synced && n->synced_since.ns == 0)
		n->synced_since = mono_now();
	e->asked = false;
	e->next = mono_add(mono_now(), mono_from_ms(STATUS_INTERVAL_MS));
}

static void hear_sync(struct ear *e, const json_t *row)
{
	struct watch *w = e->watch;
	const char *state = jget_str(row, "state");
	long long connections = jget_int(row, "connections", -1);

	w->next[e->node].synced = strcmp(state, "synced") == 0;
	w->next[e->node].connections = connections;
	if (strcmp(state, w->sync_word[e->node]) == 0)
		return;
	snprintf(w->sync_word[e->node], sizeof(w->sync_word[e->node]), "%s", state);
	timeline_add(w->timeline, mono_now(), w->conf->nodes[e->node].name,
		     "lbd: sync %s, %lld connections", state, connections);
}

static void hear_lbd(struct ear *e, const struct ctl_reply *reply)
{
	struct watch_node *next = &e->watch->next[e->node];

	switch (reply->code) {
	case CTL_ROW_PEER:
		next->peer_connected = jget_bool(reply->body, "connected", false);
		next->config_equal = jget_bool(reply->body, "config_equal", false);
		break;
	case CTL_ROW_SYNC:
		hear_sync(e, reply->body);
		break;
	case CTL_ROW_SERVER:
		next->servers++;
		next->servers_up += strcmp(jget_str(reply->body, "state"), "up") == 0;
		break;
	default:
		break;
	}
	if (reply->end)
		adopt_status(e);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ear *e = arg;
	struct ctl_reply reply;
	int rc;

	(void)fd;
	(void)what;
	while ((rc = client_next(e->client, mono_now(), &reply)) == 0) {
		if (e->lbd)
			hear_lbd(e, &reply);
		else if (reply.code == CTL_ROW_GROUP || reply.code == CTL_EVENT_ROLE)
			hear_role(e, &reply);
		ctl_reply_fini(&reply);
	}
	if (rc != -ETIMEDOUT)
		hang_up(e);
}

static void dial(struct ear *e)
{
	struct watch *w = e->watch;
	char rundir[CONF_PATH_MAX];

	home_file(w->home, NULL, w->conf->nodes[e->node].name, rundir);
	if (client_open(rundir, e->lbd ? "lbd" : "vrrpd", mono_from_ms(DIAL_TIMEOUT_MS),
			&e->client)) {
		e->client = NULL;
		return;
	}
	e->next = mono_zero();
	e->readable =
		event_new(w->base, client_fd(e->client), EV_READ | EV_PERSIST, on_readable, e);
	if (!e->readable || event_add(e->readable, NULL) ||
	    (!e->lbd && client_request(e->client, "subscribe", NULL))) {
		hang_up(e);
		return;
	}
	if (!e->lbd)
		w->node[e->node].vrrpd = true;
}

static void ask_status(struct ear *e)
{
	if (e->asked || mono_before(mono_now(), e->next))
		return;
	e->watch->next[e->node] = (struct watch_node){.connections = -1};
	e->asked = client_request(e->client, "status", NULL) == 0;
	if (!e->asked)
		hang_up(e);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	for (size_t n = 0; n < CONF_NODES_MAX; n++) {
		if (!w->started[n])
			continue;
		if (!w->vrrpd[n].client)
			dial(&w->vrrpd[n]);
		if (!w->lbd[n].client)
			dial(&w->lbd[n]);
		if (w->lbd[n].client)
			ask_status(&w->lbd[n]);
	}
}

struct watch *watch_new(struct event_base *base, const struct home *home, const struct conf *conf,
			const char *group, struct timeline *timeline)
{
	const struct timeval every = {.tv_usec = TICK_MS * 1000};
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	*w = (struct watch){
		.base = base, .home = home, .conf = conf, .group = group, .timeline = timeline};
	for (size_t n = 0; n < CONF_NODES_MAX; n++) {
		w->vrrpd[n] = (struct ear){.watch = w, .node = n};
		w->lbd[n] = (struct ear){.watch = w, .node = n, .lbd = true};
	}
	w->tick = event_new(base, -1, EV_PERSIST, on_tick, w);
	if (!w->tick || event_add(w->tick, &every)) {
		watch_free(w);
		return NULL;
	}
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	for (size_t n = 0; n < CONF_NODES_MAX; n++)
		watch_stop(w, n);
	if (w->tick)
		event_free(w->tick);
	free(w);
}

void watch_start(struct watch *w, size_t node)
{
	w->started[node] = true;
}

void watch_stop(struct watch *w, size_t node)
{
	w->started[node] = false;
	hang_up(&w->vrrpd[node]);
	hang_up(&w->lbd[node]);
	w->node[node] = (struct watch_node){.connections = -1};
	w->sync_word[node][0] = '\0';
	w->was_active[node] = false;
}

const struct judge_role *watch_roles(const struct watch *w, size_t *n)
{
	*n = w->n_roles;
	return w->role;
}

const struct watch_node *watch_node(const struct watch *w, size_t node)
{
	return &w->node[node];
}
