// SPDX-License-Identifier: GPL-2.0-or-later
#include "lease_watch.h"

#include "lease.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	RECEIVE_BYTES = 64 * 1024,
	BUFFER_BYTES = 1 << 20,
	NAME_ATTRIBUTE = 1, /* of tables, chains, rules, sets and elements: the table's name */
};

struct lease_watch {
	struct mnl_socket *nl;
	uint32_t own_portid;
	bool touched;
};

int lease_watch_open(uint32_t own_portid, struct lease_watch **out)
{
	struct lease_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	watch->own_portid = own_portid;
	watch->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int group = NFNLGRP_NFTABLES;
	int bytes = BUFFER_BYTES;

	if (!watch->nl || mnl_socket_bind(watch->nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(watch->nl, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
		int err = -errno;

		lease_watch_close(watch);
		return err;
	}
	(void)setsockopt(lease_watch_fd(watch), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	*out = watch;
	return 0;
}

void lease_watch_close(struct lease_watch *watch)
{
	if (!watch)
		return;
	if (watch->nl)
		mnl_socket_close(watch->nl);
	free(watch);
}

int lease_watch_fd(const struct lease_watch *watch)
{
	return mnl_socket_get_fd(watch->nl);
}

static int on_attribute(const struct nlattr *attr, void *arg)
{
	bool *ours = arg;

	if (mnl_attr_get_type(attr) != NAME_ATTRIBUTE)
		return MNL_CB_OK;
	if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		*ours = strcmp(mnl_attr_get_str(attr), LEASE_TABLE) == 0;
	return MNL_CB_STOP;
}

static int on_message(const struct nlmsghdr *nlh, void *arg)
{
	struct lease_watch *watch = arg;
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(nlh);
	bool ours = false;

	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    (nlh->nlmsg_type & 0xff) == NFT_MSG_NEWGEN || nlh->nlmsg_pid == watch->own_portid ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*header) ||
	    header->nfgen_family != NFPROTO_NETDEV)
		return MNL_CB_OK;
	(void)mnl_attr_parse(nlh, sizeof(*header), on_attribute, &ours);
	watch->touched |= ours;
	return MNL_CB_OK;
}

bool lease_watch_read(struct lease_watch *watch)
{
	_Alignas(struct nlmsghdr) char buf[RECEIVE_BYTES];

	watch->touched = false;
	for (;;) {
		ssize_t n = recv(lease_watch_fd(watch), buf, sizeof(buf), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			watch->touched = true; /* notifications were lost */
			continue;
		}
		if (n <= 0)
			return watch->touched;
		(void)mnl_cb_run(buf, (size_t)n, 0, 0, on_message, watch);
	}
}
