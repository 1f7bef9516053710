/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Failover groups: the virtual routers of a group are Active together or not at all, so that
 * clients and servers always meet at the same node. The group feeds the state machines of its
 * members (vrrp_fsm.h) and keeps them in one state: it becomes Active only when every member's
 * Active_Down_Timer has run out, and one member that must yield takes all along. A core: called
 * by driver.c with events and the time, answers with one set of actions per member.
 */
#ifndef HA_GROUP_H
#define HA_GROUP_H

#include "vrrp_fsm.h"

enum {
	GROUP_MEMBERS_MAX = 64,
};

struct group {
	struct vrrp_router member[GROUP_MEMBERS_MAX];
	size_t n_members;        /**< 1..GROUP_MEMBERS_MAX */
	enum vrrp_state state;   /**< of every member between two steps; one setter */
	enum vrrp_reason reason; /**< why the last change happened */
	mono since;              /**< instant of the last change */
	bool stepped_down;       /**< handed over on request: does not preempt until told */
	uint64_t epoch;          /**< claims of Active so far */
	uint64_t transitions;    /**< changes of state so far */
};

enum group_event_kind {
	GROUP_EV_STARTUP,  /**< no fault: take part */
	GROUP_EV_ADOPT,    /**< as startup, inside the own unexpired lease */
	GROUP_EV_SHUTDOWN, /**< leave; reason says why (shutdown, fault) */
	GROUP_EV_TIMER,
	GROUP_EV_ADVERT, /**< member and advert set */
	GROUP_EV_RESIGN, /**< planned failover; window set */
	GROUP_EV_RESUME, /**< forget stepped_down */
	GROUP_EV_RECONFIGURE,
	GROUP_EV_N,
};

struct group_event {
	enum group_event_kind kind;
	enum vrrp_reason reason;          /**< GROUP_EV_SHUTDOWN */
	size_t member;                    /**< GROUP_EV_ADVERT: index of the member that heard it */
	const struct vrrp_advert *advert; /**< GROUP_EV_ADVERT, borrowed */
	mono window;                      /**< GROUP_EV_RESIGN */
};

struct group_actions {
	enum vrrp_state old_state;
	bool changed;   /**< the group's state is not old_state any more */
	bool withdrawn; /**< the planned failover failed: nobody took over */
	struct vrrp_actions member[GROUP_MEMBERS_MAX];
};

/** primaries: the primary address of each member's interface, n of them. */
void group_init(struct group *g, const struct addr *primaries, size_t n, mono now);
/** One event; *out is overwritten. */
void group_step(const struct vrrp_conf *conf, struct group *g, const struct group_event *event,
		mono now, struct group_actions *out);
/** The next instant GROUP_EV_TIMER is due, or never. */
mono group_deadline(const struct group *g);
bool group_is_resigning(const struct group *g);
/** After group_init(): an earlier run handed over on request and was not told to resume. */
void group_recall_stepped_down(struct group *g);
/** The primary address of a member's interface changed. */
void group_set_primary(struct group *g, size_t member, const struct addr *primary);

#endif
