// SPDX-License-Identifier: GPL-2.0-or-later
#include "lbd/pair_link.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum link_phase { PHASE_TLS, PHASE_HELLO, PHASE_UP };

struct pair_link {
	const struct pair_link_callbacks *callbacks;
	void *arg;
	struct bufferevent *bev;
	struct event *beat;  /* heartbeats and time-outs */
	struct event *flush; /* end of the coalescing time */
	enum link_phase phase;
	mono deadline; /* of the handshake */
	mono heard;    /* last time anything arrived */
	mono flushed;  /* last time the batch left */
	mono lag;
	uint32_t seq_out;
	uint32_t seq_in;
	bool over; /* closed() has been called: nothing more may happen */
	uint8_t out[SYNC_FRAME_MAX_BYTES];
	struct sync_frame in; /* large: kept off the stack */
	struct sync_batch batch;
};

/* Says so once; freed by the owner after the callback returned, from a place of its own. */
static void finish(struct pair_link *link, enum pair_refusal refusal, const char *reason)
{
	if (link->over)
		return;
	link->over = true;
	bufferevent_disable(link->bev, EV_READ | EV_WRITE);
	event_del(link->beat);
	event_del(link->flush);
	link->callbacks->closed(link->arg, link, refusal, reason);
}

/* ---- out ---- */

size_t pair_link_queued_bytes(const struct pair_link *link)
{
	return evbuffer_get_length(bufferevent_get_output(link->bev));
}

void pair_link_flush(struct pair_link *link)
{
	size_t len = link->batch.count ? sync_batch_finish(&link->batch, link->seq_out) : 0;

	if (len == 0)
		return;
	link->seq_out++;
	link->flushed = mono_now();
	event_del(link->flush);
	bufferevent_write(link->bev, link->batch.buf, len);
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pair_link_flush(arg);
}

/* The first record of a batch starts the clock: none when the line was idle. */
static void schedule_flush(struct pair_link *link)
{
	mono due = mono_add(link->flushed, mono_from_ms(PAIR_COALESCE_MS));
	mono wait = mono_sub(due, mono_now());
	struct timeval tv = {0};

	if (mono_before(mono_zero(), wait))
		tv.tv_usec = (suseconds_t)mono_to_us(wait);
	event_add(link->flush, &tv);
}

void pair_link_send(struct pair_link *link, const struct sync_frame *frame)
{
	if (link->over)
		return;
	pair_link_flush(link);
	size_t len = sync_frame_encode(frame, link->seq_out, link->out, sizeof(link->out));

	if (len == 0)
		return;
	link->seq_out++;
	bufferevent_write(link->bev, link->out, len);
}

bool pair_link_put(struct pair_link *link, enum sync_frame_type type, const struct flow *flow,
		   bool bulk)
{
	if (link->over || link->phase != PHASE_UP)
		return true; /* down is not full */
	if (!sync_batch_fits(&link->batch, type, flow, bulk)) {
		if (pair_link_queued_bytes(link) + sizeof(link->batch.buf) > PAIR_OUTPUT_MAX_BYTES)
			return false;
		pair_link_flush(link);
	}
	if (link->batch.count == 0)
		schedule_flush(link);
	sync_batch_add(&link->batch, type, flow, bulk);
	return true;
}

/* Writes what it can. Returns false when nothing more can be done. */
static bool write_some(struct pair_link *link, mono end)
{
	struct evbuffer *output = bufferevent_get_output(link->bev);
	SSL *ssl = bufferevent_openssl_get_ssl(link->bev);
	struct pollfd pfd = {.fd = bufferevent_getfd(link->bev), .events = POLLOUT};
	struct evbuffer_iovec piece;

	if (evbuffer_peek(output, -1, NULL, &piece, 1) < 1)
		return false;
	size_t len = piece.iov_len < INT_MAX ? piece.iov_len : INT_MAX;
	int wrote = SSL_write(ssl, piece.iov_base, (int)len);

	if (wrote > 0)
		return evbuffer_drain(output, (size_t)wrote) == 0;
	if (SSL_get_error(ssl, wrote) != SSL_ERROR_WANT_WRITE)
		return false;
	int64_t left_ms = mono_to_ms(mono_sub(end, mono_now()));

	return left_ms > 0 && poll(&pfd, 1, (int)left_ms) == 1;
}

void pair_link_say_bye(struct pair_link *link, const char *reason)
{
	struct sync_frame bye = {.type = SYNC_BYE};
	SSL *ssl = bufferevent_openssl_get_ssl(link->bev);

	if (link->phase != PHASE_UP || link->over || pair_link_queued_bytes(link) > 0)
		return;
	snprintf(bye.reason, sizeof(bye.reason), "%s", reason);
	size_t len = sync_frame_encode(&bye, link->seq_out, link->out, sizeof(link->out));

	/* Past the bufferevent, which only writes from the loop: there is no next round. */
	if (len > 0 && SSL_write(ssl, link->out, (int)len) > 0)
		SSL_shutdown(ssl);
	ERR_clear_error();
}

