// SPDX-License-Identifier: GPL-2.0-or-later
#include "judgement.h"

#include <arpa/inet.h>
#include <string.h>

enum {
	PLANNED_BOUND_MS = 10,
	CRASH_MARGIN_MS = 50,
	OVERLAP_MAX_MS = 20,
	BLIND_MAX_MS = 50,    /**< a prober that pauses for longer anywhere has not measured */
	BLIND_BEFORE_MS = 20, /**< around a hand-over it must not pause for longer than allowed */
	BLIND_AFTER_MS = 100,
	LOOK_BACK_MS = 500, /**< outages are looked for from this long before the fault */
};

mono judgement_overlap_max(void)
{
	return mono_from_ms(OVERLAP_MAX_MS);
}

static double in_ms(mono t)
{
	return (double)t.ns / MONO_NS_PER_MS;
}

static const char *node_name(const struct stage *s, unsigned node)
{
	return s->conf->nodes[node].name;
}

static void judge_roles_of(struct stage *s, const struct judge_move *m)
{
	size_t n;
	const struct judge_role *role = watch_roles(s->watch, &n);
	struct judge_role stray;
	mono since;

	switch (judge_roles(role, n, m, &stray, &since)) {
	case JUDGE_ROLES_NONE:
		scenario_why(s->result, "%s did not become Active", node_name(s, m->to));
		break;
	case JUDGE_ROLES_OTHER:
		scenario_why(s->result, "%s became Active %lld ms after the fault, not %s",
			     node_name(s, stray.node),
			     (long long)mono_to_ms(mono_sub(stray.at, since)), node_name(s, m->to));
		break;
	case JUDGE_ROLES_BACK:
		scenario_why(s->result, "%s took the VIPs %s after %lld ms",
			     node_name(s, stray.node), stray.node == m->to ? "once more" : "back",
			     (long long)mono_to_ms(mono_sub(stray.at, since)));
		break;
	case JUDGE_ROLES_RIGHT:
	default:
		break;
	}
}

static void judge_end_state(struct stage *s, const struct judge_move *m)
{
	const struct watch_node *to = watch_node(s->watch, m->to);
	const struct watch_node *from = watch_node(s->watch, m->from);

	if (!to->active)
		scenario_why(s->result, "%s is not Active in the end", node_name(s, m->to));
	/* After a crash there is nobody left to ask. */
	if (!m->crash && !from->backup)
		scenario_why(s->result, "%s is not Backup in the end%s", node_name(s, m->from),
			     from->active ? ", but Active" : "");
}

static void judge_announcements(struct stage *s, const struct judge_move *m)
{
	const struct layout *l = &s->layout;

	for (size_t v = 0; v < l->n_vips; v++) {
		struct in_addr address = {.s_addr = htonl(l->vip[v].address)};
		char text[INET_ADDRSTRLEN];

		if (herald_last(s->herald, v, m->to).ns < m->begin.ns)
			scenario_why(s->result, "%s sent no gratuitous ARP for %s",
				     node_name(s, m->to),
				     inet_ntop(AF_INET, &address, text, sizeof(text)));
	}
}

void judgement_of_move(struct stage *s)
{
	struct judge_move *m = &s->move[s->n_moves - 1];

	m->end = mono_now();
	judge_roles_of(s, m);
	judge_end_state(s, m);
	judge_announcements(s, m);
}

static mono bound_of(const struct stage *s)
{
	const struct judge_move *m = &s->move[0];

	if (!m->crash)
		return mono_from_ms(PLANNED_BOUND_MS);
	uint8_t priority = s->conf->groups[s->layout.front_group].priority[m->to];

	return mono_add(judge_active_down_interval(s->conf->pair.advert_interval, priority),
			mono_from_ms(CRASH_MARGIN_MS));
}

/* A reason that a blind prober may have made up. */
#define why_time(r, ...) (scenario_why(r, __VA_ARGS__), (void)(r)->n_why_time++)

/* Nothing was seen while nothing was sent. */
static void judge_blindness(struct stage *s, const struct judge_move *m,
			    const struct judge_owners *o)
{
	struct scenario_result *r = s->result;
	const struct cast_board *board = s->cast.board;
	mono last = o->last_old.ns ? o->last_old : m->begin;
	mono first = o->first_new.ns ? o->first_new : m->begin;
	const mono near[2] = {mono_sub(mono_min(last, first), mono_from_ms(BLIND_BEFORE_MS)),
			      mono_add(mono_max(last, first), mono_from_ms(BLIND_AFTER_MS))};
	const mono whole[2] = {mono_sub(m->begin, mono_from_ms(LOOK_BACK_MS)), m->end};
	mono at, whole_at;
	mono blind = judge_blind(board->probe, board->n_probes, near, &at);
	mono anywhere = judge_blind(board->probe, board->n_probes, whole, &whole_at);

	if (anywhere.ns > mono_max(r->bound, mono_from_ms(BLIND_MAX_MS)).ns) {
		blind = anywhere;
		at = whole_at;
	}
	r->blind = mono_max(r->blind, blind);
	if (mono_to_ms(blind) >= PLANNED_BOUND_MS)
		timeline_add(&r->timeline, at, "", "prober had no processor for %lld ms",
			     (long long)mono_to_ms(blind));
	if (blind.ns <= r->bound.ns)
		return;
	r->unmeasured = true;
	why_time(r, "could not measure: this machine was too busy, no probe was sent for %.1f ms",
		 in_ms(blind));
}

