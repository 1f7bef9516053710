// SPDX-License-Identifier: GPL-2.0-or-later
#include "stage.h"

#include "actor.h"
#include "child.h"
#include "report.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	TICK_MS = 5,
};

static const int signals[STAGE_SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/* The event loop's side. */

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg; /* its only purpose is to return from event_base_loop() */
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct stage *s = arg;

	(void)fd;
	(void)what;
	s->interrupted = true;
}

static int open_loop(struct stage *s)
{
	const struct timeval every = {.tv_usec = TICK_MS * 1000};

	s->base = event_base_new();
	if (!s->base)
		return -ENOMEM;
	s->tick = event_new(s->base, -1, EV_PERSIST, on_tick, NULL);
	if (!s->tick || event_add(s->tick, &every))
		return -ENOMEM;
	for (size_t i = 0; i < STAGE_SIGNALS; i++) {
		s->on_signal[i] = evsignal_new(s->base, signals[i], on_signal, s);
		if (!s->on_signal[i] || event_add(s->on_signal[i], NULL))
			return -ENOMEM;
	}
	return 0;
}

static void close_loop(struct stage *s)
{
	if (s->tick)
		event_free(s->tick);
	for (size_t i = 0; i < STAGE_SIGNALS; i++)
		if (s->on_signal[i])
			event_free(s->on_signal[i]);
	if (s->base)
		event_base_free(s->base);
}

/* Somebody who should be there is not. */
static bool is_missing(struct stage *s)
{
	const char *actor = s->cast.board ? cast_missing(&s->cast) : NULL;
	int status;

	if (actor)
		scenario_why(s->result, "%s ended by itself, see %s", actor, s->actor_log);
	for (size_t n = 0; n < CONF_NODES_MAX && !actor; n++) {
		const char *node = s->conf->nodes[n].name;

		if (child_ended(&s->vrrpd[n], &status))
			actor = "vrrpd";
		else if (child_ended(&s->lbd[n], &status))
			actor = "lbd";
		if (actor)
			scenario_why(s->result, "%s of %s ended by itself, see %s/%s-%s.log", actor,
				     node, s->home.path, node, actor);
	}
	return actor != NULL;
}

int stage_wait(struct stage *s, stage_test_fn *test, size_t arg, mono timeout)
{
	mono deadline = mono_add(mono_now(), timeout);

	while (!test(s, arg)) {
		if (mono_reached(deadline, mono_now()))
			return -ETIMEDOUT;
		event_base_loop(s->base, EVLOOP_ONCE);
		if (s->interrupted)
			return -EINTR;
		if (is_missing(s))
			return -ECHILD;
	}
	return 0;
}

static bool never(const struct stage *s, size_t arg)
{
	(void)s;
	(void)arg;
	return false;
}

int stage_run_for(struct stage *s, mono time)
{
	int rc = stage_wait(s, never, 0, time);

	return rc == -ETIMEDOUT ? 0 : rc;
}

/* Set-up. */

static int open_lab(struct stage *s, bool preempt)
{
	const struct home_change change = {.advert_interval = s->options->advert_interval,
					   .preempt = preempt};
	char why[SCENARIO_WHY_TEXT_MAX];
	int rc = home_make(&s->home, s->options->conf);

	if (rc) {
		scenario_why(s->result, "directory for the drill: %s", strerror(-rc));
		return rc;
	}
	s->conf = home_derive_conf(&s->home, s->options->conf, &change);
	if (!s->conf) {
		scenario_why(s->result, "the derived configuration does not load");
		return -EINVAL;
	}
	if (!layout_build(s->conf, &s->layout, why, sizeof(why))) {
		scenario_why(s->result, "%s", why);
		return -EINVAL;
	}
	s->lab_built = true;
	rc = lab_build(&s->lab, s->conf, &s->layout);
	if (rc)
		scenario_why(s->result, "laboratory: %s", s->lab.error);
	return rc;
}

int stage_open(struct stage *s, const struct scenario_options *options, bool preempt,
	       struct scenario_result *result)
{
	*s = (struct stage){.options = options, .result = result, .preempt = preempt};
	report_phase(result->label, "building the laboratory");
	int rc = open_loop(s);

