// SPDX-License-Identifier: GPL-2.0-or-later
#include "driver_priv.h"

#include <errno.h>
#include <string.h>

enum {
	PACKET_MAX_BYTES = 2048,
	DRAIN_MAX = 4096, /* packets taken in one go: a flood must not starve the timers */
};

/** The machine's view of the configuration at this instant. */
static struct vrrp_conf present_conf(struct driver *d, struct dgroup *g, mono now)
{
	struct preempt_input in = {
		.configured = g->conf->preempt,
		.stepped_down = g->core.stepped_down,
		.started = d->started,
		.sync_wait = d->conf->pair.sync_wait,
		.sync = d->lbd.sync,
		.word_at = d->lbd.at,
		.catching_up_since = d->lbd.catching_up_since,
		.entries_left = d->lbd.entries_left,
	};

	g->preempt = preempt_decide(&in, now);
	return (struct vrrp_conf){
		.priority = g->track.priority,
		.preempt = g->preempt.preempt,
		.advert_interval = d->conf->pair.advert_interval,
		.lease = d->lease_time,
		.hold = mono_min(d->lease_time, mono_from_ms(VRRP_HOLD_MS)),
	};
}

void driver_step(struct driver *d, struct dgroup *g, const struct group_event *event)
{
	mono now = mono_now();
	struct vrrp_conf conf = present_conf(d, g, now);
	struct group_actions actions;

	group_step(&conf, &g->core, event, now, &actions);
	driver_act(d, g, &actions, now);
}

void driver_arm(struct driver *d)
{
	mono next = mono_never();
	mono now = mono_now();

	for (size_t i = 0; i < d->n_groups; i++)
		next = mono_min(next, group_deadline(&d->groups[i].core));
	for (size_t i = 0; i < d->n_vips; i++)
		next = mono_min(next, d->vips[i].announce.next);
	if (mono_is_never(next)) {
		evtimer_del(d->timer);
		return;
	}
	int64_t us = mono_to_us(mono_sub(next, now)) + 1; /* rounded up: never a moment early */
	struct timeval tv = {0};

	if (us > 0)
		tv = (struct timeval){.tv_sec = us / 1000000, .tv_usec = us % 1000000};
	evtimer_add(d->timer, &tv);
}

/** RFC 9568 7.1: differences that do not reject, but that someone should hear of. */
static void note_differences(struct driver *d, struct vip *v, const struct vrrp_advert *advert)
{
	char text[ADDR_STR_MAX];
	bool same = advert->n_addresses == v->n_addresses;

	for (size_t i = 0; same && i < v->n_addresses; i++)
		same = memcmp(advert->addresses + 4 * i, v->address[i].bytes, 4) == 0;
	if (!same)
		log_limited(d->log, &v->limit_addresses, LOG_LEVEL_WARN,
			    "address list differs from ours vip=%s from=%s", v->conf->name,
			    addr_print(&advert->source, text, sizeof(text)));
	else if (advert->priority != VRRP_PRIORITY_RELEASE &&
		 advert->interval.ns != d->conf->pair.advert_interval.ns)
		log_limited(
			d->log, &v->limit_interval, LOG_LEVEL_WARN,
			"advertisement interval differs from ours vip=%s from=%s theirs_ms=%lld",
			v->conf->name, addr_print(&advert->source, text, sizeof(text)),
			(long long)mono_to_ms(advert->interval));
}

static struct vip *find_vip(struct driver *d, const struct receiver *r, uint8_t vrid)
{
	for (size_t i = 0; i < d->n_vips; i++)
		if (d->vips[i].receiver == r && d->vips[i].conf->vrid == vrid)
			return &d->vips[i];
	return NULL;
}

static void take_packet(struct driver *d, struct receiver *r, const uint8_t *packet,
			size_t len_bytes)
{
	struct vrrp_advert advert;
	enum vrrp_pkt_verdict verdict = vrrp_pkt_decode(&r->accept, packet, len_bytes, &advert);

	if (verdict != VRRP_PKT_ACCEPTED) {
		r->rejected[verdict]++;
		/* Other routers on the same link are nobody's mistake. */
		log_limited(d->log, &r->limit[verdict],
			    verdict == VRRP_PKT_VRID ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
			    "advertisement refused interface=%s reason=%s", r->parent,
			    vrrp_pkt_verdict_name(verdict));
		return;
	}
	struct vip *v = find_vip(d, r, advert.vrid);

	if (!v)
		return;
	struct dgroup *g = v->group;

	v->adverts_received++;
	v->checksum_form[advert.form]++;
	g->peer_heard = mono_now();
	g->peer_priority = advert.priority;
	if (v->member == 0 || !g->heard)
		g->peer_address = advert.source;
	g->heard = true;
	note_differences(d, v, &advert);
	driver_step(d, g,
		    &(struct group_event){
			    .kind = GROUP_EV_ADVERT, .member = v->member, .advert = &advert});
}

static void drain_receiver(struct driver *d, struct receiver *r)
{
	uint8_t packet[PACKET_MAX_BYTES];

	for (int i = 0; i < DRAIN_MAX; i++) {
		ssize_t n = vsock_receive(&r->socket, packet, sizeof(packet));

		if (n == -ENETDOWN || n == -EINTR)
			continue; /* reported once; the link watch knows more */
		if (n < 0)
			return;
		take_packet(d, r, packet, (size_t)n);
	}
}

