// SPDX-License-Identifier: GPL-2.0-or-later
#include "layout.h"

#include <stdio.h>
#include <string.h>

enum {
	MAPPER_PORT = 135,
};

/* What layout_build() passes around. */
struct builder {
	const struct conf *conf;
	struct layout *out;
	char *why;
	size_t cap_bytes;
};

static uint32_t net_mask(uint8_t len_bits)
{
	return len_bits == 0 ? 0 : UINT32_MAX << (32 - len_bits);
}

static bool same_net(uint32_t a, uint32_t b, uint8_t len_bits)
{
	return ((a ^ b) & net_mask(len_bits)) == 0;
}

static size_t lan_of(struct layout *l, const char *interface)
{
	for (size_t i = 0; i < l->n_lans; i++)
		if (strcmp(l->lan[i].interface, interface) == 0)
			return i;
	return l->n_lans;
}

static bool add_lan(struct builder *b, const char *interface)
{
	if (lan_of(b->out, interface) < b->out->n_lans)
		return true;
	if (b->out->n_lans == LAYOUT_LANS_MAX) {
		snprintf(b->why, b->cap_bytes, "more than %d interfaces in one configuration",
			 LAYOUT_LANS_MAX);
		return false;
	}
	snprintf(b->out->lan[b->out->n_lans++].interface, CONF_IFNAME_MAX, "%s", interface);
	return true;
}

static bool add_net(struct builder *b, size_t lan, const struct prefix *p)
{
	struct layout *l = b->out;
	uint32_t vip = addr_to_ipv4(&p->addr);

	for (size_t i = 0; i < l->n_nets; i++)
		if (l->net[i].lan == lan && l->net[i].len_bits == p->len_bits &&
		    same_net(l->net[i].vip, vip, p->len_bits))
			return true;
	if (l->n_nets == LAYOUT_NETS_MAX) {
		snprintf(b->why, b->cap_bytes, "more than %d networks in one configuration",
			 LAYOUT_NETS_MAX);
		return false;
	}
	l->net[l->n_nets++] = (struct layout_net){.lan = lan, .vip = vip, .len_bits = p->len_bits};
	return true;
}

static bool add_networks(struct builder *b)
{
	const struct conf *conf = b->conf;

	for (size_t i = 0; i < conf->n_vips; i++) {
		const struct conf_vip *vip = &conf->vips[i];

		if (!add_lan(b, vip->interface))
			return false;
		for (size_t a = 0; a < vip->n_addresses; a++)
			if (vip->address[a].addr.family == ADDR_IPV4 &&
			    !add_net(b, lan_of(b->out, vip->interface), &vip->address[a]))
				return false;
	}
	for (size_t i = 0; i < conf->n_groups; i++)
		for (size_t t = 0; t < conf->groups[i].n_track; t++)
			if (!add_lan(b, conf->groups[i].track[t]))
				return false;
	return true;
}

static size_t net_of(const struct layout *l, uint32_t address)
{
	for (size_t i = 0; i < l->n_nets; i++)
		if (same_net(l->net[i].vip, address, l->net[i].len_bits))
			return i;
	return l->n_nets;
}

static bool add_server(struct builder *b, const struct conf_server *s)
{
	struct layout *l = b->out;
	uint32_t address = addr_to_ipv4(&s->address);
	size_t net = net_of(l, address);

	for (size_t i = 0; i < l->n_servers; i++)
		if (l->server[i].address == address)
			return true;
	if (net == l->n_nets) {
		snprintf(
			b->why, b->cap_bytes,
			"server %s is in no VIP's network: give its network a [vip] as its gateway",
			s->name);
		return false;
	}
	if (l->n_servers == LAYOUT_SERVERS_MAX) {
		snprintf(b->why, b->cap_bytes, "more than %d servers", LAYOUT_SERVERS_MAX);
		return false;
	}
	struct layout_server *server = &l->server[l->n_servers++];

	*server = (struct layout_server){.address = address, .net = net};
	snprintf(server->name, sizeof(server->name), "%s", s->name);
	return true;
}

static bool add_servers(struct builder *b)
{
	for (size_t p = 0; p < b->conf->n_pools; p++)
		for (size_t s = 0; s < b->conf->pools[p].n_servers; s++)
			if (b->conf->pools[p].servers[s].address.family == ADDR_IPV4 &&
			    !add_server(b, &b->conf->pools[p].servers[s]))
				return false;
	return true;
}

