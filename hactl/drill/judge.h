/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The judge of a drill: what was measured goes in, verdicts come out. A core, so that the rules by
 * which a failover passes or fails can be proved on made-up measurements.
 */
#ifndef HA_JUDGE_H
#define HA_JUDGE_H

#include "mono.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * One numbered probe, sent together: an ICMP echo and an ARP request for the VIP from a client, and
 * an ICMP echo put straight into each gateway's port, whatever the switch has learnt.
 */
struct judge_probe {
	mono sent;
	mono answered;     /**< when the client's echo reply arrived; zero: never */
	uint8_t echo_by;   /**< bit i: the echo reply left through gateway i's port */
	uint8_t arp_by;    /**< bit i: an ARP reply left through gateway i's port */
	uint8_t direct_by; /**< bit i: gateway i answered the echo put into its port */
};

/** The longest time without service. */
struct judge_outage {
	mono longest;   /**< from the last answered probe to the next one, by their send times */
	mono from;      /**< send time of the last answered probe before it */
	mono until;     /**< send time of the first answered one after it, or of the last probe */
	bool recovered; /**< false: it lasted to the end of the measurement */
};

/**
 * Finds the longest time between two answered probes with unanswered ones between them, among those
 * sent at or after `from`; a pause of the prober itself is judge_blind()'s business. A probe
 * whose answer took longer than `late` counts as unanswered: an answer that was queued through an
 * outage is no service. The end of the measurement bounds an outage without recovery.
 */
struct judge_outage judge_outage(const struct judge_probe *probe, size_t n, mono from, mono late);
/**
 * The longest time between two probes, the later one sent in [span[0], span[1]): as long as the
 * judge was blind; *at: its beginning.
 */
mono judge_blind(const struct judge_probe *probe, size_t n, const mono span[static 2], mono *at);
/**
 * The longer of an outage and of the hand-over: the time from the last probe the old owner answered
 * to the first the new one did, which counts even when no probe was sent meanwhile.
 */
struct judge_outage judge_with_handover(struct judge_outage outage, mono last, mono first);
/** One hand-over that was rehearsed. */
struct judge_move {
	mono begin;       /**< when the fault was injected */
	mono end;         /**< when the next one was, or the measurement ended */
	unsigned from;    /**< gateway that served before */
	unsigned to;      /**< gateway that should serve afterwards */
	bool crash;       /**< nobody handed anything over: the old owner must be silent first */
	mono overlap_max; /**< not a crash: for how long both may take IP packets */
};

/** Who answered around a hand-over, by the send times of the probes. */
struct judge_owners {
	mono first_new; /**< first answer of the new owner; zero: none */
	mono last_old;  /**< last answer of the old owner before that; zero: none */
	size_t late;    /**< probes the old owner answered although it was no longer its business */
	mono late_until; /**< the last of them */
	mono overlap;    /**< how long both took IP packets by design */
	bool gap;        /**< some probe in between was answered by nobody */
};

/**
 * Finds out who answered. After a crash any answer of the old owner (ARP or echo) at or after the
 * first one of the new owner is late. When the VIP was handed over both forward for a moment, make
 * before break, and a learning switch delivers each frame to one of them: there only an ARP request
 * answered by both, an ARP reply of the old owner after the first of the new one, and IP packets
 * taken for longer than overlap_max are late.
 */
struct judge_owners judge_owners(const struct judge_probe *probe, size_t n,
				 const struct judge_move *move);
/** Probes sent in [from, until) that a gateway answered in any way. */
size_t judge_answers_of(const struct judge_probe *probe, size_t n, unsigned gateway,
			const mono span[static 2]);
/** Send time of the last probe (before `end`), or the first one (at or after `begin`), gateway
 * answered; zero when there is none. */
mono judge_last_answer(const struct judge_probe *probe, size_t n, unsigned gateway, mono end);
mono judge_first_answer(const struct judge_probe *probe, size_t n, unsigned gateway, mono begin);

/** What ended a session; JUDGE_WHOLE while nothing did. */
enum judge_break {
	JUDGE_WHOLE,
	JUDGE_RESET,    /**< reset or refused */
	JUDGE_CLOSED,   /**< closed by the other side */
	JUDGE_SPLIT,    /**< bind_nak: its second connection reached another server */
	JUDGE_LOST,     /**< a message number was left out */
	JUDGE_REPEATED, /**< a message came twice */
	JUDGE_ALTERED,  /**< a message was not what was sent */
	JUDGE_TIMEOUT,  /**< could not be opened in time */
	JUDGE_BREAK_N,
};

/** One session, as its client and its server counted it. */
struct judge_session {
	bool opened;            /**< both connections were bound */
	uint8_t broken;         /**< enum judge_break */
	uint32_t requested;     /**< client: requests sent */
	uint32_t answered;      /**< client: answers received in order */
	uint32_t notified;      /**< server: notifications sent */
	uint32_t received;      /**< client: notifications received in order */
	uint32_t acknowledged;  /**< server: acknowledgements received in order */
	mono last_answer;       /**< client: when the last answer arrived */
	mono last_notification; /**< client: when the last notification arrived */
	uint16_t port;          /**< client: dynamic port it was told, 0 before */
	uint16_t source[2];     /**< client: local ports of its connections, 0 before */
};

/** Nothing in flight: every message of the session arrived, in both directions. */
bool judge_session_settled(const struct judge_session *s);
/** Whole, and both directions made progress after `restored`. */
bool judge_session_alive(const struct judge_session *s, mono restored);

struct judge_sessions {
	unsigned opened;
	unsigned survived;
	unsigned lost;                  /**< opened - survived */
	unsigned broken[JUDGE_BREAK_N]; /**< by cause */
	unsigned hung;                  /**< whole, but no progress since, or in flight for ever */
	unsigned hung_client;           /**< of those: what the client sent did not get through */
	unsigned hung_server;           /**< of those: what the server sent first did not */
};

struct judge_sessions judge_sessions(const struct judge_session *s, size_t n, mono restored);
const char *judge_break_text(enum judge_break b);

/** Which server a client address was given; numbers from 1. */
struct judge_client {
	uint8_t server;   /**< at first; 0: none yet */
	uint8_t moved_to; /**< the first other one; 0: never another */
};

/** Takes down that the client was given this server now. */
void judge_client_note(struct judge_client *c, uint8_t server);
/** Merges what another observer saw of the same client. */
void judge_client_merge(struct judge_client *c, const struct judge_client *other);
/** How many clients were given another server; *first: the index of the first of them. */
size_t judge_clients_moved(const struct judge_client *c, size_t n, size_t *first);

/** A node became Active. */
struct judge_role {
	mono at;
	unsigned node;
};

enum judge_roles {
	JUDGE_ROLES_RIGHT, /**< the expected node became Active, once, and nobody else */
	JUDGE_ROLES_NONE,  /**< nobody did */
	JUDGE_ROLES_OTHER, /**< another node did before it */
	JUDGE_ROLES_BACK,  /**< somebody did once more afterwards */
};

/**
 * Judges who became Active in [move->begin, move->end): move->to and nobody else. *stray: the first
 * change that should not have been, for OTHER and BACK; *since: the time before it that counts.
 */
enum judge_roles judge_roles(const struct judge_role *role, size_t n, const struct judge_move *move,
			     struct judge_role *stray, mono *since);

/** How long a client waits when service may be away for `bound`: the next SYN after it, and 3 s. */
mono judge_patience(mono bound);

/** Active_Down_Interval of a Backup with this priority (RFC 9568 6.1). */
mono judge_active_down_interval(mono advert_interval, uint8_t priority);

#endif
