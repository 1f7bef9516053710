// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The commands vrrpd answers on its control socket: status, failover, resume, subscribe, and the
 * words of lbd. Members and codes are described in vrrpd(8) and ctl.h.
 */
#include "driver_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	FAILOVER_MAX_MS = 60000,
};

static json_int_t age_ms(mono since, mono now)
{
	return (json_int_t)mono_to_ms(mono_sub(now, since));
}

static json_t *daemon_row(const struct driver *d, mono now)
{
	char hash[17];

	snprintf(hash, sizeof(hash), "%016" PRIx64, d->conf->hash);
	return json_pack("{s:s, s:s, s:s, s:i, s:I, s:s, s:b, s:b, s:I, s:I}", "daemon", "vrrpd",
			 "node", conf_self(d->conf)->name, "version", HAPAIR_VERSION, "pid",
			 (int)getpid(), "uptime_ms", age_ms(d->started, now), "config_hash", hash,
			 "realtime", d->options.realtime, "lease_protected",
			 lease_is_protected(d->lease), "lease_repaired",
			 (json_int_t)d->lease_repaired, "netlink_overruns",
			 (json_int_t)vif_watch_overruns(d->watch));
}

static json_t *faults_of(const struct dgroup *g)
{
	json_t *faults = json_array();

	for (size_t i = 0; i < g->track.n_faults && i < TRACK_FAULTS_MAX; i++)
		json_array_append_new(faults, json_string(g->track.fault[i]));
	return faults;
}

static json_t *group_row(const struct dgroup *g, mono now)
{
	const struct group *core = &g->core;
	char peer[ADDR_STR_MAX] = "";

	if (g->heard)
		addr_print(&g->peer_address, peer, sizeof(peer));
	return json_pack(
		"{s:s, s:s, s:I, s:s, s:i, s:b, s:I, s:b, s:b, s:b, s:o, s:I, s:i, s:s, s:I}",
		"group", g->conf->name, "state", vrrp_state_name(core->state), "since_ms",
		age_ms(core->since, now), "reason", vrrp_reason_name(core->reason), "priority",
		g->track.priority, "preempt", g->conf->preempt, "epoch", (json_int_t)core->epoch,
		"resigning", group_is_resigning(core), "stepped_down", core->stepped_down,
		"waiting_for_sync", g->preempt.waiting_for_sync && core->state == VRRP_BACKUP,
		"faults", faults_of(g), "peer_heard_ms",
		g->heard ? age_ms(g->peer_heard, now) : (json_int_t)-1, "peer_priority",
		g->peer_priority, "peer_address", peer, "transitions",
		(json_int_t)core->transitions);
}

static json_t *vip_row(const struct driver *d, const struct vip *v, int64_t lease_left_ms)
{
	json_t *addresses = json_array();
	json_t *rejected = json_object();
	char text[PREFIX_STR_MAX];
	mono interval = d->conf->pair.advert_interval;
	mono down = vrrp_active_down_interval(v->group->track.priority, interval);

	for (size_t i = 0; i < v->device.n_addresses; i++)
		json_array_append_new(addresses, json_string(prefix_print(&v->device.address[i],
									  text, sizeof(text))));
	for (int i = VRRP_PKT_ACCEPTED + 1; i < VRRP_PKT_VERDICT_N; i++)
		if (v->receiver->rejected[i])
			json_object_set_new(rejected,
					    vrrp_pkt_verdict_name((enum vrrp_pkt_verdict)i),
					    json_integer((json_int_t)v->receiver->rejected[i]));
	json_t *row = json_pack(
		"{s:s, s:s, s:s, s:i, s:s, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I}",
		"vip", v->conf->name, "group", v->group->conf->name, "interface",
		v->conf->interface, "vrid", v->conf->vrid, "device", v->device.name, "addresses",
		addresses, "state", vrrp_state_name(v->group->core.state), "lease_left_ms",
		(json_int_t)lease_left_ms, "advert_interval_ms", (json_int_t)mono_to_ms(interval),
		"active_down_interval_ms", (json_int_t)mono_to_ms(down), "adverts_sent",
		(json_int_t)v->adverts_sent, "adverts_received", (json_int_t)v->adverts_received,
		"rejected", rejected, "send_errors", (json_int_t)v->send_errors, "repaired",
		(json_int_t)v->repaired);

	if (row)
		json_object_set_new(row, "checksum_forms",
				    json_pack("{s:I, s:I}", "pseudo",
					      (json_int_t)v->checksum_form[VRRP_CHECKSUM_PSEUDO],
					      "rfc9568",
					      (json_int_t)v->checksum_form[VRRP_CHECKSUM_RFC9568]));
	return row;
}