/*
 * Waits until the other end has closed too, throwing away what it still says: a socket closed with
 * unread bytes resets the connection, and with it goes what was written but not yet sent.
 */
static void linger(struct pair_link *link, mono end)
{
	struct pollfd pfd = {.fd = bufferevent_getfd(link->bev), .events = POLLIN};
	ssize_t got = 1;

	shutdown(pfd.fd, SHUT_WR);
	while (got != 0) {
		int64_t left_ms = mono_to_ms(mono_sub(end, mono_now()));

		if (left_ms <= 0 || poll(&pfd, 1, (int)left_ms) < 1)
			return;
		got = recv(pfd.fd, link->out, sizeof(link->out), 0);
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return;
	}
}

void pair_link_leave(struct pair_link *link, const char *reason, mono patience)
{
	mono end = mono_add(mono_now(), patience);

	if (!pair_link_is_up(link))
		return;
	pair_link_flush(link);
	/* Past the bufferevent, as in saying BYE: it is not asked to write any more. */
	bufferevent_disable(link->bev, EV_READ | EV_WRITE);
	evbuffer_unfreeze(bufferevent_get_output(link->bev), 1);
	while (pair_link_queued_bytes(link) > 0 && mono_before(mono_now(), end) &&
	       write_some(link, end))
		;
	ERR_clear_error();
	pair_link_say_bye(link, reason);
	link->over = true;
	linger(link, end);
}

/* ---- in ---- */

static void send_hello(struct pair_link *link)
{
	struct sync_frame frame = {.type = SYNC_HELLO};

	link->callbacks->hello(link->arg, link, &frame.hello);
	pair_link_send(link, &frame);
}

/* The first frame. */
static const char *take_hello(struct pair_link *link, enum pair_refusal *refusal)
{
	*refusal = PAIR_REFUSAL_GARBAGE;
	if (link->in.type != SYNC_HELLO)
		return "first frame is no HELLO";
	link->phase = PHASE_UP; /* greeted() may send already */
	const char *reason = link->callbacks->greeted(link->arg, link, &link->in.hello, refusal);

	if (reason)
		link->phase = PHASE_HELLO;
	return reason;
}

static const char *take_frame(struct pair_link *link, enum pair_refusal *refusal)
{
	struct sync_frame *frame = &link->in;

	*refusal = PAIR_REFUSAL_N;
	if (link->phase == PHASE_HELLO)
		return take_hello(link, refusal);
	if (frame->type == SYNC_HELLO)
		return "second HELLO";
	if (frame->type == SYNC_HEARTBEAT) {
		frame->type = SYNC_HEARTBEAT_ACK;
		pair_link_send(link, frame);
		return NULL;
	}
	if (frame->type == SYNC_HEARTBEAT_ACK) {
		link->lag = mono_sub(mono_now(), mono_from_ns((int64_t)frame->stamp));
		return NULL;
	}
	return link->callbacks->frame(link->arg, link, frame);
}

/*
 * Takes one frame out of the input. Returns false when none is complete or the link must end:
 * then *reason says why.
 */
static bool next_frame(struct pair_link *link, const char **reason, enum pair_refusal *refusal)
{
	struct evbuffer *input = bufferevent_get_input(link->bev);
	size_t have = evbuffer_get_length(input);
	struct sync_frame_header header;
	const uint8_t *data = have < SYNC_FRAME_HEADER_BYTES
				      ? NULL
				      : evbuffer_pullup(input, SYNC_FRAME_HEADER_BYTES);

	if (!data)
		return false;
	enum sync_frame_error error = sync_frame_peek(data, have, &header);

	if (error == SYNC_FRAME_MORE)
		return false;
	if (error == SYNC_FRAME_OK && header.seq != link->seq_in++)
		*reason = "frame out of sequence";
	if (error == SYNC_FRAME_OK && !*reason) {
		data = evbuffer_pullup(input, (ev_ssize_t)header.len_bytes);
		error = data ? sync_frame_decode(data, &header, &link->in) : SYNC_FRAME_SHORT;
	}
	if (error == SYNC_FRAME_OK && !*reason)
		*reason = take_frame(link, refusal);
	else if (error != SYNC_FRAME_OK && error != SYNC_FRAME_SKIP)
		*reason = sync_frame_error_text(error);
	if (*reason || link->over)
		return false;
	evbuffer_drain(input, header.len_bytes);
	return true;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct pair_link *link = arg;
	enum pair_refusal refusal = link->phase == PHASE_UP ? PAIR_REFUSAL_N : PAIR_REFUSAL_GARBAGE;
	const char *reason = NULL;

	(void)bev;
	link->heard = mono_now();
	while (!link->over && next_frame(link, &reason, &refusal))
		;
	if (reason)
		finish(link, refusal, reason);
	else if (!link->over && link->phase == PHASE_UP)
		link->callbacks->idle(link->arg, link);
}

