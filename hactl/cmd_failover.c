// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hactl failover and hactl resume. A planned failover asks three things in order: is the peer
 * ready (status of lbd), does its kernel hold every connection up to now (lbd's barrier), take over
 * (vrrpd's make-before-break resignation). Each may refuse, and nothing has changed then.
 */
#include "ask.h"
#include "jget.h"
#include "options.h"
#include "ready.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	WAIT_DEFAULT_S = 30,
	BARRIER_TIMEOUT_MS = 5000,
	POLL_MS = 100,       /* between looks at a peer that is not ready */
	ANSWER_MARGIN_S = 5, /* daemons report their own time-outs: give them time to */
};

struct failover {
	const struct hactl *h;
	struct out *out;
	const char *group; /* NULL: every group that is Active here */
	bool force;
	bool wait;
	mono timeout; /* of the waiting */
	struct snapshot before;
	struct handover done;
};

static int refuse(struct failover *f, const struct refusal *why)
{
	f->out->ops->refusal(f->out, why);
	return HACTL_FAILED;
}

/* Looks at both daemons. Returns 0, or -errno when vrrpd does not answer (already reported). */
static int look(struct failover *f)
{
	struct refusal why;
	int vrrpd_rc, lbd_rc;

	snapshot_fini(&f->before);
	ask_status(f->h, &f->before, &vrrpd_rc, &lbd_rc);
	if (vrrpd_rc) {
		ask_explain_rc(f->h, "vrrpd", vrrpd_rc, &why);
		f->out->ops->refusal(f->out, &why);
	}
	return vrrpd_rc;
}

/* Names of the groups to hand over: a new array, empty when none is Active here. */
static json_t *active_groups(const struct failover *f)
{
	json_t *names = json_array();
	size_t i;
	const json_t *group;

	json_array_foreach (json_object_get(f->before.vrrpd, "groups"), i, group) {
		const char *name = jget_str(group, "group");
		if ((!f->group || strcmp(f->group, name) == 0) &&
		    strcmp(jget_str(group, "state"), "Active") == 0)
			(void)json_array_append_new(names, json_string(name));
	}
	return names;
}

/* A group of that name does not exist: the names that do help more than a state. */
static int refuse_unknown_group(struct failover *f)
{
	struct refusal why = {.code = CTL_BAD_ARGS};
	size_t i;
	const json_t *group;

	snprintf(why.text, sizeof(why.text), "there is no group \"%.64s\"", f->group);
	strlcpy(why.remedy, "the groups are:", sizeof(why.remedy));
	json_array_foreach (json_object_get(f->before.vrrpd, "groups"), i, group) {
		strlcat(why.remedy, " ", sizeof(why.remedy));
		strlcat(why.remedy, jget_str(group, "group"), sizeof(why.remedy));
	}
	return refuse(f, &why);
}

static bool is_known_group(const struct failover *f)
{
	size_t i;
	const json_t *group;

	json_array_foreach (json_object_get(f->before.vrrpd, "groups"), i, group) {
		if (strcmp(f->group, jget_str(group, "group")) == 0)
			return true;
	}
	return false;
}

/* What a daemon said, with what to do where it left that open. */
static void explain(const struct ctl_reply *last, struct refusal *why)
{
	ask_explain_reply(last, why);
	if (last->code == CTL_DENIED && !*why->remedy)
		strlcpy(why->remedy, "run it as root", sizeof(why->remedy));
}

static int refuse_not_active(struct failover *f)
{
	struct refusal why = {.code = CTL_NOT_ACTIVE};
	const char *node = snapshot_node(&f->before);
	const char *peer = snapshot_peer(&f->before);

	if (f->group)
		snprintf(why.text, sizeof(why.text), "%.32s is not Active in group %.32s", node,
			 f->group);
	else
		snprintf(why.text, sizeof(why.text),
			 "%.32s is not Active: there is nothing to hand over", node);
	snprintf(why.remedy, sizeof(why.remedy),
		 "to move the VIPs here, run hactl failover on %.32s", peer);
	return refuse(f, &why);
}

/* Waits for readiness as far as asked to. Returns an exit status. */
static int await_ready(struct failover *f, const json_t *groups)
{
	const struct timespec nap = {.tv_nsec = POLL_MS * MONO_NS_PER_MS};
	mono deadline = mono_add(mono_now(), f->timeout);
	struct refusal why;

	while (!ready_for_handover(&f->before, groups, &why)) {
		if (f->force) {
			fprintf(f->out->complaints, "hactl: forced although %s\n", why.text);
			return HACTL_DONE;
		}
		if (!f->wait || mono_reached(deadline, mono_now()))
			return refuse(f, &why);
		nanosleep(&nap, NULL);
		if (look(f))
			return HACTL_UNREACHABLE;
	}
	return HACTL_DONE;
}

/* Every connection up to now must be in the peer's kernel. Returns an exit status. */
static int pass_barrier(struct failover *f)
{
	struct ctl_reply last;
	struct refusal why;
	json_t *args = json_pack("{s:i}", "timeout_ms", BARRIER_TIMEOUT_MS);
	const struct client_question q = {.rundir = f->h->rundir,
					  .daemon = "lbd",
					  .cmd = "barrier",
					  .args = args,
					  .timeout = mono_add(mono_from_ms(BARRIER_TIMEOUT_MS),
							      mono_from_s(ANSWER_MARGIN_S))};
	int rc = client_ask(&q, &last);

	json_decref(args);
	if (rc == 0 && last.code == CTL_DONE) {
		f->done.lag_ms = jget_real(last.body, "lag_ms", -1);
		f->done.connections = jget_int(last.body, "connections", -1);
		ctl_reply_fini(&last);
		return HACTL_DONE;
	}
	if (rc)
		ask_explain_rc(f->h, "lbd", rc, &why);
	else
		explain(&last, &why);
	ctl_reply_fini(&last);
	/* Force is against doubts; it gives no rights. */
	if (!f->force || why.code == CTL_DENIED)
		return refuse(f, &why);
	fprintf(f->out->complaints, "hactl: forced although %s\n", why.text);
	return HACTL_DONE;
}

/* Nobody takes over within Active_Down_Interval means failure: vrrpd will say so by then. */
static mono takeover_timeout(const struct failover *f)
{
	json_int_t longest_ms = 0;
	size_t i;
	const json_t *vip;

	json_array_foreach (json_object_get(f->before.vrrpd, "vips"), i, vip) {
		json_int_t down_ms = jget_int(vip, "active_down_interval_ms", 0);
		if (down_ms > longest_ms)
			longest_ms = down_ms;
	}
	return mono_add(mono_from_ms(longest_ms), mono_from_s(ANSWER_MARGIN_S));
}

static int hand_over(struct failover *f, const json_t *groups)
{
	struct ctl_reply last;
	struct refusal why;
	json_t *args = json_object();
	const struct client_question q = {.rundir = f->h->rundir,
					  .daemon = "vrrpd",
					  .cmd = "failover",
					  .args = args,
					  .timeout = takeover_timeout(f)};

	if (f->group)
		(void)json_object_set_new(args, "group", json_string(f->group));
	int rc = client_ask(&q, &last);
	json_decref(args);
	if (rc) {
		ask_explain_rc(f->h, "vrrpd", rc, &why);
		f->out->ops->refusal(f->out, &why);
		return HACTL_UNREACHABLE;
	}

	int status = HACTL_DONE;
	if (last.code == CTL_DONE) {
		const json_t *moved = json_object_get(last.body, "groups");
		f->done.took_ms = jget_real(last.body, "took_ms", 0);
		f->done.groups = json_is_array(moved) ? moved : groups;
		f->out->ops->handover(f->out, &f->done);
	} else {
		explain(&last, &why);
		if (!*why.remedy)
			snprintf(why.remedy, sizeof(why.remedy),
				 "nothing has changed here; hactl status on %.32s may tell why",
				 snapshot_peer(&f->before));
		status = refuse(f, &why);
	}
	ctl_reply_fini(&last);
	return status;
}

static int fail_over(struct failover *f)
{
	if (look(f)) {
		snapshot_fini(&f->before);
		return HACTL_UNREACHABLE;
	}
	if (f->group && !is_known_group(f)) {
		int refused = refuse_unknown_group(f);

		snapshot_fini(&f->before);
		return refused;
	}

	json_t *groups = active_groups(f);
	int status;
	if (json_array_size(groups) == 0) {
		status = refuse_not_active(f);
	} else {
		status = await_ready(f, groups);
		if (status == HACTL_DONE && f->before.lbd)
			status = pass_barrier(f);
		f->done.from = snapshot_node(&f->before);
		f->done.to = snapshot_peer(&f->before);
		f->done.forced = f->force;
		if (status == HACTL_DONE)
			status = hand_over(f, groups);
	}
	json_decref(groups);
	snapshot_fini(&f->before);
	return status;
}

/* "500ms", "10s", "2min" or plain seconds; false when it is none of these. */
static bool parse_timeout(const char *text, mono *out)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"", 1000}, {"s", 1000}, {"ms", 1}, {"min", 60000}};
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || n < 0 || n > INT32_MAX)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) == 0) {
			*out = mono_from_ms(n * units[i].ms);
			return true;
		}
	}
	return false;
}

