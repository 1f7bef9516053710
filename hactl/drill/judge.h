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

/** One numbered probe: an ICMP echo and an ARP request for the VIP, sent together. */
struct judge_probe {
	mono sent;
	mono answered;   /**< when the echo reply arrived; zero: never */
	uint8_t echo_by; /**< bit i: the echo reply left through gateway i's port */
	uint8_t arp_by;  /**< bit i: an ARP reply left through gateway i's port */
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
/** The longest time between two probes sent: as long as the judge was blind; *at: its beginning. */
mono judge_blind(const struct judge_probe *probe, size_t n, mono from, mono *at);
/**
 * The longer of an outage and of the hand-over: the time from the last probe the old owner answered
 * to the first the new one did, which counts even when no probe was sent meanwhile.
 */
struct judge_outage judge_with_handover(struct judge_outage outage, mono last, mono first);
/** How many probes were answered by more than one gateway. */
size_t judge_dual(const struct judge_probe *probe, size_t n);
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

/** Active_Down_Interval of a Backup with this priority (RFC 9568 6.1). */
mono judge_active_down_interval(mono advert_interval, uint8_t priority);

#endif