/* Who answered around one hand-over. */
static void judge_one(struct stage *s, const struct judge_move *m)
{
	struct scenario_result *r = s->result;
	const struct cast_board *board = s->cast.board;
	const char *from = node_name(s, m->from), *to = node_name(s, m->to);
	struct judge_owners o = judge_owners(board->probe, board->n_probes, m);

	r->outage = judge_with_handover(r->outage, o.last_old, o.first_new);
	r->dual_active_ms += o.late;
	r->overlap = mono_max(r->overlap, o.overlap);
	if (o.last_old.ns != 0)
		timeline_add(&r->timeline, o.last_old, from, "last probe it answered alone");
	if (o.first_new.ns != 0)
		timeline_add(&r->timeline, o.first_new, to, "first probe it answered");
	if (o.late > 0)
		scenario_why(r,
			     "%s answered %zu probes for the VIP after %s had taken it, for "
			     "%.1f ms",
			     from, o.late, to, in_ms(mono_sub(o.late_until, o.first_new)));
	if (m->crash && o.first_new.ns != 0 && o.last_old.ns != 0 && !o.gap)
		scenario_why(r, "%s fell silent no earlier than %s answered: there was no gap",
			     from, to);
	judge_blindness(s, m, &o);
}

static void judge_answers(struct stage *s)
{
	struct scenario_result *r = s->result;
	const struct cast_board *board = s->cast.board;
	const struct judge_move *first = &s->move[0];
	const mono before[2] = {mono_sub(first->begin, mono_from_ms(LOOK_BACK_MS)), first->begin};
	size_t early = judge_answers_of(board->probe, board->n_probes, first->to, before);

	r->outage = judge_outage(board->probe, board->n_probes,
				 mono_sub(first->begin, mono_from_ms(LOOK_BACK_MS)),
				 mono_from_ms(STAGE_LATE_MS));
	r->dual_active_ms = early;
	if (early > 0)
		scenario_why(r, "%s answered %zu probes for the VIP before it was its turn",
			     node_name(s, first->to), early);
	for (size_t i = 0; i < s->n_moves; i++)
		judge_one(s, &s->move[i]);
	if (!r->outage.recovered)
		scenario_why(r, "the VIP did not answer again");
	if (r->outage.longest.ns > r->bound.ns)
		why_time(r, "outage of %.1f ms, allowed are %.1f ms", in_ms(r->outage.longest),
			 in_ms(r->bound));
	if (r->outage.longest.ns == 0)
		return;
	timeline_add(&r->timeline, r->outage.from, "", "longest outage begins");
	timeline_add(&r->timeline, r->outage.until, "",
		     r->outage.recovered ? "longest outage is over"
					 : "end of the measurement, still no answer");
}

static void judge_sessions_of(struct scenario_result *r, const struct cast_board *board)
{
	const struct judge_sessions *sum = &r->sessions;

	if (sum->opened < r->asked)
		scenario_why(r, "only %u of %u sessions were opened", sum->opened, r->asked);
	for (unsigned b = JUDGE_WHOLE + 1; b < JUDGE_BREAK_N; b++)
		if (sum->broken[b] > 0)
			scenario_why(r, "%u sessions: %s", sum->broken[b],
				     judge_break_text((enum judge_break)b));
	if (sum->hung > 0)
		scenario_why(r,
			     "%u sessions hang, their connections up: requests do not get through "
			     "on %u of them, notifications on %u",
			     sum->hung, sum->hung_client, sum->hung_server);
	if (sum->lost > 0 && board->session_failure[0] != '\0')
		scenario_why(r, "the first of them: %s", board->session_failure);
}

static void judge_newcomers(struct stage *s)
{
	struct scenario_result *r = s->result;
	const struct cast_board *board = s->cast.board;

	r->connections_tried = board->connections_tried + board->connections_pending;
	r->connections_failed = board->connections_failed + board->connections_pending;
	r->connect_longest_ms = board->connect_longest_ms;
	r->visits_tried = board->visits_tried + board->visits_pending;
	r->visits_failed = board->visits_failed + board->visits_pending;
	if (r->connections_failed > 0)
		scenario_why(r, "%u of %u new connections failed, the first: %s",
			     r->connections_failed, r->connections_tried,
			     board->connect_failure[0] ? board->connect_failure : "no answer");
	if (r->visits_failed > 0)
		scenario_why(r, "%u of %u new sessions failed, the first: %s", r->visits_failed,
			     r->visits_tried,
			     board->visit_failure[0] ? board->visit_failure : "no answer");
}

/* Wherever a client was, there it must be sent again. */
static void judge_places(struct stage *s)
{
	struct judge_client client[LAYOUT_CLIENTS_MAX];
	const struct cast_board *board = s->cast.board;
	const struct layout *l = &s->layout;
	size_t first = 0;

	memcpy(client, board->session_client, sizeof(client));
	for (size_t i = 0; i < l->n_clients; i++)
		judge_client_merge(&client[i], &board->visit_client[i]);
	s->result->clients_moved = judge_clients_moved(client, l->n_clients, &first);
	if (s->result->clients_moved == 0)
		return;
	struct in_addr address = {.s_addr = htonl(l->client[first])};
	char text[INET_ADDRSTRLEN];
	const struct judge_client *c = &client[first];

	scenario_why(s->result,
		     "%zu clients were sent to another server, the first: client %s was on %s, is "
		     "on %s now",
		     s->result->clients_moved, inet_ntop(AF_INET, &address, text, sizeof(text)),
		     l->server[c->server - 1].name, l->server[c->moved_to - 1].name);
}

void judgement_of_all(struct stage *s)
{
	struct scenario_result *r = s->result;
	const struct cast_board *board = s->cast.board;

	r->bound = bound_of(s);
	r->prober_realtime = board->prober_realtime;
	judge_answers(s);
	r->sessions = judge_sessions(board->session, board->n_sessions, s->restored);
	judge_sessions_of(r, board);
	judge_newcomers(s);
	judge_places(s);
	r->judged = true;
}