	if (rc == 0)
		rc = open_lab(s, preempt);
	if (rc)
		return rc;
	home_file(&s->home, NULL, "actors.log", s->actor_log);
	home_file(&s->home, NULL, HOME_PIDS, s->pids);
	for (size_t n = 0; n < CONF_NODES_MAX; n++)
		s->down_interval =
			mono_max(s->down_interval,
				 judge_active_down_interval(
					 s->conf->pair.advert_interval,
					 s->conf->groups[s->layout.front_group].priority[n]));
	s->watch = watch_new(s->base, &s->home, s->conf,
			     s->conf->groups[s->layout.front_group].name, &result->timeline);
	if (!s->watch)
		return -ENOMEM;
	struct cast_options cast = options->cast;
	const struct child_place place = {
		.log_path = s->actor_log, .record_path = s->pids, .outlive = options->keep};

	/* As if every scenario were a crash: patience only delays a verdict. */
	cast.patience = judge_patience(s->down_interval);
	return cast_init(&s->cast, &s->lab, &cast, &place);
}

mono stage_patience(const struct stage *s, int64_t seconds)
{
	return mono_add(mono_from_s(seconds), s->down_interval);
}

bool stage_is_active(const struct stage *s, size_t node)
{
	return watch_node(s->watch, node)->active;
}

static pid_t start_daemon(struct stage *s, size_t node, const char *daemon)
{
	char self[PATH_MAX], program[PATH_MAX], log[CONF_PATH_MAX], conf[CONF_PATH_MAX],
		rundir[CONF_PATH_MAX], statedir[CONF_PATH_MAX], log_name[CONF_NAME_MAX + 16];
	const char *name = s->conf->nodes[node].name;

	snprintf(self, sizeof(self), "%s", s->options->self_path);
	if (snprintf(program, sizeof(program), "%s/%s", dirname(self), daemon) >= PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(log_name, sizeof(log_name), "%s-%s.log", name, daemon);
	const char *const argv[] = {program,
				    "-c",
				    home_file(&s->home, NULL, "hapair.conf", conf),
				    "-n",
				    name,
				    "-r",
				    home_file(&s->home, NULL, name, rundir),
				    "-s",
				    home_file(&s->home, name, "state", statedir),
				    NULL};

	const struct child_place place = {.ns = &s->lab.gateway[node].ns,
					  .log_path = home_file(&s->home, NULL, log_name, log),
					  .record_path = s->pids,
					  .outlive = s->options->keep};

	return child_spawn(&place, argv);
}

int stage_start_node(struct stage *s, size_t node)
{
	s->lbd[node] = start_daemon(s, node, "lbd");
	s->vrrpd[node] = start_daemon(s, node, "vrrpd");
	if (s->lbd[node] < 0 || s->vrrpd[node] < 0) {
		int rc = s->lbd[node] < 0 ? s->lbd[node] : s->vrrpd[node];

		scenario_why(s->result, "daemons of %s: %s", s->conf->nodes[node].name,
			     strerror(-rc));
		return rc;
	}
	watch_start(s->watch, node);
	return 0;
}

static void keep_lab(struct stage *s)
{
	struct scenario_result *r = s->result;

	if (home_keep(&s->home))
		scenario_why(r, "the laboratory cannot be marked as kept");
	snprintf(r->namespaces, sizeof(r->namespaces), NETNS_PREFIX "%d-", (int)getpid());
	snprintf(r->node, sizeof(r->node), "%s", s->conf->nodes[1 - s->primary].name);
}

static void end_daemons(struct stage *s)
{
	for (size_t n = 0; n < CONF_NODES_MAX; n++) {
		child_kill(&s->vrrpd[n]);
		child_kill(&s->lbd[n]);
	}
}

void stage_close(struct stage *s, bool again)
{
	struct scenario_result *r = s->result;
	bool keep = s->options->keep && !s->interrupted && !again && s->cast.board;

	report_phase(r->label, keep ? "keeping the laboratory" : "cleaning up");
	watch_free(s->watch);
	herald_free(s->herald);
	cast_fini(&s->cast, keep);
	if (!keep)
		end_daemons(s);
	if (keep)
		keep_lab(s);
	else if (s->lab_built)
		lab_destroy(&s->lab);
	if ((r->pass && !keep) || s->interrupted || again)
		home_remove(&s->home);
	snprintf(r->home, sizeof(r->home), "%s", s->home.path);
	conf_free(s->conf);
	close_loop(s);
}
