// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Visits: whole sessions that are short. Each asks the endpoint mapper for the port, opens it, asks
 * one question, joins the association group with a second connection, takes one notification there,
 * and leaves. Half of them wait between the mapper's answer and the dynamic port, so that a
 * hand-over comes between the two. Takes down which server each client address was given: clients
 * must stay where they are, whoever of the gateways sends them there.
 */
#include "cast.h"

#include "actor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TICK_MS = 5,
	BURST_MAX = 50,            /**< visits begun in one tick after a pause of ours */
	LINGER_MS = 800,           /**< between the mapper's answer and the dynamic port */
	NUMBER_FIRST = 0x40000000, /**< session numbers of visits begin here */
};

enum step {
	STEP_MAPPER,
	STEP_LINGER,
	STEP_FIRST,  /**< bind of the first connection */
	STEP_ANSWER, /**< answer to the question */
	STEP_SECOND, /**< bind of the second connection */
	STEP_NOTIFY, /**< the server's word on it */
};

struct visits {
	struct event_base *base;
	struct cast_board *board;
	const struct layout *layout;
	unsigned rate; /**< new connections a second: CAST_VISIT_SHARE times that of visits */
	mono patience;
	mono began;
	uint64_t begun;    /**< since `began` */
	uint32_t numbered; /**< ever */
};

struct visit {
	struct visits *visits;
	uint32_t number;
	enum step step;
	struct bufferevent *first; /**< the mapper's connection, then the first of the group */
	struct bufferevent *second;
	struct event *timer;
	mono began;
	uint16_t port;
	uint32_t assoc_group;
};

static uint32_t client_index(const struct visit *v)
{
	return v->number % (uint32_t)v->visits->layout->n_clients;
}

static void finish(struct visit *v, const char *failure)
{
	static const char *const doing[] = {"endpoint mapper",   "pause",
					    "dynamic port",      "first answer",
					    "second connection", "first notification"};
	struct cast_board *board = v->visits->board;

	if (failure) {
		if (board->visits_failed == 0)
			snprintf(board->visit_failure, CAST_COMPLAINT_MAX, "%s: %s after %lld ms",
				 doing[v->step], failure,
				 (long long)mono_to_ms(mono_sub(mono_now(), v->began)));
		board->visits_failed++;
	}
	board->visits_tried++;
	board->visits_pending--;
	event_free(v->timer);
	if (v->first)
		bufferevent_free(v->first);
	if (v->second)
		bufferevent_free(v->second);
	free(v);
}

static void arm(struct visit *v, mono delay)
{
	const struct timeval tv = actor_timeval(delay);

	if (event_add(v->timer, &tv))
		actor_die("timer");
}

static void on_read(struct bufferevent *bev, void *arg);
static void on_event(struct bufferevent *bev, short what, void *arg);

static struct bufferevent *dial(struct visit *v, uint16_t port)
{
	const struct layout *l = v->visits->layout;
	const struct actor_target to = {
		.source = l->client[client_index(v)], .address = l->front, .port = port};
	struct bufferevent *bev = actor_connect(v->visits->base, &to, on_read, on_event, v);

	if (!bev)
		actor_die("new session");
	arm(v, v->visits->patience);
	return bev;
}

static void open_first(struct visit *v)
{
	v->step = STEP_FIRST;
	v->first = dial(v, v->port);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct visit *v = arg;

	(void)fd;
	(void)what;
	if (v->step == STEP_LINGER)
		open_first(v);
	else
		finish(v, "no answer");
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct visit *v = arg;

	if (what & BEV_EVENT_CONNECTED) {
		if (v->step == STEP_MAPPER)
			actor_send_bind(bev, &epm_interface_mapper, ACTOR_CALL_BIND, 0);
		else
			actor_send_bind(bev, &epm_interface_emsmdb, ACTOR_CALL_BIND,
					bev == v->second ? v->assoc_group : 0);
	} else if (what & BEV_EVENT_EOF) {
		finish(v, "closed by the server");
	} else {
		finish(v, strerror(EVUTIL_SOCKET_ERROR()));
	}
}

