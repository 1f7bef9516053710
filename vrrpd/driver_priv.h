/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the driver share: driver.c (events and timers), driver_act.c (carrying actions
 * out), driver_setup.c (start, stop), driver_reload.c, driver_mend.c (repairing what others broke),
 * driver_state.c (what survives a restart) and control.c (status and commands). Nobody else
 * includes this.
 */
#ifndef HA_DRIVER_PRIV_H
#define HA_DRIVER_PRIV_H

#include "announce.h"
#include "ctl_server.h"
#include "driver.h"
#include "group.h"
#include "lease.h"
#include "lease_watch.h"
#include "preempt.h"
#include "track.h"
#include "vif.h"
#include "vif_watch.h"
#include "vrrp_pkt.h"
#include "vsock.h"

#include <event2/event.h>

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
	struct log_limit limit[VRRP_PKT_VERDICT_N]; /**< each reason has its own */
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
	bool lower;          /**< released: the device is still to be set down */
	mono lease_until;    /**< crash certificate read at start, mono_zero(): none */
	const char *trouble; /**< device cannot be used: a fault until a retry succeeds; or NULL */
	mono failing_since;  /**< every advertisement since then failed; never: the last went out */
	unsigned deletions;  /**< of addresses on the device, as far as dealt with */
	uint64_t repaired;   /**< times somebody else's change to the device was undone */
	uint64_t adverts_sent;
	uint64_t adverts_received;
	uint64_t checksum_form[VRRP_CHECKSUM_FORM_N]; /**< accepted adverts by form */
	uint64_t send_errors;
	struct log_limit limit_addresses, limit_interval, limit_send;
};

struct dgroup {
	const struct conf_group *conf; /**< in driver.conf */
	struct group core;
	struct vip *vips[GROUP_MEMBERS_MAX];
	bool stepped_down_saved; /**< what the state file says */
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
	bool starting; /**< some group has not been told yet */
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
	int lock;  /**< holds the name that makes us the only vrrpd of this network namespace */
	mono tick; /**< of the kernel's time-outs */
	mono lease_time;         /**< T as installed in the kernel */
	bool lease_found;        /**< a table of an earlier run was there */
	uint64_t lease_repaired; /**< times the table was put back */
	struct log_limit limit_lease;
	struct vif *vif;
	struct vif_watch *watch;
	struct event *watch_readable;
	struct lease *lease;
	struct lease_watch *lease_watch;
	struct event *lease_readable;
	struct ctl_server *ctl;
	struct event *timer;
	struct event *lowering;
	struct event *mending; /**< next attempt on what is in trouble */
	bool retrying;         /**< what is in trouble may be tried now */
	bool judge;            /**< driver_trouble() was called: judge the facts again */
	int sender;            /**< packet socket */
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
 * Does one piece of what can wait: writes the state file, or sets one released device down. The
 * kernel takes 10 to 20 ms for that, so that it is done one at a time between other events and not
 * while a group resigns; the gate has been shut already.
 */
void driver_lower_one(struct driver *d);
void driver_lower_soon(struct driver *d);

/* driver_setup.c */
/** Listens on the parent of a receiver as it is now, and sets its sysctls. */
int driver_open_receiver(struct driver *d, struct receiver *r) __attribute__((warn_unused_result));
/** Reopens the link watch for conf's interfaces. */
int driver_watch(struct driver *d, const struct conf *conf) __attribute__((warn_unused_result));

/* driver_mend.c */
/**
 * At start: reads the certificates an earlier run left, then replaces its table, keeping what is
 * left of its leases.
 */
int driver_adopt_lease(struct driver *d) __attribute__((warn_unused_result));
/** While running: the table as the present state wants it. Logs what goes wrong. */
void driver_install_lease(struct driver *d);
/** Puts back what others removed: parents that came back, devices, addresses, table. */
void driver_mend(struct driver *d);
/** A device cannot be used: the group is released by the next driver_track(). */
void driver_trouble(struct driver *d, struct vip *v, const char *what);
/** Events of driver_mend(); called once. */
int driver_mend_listen(struct driver *d) __attribute__((warn_unused_result));

/* driver_state.c */
/** The only vrrpd in this network namespace? -EADDRINUSE if not. */
int driver_lock(struct driver *d) __attribute__((warn_unused_result));
/** Reads which groups had stepped down. */
void driver_recall(struct driver *d);
/** Some group's stepped_down differs from the state file. */
bool driver_has_news(const struct driver *d);
void driver_remember(struct driver *d);

/* control.c */
int control_open(struct driver *d) __attribute__((warn_unused_result));
/** A group changed its state: tell subscribers, and the failover command if it waits for it. */
void control_role_changed(struct driver *d, struct dgroup *g, enum vrrp_state old);
/** A planned failover of the group failed. */
void control_withdrawn(struct driver *d, struct dgroup *g);

#endif
