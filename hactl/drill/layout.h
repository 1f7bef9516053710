/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The laboratory on paper: which networks, gateways, clients and servers a drill of this
 * configuration needs, and which addresses they get. A core; lab.c builds it.
 * IPv4 only: addresses are host-order numbers.
 */
#ifndef HA_LAYOUT_H
#define HA_LAYOUT_H

#include "conf.h"

enum {
	LAYOUT_LANS_MAX = 16,
	LAYOUT_NETS_MAX = 32,
	LAYOUT_SERVERS_MAX = 64,
	LAYOUT_CLIENTS_MAX = 64,
	LAYOUT_VIPS_MAX = 128, /**< addresses that move together with the front VIP */
	LAYOUT_ROLE_MAX = 48,  /**< name of a namespace behind its prefix, with NUL */
};

/** One configured interface: a switch with both gateways on it. */
struct layout_lan {
	char interface[CONF_IFNAME_MAX];
};

/** One subnet of a VIP on a LAN. */
struct layout_net {
	size_t lan;
	uint32_t vip;
	uint8_t len_bits;
	uint32_t gateway[CONF_NODES_MAX]; /**< the gateways' own addresses */
};

struct layout_server {
	char name[CONF_NAME_MAX];
	uint32_t address;
	size_t net;
	uint16_t port; /**< the dynamic port its endpoint mapper tells, another on each server */
};

/** An address that the new owner must announce. */
struct layout_vip {
	size_t lan;
	uint32_t address;
};

struct layout {
	struct layout_lan lan[LAYOUT_LANS_MAX];
	size_t n_lans;
	struct layout_net net[LAYOUT_NETS_MAX];
	size_t n_nets;
	struct layout_server server[LAYOUT_SERVERS_MAX];
	size_t n_servers;
	uint32_t client[LAYOUT_CLIENTS_MAX]; /**< source addresses on the front net */
	size_t n_clients;
	size_t front_net;   /**< index into net[]: where the clients are */
	uint32_t front;     /**< the service address they talk to */
	size_t front_group; /**< index into conf.groups */
	uint8_t front_vrid;
	struct layout_vip vip[LAYOUT_VIPS_MAX]; /**< of the front group */
	size_t n_vips;
	size_t service; /**< index into conf.services */
	uint32_t pair[CONF_NODES_MAX];
	uint8_t pair_len_bits;
	bool pair_cable; /**< false: the pair addresses lie on one of the LANs */
	char pair_interface[CONF_IFNAME_MAX]; /**< of the cable, on both gateways */
	/* Names of namespaces that no node has. */
	char switch_role[LAYOUT_ROLE_MAX];
	char client_role[LAYOUT_ROLE_MAX];
	char server_role[LAYOUT_SERVERS_MAX][LAYOUT_ROLE_MAX];
};

/**
 * Lays out a drill. Returns true, or false with the reason and the remedy in why.
 */
bool layout_build(const struct conf *conf, struct layout *out, char *why, size_t cap_bytes)
	__attribute__((warn_unused_result));

/** Number from 1 of the server whose dynamic port this is; 0 when it is nobody's. */
uint8_t layout_server_of_port(const struct layout *l, uint16_t port);

#endif
