/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state machine of connection synchronisation: hello, bulk, stream, barrier, resync. It knows
 * no socket and no kernel: sync.c feeds it events with the time and carries its actions out; the
 * simulation does the same with model kernels and virtual time.
 *
 * Model. A node is owner (its group is Active here) or not. The owner's kernel is the truth, the
 * other's is the replica. When the link is up and only this node is owner it sends a bulk: BEGIN,
 * every tagged entry as PUT, with events interleaved, END; the receiver stamps all of it with a new
 * local generation (two bits of the mark), flushes every other generation and answers DONE: now
 * both are "equal". A change of owner between equal nodes needs no bulk: only the direction of the
 * stream turns. Whatever may have lost a record (lost link, overflow of the event socket, a stream
 * dropped for lack of room, a failed injection) ends "equal" and leads to a new bulk.
 *
 * While a dump runs, fingerprints of ended connections are remembered, so that an older record
 * still on its way out of the dump cannot resurrect them; the memory is bounded and a full one
 * restarts the bulk.
 *
 * Overlap. For some milliseconds of a planned failover both nodes are owner (make before break).
 * Each claim of ownership takes an epoch above all known ones. An owner takes a PUT from its peer
 * only to create what it does not have, and a DEL only from a newer owner or within GRACE of its
 * own claim (what is on its way from before); the rest is counted as late and dropped. ASSURED
 * events are streamed by a non-owner too: traffic of ours that passes here means that we are just
 * becoming owner and nobody has told us yet.
 * What is lost while both are owner makes whoever remains begin with a bulk.
 *
 * Closing. A connection's way from FIN to its end raises no event (a flood of them would be the
 * price), so the replica holds it as established until the owner says that it is gone. A node that
 * steps down therefore dumps, once, what is closing in its table, as PUT records with state and
 * remaining time; the new owner lets its own entry follow if that is still established, and never
 * creates one from it. Known limit: a node that dies cannot tell. What was closing on it stays
 * established on the survivor until the time-out of established connections, or until the client
 * uses the same port again; it costs table space, no service.
 */
#ifndef HA_SYNC_FSM_H
#define HA_SYNC_FSM_H

#include "mono.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SYNC_GRACE_MS = 1000,    /**< overlap of owners that still counts as a hand-over */
	SYNC_CLOSING_MS = 30000, /**< after our claim: the old owner may still report what closes */
	SYNC_SETTLE_MS = 1000,   /**< after link up: time for either lbd to learn its role */
	SYNC_RESTART_MIN_MS = 100,   /**< first delay of a repeated bulk; doubles */
	SYNC_RESTART_MAX_MS = 10000, /**< longest such delay */
	SYNC_CONFIRM_MS = 30000,     /**< longest wait for the peer's BULK_DONE */
	SYNC_RETRY_MS = 5000,        /**< receiver: from a failed injection to the next bulk */
	SYNC_TOMB_SLOTS = 32768,     /**< power of two */
	SYNC_TOMBS_MAX = 24576,      /**< fill limit of the table */
	SYNC_ACTIONS_MAX = 16,
	SYNC_DIVERGED_MIN = 64,  /**< so many entries more or less are the stream's delay */
	SYNC_DIVERGED_PCT = 5,   /**< so is this share of them */
	SYNC_DIVERGED_MS = 5000, /**< and so is what lasts no longer */
};

/** What vrrpd is told. */
enum sync_level {
	SYNC_LEVEL_ALONE,       /**< no link */
	SYNC_LEVEL_CATCHING_UP, /**< the two kernels are not known to be equal */
	SYNC_LEVEL_SYNCED,      /**< they are */
	SYNC_LEVEL_N,
};

enum sync_send {
	SYNC_SEND_IDLE,    /**< no bulk of ours under way */
	SYNC_SEND_WAIT,    /**< announced, dump starts at the deadline */
	SYNC_SEND_BLOCKED, /**< the link's buffer is full; waits until it has drained */
	SYNC_SEND_DUMP,    /**< dump running */
	SYNC_SEND_CONFIRM, /**< END sent, DONE not yet heard */
	SYNC_SEND_N,
};

enum sync_recv { SYNC_RECV_IDLE, SYNC_RECV_BULK, SYNC_RECV_N };

