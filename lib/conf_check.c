// SPDX-License-Identifier: GPL-2.0-or-later
#include "conf_check.h"

#include <stdlib.h>
#include <string.h>

struct check {
	const struct conf *conf;
	const struct raw_conf *raw;
	struct conf_report *report;
};

static bool is_bad(const struct check *k, int line)
{
	const struct raw_section *section = raw_conf_find_line(k->raw, line);

	return section && section->bad;
}

/** The line of a key of the section at section_line, or that line when the key is not set. */
static int line_of(const struct check *k, int section_line, const char *name)
{
	const struct raw_section *section = raw_conf_find_line(k->raw, section_line);
	const struct raw_key *key = section ? raw_section_find_key(section, name) : NULL;

	return key ? key->line : section_line;
}

/** Said here, so that a check tells it before a daemon does. */
static void check_pair(const struct check *k)
{
	const struct raw_section *section;
	const struct raw_key *key;

	if (k->conf->pair.virtual_mac)
		return;
	STAILQ_FOREACH (section, &k->raw->sections, entries) {
		if (section->kind != SCHEMA_PAIR || section->bad)
			continue;
		key = raw_section_find_key(section, "virtual_mac");
		conf_report_error(k->report, key ? key->line : section->line,
				  "this release works with virtual MAC addresses only; remove "
				  "virtual_mac = no");
	}
}

static void check_pair_addresses(const struct check *k)
{
	const struct conf_node *a = &k->conf->nodes[0], *b = &k->conf->nodes[1];
	const struct conf_node *lacking = a->pair_address.family == ADDR_NONE ? a : b;

	if (lacking->pair_address.family == ADDR_NONE)
		conf_report_error(k->report, lacking->line,
				  "[node %s] needs 'pair_address', its own address on the link "
				  "between the nodes",
				  lacking->name);
	else if (addr_equal(&a->pair_address, &b->pair_address))
		conf_report_error(k->report, b->pair_address_line,
				  "nodes %s and %s have the same pair_address; each needs its own",
				  a->name, b->name);
	else if (a->pair_address.family != b->pair_address.family)
		conf_report_error(k->report, b->pair_address_line,
				  "the pair addresses of %s and %s are IPv4 and IPv6; use one "
				  "family for both",
				  a->name, b->name);
}

static void check_nodes(const struct check *k)
{
	const struct conf_node *a = &k->conf->nodes[0], *b = &k->conf->nodes[1];

	if (k->conf->n_nodes == 0)
		conf_report_error(
			k->report, 0,
			"there is no [node NAME] section; add one for each gateway, named "
			"like its host");
	if (k->conf->n_nodes < 2 || is_bad(k, a->line) || is_bad(k, b->line))
		return;
	check_pair_addresses(k);
	if (a->priority == b->priority)
		conf_report_error(
			k->report, line_of(k, b->line, "priority"),
			"nodes %s and %s both have priority %u; give the preferred node a "
			"higher one",
			a->name, b->name, a->priority);
}

static bool group_has_vip(const struct conf *conf, size_t group)
{
	for (size_t i = 0; i < conf->n_vips; i++)
		if (conf->vips[i].group == group)
			return true;
	return false;
}

/** A vip that was refused may have named any group: then no group is called unused. */
static bool any_vip_is_bad(const struct check *k)
{
	for (size_t i = 0; i < k->conf->n_vips; i++)
		if (is_bad(k, k->conf->vips[i].line))
			return true;
	return false;
}

static void check_groups(const struct check *k)
{
	for (size_t i = 0; i < k->conf->n_groups; i++) {
		const struct conf_group *group = &k->conf->groups[i];
		const struct raw_section *section = raw_conf_find_line(k->raw, group->line);

		if (!section || section->bad)
			continue;
		if (!group_has_vip(k->conf, i) && !any_vip_is_bad(k))
			conf_report_warning(k->report, group->line,
					    "no vip names group %s; add group = %s to a [vip]",
					    group->name, group->name);
		if (k->conf->n_nodes == 2 && raw_section_find_key(section, "priority") &&
		    group->priority[0] == group->priority[1])
			conf_report_error(k->report, group->line,
					  "both nodes have priority %u in group %s; give the "
					  "preferred node a higher one",
					  group->priority[0], group->name);
	}
}

/** lbd knows one owner of all connections: groups on different nodes would never be synchronised.
 */
