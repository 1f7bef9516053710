/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a drill tells: progress on stderr while it runs, a table or one JSON object on stdout when
 * it is over.
 */
#ifndef HA_REPORT_H
#define HA_REPORT_H

#include "home.h"
#include "scenario.h"

/** "planned: starting the pair" on stderr; on a terminal one line that changes. */
void report_phase(const char *scenario, const char *text);
/** The same with a counter; only on a terminal. */
void report_count(const char *scenario, const char *text, unsigned done, unsigned all);
/** One line that stays. */
void report_note(const char *scenario, const char *text);
/** Ends the changing line. */
void report_phase_end(void);
/** One line that stays, when a scenario is over. */
void report_done(const struct scenario_result *r);
/** The last lines of every log of a scenario that failed, on stderr. */
void report_logs(const struct home *home, const struct conf *conf);

/** The one object of --json on stdout, one line. Returns 0 or -errno. */
int report_json(const struct scenario_result *results, size_t n)
	__attribute__((warn_unused_result));
/** The scenarios, for --list --json. Returns 0 or -errno. */
int report_json_list(void) __attribute__((warn_unused_result));
/** Milliseconds with one decimal. */
double report_ms(mono t);
/** The table and, below it, what failed and the timelines. Returns 0 or -errno. */
int report_table(const struct scenario_result *results, size_t n)
	__attribute__((warn_unused_result));

#endif
