// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab.h"

#include "link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	UPLINK_NAME_MAX = 16,
};

static int fail(struct lab *lab, int rc, const char *what, const char *name)
{
	if (rc < 0 && lab->error[0] == '\0')
		snprintf(lab->error, sizeof(lab->error), "%s %s: %s", what, name, strerror(-rc));
	return rc;
}

const char *lab_port_name(size_t gateway, size_t lan, char *buf)
{
	snprintf(buf, CONF_IFNAME_MAX, "gw%hhup%hhu", (uint8_t)(gateway + 1), (uint8_t)lan);
	return buf;
}

static void bridge_name(size_t lan, char *buf)
{
	snprintf(buf, CONF_IFNAME_MAX, "br%hhu", (uint8_t)lan);
}

/* Opens a netlink socket inside ns. */
static int open_inside(const struct netns *ns, struct nl_sock **out)
{
	int home = netns_enter(ns);

	if (home < 0)
		return home;
	int rc = link_open(out);

	netns_leave(home);
	return rc;
}

/* Kernel settings of a namespace; those it does not have are no loss. */
static void set_inside(const struct netns *ns, const char *const *settings)
{
	int home = netns_enter(ns);

	if (home < 0)
		return;
	for (size_t i = 0; settings[i]; i += 2)
		(void)!netns_sysctl(settings[i], settings[i + 1]);
	netns_leave(home);
}

/* Plain hosts and the switch speak IPv4 only: no neighbour chatter during measurements. */
static void silence_ipv6(const struct netns *ns)
{
	static const char *const settings[] = {"net/ipv6/conf/all/disable_ipv6", "1",
					       "net/ipv6/conf/default/disable_ipv6", "1", NULL};

	set_inside(ns, settings);
}

static int build_switch(struct lab *lab)
{
	char name[CONF_IFNAME_MAX];
	int rc = netns_add(lab->layout->switch_role, &lab->sw);

	if (rc == 0)
		rc = open_inside(&lab->sw, &lab->sw_nl);
	if (rc)
		return fail(lab, rc, "namespace", "switch");
	silence_ipv6(&lab->sw);
	for (size_t i = 0; i < lab->layout->n_lans; i++) {
		bridge_name(i, name);
		rc = link_add_bridge(lab->sw_nl, name);
		if (rc)
			return fail(lab, rc, "bridge", name);
	}
	return 0;
}

/* A cable from the switch's bridge of a LAN to an interface in another namespace; port is down. */
static int run_cable(struct lab *lab, size_t lan, const char *port, const char *interface,
		     const struct netns *ns)
{
	char bridge[CONF_IFNAME_MAX];
	int rc = link_add_veth(lab->sw_nl, port, interface, ns->fd);

	bridge_name(lan, bridge);
	if (rc == 0)
		rc = link_set_bridge(lab->sw_nl, port, bridge);
	return fail(lab, rc, "cable to", interface);
}

static int address_gateway(struct lab *lab, size_t g)
{
	const struct layout *l = lab->layout;
	struct lab_gateway *gw = &lab->gateway[g];

	for (size_t i = 0; i < l->n_lans; i++) {
		int rc = link_set_up(gw->nl, l->lan[i].interface, true);

		if (rc)
			return fail(lab, rc, "link", l->lan[i].interface);
	}
	for (size_t i = 0; i < l->n_nets; i++) {
		const struct layout_net *net = &l->net[i];
		const char *interface = l->lan[net->lan].interface;
		int rc = link_add_address(gw->nl, interface, net->gateway[g], net->len_bits);

		if (rc)
			return fail(lab, rc, "address on", interface);
	}
	return 0;
}

static int build_gateway(struct lab *lab, size_t g)
{
	static const char *const settings[] = {"net/ipv4/ip_forward", "1", NULL};
	struct lab_gateway *gw = &lab->gateway[g];
	char port[CONF_IFNAME_MAX];
	int rc = netns_add(lab->conf->nodes[g].name, &gw->ns);

	if (rc == 0)
		rc = open_inside(&gw->ns, &gw->nl);
	if (rc)
		return fail(lab, rc, "namespace", lab->conf->nodes[g].name);
	set_inside(&gw->ns, settings);
	for (size_t i = 0; i < lab->layout->n_lans && rc == 0; i++)
		rc = run_cable(lab, i, lab_port_name(g, i, port), lab->layout->lan[i].interface,
			       &gw->ns);
	return rc ? rc : address_gateway(lab, g);
}

/* The cable between the gateways; made by the one, its other end put into the other. */
static int build_pair_cable(struct lab *lab)
{
	const struct layout *l = lab->layout;
	int rc = 0;

	if (!l->pair_cable)
		return 0;
	rc = link_add_veth(lab->gateway[0].nl, lab->layout->pair_interface,
			   lab->layout->pair_interface, lab->gateway[1].ns.fd);
	for (size_t g = 0; g < CONF_NODES_MAX && rc == 0; g++)
		rc = link_add_address(lab->gateway[g].nl, lab->layout->pair_interface, l->pair[g],
				      l->pair_len_bits);
	return fail(lab, rc, "cable", lab->layout->pair_interface);
}

/* A host with addresses on a net, behind switch port `port`. */
static int build_host(struct lab *lab, const char *role, const char *port, size_t net,
		      struct netns *ns)
{
	int rc = netns_add(role, ns);

