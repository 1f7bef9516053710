// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Carrying out what the cores decided. The order is what makes a take-over seamless: devices up,
 * advertisements, announcements; and on a release: gate shut, last advertisements, devices down.
 */
#include "driver_priv.h"

#include <errno.h>
#include <string.h>

enum {
	LATER_US = 20000, /* next look at what can wait */
};

void driver_build_frames(struct driver *d, struct vip *v)
{
	const struct vif_link *parent = vif_watch_find(d->watch, v->device.parent);
	struct vrrp_pkt_advert advert = {
		.vrid = v->conf->vrid,
		.priority = v->group->track.priority,
		.interval = d->conf->pair.advert_interval,
		.addresses = v->address,
		.n_addresses = v->n_addresses,
		.form = VRRP_CHECKSUM_PSEUDO,
	};

	v->advert_bytes = 0;
	if (!parent || parent->primary.family != ADDR_IPV4)
		return; /* a fault by itself: nothing is sent meanwhile */
	advert.source = parent->primary;
	v->advert_bytes = vrrp_pkt_encode(&advert, v->advert, sizeof(v->advert));
	advert.priority = VRRP_PRIORITY_RELEASE;
	(void)!vrrp_pkt_encode(&advert, v->resign, sizeof(v->resign));
}

/** Returns 0 or -errno, which has been counted and logged. */
static int send_frame(struct driver *d, struct vip *v, const uint8_t *frame, size_t len_bytes,
		      uint32_t mark)
{
	int err = vsock_send(d->sender, v->device.ifindex, frame, len_bytes, mark);

	/* What only holds the lease is dropped on purpose. */
	if (!err || (mark == LEASE_MARK_HOLD && err == -ENOBUFS))
		return 0;
	v->send_errors++;
	log_limited(d->log, &v->limit_send, LOG_LEVEL_WARN,
		    "send failed vip=%s device=%s error=\"%s\"", v->conf->name, v->device.name,
		    strerror(-err));
	return err;
}

static void send_advert(struct driver *d, struct vip *v, const struct vrrp_actions *a, mono now)
{
	bool last = a->priority == VRRP_PRIORITY_RELEASE;

	if (!v->advert_bytes)
		return;
	v->adverts_sent++;
	int err = send_frame(d, v, last ? v->resign : v->advert, v->advert_bytes,
			     a->what & VRRP_DO_ANSWER ? LEASE_MARK_ANSWER : 0);

	if (last || !err)
		v->failing_since = mono_never();
	else if (mono_is_never(v->failing_since))
		v->failing_since = now;
	else if (mono_reached(mono_add(v->failing_since, d->lease_time), now))
		driver_trouble(d, v, "cannot send");
}

void driver_announce(struct driver *d, struct vip *v, mono now)
{
	uint8_t frame[ANNOUNCE_FRAME_BYTES];

	if (!announce_due(&v->announce, now))
		return;
	for (size_t i = 0; i < v->n_addresses; i++) {
		announce_encode(v->conf->vrid, &v->address[i], ANNOUNCE_REQUEST, frame);
		(void)!send_frame(d, v, frame, sizeof(frame), 0);
		announce_encode(v->conf->vrid, &v->address[i], ANNOUNCE_REPLY, frame);
		(void)!send_frame(d, v, frame, sizeof(frame), 0);
	}
}

static int set_up(struct driver *d, struct vip *v, bool up)
{
	int err = vif_set_up(d->vif, v->device.ifindex, up);

	if (err)
		log_msg(d->log, LOG_LEVEL_ERR, "cannot set device %s device=%s error=\"%s\"",
			up ? "up" : "down", v->device.name, strerror(-err));
	return err;
}

static void release(struct driver *d, struct dgroup *g, const struct group_actions *actions)
{
	uint32_t ifindexes[GROUP_MEMBERS_MAX];
	struct lease_error error;
	size_t n = 0;

	for (size_t i = 0; i < g->core.n_members; i++)
		if (actions->member[i].what & VRRP_DO_RELEASE)
			ifindexes[n++] = (uint32_t)g->vips[i]->device.ifindex;
	if (n == 0)
		return;
	bool shut = lease_shut(d->lease, ifindexes, n, &error) == 0;

	if (!shut) {
		log_msg(d->log, LOG_LEVEL_ERR, "cannot shut the gate at once: %s", error.text);
		driver_install_lease(d); /* it may be gone altogether; this one keeps it shut */
	}
	for (size_t i = 0; i < g->core.n_members; i++) {
		if (!(actions->member[i].what & VRRP_DO_RELEASE))
			continue;
		announce_stop(&g->vips[i]->announce);
		g->vips[i]->lower = true;
		driver_lower_soon(d);
	}
}

