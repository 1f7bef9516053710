/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connection synchronisation as the rest of lbd sees it: glue between the kernel's table (ct), the
 * state machine (sync_fsm) and the pair link (pair) on one event loop. Callers: lbd's main.c and
 * control.c, and the test tool.
 *
 * Use: ignore SIGPIPE (TLS writes to sockets); set net.netfilter.nf_conntrack_events=1 and load the
 * rules before traffic (translated entries need the kernel's NAT); sync_open(); tell it what vrrpd
 * says with sync_set_owner() and sync_set_state(); pass on the `level` callback to vrrpd. A call
 * never blocks for the network; it may call back before it returns.
 */
#ifndef HA_SYNC_H
#define HA_SYNC_H

#include "conf.h"
#include "lbd/ct.h"
#include "lbd/pair_tls.h"
#include "lbd/sync_frame.h"
#include "lbd/sync_fsm.h"
#include "log.h"
#include "mono.h"

struct event_base;
struct sync;

/** All may be NULL. */
struct sync_callbacks {
	/** A verdict of the peer about one server (number 1..), under the same configuration. */
	void (*verdict)(void *arg, const struct sync_verdict *verdict);
	/**
	 * The link went up or down, or the peer sent its state. On connected the caller resends
	 * its verdicts with sync_send_verdict().
	 */
	void (*peer)(void *arg, bool connected, const struct sync_word *word);
	/** The word for vrrpd changed; sync_get_status() has the rest. */
	void (*level)(void *arg, enum sync_level level);
};

/** What this node's vrrpd says, for the peer. */
struct sync_vrrp {
	bool reachable;  /**< vrrpd answers */
	size_t n_groups; /**< at most SYNC_GROUPS_MAX */
	struct sync_group group[SYNC_GROUPS_MAX];
};

struct sync_setup {
	struct event_base *base;
	struct log *log;                        /**< may be NULL */
	const struct conf *conf;                /**< borrowed for the call; with self */
	const struct sync_callbacks *callbacks; /**< copied */
	void *arg;
};

/** Result of sync_barrier(): result OK means that the peer's kernel holds everything up to it. */
typedef void sync_barrier_fn(void *arg, enum sync_barrier_result result, mono lag,
			     uint64_t connections);

/** Rows 1010 (peer) and 1011 (sync) of the control protocol, and what `lbd` words need. */
struct sync_status {
	bool configured; /**< the configuration has a second node */
	bool connected;
	bool config_equal;        /**< false while not connected */
	char node[SYNC_NAME_MAX]; /**< the peer's, from the configuration */
	struct addr address;      /**< its pair_address */
	mono since;               /**< instant of the last change of `connected` */
	mono lag;                 /**< last heartbeat's round trip; never without link */
	uint64_t refused[PAIR_REFUSAL_N];
	char last_error[PAIR_ERROR_MAX];
	struct sync_hello hello; /**< the peer's: program version, configuration hash */
	struct sync_word peer;   /**< its last STATE; zero while not connected */

	enum sync_level level;
	const char *role;      /**< "sender", "receiver", "none" */
	uint64_t entries_left; /**< while catching up */
	mono eta;              /**< never when unknown */
	uint64_t connections;  /**< tagged ours in this kernel */
	/** Connected and synced, but for some seconds `connections` and peer.connections differ. */
	bool diverged;
	uint64_t sent;         /**< PUT records */
	uint64_t received;     /**< PUT records */
	uint64_t destroyed;    /**< DEL records sent and received */
	uint64_t late;         /**< records of an old owner */
	uint64_t resyncs;      /**< complete bulks, either direction */
	mono last_resync;      /**< duration of the last one; zero when there was none */
	size_t unacked_bytes;  /**< waiting for the pair link */
	struct ct_counters ct; /**< injected, errors by errno, overflows, ... */
};

/**
 * Opens everything. Returns 0, or -errno with text and remedy in error: the key file, ctnetlink
 * missing (-EPROTONOSUPPORT), rights. Without a second node in conf there is no pair link: the
 * level stays "alone", the table is watched and flushed all the same.
 */
int sync_open(const struct sync_setup *setup, struct sync **out, char error[static PAIR_ERROR_MAX])
	__attribute__((warn_unused_result));
/** Sends what is left (for at most 200 ms), says BYE, closes and frees; no callback follows. */
void sync_close(struct sync *sync);
/**
 * A new configuration: tells the peer the new hash; reopens the pair link when addresses, port,
 * nodes or the key's bytes changed. On an error everything stays as it was. A key file in the old
 * place that may not be read (any more) is logged with the remedy and does no harm.
 */
int sync_reload(struct sync *sync, const struct conf *conf, char error[static PAIR_ERROR_MAX])
	__attribute__((warn_unused_result));

/** Whether a group of ours is Active here. Call it as soon as vrrpd says so. */
void sync_set_owner(struct sync *sync, bool owner);
/** What vrrpd says, for the peer; sent at once when it changed, and each second. */
void sync_set_state(struct sync *sync, const struct sync_vrrp *vrrp);
void sync_send_verdict(struct sync *sync, const struct sync_verdict *verdict);
/**
 * Deletes all connections to a server here and, if we are owner, at the peer; reports how it went
 * here (0 or -errno). First take the server out of the rules.
 */
int sync_server_died(struct sync *sync, uint16_t server);
/**
 * Waits until all connections up to now are in the peer's kernel. cb is called exactly once,
 * perhaps before this returns (refusals), not after sync_close().
 */
void sync_barrier(struct sync *sync, mono timeout, sync_barrier_fn *cb, void *arg);

void sync_get_status(struct sync *sync, struct sync_status *out);

#endif
