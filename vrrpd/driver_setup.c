// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Making the world vrrpd works in and unmaking it: parents, devices, sockets, lease. Devices and
 * their addresses exist from start to stop; being Active only raises them.
 */
#include "driver_priv.h"

#include "host_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	LONGEST_TICK_MS = 10, /* CONFIG_HZ=100 */
};

/** Set time-outs of nftables end on a tick of the kernel, up to one late. */
static mono kernel_tick(void)
{
	struct timespec resolution;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) < 0 || resolution.tv_sec > 0 ||
	    resolution.tv_nsec <= 0)
		return mono_from_ms(LONGEST_TICK_MS);
	/* T is given in whole milliseconds. */
	return mono_from_ms((resolution.tv_nsec + MONO_NS_PER_MS - 1) / MONO_NS_PER_MS);
}

static struct receiver *receiver_of(struct driver *d, const char *parent)
{
	for (size_t i = 0; i < d->n_receivers; i++)
		if (strcmp(d->receivers[i].parent, parent) == 0)
			return &d->receivers[i];
	struct receiver *r = &d->receivers[d->n_receivers++];

	*r = (struct receiver){.driver = d, .socket = {.fd = -1, .group_fd = -1}};
	strlcpy(r->parent, parent, sizeof(r->parent));
	return r;
}

static int line_of_interface(const struct conf *conf, const char *interface)
{
	for (size_t i = 0; i < conf->n_vips; i++)
		if (strcmp(conf->vips[i].interface, interface) == 0)
			return conf->vips[i].interface_line;
	return 0;
}

int driver_open_receiver(struct driver *d, struct receiver *r)
{
	r->ifindex = vif_index(d->vif, r->parent);
	if (r->ifindex < 0) {
		char text[160];

		log_msg(d->log, LOG_LEVEL_ERR, "%s:%d: %s", d->conf->path,
			line_of_interface(d->conf, r->parent),
			host_check_missing(r->parent, text, sizeof(text)));
		return r->ifindex;
	}
	int err = vif_sysctl_parent(r->parent);

	if (err) {
		log_msg(d->log, LOG_LEVEL_ERR,
			"cannot set net.ipv4.conf.%s.arp_ignore and arp_announce error=\"%s\"",
			r->parent, strerror(-err));
		return err;
	}
	err = vsock_receiver_open(r->ifindex, &r->socket);
	if (err)
		log_msg(d->log, LOG_LEVEL_ERR, "cannot listen interface=%s error=\"%s\"%s",
			r->parent, strerror(-err), err == -EPERM ? " (needs CAP_NET_RAW)" : "");
	return err;
}

static void name_device(struct vip *v)
{
	int n = snprintf(v->device.name, sizeof(v->device.name), "vr%u.%s", v->conf->vrid,
			 v->conf->interface);

	if (n >= (int)sizeof(v->device.name))
		snprintf(v->device.name, sizeof(v->device.name), "vr%u.%d", v->conf->vrid,
			 v->device.parent_ifindex);
}

static int describe_vip(struct driver *d, struct vip *v)
{
	const struct conf_vip *conf = v->conf;

	v->receiver = receiver_of(d, conf->interface);
	if (v->receiver->socket.fd < 0) {
		int err = driver_open_receiver(d, v->receiver);

		if (err)
			return err;
	}
	v->receiver->accept.vrid[conf->vrid] = true;
	strlcpy(v->device.parent, conf->interface, sizeof(v->device.parent));
	v->device.parent_ifindex = v->receiver->ifindex;
	vrrp_mac_ipv4(conf->vrid, v->device.mac);
	name_device(v);
	for (size_t i = 0; i < conf->n_addresses; i++) {
		char text[PREFIX_STR_MAX];

		if (conf->address[i].addr.family == ADDR_IPV4) {
			v->address[v->n_addresses++] = conf->address[i].addr;
			v->device.address[v->device.n_addresses++] = conf->address[i];
		} else {
			log_msg(d->log, LOG_LEVEL_WARN,
				"IPv6 address is not served by this version vip=%s address=%s",
				conf->name, prefix_print(&conf->address[i], text, sizeof(text)));
		}
	}
	if (v->n_addresses == 0) {
		log_msg(d->log, LOG_LEVEL_ERR, "no IPv4 address: add one to `address` vip=%s",
			conf->name);
		return -EINVAL;
	}
	announce_stop(&v->announce);
	v->failing_since = mono_never();
	return 0;
}