void driver_lower_soon(struct driver *d)
{
	evtimer_add(d->lowering, &(struct timeval){.tv_sec = 0});
}

void driver_lower_one(struct driver *d)
{
	for (size_t i = 0; i < d->n_groups; i++)
		if (group_is_resigning(&d->groups[i].core)) {
			evtimer_add(d->lowering, &(struct timeval){.tv_usec = LATER_US});
			return;
		}
	if (driver_has_news(d)) {
		driver_remember(d);
		driver_lower_soon(d);
		return;
	}
	for (size_t i = 0; i < d->n_vips; i++) {
		struct vip *v = &d->vips[i];

		if (!v->lower)
			continue;
		v->lower = false;
		(void)!set_up(d, v, false);
		driver_lower_soon(d);
		return;
	}
}

static void log_change(struct driver *d, const struct dgroup *g, enum vrrp_state old)
{
	log_msg(d->log, LOG_LEVEL_NOTICE, "vrrp %s: %s -> %s reason=%s prio=%u epoch=%llu%s%s",
		g->conf->name, vrrp_state_name(old), vrrp_state_name(g->core.state),
		vrrp_reason_name(g->core.reason), g->track.priority,
		(unsigned long long)g->core.epoch, g->track.n_faults ? " fault=" : "",
		g->track.n_faults ? g->track.fault[0] : "");
}

/** To the router that serves already; our gate is shut. */
static void say_farewell(struct driver *d, struct vip *v)
{
	struct receiver *r = v->receiver;

	if (!v->advert_bytes)
		return;
	for (int k = 0; k < VRRP_FAREWELLS; k++) {
		int err =
			vsock_send_from_parent(&r->socket, r->ifindex, v->resign, v->advert_bytes);

		if (err)
			log_limited(d->log, &v->limit_send, LOG_LEVEL_WARN,
				    "send failed vip=%s device=%s error=\"%s\"", v->conf->name,
				    r->parent, strerror(-err));
	}
	v->adverts_sent += VRRP_FAREWELLS;
}

/** Raises the devices of members that became Active; a single failure fails the group. */
static bool take(struct driver *d, struct dgroup *g, const struct group_actions *actions)
{
	bool good = true;

	for (size_t i = 0; i < g->core.n_members; i++) {
		struct vip *v = g->vips[i];

		if (!(actions->member[i].what & VRRP_DO_TAKE))
			continue;
		v->lower = false;
		v->failing_since = mono_never();
		if (!set_up(d, v, true))
			continue;
		driver_trouble(d, v, "cannot be raised");
		good = false;
	}
	return good;
}

static void send_all(struct driver *d, struct dgroup *g, const struct group_actions *actions,
		     mono now)
{
	for (size_t i = 0; i < g->core.n_members; i++) {
		const struct vrrp_actions *a = &actions->member[i];
		struct vip *v = g->vips[i];

		if (!(a->what & VRRP_DO_SEND))
			continue;
		if (a->what & VRRP_DO_RELEASE && g->core.state == VRRP_BACKUP)
			say_farewell(d, v);
		else
			send_advert(d, v, a, now);
		if (a->what & VRRP_DO_ANSWER)
			announce_hasten(&v->announce, now);
	}
	for (size_t i = 0; i < g->core.n_members; i++) {
		struct vip *v = g->vips[i];

		if (actions->member[i].what & VRRP_DO_ANNOUNCE)
			announce_start(&v->announce,
				       mono_sub(mono_max(g->core.member[i].answer_from, now), now),
				       now);
		if (actions->member[i].what & (VRRP_DO_ANNOUNCE | VRRP_DO_ANSWER))
			driver_announce(d, v, now);
	}
}

static void tell(struct driver *d, struct dgroup *g, const struct group_actions *actions)
{
	if (actions->changed) {
		log_change(d, g, actions->old_state);
		control_role_changed(d, g, actions->old_state);
	}
	if (actions->withdrawn) {
		log_msg(d->log, LOG_LEVEL_WARN,
			"vrrp %s: nobody took over: resignation withdrawn, still Active",
			g->conf->name);
		control_withdrawn(d, g);
	}
	if (driver_has_news(d))
		driver_lower_soon(d);
}

void driver_act(struct driver *d, struct dgroup *g, const struct group_actions *actions, mono now)
{
	bool good = take(d, g, actions);

	for (size_t i = 0; i < g->core.n_members && good; i++) {
		struct vip *v = g->vips[i];

		if (actions->member[i].what & VRRP_DO_HOLD && v->advert_bytes)
			(void)!send_frame(d, v, v->resign, v->advert_bytes, LEASE_MARK_HOLD);
	}
	release(d, g, actions);
	if (good)
		send_all(d, g, actions, now);
	tell(d, g, actions);
	if (!good)
		driver_track(d);
}
