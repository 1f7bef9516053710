// SPDX-License-Identifier: GPL-2.0-or-later
#include "scenario.h"

#include "fault.h"
#include "report.h"
#include "stage.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

enum {
	PLANNED_BOUND_MS = 10,
	CRASH_MARGIN_MS = 50,
	BLIND_MAX_MS = 50,  /**< a prober that pauses for longer has not measured */
	LATE_MS = 10,       /**< an echo that took longer is no service */
	LOOK_BACK_MS = 500, /**< outages are looked for from this long before the fault */
	TAKEOVER_PATIENCE_S = 10,
};

struct scenario {
	const char *name;
	const char *summary;
	bool preempt;
	bool crash; /**< bound by Active_Down_Interval; else by PLANNED_BOUND_MS */
	/** Does it, from a loaded pair; sets *owner to the node that should serve afterwards. */
	int (*happen)(struct stage *s, size_t *owner);
	/** Before the load, NULL when there is nothing to do. */
	int (*prepare)(struct stage *s);
	/** More to judge, NULL when there is nothing. */
	void (*judge)(struct stage *s);
};

void scenario_why(struct scenario_result *r, const char *fmt, ...)
{
	va_list args;

	if (r->n_why == SCENARIO_WHY_MAX)
		return;
	va_start(args, fmt);
	(void)!vsnprintf(r->why[r->n_why++], SCENARIO_WHY_TEXT_MAX, fmt, args);
	va_end(args);
}

static int planned(struct stage *s, size_t *owner)
{
	*owner = 1 - s->primary;
	return fault_planned(s, s->primary);
}

static int power_loss(struct stage *s, size_t *owner)
{
	*owner = 1 - s->primary;
	return fault_power_loss(s, s->primary);
}

static int vrrpd_kill(struct stage *s, size_t *owner)
{
	*owner = 1 - s->primary;
	return fault_vrrpd_kill(s, s->primary);
}

static int failback(struct stage *s, size_t *owner)
{
	*owner = s->primary;
	return fault_power_on(s, s->primary);
}

static bool is_active(const struct stage *s, size_t node)
{
	return watch_node(s->watch, node)->active;
}

/* The primary loses power and the other node serves: the failure that failback returns from. */
static int lose_primary(struct stage *s)
{
	report_phase(s->result->name, "the primary loses power, the other takes over");
	int rc = fault_power_loss(s, s->primary);

	if (rc == 0)
		rc = stage_wait(s, is_active, 1 - s->primary, mono_from_s(TAKEOVER_PATIENCE_S));
	if (rc == -ETIMEDOUT)
		scenario_why(s->result, "%s did not take over from the primary",
			     s->conf->nodes[1 - s->primary].name);
	/* It returns as a machine does: with nothing left of its former life. */
	if (rc == 0)
		rc = lab_replace_gateway(&s->lab, s->primary);
	if (rc && s->lab.error[0] != '\0')
		scenario_why(s->result, "laboratory: %s", s->lab.error);
	return rc;
}

/* The returning node must hold the state before it takes the VIPs. */
static void judge_wait_for_state(struct stage *s)
{
	const struct watch_node *n = watch_node(s->watch, s->primary);
	const char *name = s->conf->nodes[s->primary].name;

	if (n->active_since.ns == 0)
		return; /* said already */
	if (n->synced_since.ns == 0)
		scenario_why(s->result, "%s became Active and its lbd never said synced", name);
	else if (n->synced_since.ns > n->active_since.ns)
		scenario_why(s->result, "%s became Active %lld ms before its lbd said synced", name,
			     (long long)mono_to_ms(mono_sub(n->synced_since, n->active_since)));
}

static const struct scenario scenarios[] = {
	{.name = "planned",
	 .summary = "hactl failover on the Active node: nobody notices",
	 .happen = planned},
	{.name = "power-loss",
	 .summary = "the Active node's links are cut and its processes stopped at once",
	 .crash = true,
	 .happen = power_loss},
	{.name = "vrrpd-kill",
	 .summary = "vrrpd of the Active node is killed and not restarted",
	 .crash = true,
	 .happen = vrrpd_kill},
	{.name = "failback",
	 .summary = "with preempt on, the primary returns from a power loss and takes over again",
	 .preempt = true,
	 .happen = failback,
	 .prepare = lose_primary,
	 .judge = judge_wait_for_state},
};

const struct scenario *scenario_table(size_t *n)
{
	*n = sizeof(scenarios) / sizeof(scenarios[0]);
	return scenarios;
}

const struct scenario *scenario_at(size_t index)
{
	return &scenarios[index];
}

const struct scenario *scenario_find(const char *name)
{
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (strcmp(scenarios[i].name, name) == 0)
			return &scenarios[i];
	return NULL;
}

const char *scenario_name(const struct scenario *s)
{
	return s->name;
}

const char *scenario_summary(const struct scenario *s)
{
	return s->summary;
}

static mono bound_of(const struct scenario *scenario, const struct stage *s)
{
	if (!scenario->crash)
		return mono_from_ms(PLANNED_BOUND_MS);
	uint8_t priority = s->conf->groups[s->layout.front_group].priority[1 - s->primary];

	return mono_add(judge_active_down_interval(s->conf->pair.advert_interval, priority),
			mono_from_ms(CRASH_MARGIN_MS));
}

