/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every probe offers. A probe is one short conversation with a server: the checker tells it
 * what happened on the socket, it answers with an outcome. It never touches the socket itself, so
 * that each kind of probe is a core. Callers: checker_child.c; implementers: probe_*.c.
 */
#ifndef HA_PROBE_H
#define HA_PROBE_H

#include <stddef.h>
#include <stdint.h>

/** How a conversation ended, or that it has not. */
enum probe_outcome {
	PROBE_PENDING, /**< wait for the next event */
	PROBE_OK,
	PROBE_TIMEOUT,     /**< no outcome within the pool's check time-out */
	PROBE_REFUSED,     /**< reset in answer to the connection attempt */
	PROBE_UNREACHABLE, /**< no route, host or network unreachable */
	PROBE_RESET,       /**< reset later */
	PROBE_CLOSED,      /**< the server closed too early */
	PROBE_BAD_REPLY,   /**< it answered, but not like the service */
	PROBE_LOCAL,       /**< this machine could not try (sockets, ports, memory) */
	PROBE_OUTCOME_N,
};

enum probe_event_type {
	PROBE_EV_CONNECTED,
	PROBE_EV_FAILED, /**< the socket failed; fault says how */
	PROBE_EV_BYTES,  /**< data arrived */
	PROBE_EV_CLOSED, /**< the server sent FIN */
	PROBE_EV_DEADLINE,
};

/** What happened on the socket. */
struct probe_event {
	enum probe_event_type type;
	enum probe_outcome fault; /**< with PROBE_EV_FAILED */
	const uint8_t *data;      /**< with PROBE_EV_BYTES; lives for the call */
	size_t len_bytes;
};

/** One kind of probe. */
struct probe_type {
	const char *name; /**< in status: "connect" */
	/** Judges an event. state: the conversation so far, zeroed before the first event. */
	enum probe_outcome (*feed)(void *state, const struct probe_event *event);
};

/** "refused", "timeout", ...: how reasons read in status. */
const char *probe_outcome_text(enum probe_outcome outcome);

#endif