/* The mapper's answers; after the last of them this connection is gone. */
static void take_map(struct visit *v, const uint8_t *pdu, size_t length)
{
	struct visits *all = v->visits;
	enum epm_error error = actor_ask_mapper(v->first, pdu, length, &v->port);

	if (error != EPM_OK) {
		finish(v, epm_error_text(error));
		return;
	}
	if (v->port == 0)
		return;
	judge_client_note(&all->board->visit_client[client_index(v)],
			  layout_server_of_port(all->layout, v->port));
	bufferevent_free(v->first);
	v->first = NULL;
	/* By rounds of all clients, so that each address does both in turn. */
	if ((v->number / all->layout->n_clients + v->number) % 2 == 0) {
		v->step = STEP_LINGER;
		arm(v, mono_from_ms(LINGER_MS));
	} else {
		open_first(v);
	}
}

/* Returns false when the visit is over. */
static bool take_bind_answer(struct visit *v, const uint8_t *pdu, size_t length)
{
	struct epm_bind_answer answer;
	enum epm_error error = epm_bind_answer_decode(pdu, length, ACTOR_CALL_BIND, &answer);

	if (error != EPM_OK) {
		finish(v, error == EPM_ERR_NAK ? "sent to another server" : epm_error_text(error));
		return false;
	}
	if (v->step == STEP_SECOND) {
		v->step = STEP_NOTIFY;
		return true;
	}
	v->assoc_group = answer.assoc_group;
	judge_client_note(&v->visits->board->visit_client[client_index(v)],
			  (uint8_t)(answer.assoc_group >> CAST_GROUP_SERVER_SHIFT));
	v->step = STEP_ANSWER;
	actor_send_msg(v->first, &(struct msg){.kind = MSG_REQUEST,
					       .session = NUMBER_FIRST + v->number,
					       .number = 1});
	return true;
}

static void take_message(struct visit *v, const uint8_t *data, size_t length)
{
	bool notify = v->step == STEP_NOTIFY;
	const struct msg expected = {.kind = notify ? MSG_NOTIFY : MSG_ANSWER,
				     .session = NUMBER_FIRST + v->number,
				     .number = 1};
	enum judge_break broken = msg_check(data, length, &expected);

	if (broken != JUDGE_WHOLE) {
		finish(v, judge_break_text(broken));
	} else if (notify) {
		finish(v, NULL);
	} else {
		v->step = STEP_SECOND;
		v->second = dial(v, v->port);
	}
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct visit *v = arg;
	uint8_t buf[EPM_PDU_MAX_BYTES];
	int length;

	if (v->step == STEP_MAPPER || v->step == STEP_FIRST || v->step == STEP_SECOND) {
		length = actor_take_pdu(bev, buf);
		if (length == 0)
			return;
		if (length < 0) {
			finish(v, "no DCE/RPC");
			return;
		}
		if (v->step == STEP_MAPPER) {
			take_map(v, buf, (size_t)length);
			return;
		}
		/* What follows the answer to a bind is a message. */
		if (!take_bind_answer(v, buf, (size_t)length))
			return;
	}
	length = actor_take_msg(bev, buf);
	if (length < 0)
		finish(v, "no message");
	else if (length > 0)
		take_message(v, buf, (size_t)length);
}

static void begin(struct visits *all)
{
	struct visit *v = calloc(1, sizeof(*v));

	all->begun++;
	if (!v)
		actor_die("memory");
	*v = (struct visit){.visits = all, .number = all->numbered++, .began = mono_now()};
	v->timer = evtimer_new(all->base, on_timer, v);
	if (!v->timer)
		actor_die("timer");
	all->board->visits_pending++;
	v->first = dial(v, EPM_PORT);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct visits *all = arg;

	(void)fd;
	(void)what;
	if (all->board->load_stopped) {
		all->board->visits_settled = all->board->visits_pending == 0;
		all->began = mono_now();
		all->begun = 0;
		return;
	}
	uint64_t due = (uint64_t)mono_to_us(mono_sub(mono_now(), all->began)) * all->rate /
		       CAST_VISIT_SHARE / 1000000;

	for (unsigned i = 0; all->begun < due && i < BURST_MAX; i++)
		begin(all);
}

_Noreturn void cast_run_visits(const struct cast_role *role)
{
	const struct timeval tick = actor_timeval(mono_from_ms(TICK_MS));
	struct visits all = {.base = actor_base(),
			     .board = role->board,
			     .layout = role->lab->layout,
			     .rate = role->options.rate,
			     .patience = role->options.patience,
			     .began = mono_now()};
	struct event *timer = event_new(all.base, -1, EV_PERSIST, on_tick, &all);

	if (!timer || event_add(timer, &tick))
		actor_die("timer");
	event_base_dispatch(all.base);
	actor_die("event loop ended");
}
