// SPDX-License-Identifier: GPL-2.0-or-later
/* links: vrrpd/group vrrpd/vrrp_fsm lib/mono lib/addr */
/*
 * Two nodes running the real cores in virtual time on two links, with loss, delay, crash, restart,
 * pause and planned failover. The kernel's lease is modelled as vrrpd programs it: opened by an
 * advertisement sent, ARP answered from the one that lets it in, run out T after the last; neither
 * opened nor renewed by priority 0, cut short while resigning.
 */
#include "vrrpd/group.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum {
	NODES = 2,
	LINKS = 2,
	MESSAGES_MAX = 512,
	INTERVAL_MS = 100,
	LEASE_MS = 3 * INTERVAL_MS - 4,
	TICK_MS = 4, /* a kernel time-out may end this much late */
	END_MS = 12000,
	QUIET_MS = 8000, /* no faults from here on */
	DELAY_MAX_US = 1000,
};

struct message {
	mono at;
	int to;
	size_t link;
	struct vrrp_advert advert;
};

struct node {
	struct vrrp_conf conf;
	struct group group;
	bool running;
	mono paused_until; /* zero: not paused */
	mono up_since;     /* runs without interruption since then; never: it does not */
	mono lease[LINKS];
	mono answer[LINKS];
};

struct sim {
	uint64_t seed, random;
	unsigned loss_pct;
	mono now;
	struct node node[NODES];
	struct message message[MESSAGES_MAX];
	size_t n_messages;
	mono answer_overlap, lease_overlap; /* the longest so far, in one piece */
	mono answer_run, lease_run;         /* the present ones */
	mono gap, gap_run;                  /* nobody serves although somebody could */
};

static uint64_t draw(struct sim *s, uint64_t below)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random % below;
}

static bool is_paused(const struct sim *s, int i)
{
	return mono_before(s->now, s->node[i].paused_until);
}

/** What the kernel makes of an advertisement that leaves. */
static void renew(struct sim *s, struct node *n, size_t link, bool answer)
{
	mono late = mono_from_ms((int64_t)draw(s, TICK_MS + 1));
	mono until = mono_add(mono_add(s->now, n->conf.lease), late);

	if (answer && mono_before(s->now, n->lease[link]))
		n->answer[link] = until;
	n->lease[link] = until;
}

/** ... and of a frame that only holds what is open; rounded to ticks it is never late. */
static void hold(struct sim *s, struct node *n, size_t link)
{
	mono early = mono_from_us((int64_t)draw(s, TICK_MS * 1000));
	mono until = mono_sub(mono_add(s->now, n->conf.hold), early);

	if (mono_before(s->now, n->answer[link]))
		n->answer[link] = until;
	if (mono_before(s->now, n->lease[link]))
		n->lease[link] = until;
}

static void send(struct sim *s, int from, size_t link, const struct vrrp_actions *a)
{
	struct node *n = &s->node[from];

	if (a->priority != VRRP_PRIORITY_RELEASE)
		renew(s, n, link, a->what & VRRP_DO_ANSWER);
	if (draw(s, 100) < s->loss_pct || !s->node[1 - from].running)
		return;
	cr_assert_lt(s->n_messages, MESSAGES_MAX, "seed %llu", (unsigned long long)s->seed);
	s->message[s->n_messages++] = (struct message){
		.at = mono_add(s->now, mono_from_us(50 + (int64_t)draw(s, DELAY_MAX_US - 50))),
		.to = 1 - from,
		.link = link,
		.advert = {.priority = a->priority,
			   .interval = n->conf.advert_interval,
			   .source = n->group.member[link].primary},
	};
}

static void step(struct sim *s, int i, const struct group_event *ev)
{
	struct node *n = &s->node[i];
	struct group_actions a;

	group_step(&n->conf, &n->group, ev, s->now, &a);
	for (size_t k = 0; k < LINKS; k++) {
		if (a.member[k].what & VRRP_DO_HOLD)
			hold(s, n, k);
		if (a.member[k].what & VRRP_DO_RELEASE)
			n->lease[k] = n->answer[k] = mono_zero();
		if (a.member[k].what & VRRP_DO_SEND)
			send(s, i, k, &a.member[k]);
		if (a.member[k].what & VRRP_DO_SEND && a.member[k].what & VRRP_DO_RELEASE &&
		    n->group.state == VRRP_BACKUP)
			send(s, i, k, &a.member[k]);
	}
}

