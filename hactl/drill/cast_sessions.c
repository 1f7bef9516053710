// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The client sessions. Each asks the endpoint mapper on the VIP for the service's port, opens that
 * port on the VIP, which makes an association group, and joins the group with a second connection.
 * Then it sends numbered requests on the first and receives the server's notifications on the
 * second, until something is missing, doubled, altered or broken.
 */
#include "cast.h"

#include "actor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPENING_AT_ONCE = 64,
	OPEN_PATIENCE_S = 10,
};

enum stage {
	STAGE_MAPPER, /**< waiting for the port */
	STAGE_FIRST,  /**< waiting for the bind_ack of the first connection */
	STAGE_SECOND, /**< waiting for the bind_ack of the second */
	STAGE_OPEN,
	STAGE_OVER,
};

struct client {
	struct event_base *base;
	struct cast_board *board;
	const struct layout *layout;
	struct session *sessions;
	size_t n;
	size_t begun; /**< sessions whose opening began */
	mono period;
	mono patience; /**< of any client */
};

struct session {
	struct client *client;
	struct judge_session *record; /**< on the board */
	uint32_t number;
	enum stage stage;
	struct bufferevent *mapper; /**< while asking for the port */
	struct bufferevent *first;
	struct bufferevent *second;
	struct event *timer; /**< patience while opening, then the next request */
	uint16_t port;
	uint32_t assoc_group;
};

static void begin_next(struct client *c);

