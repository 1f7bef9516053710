/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a configuration expects of the host it is for, and the host does not have: interfaces,
 * addresses. Warnings all of them, since links and addresses come and go. Used by `hactl check` and
 * by vrrpd when it starts.
 */
#ifndef HA_HOST_CHECK_H
#define HA_HOST_CHECK_H

#include "conf.h"

/** An address on one of the host's interfaces. */
struct host_address {
	char interface[CONF_IFNAME_MAX];
	struct prefix prefix;
};

/** The host's interfaces and addresses, without those that vrrpd made. */
struct host_view {
	char (*interfaces)[CONF_IFNAME_MAX]; /**< without lo, in the order of their indices */
	size_t n_interfaces;
	struct host_address *addresses; /**< lo's included */
	size_t n_addresses;
};

/**
 * Compares conf with this host: findings with their lines, in line order, to be freed by
 * conf_errors_free(). NULL when there is nothing to say, or conf does not know which node it is on
 * (self == n_nodes), or the host cannot be examined.
 */
struct conf_error *host_check(const struct conf *conf) __attribute__((warn_unused_result));
/** The same with the host as a value; no I/O. */
struct conf_error *host_check_view(const struct conf *conf, const struct host_view *host)
	__attribute__((warn_unused_result));
/**
 * The warning about an interface that the host does not have, without file and line, as
 * host_check() says it: for a daemon that needs the interface now. Returns buf.
 */
const char *host_check_missing(const char *interface, char *buf, size_t cap_bytes);
/** True for the name of a device that vrrpd makes: vr51.eth0. */
bool host_check_is_ours(const char *interface);

#endif
