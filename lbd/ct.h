/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's connection table through ctnetlink, raw over libmnl: events of our connections,
 * asynchronous filtered dumps, injection, deletion, flushes by mark. "Ours" are the entries whose
 * mark carries the tag of flow.h; the kernel filters events (socket filter) and dumps by it.
 *
 * Three kinds of sockets: events (64 MiB of buffer, read in batches), dumps (one chunk an event
 * loop round, so that events are served in between) and injection (synchronous: the kernel carries
 * a batch out inside sendmsg, so its acknowledgement is there when the call returns). Changes
 * caused by our own injection socket are recognised by the port id in the event.
 *
 * The caller sets net.netfilter.nf_conntrack_events=1 before any traffic, otherwise entries older
 * than the first listener never report their end.
 */
#ifndef HA_CT_H
#define HA_CT_H

#include "lbd/flow.h"
#include "log.h"
#include "mono.h"

struct event_base;
struct ct;

enum {
	CT_BATCH = 64,      /**< operations of one sendmsg */
	CT_DRAIN_MS = 50,   /**< longest stay in ct_drain_events() */
	CT_ERRNO_MAX = 140, /**< errno values counted one by one */
	CT_EVENT_BUFFER_BYTES = 64 * 1024 * 1024,
};

enum ct_change {
	CT_CHANGE_PUT, /**< an assured entry of ours was assured or changed */
	CT_CHANGE_END, /**< it is gone */
};

/** Result of a pass over our entries. */
struct ct_survey {
	uint64_t entries;     /**< tagged ours and assured */
	unsigned generations; /**< bit mask of the generations seen, over all tagged entries */
	mono took;
};

struct ct_callbacks {
	/** own: caused by this process (only CT_CHANGE_END is told then). */
	void (*change)(void *arg, enum ct_change change, const struct flow *flow, bool own);
	/** The event socket overflowed: changes are lost. */
	void (*overflow)(void *arg);
	/** One assured entry of the running dump. */
	void (*record)(void *arg, const struct flow *flow);
	/** The dump ended; error 0 or -errno. Not called after ct_dump_stop(). */
	void (*dump_done)(void *arg, int error);
	/** A survey started by ct_survey_start() ended well. */
	void (*survey)(void *arg, const struct ct_survey *survey);
	/**
	 * The kernel had no room for an entry (error ENOMEM or ENOSPC), or a batch failed: said
	 * once for a batch, after it; queueing and committing from here is allowed.
	 */
	void (*no_room)(void *arg, const struct flow *flow, int error);
};

struct ct_counters {
	uint64_t events;      /**< received, own ones included */
	uint64_t ended;       /**< of which connections of ours that ended, own doing excluded */
	uint64_t undecodable; /**< messages flow_decode() refused */
	uint64_t overflows;
	uint64_t injected;             /**< created or updated in the kernel */
	uint64_t created;              /**< of which new */
	uint64_t closed;               /**< of which followed the old owner's towards their end */
	uint64_t replaced;             /**< of which took the place of a differing entry */
	uint64_t deleted;              /**< by ct_del(), entries that existed */
	uint64_t relaxed;              /**< by ct_relax() */
	uint64_t no_room;              /**< refused for lack of room: an alarm */
	uint64_t errors[CT_ERRNO_MAX]; /**< refused injections and deletions by errno */
};

/**
 * Opens the sockets. callbacks are copied. Returns 0, or -errno: EPROTONOSUPPORT when the kernel
 * lacks ctnetlink, EPERM without CAP_NET_ADMIN. log may be NULL and is borrowed.
 */
int ct_open(struct event_base *base, struct log *log, const struct ct_callbacks *callbacks,
	    void *arg, struct ct **out) __attribute__((warn_unused_result));
void ct_close(struct ct *ct);

/**
 * Reads and reports the events that are queued, for at most CT_DRAIN_MS: more may arrive as fast as
 * they are read. Returns false when that was not enough. Events are always reported in order, and
 * later ones follow from the event loop.
 */
bool ct_drain_events(struct ct *ct);

/** Starts the dump of our entries; 0 or -errno (EBUSY when one runs). */
int ct_dump_start(struct ct *ct) __attribute__((warn_unused_result));
/** Stops and restarts reading (back-pressure); nothing happens when no dump runs. */
void ct_dump_pause(struct ct *ct, bool pause);
void ct_dump_stop(struct ct *ct);

/** Counts our entries in the background; nothing happens when a survey runs already. */
void ct_survey_start(struct ct *ct);
/** The same at once, blocking (start of the daemon). 0 or -errno. */
int ct_survey_now(struct ct *ct, struct ct_survey *out) __attribute__((warn_unused_result));

enum ct_put {
	CT_PUT_UPSERT, /**< afterwards the kernel holds exactly this */
	CT_PUT_CREATE, /**< only when nothing is in the way */
	/**
	 * An entry of the same translation that is still established takes over state and time-out,
	 * nothing else; nothing is created.
	 */
	CT_PUT_CLOSE,
};

/** Queue one operation; a full batch is carried out at once. */
void ct_put(struct ct *ct, const struct flow *flow, enum ct_put how);
void ct_del(struct ct *ct, const struct flow *flow);
/**
 * Makes the kernel's window checks of one of our own TCP connections liberal, as injected ones are.
 * Without that a connection that served elsewhere for a while and comes back is strict about
 * windows that have moved on, and its packets are refused. Nothing happens to what is liberal.
 */
void ct_relax(struct ct *ct, const struct flow *flow);
/** Carries out what is queued; when it returns the kernel has acknowledged everything. */
void ct_commit(struct ct *ct);
/** Deletes every entry whose mark matches under mask (one message), after a commit. 0 or -errno. */
int ct_flush_mark(struct ct *ct, uint32_t mark, uint32_t mask) __attribute__((warn_unused_result));

const struct ct_counters *ct_counters(const struct ct *ct);

#endif
