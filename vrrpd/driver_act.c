// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Carrying out what the cores decided. The order is what makes a take-over seamless: devices up,
 * advertisements, announcements; and on a release: last advertisement, gate shut, devices down.
 */
#include "driver_priv.h"

#include <string.h>

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

static void send_frame(struct driver *d, struct vip *v, const uint8_t *frame, size_t len_bytes)
{
	int err = vsock_send(d->sender, v->device.ifindex, frame, len_bytes);

	if (!err)
		return;
	v->send_errors++;
	log_limited(d->log, &v->limit, LOG_LEVEL_WARN, "send failed vip=%s device=%s error=\"%s\"",
		    v->conf->name, v->device.name, strerror(-err));
}

static void send_advert(struct driver *d, struct vip *v, uint8_t priority)
{
	if (!v->advert_bytes)
		return;
	v->adverts_sent++;
	send_frame(d, v, priority == VRRP_PRIORITY_RELEASE ? v->resign : v->advert,
		   v->advert_bytes);
}

void driver_announce(struct driver *d, struct vip *v, mono now)
{
	uint8_t frame[ANNOUNCE_FRAME_BYTES];

	if (!announce_due(&v->announce, now))
		return;
	for (size_t i = 0; i < v->n_addresses; i++) {
		announce_encode(v->conf->vrid, &v->address[i], ANNOUNCE_REQUEST, frame);
		send_frame(d, v, frame, sizeof(frame));
		announce_encode(v->conf->vrid, &v->address[i], ANNOUNCE_REPLY, frame);
		send_frame(d, v, frame, sizeof(frame));
	}
}

static void set_up(struct driver *d, struct vip *v, bool up)
{
	int err = vif_set_up(d->vif, v->device.ifindex, up);

	if (err)
		log_msg(d->log, LOG_LEVEL_ERR, "cannot set device %s device=%s error=\"%s\"",
			up ? "up" : "down", v->device.name, strerror(-err));
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
	if (lease_shut(d->lease, ifindexes, n, &error))
		log_msg(d->log, LOG_LEVEL_ERR, "cannot shut the gate at once: %s", error.text);
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
	for (size_t i = 0; i < d->n_vips; i++) {
		struct vip *v = &d->vips[i];

		if (!v->lower)
			continue;
		v->lower = false;
		set_up(d, v, false);
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

void driver_act(struct driver *d, struct dgroup *g, const struct group_actions *actions, mono now)
{
	mono second = mono_min(mono_from_ms(VRRP_SECOND_ADVERT_MS), d->conf->pair.advert_interval);

	for (size_t i = 0; i < g->core.n_members; i++)
		if (actions->member[i].what & VRRP_DO_TAKE) {
			g->vips[i]->lower = false;
			set_up(d, g->vips[i], true);
		}
	for (size_t i = 0; i < g->core.n_members; i++)
		if (actions->member[i].what & VRRP_DO_SEND)
			send_advert(d, g->vips[i], actions->member[i].priority);
	for (size_t i = 0; i < g->core.n_members; i++) {
		if (!(actions->member[i].what & VRRP_DO_ANNOUNCE))
			continue;
		announce_start(&g->vips[i]->announce, second, now);
		driver_announce(d, g->vips[i], now);
	}
	release(d, g, actions);
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
}
