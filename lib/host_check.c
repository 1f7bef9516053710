// SPDX-License-Identifier: GPL-2.0-or-later
#include "host_check.h"

#include "conf_report.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* ---- the host as it is ---- */

bool host_check_is_ours(const char *interface)
{
	size_t digits = strncmp(interface, "vr", 2) == 0 ? strspn(interface + 2, "0123456789") : 0;

	return digits > 0 && interface[2 + digits] == '.';
}

static bool view_interfaces(struct host_view *host)
{
	struct if_nameindex *list = if_nameindex();
	size_t n = 0;

	if (!list)
		return false;
	while (list[n].if_index != 0)
		n++;
	host->interfaces = calloc(n + 1, sizeof(*host->interfaces));
	for (size_t i = 0; host->interfaces && i < n; i++)
		if (strcmp(list[i].if_name, "lo") != 0 && !host_check_is_ours(list[i].if_name))
			strlcpy(host->interfaces[host->n_interfaces++], list[i].if_name,
				CONF_IFNAME_MAX);
	if_freenameindex(list);
	return host->interfaces != NULL;
}

static uint8_t count_ones(const uint8_t *mask, size_t len_bytes)
{
	int n = 0;

	for (size_t i = 0; i < len_bytes; i++)
		n += __builtin_popcount(mask[i]);
	return (uint8_t)n;
}

/** False for what is no Internet address. */
static bool take_address(const struct ifaddrs *from, struct host_address *to)
{
	struct sockaddr_in a4, m4;
	struct sockaddr_in6 a6, m6;

	if (!from->ifa_addr || !from->ifa_netmask || host_check_is_ours(from->ifa_name))
		return false;
	strlcpy(to->interface, from->ifa_name, sizeof(to->interface));
	if (from->ifa_addr->sa_family == AF_INET) {
		memcpy(&a4, from->ifa_addr, sizeof(a4));
		memcpy(&m4, from->ifa_netmask, sizeof(m4));
		to->prefix.addr = addr_from_bytes(ADDR_IPV4, (const uint8_t *)&a4.sin_addr.s_addr);
		to->prefix.len_bits = count_ones((const uint8_t *)&m4.sin_addr.s_addr, 4);
		return true;
	}
	if (from->ifa_addr->sa_family != AF_INET6)
		return false;
	memcpy(&a6, from->ifa_addr, sizeof(a6));
	memcpy(&m6, from->ifa_netmask, sizeof(m6));
	to->prefix.addr = addr_from_bytes(ADDR_IPV6, a6.sin6_addr.s6_addr);
	to->prefix.len_bits = count_ones(m6.sin6_addr.s6_addr, sizeof(m6.sin6_addr.s6_addr));
	return true;
}

static bool view_addresses(struct host_view *host)
{
	struct ifaddrs *list;
	size_t n = 0;

	if (getifaddrs(&list) != 0)
		return false;
	for (const struct ifaddrs *a = list; a; a = a->ifa_next)
		n++;
	host->addresses = calloc(n + 1, sizeof(*host->addresses));
	for (const struct ifaddrs *a = list; host->addresses && a; a = a->ifa_next)
		if (take_address(a, &host->addresses[host->n_addresses]))
			host->n_addresses++;
	freeifaddrs(list);
	return host->addresses != NULL;
}

static void view_fini(struct host_view *host)
{
	free(host->interfaces);
	free(host->addresses);
}

/* ---- the host as the configuration wants it ---- */

static bool has_interface(const struct host_view *host, const char *name)
{
	if (strcmp(name, "lo") == 0)
		return true;
	for (size_t i = 0; i < host->n_interfaces; i++)
		if (strcmp(host->interfaces[i], name) == 0)
			return true;
	return false;
}

/** Who has the address, or NULL. */
static const char *find_address(const struct host_view *host, const struct addr *address)
{
	for (size_t i = 0; i < host->n_addresses; i++)
		if (addr_equal(&host->addresses[i].prefix.addr, address))
			return host->addresses[i].interface;
	return NULL;
}

static const char *describe_missing(const struct host_view *host, const char *name, char *buf,
				    size_t cap_bytes)
{
	size_t end = (size_t)snprintf(buf, cap_bytes, "interface %s does not exist on this host; ",
				      name);

	strlcat(buf, host->n_interfaces > 0 ? "it has " : "it has none besides lo", cap_bytes);
	for (size_t i = 0; i < host->n_interfaces; i++) {
		/* Room for this name and for the dots that stand for the rest. */
		if (end + CONF_IFNAME_MAX + sizeof("it has , , ...") > cap_bytes - 8) {
			strlcat(buf, ", ...", cap_bytes);
			break;
		}
		if (i > 0)
			strlcat(buf, ", ", cap_bytes);
		strlcat(buf, host->interfaces[i], cap_bytes);
		end = strlen(buf);
	}
	return buf;
}

