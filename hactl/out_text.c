// SPDX-License-Identifier: GPL-2.0-or-later
/* Output for people, apart from the status screen (text_status.c). */
#include "out.h"

#include "jget.h"

#include <string.h>
#include <time.h>

static void print_names(FILE *stream, const json_t *names)
{
	size_t i;
	const json_t *name;

	json_array_foreach (names, i, name)
		fprintf(stream, "%s%s", i > 0 ? ", " : "", json_string_value(name));
}

static void print_handover(struct out *out, const struct handover *h)
{
	size_t n = json_array_size(h->groups);

	fprintf(out->data, "%s took over from %s in %.4g ms (", h->to, h->from, h->took_ms);
	if (n > 0) {
		fprintf(out->data, "group%s ", n == 1 ? "" : "s");
		print_names(out->data, h->groups);
	}
	fputs(")\n", out->data);
	if (h->lag_ms >= 0)
		fprintf(out->data,
			"%lld connections were in its kernel %.4g ms after the barrier\n",
			(long long)(h->connections < 0 ? 0 : h->connections), h->lag_ms);
	if (h->forced)
		fputs("forced: connections it had not received yet may have been lost\n",
		      out->data);
}

static void print_done(struct out *out, const char *text)
{
	fprintf(out->data, "%s\n", text);
}

static const char *class_of(int code)
{
	if (code == CTL_REFUSED || code == CTL_DENIED)
		return "refused: ";
	if (code == CTL_TIMED_OUT)
		return "timed out: ";
	return "";
}

static void print_refusal(struct out *out, const struct refusal *r)
{
	fprintf(out->complaints, "hactl: %s%s\n", class_of(r->code), r->text);
	if (*r->remedy)
		fprintf(out->complaints, "hactl: what to do: %s\n", r->remedy);
}

static void print_finding(struct out *out, const char *path, const struct conf_error *error)
{
	const char *severity = error->warning ? "warning" : "error";

	if (error->line > 0)
		fprintf(out->complaints, "%s:%d: %s: %s\n", path, error->line, severity,
			error->text);
	else
		fprintf(out->complaints, "%s: %s: %s\n", path, severity, error->text);
}

static void print_count(FILE *stream, size_t n, const char *noun, const char *separator)
{
	fprintf(stream, "%zu %s%s%s", n, noun, n == 1 ? "" : "s", separator);
}

static void print_checked(struct out *out, const struct check_result *r)
{
	size_t servers = 0;

	if (!r->conf) {
		print_count(out->complaints, r->n_errors, "error", "\n");
		return;
	}
	for (size_t i = 0; i < r->conf->n_pools; i++)
		servers += r->conf->pools[i].n_servers;
	fputs("ok: ", out->data);
	print_count(out->data, r->conf->n_nodes, "node", ", ");
	print_count(out->data, r->conf->n_vips, "VIP", ", ");
	print_count(out->data, r->conf->n_pools, "pool", ", ");
	print_count(out->data, servers, "server", ", ");
	print_count(out->data, r->conf->n_services, "service", "");
	if (r->conf->self < r->conf->n_nodes)
		fprintf(out->data, "; this is %s", r->conf->nodes[r->conf->self].name);
	else
		fputs("; this host is not one of the nodes", out->data);
	if (r->n_warnings > 0) {
		fputs("; ", out->data);
		print_count(out->data, r->n_warnings, "warning", "");
	}
	fputc('\n', out->data);
}

static void print_time(FILE *stream, json_int_t at_ms)
{
	time_t s = (time_t)(at_ms / 1000);
	struct tm local;
	char clock[sizeof("00:00:00")];

	localtime_r(&s, &local);
	strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	fprintf(stream, "%s.%03d", clock, (int)(at_ms % 1000));
}

static void print_event(struct out *out, const char *daemon, json_int_t at_ms,
			const struct ctl_reply *reply)
{
	const json_t *e = reply->body;
	const char *text = jget_str(e, "text");

	print_time(out->data, at_ms);
	fprintf(out->data, " %-6s ", daemon);
	if (reply->code == CTL_EVENT_ROLE)
		fprintf(out->data, "group %s: %s -> %s reason=%s epoch=%lld prio=%lld\n",
			jget_str(e, "group"), jget_str(e, "old"), jget_str(e, "new"),
			jget_str(e, "reason"), (long long)jget_int(e, "epoch", 0),
			(long long)jget_int(e, "priority", 0));
	else if (reply->code == CTL_ROW_GROUP)
		fprintf(out->data, "group %s: %s epoch=%lld prio=%lld\n", jget_str(e, "group"),
			jget_str(e, "state"), (long long)jget_int(e, "epoch", 0),
			(long long)jget_int(e, "priority", 0));
	else
		fprintf(out->data, "%-6s %s\n", jget_str(e, "level"),
			*text ? text : ctl_code_text((enum ctl_code)reply->code));
	fflush(out->data);
}

static const struct out_ops text_ops = {
	.status = out_text_status,
	.handover = print_handover,
	.done = print_done,
	.refusal = print_refusal,
	.finding = print_finding,
	.checked = print_checked,
	.event = print_event,
};

const struct out_ops *out_text_ops(void)
{
	return &text_ops;
}
