/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control messages between hactl and the daemons, and between lbd and vrrpd: one JSON object a
 * packet on a UNIX SOCK_SEQPACKET socket, at most CTL_PACKET_MAX bytes, first member "v".
 *
 *   request   {"v":1,"id":N,"cmd":"status","args":{...}}
 *   reply     {"v":1,"id":N,"code":1001,...}            any number of rows, then the last one:
 *             {"v":1,"id":N,"code":0,"end":true,...}
 *
 * Codes by class: 0xxx done, 1xxx row, 2xxx event, 8xxx failed, 9xxx bad request; the list is
 * enum ctl_code below, its text in ctl_code_text(). Adding members is free; changing a meaning
 * raises CTL_VERSION. History: 1 (first).
 */
#ifndef HA_CTL_H
#define HA_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CTL_VERSION = 1,
	CTL_VERSION_OLDEST = 1, /**< lowest version understood */
	CTL_PACKET_MAX = 65536,
};

enum ctl_code {
	CTL_DONE = 0,
	CTL_ROW_DAEMON = 1000,  /**< the daemon itself: node, version, since */
	CTL_ROW_GROUP = 1001,   /**< vrrpd: a failover group */
	CTL_ROW_VIP = 1002,     /**< vrrpd: a virtual router */
	CTL_ROW_PEER = 1010,    /**< lbd: the peer as seen over the pair link */
	CTL_ROW_SYNC = 1011,    /**< lbd: connection sync */
	CTL_ROW_POOL = 1012,    /**< lbd: a pool */
	CTL_ROW_SERVER = 1013,  /**< lbd: a server of a pool */
	CTL_ROW_SERVICE = 1014, /**< lbd: a service */
	CTL_EVENT_LOG = 2000,   /**< a logged record: level, text */
	CTL_EVENT_ROLE = 2001,  /**< vrrpd: a group changed its role */
	CTL_FAILED = 8000,      /**< generic failure, "text" says what */
	CTL_REFUSED = 8001,     /**< would hurt; "text" says why, "remedy" what to do */
	CTL_TIMED_OUT = 8002,
	CTL_NOT_ACTIVE = 8003,  /**< only the Active node can do that */
	CTL_BAD_PACKET = 9000,  /**< not a JSON object, too long, no "cmd" */
	CTL_BAD_VERSION = 9001, /**< "oldest" and "newest" say what is understood */
	CTL_BAD_COMMAND = 9002,
	CTL_BAD_ARGS = 9003,
	CTL_DENIED = 9004, /**< needs root */
};

/** One decoded request; args is a new reference or NULL. */
struct ctl_request {
	uint64_t id;
	char cmd[32];
	json_t *args;
};

/**
 * Decodes a packet. Returns CTL_DONE, or the 9xxx code to answer with. On CTL_DONE the caller
 * ends with ctl_request_fini(). *out is always initialised; id is filled in as far as known.
 */
enum ctl_code ctl_request_decode(const void *packet, size_t len_bytes, struct ctl_request *out)
	__attribute__((warn_unused_result));
void ctl_request_fini(struct ctl_request *req);
/** Encodes a request into buf; args borrowed, may be NULL. Returns its length or 0 if too long. */
size_t ctl_request_encode(uint64_t id, const char *cmd, const json_t *args, char *buf,
			  size_t cap_bytes) __attribute__((warn_unused_result));

/** One decoded reply; body is the whole object, a new reference. */
struct ctl_reply {
	uint64_t id;
	int code; /**< enum ctl_code, or a number a newer daemon sends */
	bool end;
	json_t *body;
};

/** Returns 0, or -EPROTO when the packet is no reply, -EPROTONOSUPPORT for another version. */
int ctl_reply_decode(const void *packet, size_t len_bytes, struct ctl_reply *out)
	__attribute__((warn_unused_result));
void ctl_reply_fini(struct ctl_reply *reply);
/**
 * Encodes a reply: members of body (borrowed, may be NULL) behind v, id, code, end.
 * Returns its length, or 0 if it does not fit.
 */
size_t ctl_reply_encode(uint64_t id, enum ctl_code code, bool end, const json_t *body, char *buf,
			size_t cap_bytes) __attribute__((warn_unused_result));
const char *ctl_code_text(enum ctl_code code);

#endif