int cmd_failover(const struct hactl *h, int argc, char **argv)
{
	struct out out;
	const char *timeout = NULL;
	struct failover f = {.h = h,
			     .out = &out,
			     .timeout = mono_from_s(WAIT_DEFAULT_S),
			     .done = {.lag_ms = -1, .connections = -1}};
	const struct options_flag flags[] = {{"force", 'f', &f.force, NULL},
					     {"wait", 'w', &f.wait, NULL},
					     {"timeout", 't', NULL, &timeout}};
	struct options options = {.usage = "[--force] [--wait] [--timeout DURATION] [GROUP]",
				  .flags = flags,
				  .n_flags = sizeof(flags) / sizeof(flags[0]),
				  .max_operands = 1};
	int status = options_parse(h, argc, argv, &options);

	if (status >= 0)
		return status;
	if (timeout && !parse_timeout(timeout, &f.timeout)) {
		fprintf(stderr,
			"hactl: failover: --timeout %s: expected a duration such as 10s or 500ms\n",
			timeout);
		return HACTL_USAGE;
	}
	f.group = options.operand;
	out_init(&out, options.json);
	status = fail_over(&f);
	out_fini(&out);
	return status;
}

int cmd_resume(const struct hactl *h, int argc, char **argv)
{
	struct out out;
	struct ctl_reply last;
	struct refusal why;
	struct options options = {.usage = ""};
	const struct client_question q = {.rundir = h->rundir,
					  .daemon = "vrrpd",
					  .cmd = "resume",
					  .timeout = mono_from_s(ANSWER_MARGIN_S)};
	int status = options_parse(h, argc, argv, &options);

	if (status >= 0)
		return status;
	out_init(&out, options.json);
	int rc = client_ask(&q, &last);
	if (rc) {
		ask_explain_rc(h, "vrrpd", rc, &why);
		out.ops->refusal(&out, &why);
		status = HACTL_UNREACHABLE;
	} else if (last.code != CTL_DONE) {
		explain(&last, &why);
		out.ops->refusal(&out, &why);
		status = HACTL_FAILED;
	} else {
		out.ops->done(&out,
			      jget_int(last.body, "resumed", 1) > 0
				      ? "this node may take the VIPs back: with preempt = yes at "
					"once, otherwise when the other node gives them up"
				      : "nothing to resume: this node has not stepped down");
		status = HACTL_DONE;
	}
	ctl_reply_fini(&last);
	out_fini(&out);
	return status;
}
