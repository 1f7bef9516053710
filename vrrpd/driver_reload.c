// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A new configuration while running. What can change live does; a different set of groups, virtual
 * routers or nodes needs a restart, and until then the old configuration stays as a whole.
 */
#include "driver_priv.h"

#include <string.h>

static bool same_vip(const struct conf_vip *a, const struct conf_vip *b)
{
	if (strcmp(a->name, b->name) != 0 || strcmp(a->interface, b->interface) != 0 ||
	    a->vrid != b->vrid || a->group != b->group || a->n_addresses != b->n_addresses)
		return false;
	for (size_t i = 0; i < a->n_addresses; i++)
		if (!addr_equal(&a->address[i].addr, &b->address[i].addr) ||
		    a->address[i].len_bits != b->address[i].len_bits)
			return false;
	return true;
}

/** The first thing that cannot change live, or NULL. */
static const char *shape_change(const struct conf *a, const struct conf *b)
{
	if (a->n_nodes != b->n_nodes || a->self != b->self ||
	    strcmp(a->nodes[a->self].name, b->nodes[b->self].name) != 0)
		return "nodes";
	if (a->pair.virtual_mac != b->pair.virtual_mac)
		return "virtual_mac";
	if (a->n_groups != b->n_groups)
		return "groups";
	for (size_t i = 0; i < a->n_groups; i++)
		if (strcmp(a->groups[i].name, b->groups[i].name) != 0)
			return "groups";
	if (a->n_vips != b->n_vips)
		return "vips";
	for (size_t i = 0; i < a->n_vips; i++)
		if (!same_vip(&a->vips[i], &b->vips[i]))
			return "vips";
	return NULL;
}

static void repoint(struct driver *d, const struct conf *old)
{
	for (size_t i = 0; i < d->n_groups; i++)
		d->groups[i].conf = &d->conf->groups[d->groups[i].conf - old->groups];
	for (size_t i = 0; i < d->n_vips; i++)
		d->vips[i].conf = &d->conf->vips[d->vips[i].conf - old->vips];
}

static void apply(struct driver *d, struct conf *conf)
{
	struct conf *old = d->conf;
	bool interval = old->pair.advert_interval.ns != conf->pair.advert_interval.ns;

	d->conf = conf;
	repoint(d, old);
	conf_free(old);
	event_free(d->watch_readable);
	d->watch_readable = NULL;
	if (driver_listen(d))
		log_msg(d->log, LOG_LEVEL_ERR, "out of memory while reloading: restart vrrpd");
	driver_track(d);
	if (!interval)
		return;
	driver_install_lease(d); /* on failure the old rules stay, with the old T */
	for (size_t i = 0; i < d->n_groups; i++)
		driver_step(d, &d->groups[i], &(struct group_event){.kind = GROUP_EV_RECONFIGURE});
}

void driver_reload(struct driver *d)
{
	struct conf *conf = daemon_conf_reload(d->options.daemon, d->log);

	if (!conf)
		return;
	const char *change = shape_change(d->conf, conf);

	if (change) {
		log_msg(d->log, LOG_LEVEL_WARN,
			"configuration not applied, the old one stays: %s changed, which needs a "
			"restart of vrrpd",
			change);
		conf_free(conf);
		return;
	}
	if (driver_watch(d, conf)) {
		conf_free(conf);
		return;
	}
	apply(d, conf);
	driver_arm(d);
	log_msg(d->log, LOG_LEVEL_INFO, "configuration loaded hash=%016llx",
		(unsigned long long)d->conf->hash);
}
