// SPDX-License-Identifier: GPL-2.0-or-later
#include "report.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <unistd.h>

enum {
	LOG_LINES = 6,
};

void report_phase(const char *scenario, const char *text)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s: %s", scenario, text);
	else
		fprintf(stderr, "%s: %s\n", scenario, text);
}

void report_count(const char *scenario, const char *text, unsigned done, unsigned all)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s: %s %u of %u", scenario, text, done, all);
}

void report_note(const char *scenario, const char *text)
{
	report_phase_end();
	fprintf(stderr, "%s: %s\n", scenario, text);
}

void report_phase_end(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

void report_logs(const struct home *home, const struct conf *conf)
{
	static const char *const daemons[] = {"vrrpd", "lbd"};
	char name[CONF_NAME_MAX + 16];

	report_phase_end();
	fprintf(stderr, "logs are in %s; their last lines:\n", home->path);
	for (size_t n = 0; conf && n < conf->n_nodes; n++)
		for (size_t d = 0; d < 2; d++) {
			snprintf(name, sizeof(name), "%s-%s.log", conf->nodes[n].name, daemons[d]);
			home_show_log(home, name, LOG_LINES);
		}
	home_show_log(home, "actors.log", LOG_LINES);
}

/* Enough for people, and honest about a 1 ms probe. */
double report_ms(mono t)
{
	int64_t half = t.ns < 0 ? -MONO_NS_PER_MS / 20 : MONO_NS_PER_MS / 20;
	int64_t tenths = (t.ns + half) / (MONO_NS_PER_MS / 10);

	return (double)tenths / 10;
}

static const char *verdict_of(const struct scenario_result *r)
{
	if (r->interrupted)
		return "stopped";
	return r->pass ? "pass" : "FAIL";
}

void report_done(const struct scenario_result *r)
{
	report_phase_end();
	fprintf(stderr, "%s: %s\n", r->label, verdict_of(r));
}

enum column {
	COLUMN_SCENARIO,
	COLUMN_RESULT,
	COLUMN_SESSIONS,
	COLUMN_OUTAGE,
	COLUMN_ALLOWED,
	COLUMN_STANDBY,
	COLUMN_CONNECTIONS,
	COLUMN_VISITS,
	COLUMN_SLOWEST,
	COLUMN_DUAL,
	COLUMN_N,
};

static struct libscols_table *new_table(void)
{
	static const struct {
		const char *name;
		int flags;
	} columns[COLUMN_N] = {
		[COLUMN_SCENARIO] = {"SCENARIO", 0},
		[COLUMN_RESULT] = {"RESULT", 0},
		[COLUMN_SESSIONS] = {"SESSIONS KEPT", SCOLS_FL_RIGHT},
		[COLUMN_OUTAGE] = {"OUTAGE", SCOLS_FL_RIGHT},
		[COLUMN_ALLOWED] = {"ALLOWED", SCOLS_FL_RIGHT},
		[COLUMN_STANDBY] = {"IN STANDBY", SCOLS_FL_RIGHT},
		[COLUMN_CONNECTIONS] = {"NEW CONNECTIONS FAILED", SCOLS_FL_RIGHT},
		[COLUMN_VISITS] = {"NEW SESSIONS FAILED", SCOLS_FL_RIGHT},
		[COLUMN_SLOWEST] = {"SLOWEST", SCOLS_FL_RIGHT},
		[COLUMN_DUAL] = {"BOTH ANSWERED", SCOLS_FL_RIGHT},
	};
	struct libscols_table *table = scols_new_table();

	for (size_t i = 0; table && i < COLUMN_N; i++)
		if (!scols_table_new_column(table, columns[i].name, 0, columns[i].flags)) {
			scols_unref_table(table);
			return NULL;
		}
	return table;
}

static int add_line(struct libscols_table *table, const struct scenario_result *r)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char cell[COLUMN_N][64];

	if (!line)
		return -ENOMEM;
	snprintf(cell[COLUMN_SCENARIO], 64, "%s", r->name);
	snprintf(cell[COLUMN_RESULT], 64, "%s", verdict_of(r));
	snprintf(cell[COLUMN_SESSIONS], 64, "%u of %u", r->sessions.survived, r->asked);
	snprintf(cell[COLUMN_OUTAGE], 64, "%.1f ms", report_ms(r->outage.longest));
	snprintf(cell[COLUMN_ALLOWED], 64, "%.1f ms", report_ms(r->bound));
	snprintf(cell[COLUMN_CONNECTIONS], 64, "%u of %u", r->connections_failed,
		 r->connections_tried);
	snprintf(cell[COLUMN_STANDBY], 64, "%zu of %zu", r->in_standby.held, r->in_standby.of);
	snprintf(cell[COLUMN_VISITS], 64, "%u of %u", r->visits_failed, r->visits_tried);
	snprintf(cell[COLUMN_SLOWEST], 64, "%u ms", r->connect_longest_ms);
	snprintf(cell[COLUMN_DUAL], 64, "%zu ms", r->dual_active_ms);
	/* What was not measured is not zero. */
	for (size_t i = 0; i < COLUMN_N; i++)
		if (scols_line_set_data(line, i, i > COLUMN_RESULT && !r->judged ? "-" : cell[i]))
			return -ENOMEM;
	return 0;
}

static void print_story(const struct scenario_result *r)
{
	printf("\n%s:\n", r->name);
	for (size_t i = 0; i < r->n_why; i++)
		printf("  ! %s\n", r->why[i]);
	for (size_t i = 0; i < r->timeline.n; i++) {
		const struct timeline_entry *e = &r->timeline.entry[i];

		if (r->fault.ns != 0)
			printf("  %+9.1f ms  ", report_ms(mono_sub(e->at, r->fault)));
		else
			printf("  ");
		printf("%-8s %s\n", e->node, e->text);
	}
	if (r->namespaces[0] != '\0')
		printf("  kept running: ip netns exec %s%s bash; hactl -r %s/%s status; "
		       "all names: ip netns list; to end it: hactl drill --clean\n",
		       r->namespaces, r->node, r->home, r->node);
	if (r->home[0] != '\0')
		printf("  logs: %s\n", r->home);
}

int report_table(const struct scenario_result *results, size_t n)
{
	struct libscols_table *table = new_table();
	int rc = table ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = add_line(table, &results[i]);
	if (rc == 0)
		rc = scols_print_table(table);
	if (table)
		scols_unref_table(table);
	for (size_t i = 0; i < n && rc == 0; i++)
		print_story(&results[i]);
	return rc;
}