static void start(struct sim *s, int i)
{
	struct node *n = &s->node[i];
	struct addr own[LINKS] = {addr_from_ipv4(0x0a000001U + (uint32_t)i),
				  addr_from_ipv4(0x0a010001U + (uint32_t)i)};
	bool inside = true;

	for (size_t k = 0; k < LINKS; k++)
		inside &= mono_before(mono_add(s->now, n->conf.hold), n->answer[k]);
	if (!inside)
		for (size_t k = 0; k < LINKS; k++)
			n->lease[k] = n->answer[k] = mono_zero();
	n->running = true;
	n->up_since = s->now;
	group_init(&n->group, own, LINKS, s->now);
	step(s, i, &(struct group_event){.kind = inside ? GROUP_EV_ADOPT : GROUP_EV_STARTUP});
}

static void crash(struct sim *s, int i)
{
	s->node[i].running = false;
	s->node[i].up_since = mono_never();
	/* What is queued in the sockets of a dead process is gone. */
	for (size_t k = 0; k < s->n_messages;)
		if (s->message[k].to == i)
			s->message[k] = s->message[--s->n_messages];
		else
			k++;
}

/** Delivers to node i what has arrived, in order, as the driver does before any timer. */
static void drain(struct sim *s, int i)
{
	for (;;) {
		size_t first = s->n_messages;

		for (size_t k = 0; k < s->n_messages; k++)
			if (s->message[k].to == i && !mono_before(s->now, s->message[k].at) &&
			    (first == s->n_messages ||
			     mono_before(s->message[k].at, s->message[first].at)))
				first = k;
		if (first == s->n_messages)
			return;
		struct message m = s->message[first];

		s->message[first] = s->message[--s->n_messages];
		step(s, i,
		     &(struct group_event){
			     .kind = GROUP_EV_ADVERT, .member = m.link, .advert = &m.advert});
	}
}

static mono next_instant(const struct sim *s)
{
	mono next = mono_never();

	for (int i = 0; i < NODES; i++) {
		if (!s->node[i].running)
			continue;
		mono due = group_deadline(&s->node[i].group);

		for (size_t k = 0; k < s->n_messages; k++)
			if (s->message[k].to == i)
				due = mono_min(due, s->message[k].at);
		next = mono_min(next, mono_max(due, s->node[i].paused_until));
	}
	return next;
}

static mono overlap_end(mono a, mono b, mono now)
{
	mono end = mono_min(a, b);

	return mono_before(now, end) ? end : now;
}

/** A condition held from now to `held` (at most to `next`): extends or ends the present run. */
static void run_on(mono *run, mono *longest, mono held, mono now, mono next)
{
	mono until = mono_min(held, next);

	*run = mono_add(*run, mono_sub(until, now));
	*longest = mono_max(*longest, *run);
	if (mono_before(until, next) || !mono_before(now, held))
		*run = mono_zero();
}

/** Accounts for the time up to `next`, in which nothing happens but leases running out. */
static void measure(struct sim *s, mono next)
{
	const struct node *a = &s->node[0], *b = &s->node[1];
	mono answer = s->now, lease = s->now, covered = mono_never();
	bool somebody = false;

	for (size_t k = 0; k < LINKS; k++) {
		mono both = overlap_end(a->answer[k], b->answer[k], s->now);

		answer = mono_max(answer, both);
		lease = mono_max(lease, overlap_end(a->lease[k], b->lease[k], s->now));
		covered = mono_min(covered, mono_max(a->lease[k], b->lease[k]));
	}
	run_on(&s->answer_run, &s->answer_overlap, answer, s->now, next);
	run_on(&s->lease_run, &s->lease_overlap, lease, s->now, next);
	for (int i = 0; i < NODES; i++)
		somebody |= s->node[i].running && !is_paused(s, i);
	mono from = mono_max(covered, s->now);

	if (mono_before(s->now, covered) || !somebody)
		s->gap_run = mono_zero();
	if (somebody && mono_before(from, next))
		s->gap_run = mono_add(s->gap_run, mono_sub(next, from));
	s->gap = mono_max(s->gap, s->gap_run);
}

/** Runs until `end`. */
static void run(struct sim *s, mono end)
{
	while (mono_before(s->now, end)) {
		mono next = mono_min(mono_max(next_instant(s), s->now), end);

		measure(s, next);
		s->now = next;
		for (int i = 0; i < NODES; i++) {
			if (!s->node[i].running || is_paused(s, i))
				continue;
			drain(s, i);
			step(s, i, &(struct group_event){.kind = GROUP_EV_TIMER});
		}
	}
}