/* The widest TCP range of a service that also takes the endpoint mapper's port; NULL if none. */
static const struct port_range *dynamic_range(const struct conf_service *s)
{
	const struct port_range *widest = NULL;
	bool mapper = false;

	for (size_t i = 0; i < s->n_ports; i++) {
		const struct port_range *r = &s->port[i].range;

		if (s->port[i].proto != CONF_PROTO_TCP)
			continue;
		mapper = mapper || (r->first <= MAPPER_PORT && r->last >= MAPPER_PORT);
		if (r->first > MAPPER_PORT &&
		    (!widest || r->last - r->first > widest->last - widest->first))
			widest = r;
	}
	return mapper ? widest : NULL;
}

static void assign_ports(struct layout *l, const struct port_range *range)
{
	/* Spread over the range, so that rules for a part of it do not pass for rules for it all.
	 */
	size_t step = (size_t)(range->last - range->first) / (l->n_servers + 1);

	for (size_t i = 0; i < l->n_servers; i++)
		l->server[i].port = (uint16_t)(range->first + step * (i + 1));
}

static bool choose_service(struct builder *b)
{
	struct layout *l = b->out;

	for (size_t i = 0; i < b->conf->n_services; i++) {
		const struct conf_service *s = &b->conf->services[i];
		const struct conf_vip *vip = &b->conf->vips[s->vip];
		const struct port_range *range = dynamic_range(s);

		if (!range || (size_t)(range->last - range->first) < 2 * l->n_servers)
			continue;
		for (size_t a = 0; a < vip->n_addresses; a++) {
			if (vip->address[a].addr.family != ADDR_IPV4)
				continue;
			l->service = i;
			l->front = addr_to_ipv4(&vip->address[a].addr);
			l->front_net = net_of(l, l->front);
			l->front_group = vip->group;
			l->front_vrid = vip->vrid;
			assign_ports(l, range);
			return true;
		}
	}
	snprintf(b->why, b->cap_bytes,
		 "no service on an IPv4 VIP takes tcp/135 and a port range: "
		 "the drill needs one, e.g. with profile = exchange-rpc");
	return false;
}

static bool check_servers(struct builder *b)
{
	const struct layout *l = b->out;
	const struct conf_pool *pool = &b->conf->pools[b->conf->services[l->service].pool];
	size_t n = 0;

	for (size_t i = 0; i < l->n_servers; i++) {
		if (l->server[i].net == l->front_net) {
			snprintf(b->why, b->cap_bytes,
				 "server %s is on the clients' network %s: a drill cannot place "
				 "clients there",
				 l->server[i].name, l->lan[l->net[l->front_net].lan].interface);
			return false;
		}
	}
	for (size_t i = 0; i < pool->n_servers; i++)
		n += pool->servers[i].address.family == ADDR_IPV4;
	if (n == 0)
		snprintf(b->why, b->cap_bytes, "pool %s has no IPv4 server", pool->name);
	return n > 0;
}

static bool is_taken(const struct builder *b, uint32_t address)
{
	const struct layout *l = b->out;

	for (size_t i = 0; i < b->conf->n_vips; i++)
		for (size_t a = 0; a < b->conf->vips[i].n_addresses; a++)
			if (addr_to_ipv4(&b->conf->vips[i].address[a].addr) == address)
				return true;
	for (size_t i = 0; i < l->n_servers; i++)
		if (l->server[i].address == address)
			return true;
	for (size_t i = 0; i < l->n_nets; i++)
		if (l->net[i].gateway[0] == address || l->net[i].gateway[1] == address)
			return true;
	for (size_t i = 0; i < l->n_clients; i++)
		if (l->client[i] == address)
			return true;
	return l->pair[0] == address || l->pair[1] == address;
}

/* The highest free host address of a net, or 0. */
static uint32_t take_address(const struct builder *b, const struct layout_net *net)
{
	uint32_t mask = net_mask(net->len_bits);
	uint32_t first = net->vip & mask;

	for (uint32_t a = first | ~mask; a > first + 1;) {
		a--;
		if (!is_taken(b, a))
			return a;
	}
	return 0;
}

static void lay_pair(struct builder *b)
{
	struct layout *l = b->out;

	for (size_t n = 0; n < CONF_NODES_MAX; n++)
		l->pair[n] = addr_to_ipv4(&b->conf->nodes[n].pair_address);
	size_t net = net_of(l, l->pair[0]);

	l->pair_cable = net == l->n_nets;
	for (l->pair_len_bits = 24; l->pair_len_bits > 1; l->pair_len_bits--)
		if (same_net(l->pair[0], l->pair[1], l->pair_len_bits))
			break;
	if (!l->pair_cable)
		memcpy(l->net[net].gateway, l->pair, sizeof(l->pair));
}