enum sync_event_type {
	SYNC_EV_LINK_UP, /**< owner, epoch, config_equal: of the peer's hello */
	SYNC_EV_LINK_DOWN,
	SYNC_EV_OWNER,      /**< owner: our new role */
	SYNC_EV_PEER_WORD,  /**< owner, epoch: of the peer's STATE */
	SYNC_EV_BULK_BEGIN, /**< id, count */
	SYNC_EV_BULK_END,   /**< id, count; everything before it has been injected */
	SYNC_EV_BULK_DONE,  /**< id */
	SYNC_EV_BULK_REQUEST,
	SYNC_EV_PEER_BARRIER,   /**< id; everything before it has been injected */
	SYNC_EV_BARRIER_ACK,    /**< id */
	SYNC_EV_BARRIER,        /**< delay: longest wait; the batch goes out before its frame */
	SYNC_EV_DUMP_DONE,      /**< failed */
	SYNC_EV_EVENTS_LOST,    /**< the event socket overflowed, or the tombs are full */
	SYNC_EV_STREAM_FULL,    /**< the link's buffer passed its bound */
	SYNC_EV_STREAM_DRAINED, /**< it is empty again */
	SYNC_EV_INJECT_FAILED,  /**< the kernel refused a record for good (table full) */
	SYNC_EV_SURVEY,         /**< count: our entries; generations: bit mask of those in use */
	SYNC_EV_CONFIG,         /**< config_equal changed (reload) */
	SYNC_EV_TICK,           /**< time passed */
};

struct sync_event {
	enum sync_event_type type;
	uint64_t id;
	uint64_t count;
	uint32_t epoch;
	unsigned generations;
	mono delay;
	bool owner;
	bool config_equal;
	bool failed;
};

enum sync_action_type {
	SYNC_ACT_SEND_WORD,       /**< STATE frame */
	SYNC_ACT_SEND_BULK_BEGIN, /**< id, count */
	SYNC_ACT_SEND_BULK_END,   /**< id, count */
	SYNC_ACT_SEND_BULK_DONE,  /**< id, count */
	SYNC_ACT_SEND_BULK_REQUEST,
	SYNC_ACT_SEND_BARRIER,     /**< id */
	SYNC_ACT_SEND_BARRIER_ACK, /**< id */
	SYNC_ACT_START_DUMP,
	SYNC_ACT_STOP_DUMP,
	SYNC_ACT_FLUSH_GENERATION, /**< generation: delete our entries that carry it */
	SYNC_ACT_BARRIER_DONE,     /**< result */
};

enum sync_barrier_result {
	SYNC_BARRIER_OK,
	SYNC_BARRIER_BUSY,       /**< another one is waiting */
	SYNC_BARRIER_NO_PEER,    /**< link down */
	SYNC_BARRIER_CONFIG,     /**< configurations differ */
	SYNC_BARRIER_NOT_SYNCED, /**< bulk not confirmed */
	SYNC_BARRIER_TIMEOUT,    /**< no answer in time */
	SYNC_BARRIER_LINK_LOST,  /**< link went down while waiting */
	SYNC_BARRIER_N,
};

struct sync_action {
	enum sync_action_type type;
	uint64_t id;
	uint64_t count;
	unsigned generation;
	enum sync_barrier_result result;
};

struct sync_actions {
	size_t n;
	struct sync_action action[SYNC_ACTIONS_MAX]; /**< to be carried out in this order */
};

/** Open-addressed set of 64-bit fingerprints; 0 marks a free slot. */
struct sync_tombs {
	size_t n;
	uint64_t slot[SYNC_TOMB_SLOTS];
};

/** Everything; read freely, written by sync_fsm*.c only. Large: keep it on the heap. */
struct sync_fsm {
	bool link;
	bool owner;
	bool peer_owner;
	bool config_equal; /**< the peer runs the same configuration */
	bool equal;        /**< both kernels hold the same, as far as records were lost */
	bool closing;      /**< stepped down: the dump of what is ending runs */
	bool stream_full;  /**< nothing is streamed until the buffer has drained */
	uint32_t epoch;    /**< of our last claim, 0 none */
	uint32_t peer_epoch;
	mono settled;     /**< instant from which two non-owners count as synced */
	mono owned_since; /**< instant of our last claim */
	mono overlooked;  /**< instant at which we as a non-owner last lost events */
	mono both_since;  /**< both have been owner since; never otherwise */

	enum sync_send send;
	uint64_t bulk_id;     /**< of our last bulk */
	uint64_t dumped;      /**< its records so far */
	uint64_t own_entries; /**< last survey */
	mono send_deadline;   /**< WAIT: start; CONFIRM: give up */
	mono send_began;
	int64_t restart_ms; /**< next delay of a repeated bulk */

