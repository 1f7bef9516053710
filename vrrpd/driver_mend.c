// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keeping the kernel as vrrpd needs it, whatever others do to it: the lease's table, the devices,
 * their addresses, parents that are removed and come back. What cannot be repaired is a fault of
 * the group until a later attempt succeeds.
 */
#include "driver_priv.h"

#include <errno.h>
#include <string.h>

enum {
	RETRY_S = 2,
};

/** Whether there is a device of ours under the index we know. */
static bool device_exists(struct driver *d, const struct vip *v)
{
	return v->device.ifindex > 0 && vif_index(d->vif, v->device.name) == v->device.ifindex;
}

static int install(struct driver *d, struct lease_device *devices, size_t n)
{
	mono interval = d->conf->pair.advert_interval;
	/* Shorter than 3 intervals by a tick, so that even rounded up it ends before a peer with
	 * the smallest Skew_Time takes over. */
	mono timeout = mono_sub(mono_mul(interval, VRRP_LEASE_INTERVALS), d->tick);
	struct lease_times times = {
		.timeout = timeout,
		.hold = mono_min(timeout, mono_from_ms(VRRP_HOLD_MS)),
	};
	struct lease_error error;
	int err = lease_install(d->lease, devices, n, &times, &error);

	if (err)
		log_msg(d->log, LOG_LEVEL_ERR, "%s", error.text);
	else
		d->lease_time = timeout;
	return err;
}

static struct lease_device describe(const struct vip *v)
{
	struct lease_device device = {
		.ifindex = (uint32_t)v->device.ifindex, .lease_ms = -1, .answer_ms = -1};

	strlcpy(device.name, v->device.name, sizeof(device.name));
	return device;
}

int driver_adopt_lease(struct driver *d)
{
	struct lease_device devices[CONF_VIPS_MAX];

	d->lease_found = lease_exists(d->lease);
	for (size_t i = 0; i < d->n_vips; i++)
		devices[i] = describe(&d->vips[i]);
	mono now = mono_now();
	int err = lease_read(d->lease, devices, d->n_vips);

	for (size_t i = 0; i < d->n_vips; i++) {
		if (err || !d->vips[i].device.was_up)
			devices[i].lease_ms = devices[i].answer_ms = -1;
		/* A router that had begun to resign has no more than a short lease left, one that
		 * was only taking over does not answer yet: no certificate either way. */
		if (devices[i].answer_ms > VRRP_HOLD_MS)
			d->vips[i].lease_until = mono_add(now, mono_from_ms(devices[i].answer_ms));
	}
	return install(d, devices, d->n_vips);
}

void driver_install_lease(struct driver *d)
{
	struct lease_device devices[CONF_VIPS_MAX];
	mono now = mono_now();
	size_t n = 0;

	for (size_t i = 0; i < d->n_vips; i++) {
		const struct vip *v = &d->vips[i];
		const struct vrrp_router *r = &v->group->core.member[v->member];

		if (!device_exists(d, v))
			continue;
		devices[n] = describe(v);
		if (r->state == VRRP_ACTIVE && mono_before(now, r->lease_until)) {
			devices[n].lease_ms = mono_to_ms(mono_sub(r->lease_until, now));
			if (vrrp_is_answering(r, now))
				devices[n].answer_ms = devices[n].lease_ms;
		}
		n++;
	}
	if (install(d, devices, n))
		evtimer_add(d->mending, &(struct timeval){.tv_sec = RETRY_S});
}

void driver_trouble(struct driver *d, struct vip *v, const char *what)
{
	v->trouble = what;
	v->failing_since = mono_never();
	d->judge = true;
	evtimer_add(d->mending, &(struct timeval){.tv_sec = RETRY_S});
	event_active(d->watch_readable, EV_READ, 0);
}

/** A parent that was removed and came back, under a new index. */
static void mend_receiver(struct driver *d, struct receiver *r)
{
	const struct vif_link *link = vif_watch_find(d->watch, r->parent);

	if (!link || !link->ifindex || link->ifindex == r->ifindex)
		return;
	if (r->readable)
		event_free(r->readable);
	r->readable = NULL;
	vsock_receiver_close(&r->socket);
	r->ifindex = 0;
	if (driver_open_receiver(d, r) || driver_listen(d)) {
		r->ifindex = 0;
		evtimer_add(d->mending, &(struct timeval){.tv_sec = RETRY_S});
		return;
	}
	log_msg(d->log, LOG_LEVEL_NOTICE, "interface is back interface=%s index=%d", r->parent,
		r->ifindex);
}

static bool remake_device(struct driver *d, struct vip *v)
{
	struct vif_error error;

	v->device.parent_ifindex = v->receiver->ifindex;
	if (vif_ensure(d->vif, &v->device, &error)) {
		log_limited(d->log, &v->limit_send, LOG_LEVEL_ERR, "%s", error.text);
		v->device.ifindex = 0;
		driver_trouble(d, v, "cannot be made");
		return false;
	}
	v->repaired++;
	log_msg(d->log, LOG_LEVEL_WARN, "device was removed, made again device=%s", v->device.name);
	return true;
}