/* When which gateway was last and first heard on the wire, and how long nobody was. */
static void judge_answers(struct stage *s, size_t owner)
{
	struct scenario_result *r = s->result;
	const struct cast_board *board = s->cast.board;
	size_t n = board->n_probes;
	mono first = judge_first_answer(board->probe, n, (unsigned)owner, r->fault);
	mono last = judge_last_answer(board->probe, n, (unsigned)(1 - owner),
				      first.ns ? first : mono_never());
	mono from = mono_sub(r->fault, mono_from_ms(LOOK_BACK_MS));
	mono blind_at;

	r->outage = judge_outage(board->probe, n, from, mono_from_ms(LATE_MS));
	r->outage = judge_with_handover(r->outage, last, first);
	r->blind = judge_blind(board->probe, n, from, &blind_at);
	r->dual_active_ms = judge_dual(board->probe, n);
	if (last.ns != 0)
		timeline_add(&r->timeline, last, s->conf->nodes[1 - owner].name,
			     "last probe it answered");
	if (first.ns != 0)
		timeline_add(&r->timeline, first, s->conf->nodes[owner].name,
			     "first probe it answered");
	if (mono_to_ms(r->blind) >= PLANNED_BOUND_MS)
		timeline_add(&r->timeline, blind_at, "", "prober had no processor for %lld ms",
			     (long long)mono_to_ms(r->blind));
	if (r->outage.longest.ns == 0)
		return;
	timeline_add(&r->timeline, r->outage.from, "", "longest outage begins");
	timeline_add(&r->timeline, r->outage.until, "",
		     r->outage.recovered ? "longest outage is over"
					 : "end of the measurement, still no answer");
}

static void judge_clients(struct scenario_result *r, const struct cast_board *board)
{
	const struct judge_sessions *sum = &r->sessions;

	if (sum->opened < r->asked)
		scenario_why(r, "only %u of %u sessions were opened", sum->opened, r->asked);
	for (unsigned b = JUDGE_WHOLE + 1; b < JUDGE_BREAK_N; b++)
		if (sum->broken[b] > 0)
			scenario_why(r, "%u sessions: %s", sum->broken[b],
				     judge_break_text((enum judge_break)b));
	if (sum->hung > 0)
		scenario_why(r,
			     "%u sessions hang, their connections up: requests do not get through "
			     "on %u of them, notifications on %u",
			     sum->hung, sum->hung_client, sum->hung_server);
	if (sum->lost > 0 && board->session_failure[0] != '\0')
		scenario_why(r, "the first of them: %s", board->session_failure);
	if (r->connections_failed > 0)
		scenario_why(r, "%u of %u new connections failed, the first: %s",
			     r->connections_failed, r->connections_tried, board->connect_failure);
}

static void judge(const struct scenario *scenario, struct stage *s, size_t owner)
{
	struct scenario_result *r = s->result;
	const struct cast_board *board = s->cast.board;

	judge_answers(s, owner);
	r->bound = bound_of(scenario, s);
	r->sessions =
		judge_sessions(board->session, board->n_sessions, stage_restored(s, &r->outage));
	r->connections_tried = board->connections_tried + board->connections_pending;
	r->connections_failed = board->connections_failed + board->connections_pending;
	r->connect_longest_ms = board->connect_longest_ms;
	if (!r->outage.recovered)
		scenario_why(r, "the VIP did not answer again");
	if (r->outage.longest.ns > r->bound.ns)
		scenario_why(r, "outage of %.1f ms, allowed are %.1f ms",
			     (double)r->outage.longest.ns / MONO_NS_PER_MS,
			     (double)r->bound.ns / MONO_NS_PER_MS);
	if (mono_to_ms(r->blind) > BLIND_MAX_MS)
		scenario_why(r, "this machine was too busy to measure: no probe sent for %.1f ms",
			     (double)r->blind.ns / MONO_NS_PER_MS);
	if (r->dual_active_ms > 0)
		scenario_why(r, "both nodes answered for the VIP, %zu probes of 1 ms",
			     r->dual_active_ms);
	judge_clients(r, board);
	r->judged = true;
	if (scenario->judge)
		scenario->judge(s);
}

static int play(const struct scenario *scenario, struct stage *s)
{
	size_t owner = 0;
	int rc = stage_start_pair(s);

	if (rc == 0 && scenario->prepare)
		rc = scenario->prepare(s);
	if (rc == 0)
		rc = stage_start_load(s);
	if (rc)
		return rc;
	report_phase(s->result->name, scenario->summary);
	rc = scenario->happen(s, &owner);
	if (rc == 0)
		rc = stage_recover(s, owner);
	if (rc == 0)
		rc = stage_settle(s);
	if (rc == 0)
		judge(scenario, s, owner);
	return rc;
}

void scenario_run(const struct scenario *scenario, const struct scenario_options *options,
		  struct scenario_result *out)
{
	struct stage s;

	*out = (struct scenario_result){.name = scenario->name, .asked = options->cast.sessions};
	int rc = stage_open(&s, options, scenario->preempt, out);

	if (rc == 0)
		rc = play(scenario, &s);
	out->interrupted = rc == -EINTR;
	if (rc && rc != -EINTR && out->n_why == 0)
		scenario_why(out, "%s", strerror(-rc));
	out->pass = rc == 0 && out->n_why == 0;
	if (!out->pass && !out->interrupted)
		report_logs(&s.home, s.conf);
	stage_close(&s);
	timeline_sort(&out->timeline);
}
