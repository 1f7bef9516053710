// SPDX-License-Identifier: GPL-2.0-or-later
#include "vrrp_fsm.h"

#include <assert.h>

mono vrrp_skew_time(uint8_t priority, mono active_adver_interval)
{
	return mono_from_ns((256 - priority) * active_adver_interval.ns / 256);
}

mono vrrp_active_down_interval(uint8_t priority, mono active_adver_interval)
{
	return mono_add(mono_mul(active_adver_interval, 3),
			vrrp_skew_time(priority, active_adver_interval));
}

void vrrp_router_init(struct vrrp_router *r, const struct addr *primary)
{
	*r = (struct vrrp_router){
		.state = VRRP_INITIALIZE,
		.primary = *primary,
		.active_down_timer = mono_never(),
		.adver_timer = mono_never(),
		.second_timer = mono_never(),
		.resign_timer = mono_never(),
		.hold_timer = mono_never(),
	};
}

bool vrrp_is_resigning(const struct vrrp_router *r)
{
	return !mono_is_never(r->resign_timer);
}

bool vrrp_is_answering(const struct vrrp_router *r, mono now)
{
	return r->state == VRRP_ACTIVE && mono_reached(r->answer_from, now) &&
	       mono_is_never(r->second_timer);
}

mono vrrp_deadline(const struct vrrp_router *r)
{
	mono active = mono_min(r->adver_timer, r->second_timer);
	mono resigning = mono_min(r->hold_timer, r->resign_timer);

	return mono_min(r->active_down_timer, mono_min(active, resigning));
}

/** The only writer of the state; leaves every timer unset for the caller to set. */
static void set_state(struct vrrp_router *r, enum vrrp_state state, enum vrrp_reason reason,
		      struct vrrp_actions *out)
{
	if (r->state == VRRP_ACTIVE)
		out->what |= VRRP_DO_RELEASE;
	if (state == VRRP_ACTIVE)
		out->what |= VRRP_DO_TAKE;
	r->state = state;
	r->active_down_timer = mono_never();
	r->adver_timer = mono_never();
	r->second_timer = mono_never();
	r->resign_timer = mono_never();
	r->hold_timer = mono_never();
	r->peer_leaving = false;
	out->reason = reason;
}

static void send_advert(const struct vrrp_conf *conf, struct vrrp_router *r, mono now,
			struct vrrp_actions *out)
{
	out->what |= VRRP_DO_SEND;
	out->priority = vrrp_is_resigning(r) ? VRRP_PRIORITY_RELEASE : conf->priority;
	if (vrrp_is_resigning(r))
		return; /* priority 0 renews nothing: VRRP_DO_HOLD does */
	r->lease_until = mono_add(now, conf->lease);
	if (mono_reached(r->answer_from, now)) {
		r->second_timer = mono_never();
		out->what |= VRRP_DO_ANSWER;
	}
}

static void hold(const struct vrrp_conf *conf, struct vrrp_router *r, mono now,
		 struct vrrp_actions *out)
{
	out->what |= VRRP_DO_HOLD;
	r->lease_until = mono_add(now, conf->hold);
	r->hold_timer = mono_add(now, mono_from_ms(VRRP_HOLD_EVERY_MS));
}

/** When the router that served before is certainly silent, unless it says so earlier. */
static mono when_silent(const struct vrrp_conf *conf, const struct vrrp_router *r, mono now)
{
	mono second = mono_min(mono_from_ms(VRRP_SECOND_ADVERT_MS), conf->advert_interval);

	if (r->peer_leaving)
		second = mono_from_ms(VRRP_ANSWER_AFTER_LEAVING_MS);
	return mono_max(mono_add(now, second), r->peer_lease_until);
}

static void enter_active(const struct vrrp_conf *conf, struct vrrp_router *r,
			 enum vrrp_reason reason, mono now, struct vrrp_actions *out)
{
	mono silent = when_silent(conf, r, now);

	set_state(r, VRRP_ACTIVE, reason, out);
	r->farewells = 0;
	r->answer_from = r->second_timer = silent;
	send_advert(conf, r, now, out);
	out->what |= VRRP_DO_ANNOUNCE;
	r->adver_timer = mono_add(now, conf->advert_interval);
}

/** Shuts the gate, then says so: the new Active Router waits for that with answering ARP. */
static void yield(struct vrrp_router *r, enum vrrp_state state, enum vrrp_reason reason,
		  struct vrrp_actions *out)
{
	set_state(r, state, reason, out);
	out->what |= VRRP_DO_SEND;
	out->priority = VRRP_PRIORITY_RELEASE;
}

static void listen_for(const struct vrrp_conf *conf, struct vrrp_router *r, mono interval, mono now)
{
	r->active_adver_interval = interval;
	r->peer_leaving = false;
	r->active_down_timer = mono_add(now, vrrp_active_down_interval(conf->priority, interval));
}