	if (rc)
		return fail(lab, rc, "namespace", role);
	silence_ipv6(ns);
	rc = run_cable(lab, lab->layout->net[net].lan, port, LAB_HOST_INTERFACE, ns);
	if (rc == 0)
		rc = link_set_up(lab->sw_nl, port, true);
	return fail(lab, rc, "port", port);
}

static int configure_host(const struct netns *ns, const uint32_t *address, size_t n,
			  uint8_t len_bits, uint32_t gateway)
{
	struct nl_sock *nl = NULL;
	int rc = open_inside(ns, &nl);

	if (rc == 0)
		rc = link_set_up(nl, LAB_HOST_INTERFACE, true);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = link_add_address(nl, LAB_HOST_INTERFACE, address[i], len_bits);
	if (rc == 0 && gateway != 0)
		rc = link_add_default_route(nl, gateway);
	link_close(nl);
	return rc;
}

static int build_hosts(struct lab *lab)
{
	const struct layout *l = lab->layout;
	int rc = build_host(lab, l->client_role, "clients", l->front_net, &lab->client);

	if (rc == 0)
		rc = fail(lab,
			  configure_host(&lab->client, l->client, l->n_clients,
					 l->net[l->front_net].len_bits, 0),
			  "addresses of", "clients");
	for (size_t i = 0; i < l->n_servers && rc == 0; i++) {
		const struct layout_server *s = &l->server[i];
		const struct layout_net *net = &l->net[s->net];
		char port[UPLINK_NAME_MAX];

		snprintf(port, sizeof(port), "server%hhu", (uint8_t)i);
		rc = build_host(lab, l->server_role[i], port, s->net, &lab->server[i]);
		if (rc == 0)
			rc = fail(lab,
				  configure_host(&lab->server[i], &s->address, 1, net->len_bits,
						 net->vip),
				  "addresses of", s->name);
	}
	return rc;
}

int lab_build(struct lab *lab, const struct conf *conf, const struct layout *layout)
{
	*lab = (struct lab){.conf = conf, .layout = layout, .sw.fd = -1, .client.fd = -1};
	for (size_t i = 0; i < CONF_NODES_MAX; i++)
		lab->gateway[i].ns.fd = -1;
	for (size_t i = 0; i < LAYOUT_SERVERS_MAX; i++)
		lab->server[i].fd = -1;

	int rc = build_switch(lab);

	for (size_t g = 0; g < CONF_NODES_MAX && rc == 0; g++)
		rc = build_gateway(lab, g);
	if (rc == 0)
		rc = build_pair_cable(lab);
	for (size_t g = 0; g < CONF_NODES_MAX && rc == 0; g++)
		rc = lab_plug(lab, g, true);
	return rc ? rc : build_hosts(lab);
}

/* Taking a link down waits for the kernel to forget its frames, 10 ms or more; this does not. */
static int block_ports(struct lab *lab, size_t gateway)
{
	char port[CONF_IFNAME_MAX];
	int rc = 0;

	for (size_t i = 0; i < lab->layout->n_lans; i++) {
		int failed = link_block_port(lab->sw_nl, lab_port_name(gateway, i, port));

		rc = rc ? rc : fail(lab, failed, "blocking port", port);
	}
	return rc;
}

int lab_plug(struct lab *lab, size_t gateway, bool connected)
{
	char port[CONF_IFNAME_MAX];
	int rc = connected ? 0 : block_ports(lab, gateway);

	if (lab->layout->pair_cable) {
		int failed = link_set_up(lab->gateway[gateway].nl, lab->layout->pair_interface,
					 connected);

		rc = rc ? rc : fail(lab, failed, "cable", lab->layout->pair_interface);
	}
	for (size_t i = 0; i < lab->layout->n_lans; i++) {
		int failed = link_set_up(lab->sw_nl, lab_port_name(gateway, i, port), connected);

		rc = rc ? rc : fail(lab, failed, "port", port);
	}
	return rc;
}

static void drop_gateway(struct lab *lab, size_t g)
{
	link_close(lab->gateway[g].nl);
	lab->gateway[g].nl = NULL;
	netns_del(&lab->gateway[g].ns);
}

int lab_replace_gateway(struct lab *lab, size_t gateway)
{
	char port[CONF_IFNAME_MAX];
	int rc = 0;

	/* Removing our ends removes theirs: the namespace itself may take a while to go. */
	for (size_t i = 0; i < lab->layout->n_lans && rc == 0; i++)
		rc = link_del(lab->sw_nl, lab_port_name(gateway, i, port));
	if (rc == 0 && lab->layout->pair_cable)
		rc = link_del(lab->gateway[gateway].nl, lab->layout->pair_interface);
	if (rc)
		return fail(lab, rc, "unplugging", lab->conf->nodes[gateway].name);
	drop_gateway(lab, gateway);
	rc = build_gateway(lab, gateway);
	if (rc == 0)
		rc = build_pair_cable(lab);
	/* The other one's end of the new cable; ours comes up when plugged in. */
	if (rc == 0 && lab->layout->pair_cable)
		rc = link_set_up(lab->gateway[1 - gateway].nl, lab->layout->pair_interface, true);
	return fail(lab, rc, "cable of", lab->conf->nodes[gateway].name);
}

void lab_destroy(struct lab *lab)
{
	for (size_t g = 0; g < CONF_NODES_MAX; g++)
		drop_gateway(lab, g);
	for (size_t i = 0; i < LAYOUT_SERVERS_MAX; i++)
		netns_del(&lab->server[i]);
	netns_del(&lab->client);
	link_close(lab->sw_nl);
	lab->sw_nl = NULL;
	netns_del(&lab->sw);
}
