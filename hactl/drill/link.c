// SPDX-License-Identifier: GPL-2.0-or-later
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <string.h>

/* libnl has its own numbers; those that can happen here, as errno. */
static int to_errno(int nlerr)
{
	switch (nlerr < 0 ? -nlerr : nlerr) {
	case 0:
		return 0;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_OBJ_NOTFOUND:
	case NLE_NODEV:
		return -ENODEV;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	case NLE_BUSY:
		return -EBUSY;
	default:
		return -EINVAL;
	}
}

int link_open(struct nl_sock **out)
{
	struct nl_sock *sk = nl_socket_alloc();

	*out = NULL;
	if (!sk)
		return -ENOMEM;
	int rc = to_errno(nl_connect(sk, NETLINK_ROUTE));

	if (rc) {
		nl_socket_free(sk);
		return rc;
	}
	*out = sk;
	return 0;
}

void link_close(struct nl_sock *sk)
{
	if (sk)
		nl_socket_free(sk);
}

int link_index(struct nl_sock *sk, const char *name)
{
	struct rtnl_link *link;

	if (rtnl_link_get_kernel(sk, 0, name, &link) < 0)
		return 0;
	int index = rtnl_link_get_ifindex(link);

	rtnl_link_put(link);
	return index;
}

int link_hardware_address(struct nl_sock *sk, const char *name, uint8_t out[static 6])
{
	struct rtnl_link *link;
	int rc = to_errno(rtnl_link_get_kernel(sk, 0, name, &link));

	if (rc)
		return rc;
	struct nl_addr *address = rtnl_link_get_addr(link);

	if (address && nl_addr_get_len(address) == 6)
		memcpy(out, nl_addr_get_binary_addr(address), 6);
	else
		rc = -EAFNOSUPPORT;
	rtnl_link_put(link);
	return rc;
}

/* Written by hand: the library has no setters for these two options. */
int link_add_bridge(struct nl_sock *sk, const char *name)
{
	struct ifinfomsg info = {
		.ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct nl_msg *msg =
		nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_REQUEST);
	int rc = -NLE_NOMEM;

	if (!msg)
		return -ENOMEM;
	if (nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(msg, IFLA_IFNAME, name) < 0)
		goto out;
	struct nlattr *linkinfo = nla_nest_start(msg, IFLA_LINKINFO);

	if (!linkinfo || nla_put_string(msg, IFLA_INFO_KIND, "bridge") < 0)
		goto out;
	struct nlattr *data = nla_nest_start(msg, IFLA_INFO_DATA);

	if (!data || nla_put_u32(msg, IFLA_BR_STP_STATE, 0) < 0 ||
	    nla_put_u8(msg, IFLA_BR_MCAST_SNOOPING, 0) < 0)
		goto out;
	nla_nest_end(msg, data);
	nla_nest_end(msg, linkinfo);
	rc = nl_send_sync(sk, msg); /* frees msg */
	return to_errno(rc);
out:
	nlmsg_free(msg);
	return to_errno(rc);
}

int link_add_veth(struct nl_sock *sk, const char *name, const char *peer_name, int peer_fd)
{
	struct rtnl_link *link = rtnl_link_veth_alloc();

	if (!link)
		return -ENOMEM;
	struct rtnl_link *peer = rtnl_link_veth_get_peer(link);

	rtnl_link_set_name(link, name);
	rtnl_link_set_name(peer, peer_name);
	rtnl_link_set_ns_fd(peer, peer_fd);
	int rc = rtnl_link_add(sk, link, NLM_F_CREATE | NLM_F_EXCL);

	rtnl_link_put(peer);
	rtnl_link_veth_release(link);
	return to_errno(rc);
}