static void step_initialize(const struct vrrp_conf *conf, struct vrrp_router *r,
			    const struct vrrp_event *ev, mono now, struct vrrp_actions *out)
{
	switch (ev->kind) {
	case VRRP_EV_STARTUP:
		if (conf->priority == VRRP_PRIORITY_OWNER) {
			enter_active(conf, r, VRRP_REASON_OWNER, now, out);
			break;
		}
		set_state(r, VRRP_BACKUP, VRRP_REASON_STARTUP, out);
		listen_for(conf, r, conf->advert_interval, now);
		break;
	case VRRP_EV_ADOPT:
		enter_active(conf, r, VRRP_REASON_LEASE_VALID, now, out);
		break;
	case VRRP_EV_SHUTDOWN:
	case VRRP_EV_TIMER:
	case VRRP_EV_ADVERT:
	case VRRP_EV_RESIGN:
	case VRRP_EV_RELEASE:
	case VRRP_EV_PEER_LEAVING:
	case VRRP_EV_RECONFIGURE:
	case VRRP_EV_N:
		break;
	}
}

/** How long the sender may serve without another word. */
static mono lease_of(const struct vrrp_advert *advert, mono now)
{
	return mono_add(now, mono_mul(advert->interval, VRRP_LEASE_INTERVALS));
}

static void backup_hears(const struct vrrp_conf *conf, struct vrrp_router *r,
			 const struct vrrp_advert *advert, mono now)
{
	/* Point 7: priority 255 always preempts, whatever Preempt_Mode says. */
	bool preempt = conf->preempt || conf->priority == VRRP_PRIORITY_OWNER;

	if (advert->priority == VRRP_PRIORITY_RELEASE) {
		mono skew = mono_add(now, vrrp_skew_time(conf->priority, r->active_adver_interval));

		/* Said again, it must not put off what the first one began. */
		r->active_down_timer =
			r->peer_leaving ? mono_min(r->active_down_timer, skew) : skew;
		r->peer_leaving = true;
		r->peer_lease_until = now; /* or little later: when_silent() adds it */
		return;
	}
	r->peer_lease_until = mono_max(r->peer_lease_until, lease_of(advert, now));
	if (!preempt || advert->priority >= conf->priority)
		listen_for(conf, r, advert->interval, now);
	/* else point 3: discarded, the timer keeps running, and that is how preemption happens. */
}

/**
 * The peer said on another link that it leaves the whole group. One advertisement missed here is
 * then proof enough; a router that leaves only the other link goes on advertising here and the
 * full interval is restored.
 */
static void peer_leaves(const struct vrrp_conf *conf, struct vrrp_router *r, mono now)
{
	if (r->peer_leaving)
		return;
	mono skew = mono_add(now, vrrp_skew_time(conf->priority, r->active_adver_interval));
	mono one_missed = mono_sub(r->active_down_timer, mono_mul(r->active_adver_interval, 2));

	r->peer_leaving = true;
	r->active_down_timer = mono_min(r->active_down_timer, mono_max(skew, one_missed));
}

static void step_backup(const struct vrrp_conf *conf, struct vrrp_router *r,
			const struct vrrp_event *ev, mono now, struct vrrp_actions *out)
{
	switch (ev->kind) {
	case VRRP_EV_SHUTDOWN:
		set_state(r, VRRP_INITIALIZE, ev->reason, out);
		break;
	case VRRP_EV_TIMER:
		if (mono_reached(r->active_down_timer, now))
			enter_active(conf, r,
				     r->peer_leaving ? VRRP_REASON_PEER_RESIGNED
						     : VRRP_REASON_ACTIVE_DOWN_TIMER,
				     now, out);
		break;
	case VRRP_EV_ADVERT:
		backup_hears(conf, r, ev->advert, now);
		break;
	case VRRP_EV_PEER_LEAVING:
		peer_leaves(conf, r, now);
		break;
	case VRRP_EV_STARTUP:
	case VRRP_EV_ADOPT:
	case VRRP_EV_RESIGN:
	case VRRP_EV_RELEASE:
	case VRRP_EV_RECONFIGURE:
	case VRRP_EV_N:
		break;
	}
}

