// SPDX-License-Identifier: GPL-2.0-or-later
#include "vif_watch.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	EVENT_BUFFER_BYTES = 1 << 20,
};

struct vif_watch {
	struct nl_sock *events;
	struct nl_sock *requests;
	int inet_fd; /* for the address ioctl */
	struct vif_link *links;
	size_t n_links;
	unsigned overruns;
	bool changed;
};

static void read_address(struct vif_watch *watch, struct vif_link *link)
{
	struct ifreq req = {.ifr_name = ""};
	struct addr primary = {.family = ADDR_NONE};

	strlcpy(req.ifr_name, link->name, sizeof(req.ifr_name));
	if (ioctl(watch->inet_fd, SIOCGIFADDR, &req) == 0) {
		struct sockaddr_in sin;

		memcpy(&sin, &req.ifr_addr, sizeof(sin));
		primary = addr_from_ipv4(ntohl(sin.sin_addr.s_addr));
	}
	if (!addr_equal(&primary, &link->primary)) {
		link->primary = primary;
		watch->changed = true;
	}
}

static void take_link(struct vif_watch *watch, struct vif_link *link, struct rtnl_link *seen,
		      bool gone)
{
	unsigned flags = gone ? 0 : rtnl_link_get_flags(seen);
	int ifindex = gone ? 0 : rtnl_link_get_ifindex(seen);
	bool admin_up = flags & IFF_UP;
	bool carrier = flags & IFF_RUNNING;

	if (ifindex == link->ifindex && admin_up == link->admin_up && carrier == link->carrier)
		return;
	link->ifindex = ifindex;
	link->admin_up = admin_up;
	link->carrier = carrier;
	watch->changed = true;
	read_address(watch, link);
}

static void read_all(struct vif_watch *watch)
{
	for (size_t i = 0; i < watch->n_links; i++) {
		struct rtnl_link *seen = NULL;
		int err = rtnl_link_get_kernel(watch->requests, 0, watch->links[i].name, &seen);

		take_link(watch, &watch->links[i], seen, err < 0);
		watch->links[i].deletions++; /* one may have been missed */
		read_address(watch, &watch->links[i]);
		rtnl_link_put(seen);
	}
}

static void on_link(struct vif_watch *watch, struct rtnl_link *seen, bool gone)
{
	const char *name = rtnl_link_get_name(seen);

	/* Bridge ports report under their own family when they leave a bridge. */
	if (gone && rtnl_link_get_family(seen) != AF_UNSPEC)
		return;
	for (size_t i = 0; name && i < watch->n_links; i++) {
		struct vif_link *link = &watch->links[i];

		if (strcmp(link->name, name) == 0)
			take_link(watch, link, seen, gone);
		else if (link->ifindex && link->ifindex == rtnl_link_get_ifindex(seen))
			take_link(watch, link, seen, true); /* renamed away */
	}
}

static void on_address(struct vif_watch *watch, struct rtnl_addr *seen, bool gone)
{
	for (size_t i = 0; i < watch->n_links; i++) {
		struct vif_link *link = &watch->links[i];

		if (link->ifindex != rtnl_addr_get_ifindex(seen))
			continue;
		read_address(watch, link);
		link->deletions += gone;
		watch->changed |= gone;
	}
}

struct event {
	struct vif_watch *watch;
	int type;
};

static void on_object(struct nl_object *object, void *arg)
{
	const struct event *event = arg;

	switch (event->type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		on_link(event->watch, (struct rtnl_link *)object, event->type == RTM_DELLINK);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		on_address(event->watch, (struct rtnl_addr *)object, event->type == RTM_DELADDR);
		break;
	default:
		break;
	}
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct event event = {.watch = arg, .type = nlmsg_hdr(msg)->nlmsg_type};

	(void)nl_msg_parse(msg, on_object, &event);
	return NL_OK;
}

static int open_sockets(struct vif_watch *watch)
{
	watch->inet_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (watch->inet_fd < 0)
		return -errno;
	watch->events = nl_socket_alloc();
	watch->requests = nl_socket_alloc();
	if (!watch->events || !watch->requests)
		return -ENOMEM;
	nl_socket_disable_seq_check(watch->events);
	nl_socket_modify_cb(watch->events, NL_CB_VALID, NL_CB_CUSTOM, on_message, watch);
	if (nl_connect(watch->requests, NETLINK_ROUTE) < 0 ||
	    nl_connect(watch->events, NETLINK_ROUTE) < 0)
		return -EIO;
	int bytes = EVENT_BUFFER_BYTES;

	(void)setsockopt(nl_socket_get_fd(watch->events), SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
			 sizeof(bytes));
	if (nl_socket_add_memberships(watch->events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, 0) < 0 ||
	    nl_socket_set_nonblocking(watch->events) < 0)
		return -EIO;
	return 0;
}

int vif_watch_open(const char (*names)[16], size_t n, struct vif_watch **out)
{
	struct vif_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	watch->inet_fd = -1;
	watch->links = calloc(n ? n : 1, sizeof(*watch->links));
	int err = watch->links ? open_sockets(watch) : -ENOMEM;

	if (err) {
		vif_watch_close(watch);
		return err;
	}
	for (size_t i = 0; i < n; i++)
		if (!vif_watch_find(watch, names[i]))
			strlcpy(watch->links[watch->n_links++].name, names[i], sizeof(*names));
	/* After joining the groups: no change can fall between. */
	read_all(watch);
	*out = watch;
	return 0;
}

void vif_watch_close(struct vif_watch *watch)
{
	if (!watch)
		return;
	if (watch->events)
		nl_socket_free(watch->events);
	if (watch->requests)
		nl_socket_free(watch->requests);
	if (watch->inet_fd >= 0)
		close(watch->inet_fd);
	free(watch->links);
	free(watch);
}

int vif_watch_fd(const struct vif_watch *watch)
{
	return nl_socket_get_fd(watch->events);
}

bool vif_watch_read(struct vif_watch *watch)
{
	bool lost;
	int err;

	watch->changed = false;
	do {
		err = nl_recvmsgs_default(watch->events);
		lost = err == -NLE_NOMEM || err == -NLE_DUMP_INTR;
		if (lost) {
			watch->overruns++;
			read_all(watch);
		}
	} while (err >= 0 || lost);
	return watch->changed;
}

unsigned vif_watch_overruns(const struct vif_watch *watch)
{
	return watch->overruns;
}

const struct vif_link *vif_watch_find(const struct vif_watch *watch, const char *name)
{
	for (size_t i = 0; i < watch->n_links; i++)
		if (strcmp(watch->links[i].name, name) == 0)
			return &watch->links[i];
	return NULL;
}
