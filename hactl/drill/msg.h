/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The numbered messages of a drill's sessions. Every message proves its whole content: receiver
 * and sender compute the same bytes from (kind, session, number). A core; callers: the client and
 * the server stand-ins.
 */
#ifndef HA_MSG_H
#define HA_MSG_H

#include "judge.h"

#include <stddef.h>
#include <stdint.h>

enum {
	MSG_HEADER_BYTES = 16,
	MSG_MAX_BYTES = 400,
};

enum msg_kind {
	MSG_REQUEST = 1, /**< client first, on the first connection */
	MSG_ANSWER = 2,
	MSG_NOTIFY = 3, /**< server first, on the second connection */
	MSG_ACK = 4,
};

struct msg {
	enum msg_kind kind;
	uint32_t session;
	uint32_t number; /**< 1.. per kind and session */
};

/** Writes the message to buf and returns its length. */
size_t msg_encode(const struct msg *m, uint8_t buf[static MSG_MAX_BYTES]);
/**
 * Length of the message that begins at data: 0 while its header is not whole; more than
 * MSG_MAX_BYTES when this is no message.
 */
size_t msg_length(const uint8_t *data, size_t len_bytes);
/** Session number in a header of MSG_HEADER_BYTES. */
uint32_t msg_session(const uint8_t *data);
/** Compares one whole message with the one expected next; JUDGE_WHOLE when it is that one. */
enum judge_break msg_check(const uint8_t *data, size_t len_bytes, const struct msg *expected)
	__attribute__((warn_unused_result));

#endif
