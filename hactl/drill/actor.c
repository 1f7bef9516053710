// SPDX-License-Identifier: GPL-2.0-or-later
#include "actor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	FILES_WANTED = 65536,
};

_Noreturn void actor_die(const char *what)
{
	dprintf(STDERR_FILENO, "drill actor: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* Two connections a session do not fit into the usual 1024 descriptors. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	if (limit.rlim_max < FILES_WANTED)
		limit.rlim_max = FILES_WANTED; /* granted to root */
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit)) {
		(void)getrlimit(RLIMIT_NOFILE, &limit);
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

struct event_base *actor_base(void)
{
	raise_file_limit();
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
		base = event_base_new_with_config(config);
	if (!base)
		actor_die("event loop");
	event_config_free(config);
	return base;
}

struct timeval actor_timeval(mono t)
{
	return (struct timeval){.tv_sec = t.ns / MONO_NS_PER_S,
				.tv_usec = t.ns % MONO_NS_PER_S / MONO_NS_PER_US};
}

static int open_socket(const struct actor_target *to)
{
	const int one = 1;
	struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(to->source)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	/* The port is chosen at connect, when the whole four-tuple is known. */
	if (to->source != 0 &&
	    (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)) ||
	     bind(fd, (const struct sockaddr *)&source, sizeof(source)))) {
		close(fd);
		return -1;
	}
	return fd;
}

struct bufferevent *actor_connect(struct event_base *base, const struct actor_target *to,
				  bufferevent_data_cb read, bufferevent_event_cb event, void *arg)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(to->port),
				      .sin_addr.s_addr = htonl(to->address)};
	int fd = open_socket(to);

	if (fd < 0)
		return NULL;
	struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

	if (!bev) {
		close(fd);
		return NULL;
	}
	actor_no_delay(bev);
	bufferevent_setcb(bev, read, NULL, event, arg);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	if (bufferevent_socket_connect(bev, (const struct sockaddr *)&address, sizeof(address))) {
		bufferevent_free(bev);
		return NULL;
	}
	return bev;
}

void actor_no_delay(struct bufferevent *bev)
{
	const int one = 1;

	(void)!setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

void actor_abort(struct bufferevent *bev)
{
	const struct linger now = {.l_onoff = 1};

	if (!bev)
		return;
	(void)!setsockopt(bufferevent_getfd(bev), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	bufferevent_free(bev);
}

/* Moves a frame of `length` bytes from the input to buf once it is all there. */
static int take(struct evbuffer *in, uint8_t *buf, size_t length)
{
	if (length == 0 || evbuffer_get_length(in) < length)
		return 0;
	return evbuffer_remove(in, buf, length);
}

int actor_take_pdu(struct bufferevent *bev, uint8_t buf[static EPM_PDU_MAX_BYTES])
{
	struct evbuffer *in = bufferevent_get_input(bev);
	enum epm_error error;
	ev_ssize_t n = evbuffer_copyout(in, buf, EPM_HEADER_BYTES);
	size_t length = epm_pdu_length(buf, n < 0 ? 0 : (size_t)n, &error);

	return error == EPM_OK ? take(in, buf, length) : -1;
}

int actor_take_msg(struct bufferevent *bev, uint8_t buf[static MSG_MAX_BYTES])
{
	struct evbuffer *in = bufferevent_get_input(bev);
	ev_ssize_t n = evbuffer_copyout(in, buf, MSG_HEADER_BYTES);
	size_t length = msg_length(buf, n < 0 ? 0 : (size_t)n);

	return length <= MSG_MAX_BYTES ? take(in, buf, length) : -1;
}

void actor_send_msg(struct bufferevent *bev, const struct msg *m)
{
	uint8_t buf[MSG_MAX_BYTES];
	size_t length = msg_encode(m, buf);

	bufferevent_write(bev, buf, length);
}

void actor_send_bind(struct bufferevent *bev, const struct epm_syntax *interface, uint32_t call_id,
		     uint32_t assoc_group)
{
	const struct epm_bind bind = {
		.call_id = call_id, .assoc_group = assoc_group, .interface = *interface};
	uint8_t buf[128];
	size_t length = epm_bind_encode(&bind, buf, sizeof(buf));

	bufferevent_write(bev, buf, length);
}

static enum epm_error take_port(const uint8_t *pdu, size_t len_bytes,
				const struct epm_map_request *ask, uint16_t *port)
{
	uint8_t buf[EPM_PDU_MAX_BYTES];
	struct epm_stub stub;
	struct epm_map map;

	epm_stub_init(&stub, buf, sizeof(buf));
	enum epm_error error = epm_stub_add(&stub, pdu, len_bytes, ACTOR_CALL_MAP);

	/* Our mappers answer in one fragment. */
	if (error == EPM_OK && !stub.complete)
		error = EPM_ERR_FLAGS;
	if (error == EPM_OK)
		error = epm_map_response_decode(buf, stub.len_bytes, ask, &map);
	if (error == EPM_OK)
		*port = map.port[0];
	return error;
}

enum epm_error actor_ask_mapper(struct bufferevent *mapper, const uint8_t *pdu, size_t len_bytes,
				uint16_t *port)
{
	const struct epm_map_request ask = {.call_id = ACTOR_CALL_MAP,
					    .max_towers = EPM_TOWERS_MAX,
					    .interface = epm_interface_emsmdb};
	uint8_t buf[256];
	struct epm_header header;
	struct epm_bind_answer answer;
	enum epm_error error = epm_header_decode(pdu, len_bytes, &header);

	*port = 0;
	if (error != EPM_OK)
		return error;
	if (header.type == EPM_RESPONSE)
		return take_port(pdu, len_bytes, &ask, port);
	error = epm_bind_answer_decode(pdu, len_bytes, ACTOR_CALL_BIND, &answer);
	if (error == EPM_OK)
		bufferevent_write(mapper, buf, epm_map_request_encode(&ask, buf, sizeof(buf)));
	return error;
}

uint16_t actor_source_port(struct bufferevent *bev)
{
	struct sockaddr_in at = {0};
	socklen_t len_bytes = sizeof(at);

	if (getsockname(bufferevent_getfd(bev), (struct sockaddr *)&at, &len_bytes))
		return 0;
	return ntohs(at.sin_port);
}

mono actor_about(mono t)
{
	uint32_t spread_us = (uint32_t)(mono_to_us(t) / 2);

	return mono_from_us(mono_to_us(t) * 3 / 4 + arc4random_uniform(spread_us + 1));
}