static void sim_init(struct sim *s, uint64_t seed, bool preempt, unsigned loss_pct)
{
	memset(s, 0, sizeof(*s));
	s->seed = seed;
	s->random = seed * 0x9e3779b97f4a7c15ULL + 1;
	s->loss_pct = loss_pct;
	s->now = mono_from_s(1000);
	for (int i = 0; i < NODES; i++) {
		s->node[i].conf = (struct vrrp_conf){
			.priority = i == 0 ? 200 : 100,
			.preempt = preempt,
			.advert_interval = mono_from_ms(INTERVAL_MS),
			.lease = mono_from_ms(LEASE_MS),
			.hold = mono_from_ms(VRRP_HOLD_MS),
		};
		s->node[i].up_since = mono_never();
	}
	for (int i = 0; i < NODES; i++) {
		run(s, mono_add(s->now, mono_from_us((int64_t)draw(s, 500000))));
		start(s, i);
	}
}

enum faults {
	FAULT_CRASH = 1,
	FAULT_PAUSE = 2,
	FAULT_RESIGN = 4,
	FAULT_RESIGN_FATAL = 8, /* dies or stalls on the way */
	FAULT_KINDS = 4,
};

static void resign(struct sim *s, int i)
{
	step(s, i,
	     &(struct group_event){.kind = GROUP_EV_RESIGN,
				   .window = mono_from_ms(4 * INTERVAL_MS)});
}

/** One fault of an allowed kind on a random node, or the end of one. */
static void disturb(struct sim *s, unsigned allowed)
{
	int i = (int)draw(s, NODES);
	struct node *n = &s->node[i];
	unsigned kind = 1U << draw(s, FAULT_KINDS);

	if (!n->running) {
		start(s, i);
	} else if (!(kind & allowed) || is_paused(s, i)) {
		return;
	} else if (kind == FAULT_CRASH) {
		crash(s, i);
	} else if (kind == FAULT_PAUSE) {
		n->paused_until = mono_add(s->now, mono_from_us((int64_t)draw(s, 900000)));
	} else if (n->group.state == VRRP_ACTIVE && !group_is_resigning(&n->group)) {
		resign(s, i);
		if (kind != FAULT_RESIGN_FATAL)
			return;
		/* Mostly around the moment the other node takes over. */
		run(s, mono_add(s->now, mono_from_us((int64_t)draw(s, 80000))));
		if (draw(s, 2))
			crash(s, i);
		else
			n->paused_until = mono_add(s->now, mono_from_us((int64_t)draw(s, 400000)));
	}
}

static void storm(struct sim *s, unsigned allowed)
{
	mono quiet = mono_add(mono_from_s(1000), mono_from_ms(QUIET_MS));

	while (mono_before(s->now, quiet)) {
		run(s, mono_add(s->now, mono_from_us((int64_t)draw(s, 500000))));
		disturb(s, allowed);
	}
	for (int i = 0; i < NODES; i++) {
		s->node[i].paused_until = mono_zero();
		if (!s->node[i].running)
			start(s, i);
	}
}

static void must_have_converged(const struct sim *s)
{
	int actives = 0;

	for (int i = 0; i < NODES; i++) {
		bool active = s->node[i].group.state == VRRP_ACTIVE;

		actives += active;
		for (size_t k = 0; k < LINKS; k++)
			cr_assert_eq(mono_before(s->now, s->node[i].lease[k]), active, "seed %llu",
				     (unsigned long long)s->seed);
	}
	cr_assert_eq(actives, 1, "seed %llu: %d active", (unsigned long long)s->seed, actives);
}

static void nobody_answers_twice(bool preempt, unsigned faults)
{
	for (uint64_t seed = 1; seed <= 5000; seed++) {
		struct sim s;

		sim_init(&s, seed, preempt, 0);
		storm(&s, faults);
		run(&s, mono_add(s.now, mono_from_ms(END_MS - QUIET_MS)));
		must_have_converged(&s);
		cr_assert_eq(s.answer_overlap.ns, 0, "seed %llu: both answer for %lld us",
			     (unsigned long long)seed, (long long)mono_to_us(s.answer_overlap));
	}
}

/* Fail-stop and pause, nothing lost: two nodes never answer, whatever the schedule. */
Test(vrrp_sim, crash_and_pause_never_make_two_nodes_answer)
{
	nobody_answers_twice(false, FAULT_CRASH | FAULT_PAUSE);
}

Test(vrrp_sim, nor_do_they_in_the_middle_of_a_planned_failover)
{
	nobody_answers_twice(false, FAULT_CRASH | FAULT_PAUSE | FAULT_RESIGN | FAULT_RESIGN_FATAL);
}

