// SPDX-License-Identifier: GPL-2.0-or-later
#include "scenario.h"

#include "fault.h"
#include "judgement.h"
#include "report.h"
#include "stage.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

enum {
	TAKEOVER_PATIENCE_S = 10,
	BETWEEN_MS = 1000, /**< sessions go on for so long between two moves */
	AFTER_MS = 2500,
	ATTEMPTS = 2,
	HEARD_LATE_MS = 50, /**< lbd is asked now and then, vrrpd tells at once */
};

struct scenario {
	const char *name;
	const char *summary;
	bool preempt;
	bool crash;   /**< bound by Active_Down_Interval */
	bool back;    /**< to the other node first, then back */
	bool returns; /**< to the primary, which takes over by itself when it holds the state */
	/** Does it to a node of a loaded pair. */
	int (*happen)(struct stage *s, size_t node);
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

/* The primary loses power and the other node serves: the failure that failback returns from. */
static int lose_primary(struct stage *s)
{
	report_phase(s->result->label, "the primary loses power, the other takes over");
	int rc = fault_power_loss(s, s->primary);

	if (rc == 0)
		rc = stage_wait(s, stage_is_active, 1 - s->primary,
				stage_patience(s, TAKEOVER_PATIENCE_S));
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
	else if (n->synced_since.ns - n->active_since.ns > HEARD_LATE_MS * MONO_NS_PER_MS)
		scenario_why(s->result, "%s became Active %lld ms before its lbd said synced", name,
			     (long long)mono_to_ms(mono_sub(n->synced_since, n->active_since)));
}

static const struct scenario scenarios[] = {
	{.name = "planned",
	 .summary = "hactl failover on the Active node, and back again: nobody notices",
	 .back = true,
	 .happen = fault_planned},
	{.name = "power-loss",
	 .summary = "the Active node's links are cut and its processes stopped at once",
	 .crash = true,
	 .happen = fault_power_loss},
	{.name = "vrrpd-kill",
	 .summary = "vrrpd of the Active node is killed and not restarted",
	 .crash = true,
	 .happen = fault_vrrpd_kill},
	{.name = "failback",
	 .summary = "with preempt on, the primary returns from a power loss and takes over again",
	 .preempt = true,
	 .returns = true,
	 .happen = fault_power_on,
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

/* One hand-over, from the proof that it can work to the sessions going on. */
static int move(const struct scenario *scenario, struct stage *s, size_t to, mono least)
{
	int rc = 0;

	if (!scenario->returns)
		rc = stage_prove_standby(s, to, NULL);
	if (rc)
		return rc;
	s->move[s->n_moves++] = (struct judge_move){.begin = mono_now(),
						    .end = mono_never(),
						    .from = (unsigned)(1 - to),
						    .to = (unsigned)to,
						    .crash = scenario->crash,
						    .overlap_max = judgement_overlap_max()};
	report_phase(s->result->label, scenario->summary);
	rc = scenario->happen(s, scenario->returns ? to : 1 - to);
	if (rc == 0 && scenario->returns)
		rc = stage_prove_standby(s, to, stage_is_active);
	if (rc == 0)
		rc = stage_recover(s, least);
	return rc;
}

static int play(const struct scenario *scenario, struct stage *s)
{
	int rc = stage_start_pair(s);

	if (rc == 0 && scenario->prepare)
		rc = scenario->prepare(s);
	if (rc == 0)
		rc = stage_start_load(s);
	if (rc)
		return rc;
	/* While the pair came up it may have changed its mind. */
	if (!scenario->returns)
		s->primary = stage_is_active(s, 0) ? 0 : 1;
	size_t to = scenario->returns ? s->primary : 1 - s->primary;

	rc = move(scenario, s, to, mono_from_ms(scenario->back ? BETWEEN_MS : AFTER_MS));
	if (rc == 0 && scenario->back) {
		judgement_of_move(s);
		rc = move(scenario, s, 1 - to, mono_from_ms(AFTER_MS));
	}
	if (rc == 0)
		rc = stage_settle(s);
	if (rc)
		return rc;
	judgement_of_move(s);
	judgement_of_all(s);
	if (scenario->judge)
		scenario->judge(s);
	return 0;
}

/* Nothing but times went wrong, and they were measured by somebody who was asleep. */
static bool is_worth_another(const struct scenario_result *r)
{
	return r->unmeasured && r->n_why == r->n_why_time;
}

/* Returns true when it is to be run once more. */
static bool run_once(const struct scenario *scenario, const struct scenario_options *options,
		     struct scenario_result *out, unsigned attempt)
{
	struct stage s;

	*out = (struct scenario_result){
		.name = scenario->name, .asked = options->cast.sessions, .attempts = attempt};
	if (options->all > 1)
		snprintf(out->label, sizeof(out->label), "%s (%u of %u)", scenario->name,
			 options->place, options->all);
	else
		snprintf(out->label, sizeof(out->label), "%s", scenario->name);
	int rc = stage_open(&s, options, scenario->preempt, out);

	if (rc == 0)
		rc = play(scenario, &s);
	out->interrupted = rc == -EINTR;
	if (rc && rc != -EINTR && out->n_why == 0)
		scenario_why(out, "%s", strerror(-rc));
	out->pass = rc == 0 && out->n_why == 0;
	bool again = !out->pass && rc == 0 && attempt < ATTEMPTS && is_worth_another(out);

	if (!out->pass && !out->interrupted && !again)
		report_logs(&s.home, s.conf);
	stage_close(&s, again);
	timeline_sort(&out->timeline);
	return again;
}

void scenario_run(const struct scenario *scenario, const struct scenario_options *options,
		  struct scenario_result *out)
{
	for (unsigned attempt = 1; run_once(scenario, options, out, attempt); attempt++)
		report_note(out->label, "could not measure: this machine was too busy; once more");
}
