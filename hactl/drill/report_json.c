// SPDX-License-Identifier: GPL-2.0-or-later
/* The results of a drill for programs: one object on one line. */
#include "report.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

enum {
	REAL_DIGITS = 9, /**< tenths of a millisecond stay tenths */
};

/* What was not measured is null, not zero. */
static json_t *number(const struct scenario_result *r, long long value)
{
	return r->judged ? json_integer(value) : json_null();
}

static json_t *time_ms(const struct scenario_result *r, mono t)
{
	return r->judged ? json_real(report_ms(t)) : json_null();
}

static json_t *json_timeline(const struct scenario_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->timeline.n; i++) {
		const struct timeline_entry *e = &r->timeline.entry[i];
		json_t *at = r->fault.ns != 0 ? json_real(report_ms(mono_sub(e->at, r->fault)))
					      : json_null();

		(void)json_array_append_new(list, json_pack("{s:o, s:s, s:s}", "t_ms", at, "node",
							    e->node, "event", e->text));
	}
	return list;
}

static json_t *json_reasons(const struct scenario_result *r)
{
	json_t *why = json_array();

	for (size_t i = 0; i < r->n_why; i++)
		(void)json_array_append_new(why, json_string(r->why[i]));
	return why;
}

static json_t *json_result(const struct scenario_result *r)
{
	bool looked = r->in_standby.of > 0;
	json_t *o = json_pack("{s:s, s:b}", "scenario", r->name, "pass", r->pass);

	(void)json_object_set_new(
		o, "sessions",
		json_pack("{s:o, s:o, s:o}", "opened", number(r, r->sessions.opened), "survived",
			  number(r, r->sessions.survived), "lost", number(r, r->sessions.lost)));
	(void)json_object_set_new(o, "outage_ms",
				  json_pack("{s:o}", "longest", time_ms(r, r->outage.longest)));
	(void)json_object_set_new(o, "new_connections",
				  json_pack("{s:o, s:o, s:o}", "tried",
					    number(r, r->connections_tried), "failed",
					    number(r, r->connections_failed), "slowest_ms",
					    number(r, r->connect_longest_ms)));
	(void)json_object_set_new(o, "new_sessions",
				  json_pack("{s:o, s:o, s:o}", "tried", number(r, r->visits_tried),
					    "failed", number(r, r->visits_failed), "clients_moved",
					    number(r, (long long)r->clients_moved)));
	(void)json_object_set_new(o, "in_standby_kernel",
				  looked ? json_pack("{s:I, s:I}", "connections",
						     (json_int_t)r->in_standby.held, "of",
						     (json_int_t)r->in_standby.of)
					 : json_null());
	(void)json_object_set_new(o, "dual_active_ms", number(r, (long long)r->dual_active_ms));
	(void)json_object_set_new(o, "overlap_ms", time_ms(r, r->overlap));
	(void)json_object_set_new(o, "bound_ms", time_ms(r, r->bound));
	(void)json_object_set_new(o, "probe_pause_ms", time_ms(r, r->blind));
	(void)json_object_set_new(o, "probe_realtime",
				  r->judged ? json_boolean(r->prober_realtime) : json_null());
	(void)json_object_set_new(o, "measured", json_boolean(r->judged && !r->unmeasured));
	(void)json_object_set_new(o, "interrupted", json_boolean(r->interrupted));
	(void)json_object_set_new(o, "attempts", json_integer(r->attempts));
	(void)json_object_set_new(o, "logs", r->home[0] ? json_string(r->home) : json_null());
	(void)json_object_set_new(o, "why", json_reasons(r));
	(void)json_object_set_new(o, "timeline", json_timeline(r));
	return o;
}

/* Releases root. */
static int print(json_t *root)
{
	int rc = root ? json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS))
		      : -1;

	putchar('\n');
	json_decref(root);
	return rc ? -ENOMEM : 0;
}

int report_json(const struct scenario_result *results, size_t n)
{
	json_t *drills = json_array();

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(drills, json_result(&results[i]));
	return print(json_pack("{s:i, s:o}", "v", 1, "drills", drills));
}

int report_json_list(void)
{
	json_t *list = json_array();
	size_t n;

	(void)scenario_table(&n);
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(
			list, json_pack("{s:s, s:s}", "scenario", scenario_name(scenario_at(i)),
					"summary", scenario_summary(scenario_at(i))));
	return print(json_pack("{s:i, s:o}", "v", 1, "scenarios", list));
}
