/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scenarios of `hactl drill`: each builds a laboratory, opens sessions, lets one thing go wrong
 * and judges what clients saw.
 */
#ifndef HA_SCENARIO_H
#define HA_SCENARIO_H

#include "cast.h"
#include "judge.h"
#include "timeline.h"

enum {
	SCENARIO_WHY_MAX = 12,
	SCENARIO_WHY_TEXT_MAX = 224,
};

/** What the command line asks for, equal for all scenarios. */
struct scenario_options {
	const struct conf *conf; /**< as loaded, before anything is derived from it */
	const char *self_path;   /**< hactl; the daemons are beside it */
	mono advert_interval;
	struct cast_options cast;
	bool keep; /**< leave the laboratory standing after this scenario */
};

struct scenario_result {
	const char *name;
	bool pass;
	bool judged;      /**< the numbers below were measured */
	bool interrupted; /**< by SIGINT or SIGTERM: not judged */
	unsigned asked;   /**< sessions that should have opened */
	struct judge_sessions sessions;
	struct judge_outage outage;
	mono blind; /**< longest pause of the prober itself */
	unsigned connections_tried;
	unsigned connections_failed;
	unsigned connect_longest_ms;
	size_t dual_active_ms;
	mono bound; /**< longest outage allowed */
	mono fault; /**< when it happened: zero of the timeline */
	char why[SCENARIO_WHY_MAX][SCENARIO_WHY_TEXT_MAX]; /**< what was not met, in words */
	size_t n_why;
	struct timeline timeline;
	char home[96];       /**< where logs are left; "" when they are gone */
	char namespaces[64]; /**< what the names of those left standing begin with, or "" */
};

struct scenario;

/** The table, in the order they are run; *n receives its length. */
const struct scenario *scenario_table(size_t *n);
const struct scenario *scenario_find(const char *name);
const struct scenario *scenario_at(size_t index);
const char *scenario_name(const struct scenario *s);
/** One line about it. */
const char *scenario_summary(const struct scenario *s);
/** Runs it; *out is always filled in. */
void scenario_run(const struct scenario *s, const struct scenario_options *options,
		  struct scenario_result *out);
/** Adds a reason for which the scenario does not pass. */
void scenario_why(struct scenario_result *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