static int describe(struct driver *d)
{
	const struct conf *conf = d->conf;

	d->vips = calloc(conf->n_vips ? conf->n_vips : 1, sizeof(*d->vips));
	d->groups = calloc(conf->n_groups ? conf->n_groups : 1, sizeof(*d->groups));
	d->receivers = calloc(conf->n_vips ? conf->n_vips : 1, sizeof(*d->receivers));
	if (!d->vips || !d->groups || !d->receivers)
		return -ENOMEM;
	for (size_t i = 0; i < conf->n_groups; i++) {
		struct dgroup *g = &d->groups[d->n_groups];
		size_t n = 0;

		g->conf = &conf->groups[i];
		for (size_t k = 0; k < conf->n_vips && n < GROUP_MEMBERS_MAX; k++) {
			if (conf->vips[k].group != i)
				continue;
			struct vip *v = &d->vips[d->n_vips++];

			v->conf = &conf->vips[k];
			v->group = g;
			v->member = n;
			g->vips[n++] = v;
			int err = describe_vip(d, v);

			if (err)
				return err;
		}
		g->core.n_members = n;
		d->n_groups += n > 0;
	}
	if (d->n_groups == 0) {
		log_msg(d->log, LOG_LEVEL_ERR, "nothing to do: the configuration has no [vip]");
		return -EINVAL;
	}
	return 0;
}

int driver_watch(struct driver *d, const struct conf *conf)
{
	char names[2 * GROUP_MEMBERS_MAX + GROUP_MEMBERS_MAX * CONF_TRACK_MAX][VIF_NAME_MAX];
	struct vif_watch *watch = NULL;
	size_t n = 0;

	for (size_t i = 0; i < conf->n_vips && n < GROUP_MEMBERS_MAX; i++)
		strlcpy(names[n++], conf->vips[i].interface, VIF_NAME_MAX);
	for (size_t i = 0; i < d->n_vips && i < GROUP_MEMBERS_MAX; i++)
		strlcpy(names[n++], d->vips[i].device.name, VIF_NAME_MAX);
	for (size_t i = 0; i < conf->n_groups && i < GROUP_MEMBERS_MAX; i++)
		for (size_t k = 0; k < conf->groups[i].n_track; k++)
			strlcpy(names[n++], conf->groups[i].track[k], VIF_NAME_MAX);
	int err = vif_watch_open((const char(*)[VIF_NAME_MAX])names, n, &watch);

	if (err) {
		log_msg(d->log, LOG_LEVEL_ERR, "cannot watch links error=\"%s\"", strerror(-err));
		return err;
	}
	vif_watch_close(d->watch);
	d->watch = watch;
	for (size_t i = 0; i < d->n_vips; i++) {
		const struct vif_link *link = vif_watch_find(watch, d->vips[i].device.name);

		d->vips[i].deletions = link ? link->deletions : 0;
	}
	return 0;
}

static int make_devices(struct driver *d)
{
	struct vif_device wanted[CONF_VIPS_MAX];

	for (size_t i = 0; i < d->n_vips; i++) {
		struct vif_error error;
		int err = vif_ensure(d->vif, &d->vips[i].device, &error);

		if (err) {
			log_msg(d->log, LOG_LEVEL_ERR, "%s", error.text);
			return err;
		}
		wanted[i] = d->vips[i].device;
	}
	size_t swept = vif_sweep(d->vif, wanted, d->n_vips);

	if (swept)
		log_msg(d->log, LOG_LEVEL_INFO, "removed devices of an earlier run count=%zu",
			swept);
	return 0;
}

static int open_world(struct driver *d)
{
	int err = vif_open(&d->vif);

	if (!err)
		err = lease_open(&d->lease);
	if (!err)
		err = lease_watch_open(lease_portid(d->lease), &d->lease_watch);
	if (err) {
		log_msg(d->log, LOG_LEVEL_ERR, "cannot open netlink error=\"%s\"", strerror(-err));
		return err;
	}
	d->sender = vsock_sender_open();
	if (d->sender < 0) {
		log_msg(d->log, LOG_LEVEL_ERR, "cannot open packet socket error=\"%s\"%s",
			strerror(-d->sender), d->sender == -EPERM ? " (needs CAP_NET_RAW)" : "");
		return d->sender;
	}
	if (vif_sysctl_all_rp_filter() == 1)
		log_msg(d->log, LOG_LEVEL_WARN,
			"net.ipv4.conf.all.rp_filter=1 overrides the virtual MAC devices and drops "
			"what clients send: set it to 0 (and 1 per interface where wanted)");
	return 0;
}

static int open_driver(struct driver *d)
{
	if (!d->conf->pair.virtual_mac) {
		log_msg(d->log, LOG_LEVEL_ERR,
			"virtual_mac = no is not supported by this version: remove the line");
		return -EOPNOTSUPP;
	}
	int err = driver_lock(d);

	if (err) {
		log_msg(d->log, LOG_LEVEL_ERR, "%s error=\"%s\"",
			err == -EADDRINUSE
				? "another vrrpd runs in this network namespace: stop it first"
				: "cannot lock the network namespace",
			strerror(-err));
		return err;
	}
	err = control_open(d);
	if (!err)
		err = open_world(d);
	if (!err)
		err = describe(d);
	if (!err)
		err = driver_watch(d, d->conf);
	if (!err)
		err = make_devices(d);
	if (!err)
		err = driver_adopt_lease(d);
	if (!err)
		err = driver_listen(d);
	return err;
}