/* Applies what is set in change (freed here) to the link of that name. */
static int change_link(struct nl_sock *sk, const char *name, struct rtnl_link *change)
{
	struct rtnl_link *link;
	int rc = rtnl_link_get_kernel(sk, 0, name, &link);

	if (rc == 0) {
		rc = rtnl_link_change(sk, link, change, 0);
		rtnl_link_put(link);
	}
	rtnl_link_put(change);
	return to_errno(rc);
}

int link_set_bridge(struct nl_sock *sk, const char *name, const char *bridge)
{
	int index = link_index(sk, bridge);
	struct rtnl_link *change = rtnl_link_alloc();

	if (!change)
		return -ENOMEM;
	rtnl_link_set_master(change, index);
	return change_link(sk, name, change);
}

int link_set_up(struct nl_sock *sk, const char *name, bool up)
{
	struct rtnl_link *change = rtnl_link_alloc();

	if (!change)
		return -ENOMEM;
	if (up)
		rtnl_link_set_flags(change, IFF_UP);
	else
		rtnl_link_unset_flags(change, IFF_UP);
	return change_link(sk, name, change);
}

int link_block_port(struct nl_sock *sk, const char *name)
{
	struct ifinfomsg info = {.ifi_family = AF_BRIDGE, .ifi_index = link_index(sk, name)};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_SETLINK, NLM_F_REQUEST);
	int rc = -NLE_NOMEM;

	if (!msg)
		return -ENOMEM;
	if (nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO) < 0)
		goto out;
	struct nlattr *port = nla_nest_start(msg, IFLA_PROTINFO | NLA_F_NESTED);

	if (!port || nla_put_u8(msg, IFLA_BRPORT_STATE, BR_STATE_DISABLED) < 0)
		goto out;
	nla_nest_end(msg, port);
	return to_errno(nl_send_sync(sk, msg)); /* frees msg */
out:
	nlmsg_free(msg);
	return to_errno(rc);
}

int link_del(struct nl_sock *sk, const char *name)
{
	struct rtnl_link *link = rtnl_link_alloc();

	if (!link)
		return -ENOMEM;
	rtnl_link_set_name(link, name);
	int rc = to_errno(rtnl_link_delete(sk, link));

	rtnl_link_put(link);
	return rc == -ENODEV ? 0 : rc;
}

static struct nl_addr *ipv4(uint32_t address, uint8_t len_bits)
{
	uint32_t be = htonl(address);
	struct nl_addr *a = nl_addr_build(AF_INET, &be, sizeof(be));

	if (a)
		nl_addr_set_prefixlen(a, len_bits);
	return a;
}

int link_add_address(struct nl_sock *sk, const char *name, uint32_t address, uint8_t len_bits)
{
	struct rtnl_addr *entry = rtnl_addr_alloc();
	struct nl_addr *local = ipv4(address, len_bits);
	int rc = -NLE_NOMEM;

	if (entry && local) {
		rtnl_addr_set_ifindex(entry, link_index(sk, name));
		rtnl_addr_set_local(entry, local);
		rc = rtnl_addr_add(sk, entry, 0);
	}
	nl_addr_put(local);
	if (entry)
		rtnl_addr_put(entry);
	return to_errno(rc);
}

int link_add_default_route(struct nl_sock *sk, uint32_t gateway)
{
	struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct nl_addr *any = ipv4(0, 0), *via = ipv4(gateway, 32);
	int rc = -NLE_NOMEM;

	if (route && hop && any && via) {
		rtnl_route_set_family(route, AF_INET);
		rtnl_route_set_scope(route, RT_SCOPE_UNIVERSE);
		rc = rtnl_route_set_dst(route, any);
		rtnl_route_nh_set_gateway(hop, via);
		rtnl_route_add_nexthop(route, hop);
		hop = NULL; /* the route's now */
		if (rc == 0)
			rc = rtnl_route_add(sk, route, 0);
	}
	nl_addr_put(any);
	nl_addr_put(via);
	if (hop)
		rtnl_route_nh_free(hop);
	if (route)
		rtnl_route_put(route);
	return to_errno(rc);
}
