// SPDX-License-Identifier: GPL-2.0-or-later
/* One JSON object a line; members as hactl(8) lists them. */
#include "out.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Prints and releases root. */
static void print(struct out *out, json_t *root)
{
	if (!root)
		return;
	(void)json_dumpf(root, out->data, JSON_COMPACT | JSON_REAL_PRECISION(6));
	fputc('\n', out->data);
	fflush(out->data);
	json_decref(root);
}

static void print_status(struct out *out, const struct snapshot *s, const struct verdict *v)
{
	print(out, json_pack("{s:i, s:s, s:s, s:O?, s:O?}", "v", CTL_VERSION, "verdict",
			     verdict_name(v->level), "summary", v->summary, "vrrpd", s->vrrpd,
			     "lbd", s->lbd));
}

static void print_handover(struct out *out, const struct handover *h)
{
	json_t *root =
		json_pack("{s:i, s:b, s:s, s:s, s:f, s:b}", "v", CTL_VERSION, "ok", true, "from",
			  h->from, "to", h->to, "took_ms", h->took_ms, "forced", h->forced);

	(void)json_object_set_new(root, "groups", json_deep_copy(h->groups));
	(void)json_object_set_new(root, "lag_ms",
				  h->lag_ms < 0 ? json_null() : json_real(h->lag_ms));
	(void)json_object_set_new(root, "connections",
				  h->connections < 0 ? json_null() : json_integer(h->connections));
	print(out, root);
}

static void print_done(struct out *out, const char *text)
{
	print(out, json_pack("{s:i, s:b, s:s}", "v", CTL_VERSION, "ok", true, "text", text));
}

static void print_refusal(struct out *out, const struct refusal *r)
{
	print(out, json_pack("{s:i, s:b, s:i, s:s, s:s}", "v", CTL_VERSION, "ok", false, "code",
			     r->code, "text", r->text, "remedy", r->remedy));
}

static void keep_finding(struct out *out, const char *path, const struct conf_error *error)
{
	if (!out->findings)
		out->findings = json_array();
	/* A file of any bytes may be checked; JSON takes only UTF-8. */
	json_t *text = json_string(error->text);
	if (!text)
		text = json_string("a mistake in bytes that are not UTF-8");
	(void)json_array_append_new(out->findings,
				    json_pack("{s:s, s:i, s:s, s:o}", "file", path, "line",
					      error->line, "severity",
					      error->warning ? "warning" : "error", "text", text));
}

static json_t *count(size_t n)
{
	return json_integer((json_int_t)n);
}

static void print_checked(struct out *out, const struct check_result *r)
{
	json_t *findings = out->findings ? out->findings : json_array();
	json_t *root = json_pack("{s:i, s:b, s:s, s:o}", "v", CTL_VERSION, "ok", r->conf != NULL,
				 "file", r->path, "findings", findings);

	out->findings = NULL;
	if (r->conf) {
		char hash[sizeof("0123456789abcdef")];
		size_t servers = 0;
		for (size_t i = 0; i < r->conf->n_pools; i++)
			servers += r->conf->pools[i].n_servers;
		snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)r->conf->hash);
		(void)json_object_set_new(root, "config_hash", json_string(hash));
		(void)json_object_set_new(root, "nodes", count(r->conf->n_nodes));
		(void)json_object_set_new(root, "groups", count(r->conf->n_groups));
		(void)json_object_set_new(root, "vips", count(r->conf->n_vips));
		(void)json_object_set_new(root, "pools", count(r->conf->n_pools));
		(void)json_object_set_new(root, "servers", count(servers));
		(void)json_object_set_new(root, "services", count(r->conf->n_services));
	}
	print(out, root);
}

static void print_event(struct out *out, const char *daemon, json_int_t at_ms,
			const struct ctl_reply *reply)
{
	json_t *root = json_pack("{s:i, s:I, s:s, s:i}", "v", CTL_VERSION, "t_ms", at_ms, "daemon",
				 daemon, "code", reply->code);
	json_t *body = json_deep_copy(reply->body);

	(void)json_object_del(body, "id");
	(void)json_object_update_missing(root, body);
	json_decref(body);
	print(out, root);
}

static const struct out_ops json_ops = {
	.status = print_status,
	.handover = print_handover,
	.done = print_done,
	.refusal = print_refusal,
	.finding = keep_finding,
	.checked = print_checked,
	.event = print_event,
};

const struct out_ops *out_json_ops(void)
{
	return &json_ops;
}

void out_init(struct out *out, bool json)
{
	const char *no_color = getenv("NO_COLOR");

	*out = (struct out){.ops = json ? out_json_ops() : out_text_ops(),
			    .data = stdout,
			    .complaints = stderr,
			    .colour = isatty(STDOUT_FILENO) && (!no_color || !*no_color)};
}

void out_fini(struct out *out)
{
	json_decref(out->findings);
	out->findings = NULL;
}
