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
	READY_PATIENCE_S = 20,
	OPEN_PATIENCE_S = 15,
	STEADY_MS = 2000,
	PROBE_PATIENCE_S = 5,
	PROBES_FOR_READY = 20,
	OWNER_PATIENCE_S = 25,
	AFTER_MS = 2500,
	PROGRESS_PATIENCE_S = 10,
	PROGRESS_LOOK_MS = 100,
	SETTLE_PATIENCE_MS = CAST_CONNECT_PATIENCE_MS + 2000,
	LAST_ANSWERS_MS = 30,
};

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
	s->on_int = evsignal_new(s->base, SIGINT, on_signal, s);
	s->on_term = evsignal_new(s->base, SIGTERM, on_signal, s);
	if (!s->tick || !s->on_int || !s->on_term || event_add(s->tick, &every) ||
	    event_add(s->on_int, NULL) || event_add(s->on_term, NULL))
		return -ENOMEM;
	return 0;
}

static void close_loop(struct stage *s)
{
	struct event *const events[] = {s->tick, s->on_int, s->on_term};

	for (size_t i = 0; i < 3; i++)
		if (events[i])
			event_free(events[i]);
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
	*s = (struct stage){.options = options, .result = result};
	report_phase(result->name, "building the laboratory");
	int rc = open_loop(s);

	if (rc == 0)
		rc = open_lab(s, preempt);
	if (rc)
		return rc;
	home_file(&s->home, NULL, "actors.log", s->actor_log);
	s->watch = watch_new(s->base, &s->home, s->conf,
			     s->conf->groups[s->layout.front_group].name, &result->timeline);
	if (!s->watch)
		return -ENOMEM;
	return cast_init(&s->cast, &s->lab, &options->cast, s->actor_log);
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

	return child_spawn(&s->lab.gateway[node].ns, home_file(&s->home, NULL, log_name, log),
			   argv);
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

static bool servers_listen(const struct stage *s, size_t arg)
{
	(void)arg;
	return s->cast.board->servers_ready == s->layout.n_servers;
}

static bool is_pair_ready(const struct stage *s, size_t arg)
{
	const struct watch_node *a = watch_node(s->watch, 0), *b = watch_node(s->watch, 1);

	(void)arg;
	return ((a->active && b->backup) || (a->backup && b->active)) && a->peer_connected &&
	       b->peer_connected && a->synced && b->synced && a->servers > 0 &&
	       a->servers_up == a->servers && b->servers_up == b->servers;
}

/* What keeps a pair from being ready, one line a node. */
static void explain_pair(struct stage *s)
{
	for (size_t n = 0; n < CONF_NODES_MAX; n++) {
		const struct watch_node *w = watch_node(s->watch, n);

		scenario_why(s->result,
			     "the pair did not become ready: %s: vrrpd %s, lbd %s, pair link %s, "
			     "sync %s, %u of %u servers up",
			     s->conf->nodes[n].name,
			     !w->vrrpd   ? "does not answer"
			     : w->active ? "Active"
			     : w->backup ? "Backup"
					 : "neither Active nor Backup",
			     w->lbd ? "answers" : "does not answer",
			     w->peer_connected ? "connected" : "down",
			     w->synced ? "complete" : "incomplete", w->servers_up, w->servers);
	}
}

int stage_start_pair(struct stage *s)
{
	int rc = cast_start_servers(&s->cast);

	if (rc == 0)
		rc = stage_wait(s, servers_listen, 0, mono_from_s(READY_PATIENCE_S));
	report_phase(s->result->name, "starting the pair");
	for (size_t n = 0; n < CONF_NODES_MAX && rc == 0; n++)
		rc = stage_start_node(s, n);
	if (rc)
		return rc;
	rc = stage_wait(s, is_pair_ready, 0, mono_from_s(READY_PATIENCE_S));
	if (rc == -ETIMEDOUT)
		explain_pair(s);
	s->primary = watch_node(s->watch, 0)->active ? 0 : 1;
	return rc;
}

/* Load. */

static bool is_answered(const struct stage *s, size_t arg)
{
	const struct cast_board *board = s->cast.board;
	size_t n = board->n_probes;

	(void)arg;
	if (n < PROBES_FOR_READY + 2)
		return false;
	/* The newest two may still be on their way. */
	for (size_t i = n - PROBES_FOR_READY - 2; i < n - 2; i++)
		if (board->probe[i].answered.ns == 0)
			return false;
	return true;
}

static bool are_sessions_open(const struct stage *s, size_t arg)
{
	const struct cast_board *board = s->cast.board;

	(void)arg;
	report_count(s->result->name, "opening sessions", board->sessions_open,
		     (unsigned)board->n_sessions);
	return board->sessions_open + board->sessions_failed == board->n_sessions;
}

int stage_start_load(struct stage *s)
{
	const struct cast_board *board = s->cast.board;
	int rc = cast_start_prober(&s->cast);

	if (rc == 0)
		rc = stage_wait(s, is_answered, 0, mono_from_s(PROBE_PATIENCE_S));
	if (rc == -ETIMEDOUT)
		scenario_why(s->result, "the VIP does not answer echo requests");
	if (rc == 0)
		rc = cast_start_clients(&s->cast);
	if (rc)
		return rc;
	rc = stage_wait(s, are_sessions_open, 0, mono_from_s(OPEN_PATIENCE_S));
	if (rc == -ETIMEDOUT || (rc == 0 && board->sessions_failed > 0)) {
		scenario_why(s->result, "only %u of %zu sessions could be opened%s%s",
			     board->sessions_open, board->n_sessions,
			     board->session_failure[0] ? ": " : "", board->session_failure);
		rc = -ETIMEDOUT;
	}
	if (rc)
		return rc;
	report_phase(s->result->name, "all sessions open, steady load");
	return stage_run_for(s, mono_from_ms(STEADY_MS));
}

/* After the fault. */

static bool is_active(const struct stage *s, size_t node)
{
	return watch_node(s->watch, node)->active;
}

mono stage_restored(const struct stage *s, const struct judge_outage *o)
{
	return mono_max(mono_max(o->until, s->served_since), s->result->fault);
}

static bool all_progressed(const struct stage *s, size_t arg)
{
	const struct cast_board *board = s->cast.board;
	struct judge_outage o =
		judge_outage(board->probe, board->n_probes, s->result->fault, mono_from_ms(10));

	mono restored = stage_restored(s, &o);

	(void)arg;
	for (size_t i = 0; i < board->n_sessions; i++)
		if (board->session[i].broken == JUDGE_WHOLE &&
		    !judge_session_alive(&board->session[i], restored))
			return false;
	return true;
}

int stage_recover(struct stage *s, size_t owner)
{
	report_phase(s->result->name, "waiting for the other node to serve");
	int rc = stage_wait(s, is_active, owner, mono_from_s(OWNER_PATIENCE_S));

	if (rc == -ETIMEDOUT) {
		scenario_why(s->result, "%s did not become Active within %d s",
			     s->conf->nodes[owner].name, OWNER_PATIENCE_S);
		return 0; /* judged all the same: clients may tell more */
	}
	report_phase(s->result->name, "watching the sessions go on");
	s->served_since = mono_now();
	if (rc == 0)
		rc = stage_run_for(s, mono_from_ms(AFTER_MS));
	mono deadline = mono_add(mono_now(), mono_from_s(PROGRESS_PATIENCE_S));

	while (rc == 0 && !all_progressed(s, 0) && mono_before(mono_now(), deadline))
		rc = stage_run_for(s, mono_from_ms(PROGRESS_LOOK_MS));
	return rc;
}

static bool is_settled(const struct stage *s, size_t arg)
{
	const struct cast_board *board = s->cast.board;

	(void)arg;
	if (!board->storm_settled)
		return false;
	for (size_t i = 0; i < board->n_sessions; i++)
		if (board->session[i].broken == JUDGE_WHOLE &&
		    !judge_session_settled(&board->session[i]))
			return false;
	return true;
}

int stage_settle(struct stage *s)
{
	report_phase(s->result->name, "letting everything in flight arrive");
	s->cast.board->load_stopped = true;
	int rc = stage_wait(s, is_settled, 0, mono_from_ms(SETTLE_PATIENCE_MS));

	if (rc == -ETIMEDOUT)
		rc = 0; /* what has not arrived by now is lost, and the judge sees it */
	s->cast.board->probes_stopped = true;
	return rc ? rc : stage_run_for(s, mono_from_ms(LAST_ANSWERS_MS));
}

void stage_close(struct stage *s)
{
	struct scenario_result *r = s->result;
	bool keep = s->options->keep && !s->interrupted;

	report_phase(r->name, keep ? "keeping the laboratory" : "cleaning up");
	watch_free(s->watch);
	cast_fini(&s->cast);
	for (size_t n = 0; n < CONF_NODES_MAX; n++) {
		child_kill(&s->vrrpd[n]);
		child_kill(&s->lbd[n]);
	}
	if (keep)
		snprintf(r->namespaces, sizeof(r->namespaces), NETNS_PREFIX "%d-", (int)getpid());
	else if (s->lab_built)
		lab_destroy(&s->lab);
	if (r->pass && !keep)
		home_remove(&s->home);
	if (s->interrupted)
		home_remove(&s->home);
	snprintf(r->home, sizeof(r->home), "%s", s->home.path);
	conf_free(s->conf);
	close_loop(s);
}
