/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scenarios of `hactl drill`: each builds a laboratory, opens sessions, lets one thing go wrong
 * and judges what clients saw.
 */
#ifndef HA_SCENARIO_H
#define HA_SCENARIO_H

#include "cast.h"
#include "judge.h"
#include "standby.h"
#include "timeline.h"

enum {
	SCENARIO_WHY_MAX = 12,
	SCENARIO_WHY_TEXT_MAX = 224,
};

/** What the command line asks for, equal for all scenarios. */
struct scenario_options {
	const struct conf *conf; /**< as loaded, before anything is derived from it */
	const char *self_path;   /**< hactl; the daemons are beside it */
	mono advert_interval;    /**< zero: as configured */
	struct cast_options cast;
	bool keep;      /**< leave the laboratory standing after this scenario */
	unsigned place; /**< this is scenario number `place` */
	unsigned all;   /**< of so many */
};

struct scenario_result {
	const char *name;
	char label[48]; /**< name, and which one of how many */
	bool pass;
	bool unmeasured;   /**< the prober paused for longer than the outage allowed */
	unsigned attempts; /**< runs it took; a second one only after `unmeasured` */
	bool judged;       /**< the numbers below were measured */
	bool interrupted;  /**< by SIGINT or SIGTERM: not judged */
	unsigned asked;    /**< sessions that should have opened */
	struct judge_sessions sessions;
	struct judge_outage outage;
	mono blind;           /**< longest pause of the prober itself around a hand-over */
	bool prober_realtime; /**< it had real-time priority */
	struct standby_count in_standby; /**< before the fault, in the other node's kernel */
	unsigned visits_tried;
	unsigned visits_failed;
	size_t clients_moved; /**< client addresses that were sent to another server */
	mono overlap;         /**< both forwarded by design, make before break */
	unsigned connections_tried;
	unsigned connections_failed;
	unsigned connect_longest_ms;
	size_t dual_active_ms;
	mono bound; /**< longest outage allowed */
	mono fault; /**< when it happened: zero of the timeline */
	char why[SCENARIO_WHY_MAX][SCENARIO_WHY_TEXT_MAX]; /**< what was not met, in words */
	size_t n_why;
	size_t n_why_time; /**< of those: about times, which a blind prober may have got wrong */
	struct timeline timeline;
	char home[96];            /**< where logs are left; "" when they are gone */
	char namespaces[64];      /**< what the names of those left standing begin with, or "" */
	char node[CONF_NAME_MAX]; /**< a node of the laboratory left standing */
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
/** Longest advertisement interval that can be drilled within a few minutes. */
#define SCENARIO_ADVERT_MAX_S 5
/** Adds a reason for which the scenario does not pass. */
void scenario_why(struct scenario_result *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