static void cmd_status(void *arg, const struct ctl_call *call, const json_t *args)
{
	struct driver *d = arg;
	struct lease_device devices[CONF_VIPS_MAX];
	mono now = mono_now();

	(void)args;
	ctl_row(call, CTL_ROW_DAEMON, daemon_row(d, now));
	for (size_t i = 0; i < d->n_groups; i++)
		ctl_row(call, CTL_ROW_GROUP, group_row(&d->groups[i], now));
	for (size_t i = 0; i < d->n_vips; i++)
		devices[i].ifindex = (uint32_t)d->vips[i].device.ifindex;
	int err = lease_read(d->lease, devices, d->n_vips);

	for (size_t i = 0; i < d->n_vips; i++)
		ctl_row(call, CTL_ROW_VIP, vip_row(d, &d->vips[i], err ? -1 : devices[i].lease_ms));
	ctl_end(call, CTL_DONE, NULL);
}

/** Marks the groups a failover concerns: the named one or all that are Active here. */
static size_t pick_groups(struct driver *d, const char *name, bool *known)
{
	size_t n = 0;

	*known = name == NULL;
	for (size_t i = 0; i < d->n_groups; i++) {
		const struct dgroup *g = &d->groups[i];
		bool named = !name || strcmp(name, g->conf->name) == 0;

		*known |= named;
		d->failover.wanted[i] = named && g->core.state == VRRP_ACTIVE;
		n += d->failover.wanted[i];
	}
	return n;
}

static mono failover_window(const struct driver *d, const json_t *timeout_ms)
{
	mono least = mono_mul(d->conf->pair.advert_interval, VRRP_RESIGN_INTERVALS);

	return timeout_ms ? mono_max(least, mono_from_ms(json_integer_value(timeout_ms))) : least;
}

/** Answers the command once no group it concerns is still resigning. */
static void finish_failover(struct driver *d)
{
	if (d->failover.starting)
		return;
	json_t *groups = json_array();

	for (size_t i = 0; i < d->n_groups; i++) {
		if (!d->failover.wanted[i])
			continue;
		if (group_is_resigning(&d->groups[i].core)) {
			json_decref(groups);
			return;
		}
		json_array_append_new(groups, json_string(d->groups[i].conf->name));
	}
	d->failover.pending = false;
	json_t *body = json_pack("{s:I, s:o}", "took_ms", age_ms(d->failover.started, mono_now()),
				 "groups", groups);

	if (d->failover.failed && body)
		json_object_set_new(body, "text", json_string("nobody took over within the time"));
	ctl_end(&d->failover.call, d->failover.failed ? CTL_TIMED_OUT : CTL_DONE, body);
}

static void start_failover(struct driver *d, const struct ctl_call *call, mono window)
{
	d->failover.pending = d->failover.starting = true;
	d->failover.failed = false;
	d->failover.call = *call;
	d->failover.started = mono_now();
	for (size_t i = 0; i < d->n_groups; i++) {
		if (!d->failover.wanted[i])
			continue;
		log_msg(d->log, LOG_LEVEL_NOTICE, "vrrp %s: resigning on request",
			d->groups[i].conf->name);
		driver_step(d, &d->groups[i],
			    &(struct group_event){.kind = GROUP_EV_RESIGN, .window = window});
	}
	d->failover.starting = false;
	finish_failover(d); /* a group may have lost its lease just now */
	driver_arm(d);
}

/** Refuses arguments that are not what they should be; absent ones are fine. */
static bool failover_args_ok(const struct ctl_call *call, const json_t *group,
			     const json_t *timeout_ms)
{
	if (group && !json_is_string(group)) {
		ctl_end_text(call, CTL_BAD_ARGS, "group: the name of a group");
		return false;
	}
	if (timeout_ms && (!json_is_integer(timeout_ms) || json_integer_value(timeout_ms) <= 0 ||
			   json_integer_value(timeout_ms) > FAILOVER_MAX_MS)) {
		ctl_end_text(call, CTL_BAD_ARGS, "timeout_ms: a whole number, 1 to %d",
			     FAILOVER_MAX_MS);
		return false;
	}
	return true;
}

static void cmd_failover(void *arg, const struct ctl_call *call, const json_t *args)
{
	struct driver *d = arg;
	const json_t *group = json_object_get(args, "group");
	const json_t *timeout_ms = json_object_get(args, "timeout_ms");
	const char *name = json_string_value(group);
	bool known;

	if (!failover_args_ok(call, group, timeout_ms))
		return;
	if (d->failover.pending) {
		ctl_end_text(call, CTL_REFUSED, "a failover is already under way");
		return;
	}
	if (pick_groups(d, name, &known) > 0)
		start_failover(d, call, failover_window(d, timeout_ms));
	else if (known)
		ctl_end_text(call, CTL_NOT_ACTIVE, "not Active here: %s", name ? name : "no group");
	else
		ctl_end_text(call, CTL_BAD_ARGS, "no such group: %s", name);
}

