// SPDX-License-Identifier: GPL-2.0-or-later
#include "vif.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/link/macvlan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Marks a device as ours for good: the name alone could be anybody's. */
static const char our_alias[] = "hapair";

struct vif {
	struct nl_sock *sock;
};

static int from_nl(int nl_err)
{
	static const struct {
		int nl;
		int err;
	} table[] = {
		{NLE_OPNOTSUPP, EOPNOTSUPP}, {NLE_PERM, EPERM},   {NLE_NODEV, ENODEV},
		{NLE_OBJ_NOTFOUND, ENODEV},  {NLE_EXIST, EEXIST}, {NLE_NOMEM, ENOMEM},
		{NLE_BUSY, EBUSY},           {NLE_NOADDR, ENXIO}, {NLE_NOACCESS, EACCES},
		{NLE_RANGE, ERANGE},         {NLE_AGAIN, EAGAIN},
	};

	if (nl_err >= 0)
		return 0;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].nl == -nl_err)
			return -table[i].err;
	return -EINVAL;
}

int vif_open(struct vif **out)
{
	struct vif *vif = calloc(1, sizeof(*vif));

	if (!vif)
		return -ENOMEM;
	vif->sock = nl_socket_alloc();
	int err = vif->sock ? from_nl(nl_connect(vif->sock, NETLINK_ROUTE)) : -ENOMEM;

	if (err) {
		vif_close(vif);
		return err;
	}
	*out = vif;
	return 0;
}

void vif_close(struct vif *vif)
{
	if (!vif)
		return;
	if (vif->sock)
		nl_socket_free(vif->sock);
	free(vif);
}

static struct rtnl_link *get_link(struct vif *vif, int ifindex, const char *name)
{
	struct rtnl_link *link = NULL;

	if (rtnl_link_get_kernel(vif->sock, ifindex, name, &link) < 0)
		return NULL;
	return link;
}

int vif_index(struct vif *vif, const char *name)
{
	struct rtnl_link *link = NULL;
	int err = from_nl(rtnl_link_get_kernel(vif->sock, 0, name, &link));

	if (err)
		return err;
	int ifindex = rtnl_link_get_ifindex(link);

	rtnl_link_put(link);
	return ifindex;
}

static bool is_ours(struct rtnl_link *link)
{
	const char *type = rtnl_link_get_type(link);
	const char *alias = rtnl_link_get_ifalias(link);

	return type && strcmp(type, "macvlan") == 0 && alias && strcmp(alias, our_alias) == 0;
}

static bool fits(struct rtnl_link *link, const struct vif_device *device)
{
	struct nl_addr *mac = rtnl_link_get_addr(link);

	return is_ours(link) && rtnl_link_get_link(link) == device->parent_ifindex && mac &&
	       nl_addr_get_len(mac) == VRRP_MAC_LEN &&
	       memcmp(nl_addr_get_binary_addr(mac), device->mac, VRRP_MAC_LEN) == 0;
}

static int create(struct vif *vif, const struct vif_device *device)
{
	struct rtnl_link *link = rtnl_link_macvlan_alloc();
	struct nl_addr *mac = nl_addr_build(AF_LLC, device->mac, VRRP_MAC_LEN);
	int err = -ENOMEM;

	if (!link || !mac)
		goto out;
	rtnl_link_set_name(link, device->name);
	rtnl_link_set_link(link, device->parent_ifindex);
	rtnl_link_set_addr(link, mac);
	/* Private: nothing is exchanged with other devices on the same parent. */
	err = from_nl(rtnl_link_macvlan_set_mode(link, MACVLAN_MODE_PRIVATE));
	if (err)
		goto out;
	err = from_nl(rtnl_link_add(vif->sock, link, NLM_F_CREATE | NLM_F_EXCL));
out:
	if (mac)
		nl_addr_put(mac);
	if (link)
		rtnl_link_put(link);
	return err;
}

/** Carries out the part of a change that is set in `change`; takes its reference. */
static int change_link(struct vif *vif, int ifindex, struct rtnl_link *change_take)
{
	struct rtnl_link *orig = rtnl_link_alloc();
	int err = -ENOMEM;

	if (orig && change_take) {
		rtnl_link_set_ifindex(orig, ifindex);
		err = from_nl(rtnl_link_change(vif->sock, orig, change_take, 0));
	}
	rtnl_link_put(orig);
	rtnl_link_put(change_take);
	return err;
}

/** What cannot be given at creation. */
static int mark(struct vif *vif, int ifindex)
{
	struct rtnl_link *change = rtnl_link_alloc();

	/* RFC 9568 7.4: the virtual MAC must not become an IPv6 interface identifier. A kernel
	 * without IPv6 refuses; then there is nothing to prevent either. */
	if (change)
		(void)rtnl_link_inet6_set_addr_gen_mode(change, IN6_ADDR_GEN_MODE_NONE);
	(void)!change_link(vif, ifindex, change);
	change = rtnl_link_alloc();
	if (change)
		rtnl_link_set_ifalias(change, our_alias);
	return change_link(vif, ifindex, change);
}

int vif_set_up(struct vif *vif, int ifindex, bool up)
{
	struct rtnl_link *change = rtnl_link_alloc();

	if (change && up)
		rtnl_link_set_flags(change, IFF_UP);
	else if (change)
		rtnl_link_unset_flags(change, IFF_UP);
	return change_link(vif, ifindex, change);
}

void vif_delete(struct vif *vif, int ifindex)
{
	struct rtnl_link *link = rtnl_link_alloc();

	if (!link)
		return;
	rtnl_link_set_ifindex(link, ifindex);
	(void)rtnl_link_delete(vif->sock, link);
	rtnl_link_put(link);
}