static void on_write(struct bufferevent *bev, void *arg)
{
	struct pair_link *link = arg;

	(void)bev;
	if (link->phase == PHASE_UP && !link->over)
		link->callbacks->drained(link->arg, link);
}

static void on_tls_up(struct pair_link *link)
{
	if (!pair_tls_is_authentic(bufferevent_openssl_get_ssl(link->bev))) {
		finish(link, PAIR_REFUSAL_WRONG_KEY, "handshake without the pre-shared key");
		return;
	}
	link->phase = PHASE_HELLO;
	link->heard = mono_now();
	send_hello(link);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct pair_link *link = arg;
	char text[PAIR_ERROR_MAX];

	if (link->over)
		return;
	if (what & BEV_EVENT_CONNECTED) {
		on_tls_up(link);
		return;
	}
	/* What came in the same round as the end is told later than the end: take it first. */
	if (link->phase == PHASE_UP)
		on_read(bev, link);
	if (link->over)
		return;
	unsigned long error = bufferevent_get_openssl_error(bev);

	if (link->phase == PHASE_TLS) {
		enum pair_refusal refusal =
			pair_tls_judge(bufferevent_openssl_get_ssl(bev), error, text);

		finish(link, refusal, text);
	} else {
		const char *detail = error ? ERR_reason_error_string(error) : NULL;

		snprintf(text, sizeof(text), "connection lost%s%s", detail ? ": " : "",
			 detail ? detail : "");
		finish(link, PAIR_REFUSAL_N, text);
	}
}

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct pair_link *link = arg;
	mono now = mono_now();

	(void)fd;
	(void)what;
	if (link->phase != PHASE_UP) {
		if (mono_reached(link->deadline, now))
			finish(link, PAIR_REFUSAL_GARBAGE, "handshake not finished in time");
		return;
	}
	if (mono_reached(mono_add(link->heard, mono_from_ms(PAIR_SILENCE_MS)), now)) {
		finish(link, PAIR_REFUSAL_N, "peer silent");
		return;
	}
	struct sync_frame frame = {.type = SYNC_HEARTBEAT, .stamp = (uint64_t)now.ns};

	pair_link_send(link, &frame);
}

/* ---- life ---- */

static void set_tcp_options(int fd)
{
	int one = 1;
	unsigned timeout_ms = PAIR_USER_TIMEOUT_MS;

	/* Only latency and speed of detection depend on these: heartbeats notice the rest. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

static struct bufferevent *new_bufferevent(struct event_base *base, struct pair_tls *tls, int fd,
					   bool dial)
{
	SSL *ssl = pair_tls_new(tls, dial);
	struct bufferevent *bev = NULL;

	if (ssl)
		bev = bufferevent_openssl_socket_new(base, fd, ssl,
						     dial ? BUFFEREVENT_SSL_CONNECTING
							  : BUFFEREVENT_SSL_ACCEPTING,
						     BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		SSL_free(ssl);
		close(fd);
	}
	return bev;
}

struct pair_link *pair_link_new(struct event_base *base, struct pair_tls *tls, int fd, bool dial,
				const struct pair_link_callbacks *callbacks, void *arg)
{
	struct pair_link *link = calloc(1, sizeof(*link));
	struct timeval beat = {.tv_usec = PAIR_HEARTBEAT_MS * 1000};

	if (!link) {
		close(fd);
		return NULL;
	}
	link->callbacks = callbacks;
	link->arg = arg;
	link->heard = mono_now();
	link->deadline = mono_add(link->heard, mono_from_ms(PAIR_HANDSHAKE_MS));
	link->lag = mono_never();
	set_tcp_options(fd);
	link->bev = new_bufferevent(base, tls, fd, dial);
	if (!link->bev) {
		free(link);
		return NULL;
	}
	link->beat = event_new(base, -1, EV_PERSIST, on_beat, link);
	link->flush = evtimer_new(base, on_flush, link);
	if (!link->beat || !link->flush || event_add(link->beat, &beat) < 0) {
		pair_link_free(link);
		return NULL;
	}
	bufferevent_setcb(link->bev, on_read, on_write, on_event, link);
	bufferevent_setwatermark(link->bev, EV_WRITE, PAIR_OUTPUT_LOW_BYTES, 0);
	bufferevent_enable(link->bev, EV_READ | EV_WRITE);
	return link;
}

void pair_link_free(struct pair_link *link)
{
	if (!link)
		return;
	if (link->beat)
		event_free(link->beat);
	if (link->flush)
		event_free(link->flush);
	bufferevent_free(link->bev);
	free(link);
}

bool pair_link_is_up(const struct pair_link *link)
{
	return link->phase == PHASE_UP && !link->over;
}

mono pair_link_lag(const struct pair_link *link)
{
	return link->lag;
}
