/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The listening side of the control protocol (ctl.h) on a libevent base: accepts SEQPACKET
 * connections, checks peer credentials (group may read, root may change), finds the command in the
 * daemon's table, carries replies and events back. A slow or dead client never blocks the daemon:
 * what it does not read beyond a bound costs it the connection.
 */
#ifndef HA_CTL_SERVER_H
#define HA_CTL_SERVER_H

#include "ctl.h"
#include "log.h"

struct event_base;
struct ctl_server;
struct ctl_client; /**< one connection, opaque */

/** A request being answered; copy it to answer later, it stays valid until answered. */
struct ctl_call {
	struct ctl_server *server;
	uint64_t client_id; /**< a client that left is noticed, replies to it are dropped */
	uint64_t id;        /**< request id */
};

typedef void ctl_handler_fn(void *arg, const struct ctl_call *call, const json_t *args);

struct ctl_command {
	const char *name;
	bool changes; /**< needs uid 0 */
	ctl_handler_fn *handler;
};

/**
 * Listens on path (removes a stale socket first), mode 0660, group "hapair" where it exists.
 * commands: table of n entries, borrowed for the life of the server; arg is passed to handlers.
 * Returns 0 and *out, or -errno (-EADDRINUSE: another daemon answers on it).
 */
int ctl_server_open(struct event_base *base, const char *path, const struct ctl_command *commands,
		    size_t n_commands, void *arg, struct log *log, struct ctl_server **out)
	__attribute__((warn_unused_result));
/** Closes all connections and unlinks the socket; NULL is fine. */
void ctl_server_close(struct ctl_server *server);

/** Sends a row (not the last reply); steals the reference to body. */
void ctl_row(const struct ctl_call *call, enum ctl_code code, json_t *body);
/** Sends the last reply; steals the reference to body (may be NULL). */
void ctl_end(const struct ctl_call *call, enum ctl_code code, json_t *body);
/** The last reply with a "text" member, printf style. */
void ctl_end_text(const struct ctl_call *call, enum ctl_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** Turns the call into a subscription: later ctl_publish() events go to it, with its request id. */
void ctl_subscribe(const struct ctl_call *call);
/** Sends an event to every subscriber; steals the reference to body. */
void ctl_publish(struct ctl_server *server, enum ctl_code code, json_t *body);

#endif