static void active_hears(const struct vrrp_conf *conf, struct vrrp_router *r,
			 const struct vrrp_advert *advert, mono now, struct vrrp_actions *out)
{
	bool other_wins = advert->priority > conf->priority ||
			  (advert->priority == conf->priority &&
			   addr_compare(&advert->source, &r->primary) > 0);

	if (vrrp_is_resigning(r)) {
		/* Whoever speaks up has taken over; another one that resigns has not. */
		if (advert->priority == VRRP_PRIORITY_RELEASE)
			return;
		yield(r, VRRP_BACKUP, VRRP_REASON_HANDED_OVER, out);
		listen_for(conf, r, advert->interval, now);
	} else if (advert->priority == VRRP_PRIORITY_RELEASE) {
		/* Its gate is shut: we may answer ARP. One may have been under way before. */
		if (++r->farewells >= VRRP_FAREWELLS)
			r->answer_from = mono_min(r->answer_from, now);
		send_advert(conf, r, now, out);
		r->adver_timer = mono_add(now, conf->advert_interval);
	} else if (other_wins) {
		/* Point 1: Preempt_Mode is not consulted here. */
		yield(r, VRRP_BACKUP, VRRP_REASON_HIGHER_PRIORITY, out);
		listen_for(conf, r, advert->interval, now);
	} else {
		/* Point 5: Adver_Timer keeps running. Neighbours may believe the loser: tell them.
		 */
		if (!mono_is_never(r->second_timer))
			r->answer_from = r->second_timer =
				mono_max(r->answer_from, lease_of(advert, now));
		send_advert(conf, r, now, out);
		out->what |= VRRP_DO_ANNOUNCE;
	}
}

/** Between two advertisements. Priority 0 must not be repeated within anybody's Skew_Time. */
static mono pause_of(const struct vrrp_conf *conf, const struct vrrp_router *r)
{
	if (vrrp_is_resigning(r))
		return mono_from_ns(conf->advert_interval.ns / 2 * 3);
	return conf->advert_interval;
}

static void active_timer(const struct vrrp_conf *conf, struct vrrp_router *r, mono now,
			 struct vrrp_actions *out)
{
	if (mono_reached(r->resign_timer, now)) {
		r->resign_timer = mono_never();
		r->hold_timer = mono_never();
		r->adver_timer = now;
		out->what |= VRRP_DO_WITHDRAWN;
	}
	if (mono_reached(r->hold_timer, now))
		hold(conf, r, now, out);
	if (mono_reached(r->second_timer, now))
		send_advert(conf, r, now, out);
	if (mono_reached(r->adver_timer, now)) {
		mono pause = pause_of(conf, r);
		/* From the instant it was due: no drift. From now after a delay: no burst. */
		mono next = mono_add(r->adver_timer, pause);

		send_advert(conf, r, now, out);
		r->adver_timer = mono_before(now, next) ? next : mono_add(now, pause);
	}
}

static void step_active(const struct vrrp_conf *conf, struct vrrp_router *r,
			const struct vrrp_event *ev, mono now, struct vrrp_actions *out)
{
	switch (ev->kind) {
	case VRRP_EV_SHUTDOWN:
		yield(r, VRRP_INITIALIZE, ev->reason, out);
		break;
	case VRRP_EV_TIMER:
		active_timer(conf, r, now, out);
		break;
	case VRRP_EV_ADVERT:
		active_hears(conf, r, ev->advert, now, out);
		break;
	case VRRP_EV_RESIGN:
		r->resign_timer = mono_add(now, ev->window);
		r->second_timer = mono_never();
		hold(conf, r, now, out);
		send_advert(conf, r, now, out);
		r->adver_timer = mono_add(now, pause_of(conf, r));
		break;
	case VRRP_EV_RELEASE:
		yield(r, VRRP_BACKUP, ev->reason, out);
		listen_for(conf, r, ev->interval, now);
		break;
	case VRRP_EV_RECONFIGURE:
		send_advert(conf, r, now, out);
		r->adver_timer = mono_add(now, conf->advert_interval);
		break;
	case VRRP_EV_STARTUP:
	case VRRP_EV_ADOPT:
	case VRRP_EV_PEER_LEAVING:
	case VRRP_EV_N:
		break;
	}
}

struct vrrp_actions vrrp_step(const struct vrrp_conf *conf, struct vrrp_router *r,
			      const struct vrrp_event *event, mono now)
{
	struct vrrp_actions out = {.what = 0};

	assert(event->kind != VRRP_EV_ADVERT || event->advert);
	if (r->state == VRRP_ACTIVE && !mono_before(now, r->lease_until)) {
		/* Late means look first, not shout: by now another router may serve. */
		set_state(r, VRRP_BACKUP, VRRP_REASON_LEASE_LOST, &out);
		listen_for(conf, r, conf->advert_interval, now);
	}
	switch (r->state) {
	case VRRP_INITIALIZE:
		step_initialize(conf, r, event, now, &out);
		break;
	case VRRP_BACKUP:
		step_backup(conf, r, event, now, &out);
		break;
	case VRRP_ACTIVE:
		step_active(conf, r, event, now, &out);
		break;
	case VRRP_STATE_N:
		break;
	}
	return out;
}