static void check_interface(struct conf_report *report, const struct host_view *host,
			    const char *name, int line)
{
	char text[sizeof(report->head->text)];

	if (!has_interface(host, name))
		conf_report_warning(report, line, "%s",
				    describe_missing(host, name, text, sizeof(text)));
}

static void check_pair_address(struct conf_report *report, const struct conf *conf,
			       const struct host_view *host)
{
	const struct conf_node *self = conf_self(conf);
	const struct conf_node *peer = conf_peer(conf);
	char text[ADDR_STR_MAX];

	if (!peer || find_address(host, &self->pair_address))
		return;
	addr_print(&self->pair_address, text, sizeof(text));
	if (find_address(host, &peer->pair_address))
		conf_report_warning(report, self->pair_address_line,
				    "pair_address %s of node %s is not an address of this host, "
				    "but that of node %s is; exchange the two",
				    text, self->name, peer->name);
	else
		conf_report_warning(report, self->pair_address_line,
				    "pair_address %s is not an address of this host; give the one "
				    "that node %s has on the link between the nodes",
				    text, self->name);
}

/** The host's own addresses on the interface: how many, how many of them in net, and the first. */
struct neighbours {
	size_t n, n_in_net;
	const struct prefix *first;
};

static struct neighbours find_neighbours(const struct host_view *host, const char *interface,
					 const struct prefix *net)
{
	struct neighbours found = {0};

	for (size_t i = 0; i < host->n_addresses; i++) {
		const struct host_address *a = &host->addresses[i];

		if (strcmp(a->interface, interface) != 0 ||
		    a->prefix.addr.family != net->addr.family)
			continue;
		if (found.n++ == 0)
			found.first = &a->prefix;
		found.n_in_net += prefix_contains(net, &a->prefix.addr);
	}
	return found;
}

static void check_vip_address(struct conf_report *report, const struct host_view *host,
			      const struct conf_vip *vip, size_t index)
{
	const struct prefix *p = &vip->address[index];
	const struct neighbours own = find_neighbours(host, vip->interface, p);
	const char *owner = find_address(host, &p->addr);
	char text[PREFIX_STR_MAX], own_text[PREFIX_STR_MAX];

	prefix_print(p, text, sizeof(text));
	if (owner)
		conf_report_warning(
			report, vip->address_line[index],
			"%s is on %s of this host already; a virtual address belongs to "
			"no host, remove it there or choose another",
			text, owner);
	else if (own.n > 0 && own.n_in_net == 0 && p->len_bits < 32)
		conf_report_warning(report, vip->address_line[index],
				    "this host has no address in the network of %s on %s; its "
				    "address there is %s, is it the right interface?",
				    text, vip->interface,
				    prefix_print(own.first, own_text, sizeof(own_text)));
}

static void check_vip(struct conf_report *report, const struct host_view *host,
		      const struct conf_vip *vip)
{
	static const struct prefix any_ipv4 = {.addr = {.family = ADDR_IPV4}};

	if (!has_interface(host, vip->interface)) {
		check_interface(report, host, vip->interface, vip->interface_line);
		return;
	}
	if (find_neighbours(host, vip->interface, &any_ipv4).n == 0)
		conf_report_warning(report, vip->interface_line,
				    "interface %s has no IPv4 address; each node needs one of its "
				    "own there to speak VRRP",
				    vip->interface);
	for (size_t i = 0; i < vip->n_addresses; i++)
		if (vip->address[i].addr.family == ADDR_IPV4)
			check_vip_address(report, host, vip, i);
}

struct conf_error *host_check_view(const struct conf *conf, const struct host_view *host)
{
	struct conf_report report = {0};

	if (conf->self >= conf->n_nodes)
		return NULL;
	check_pair_address(&report, conf, host);
	for (size_t i = 0; i < conf->n_vips; i++)
		check_vip(&report, host, &conf->vips[i]);
	for (size_t i = 0; i < conf->n_groups; i++)
		for (size_t j = 0; j < conf->groups[i].n_track; j++)
			check_interface(&report, host, conf->groups[i].track[j],
					conf->groups[i].track_line[j]);
	return report.head;
}

struct conf_error *host_check(const struct conf *conf)
{
	struct host_view host = {0};
	struct conf_error *findings = NULL;

	if (view_interfaces(&host) && view_addresses(&host))
		findings = host_check_view(conf, &host);
	view_fini(&host);
	return findings;
}

const char *host_check_missing(const char *interface, char *buf, size_t cap_bytes)
{
	struct host_view host = {0};

	(void)view_interfaces(&host); /* without a list it says that there is none */
	describe_missing(&host, interface, buf, cap_bytes);
	view_fini(&host);
	return buf;
}