void driver_drain(struct driver *d)
{
	for (size_t i = 0; i < d->n_receivers; i++)
		drain_receiver(d, &d->receivers[i]);
}

static void judge(struct driver *d, struct dgroup *g, struct track_verdict *out)
{
	struct track_link links[2 * GROUP_MEMBERS_MAX + CONF_TRACK_MAX];
	size_t n = 0;

	for (size_t i = 0; i < g->core.n_members + g->conf->n_track; i++) {
		bool own = i < g->core.n_members;
		const char *name =
			own ? g->vips[i]->device.parent : g->conf->track[i - g->core.n_members];
		const struct vif_link *link = vif_watch_find(d->watch, name);
		struct track_link *fact = &links[n++];

		*fact = (struct track_link){.needs_address = own};
		strlcpy(fact->name, name, sizeof(fact->name));
		if (!link)
			continue;
		/* A link that came back under another index is not the one our device sits on. */
		fact->exists = link->ifindex &&
			       (!own || link->ifindex == g->vips[i]->device.parent_ifindex);
		fact->admin_up = link->admin_up;
		fact->carrier = link->carrier;
		fact->has_address = link->primary.family == ADDR_IPV4;
	}
	for (size_t i = 0; i < g->core.n_members; i++) {
		const struct vip *v = g->vips[i];
		struct track_link *fact = &links[n++];

		*fact = (struct track_link){
			.exists = true, .admin_up = true, .carrier = true, .trouble = v->trouble};
		strlcpy(fact->name, v->device.name, sizeof(fact->name));
	}
	track_judge(links, n, g->conf->priority[d->conf->self], out);
}

static void refresh_addresses(struct driver *d, struct dgroup *g)
{
	for (size_t i = 0; i < g->core.n_members; i++) {
		struct vip *v = g->vips[i];
		const struct vif_link *parent = vif_watch_find(d->watch, v->device.parent);

		if (parent && !addr_equal(&parent->primary, &v->receiver->accept.own_address))
			v->receiver->accept.own_address = parent->primary;
		if (parent)
			group_set_primary(&g->core, i, &parent->primary);
		driver_build_frames(d, v);
	}
}

void driver_track(struct driver *d)
{
	for (size_t i = 0; i < d->n_groups; i++) {
		struct dgroup *g = &d->groups[i];
		struct track_verdict verdict;

		judge(d, g, &verdict);
		bool better = g->track.n_faults && !verdict.n_faults;
		bool worse = !g->track.n_faults && verdict.n_faults;
		bool priority = g->track.priority != verdict.priority;

		g->track = verdict;
		if (worse) /* with the frames as they are: the address may just have gone */
			driver_step(d, g,
				    &(struct group_event){.kind = GROUP_EV_SHUTDOWN,
							  .reason = VRRP_REASON_FAULT});
		refresh_addresses(d, g);
		if (better)
			driver_step(d, g, &(struct group_event){.kind = GROUP_EV_STARTUP});
		else if (priority)
			driver_step(d, g, &(struct group_event){.kind = GROUP_EV_RECONFIGURE});
	}
}

static void on_packets(evutil_socket_t fd, short what, void *arg)
{
	struct receiver *r = arg;

	(void)fd;
	(void)what;
	drain_receiver(r->driver, r);
	driver_arm(r->driver);
}

static void on_links(evutil_socket_t fd, short what, void *arg)
{
	struct driver *d = arg;

	(void)fd;
	(void)what;
	bool changed = vif_watch_read(d->watch);

	if (d->judge) {
		d->judge = false;
		driver_track(d);
	}
	if (changed) {
		driver_mend(d);
		driver_track(d);
	}
	driver_arm(d);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct driver *d = arg;

	(void)fd;
	(void)what;
	/* Late or not: what has already arrived counts before what did not. */
	driver_drain(d);
	for (size_t i = 0; i < d->n_groups; i++)
		driver_step(d, &d->groups[i], &(struct group_event){.kind = GROUP_EV_TIMER});
	mono now = mono_now();

	for (size_t i = 0; i < d->n_vips; i++)
		if (d->vips[i].group->core.state == VRRP_ACTIVE)
			driver_announce(d, &d->vips[i], now);
	driver_arm(d);
}

static void on_lowering(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	driver_lower_one(arg);
}

int driver_listen(struct driver *d)
{
	struct event_base *base = d->options.base;

	if (!d->timer)
		d->timer = evtimer_new(base, on_timer, d);
	if (!d->watch_readable)
		d->watch_readable =
			event_new(base, vif_watch_fd(d->watch), EV_READ | EV_PERSIST, on_links, d);
	if (!d->lowering)
		d->lowering = evtimer_new(base, on_lowering, d);
	if (!d->timer || !d->lowering || !d->watch_readable || event_add(d->watch_readable, NULL) ||
	    driver_mend_listen(d))
		return -ENOMEM;
	for (size_t i = 0; i < d->n_receivers; i++) {
		struct receiver *r = &d->receivers[i];

		if (r->readable)
			continue;
		r->readable = event_new(base, r->socket.fd, EV_READ | EV_PERSIST, on_packets, r);
		if (!r->readable || event_add(r->readable, NULL))
			return -ENOMEM;
	}
	return 0;
}