static void mend_addresses(struct driver *d, struct vip *v)
{
	int n = vif_restore_addresses(d->vif, &v->device);

	if (n < 0) {
		log_msg(d->log, LOG_LEVEL_ERR, "cannot put back addresses device=%s error=\"%s\"",
			v->device.name, strerror(-n));
		driver_trouble(d, v, "cannot hold its addresses");
	} else if (n > 0) {
		v->repaired++;
		log_msg(d->log, LOG_LEVEL_WARN,
			"addresses were removed, put back device=%s count=%d", v->device.name, n);
	}
}

/** Raising the device of an Active member, or seeing whether a failed one could be raised now. */
static bool mend_state(struct driver *d, struct vip *v, bool is_up)
{
	const struct vif_link *parent = vif_watch_find(d->watch, v->device.parent);
	bool active = v->group->core.state == VRRP_ACTIVE;

	if (!parent || !parent->admin_up)
		return false;
	if (v->trouble ? !d->retrying : !active || is_up)
		return false;
	if (vif_set_up(d->vif, v->device.ifindex, true)) {
		driver_trouble(d, v, "cannot be raised");
		return false;
	}
	v->trouble = NULL;
	if (!active) {
		(void)!vif_set_up(d->vif, v->device.ifindex, false);
		return false;
	}
	v->repaired++;
	log_msg(d->log, LOG_LEVEL_WARN, "device was set down, raised again device=%s",
		v->device.name);
	return true;
}

/** Returns true when the device works again and the neighbours should hear of it. */
static bool mend_device(struct driver *d, struct vip *v, bool *remade)
{
	const struct vif_link *link = vif_watch_find(d->watch, v->device.name);
	const struct vif_link *parent = vif_watch_find(d->watch, v->device.parent);
	bool is_up = link && link->admin_up;

	if (!parent || !parent->ifindex || parent->ifindex != v->receiver->ifindex)
		return false; /* the parent's fault: tracked */
	if (v->device.parent_ifindex != parent->ifindex || !device_exists(d, v)) {
		if (!remake_device(d, v))
			return false;
		*remade = true;
		is_up = v->device.was_up;
	} else if (link && link->deletions != v->deletions) {
		mend_addresses(d, v);
	}
	if (link)
		v->deletions = link->deletions;
	return mend_state(d, v, is_up);
}

void driver_mend(struct driver *d)
{
	bool speak[CONF_VIPS_MAX] = {false};
	bool remade = false;

	for (size_t i = 0; i < d->n_receivers; i++)
		mend_receiver(d, &d->receivers[i]);
	for (size_t i = 0; i < d->n_vips; i++)
		speak[i] = mend_device(d, &d->vips[i], &remade);
	if (remade)
		driver_install_lease(d);
	for (size_t i = 0; i < d->n_vips; i++) {
		struct vip *v = &d->vips[i];

		if (!speak[i])
			continue;
		announce_stop(&v->announce);
		announce_start(&v->announce, mono_zero(), mono_now());
		/* Twice: a new device has neither lease nor answers. */
		for (int k = 0; k < 2; k++)
			driver_step(d, v->group,
				    &(struct group_event){.kind = GROUP_EV_RECONFIGURE});
	}
}

static void on_mending(evutil_socket_t fd, short what, void *arg)
{
	struct driver *d = arg;
	bool again = false;

	(void)fd;
	(void)what;
	(void)vif_watch_read(d->watch);
	driver_install_lease(d);
	d->retrying = true;
	driver_mend(d);
	d->retrying = false;
	driver_track(d);
	for (size_t i = 0; i < d->n_vips; i++)
		again |= d->vips[i].trouble != NULL;
	if (again)
		evtimer_add(d->mending, &(struct timeval){.tv_sec = RETRY_S});
	driver_arm(d);
}

static void on_lease_touched(evutil_socket_t fd, short what, void *arg)
{
	struct driver *d = arg;

	(void)fd;
	(void)what;
	if (!lease_watch_read(d->lease_watch))
		return;
	d->lease_repaired++;
	/* A device that was removed took its chains along: first make it again. */
	if (vif_watch_read(d->watch)) {
		driver_mend(d);
		driver_track(d);
	}
	driver_install_lease(d);
	log_limited(d->log, &d->limit_lease, LOG_LEVEL_WARN,
		    "nft table netdev " LEASE_TABLE " was changed or removed by another program, "
		    "put back");
	driver_arm(d);
}

int driver_mend_listen(struct driver *d)
{
	if (!d->mending)
		d->mending = evtimer_new(d->options.base, on_mending, d);
	if (!d->lease_readable) {
		d->lease_readable = event_new(d->options.base, lease_watch_fd(d->lease_watch),
					      EV_READ | EV_PERSIST, on_lease_touched, d);
		if (!d->lease_readable || event_add(d->lease_readable, NULL))
			return -ENOMEM;
	}
	return d->mending ? 0 : -ENOMEM;
}
