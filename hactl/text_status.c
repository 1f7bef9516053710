// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The status screen: the verdict, then one small table for each thing an administrator asks about.
 * Tables are laid out by libsmartcols; what a cell says is decided here.
 */
#include "out.h"

#include "jget.h"

#include <libsmartcols.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

enum {
	CELL_MAX = 512,
	AGE_MAX = 32,
};

struct column {
	const char *title;
	int flags; /* SCOLS_FL_* */
};

static const char *const verdict_colours[VERDICT_N] = {
	[VERDICT_OK] = "\033[1;32m",
	[VERDICT_DEGRADED] = "\033[1;33m",
	[VERDICT_DOWN] = "\033[1;31m",
};

static struct libscols_table *table_new(const struct out *out, const struct column *columns,
					size_t n)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		return NULL;
	scols_table_set_stream(table, out->data);
	scols_table_set_column_separator(table, "  ");
	scols_table_enable_colors(table, out->colour);
	/* In a pipe or a file lines have their natural length. */
	if (!isatty(fileno(out->data)))
		scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
	for (size_t i = 0; i < n; i++)
		(void)scols_table_new_column(table, columns[i].title, 0, columns[i].flags);
	return table;
}

/* Prints the table behind an empty line, unless it has no rows, and frees it. */
static void table_print(const struct out *out, struct libscols_table *table)
{
	if (table && !scols_table_is_empty(table)) {
		fputc('\n', out->data);
		scols_print_table(table);
	}
	scols_unref_table(table);
}

