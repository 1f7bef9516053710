/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The laboratory of layout.h in network namespaces: one switch with a bridge for each LAN, two
 * gateways with interfaces named as in the configuration, a cable between them, one host with all
 * client addresses, one host for each server. Nothing outside these namespaces is touched.
 */
#ifndef HA_LAB_H
#define HA_LAB_H

#include "layout.h"
#include "netns.h"

struct nl_sock;

struct lab_gateway {
	struct netns ns;
	struct nl_sock *nl; /**< in ns */
};

struct lab {
	const struct conf *conf;     /**< borrowed */
	const struct layout *layout; /**< borrowed */
	struct netns sw;
	struct nl_sock *sw_nl;
	struct lab_gateway gateway[CONF_NODES_MAX];
	struct netns client;
	struct netns server[LAYOUT_SERVERS_MAX];
	char error[192]; /**< what failed, after an error */
};

/** Name of the clients' interface in their namespace. */
#define LAB_HOST_INTERFACE "eth0"

/**
 * Builds everything, gateways plugged in. Returns 0, or -errno with lab->error; lab_destroy()
 * after both.
 */
int lab_build(struct lab *lab, const struct conf *conf, const struct layout *layout)
	__attribute__((warn_unused_result));
void lab_destroy(struct lab *lab);
/** Connects or cuts a gateway: its switch ports and its end of the cable. 0 or -errno. */
int lab_plug(struct lab *lab, size_t gateway, bool connected) __attribute__((warn_unused_result));
/** Replaces a gateway by one fresh from power-on, unplugged: empty tables, no trace. */
int lab_replace_gateway(struct lab *lab, size_t gateway) __attribute__((warn_unused_result));
/** Switch-side interface of a gateway on a LAN; buf of CONF_IFNAME_MAX. Returns buf. */
const char *lab_port_name(size_t gateway, size_t lan, char *buf);

#endif