	enum sync_recv recv;
	uint64_t recv_id;
	uint64_t recv_expected; /**< estimate of the sender */
	uint64_t recv_count;    /**< bulk records so far */
	mono recv_began;
	mono recv_retry;     /**< instant to ask for another bulk; never normally */
	bool recv_failed;    /**< an injection of this bulk failed */
	unsigned generation; /**< stamp of what we inject, 0..3 */
	bool stamped;        /**< some entry may carry it since it was chosen */
	bool survey_fresh;   /**< no bulk has begun since the last survey ended */
	unsigned complete;   /**< generation of the last complete bulk */
	unsigned used;       /**< bit mask: generations that may be in our kernel */

	bool barrier_pending;
	uint64_t barrier_id;
	mono barrier_deadline;

	uint64_t late;       /**< records of an old owner, dropped or only created */
	uint64_t bulks_sent; /**< confirmed */
	uint64_t bulks_received;
	uint64_t restarts; /**< bulks begun again */
	mono last_resync;  /**< duration of the last complete bulk, either direction */
	struct sync_tombs tombs;
};

/** Starts without link, not owner; used: bit mask of generations found in the kernel. */
void sync_fsm_init(struct sync_fsm *fsm, unsigned used);
/** The one transition function. *out is overwritten. */
void sync_fsm_step(struct sync_fsm *fsm, const struct sync_event *event, mono now,
		   struct sync_actions *out);
/** When the next TICK is due; never when nothing waits. */
mono sync_fsm_deadline(const struct sync_fsm *fsm, mono now);

/** Sender, per kernel event: is it to be streamed? (an ASSURED or changed, an ended connection) */
bool sync_fsm_wants_put(const struct sync_fsm *fsm);
bool sync_fsm_wants_del(const struct sync_fsm *fsm);
/**
 * Old owner, per record of the dump and per ended connection that was closing: is it to be sent as
 * a PUT with its state (the ended one with the shortest time-out)?
 */
bool sync_fsm_wants_closing(const struct sync_fsm *fsm);
/**
 * Sender, for every ended connection (our own deletions too): remembers it while a dump runs.
 * Returns false when there is no room left: step SYNC_EV_EVENTS_LOST then.
 */
bool sync_fsm_note_end(struct sync_fsm *fsm, uint64_t fingerprint)
	__attribute__((warn_unused_result));
/** Sender, per record of the dump: true when it is to be sent (and counts it). */
bool sync_fsm_take_record(struct sync_fsm *fsm, uint64_t fingerprint);

enum sync_accept {
	SYNC_ACCEPT_NO,
	SYNC_ACCEPT_CREATE, /**< only if nothing is in the way */
	SYNC_ACCEPT_UPSERT,
	SYNC_ACCEPT_CLOSE, /**< our entry takes its state and time-out if still established */
};

/**
 * Receiver, per PUT record: what to do with it; to be stamped with fsm->generation. closing: its
 * TCP state is past established.
 */
enum sync_accept sync_fsm_accept_put(struct sync_fsm *fsm, bool bulk, bool closing, mono now);
/** Receiver, per DEL record. */
bool sync_fsm_accept_del(struct sync_fsm *fsm, mono now);
/** Receiver, per VERDICT: with another configuration its number may mean another server. */
bool sync_fsm_accept_verdict(const struct sync_fsm *fsm);
/** Receiver, per FLUSH_SERVER: the rules of VERDICT and DEL together; what is refused is late. */
bool sync_fsm_accept_flush(struct sync_fsm *fsm, mono now);
/** Our claim is so young that the old owner's last words still count. */
bool sync_fsm_in_grace(const struct sync_fsm *fsm, mono now);

enum sync_level sync_fsm_level(const struct sync_fsm *fsm, mono now);
/** Entries still to come (receiver) or to go (owner); 0 when not catching up. */
uint64_t sync_fsm_entries_left(const struct sync_fsm *fsm);
/** Do the two nodes' numbers of entries differ by more than what is under way explains? */
bool sync_fsm_counts_differ(uint64_t a, uint64_t b);
/** How long that will take at the pace so far; zero when nothing is left, never if unknown. */
mono sync_fsm_eta(const struct sync_fsm *fsm, mono now);
/** "alone", "catching_up", "synced". */
const char *sync_level_name(enum sync_level level);
const char *sync_send_name(enum sync_send send);
/** Why a barrier failed, for people. */
const char *sync_barrier_text(enum sync_barrier_result result);

#endif