Test(vrrp_sim, nor_when_the_returning_node_preempts)
{
	nobody_answers_twice(true, FAULT_CRASH | FAULT_PAUSE | FAULT_RESIGN | FAULT_RESIGN_FATAL);
}

/* A router that dies while it resigns serves no longer than the short lease. */
Test(vrrp_sim, a_resigning_node_that_dies_is_silent_at_once)
{
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct sim s;

		sim_init(&s, seed, false, 0);
		run(&s, mono_add(s.now, mono_from_ms(2000)));
		int old = s.node[0].group.state == VRRP_ACTIVE ? 0 : 1;

		resign(&s, old);
		run(&s, mono_add(s.now, mono_from_us((int64_t)draw(&s, 90000))));
		s.answer_overlap = s.lease_overlap = mono_zero();
		crash(&s, old);
		mono dead = s.now;

		for (size_t k = 0; k < LINKS; k++)
			cr_assert_leq(mono_to_ms(mono_sub(s.node[old].lease[k], dead)),
				      VRRP_HOLD_MS, "seed %llu", (unsigned long long)seed);
		run(&s, mono_add(s.now, mono_from_ms(draw(&s, 2) ? 5 : 400)));
		start(&s, old);
		cr_assert_eq(s.node[old].group.state, VRRP_BACKUP, "seed %llu: no certificate",
			     (unsigned long long)seed);
		run(&s, mono_add(s.now, mono_from_ms(1000)));
		cr_assert_eq(s.answer_overlap.ns, 0, "seed %llu", (unsigned long long)seed);
		cr_assert_leq(mono_to_ms(s.lease_overlap), VRRP_HOLD_MS);
	}
}

/* From silence to service: one Active_Down_Interval of whoever is left, plus one for a node that
 * came back in between and has to listen first. */
Test(vrrp_sim, the_gap_is_bounded_while_some_node_runs)
{
	int64_t bound_ms = 2 * 4 * INTERVAL_MS;

	for (uint64_t seed = 1; seed <= 1000; seed++) {
		struct sim s;

		sim_init(&s, seed, true, 0);
		storm(&s, FAULT_CRASH | FAULT_PAUSE);
		run(&s, mono_add(s.now, mono_from_ms(END_MS - QUIET_MS)));
		cr_assert_leq(mono_to_ms(s.gap), bound_ms, "seed %llu: gap %lld ms",
			      (unsigned long long)seed, (long long)mono_to_ms(s.gap));
	}
}

Test(vrrp_sim, one_node_is_active_after_any_storm_of_faults_and_loss)
{
	for (uint64_t seed = 1; seed <= 5000; seed++) {
		struct sim s;

		sim_init(&s, seed, seed % 2, (unsigned)(seed % 30));
		storm(&s, FAULT_CRASH | FAULT_PAUSE | FAULT_RESIGN);
		s.loss_pct = 0;
		run(&s, mono_add(s.now, mono_from_ms(END_MS - QUIET_MS)));
		must_have_converged(&s);
		if (seed % 2)
			cr_assert_eq(s.node[0].group.state, VRRP_ACTIVE, "seed %llu",
				     (unsigned long long)seed);
	}
}

Test(vrrp_sim, a_planned_failover_has_no_gap_and_no_overlap_of_answers)
{
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		struct sim s;

		sim_init(&s, seed, false, 0);
		run(&s, mono_add(s.now, mono_from_ms(2000)));
		s.gap = s.gap_run = s.answer_overlap = s.lease_overlap = mono_zero();
		for (int round = 0; round < 10; round++) {
			int old = s.node[0].group.state == VRRP_ACTIVE ? 0 : 1;

			run(&s, mono_add(s.now, mono_from_us((int64_t)draw(&s, 900000))));
			resign(&s, old);
			/* An advert overtaken by the resignation costs until its repetition. */
			run(&s, mono_add(s.now, mono_from_ms(3 * INTERVAL_MS)));
			cr_assert_eq(s.node[old].group.state, VRRP_BACKUP, "seed %llu",
				     (unsigned long long)seed);
			cr_assert_eq(s.node[1 - old].group.state, VRRP_ACTIVE);
			cr_assert(s.node[old].group.stepped_down);
		}
		cr_assert_eq(s.gap.ns, 0, "seed %llu: gap %lld us", (unsigned long long)seed,
			     (long long)mono_to_us(s.gap));
		cr_assert_eq(s.answer_overlap.ns, 0);
		cr_assert_leq(mono_to_us(s.lease_overlap), DELAY_MAX_US);
	}
}