void control_role_changed(struct driver *d, struct dgroup *g, enum vrrp_state old)
{
	json_t *event = json_pack("{s:s, s:s, s:s, s:s, s:I, s:i}", "group", g->conf->name, "old",
				  vrrp_state_name(old), "new", vrrp_state_name(g->core.state),
				  "reason", vrrp_reason_name(g->core.reason), "epoch",
				  (json_int_t)g->core.epoch, "priority", g->track.priority);

	ctl_publish(d->ctl, CTL_EVENT_ROLE, event);
	if (!d->failover.pending)
		return;
	if (d->failover.wanted[g - d->groups] && g->core.reason != VRRP_REASON_HANDED_OVER)
		d->failover.failed = true; /* a fault or a stop came first */
	finish_failover(d);
}

void control_withdrawn(struct driver *d, struct dgroup *g)
{
	if (!d->failover.pending || !d->failover.wanted[g - d->groups])
		return;
	d->failover.failed = true;
	finish_failover(d);
}

static void cmd_resume(void *arg, const struct ctl_call *call, const json_t *args)
{
	struct driver *d = arg;

	int resumed = 0;

	(void)args;
	for (size_t i = 0; i < d->n_groups; i++) {
		resumed += d->groups[i].core.stepped_down;
		driver_step(d, &d->groups[i], &(struct group_event){.kind = GROUP_EV_RESUME});
	}
	driver_arm(d);
	if (driver_has_news(d))
		driver_remember(d);
	ctl_end(call, CTL_DONE, json_pack("{s:i}", "resumed", resumed));
}

static void cmd_subscribe(void *arg, const struct ctl_call *call, const json_t *args)
{
	struct driver *d = arg;
	mono now = mono_now();

	(void)args;
	for (size_t i = 0; i < d->n_groups; i++)
		ctl_row(call, CTL_ROW_GROUP, group_row(&d->groups[i], now));
	ctl_subscribe(call);
}

static bool parse_sync(const char *text, enum preempt_sync *out)
{
	static const char *const names[] = {
		[PREEMPT_SYNC_UNKNOWN] = "unknown",
		[PREEMPT_SYNC_ALONE] = "alone",
		[PREEMPT_SYNC_CATCHING_UP] = "catching_up",
		[PREEMPT_SYNC_SYNCED] = "synced",
	};

	for (size_t i = 0; text && i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (enum preempt_sync)i;
			return true;
		}
	}
	return false;
}

static void cmd_lbd(void *arg, const struct ctl_call *call, const json_t *args)
{
	struct driver *d = arg;
	enum preempt_sync sync;
	mono now = mono_now();
	json_int_t left = json_integer_value(json_object_get(args, "entries_left"));

	if (!parse_sync(json_string_value(json_object_get(args, "sync")), &sync)) {
		ctl_end_text(call, CTL_BAD_ARGS, "sync: unknown, alone, catching_up or synced");
		return;
	}
	if (!d->lbd.ever || d->lbd.sync != sync)
		d->lbd.catching_up_since = now;
	d->lbd.ever = true;
	d->lbd.sync = sync;
	d->lbd.at = now;
	d->lbd.entries_left = left > 0 ? (uint64_t)left : 0;
	ctl_end(call, CTL_DONE, NULL);
}

static void publish_log(void *arg, enum log_level level, const char *text)
{
	const struct driver *d = arg;

	ctl_publish(d->ctl, CTL_EVENT_LOG,
		    json_pack("{s:s, s:s}", "level", log_level_name(level), "text", text));
}

int control_open(struct driver *d)
{
	static const struct ctl_command commands[] = {
		{"status", false, cmd_status}, {"failover", true, cmd_failover},
		{"resume", true, cmd_resume},  {"subscribe", false, cmd_subscribe},
		{"lbd", true, cmd_lbd},
	};
	char path[CONF_PATH_MAX];

	snprintf(path, sizeof(path), "%s/vrrpd.sock", d->options.daemon->rundir);
	int err = ctl_server_open(d->options.base, path, commands,
				  sizeof(commands) / sizeof(commands[0]), d, d->log, &d->ctl);

	if (err) {
		log_msg(d->log, LOG_LEVEL_ERR, "cannot listen socket=%s error=\"%s\"", path,
			strerror(-err));
		return err;
	}
	log_set_tap(d->log, publish_log, d);
	return 0;
}
