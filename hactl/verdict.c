// SPDX-License-Identifier: GPL-2.0-or-later
#include "verdict.h"

#include "jget.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	AGE_MAX = 32,
	SERVERS_NAMED_MAX = 3, /* more than that are counted */
};

const char *verdict_name(enum verdict_level level)
{
	switch (level) {
	case VERDICT_OK:
		return "OK";
	case VERDICT_DEGRADED:
		return "DEGRADED";
	case VERDICT_DOWN:
		return "DOWN";
	case VERDICT_N:
		break;
	}
	return "?";
}

const char *verdict_print_age(json_int_t age_ms, char *buf, size_t cap_bytes)
{
	long long s = age_ms / 1000;

	if (age_ms < 0)
		snprintf(buf, cap_bytes, "-");
	else if (age_ms < 1000)
		snprintf(buf, cap_bytes, "%lld ms", (long long)age_ms);
	else if (s < 60)
		snprintf(buf, cap_bytes, "%lld s", s);
	else if (s < 3600)
		snprintf(buf, cap_bytes, "%lld min", s / 60);
	else if (s < 86400)
		snprintf(buf, cap_bytes, "%lld h %lld min", s / 3600, s % 3600 / 60);
	else
		snprintf(buf, cap_bytes, "%lld d %lld h", s / 86400, s % 86400 / 3600);
	return buf;
}

