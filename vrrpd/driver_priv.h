/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the driver share: driver.c (events and timers), driver_act.c (carrying actions
 * out), driver_setup.c (start, stop, reload) and control.c (status and commands). Nobody else
 * includes this.
 */
#ifndef HA_DRIVER_PRIV_H
#define HA_DRIVER_PRIV_H

#include "announce.h"
#include "ctl_server.h"
#include "driver.h"
#include "group.h"
#include "lease.h"
#include "preempt.h"
#include "track.h"
#include "vif.h"
#include "vif_watch.h"
#include "vrrp_pkt.h"
#include "vsock.h"

#include <event2/event.h>

enum {
	DRIVER_LBD_MEMORY_S = 3, /**< lbd's word is forgotten after this */
};

struct dgroup;

/** One parent interface: all virtual routers on it hear through one socket. */
struct receiver {
	struct driver *driver; /**< back pointer for callbacks */
	char parent[VIF_NAME_MAX];
	int ifindex;
	struct vsock_receiver socket;
	struct event *readable;
	struct vrrp_pkt_accept accept;
	uint64_t rejected[VRRP_PKT_VERDICT_N];
	struct log_limit limit;
};

/** One virtual router. */
struct vip {
	const struct conf_vip *conf; /**< in driver.conf */
	struct dgroup *group;
	size_t member; /**< index in the group */
	struct receiver *receiver;
	struct vif_device device;
	struct addr address[VIF_ADDRESSES_MAX]; /**< IPv4 addresses, as advertised */
	size_t n_addresses;
	uint8_t advert[VRRP_PKT_FRAME_MAX]; /**< prebuilt, with our priority */
	uint8_t resign[VRRP_PKT_FRAME_MAX]; /**< prebuilt, priority 0 */
	size_t advert_bytes;                /**< of each; 0: not built */
	struct announce announce;
	bool lower;       /**< released: the device is still to be set down */
	mono lease_until; /**< crash certificate read at start, mono_zero(): none */
	uint64_t adverts_sent;
	uint64_t adverts_received;
	uint64_t checksum_form[VRRP_CHECKSUM_FORM_N]; /**< accepted adverts by form */
	uint64_t send_errors;
	struct log_limit limit; /**< differences, send errors */
};

struct dgroup {
	const struct conf_group *conf; /**< in driver.conf */
	struct group core;
	struct vip *vips[GROUP_MEMBERS_MAX];
	struct track_verdict track;
	struct preempt_verdict preempt;
	bool heard; /**< the next three are set */
	mono peer_heard;
	uint8_t peer_priority;
	struct addr peer_address;
};

/** A `failover` command on its way. */
struct failover {
	bool pending;
	struct ctl_call call;
	mono started;
	bool wanted[CONF_VIPS_MAX]; /**< per group: part of the command */
	bool failed;                /**< a group's resignation was withdrawn */
};

/** lbd's last word. */
struct lbd_word {
	enum preempt_sync sync;
	mono at;
	mono catching_up_since;
	uint64_t entries_left;
	bool ever;
};

struct driver {
	struct driver_options options;
	struct conf *conf;
	struct log *log;
	mono started;
	struct vif *vif;
	struct vif_watch *watch;
	struct event *watch_readable;
	struct lease *lease;
	struct ctl_server *ctl;
	struct event *timer;
	struct event *lowering;
	int sender; /**< packet socket */
	struct receiver *receivers;
	size_t n_receivers;
	struct vip *vips;
	size_t n_vips;
	struct dgroup *groups;
	size_t n_groups;
	struct failover failover;
	struct lbd_word lbd;
};

/* driver.c */
/** Steps a group and carries out what follows; the caller ends with driver_arm(). */
void driver_step(struct driver *d, struct dgroup *g, const struct group_event *event);
/** Sets the timer to the earliest deadline of all groups. */
void driver_arm(struct driver *d);
/** Judges the facts of all groups again and steps those whose fitness changed. */
void driver_track(struct driver *d);
/** Feeds every pending advertisement to its group. */
void driver_drain(struct driver *d);
int driver_listen(struct driver *d) __attribute__((warn_unused_result));

/* driver_act.c */
void driver_act(struct driver *d, struct dgroup *g, const struct group_actions *actions, mono now);
/** Sends the rounds of gratuitous ARP that are due. */
void driver_announce(struct driver *d, struct vip *v, mono now);
/** Builds the frames of a virtual router from conf, track verdict and primary address. */
void driver_build_frames(struct driver *d, struct vip *v);

/**
 * Sets one released device down, if there is any. The kernel takes 10 to 20 ms for it, so that it
 * is done one at a time between other events; the gate has been shut already.
 */
void driver_lower_one(struct driver *d);
void driver_lower_soon(struct driver *d);

/* driver_setup.c */
/** The time T of the lease at the present interval. */
mono driver_lease_time(const struct driver *d);
/** Reopens the link watch for conf's interfaces. */
int driver_watch(struct driver *d, const struct conf *conf) __attribute__((warn_unused_result));
int driver_install_lease(struct driver *d) __attribute__((warn_unused_result));

/* control.c */
int control_open(struct driver *d) __attribute__((warn_unused_result));
/** A group changed its state: tell subscribers, and the failover command if it waits for it. */
void control_role_changed(struct driver *d, struct dgroup *g, enum vrrp_state old);
/** A planned failover of the group failed. */
void control_withdrawn(struct driver *d, struct dgroup *g);

#endif