static bool assign_addresses(struct builder *b)
{
	struct layout *l = b->out;

	for (size_t i = 0; i < l->n_nets; i++) {
		for (size_t n = 0; n < CONF_NODES_MAX; n++) {
			if (l->net[i].gateway[n] == 0)
				l->net[i].gateway[n] = take_address(b, &l->net[i]);
			if (l->net[i].gateway[n] != 0)
				continue;
			snprintf(
				b->why, b->cap_bytes,
				"network of a VIP on %s has no two free addresses for the gateways",
				l->lan[l->net[i].lan].interface);
			return false;
		}
	}
	while (l->n_clients < LAYOUT_CLIENTS_MAX) {
		uint32_t address = take_address(b, &l->net[l->front_net]);

		if (address == 0)
			break;
		l->client[l->n_clients++] = address;
	}
	if (l->n_clients == 0)
		snprintf(b->why, b->cap_bytes, "network of the clients' VIP has no free address");
	return l->n_clients > 0;
}

static void list_vips(struct builder *b)
{
	struct layout *l = b->out;

	for (size_t i = 0; i < b->conf->n_vips; i++) {
		const struct conf_vip *vip = &b->conf->vips[i];

		for (size_t a = 0; vip->group == l->front_group && a < vip->n_addresses; a++)
			if (vip->address[a].addr.family == ADDR_IPV4 && l->n_vips < LAYOUT_VIPS_MAX)
				l->vip[l->n_vips++] = (struct layout_vip){
					.lan = lan_of(l, vip->interface),
					.address = addr_to_ipv4(&vip->address[a].addr)};
	}
}

static bool is_node(const struct conf *conf, const char *name)
{
	for (size_t n = 0; n < conf->n_nodes; n++)
		if (strcmp(conf->nodes[n].name, name) == 0)
			return true;
	return false;
}

/* Makes a name that no node has: namespaces of nodes are called like them. */
static void avoid_nodes(const struct conf *conf, char name[static LAYOUT_ROLE_MAX])
{
	while (is_node(conf, name)) {
		size_t length = strlen(name);

		/* Longer than any node's name it ends by itself. */
		name[length] = '_';
		name[length + 1] = '\0';
	}
}

static void name_roles(struct builder *b)
{
	struct layout *l = b->out;

	snprintf(l->switch_role, LAYOUT_ROLE_MAX, "switch");
	avoid_nodes(b->conf, l->switch_role);
	snprintf(l->client_role, LAYOUT_ROLE_MAX, "clients");
	avoid_nodes(b->conf, l->client_role);
	for (size_t i = 0; i < l->n_servers; i++) {
		/* Two pools may each have a "web1": the number keeps the names apart. */
		snprintf(l->server_role[i], LAYOUT_ROLE_MAX, "server%hhu-%.31s", (uint8_t)i,
			 l->server[i].name);
		avoid_nodes(b->conf, l->server_role[i]);
	}
	for (unsigned i = 0; i <= LAYOUT_LANS_MAX; i++) {
		snprintf(l->pair_interface, CONF_IFNAME_MAX, "pair%hhu", (uint8_t)i);
		if (lan_of(l, l->pair_interface) == l->n_lans)
			break;
	}
}

uint8_t layout_server_of_port(const struct layout *l, uint16_t port)
{
	for (size_t i = 0; i < l->n_servers; i++)
		if (l->server[i].port == port)
			return (uint8_t)(i + 1);
	return 0;
}

bool layout_build(const struct conf *conf, struct layout *out, char *why, size_t cap_bytes)
{
	struct builder b = {.conf = conf, .out = out, .why = why, .cap_bytes = cap_bytes};

	*out = (struct layout){0};
	if (conf->n_nodes != CONF_NODES_MAX) {
		snprintf(why, cap_bytes, "a drill needs two [node] sections");
		return false;
	}
	for (size_t n = 0; n < CONF_NODES_MAX; n++)
		if (conf->nodes[n].pair_address.family != ADDR_IPV4) {
			snprintf(why, cap_bytes, "node %s has no IPv4 pair_address",
				 conf->nodes[n].name);
			return false;
		}
	if (!add_networks(&b) || !add_servers(&b) || !choose_service(&b) || !check_servers(&b))
		return false;
	lay_pair(&b);
	list_vips(&b);
	name_roles(&b);
	return assign_addresses(&b);
}
