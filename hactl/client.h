/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The asking side of the control protocol (ctl.h): one blocking connection to one daemon, one
 * request, its replies one by one. Used by the commands of hactl.
 */
#ifndef HA_CLIENT_H
#define HA_CLIENT_H

#include "ctl.h"
#include "mono.h"

struct client;

/**
 * Connects to RUNDIR/daemon.sock within timeout. Returns 0 and *out, or -errno: -ENOENT and
 * -ECONNREFUSED (not running), -EACCES, -EAGAIN (it does not answer in time).
 */
int client_open(const char *rundir, const char *daemon, mono timeout, struct client **out)
	__attribute__((warn_unused_result));
void client_close(struct client *client);
/** For poll(2). */
int client_fd(const struct client *client);
/** Sends a request; args is borrowed and may be NULL. Returns 0 or -errno. */
int client_request(struct client *client, const char *cmd, const json_t *args)
	__attribute__((warn_unused_result));
/**
 * Waits until deadline for the next reply to the request. Returns 0 and *reply, to be ended with
 * ctl_reply_fini(); -ETIMEDOUT; -ECONNRESET when the daemon left; -EPROTO, -EPROTONOSUPPORT.
 */
int client_next(struct client *client, mono deadline, struct ctl_reply *reply)
	__attribute__((warn_unused_result));

/** Called for every row of an answer; reply is borrowed. */
typedef void client_row_fn(void *arg, const struct ctl_reply *reply);

/** A whole conversation: whom to ask what. */
struct client_question {
	const char *rundir;
	const char *daemon; /**< "vrrpd" or "lbd" */
	const char *cmd;
	const json_t *args; /**< may be NULL */
	mono timeout;       /**< for all of it */
	client_row_fn *row; /**< may be NULL */
	void *arg;          /**< for row */
};

/**
 * Connects, asks, hands rows to q->row and the last reply to *last (end it with
 * ctl_reply_fini()). Returns 0 or -errno of the above; *last is empty then.
 */
int client_ask(const struct client_question *q, struct ctl_reply *last)
	__attribute__((warn_unused_result));

/** What -errno of a conversation with daemon means, in words: writes to buf and returns it. */
const char *client_explain(const char *rundir, const char *daemon, int rc, char *buf,
			   size_t cap_bytes);

#endif