static void cell(struct libscols_line *line, size_t column, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void cell(struct libscols_line *line, size_t column, const char *fmt, ...)
{
	char text[CELL_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (line)
		(void)scols_line_set_data(line, column, text);
}

static void cell_alert(struct libscols_line *line, size_t column)
{
	if (line)
		(void)scols_cell_set_color(scols_line_get_cell(line, column), "red");
}

static void cell_age(struct libscols_line *line, size_t column, json_int_t age_ms)
{
	char age[AGE_MAX];

	cell(line, column, "%s", verdict_print_age(age_ms, age, sizeof(age)));
}

static void join(const json_t *list, char *buf, size_t cap_bytes)
{
	size_t i;
	const json_t *item;

	buf[0] = '\0';
	json_array_foreach (list, i, item) {
		const char *text = json_string_value(item);
		if (i > 0)
			strlcat(buf, " ", cap_bytes);
		strlcat(buf, text ? text : "?", cap_bytes);
	}
}

static void cell_list(struct libscols_line *line, size_t column, const json_t *list)
{
	char text[CELL_MAX];

	join(list, text, sizeof(text));
	cell(line, column, "%s", text);
}

static void cell_daemon(struct libscols_line *line, size_t column, const json_t *daemon)
{
	char age[AGE_MAX];
	const json_t *row = json_object_get(daemon, "daemon");

	if (!daemon) {
		cell(line, column, "down");
		cell_alert(line, column);
		return;
	}
	verdict_print_age(jget_int(row, "uptime_ms", -1), age, sizeof(age));
	cell(line, column, "%s%sup %s", jget_str(row, "version"),
	     *jget_str(row, "version") ? ", " : "", age);
}

static void add_peer_node(struct libscols_table *table, const struct snapshot *s)
{
	const json_t *peer = json_object_get(s->lbd, "peer");
	bool connected = jget_bool(peer, "connected", false);
	struct libscols_line *line;
	char age[AGE_MAX];

	if (!jget_bool(peer, "configured", false))
		return;
	line = scols_table_new_line(table, NULL);
	verdict_print_age(jget_int(peer, "since_ms", -1), age, sizeof(age));
	cell(line, 0, "%s", snapshot_peer(s));
	if (!connected) {
		cell(line, 1, "unknown");
		cell(line, 2, "missing for %s", age);
		cell_alert(line, 2);
		for (size_t column = 3; column <= 5; column++)
			cell(line, column, "-");
		return;
	}
	cell(line, 1, "%s", jget_bool(peer, "vrrpd", false) ? "up" : "down");
	cell(line, 2, "%s, connected %s", jget_str(peer, "version"), age);
	cell(line, 3, "%lld", (long long)jget_int(peer, "connections", 0));
	cell(line, 4, "%.3g ms", jget_real(peer, "lag_ms", 0));
	cell(line, 5, "%s", jget_bool(peer, "config_equal", false) ? "equal" : "differs");
	if (!jget_bool(peer, "config_equal", false))
		cell_alert(line, 5);
}

static void print_nodes(const struct out *out, const struct snapshot *s)
{
	static const struct column columns[] = {
		{"NODE", 0},
		{"VRRPD", 0},
		{"LBD", 0},
		{"CONNECTIONS", SCOLS_FL_RIGHT},
		{"LAG", SCOLS_FL_RIGHT},
		{"CONFIGURATION", 0},
	};
	struct libscols_table *table =
		table_new(out, columns, sizeof(columns) / sizeof(columns[0]));
	struct libscols_line *line = scols_table_new_line(table, NULL);
	const json_t *any = s->vrrpd ? s->vrrpd : s->lbd;
	const json_t *sync = json_object_get(s->lbd, "sync");

	cell(line, 0, "%s (here)", snapshot_node(s));
	cell_daemon(line, 1, s->vrrpd);
	cell_daemon(line, 2, s->lbd);
	if (s->lbd)
		cell(line, 3, "%lld", (long long)jget_int(sync, "connections", 0));
	else
		cell(line, 3, "-");
	cell(line, 4, "-");
	cell(line, 5, "%s", jget_str(json_object_get(any, "daemon"), "config_hash"));
	add_peer_node(table, s);
	table_print(out, table);
}

/* What else there is to know about a group's state: a word each, in order of weight. */
static void describe_group(const json_t *group, char *buf, size_t cap_bytes)
{
	char faults[CELL_MAX / 2];

	join(json_object_get(group, "faults"), faults, sizeof(faults));
	snprintf(buf, cap_bytes, "%s%s%s%s%s%s", jget_str(group, "reason"),
		 *faults ? ", fault " : "", faults,
		 jget_bool(group, "resigning", false) ? ", resigning" : "",
		 jget_bool(group, "waiting_for_sync", false) ? ", waits for sync" : "",
		 jget_bool(group, "stepped_down", false) ? ", stepped down until `hactl resume`"
							 : "");
}

static void print_groups(const struct out *out, const struct snapshot *s)
{
	static const struct column columns[] = {
		{"GROUP", 0}, {"HERE", 0},  {"PRIORITY", SCOLS_FL_RIGHT},
		{"PEER", 0},  {"SINCE", 0}, {"EPOCH", SCOLS_FL_RIGHT},
		{"WHY", 0},
	};
	struct libscols_table *table =
		table_new(out, columns, sizeof(columns) / sizeof(columns[0]));
	size_t i;
	const json_t *group;

	json_array_foreach (json_object_get(s->vrrpd, "groups"), i, group) {
		struct libscols_line *line = scols_table_new_line(table, NULL);
		const char *peer = snapshot_peer_state(s, jget_str(group, "group"));
		char why[CELL_MAX];

		describe_group(group, why, sizeof(why));
		cell(line, 0, "%s", jget_str(group, "group"));
		cell(line, 1, "%s", jget_str(group, "state"));
		cell(line, 2, "%lld", (long long)jget_int(group, "priority", 0));
		cell(line, 3, "%s", *peer ? peer : "unknown");
		cell_age(line, 4, jget_int(group, "since_ms", -1));
		cell(line, 5, "%lld", (long long)jget_int(group, "epoch", 0));
		cell(line, 6, "%s", why);
		if (json_array_size(json_object_get(group, "faults")) > 0)
			cell_alert(line, 6);
	}
	table_print(out, table);
}

static void describe_rejected(const json_t *vip, char *buf, size_t cap_bytes)
{
	const char *reason;
	json_t *count;
	size_t at = 0;

	buf[0] = '\0';
	json_object_foreach (json_object_get(vip, "rejected"), reason, count) {
		if (json_integer_value(count) == 0)
			continue;
		at = strlen(buf);
		snprintf(buf + at, cap_bytes - at, "%s%s=%lld", at > 0 ? " " : "", reason,
			 (long long)json_integer_value(count));
	}
}

static void print_vips(const struct out *out, const struct snapshot *s)
{
	static const struct column columns[] = {
		{"VIP", 0},
		{"GROUP", 0},
		{"DEVICE", 0},
		{"STATE", 0},
		{"LEASE", 0},
		{"ADDRESSES", 0},
		{"SENT", SCOLS_FL_RIGHT},
		{"RECEIVED", SCOLS_FL_RIGHT},
		{"REJECTED", 0},
	};
	struct libscols_table *table =
		table_new(out, columns, sizeof(columns) / sizeof(columns[0]));
	size_t i;
	const json_t *vip;

	json_array_foreach (json_object_get(s->vrrpd, "vips"), i, vip) {
		struct libscols_line *line = scols_table_new_line(table, NULL);
		char rejected[CELL_MAX];

		describe_rejected(vip, rejected, sizeof(rejected));
		cell(line, 0, "%s", jget_str(vip, "vip"));
		cell(line, 1, "%s", jget_str(vip, "group"));
		cell(line, 2, "%s", jget_str(vip, "device"));
		cell(line, 3, "%s", jget_str(vip, "state"));
		cell_age(line, 4, jget_int(vip, "lease_left_ms", -1));
		cell_list(line, 5, json_object_get(vip, "addresses"));
		cell(line, 6, "%lld", (long long)jget_int(vip, "adverts_sent", 0));
		cell(line, 7, "%lld", (long long)jget_int(vip, "adverts_received", 0));
		cell(line, 8, "%s", *rejected ? rejected : "-");
	}
	table_print(out, table);
}

static void cell_health(struct libscols_line *line, size_t column, const char *state)
{
	cell(line, column, "%s", state);
	if (strcmp(state, "down") == 0)
		cell_alert(line, column);
}

static void print_services(const struct out *out, const json_t *lbd)
{
	static const struct column columns[] = {
		{"SERVICE", 0}, {"VIP", 0}, {"STATE", 0}, {"POOL", 0}, {"PORTS", 0},
	};
	struct libscols_table *table =
		table_new(out, columns, sizeof(columns) / sizeof(columns[0]));
	size_t i;
	const json_t *service;

	json_array_foreach (json_object_get(lbd, "services"), i, service) {
		struct libscols_line *line = scols_table_new_line(table, NULL);

		cell(line, 0, "%s", jget_str(service, "service"));
		cell(line, 1, "%s", jget_str(service, "vip"));
		cell_health(line, 2, jget_str(service, "state"));
		cell(line, 3, "%s", jget_str(service, "pool"));
		cell_list(line, 4, json_object_get(service, "ports"));
	}
	table_print(out, table);
}

static void print_servers(const struct out *out, const json_t *lbd)
{
	static const struct column columns[] = {
		{"POOL", 0},    {"SERVER", 0},
		{"ADDRESS", 0}, {"WEIGHT", SCOLS_FL_RIGHT},
		{"STATE", 0},   {"SHARE", SCOLS_FL_RIGHT},
		{"SINCE", 0},   {"LAST CHECK", 0},
	};
	struct libscols_table *table =
		table_new(out, columns, sizeof(columns) / sizeof(columns[0]));
	size_t i;
	const json_t *server;

	json_array_foreach (json_object_get(lbd, "servers"), i, server) {
		struct libscols_line *line = scols_table_new_line(table, NULL);

		cell(line, 0, "%s", jget_str(server, "pool"));
		cell(line, 1, "%s", jget_str(server, "server"));
		cell(line, 2, "%s", jget_str(server, "address"));
		cell(line, 3, "%lld", (long long)jget_int(server, "weight", 1));
		cell_health(line, 4, jget_str(server, "state"));
		cell(line, 5, "%.1f %%", jget_real(server, "share_pct", 0));
		cell_age(line, 6, jget_int(server, "since_ms", -1));
		cell(line, 7, "%s", jget_str(server, "reason"));
	}
	table_print(out, table);
}

/* Prints "word 3, word 1" for the counters that are not zero; nothing when all are. */
static void print_counters(FILE *stream, const char *title, json_t *counters)
{
	const char *key;
	json_t *value;
	bool first = true;

	json_object_foreach (counters, key, value) {
		if (json_integer_value(value) == 0)
			continue;
		fputs(first ? title : ", ", stream);
		for (const char *c = key; *c; c++)
			fputc(*c == '_' ? ' ' : *c, stream);
		fprintf(stream, " %lld", (long long)json_integer_value(value));
		first = false;
	}
	if (!first)
		fputc('\n', stream);
}

static void print_sync(const struct out *out, const json_t *lbd)
{
	const json_t *sync = json_object_get(lbd, "sync");
	const json_t *peer = json_object_get(lbd, "peer");
	const char *state = jget_str(sync, "state");

	if (!lbd)
		return;
	fprintf(out->data,
		"\nsync     %s, %s: sent %lld, received %lld, destroyed %lld, injected %lld, "
		"unacknowledged %lld, overflows %lld\n",
		strcmp(state, "catching_up") == 0 ? "catching up" : state, jget_str(sync, "role"),
		(long long)jget_int(sync, "sent", 0), (long long)jget_int(sync, "received", 0),
		(long long)jget_int(sync, "destroyed", 0), (long long)jget_int(sync, "injected", 0),
		(long long)jget_int(sync, "unacked", 0), (long long)jget_int(sync, "overflows", 0));
	print_counters(out->data, "errors   injections the kernel refused: ",
		       json_object_get(sync, "inject_errors"));
	print_counters(out->data, "refused  on the pair link: ", json_object_get(peer, "refused"));
	/* An old error of a link that has long been up says nothing. */
	if (*jget_str(peer, "last_error") && !jget_bool(peer, "connected", false))
		fprintf(out->data, "link     last error: %s\n", jget_str(peer, "last_error"));
}

void out_text_status(struct out *out, const struct snapshot *s, const struct verdict *v)
{
	fprintf(out->data, "%s%s%s: %s\n", out->colour ? verdict_colours[v->level] : "",
		verdict_name(v->level), out->colour ? "\033[0m" : "", v->summary);
	fflush(out->data); /* complaints on stderr come behind it */
	if (!s->vrrpd && !s->lbd)
		return;
	print_nodes(out, s);
	print_groups(out, s);
	print_vips(out, s);
	print_services(out, s->lbd);
	print_servers(out, s->lbd);
	print_sync(out, s->lbd);
	fflush(out->data);
}
