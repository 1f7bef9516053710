/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection as a value, and its two faces towards the kernel: the attributes of a ctnetlink
 * message decoded into struct flow, and struct flow encoded into the attributes that recreate,
 * refresh, find or delete the connection in another kernel. Pure over bytes: the netlink header,
 * the socket and the sequence numbers are the business of ct.c.
 *
 * What a translated entry needs in order to be recreated (Linux, net/netfilter): the reply tuple
 * given as the plain inverse of the original one, the translation given only by CTA_NAT_DST and
 * CTA_NAT_SRC (both, even when one is the identity, otherwise a clash is solved by silently taking
 * another source port), and "be liberal" on both directions, because the window limits are not
 * exported and a connection with unknown limits loses its packets as invalid.
 */
#ifndef HA_FLOW_H
#define HA_FLOW_H

#include "addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Fields of the conntrack mark of a load-balanced connection: 0x5bffbbbb. */
#define FLOW_MARK_OURS            0x5b000000u /**< value of the tag */
#define FLOW_MARK_OURS_MASK       0xff000000u /**< bits of the tag */
#define FLOW_MARK_GENERATION_MASK 0x00030000u /**< low two bits of the flag byte */
#define FLOW_MARK_SERVER_MASK     0x0000ffffu /**< server number */

enum {
	FLOW_MARK_GENERATION_SHIFT = 16,
	FLOW_GENERATIONS = 4,       /**< generation 0 is what the rules set on new connections */
	FLOW_ATTRS_MAX_BYTES = 512, /**< room that always suffices for flow_encode() */
	FLOW_TEXT_MAX = 192,        /**< room that always suffices for flow_print() */
	FLOW_PROTO_TCP = 6,
	FLOW_PROTO_UDP = 17,
	FLOW_TCP_ESTABLISHED = 3,   /**< enum tcp_conntrack of the kernel */
	FLOW_TCP_CLOSING_FIRST = 4, /**< FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT, CLOSE */
	FLOW_TCP_CLOSING_LAST = 8,
	FLOW_TCP_STATE_MAX = 9,
	FLOW_TCP_SCALE_MAX = 14, /**< RFC 7323 2.3 */
};

/** Bits of struct flow.status that travel (IPS_* of the kernel). */
enum {
	FLOW_STATUS_SEEN_REPLY = 0x2,
	FLOW_STATUS_ASSURED = 0x4,
	FLOW_STATUS_CONFIRMED = 0x8,
	FLOW_STATUS_SYNCED = 0xe, /**< the three above: all that an injected entry may be given */
	FLOW_STATUS_DYING = 0x200,
};

/** Bits of struct flow_tcp.flags (IP_CT_TCP_FLAG_*). */
enum {
	FLOW_TCP_WINDOW_SCALE = 0x1,
	FLOW_TCP_SACK_PERM = 0x2,
	FLOW_TCP_BE_LIBERAL = 0x8,
};

enum flow_dir { FLOW_ORIGINAL, FLOW_REPLY, FLOW_DIRS };

/** Addresses and ports of one direction, as a packet of that direction carries them. */
struct flow_tuple {
	struct addr src;
	struct addr dst;
	uint16_t sport; /**< host order */
	uint16_t dport; /**< host order */
	uint8_t proto;  /**< FLOW_PROTO_TCP or FLOW_PROTO_UDP */
};

/** What conntrack knows about one direction's TCP options. */
struct flow_tcp {
	uint8_t flags; /**< FLOW_TCP_* */
	uint8_t scale; /**< window scale 0..14; meaningful with FLOW_TCP_WINDOW_SCALE */
};

struct flow {
	struct flow_tuple orig;  /**< as the client sends: client -> VIP */
	struct flow_tuple reply; /**< as the server answers: server -> client (translated) */
	uint32_t mark;           /**< conntrack mark; 0 when the message carried none */
	uint32_t status;         /**< IPS_* bits */
	uint32_t timeout_s;      /**< what is left of it */
	uint32_t id;             /**< CTA_ID, valid in the kernel that said it; 0 unknown */
	bool has_tcp;            /**< tcp_state and tcp[] were in the message */
	uint8_t tcp_state;       /**< enum tcp_conntrack */
	struct flow_tcp tcp[FLOW_DIRS];
};

enum flow_error {
	FLOW_OK,
	FLOW_BAD_ATTRIBUTE,   /**< an attribute is shorter than its header or leaves the message */
	FLOW_BAD_LENGTH,      /**< an attribute we need has a length other than its type's */
	FLOW_NO_TUPLE,        /**< original or reply tuple, or a part of it, is missing */
	FLOW_FAMILY_MISMATCH, /**< the tuples mix address families */
	FLOW_OTHER_PROTOCOL,  /**< neither TCP nor UDP: not ours */
	FLOW_ERROR_N,
};

enum flow_encoding {
	FLOW_ENCODE_CREATE,    /**< everything: for NLM_F_CREATE | NLM_F_EXCL */
	FLOW_ENCODE_UPDATE,    /**< the changeable: time-out, status, mark, TCP; no translation */
	FLOW_ENCODE_RELAX,     /**< TCP: only the flag that makes window checks liberal */
	FLOW_ENCODE_KEY,       /**< the original tuple: find, delete */
	FLOW_ENCODE_REPLY_KEY, /**< the translated reply tuple: find or delete what is in the way */
};

/**
 * Reads the attributes of a ctnetlink message (what follows struct nfgenmsg, len_bytes of them)
 * into *out. Unknown attributes are skipped. On an error *out is left alone.
 */
enum flow_error flow_decode(const uint8_t *attrs, size_t len_bytes, struct flow *out)
	__attribute__((warn_unused_result));

/**
 * Writes the attributes for the given use into buf. Returns their length, or 0 when cap_bytes was
 * too small or the flow is of no family. TCP without known state is taken for established, liberal.
 */
size_t flow_encode(const struct flow *flow, enum flow_encoding encoding, uint8_t *buf,
		   size_t cap_bytes) __attribute__((warn_unused_result));

/** The tuple of the opposite direction, untranslated. */
struct flow_tuple flow_tuple_inverse(const struct flow_tuple *t);
bool flow_tuple_equal(const struct flow_tuple *a, const struct flow_tuple *b);
/** 64-bit fingerprint of (original tuple, id) under a seed that strangers do not know. */
uint64_t flow_fingerprint(const struct flow *flow, uint64_t seed);
/** The mark with its generation bits replaced; generation 0..3. */
uint32_t flow_mark_with_generation(uint32_t mark, unsigned generation);
unsigned flow_mark_generation(uint32_t mark);
/** A TCP connection of which a FIN or RST has been seen. */
bool flow_is_closing(const struct flow *flow);
/** True when the mark carries our tag. */
bool flow_mark_is_ours(uint32_t mark);
/** "tcp 10.0.0.1:999 -> 192.0.2.10:135 => 10.1.0.11:135"; returns buf. */
const char *flow_print(const struct flow *flow, char *buf, size_t cap_bytes);
/** Text of an error, never NULL. */
const char *flow_error_text(enum flow_error error);

#endif
