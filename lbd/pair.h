/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pair link as a whole: the first node of the configuration dials, the second listens, each on
 * its own pair_address; exactly one connection is the link. Lost links are redialled after 100 ms,
 * doubling to 1 s. What is refused is counted by reason and harms nothing: a connection that
 * does not come from the peer's pair_address is closed at once and costs no handshake; of those
 * that do, at most eight may be half open, for three seconds, and the oldest makes room for a new
 * one, so that the real peer always gets its turn. A new authenticated connection of the peer takes
 * the place of the old one (the peer has restarted, or its side had died unnoticed). Callers:
 * sync.c, sync_peer.c.
 */
#ifndef HA_PAIR_H
#define HA_PAIR_H

#include "addr.h"
#include "conf.h"
#include "lbd/pair_link.h"
#include "lbd/pair_tls.h"
#include "log.h"

struct pair;

enum {
	PAIR_HALF_OPEN_MAX = 8,
	PAIR_RETRY_MIN_MS = 100,
	PAIR_RETRY_MAX_MS = 1000,
};

struct pair_callbacks {
	/** A handshake succeeded; fill in our HELLO (node and versions are set already). */
	void (*hello)(void *arg, struct sync_hello *out);
	void (*up)(void *arg, const struct sync_hello *peer);
	void (*down)(void *arg, const char *reason);
	/** A frame of the peer. Returns NULL, or why the link must end. */
	const char *(*frame)(void *arg, const struct sync_frame *frame);
	/** All that was received so far has been handed over. */
	void (*idle)(void *arg);
	/** The output buffer is nearly empty. */
	void (*drained)(void *arg);
};

struct pair_status {
	bool connected;
	mono since;          /**< instant of the last change of `connected` */
	mono lag;            /**< last heartbeat's round trip; never without link */
	size_t queued_bytes; /**< waiting to be sent */
	uint64_t refused[PAIR_REFUSAL_N];
	char last_error[PAIR_ERROR_MAX]; /**< "" when there was none */
	struct sync_hello peer;          /**< of the link, or of the last one */
};

/** What pair_open() needs; all borrowed for the life of the pair except conf (for the call). */
struct pair_setup {
	struct event_base *base;
	struct log *log;
	const struct conf *conf; /**< with two nodes */
	const struct pair_callbacks *callbacks;
	void *arg;
};

/**
 * Prepares the pair link; it listens and dials from pair_start() on. Returns 0, or -errno with a
 * text and the remedy in error (key file, memory).
 */
int pair_open(const struct pair_setup *setup, struct pair **out, char error[static PAIR_ERROR_MAX])
	__attribute__((warn_unused_result));
/**
 * Listens or dials. An address that cannot be bound yet is tried again every second. NULL is
 * allowed.
 */
void pair_start(struct pair *pair);
/** Whether a key file holds the key in use. Returns 0 or -errno with the text in error. */
int pair_same_key(const struct pair *pair, const char *key_file, bool *same,
		  char error[static PAIR_ERROR_MAX]) __attribute__((warn_unused_result));
/**
 * Before pair_close() when there is time: sends all that waits, then BYE, and waits for the peer to
 * have it, blocking for at most `patience`.
 */
void pair_leave(struct pair *pair, const char *reason, mono patience);
/** Says BYE with the reason and closes; no callback is called. */
void pair_close(struct pair *pair, const char *reason);
bool pair_is_up(const struct pair *pair);
/** Sends a control frame; nothing happens when the link is down. */
void pair_send(struct pair *pair, const struct sync_frame *frame);
/** Sends a record; false when the output is full and the record was dropped. */
bool pair_put(struct pair *pair, enum sync_frame_type type, const struct flow *flow, bool bulk)
	__attribute__((warn_unused_result));
size_t pair_queued_bytes(const struct pair *pair);
/** Ends the link (it is dialled again); the down callback follows before this returns. */
void pair_reset(struct pair *pair, const char *reason);
void pair_get_status(const struct pair *pair, struct pair_status *out);

#endif
