/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One TCP connection of the pair link: TLS over it, frames in and out, HELLO, heartbeats,
 * coalescing of records and the bound of the output. Which connection is the link, dialling and
 * refusing are the business of pair.c, the only caller.
 *
 * Coalescing: records go into a batch; it leaves at once when the line was idle, otherwise after at
 * most 5 ms, or when it is full. Any other frame closes the batch before it, so order is kept.
 */
#ifndef HA_PAIR_LINK_H
#define HA_PAIR_LINK_H

#include "lbd/pair_tls.h"
#include "lbd/sync_frame.h"
#include "mono.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct pair_link;

enum {
	PAIR_HANDSHAKE_MS = 3000, /**< TCP accepted to HELLO received */
	PAIR_HEARTBEAT_MS = 200,
	PAIR_SILENCE_MS = 1000,      /**< nothing heard for so long: the link is dead */
	PAIR_USER_TIMEOUT_MS = 2000, /**< TCP_USER_TIMEOUT */
	PAIR_COALESCE_MS = 5,
	PAIR_OUTPUT_MAX_BYTES = 32 * 1024 * 1024, /**< past it the stream is dropped */
	PAIR_OUTPUT_LOW_BYTES = 64 * 1024,        /**< "drained" is said below it */
};

struct pair_link_callbacks {
	/** TLS is up; fill in our HELLO. */
	void (*hello)(void *arg, struct pair_link *link, struct sync_hello *out);
	/** The peer's HELLO. Returns NULL, or why the link is refused (with *refusal). */
	const char *(*greeted)(void *arg, struct pair_link *link, const struct sync_hello *peer,
			       enum pair_refusal *refusal);
	/** Any later frame but heartbeats. Returns NULL, or why the link must end. */
	const char *(*frame)(void *arg, struct pair_link *link, const struct sync_frame *frame);
	/** All that was received so far has been handed over. */
	void (*idle)(void *arg, struct pair_link *link);
	/** The output is below PAIR_OUTPUT_LOW_BYTES. */
	void (*drained)(void *arg, struct pair_link *link);
	/**
	 * The connection is over and will be freed after this call. refusal: PAIR_REFUSAL_N unless
	 * it was refused before it was up.
	 */
	void (*closed)(void *arg, struct pair_link *link, enum pair_refusal refusal,
		       const char *reason);
};

/**
 * Takes over fd, a connected non-blocking TCP socket, also on failure. callbacks are borrowed for
 * the life of the link. Returns NULL when out of memory.
 */
struct pair_link *pair_link_new(struct event_base *base, struct pair_tls *tls, int fd, bool dial,
				const struct pair_link_callbacks *callbacks, void *arg);
/** Frees it without the closed callback. Not from inside one of its callbacks. */
void pair_link_free(struct pair_link *link);
/** True once both HELLOs were exchanged. */
bool pair_link_is_up(const struct pair_link *link);
/** Sends a frame that is no PUT or DEL, after what is in the batch, without delay. */
void pair_link_send(struct pair_link *link, const struct sync_frame *frame);
/** Adds a record to the batch. Returns false, dropping it, when the output is full. */
bool pair_link_put(struct pair_link *link, enum sync_frame_type type, const struct flow *flow,
		   bool bulk) __attribute__((warn_unused_result));
/** Sends the batch now. */
void pair_link_flush(struct pair_link *link);
/**
 * The orderly end of a link in use: sends the batch and all that waits, then BYE, and waits for the
 * other end to close, blocking for at most `patience`. The caller frees the link next.
 */
void pair_link_leave(struct pair_link *link, const char *reason, mono patience);
/** Bytes that wait for the socket. */
size_t pair_link_queued_bytes(const struct pair_link *link);
/** Round trip of the last heartbeat; never before the first. */
mono pair_link_lag(const struct pair_link *link);
/** Tries to say BYE; the caller frees the link next. */
void pair_link_say_bye(struct pair_link *link, const char *reason);

#endif
