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

/* Milliseconds with one decimal: enough for people, and honest about a 1 ms probe. */
static double to_ms(mono t)
{
	int64_t half = t.ns < 0 ? -MONO_NS_PER_MS / 20 : MONO_NS_PER_MS / 20;
	int64_t tenths = (t.ns + half) / (MONO_NS_PER_MS / 10);

	return (double)tenths / 10;
}

static json_t *json_timeline(const struct scenario_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->timeline.n; i++) {
		const struct timeline_entry *e = &r->timeline.entry[i];

		json_array_append_new(list, json_pack("{s:f, s:s, s:s}", "t_ms",
						      to_ms(mono_sub(e->at, r->fault)), "node",
						      e->node, "event", e->text));
	}
	return list;
}

static json_t *json_result(const struct scenario_result *r)
{
	json_t *why = json_array();

	for (size_t i = 0; i < r->n_why; i++)
		json_array_append_new(why, json_string(r->why[i]));
	return json_pack(
		"{s:s, s:b, s:{s:i, s:i, s:i}, s:{s:f}, s:{s:i, s:i, s:i}, s:I, s:f, s:f, s:o, "
		"s:o}",
		"scenario", r->name, "pass", r->pass, "sessions", "opened", (int)r->sessions.opened,
		"survived", (int)r->sessions.survived, "lost", (int)r->sessions.lost, "outage_ms",
		"longest", to_ms(r->outage.longest), "new_connections", "tried",
		(int)r->connections_tried, "failed", (int)r->connections_failed, "slowest_ms",
		(int)r->connect_longest_ms, "dual_active_ms", (json_int_t)r->dual_active_ms,
		"bound_ms", to_ms(r->bound), "probe_pause_ms", to_ms(r->blind), "why", why,
		"timeline", json_timeline(r));
}

json_t *report_json(const struct scenario_result *results, size_t n)
{
	json_t *drills = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(drills, json_result(&results[i]));
	return json_pack("{s:i, s:o}", "v", 1, "drills", drills);
}

static const char *verdict_of(const struct scenario_result *r)
{
	return r->interrupted ? "stopped" : r->pass ? "pass" : "FAIL";
}

void report_done(const struct scenario_result *r)
{
	report_phase_end();
	fprintf(stderr, "%s: %s\n", r->name, verdict_of(r));
}

enum column {
	COLUMN_SCENARIO,
	COLUMN_RESULT,
	COLUMN_SESSIONS,
	COLUMN_OUTAGE,
	COLUMN_ALLOWED,
	COLUMN_CONNECTIONS,
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
		[COLUMN_CONNECTIONS] = {"NEW CONNECTIONS FAILED", SCOLS_FL_RIGHT},
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
	snprintf(cell[COLUMN_OUTAGE], 64, "%.1f ms", to_ms(r->outage.longest));
	snprintf(cell[COLUMN_ALLOWED], 64, "%.1f ms", to_ms(r->bound));
	snprintf(cell[COLUMN_CONNECTIONS], 64, "%u of %u", r->connections_failed,
		 r->connections_tried);
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
			printf("  %+9.1f ms  ", to_ms(mono_sub(e->at, r->fault)));
		else
			printf("  ");
		printf("%-8s %s\n", e->node, e->text);
	}
	if (r->namespaces[0] != '\0')
		printf("  kept: ip netns exec %sNAME ...; names: ls " NETNS_DIR "; "
		       "to clean up: hactl drill --clean\n",
		       r->namespaces);
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
