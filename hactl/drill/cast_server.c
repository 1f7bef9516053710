// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The stand-in for one server of the array: an endpoint mapper on 135 that tells its own dynamic
 * port, and behind that port a service with association groups as real ones have them: a bind that
 * names a group this server does not know is refused, which is how clients notice that their
 * connections were split over servers. The service answers requests on the first connection of a
 * group and speaks first on the second.
 */
#include "cast.h"

#include "actor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BACKLOG = 4096,
	NAK_REASON_UNKNOWN_GROUP = 0,
	SESSION_UNKNOWN = -1,
	GROUPS_MAX = 1 << 18, /**< sessions and visits of one drill */
};

/** An association group: what ties the connections of one client together. */
struct group {
	uint32_t id;
	int64_t session; /**< learnt from the first request; SESSION_UNKNOWN before */
};

struct server {
	struct event_base *base;
	struct cast_board *board;
	const struct layout_server *self;
	uint32_t number; /**< 1..: high byte of its group ids, so that no two servers share one */
	mono period;
	struct group *groups; /**< GROUPS_MAX + 1 of them */
	uint32_t n_groups;
};

/** One accepted connection. */
struct peer {
	struct server *server;
	struct bufferevent *bev;
	struct event *timer; /**< notifications, on the second connection */
	struct group *group; /**< NULL before the bind */
	bool first;          /**< it made the group */
	uint32_t in, out;    /**< messages received and sent */
};

static void peer_free(struct peer *peer, bool reset)
{
	if (peer->timer)
		event_free(peer->timer);
	if (reset)
		actor_abort(peer->bev);
	else
		bufferevent_free(peer->bev);
	free(peer);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		peer_free(arg, false);
}

/* A message that is not the expected one: a reset tells the client side at once. */
static void complain(struct peer *peer, const char *what)
{
	dprintf(STDERR_FILENO, "server %s: session %lld: %s\n", peer->server->self->name,
		peer->group ? (long long)peer->group->session : -1LL, what);
	peer_free(peer, true);
}

/* The endpoint mapper. */

static void answer_mapper_bind(struct peer *peer, const struct epm_bind *bind)
{
	struct epm_bind_answer ack = {
		.call_id = bind->call_id, .assoc_group = 1, .secondary = "135"};
	uint8_t buf[128];
	size_t length = epm_bind_ack_encode(&ack, buf, sizeof(buf));

	bufferevent_write(peer->bev, buf, length);
}

static void answer_map(struct peer *peer, const struct epm_map_request *req)
{
	const struct layout_server *self = peer->server->self;
	bool ours = memcmp(req->interface.uuid, epm_interface_emsmdb.uuid, 16) == 0;
	uint8_t buf[256];
	size_t length = epm_map_response_encode(req, ours ? self->port : 0, self->address, buf,
						sizeof(buf));

	bufferevent_write(peer->bev, buf, length);
}

static void on_mapper_read(struct bufferevent *bev, void *arg)
{
	struct peer *peer = arg;
	uint8_t pdu[EPM_PDU_MAX_BYTES];
	struct epm_map_request req;
	struct epm_bind bind;
	int length;

	while ((length = actor_take_pdu(bev, pdu)) > 0) {
		if (epm_bind_decode(pdu, (size_t)length, &bind) == EPM_OK) {
			answer_mapper_bind(peer, &bind);
		} else if (epm_map_request_decode(pdu, (size_t)length, &req) == EPM_OK) {
			answer_map(peer, &req);
		} else {
			complain(peer, "garbage at the endpoint mapper");
			return;
		}
	}
	if (length < 0)
		complain(peer, "no DCE/RPC at the endpoint mapper");
}

/* The service. */

static struct group *find_group(struct server *s, uint32_t id)
{
	uint32_t index = id & ((1U << CAST_GROUP_SERVER_SHIFT) - 1);

	if (id >> CAST_GROUP_SERVER_SHIFT != s->number || index == 0 || index > s->n_groups)
		return NULL;
	return &s->groups[index];
}

static struct group *new_group(struct server *s)
{
	if (s->n_groups == GROUPS_MAX)
		return NULL;
	struct group *g = &s->groups[++s->n_groups];

	*g = (struct group){.id = s->number << CAST_GROUP_SERVER_SHIFT | s->n_groups,
			    .session = SESSION_UNKNOWN};
	return g;
}

static void arm(struct peer *peer, mono delay)
{
	struct timeval tv = actor_timeval(delay);

	if (!peer->timer || event_add(peer->timer, &tv))
		actor_die("timer");
}

/* The server's side of a session on the board; NULL for a visit, which nobody counts there. */
static struct judge_session *record_of(const struct server *s, const struct group *g)
{
	bool counted = g->session >= 0 && (uint64_t)g->session < s->board->n_sessions;

	return counted ? &s->board->session[g->session] : NULL;
}

/* The server speaks first. */
static void on_notify_timer(evutil_socket_t fd, short what, void *arg)
{
	struct peer *peer = arg;
	struct server *s = peer->server;

	(void)fd;
	(void)what;
	if (!s->board->load_stopped && peer->group->session != SESSION_UNKNOWN) {
		uint32_t session = (uint32_t)peer->group->session;

		actor_send_msg(peer->bev, &(struct msg){.kind = MSG_NOTIFY,
							.session = session,
							.number = ++peer->out});
		if (record_of(s, peer->group))
			record_of(s, peer->group)->notified = peer->out;
	}
	arm(peer, actor_about(s->period));
}

