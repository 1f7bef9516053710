// SPDX-License-Identifier: GPL-2.0-or-later
#include "conf_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	KEPT_MAX = 100, /* a file of another kind would give thousands */
};

/** Behind every finding of the same or an earlier line. */
static void insert_in_line_order(struct conf_report *report, struct conf_error *error)
{
	struct conf_error **at = &report->head;

	while (*at && (*at)->line <= error->line)
		at = &(*at)->next;
	error->next = *at;
	*at = error;
	report->n_kept++;
}

static __attribute__((format(printf, 4, 0))) void
report_finding(struct conf_report *report, int line, bool warning, const char *fmt, va_list args)
{
	struct conf_error *error;

	if (!warning)
		report->n_errors++;
	if (report->n_kept >= KEPT_MAX)
		return;
	error = calloc(1, sizeof(*error));
	if (!error) {
		report->out_of_memory = true;
		return;
	}
	error->line = line;
	error->warning = warning;
	vsnprintf(error->text, sizeof(error->text), fmt, args);
	insert_in_line_order(report, error);
}

void conf_report_error(struct conf_report *report, int line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_finding(report, line, false, fmt, args);
	va_end(args);
}

void conf_report_warning(struct conf_report *report, int line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_finding(report, line, true, fmt, args);
	va_end(args);
}

void conf_errors_free(struct conf_error *errors)
{
	while (errors) {
		struct conf_error *next = errors->next;

		free(errors);
		errors = next;
	}
}

size_t conf_errors_print(FILE *out, const char *path, const struct conf_error *errors)
{
	size_t n_errors = 0;

	for (const struct conf_error *e = errors; e; e = e->next) {
		const char *kind = e->warning ? "warning" : "error";

		if (e->line > 0)
			fprintf(out, "%s:%d: %s: %s\n", path, e->line, kind, e->text);
		else
			fprintf(out, "%s: %s: %s\n", path, kind, e->text);
		if (!e->warning)
			n_errors++;
	}
	return n_errors;
}