/* Adds a part to the sentence; level raises the verdict, VERDICT_OK only tells. */
static void say(struct verdict *v, enum verdict_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void say(struct verdict *v, enum verdict_level level, const char *fmt, ...)
{
	size_t at = strlen(v->summary);
	va_list ap;

	if (at > 0) {
		strlcat(v->summary, "; ", sizeof(v->summary));
		at = strlen(v->summary);
	}
	va_start(ap, fmt);
	vsnprintf(v->summary + at, sizeof(v->summary) - at, fmt, ap);
	va_end(ap);
	if (level > v->level)
		v->level = level;
}

/* Who holds how many groups. */
struct roles {
	size_t here;       /* Active on this node */
	size_t there;      /* Active on the peer, by its own word or by its advertisements */
	size_t nowhere;    /* neither */
	size_t both;       /* each says Active: it should pass within an advertisement */
	bool peer_by_name; /* the peer's word came over the pair link */
};

static void count_group(const struct snapshot *s, const json_t *group, struct roles *r)
{
	const char *there = snapshot_peer_state(s, jget_str(group, "group"));
	bool active_here = strcmp(jget_str(group, "state"), "Active") == 0;
	bool active_there = strcmp(there, "Active") == 0;

	/* Without the pair link a Backup that hears advertisements knows somebody is Active. */
	if (!*there && strcmp(jget_str(group, "state"), "Backup") == 0)
		active_there = jget_int(group, "peer_heard_ms", -1) >= 0;
	else if (*there)
		r->peer_by_name = true;
	r->both += active_here && active_there;
	r->here += active_here;
	r->there += !active_here && active_there;
	r->nowhere += !active_here && !active_there;
}

/* vrrpd is down here: what the peer says about itself is all there is. */
static void count_peer(const struct snapshot *s, struct roles *r)
{
	const json_t *peer = json_object_get(s->lbd, "peer");
	size_t i;
	const json_t *group;

	json_array_foreach (json_object_get(peer, "groups"), i, group) {
		const char *state = snapshot_peer_state(s, jget_str(group, "group"));
		if (strcmp(state, "Active") == 0)
			r->there++;
		else
			r->nowhere++;
	}
	r->peer_by_name = r->there > 0;
}

static struct roles count_roles(const struct snapshot *s)
{
	struct roles r = {0};
	size_t i;
	const json_t *group;

	json_array_foreach (json_object_get(s->vrrpd, "groups"), i, group)
		count_group(s, group, &r);
	if (!s->vrrpd)
		count_peer(s, &r);
	return r;
}

static void say_each_group(const struct snapshot *s, struct verdict *v)
{
	size_t i;
	const json_t *group;

	json_array_foreach (json_object_get(s->vrrpd, "groups"), i, group) {
		const char *name = jget_str(group, "group");
		if (strcmp(jget_str(group, "state"), "Active") == 0)
			say(v, VERDICT_OK, "%s Active in group %s", snapshot_node(s), name);
		else if (strcmp(snapshot_peer_state(s, name), "Active") == 0)
			say(v, VERDICT_OK, "%s Active in group %s", snapshot_peer(s), name);
		else
			say(v, VERDICT_DOWN, "no node is Active in group %s", name);
	}
}

static void judge_roles(const struct snapshot *s, struct verdict *v)
{
	struct roles r = count_roles(s);

	if (r.here && !r.there && !r.nowhere)
		say(v, VERDICT_OK, "%s Active", snapshot_node(s));
	else if (r.there && !r.here && !r.nowhere && r.peer_by_name)
		say(v, VERDICT_OK, "%s Active", snapshot_peer(s));
	else if (r.there && !r.here && !r.nowhere)
		say(v, VERDICT_OK, "another router is Active");
	else if (r.here || r.there)
		say_each_group(s, v);
	else
		say(v, VERDICT_DOWN, "no node is known to be Active");
	if (r.both)
		say(v, VERDICT_DEGRADED, "both nodes say that they are Active");
}

static void judge_groups(const struct snapshot *s, struct verdict *v)
{
	size_t i, j;
	const json_t *group, *fault;

	if (!s->vrrpd) {
		say(v, VERDICT_DEGRADED, "vrrpd does not answer on %s", snapshot_node(s));
		return;
	}
	json_array_foreach (json_object_get(s->vrrpd, "groups"), i, group) {
		json_array_foreach (json_object_get(group, "faults"), j, fault)
			say(v, VERDICT_DEGRADED, "fault %s", json_string_value(fault));
	}
	/* The kernel lets nothing through without a lease, whatever the daemon believes. */
	json_array_foreach (json_object_get(s->vrrpd, "vips"), i, group) {
		if (strcmp(jget_str(group, "state"), "Active") == 0 &&
		    jget_int(group, "lease_left_ms", 0) < 0)
			say(v, VERDICT_DOWN, "VIP %s has no lease and answers nobody",
			    jget_str(group, "vip"));
	}
}

static void judge_peer_groups(const struct snapshot *s, const json_t *peer, struct verdict *v)
{
	size_t i;
	const json_t *group;

	if (!jget_bool(peer, "vrrpd", true)) {
		say(v, VERDICT_DEGRADED, "vrrpd is down on %s", snapshot_peer(s));
		return;
	}
	json_array_foreach (json_object_get(peer, "groups"), i, group) {
		if (strcmp(jget_str(group, "state"), "Initialize") == 0)
			say(v, VERDICT_DEGRADED, "%s cannot take over group %s", snapshot_peer(s),
			    jget_str(group, "group"));
	}
}

static void judge_sync(const struct snapshot *s, const json_t *peer, struct verdict *v)
{
	const json_t *sync = json_object_get(s->lbd, "sync");
	const char *state = jget_str(sync, "state");
	bool receives = strcmp(jget_str(sync, "role"), "receiver") == 0;

	if (strcmp(state, "catching_up") == 0)
		say(v, VERDICT_DEGRADED, "%s is catching up",
		    receives ? snapshot_node(s) : snapshot_peer(s));
	else if (strcmp(state, "synced") != 0)
		say(v, VERDICT_DEGRADED, "connections are not kept in sync");
	else if (jget_bool(sync, "diverged", false))
		say(v, VERDICT_DEGRADED, "%lld connections here, %lld on %s",
		    (long long)jget_int(sync, "connections", 0),
		    (long long)jget_int(peer, "connections", 0), snapshot_peer(s));
	else if (v->level == VERDICT_OK)
		say(v, VERDICT_OK, "%lld connections in sync",
		    (long long)(receives ? jget_int(peer, "connections", 0)
					 : jget_int(sync, "connections", 0)));
}

static void judge_peer(const struct snapshot *s, struct verdict *v)
{
	const json_t *peer = json_object_get(s->lbd, "peer");
	const char *error = jget_str(peer, "last_error");
	char age[AGE_MAX];

	if (!s->lbd)
		return;
	if (json_object_size(peer) == 0) {
		say(v, VERDICT_DEGRADED, "lbd tells nothing about the peer");
		return;
	}
	if (!jget_bool(peer, "configured", false)) {
		say(v, VERDICT_OK, "alone by configuration");
		return;
	}
	if (!jget_bool(peer, "connected", false)) {
		verdict_print_age(jget_int(peer, "since_ms", -1), age, sizeof(age));
		say(v, VERDICT_DEGRADED, "%s missing for %s%s%s%s", snapshot_peer(s), age,
		    *error ? " (" : "", error, *error ? ")" : "");
		return;
	}
	if (!jget_bool(peer, "config_equal", true))
		say(v, VERDICT_DEGRADED, "configuration of %s differs", snapshot_peer(s));
	judge_peer_groups(s, peer, v);
	judge_sync(s, peer, v);
}

static void judge_servers(const json_t *lbd, const char *pool, struct verdict *v)
{
	size_t i, down = 0;
	const json_t *server;

	json_array_foreach (json_object_get(lbd, "servers"), i, server) {
		if (strcmp(jget_str(server, "pool"), pool) != 0 ||
		    strcmp(jget_str(server, "state"), "down") != 0)
			continue;
		if (++down <= SERVERS_NAMED_MAX)
			say(v, VERDICT_DEGRADED, "server %s of pool %s is down",
			    jget_str(server, "server"), pool);
	}
	if (down > SERVERS_NAMED_MAX)
		say(v, VERDICT_DEGRADED, "%zu more servers of pool %s are down",
		    down - SERVERS_NAMED_MAX, pool);
}

static void judge_pools(const struct snapshot *s, struct verdict *v)
{
	size_t i, down = 0;
	const json_t *row;
	const json_t *services = json_object_get(s->lbd, "services");

	json_array_foreach (services, i, row)
		down += strcmp(jget_str(row, "state"), "down") == 0;

	bool all_down = down > 0 && down == json_array_size(services);

	if (!s->lbd)
		say(v, VERDICT_DEGRADED,
		    "lbd does not answer on %s: servers are not checked, connections not kept in sync",
		    snapshot_node(s));
	json_array_foreach (json_object_get(s->lbd, "pools"), i, row) {
		const char *pool = jget_str(row, "pool");
		if (jget_int(row, "servers", 0) > 0 && jget_int(row, "up", 0) == 0)
			say(v, all_down ? VERDICT_DOWN : VERDICT_DEGRADED,
			    "no server up in pool %s", pool);
		else
			judge_servers(s->lbd, pool, v);
	}
}

/* "gw2 ready" belongs right behind "gw1 Active", but is only true when nothing else was found. */
static void insert_ready(const struct snapshot *s, struct verdict *v)
{
	const json_t *peer = json_object_get(s->lbd, "peer");
	struct roles r = count_roles(s);
	char rest[sizeof(v->summary)];
	char *first_end = strstr(v->summary, "; ");

	if (v->level != VERDICT_OK || !jget_bool(peer, "configured", false))
		return;
	if (r.here && r.there) { /* two groups, each node has one */
		say(v, VERDICT_OK, "both ready");
		return;
	}
	strlcpy(rest, first_end ? first_end : "", sizeof(rest));
	if (first_end)
		*first_end = '\0';
	say(v, VERDICT_OK, "%s ready", r.here ? snapshot_peer(s) : snapshot_node(s));
	strlcat(v->summary, rest, sizeof(v->summary));
}

/* A sentence without faults reads better with commas. */
static void use_commas(char *summary)
{
	for (char *c = summary; *c; c++)
		if (*c == ';')
			*c = ',';
}

void verdict_judge(const struct snapshot *s, struct verdict *out)
{
	*out = (struct verdict){.level = VERDICT_OK};
	if (!s->vrrpd && !s->lbd) {
		say(out, VERDICT_DOWN, "neither vrrpd nor lbd answers on this node");
		return;
	}
	judge_roles(s, out);
	judge_groups(s, out);
	judge_pools(s, out);
	judge_peer(s, out);
	insert_ready(s, out);
	if (out->level == VERDICT_OK)
		use_commas(out->summary);
}
