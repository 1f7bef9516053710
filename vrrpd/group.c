// SPDX-License-Identifier: GPL-2.0-or-later
#include "group.h"

#include <assert.h>

void group_init(struct group *g, const struct addr *primaries, size_t n, mono now)
{
	assert(n >= 1 && n <= GROUP_MEMBERS_MAX);
	*g = (struct group){.n_members = n, .state = VRRP_INITIALIZE, .since = now};
	for (size_t i = 0; i < n; i++)
		vrrp_router_init(&g->member[i], &primaries[i]);
}

bool group_is_resigning(const struct group *g)
{
	return vrrp_is_resigning(&g->member[0]);
}

void group_recall_stepped_down(struct group *g)
{
	g->stepped_down = true;
}

void group_set_primary(struct group *g, size_t member, const struct addr *primary)
{
	g->member[member].primary = *primary;
}

/** In Backup the last member to hear the Active Router decides, in Active the first one due. */
mono group_deadline(const struct group *g)
{
	mono t = vrrp_deadline(&g->member[0]);

	for (size_t i = 1; i < g->n_members; i++) {
		mono member = vrrp_deadline(&g->member[i]);

		t = g->state == VRRP_BACKUP ? mono_max(t, member) : mono_min(t, member);
	}
	return t;
}

static void step_member(const struct vrrp_conf *conf, struct group *g, size_t i,
			const struct vrrp_event *ev, struct group_actions *out, mono now)
{
	struct vrrp_actions done = vrrp_step(conf, &g->member[i], ev, now);
	struct vrrp_actions *sum = &out->member[i];

	sum->what |= done.what;
	if (done.what & VRRP_DO_SEND)
		sum->priority = done.priority;
	if (done.reason != VRRP_REASON_NONE)
		sum->reason = done.reason;
	if (done.what & VRRP_DO_WITHDRAWN)
		out->withdrawn = true;
}

static void step_all(const struct vrrp_conf *conf, struct group *g, const struct vrrp_event *ev,
		     struct group_actions *out, mono now)
{
	for (size_t i = 0; i < g->n_members; i++)
		step_member(conf, g, i, ev, out, now);
}

/** Where member i yielded, the others follow, with the same last word or with none. */
static void follow(const struct vrrp_conf *conf, struct group *g, size_t i,
		   struct group_actions *out, mono now)
{
	struct vrrp_event release = {
		.kind = VRRP_EV_RELEASE,
		.interval = g->member[i].active_adver_interval,
		.reason = out->member[i].reason,
	};

	for (size_t k = 0; k < g->n_members; k++) {
		if (g->member[k].state != VRRP_ACTIVE)
			continue;
		step_member(conf, g, k, &release, out, now);
		out->member[k].what &=
			~(unsigned)(VRRP_DO_ANNOUNCE | VRRP_DO_HOLD | VRRP_DO_ANSWER);
		if (!(out->member[i].what & VRRP_DO_SEND))
			out->member[k].what &= ~(unsigned)VRRP_DO_SEND;
	}
}

static void hear(const struct vrrp_conf *conf, struct group *g, const struct group_event *event,
		 struct group_actions *out, mono now)
{
	struct vrrp_event ev = {.kind = VRRP_EV_ADVERT, .advert = event->advert};

	assert(event->member < g->n_members);
	step_member(conf, g, event->member, &ev, out, now);
	if (g->state != VRRP_BACKUP || event->advert->priority != VRRP_PRIORITY_RELEASE)
		return;
	ev = (struct vrrp_event){.kind = VRRP_EV_PEER_LEAVING};
	for (size_t i = 0; i < g->n_members; i++)
		if (i != event->member)
			step_member(conf, g, i, &ev, out, now);
}

static void timers(const struct vrrp_conf *conf, struct group *g, struct group_actions *out,
		   mono now)
{
	struct vrrp_event ev = {.kind = VRRP_EV_TIMER};

	if (g->state == VRRP_BACKUP && !mono_reached(group_deadline(g), now))
		return;
	step_all(conf, g, &ev, out, now);
}

/** The only writer of the group's state: the members' after the step, with the cause's reason. */
static void settle(const struct vrrp_conf *conf, struct group *g, struct group_actions *out,
		   mono now)
{
	enum vrrp_reason reason = VRRP_REASON_NONE;

	for (size_t i = 0; i < g->n_members; i++)
		if (g->state == VRRP_ACTIVE && g->member[i].state == VRRP_BACKUP)
			follow(conf, g, i, out, now);
	for (size_t i = 0; i < g->n_members; i++) {
		assert(g->member[i].state == g->member[0].state);
		/* One member may know better than "the timer ran out" why the peer is gone. */
		if (reason == VRRP_REASON_NONE ||
		    out->member[i].reason == VRRP_REASON_PEER_RESIGNED)
			reason = out->member[i].reason;
	}
	if (g->member[0].state == g->state)
		return;
	g->state = g->member[0].state;
	g->reason = reason;
	g->since = now;
	g->transitions++;
	if (g->state == VRRP_ACTIVE) {
		g->epoch++;
		g->stepped_down = false;
	} else if (reason == VRRP_REASON_HANDED_OVER) {
		g->stepped_down = true;
	}
	out->changed = true;
}

void group_step(const struct vrrp_conf *conf, struct group *g, const struct group_event *event,
		mono now, struct group_actions *out)
{
	struct vrrp_event ev = {.reason = event->reason, .window = event->window};

	*out = (struct group_actions){.old_state = g->state};
	switch (event->kind) {
	case GROUP_EV_STARTUP:
		ev.kind = VRRP_EV_STARTUP;
		step_all(conf, g, &ev, out, now);
		break;
	case GROUP_EV_ADOPT:
		ev.kind = VRRP_EV_ADOPT;
		step_all(conf, g, &ev, out, now);
		break;
	case GROUP_EV_SHUTDOWN:
		ev.kind = VRRP_EV_SHUTDOWN;
		step_all(conf, g, &ev, out, now);
		break;
	case GROUP_EV_RESIGN:
		ev.kind = VRRP_EV_RESIGN;
		step_all(conf, g, &ev, out, now);
		break;
	case GROUP_EV_RECONFIGURE:
		ev.kind = VRRP_EV_RECONFIGURE;
		step_all(conf, g, &ev, out, now);
		break;
	case GROUP_EV_ADVERT:
		hear(conf, g, event, out, now);
		break;
	case GROUP_EV_TIMER:
		timers(conf, g, out, now);
		break;
	case GROUP_EV_RESUME:
		g->stepped_down = false;
		break;
	case GROUP_EV_N:
		break;
	}
	settle(conf, g, out, now);
}
