/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links and addresses through libnl: the virtual MAC devices (macvlan, private mode, RFC 9568 7.3)
 * with their addresses, made and unmade by name so that a restarted daemon finds what a crashed one
 * left; and the sysctls both kinds of links need. Link state events are in vif_watch.h.
 */
#ifndef HA_VIF_H
#define HA_VIF_H

#include "vrrp.h"

struct vif;

enum {
	VIF_NAME_MAX = 16,
	VIF_ADDRESSES_MAX = 20,
	VIF_TEXT_MAX = 200,
};

/** A virtual MAC device as wanted. */
struct vif_device {
	char name[VIF_NAME_MAX];
	char parent[VIF_NAME_MAX];
	int parent_ifindex;
	uint8_t mac[VRRP_MAC_LEN];
	struct prefix address[VIF_ADDRESSES_MAX]; /**< IPv4 */
	size_t n_addresses;
	int ifindex;    /**< out */
	bool created;   /**< out: made by this run, now or before, whatever came after */
	bool was_there; /**< out: adopted, as left by an earlier run */
	bool was_up;    /**< out: adopted and up */
};

/** What went wrong, with the remedy where there is one. */
struct vif_error {
	char text[VIF_TEXT_MAX];
};

int vif_open(struct vif **out) __attribute__((warn_unused_result));
void vif_close(struct vif *vif);
/** Interface index of a link, or -ENODEV, or another -errno. */
int vif_index(struct vif *vif, const char *name) __attribute__((warn_unused_result));
/**
 * Makes the device exist with exactly these addresses: adopts one of ours that fits (its up or
 * down state is left alone), replaces one that does not fit, creates it down otherwise.
 * Returns 0 or -errno with *error.
 */
int vif_ensure(struct vif *vif, struct vif_device *device, struct vif_error *error)
	__attribute__((warn_unused_result));
/** Puts back addresses that are missing. Returns how many, or -errno. */
int vif_restore_addresses(struct vif *vif, const struct vif_device *device)
	__attribute__((warn_unused_result));
/** Returns 0 or -errno. */
int vif_set_up(struct vif *vif, int ifindex, bool up) __attribute__((warn_unused_result));
void vif_delete(struct vif *vif, int ifindex);
/** Deletes devices of earlier runs that are not among names[0..n). Returns how many. */
size_t vif_sweep(struct vif *vif, const struct vif_device *wanted, size_t n);

/** Sets arp_ignore and arp_announce on a parent: it must not answer for the virtual addresses. */
int vif_sysctl_parent(const char *name) __attribute__((warn_unused_result));
/** Sets rp_filter, arp_ignore, accept_local, promote_secondaries, disable_ipv6 on a device. */
int vif_sysctl_device(const char *name) __attribute__((warn_unused_result));
/** net.ipv4.conf.all.rp_filter, which overrides the device's when higher; -errno if unreadable. */
int vif_sysctl_all_rp_filter(void);

#endif
