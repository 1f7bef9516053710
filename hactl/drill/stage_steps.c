// SPDX-License-Identifier: GPL-2.0-or-later
/* The steps of a scenario: set up until ready, load, look at the state, recover, settle. */
#include "stage.h"

#include "report.h"

#include <errno.h>
#include <string.h>

enum {
	READY_PATIENCE_S = 20,
	OPEN_PATIENCE_S = 15,
	STEADY_MS = 2000,
	PROBE_PATIENCE_S = 5,
	PROBES_FOR_READY = 20,
	OWNER_PATIENCE_S = 25,
	STANDBY_PATIENCE_S = 5,
	STANDBY_LOOK_MS = 50,
	PROGRESS_PATIENCE_S = 10,
	PROGRESS_LOOK_MS = 100,
	SETTLE_MARGIN_S = 2,
	LAST_ANSWERS_MS = 30,
};

static bool servers_listen(const struct stage *s, size_t arg)
{
	(void)arg;
	return s->cast.board->servers_ready == s->layout.n_servers;
}

static size_t preferred(const struct stage *s)
{
	const uint8_t *priority = s->conf->groups[s->layout.front_group].priority;

	return priority[1] > priority[0] ? 1 : 0;
}

static bool is_pair_ready(const struct stage *s, size_t arg)
{
	const struct watch_node *a = watch_node(s->watch, 0), *b = watch_node(s->watch, 1);

	(void)arg;
	/* With preemption the other one may be Active for a moment. */
	if (s->preempt && !watch_node(s->watch, preferred(s))->active)
		return false;
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
	if (rc == -ETIMEDOUT)
		scenario_why(s->result, "the server stand-ins do not listen, see %s", s->actor_log);
	report_phase(s->result->label, "starting the pair");
	for (size_t n = 0; n < CONF_NODES_MAX && rc == 0; n++)
		rc = stage_start_node(s, n);
	if (rc)
		return rc;
	rc = stage_wait(s, is_pair_ready, 0, stage_patience(s, READY_PATIENCE_S));
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
	return board->sessions_open + board->sessions_failed == board->n_sessions;
}

/* Counts along, a few times a second. */
static int await_sessions(struct stage *s)
{
	const struct cast_board *board = s->cast.board;
	mono deadline = mono_add(mono_now(), stage_patience(s, OPEN_PATIENCE_S));
	int rc;

	do {
		report_count(s->result->label, "opening sessions", board->sessions_open,
			     (unsigned)board->n_sessions);
		rc = stage_wait(s, are_sessions_open, 0, mono_from_ms(PROGRESS_LOOK_MS));
	} while (rc == -ETIMEDOUT && mono_before(mono_now(), deadline));
	return rc;
}

int stage_start_load(struct stage *s)
{
	const struct cast_board *board = s->cast.board;
	int rc = herald_new(s->base, &s->lab, &s->herald);

	if (rc == 0)
		rc = cast_start_prober(&s->cast);
	if (rc == 0)
		rc = stage_wait(s, is_answered, 0, stage_patience(s, PROBE_PATIENCE_S));
	if (rc == -ETIMEDOUT)
		scenario_why(s->result, "the VIP does not answer echo requests");
	if (rc == 0)
		rc = cast_start_clients(&s->cast);
	if (rc)
		return rc;
	rc = await_sessions(s);
	if (rc == -ETIMEDOUT || (rc == 0 && board->sessions_failed > 0)) {
		scenario_why(s->result, "only %u of %zu sessions could be opened%s%s",
			     board->sessions_open, board->n_sessions,
			     board->session_failure[0] ? ": " : "", board->session_failure);
		rc = -ETIMEDOUT;
	}
	if (rc)
		return rc;
	report_phase(s->result->label, "all sessions open, steady load");
	return stage_run_for(s, mono_from_ms(STEADY_MS));
}

/* State. */

