/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the TCP actors of a drill share: an event loop, connections from a chosen address, and
 * reading whole PDUs and messages from them.
 */
#ifndef HA_ACTOR_H
#define HA_ACTOR_H

#include "msg.h"

#include "epm.h"
#include "mono.h"

#include <event2/bufferevent.h>
#include <event2/event.h>

enum {
	ACTOR_CALL_BIND = 1, /**< call_id of every bind */
	ACTOR_CALL_MAP = 2,
};

/** A new event loop with precise timers, and room for many connections; the process ends if there
 * is none to be had. */
struct event_base *actor_base(void);
/** Ends the process with a line of complaint in the log. */
_Noreturn void actor_die(const char *what);
struct timeval actor_timeval(mono t);

/** A connection being made: host-order addresses; source 0 leaves the choice to the kernel. */
struct actor_target {
	uint32_t source;
	uint32_t address;
	uint16_t port;
};

/**
 * Starts to connect and returns the connection, reading enabled; its callbacks report the rest.
 * NULL with errno when it cannot even start.
 */
struct bufferevent *actor_connect(struct event_base *base, const struct actor_target *to,
				  bufferevent_data_cb read, bufferevent_event_cb event, void *arg);
/** Small messages leave at once. */
void actor_no_delay(struct bufferevent *bev);
/** Closes with a reset instead of waiting for what is in flight. */
void actor_abort(struct bufferevent *bev);

/**
 * Takes one whole PDU off the input into buf. Returns its length, 0 when it is not whole yet, or
 * -1 when the input is no DCE/RPC.
 */
int actor_take_pdu(struct bufferevent *bev, uint8_t buf[static EPM_PDU_MAX_BYTES]);
/** The same for a message (msg.h). */
int actor_take_msg(struct bufferevent *bev, uint8_t buf[static MSG_MAX_BYTES]);
/** Sends a message. */
void actor_send_msg(struct bufferevent *bev, const struct msg *m);
/** Sends a bind for an interface to join an association group (0: a new one). */
void actor_send_bind(struct bufferevent *bev, const struct epm_syntax *interface, uint32_t call_id,
		     uint32_t assoc_group);
/**
 * Takes one PDU of the endpoint mapper: answers its bind_ack with the question for the service's
 * port; *port is the answer to that, or 0 before.
 */
enum epm_error actor_ask_mapper(struct bufferevent *mapper, const uint8_t *pdu, size_t len_bytes,
				uint16_t *port);
/** Local port of a connection, 0 when it has none. */
uint16_t actor_source_port(struct bufferevent *bev);
/** A time around t, give or take a quarter. */
mono actor_about(mono t);

#endif
