/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state machine of one virtual router (RFC 9568 6.4), called by group.c with events and the
 * time. It returns what is to be done and when to come back; it never does anything itself.
 * Point numbers in comments are those of "points an oracle must fix". Beyond the RFC:
 *
 * The lease: an Active Router that wakes up after its lease ran out becomes Backup without a word.
 *
 * ARP waits: a new Active Router serves IP from its first advertisement on, and answers ARP from an
 * advertisement sent once the former one is certainly silent. After plain silence that is 5 ms
 * later. After priority 0, or when preempting a router heard lately, the former one may still hold
 * a lease: then ARP waits until that must have run out, or until the former one says farewell.
 *
 * Planned resignation: priority 0 goes out while this router still serves. The long lease ends with
 * it; a short one (VRRP_HOLD_MS) is renewed every few ms by frames that never leave the machine
 * (repeating priority 0 that often would restart the Skew_Time of other implementations).
 *
 * Farewell: whoever yields shuts its gate and then says priority 0, twice. The new Active Router
 * must answer that at once (RFC 9568 6.4.3); with the second answer it begins to answer ARP. A
 * single priority 0 may have been on its way before the gate was shut: they are repeated far apart.
 * The farewell does not bear the virtual MAC, or it would draw traffic back: a deviation from 7.3.
 *
 * What remains: with frames lost, two nodes may answer ARP until the next advertisement arrives. A
 * resigning router that dies is silent within VRRP_HOLD_MS; unicast frames that a switch still
 * sends its way in that time are served by it.
 */
#ifndef HA_VRRP_FSM_H
#define HA_VRRP_FSM_H

#include "vrrp.h"

enum {
	VRRP_SECOND_ADVERT_MS = 5, /**< first to second advertisement of a new Active Router */
	VRRP_HOLD_MS = 20,         /**< longest service of a resigning router that died */
	VRRP_HOLD_EVERY_MS = 5,    /**< how often a living one renews that */
	/** Above VRRP_HOLD_MS by what the first advertisement may take to the resigning router. */
	VRRP_ANSWER_AFTER_LEAVING_MS = VRRP_HOLD_MS + 5,
	VRRP_FAREWELLS = 2,
	VRRP_RESIGN_INTERVALS = 4, /**< above every Active_Down_Interval a peer can have */
	VRRP_LEASE_INTERVALS = 3,  /**< at most every Active_Down_Interval a peer can have */
};

/** What the machine is told about itself; may change between steps (track.c, reload). */
struct vrrp_conf {
	uint8_t priority;     /**< effective Priority, 1..255 */
	bool preempt;         /**< effective Preempt_Mode (preempt.h) */
	mono advert_interval; /**< Advertisement_Interval */
	mono lease; /**< how long one advertisement keeps the gate open, never: no lease */
	mono hold;  /**< how long one VRRP_DO_HOLD does */
};

/** State of one virtual router; only vrrp_step() writes it after vrrp_router_init(). */
struct vrrp_router {
	enum vrrp_state state;      /**< written by one setter only */
	struct addr primary;        /**< own primary address: tie-break of RFC 9568 6.4.3 */
	mono active_adver_interval; /**< Active_Adver_Interval, learned */
	mono active_down_timer;     /**< instant; never unless Backup */
	mono adver_timer;           /**< Adver_Timer, instant; never unless Active */
	mono second_timer;     /**< instant of the advertisement that lets ARP in, else never */
	mono hold_timer;       /**< instant the short lease is renewed; never: not resigning */
	mono resign_timer;     /**< instant a resignation is withdrawn; never: not resigning */
	mono lease_until;      /**< instant the own lease runs out; meaningful while Active */
	mono peer_lease_until; /**< a router heard may serve until then */
	mono answer_from;      /**< instant from which adverts let ARP in; while Active */
	unsigned farewells;    /**< priority 0 heard since Active */
	bool peer_leaving;     /**< priority 0 was heard since the last other advert */
};

enum vrrp_event_kind {
	VRRP_EV_STARTUP,
	VRRP_EV_ADOPT, /**< start inside the own unexpired lease: Active at once */
	VRRP_EV_SHUTDOWN,
	VRRP_EV_TIMER,        /**< some deadline may have been reached */
	VRRP_EV_ADVERT,       /**< advert is set */
	VRRP_EV_RESIGN,       /**< hand over without ceasing to forward; window is set */
	VRRP_EV_RELEASE,      /**< another member of the group yielded; interval and reason set */
	VRRP_EV_PEER_LEAVING, /**< another member of the group heard priority 0 */
	VRRP_EV_RECONFIGURE,  /**< conf changed: tell the others now */
	VRRP_EV_N,
};

struct vrrp_event {
	enum vrrp_event_kind kind;
	const struct vrrp_advert *advert; /**< borrowed; VRRP_EV_ADVERT */
	mono window;                      /**< VRRP_EV_RESIGN: longest time until withdrawal */
	mono interval;                    /**< VRRP_EV_RELEASE: Active_Adver_Interval to adopt */
	enum vrrp_reason reason;          /**< VRRP_EV_RELEASE, VRRP_EV_SHUTDOWN */
};

enum vrrp_do {
	VRRP_DO_TAKE = 1 << 0,     /**< became Active: open devices before sending */
	VRRP_DO_SEND = 1 << 1,     /**< send an advertisement with `priority` */
	VRRP_DO_ANNOUNCE = 1 << 2, /**< (re)start the gratuitous ARP schedule after sending */
	VRRP_DO_RELEASE = 1 << 3,  /**< left Active: shut the gate, then send if that is set too; to
				      a successor VRRP_FAREWELLS times */
	VRRP_DO_WITHDRAWN = 1 << 4, /**< nobody took over: the resignation ended */
	VRRP_DO_HOLD = 1 << 5,      /**< renew the short lease, before sending if both are set */
	VRRP_DO_ANSWER = 1 << 6,    /**< the advertisement to send lets ARP in */
};

struct vrrp_actions {
	unsigned what;           /**< VRRP_DO_* bits */
	uint8_t priority;        /**< of the advertisement to send */
	enum vrrp_reason reason; /**< of a change of state, else VRRP_REASON_NONE */
};

void vrrp_router_init(struct vrrp_router *r, const struct addr *primary);
/** One event at one instant; see the tables of RFC 9568 6.4.1 to 6.4.3. */
struct vrrp_actions vrrp_step(const struct vrrp_conf *conf, struct vrrp_router *r,
			      const struct vrrp_event *event, mono now);
/** The next instant VRRP_EV_TIMER is due, or never. */
mono vrrp_deadline(const struct vrrp_router *r);
bool vrrp_is_resigning(const struct vrrp_router *r);
/** Active, and ARP has been let in. */
bool vrrp_is_answering(const struct vrrp_router *r, mono now);

/** Skew_Time and Active_Down_Interval (RFC 9568 6.1) in whole nanoseconds. */
mono vrrp_skew_time(uint8_t priority, mono active_adver_interval);
mono vrrp_active_down_interval(uint8_t priority, mono active_adver_interval);

#endif