/* The second connection of a group: the server speaks first on it, to a visitor at once. */
static void begin_notifying(struct peer *peer)
{
	struct server *s = peer->server;

	if (peer->group->session != SESSION_UNKNOWN && !record_of(s, peer->group)) {
		actor_send_msg(peer->bev, &(struct msg){.kind = MSG_NOTIFY,
							.session = (uint32_t)peer->group->session,
							.number = ++peer->out});
		return;
	}
	peer->timer = evtimer_new(s->base, on_notify_timer, peer);
	arm(peer, mono_from_us(arc4random_uniform((uint32_t)mono_to_us(s->period))));
}

static void answer_bind(struct peer *peer, const struct epm_bind *bind)
{
	struct server *s = peer->server;
	uint8_t buf[128];
	size_t length;

	peer->first = bind->assoc_group == 0;
	peer->group = peer->first ? new_group(s) : find_group(s, bind->assoc_group);
	if (peer->group) {
		struct epm_bind_answer ack = {.call_id = bind->call_id,
					      .assoc_group = peer->group->id};

		snprintf(ack.secondary, sizeof(ack.secondary), "%u", s->self->port);
		length = epm_bind_ack_encode(&ack, buf, sizeof(buf));
	} else {
		length = epm_bind_nak_encode(bind->call_id, NAK_REASON_UNKNOWN_GROUP, buf,
					     sizeof(buf));
	}
	bufferevent_write(peer->bev, buf, length);
	if (peer->group && !peer->first)
		begin_notifying(peer);
}

/* One message of a bound connection; false when the peer is gone. */
static bool handle_message(struct peer *peer, const uint8_t *data, size_t length)
{
	struct group *g = peer->group;

	if (g->session == SESSION_UNKNOWN && peer->first)
		g->session = msg_session(data);
	if (g->session == SESSION_UNKNOWN) {
		complain(peer, "a message before the first request");
		return false;
	}
	struct msg expected = {.kind = peer->first ? MSG_REQUEST : MSG_ACK,
			       .session = (uint32_t)g->session,
			       .number = peer->in + 1};
	enum judge_break broken = msg_check(data, length, &expected);

	if (broken != JUDGE_WHOLE) {
		complain(peer, judge_break_text(broken));
		return false;
	}
	peer->in++;
	if (peer->first) {
		expected.kind = MSG_ANSWER;
		actor_send_msg(peer->bev, &expected);
	} else if (record_of(peer->server, g)) {
		record_of(peer->server, g)->acknowledged = peer->in;
	}
	return true;
}

static void on_service_read(struct bufferevent *bev, void *arg)
{
	struct peer *peer = arg;
	uint8_t buf[EPM_PDU_MAX_BYTES];
	struct epm_bind bind;
	int length;

	if (!peer->group) {
		length = actor_take_pdu(bev, buf);
		if (length == 0)
			return;
		if (length < 0 || epm_bind_decode(buf, (size_t)length, &bind) != EPM_OK) {
			complain(peer, "garbage instead of a bind");
			return;
		}
		answer_bind(peer, &bind);
		if (!peer->group)
			return; /* refused: the client closes */
	}
	while ((length = actor_take_msg(bev, buf)) > 0)
		if (!handle_message(peer, buf, (size_t)length))
			return;
	if (length < 0)
		complain(peer, "no message");
}

/* Other ports of the configuration, for health checks: whatever comes is swallowed. */
static void on_other_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);

	(void)arg;
	evbuffer_drain(in, evbuffer_get_length(in));
}

static void accept_peer(struct server *s, evutil_socket_t fd, bufferevent_data_cb read)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	struct bufferevent *bev =
		peer ? bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE) : NULL;

	if (!bev)
		actor_die("connection");
	*peer = (struct peer){.server = s, .bev = bev};
	actor_no_delay(bev);
	bufferevent_setcb(bev, read, NULL, on_event, peer);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void on_mapper_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from,
			     int len, void *arg)
{
	(void)l;
	(void)from;
	(void)len;
	accept_peer(arg, fd, on_mapper_read);
}

static void on_service_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from,
			      int len, void *arg)
{
	(void)l;
	(void)from;
	(void)len;
	accept_peer(arg, fd, on_service_read);
}

static void on_other_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from,
			    int len, void *arg)
{
	(void)l;
	(void)from;
	(void)len;
	accept_peer(arg, fd, on_other_read);
}

static void listen_on(struct server *s, uint16_t port, evconnlistener_cb accept)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (!evconnlistener_new_bind(s->base, accept, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
				     BACKLOG, (const struct sockaddr *)&at, sizeof(at)) &&
	    !(errno == EADDRINUSE && accept == on_other_accept))
		actor_die("listening socket");
}

/* Single ports of every service and checked ports, so that health checks find somebody. */
static void listen_elsewhere(struct server *s, const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_services; i++)
		for (size_t p = 0; p < conf->services[i].n_ports; p++) {
			const struct conf_port *port = &conf->services[i].port[p];

			if (port->proto == CONF_PROTO_TCP && port->range.first == port->range.last)
				listen_on(s, port->range.first, on_other_accept);
		}
	for (size_t i = 0; i < conf->n_pools; i++)
		if (conf->pools[i].check.port != 0)
			listen_on(s, conf->pools[i].check.port, on_other_accept);
}

_Noreturn void cast_run_server(const struct cast_role *role)
{
	struct server s = {
		.base = actor_base(),
		.board = role->board,
		.self = &role->lab->layout->server[role->server],
		.number = (uint32_t)role->server + 1,
		.period = cast_message_period(role->options.sessions),
		.groups = calloc(GROUPS_MAX + 1, sizeof(struct group)),
	};

	if (!s.groups)
		actor_die("association groups");
	listen_on(&s, EPM_PORT, on_mapper_accept);
	listen_on(&s, s.self->port, on_service_accept);
	listen_elsewhere(&s, role->lab->conf);
	s.board->servers_ready++;
	event_base_dispatch(s.base);
	actor_die("event loop ended");
}
