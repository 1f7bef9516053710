// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * New connections at a steady rate beside the sessions: connect to the VIP's endpoint mapper, bind,
 * take the acknowledgement, close. One that succeeds late is no failure; refused, reset, or not
 * done within the patience of a client is.
 */
#include "cast.h"

#include "actor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TICK_MS = 5,
	BURST_MAX = 100, /**< connections begun in one tick after a pause of ours */
};

struct storm {
	struct event_base *base;
	struct cast_board *board;
	const struct layout *layout;
	unsigned rate;
	mono patience;
	mono began;
	uint64_t begun;
};

struct attempt {
	struct storm *storm;
	struct bufferevent *bev;
	struct event *patience;
	mono began;
};

static void finish(struct attempt *a, const char *failure)
{
	struct cast_board *board = a->storm->board;

	if (failure) {
		if (board->connections_failed == 0)
			snprintf(board->connect_failure, CAST_COMPLAINT_MAX, "%s after %lld ms",
				 failure, (long long)mono_to_ms(mono_sub(mono_now(), a->began)));
		board->connections_failed++;
	}
	board->connections_tried++;
	board->connections_pending--;
	event_free(a->patience);
	bufferevent_free(a->bev);
	free(a);
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	finish(arg, "no answer");
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct attempt *a = arg;
	uint8_t pdu[EPM_PDU_MAX_BYTES];
	struct epm_bind_answer answer;
	int length = actor_take_pdu(bev, pdu);

	if (length == 0)
		return;
	if (length < 0 || epm_bind_answer_decode(pdu, (size_t)length, 1, &answer) != EPM_OK)
		finish(a, "not a bind_ack");
	else
		finish(a, NULL);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct attempt *a = arg;
	struct cast_board *board = a->storm->board;

	if (what & BEV_EVENT_CONNECTED) {
		unsigned took = (unsigned)mono_to_ms(mono_sub(mono_now(), a->began));

		if (took > board->connect_longest_ms)
			board->connect_longest_ms = took;
		actor_send_bind(bev, &epm_interface_mapper, 1, 0);
	} else if (what & BEV_EVENT_EOF) {
		finish(a, "closed by the server");
	} else {
		finish(a, strerror(EVUTIL_SOCKET_ERROR()));
	}
}

static void begin(struct storm *s)
{
	const struct layout *l = s->layout;
	const struct timeval patience = actor_timeval(s->patience);
	struct actor_target to = {.source = l->client[s->begun % l->n_clients],
				  .address = l->front,
				  .port = EPM_PORT};
	struct attempt *a = calloc(1, sizeof(*a));

	s->begun++;
	if (!a)
		actor_die("memory");
	*a = (struct attempt){.storm = s, .began = mono_now()};
	a->bev = actor_connect(s->base, &to, on_read, on_event, a);
	a->patience = evtimer_new(s->base, on_patience, a);
	if (!a->bev || !a->patience || event_add(a->patience, &patience))
		actor_die("new connection");
	s->board->connections_pending++;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct storm *s = arg;

	(void)fd;
	(void)what;
	if (s->board->load_stopped) {
		s->board->storm_settled = s->board->connections_pending == 0;
		s->began = mono_now();
		s->begun = 0;
		return;
	}
	uint64_t due = (uint64_t)mono_to_us(mono_sub(mono_now(), s->began)) * s->rate / 1000000;

	for (unsigned i = 0; s->begun < due && i < BURST_MAX; i++)
		begin(s);
}

_Noreturn void cast_run_storm(const struct cast_role *role)
{
	const struct timeval tick = actor_timeval(mono_from_ms(TICK_MS));
	struct storm s = {.base = actor_base(),
			  .board = role->board,
			  .layout = role->lab->layout,
			  .rate = role->options.rate,
			  .patience = role->options.patience,
			  .began = mono_now()};
	struct event *timer = event_new(s.base, -1, EV_PERSIST, on_tick, &s);

	if (!timer || event_add(timer, &tick))
		actor_die("timer");
	event_base_dispatch(s.base);
	actor_die("event loop ended");
}