static void check_preferences(const struct check *k)
{
	const struct conf *c = k->conf;
	const struct conf_group *first = NULL;
	bool warned = false;

	for (size_t i = 0; c->n_nodes == 2 && i < c->n_groups; i++) {
		const struct conf_group *group = &c->groups[i];

		if (group->line != 0 && is_bad(k, group->line))
			continue;
		if (!group_has_vip(c, i) || group->priority[0] == group->priority[1])
			continue;
		if (!first) {
			first = group;
			continue;
		}
		if ((first->priority[0] > first->priority[1]) !=
		    (group->priority[0] > group->priority[1]))
			conf_report_error(k->report, group->line ? group->line : first->line,
					  "groups %s and %s prefer different nodes, but this "
					  "release keeps connections equal only while all groups "
					  "are Active on one node; let both prefer the same node",
					  first->name, group->name);
		else if (!warned)
			conf_report_warning(k->report, group->line ? group->line : first->line,
					    "there is more than one group; connections are kept "
					    "equal only while all of them are Active on one node");
		warned = true;
	}
}

static bool vip_has_family(const struct conf_vip *vip, enum addr_family family)
{
	for (size_t i = 0; i < vip->n_addresses; i++)
		if (vip->address[i].addr.family == family)
			return true;
	return false;
}

/** A network's own number, or its broadcast address, in place of a host's. */
static bool is_no_host_of_its_net(const struct prefix *p)
{
	if (p->addr.family != ADDR_IPV4 || p->len_bits >= 31)
		return false;

	uint32_t host_mask = UINT32_MAX >> p->len_bits;
	uint32_t host = addr_to_ipv4(&p->addr) & host_mask;

	return host == 0 || host == host_mask;
}

static void check_vip(const struct check *k, const struct conf_vip *vip)
{
	char text[PREFIX_STR_MAX];

	if (!vip_has_family(vip, ADDR_IPV4))
		conf_report_error(k->report, vip->line,
				  "[vip %s] has no IPv4 address; this release serves IPv4 only",
				  vip->name);
	else if (vip_has_family(vip, ADDR_IPV6))
		conf_report_warning(k->report, vip->line,
				    "the IPv6 addresses of [vip %s] are not served by this release",
				    vip->name);
	for (size_t i = 0; i < vip->n_addresses; i++) {
		if (is_no_host_of_its_net(&vip->address[i]))
			conf_report_error(k->report, vip->address_line[i],
					  "%s in [vip %s] is the number of the network or its "
					  "broadcast address; give the address of a host",
					  prefix_print(&vip->address[i], text, sizeof(text)),
					  vip->name);
		for (size_t j = 0; j < k->conf->n_nodes; j++)
			if (addr_equal(&vip->address[i].addr, &k->conf->nodes[j].pair_address))
				conf_report_error(k->report, vip->address_line[i],
						  "[vip %s] holds the pair_address of node %s; the "
						  "pair link needs addresses that never move",
						  vip->name, k->conf->nodes[j].name);
	}
}

/** How often the address of a[i] stands in b, not counting the entry itself when a is b. */
static bool address_stands_in(const struct conf_vip *a, size_t i, const struct conf_vip *b)
{
	size_t end = a == b ? i : b->n_addresses;

	for (size_t j = 0; j < end; j++)
		if (addr_equal(&a->address[i].addr, &b->address[j].addr))
			return true;
	return false;
}

/** earlier may be vip itself: then only its addresses are compared. */
static void check_vip_against(const struct check *k, const struct conf_vip *vip,
			      const struct conf_vip *earlier)
{
	char text[ADDR_STR_MAX];
	bool share_family =
		(vip_has_family(vip, ADDR_IPV4) && vip_has_family(earlier, ADDR_IPV4)) ||
		(vip_has_family(vip, ADDR_IPV6) && vip_has_family(earlier, ADDR_IPV6));

	if (vip != earlier && vip->vrid == earlier->vrid && share_family &&
	    strcmp(vip->interface, earlier->interface) == 0)
		conf_report_error(k->report, line_of(k, vip->line, "vrid"),
				  "vips %s and %s both have vrid %u on %s; give each its own",
				  earlier->name, vip->name, vip->vrid, vip->interface);
	for (size_t i = 0; i < vip->n_addresses; i++)
		if (address_stands_in(vip, i, earlier))
			conf_report_error(k->report, vip->address_line[i],
					  "address %s of [vip %s] stands in [vip %s] already",
					  addr_print(&vip->address[i].addr, text, sizeof(text)),
					  vip->name, earlier->name);
}