/** Removes what this run made. What a crashed one left stays, and falls silent by its lease. */
static void undo(struct driver *d)
{
	bool alone = !d->lease_found;

	for (size_t i = 0; d->vif && i < d->n_vips; i++) {
		if (d->vips[i].device.created && d->vips[i].device.ifindex > 0)
			vif_delete(d->vif, d->vips[i].device.ifindex);
		alone &= !d->vips[i].device.was_there;
	}
	if (alone && d->lease && d->lease_time.ns)
		lease_remove(d->lease);
}

int driver_open(const struct driver_options *options, struct conf *conf_take, struct driver **out)
{
	struct driver *d = calloc(1, sizeof(*d));

	if (!d) {
		conf_free(conf_take);
		return -ENOMEM;
	}
	d->options = *options;
	d->log = options->log;
	d->conf = conf_take;
	d->sender = d->lock = -1;
	d->started = mono_now();
	d->tick = kernel_tick();
	int err = open_driver(d);

	if (err) {
		undo(d);
		driver_close(d);
		return err;
	}
	*out = d;
	return 0;
}

static bool inside_lease(const struct dgroup *g, mono now)
{
	for (size_t i = 0; i < g->core.n_members; i++)
		if (!mono_before(now, g->vips[i]->lease_until))
			return false;
	return true;
}

/** What a crashed predecessor left of a group that is not continued. */
static void clean_group(struct driver *d, struct dgroup *g)
{
	uint32_t ifindexes[GROUP_MEMBERS_MAX];
	struct lease_error error;

	for (size_t i = 0; i < g->core.n_members; i++)
		ifindexes[i] = (uint32_t)g->vips[i]->device.ifindex;
	if (lease_shut(d->lease, ifindexes, g->core.n_members, &error))
		log_msg(d->log, LOG_LEVEL_ERR, "%s", error.text);
	for (size_t i = 0; i < g->core.n_members; i++)
		if (g->vips[i]->device.was_up)
			(void)!vif_set_up(d->vif, g->vips[i]->device.ifindex, false);
}

void driver_start(struct driver *d)
{
	for (size_t i = 0; i < d->n_groups; i++) {
		struct addr none[GROUP_MEMBERS_MAX] = {{.family = ADDR_NONE}};

		group_init(&d->groups[i].core, none, d->groups[i].core.n_members, mono_now());
		d->groups[i].track.priority = d->groups[i].conf->priority[d->conf->self];
	}
	driver_recall(d);
	driver_track(d);
	for (size_t i = 0; i < d->n_groups; i++) {
		struct dgroup *g = &d->groups[i];
		bool adopt = !g->track.n_faults && inside_lease(g, mono_now());

		if (!adopt)
			clean_group(d, g);
		if (g->track.n_faults)
			log_msg(d->log, LOG_LEVEL_WARN, "vrrp %s: not taking part fault=\"%s\"",
				g->conf->name, g->track.fault[0]);
		else
			driver_step(d, g,
				    &(struct group_event){.kind = adopt ? GROUP_EV_ADOPT
									: GROUP_EV_STARTUP});
	}
	driver_arm(d);
}

void driver_stop(struct driver *d)
{
	for (size_t i = 0; i < d->n_groups; i++)
		driver_step(d, &d->groups[i],
			    &(struct group_event){.kind = GROUP_EV_SHUTDOWN,
						  .reason = VRRP_REASON_SHUTDOWN});
	if (driver_has_news(d))
		driver_remember(d);
	for (size_t i = 0; i < d->n_vips; i++)
		vif_delete(d->vif, d->vips[i].device.ifindex);
	lease_remove(d->lease);
}

void driver_close(struct driver *d)
{
	if (!d)
		return;
	log_set_tap(d->log, NULL, NULL);
	ctl_server_close(d->ctl);
	struct event *events[] = {d->timer, d->lowering, d->watch_readable, d->mending,
				  d->lease_readable};

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
	for (size_t i = 0; i < d->n_receivers; i++) {
		if (d->receivers[i].readable)
			event_free(d->receivers[i].readable);
		vsock_receiver_close(&d->receivers[i].socket);
	}
	if (d->sender >= 0)
		close(d->sender);
	if (d->lock >= 0)
		close(d->lock);
	vif_watch_close(d->watch);
	lease_watch_close(d->lease_watch);
	lease_close(d->lease);
	vif_close(d->vif);
	conf_free(d->conf);
	free(d->receivers);
	free(d->vips);
	free(d->groups);
	free(d);
}