static struct rtnl_addr *make_address(int ifindex, const struct prefix *p)
{
	struct rtnl_addr *a = rtnl_addr_alloc();
	struct nl_addr *local = nl_addr_build(AF_INET, p->addr.bytes, addr_len_bytes(&p->addr));

	if (!a || !local) {
		rtnl_addr_put(a);
		nl_addr_put(local);
		return NULL;
	}
	nl_addr_set_prefixlen(local, p->len_bits);
	rtnl_addr_set_ifindex(a, ifindex);
	rtnl_addr_set_local(a, local);
	/* The parent owns the route to the network; a second one would only confuse. */
	rtnl_addr_set_flags(a, IFA_F_NOPREFIXROUTE | IFA_F_NODAD);
	nl_addr_put(local);
	return a;
}

static bool is_wanted(const struct vif_device *device, struct rtnl_addr *a)
{
	struct nl_addr *local = rtnl_addr_get_local(a);

	for (size_t i = 0; local && i < device->n_addresses; i++) {
		const struct prefix *p = &device->address[i];

		if (nl_addr_get_len(local) == addr_len_bytes(&p->addr) &&
		    rtnl_addr_get_prefixlen(a) == p->len_bits &&
		    memcmp(nl_addr_get_binary_addr(local), p->addr.bytes,
			   addr_len_bytes(&p->addr)) == 0)
			return true;
	}
	return false;
}

static void remove_strays(struct vif *vif, const struct vif_device *device)
{
	struct nl_cache *cache = NULL;

	if (rtnl_addr_alloc_cache(vif->sock, &cache) < 0)
		return;
	for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
		struct rtnl_addr *a = (struct rtnl_addr *)o;

		if (rtnl_addr_get_ifindex(a) == device->ifindex &&
		    rtnl_addr_get_family(a) == AF_INET && !is_wanted(device, a))
			(void)rtnl_addr_delete(vif->sock, a, 0);
	}
	nl_cache_free(cache);
}

static int set_addresses(struct vif *vif, const struct vif_device *device)
{
	if (device->was_there)
		remove_strays(vif, device);
	for (size_t i = 0; i < device->n_addresses; i++) {
		struct rtnl_addr *a = make_address(device->ifindex, &device->address[i]);

		if (!a)
			return -ENOMEM;
		int err = from_nl(rtnl_addr_add(vif->sock, a, NLM_F_CREATE | NLM_F_REPLACE));

		rtnl_addr_put(a);
		if (err)
			return err;
	}
	return 0;
}

int vif_restore_addresses(struct vif *vif, const struct vif_device *device)
{
	int restored = 0;

	for (size_t i = 0; i < device->n_addresses; i++) {
		struct rtnl_addr *a = make_address(device->ifindex, &device->address[i]);

		if (!a)
			return -ENOMEM;
		int err = from_nl(rtnl_addr_add(vif->sock, a, NLM_F_CREATE | NLM_F_EXCL));

		rtnl_addr_put(a);
		if (err && err != -EEXIST)
			return err;
		restored += err == 0;
	}
	return restored;
}

static int fail(struct vif_error *error, const struct vif_device *device, const char *what, int err)
{
	const char *remedy = "";

	if (err == -EOPNOTSUPP)
		remedy = "; the kernel needs CONFIG_MACVLAN (try: modprobe macvlan)";
	else if (err == -EPERM)
		remedy = "; needs CAP_NET_ADMIN";
	else if (err == -EBUSY || err == -EEXIST)
		remedy = "; another program holds this name or virtual MAC on the interface";
	snprintf(error->text, sizeof(error->text), "%s %s on %s: %s%s", what, device->name,
		 device->parent, strerror(-err), remedy);
	return err;
}

int vif_ensure(struct vif *vif, struct vif_device *device, struct vif_error *error)
{
	struct rtnl_link *link = get_link(vif, 0, device->name);
	int err;

	device->was_there = link && fits(link, device);
	device->was_up = device->was_there && (rtnl_link_get_flags(link) & IFF_UP);
	if (link && !device->was_there && is_ours(link))
		vif_delete(vif, rtnl_link_get_ifindex(link));
	rtnl_link_put(link);
	if (!device->was_there) {
		err = create(vif, device);
		if (err)
			return fail(error, device, "create macvlan", err);
		device->created = true;
	}
	device->ifindex = vif_index(vif, device->name);
	if (device->ifindex < 0)
		return fail(error, device, "find", device->ifindex);
	err = mark(vif, device->ifindex);
	if (err)
		return fail(error, device, "mark", err);
	err = vif_sysctl_device(device->name);
	if (err)
		return fail(error, device, "set sysctls of", err);
	err = set_addresses(vif, device);
	if (err)
		return fail(error, device, "add addresses to", err);
	return 0;
}

size_t vif_sweep(struct vif *vif, const struct vif_device *wanted, size_t n)
{
	struct nl_cache *cache = NULL;
	size_t swept = 0;

	if (rtnl_link_alloc_cache(vif->sock, AF_UNSPEC, &cache) < 0)
		return 0;
	for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o)) {
		struct rtnl_link *link = (struct rtnl_link *)o;
		bool keep = !is_ours(link);

		for (size_t i = 0; i < n && !keep; i++)
			keep = strcmp(rtnl_link_get_name(link), wanted[i].name) == 0;
		if (keep)
			continue;
		vif_delete(vif, rtnl_link_get_ifindex(link));
		swept++;
	}
	nl_cache_free(cache);
	return swept;
}