static void check_vips(const struct check *k)
{
	const struct conf *c = k->conf;

	if (c->n_vips == 0)
		conf_report_warning(k->report, 0,
				    "there is no [vip NAME] section: the pair holds no address");
	if (c->n_vips > CONF_VIPS_MAX) {
		conf_report_error(k->report, c->vips[CONF_VIPS_MAX].line,
				  "there are %zu vips, at most %d are possible; a vip takes up to "
				  "%d addresses",
				  c->n_vips, CONF_VIPS_MAX, CONF_ADDRESSES_MAX);
		return;
	}
	for (size_t i = 0; i < c->n_vips; i++) {
		if (is_bad(k, c->vips[i].line))
			continue;
		check_vip(k, &c->vips[i]);
		for (size_t j = 0; j <= i; j++)
			if (!is_bad(k, c->vips[j].line))
				check_vip_against(k, &c->vips[i], &c->vips[j]);
	}
}

static int compare_names(const void *a, const void *b)
{
	const struct conf_server *x = *(const struct conf_server *const *)a;
	const struct conf_server *y = *(const struct conf_server *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->line - y->line;
}

static int compare_addresses(const void *a, const void *b)
{
	const struct conf_server *x = *(const struct conf_server *const *)a;
	const struct conf_server *y = *(const struct conf_server *const *)b;
	int order = addr_compare(&x->address, &y->address);

	return order ? order : x->line - y->line;
}

static int compare_address_to(const void *key, const void *element)
{
	return addr_compare(key, &(*(const struct conf_server *const *)element)->address);
}

/** The server among those sorted by address that has this one, or NULL. */
static const struct conf_server *find_server(const struct conf_server **sorted, size_t n,
					     const struct addr *address)
{
	const struct conf_server **found =
		bsearch(address, sorted, n, sizeof(*sorted), compare_address_to);

	return found ? *found : NULL;
}

/** An address of the gateways cannot be a server's as well: they would send clients to themselves.
 */
static void check_servers_are_others(const struct check *k, const struct conf_server **sorted,
				     size_t n)
{
	const struct conf *c = k->conf;
	const struct conf_server *server;

	for (size_t i = 0; i < c->n_nodes; i++) {
		server = find_server(sorted, n, &c->nodes[i].pair_address);
		if (server)
			conf_report_error(k->report, server->line,
					  "server '%s' has the pair_address of node %s; give the "
					  "server's own address",
					  server->name, c->nodes[i].name);
	}
	for (size_t i = 0; i < c->n_vips; i++)
		for (size_t j = 0; j < c->vips[i].n_addresses; j++) {
			server = find_server(sorted, n, &c->vips[i].address[j].addr);
			if (server)
				conf_report_error(k->report, server->line,
						  "server '%s' has an address of [vip %s]; give "
						  "the server's own address",
						  server->name, c->vips[i].name);
		}
}

/** Sorted, equal ones are neighbours: a pool may have thousands of servers. */
static void check_servers(const struct check *k, const struct conf_pool *pool)
{
	const struct conf_server **sorted = calloc(pool->n_servers, sizeof(*sorted));
	char text[ADDR_STR_MAX];

	if (!sorted) {
		k->report->out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < pool->n_servers; i++)
		sorted[i] = &pool->servers[i];
	qsort(sorted, pool->n_servers, sizeof(*sorted), compare_names);
	for (size_t i = 1; i < pool->n_servers; i++)
		if (strcmp(sorted[i]->name, sorted[i - 1]->name) == 0)
			conf_report_error(
				k->report, sorted[i]->line,
				"server '%s' is in pool %s already, on line %d; rename or "
				"remove one",
				sorted[i]->name, pool->name, sorted[i - 1]->line);
	qsort(sorted, pool->n_servers, sizeof(*sorted), compare_addresses);
	for (size_t i = 1; i < pool->n_servers; i++)
		if (addr_equal(&sorted[i]->address, &sorted[i - 1]->address))
			conf_report_error(
				k->report, sorted[i]->line,
				"%s is the address of server '%s' on line %d already; for a "
				"bigger share give that one weight=N",
				addr_print(&sorted[i]->address, text, sizeof(text)),
				sorted[i - 1]->name, sorted[i - 1]->line);
	check_servers_are_others(k, sorted, pool->n_servers);
	free(sorted);
}

static bool pool_has_service(const struct conf *conf, size_t pool)
{
	for (size_t i = 0; i < conf->n_services; i++)
		if (conf->services[i].pool == pool)
			return true;
	return false;
}

static bool any_service_is_bad(const struct check *k)
{
	for (size_t i = 0; i < k->conf->n_services; i++)
		if (is_bad(k, k->conf->services[i].line))
			return true;
	return false;
}

static void check_pool(const struct check *k, size_t index)
{
	const struct conf_pool *pool = &k->conf->pools[index];

	if (!pool_has_service(k->conf, index) && !any_service_is_bad(k))
		conf_report_warning(k->report, pool->line, "no service uses pool %s", pool->name);
	for (size_t i = 0; i < pool->n_servers; i++)
		if (pool->servers[i].address.family == ADDR_IPV6)
			conf_report_error(
				k->report, pool->servers[i].line,
				"server '%s' has an IPv6 address; this release serves IPv4 "
				"only, give its IPv4 address",
				pool->servers[i].name);
	if (mono_before(pool->check.interval, pool->check.timeout))
		conf_report_error(
			k->report, pool->line,
			"pool %s has a check_timeout longer than its check_interval (%lldms "
			"and %lldms); make it shorter",
			pool->name, (long long)mono_to_ms(pool->check.timeout),
			(long long)mono_to_ms(pool->check.interval));
	if (pool->n_servers > pool->buckets)
		conf_report_error(
			k->report, pool->line,
			"pool %s has %zu servers but %u buckets; some servers would get no "
			"client, raise buckets",
			pool->name, pool->n_servers, pool->buckets);
	check_servers(k, pool);
}

/** No finding when a service was refused or has no ports: that was said, and this follows. */
static void check_pool_port(const struct check *k, size_t index)
{
	const struct conf_pool *pool = &k->conf->pools[index];

	if (pool->check.type != CONF_CHECK_TCP || pool->check.port != 0 ||
	    !pool_has_service(k->conf, index) || any_service_is_bad(k))
		return;
	for (size_t i = 0; i < k->conf->n_services; i++)
		if (k->conf->services[i].pool == index && k->conf->services[i].n_ports == 0)
			return;
	conf_report_error(k->report, pool->line,
			  "pool %s is checked over TCP but its first service has no TCP port; set "
			  "check_port, or check = none",
			  pool->name);
}

/** The first pair of ports that the two services claim both, or NULL; a may be b. */
static const struct conf_port *find_overlap(const struct conf_service *a,
					    const struct conf_service *b)
{
	for (size_t i = 0; i < a->n_ports; i++) {
		size_t end = a == b ? i : b->n_ports;

		for (size_t j = 0; j < end; j++)
			if (a->port[i].proto == b->port[j].proto &&
			    port_range_overlaps(&a->port[i].range, &b->port[j].range))
				return &a->port[i];
	}
	return NULL;
}

static void check_service(const struct check *k, size_t index)
{
	const struct conf_service *service = &k->conf->services[index];

	if (service->n_ports == 0)
		conf_report_error(k->report, service->line,
				  "[service %s] has no ports; add ports = tcp/443 or the like, or "
				  "profile = NAME",
				  service->name);
	for (size_t i = 0; i <= index; i++) {
		const struct conf_service *earlier = &k->conf->services[i];
		const struct conf_port *port = NULL;
		char text[16];

		if (earlier->vip == service->vip && !is_bad(k, earlier->line))
			port = find_overlap(service, earlier);
		if (port && earlier == service)
			conf_report_error(k->report, service->line,
					  "%s/%s of [service %s] overlaps another of its ports; "
					  "name each port once",
					  conf_proto_name(port->proto),
					  port_range_print(&port->range, text, sizeof(text)),
					  service->name);
		else if (port)
			conf_report_error(
				k->report, service->line,
				"%s/%s of [service %s] belongs to [service %s] on the same "
				"vip already; give the ports to one of them",
				conf_proto_name(port->proto),
				port_range_print(&port->range, text, sizeof(text)), service->name,
				earlier->name);
	}
}

void conf_check(const struct conf *conf, const struct raw_conf *raw, struct conf_report *report)
{
	const struct check k = {.conf = conf, .raw = raw, .report = report};

	check_pair(&k);
	check_nodes(&k);
	check_groups(&k);
	check_preferences(&k);
	check_vips(&k);
	for (size_t i = 0; i < conf->n_pools; i++)
		if (!is_bad(&k, conf->pools[i].line)) {
			check_pool(&k, i);
			check_pool_port(&k, i);
		}
	for (size_t i = 0; i < conf->n_services; i++)
		if (!is_bad(&k, conf->services[i].line))
			check_service(&k, i);
}