static void end_session(struct session *s, enum judge_break broken, const char *detail)
{
	static const char *const doing[] = {"asking the endpoint mapper",
					    "opening its first connection",
					    "opening its second connection", "open", "over"};
	struct cast_board *board = s->client->board;
	bool opened = s->stage == STAGE_OPEN;

	if (s->stage == STAGE_OVER)
		return;
	s->record->broken = (uint8_t)broken;
	if (board->session_failure[0] == '\0')
		snprintf(board->session_failure, CAST_COMPLAINT_MAX, "session %u, %s: %s",
			 s->number, doing[s->stage], detail ? detail : judge_break_text(broken));
	s->stage = STAGE_OVER;
	event_del(s->timer);
	actor_abort(s->mapper);
	actor_abort(s->first);
	actor_abort(s->second);
	s->mapper = s->first = s->second = NULL;
	if (!opened) {
		board->sessions_failed++;
		begin_next(s->client);
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct session *s = arg;

	if (what & BEV_EVENT_CONNECTED) {
		bool second = bev == s->second;

		if (bev == s->mapper) {
			actor_send_bind(bev, &epm_interface_mapper, ACTOR_CALL_BIND, 0);
			return;
		}
		s->record->source[second] = actor_source_port(bev);
		actor_send_bind(bev, &epm_interface_emsmdb, ACTOR_CALL_BIND,
				second ? s->assoc_group : 0);
	} else if (what & BEV_EVENT_EOF) {
		end_session(s, JUDGE_CLOSED, NULL);
	} else {
		int error = EVUTIL_SOCKET_ERROR();

		end_session(s, error == ETIMEDOUT ? JUDGE_TIMEOUT : JUDGE_RESET, strerror(error));
	}
}

static void send_request(struct session *s)
{
	actor_send_msg(s->first, &(struct msg){.kind = MSG_REQUEST,
					       .session = s->number,
					       .number = ++s->record->requested});
}

static void arm(struct session *s, mono delay)
{
	struct timeval tv = actor_timeval(delay);

	if (event_add(s->timer, &tv))
		actor_die("timer");
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	if (s->stage != STAGE_OPEN) {
		end_session(s, JUDGE_TIMEOUT, NULL);
		return;
	}
	if (!s->client->board->load_stopped)
		send_request(s);
	arm(s, actor_about(s->client->period));
}

/* The next answer on the first connection must be exactly the next one; so on the second. */
static void on_messages(struct session *s, struct bufferevent *bev)
{
	uint8_t buf[MSG_MAX_BYTES];
	int length;

	while ((length = actor_take_msg(bev, buf)) > 0) {
		bool first = bev == s->first;
		uint32_t *count = first ? &s->record->answered : &s->record->received;
		struct msg expected = {.kind = first ? MSG_ANSWER : MSG_NOTIFY,
				       .session = s->number,
				       .number = *count + 1};
		enum judge_break broken = msg_check(buf, (size_t)length, &expected);

		if (broken != JUDGE_WHOLE) {
			end_session(s, broken, NULL);
			return;
		}
		++*count;
		if (first) {
			s->record->last_answer = mono_now();
			continue;
		}
		s->record->last_notification = mono_now();
		expected.kind = MSG_ACK;
		actor_send_msg(bev, &expected);
	}
	if (length < 0)
		end_session(s, JUDGE_ALTERED, NULL);
}

static struct bufferevent *dial(struct session *s, uint16_t port);

static struct judge_client *client_of(const struct session *s)
{
	return &s->client->board->session_client[s->number % s->client->layout->n_clients];
}

/* The mapper's side of the opening. */
static enum epm_error on_mapper_pdu(struct session *s, const uint8_t *pdu, size_t length)
{
	uint16_t port;
	enum epm_error error = actor_ask_mapper(s->mapper, pdu, length, &port);

	if (error != EPM_OK || port == 0)
		return error;
	/* As real clients do: the port from the tower, the address from the name they asked for. */
	s->port = s->record->port = port;
	judge_client_note(client_of(s), layout_server_of_port(s->client->layout, port));
	s->stage = STAGE_FIRST;
	bufferevent_free(s->mapper);
	s->mapper = NULL;
	s->first = dial(s, s->port);
	return EPM_OK;
}

static void become_open(struct session *s)
{
	struct client *c = s->client;

	s->stage = STAGE_OPEN;
	s->record->opened = true;
	c->board->sessions_open++;
	arm(s, mono_from_us(arc4random_uniform((uint32_t)mono_to_us(c->period))));
	begin_next(c);
}

static enum epm_error on_service_pdu(struct session *s, const uint8_t *pdu, size_t length)
{
	struct epm_bind_answer answer;
	enum epm_error error = epm_bind_answer_decode(pdu, length, ACTOR_CALL_BIND, &answer);

	if (error != EPM_OK)
		return error;
	if (s->stage == STAGE_FIRST) {
		s->assoc_group = answer.assoc_group;
		s->stage = STAGE_SECOND;
		send_request(s); /* from it the server learns whose group this is */
		s->second = dial(s, s->port);
	} else {
		become_open(s);
	}
	return EPM_OK;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct session *s = arg;
	uint8_t pdu[EPM_PDU_MAX_BYTES];
	enum epm_error error = EPM_OK;
	bool bound = s->stage == STAGE_OPEN || (s->stage == STAGE_SECOND && bev == s->first);

	if (!bound) {
		int length = actor_take_pdu(bev, pdu);

		if (length == 0)
			return;
		if (length < 0)
			error = EPM_ERR_VERSION;
		else if (bev == s->mapper)
			error = on_mapper_pdu(s, pdu, (size_t)length);
		else
			error = on_service_pdu(s, pdu, (size_t)length);
		if (error != EPM_OK)
			end_session(s, error == EPM_ERR_NAK ? JUDGE_SPLIT : JUDGE_ALTERED,
				    epm_error_text(error));
		/* The mapper's connection is gone when it has told the port. */
		if (error != EPM_OK || bev != s->second)
			return;
	}
	on_messages(s, bev);
}

static struct bufferevent *dial(struct session *s, uint16_t port)
{
	const struct layout *l = s->client->layout;
	const struct actor_target to = {
		.source = l->client[s->number % l->n_clients], .address = l->front, .port = port};
	struct bufferevent *bev = actor_connect(s->client->base, &to, on_read, on_event, s);

	if (!bev)
		actor_die("session");
	return bev;
}

static void begin_next(struct client *c)
{
	if (c->begun == c->n)
		return;
	struct session *s = &c->sessions[c->begun];

	*s = (struct session){.client = c,
			      .record = &c->board->session[c->begun],
			      .number = (uint32_t)c->begun,
			      .timer = evtimer_new(c->base, on_timer, s)};
	if (!s->timer)
		actor_die("timer");
	c->begun++;
	arm(s, mono_add(mono_from_s(OPEN_PATIENCE_S), c->patience));
	s->mapper = dial(s, EPM_PORT);
}

_Noreturn void cast_run_sessions(const struct cast_role *role)
{
	struct client c = {.base = actor_base(),
			   .board = role->board,
			   .layout = role->lab->layout,
			   .n = role->options.sessions,
			   .period = cast_message_period(role->options.sessions),
			   .patience = role->options.patience};

	c.sessions = calloc(c.n, sizeof(*c.sessions));
	if (!c.sessions)
		actor_die("memory");
	for (size_t i = 0; i < OPENING_AT_ONCE; i++)
		begin_next(&c);
	event_base_loop(c.base, EVLOOP_NO_EXIT_ON_EMPTY);
	actor_die("event loop ended");
}