int stage_prove_standby(struct stage *s, size_t node, stage_test_fn *until)
{
	const struct cast_board *board = s->cast.board;
	mono deadline = mono_add(mono_now(), stage_patience(s, STANDBY_PATIENCE_S));
	struct standby_count count = {0};
	struct standby *kernel;
	int rc = standby_open(&s->lab.gateway[node].ns, &kernel);

	bool over = false;

	report_phase(s->result->label, "looking into the other node's kernel");
	while (rc == 0 && !over) {
		/*
		 * A node that takes over by itself is looked at once more right after: by then
		 * traffic itself can have brought in but a few connections.
		 */
		over = (until && until(s, node)) || !mono_before(mono_now(), deadline);
		rc = standby_look(kernel, &s->layout, board->session, board->n_sessions, &count);
		if (rc || (count.of > 0 && count.held == count.of))
			break;
		if (!over)
			rc = stage_run_for(s, mono_from_ms(until ? 1 : STANDBY_LOOK_MS));
	}
	standby_close(kernel);
	if (rc == -EINTR || rc == -ECHILD)
		return rc;
	s->result->in_standby = count;
	if (rc)
		scenario_why(s->result, "reading the connection table of %s: %s",
			     s->conf->nodes[node].name, strerror(-rc));
	else if (count.of == 0 || count.held < count.of)
		scenario_why(s->result,
			     "%s's kernel held %zu of %zu connections of the sessions before it "
			     "was to take over",
			     s->conf->nodes[node].name, count.held, count.of);
	return 0;
}

/* After the fault. */

/* From when on progress counts: the outage is over and the node that should serve does. */
static mono restored_at(const struct stage *s)
{
	const struct cast_board *board = s->cast.board;
	mono begin = s->move[s->n_moves - 1].begin;
	struct judge_outage o =
		judge_outage(board->probe, board->n_probes, begin, mono_from_ms(STAGE_LATE_MS));

	return mono_max(mono_max(o.until, s->served_since), begin);
}

static bool all_progressed(struct stage *s)
{
	const struct cast_board *board = s->cast.board;

	s->restored = restored_at(s);
	for (size_t i = 0; i < board->n_sessions; i++)
		if (board->session[i].broken == JUDGE_WHOLE &&
		    !judge_session_alive(&board->session[i], s->restored))
			return false;
	return true;
}

int stage_recover(struct stage *s, mono least)
{
	size_t owner = s->move[s->n_moves - 1].to;

	report_phase(s->result->label, "waiting for the other node to serve");
	int rc = stage_wait(s, stage_is_active, owner, stage_patience(s, OWNER_PATIENCE_S));

	s->restored = restored_at(s);
	if (rc == -ETIMEDOUT)
		return 0; /* judged all the same: clients may tell more */
	report_phase(s->result->label, "watching the sessions go on");
	s->served_since = mono_now();
	if (rc == 0)
		rc = stage_run_for(s, least);
	/* What was lost is sent again after a time that doubles: as long again as it was away. */
	mono deadline = mono_add(
		mono_now(), mono_add(stage_patience(s, PROGRESS_PATIENCE_S), s->down_interval));

	while (rc == 0 && !all_progressed(s) && mono_before(mono_now(), deadline))
		rc = stage_run_for(s, mono_from_ms(PROGRESS_LOOK_MS));
	return rc;
}

static bool is_settled(const struct stage *s, size_t arg)
{
	const struct cast_board *board = s->cast.board;

	(void)arg;
	if (!board->storm_settled || !board->visits_settled)
		return false;
	for (size_t i = 0; i < board->n_sessions; i++)
		if (board->session[i].broken == JUDGE_WHOLE &&
		    !judge_session_settled(&board->session[i]))
			return false;
	return true;
}

int stage_settle(struct stage *s)
{
	report_phase(s->result->label, "letting everything in flight arrive");
	s->cast.board->load_stopped = true;
	int rc = stage_wait(s, is_settled, 0,
			    mono_add(s->cast.options.patience, mono_from_s(SETTLE_MARGIN_S)));

	if (rc == -ETIMEDOUT)
		rc = 0; /* what has not arrived by now is lost, and the judge sees it */
	s->cast.board->probes_stopped = true;
	return rc ? rc : stage_run_for(s, mono_from_ms(LAST_ANSWERS_MS));
}
