/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pair link's frames: what one lbd says to the other inside TLS. A frame is a header (length of
 * the whole frame, type, flags, reserved, sequence; 12 bytes, network order) and a body by type.
 * Callers: pair.c (framing, HELLO, HEARTBEAT) and sync.c (the rest). The decoder checks every
 * field, so that even an authenticated peer gone mad cannot put nonsense into our kernel.
 *
 * Compatible growth: bytes after the known fields of a body are ignored, a frame of an unknown type
 * is skipped when it carries SYNC_FRAME_SKIPPABLE and ends the link otherwise. HELLO carries the
 * range of protocol versions; the highest common one is spoken. Version history:
 *   1  first one
 */
#ifndef HA_SYNC_FRAME_H
#define HA_SYNC_FRAME_H

#include "lbd/flow.h"
#include "wire.h"

enum {
	SYNC_VERSION_MIN = 1,
	SYNC_VERSION_MAX = 1,
	SYNC_FRAME_HEADER_BYTES = 12,
	SYNC_FRAME_MAX_BYTES = 32 * 1024, /**< header included */
	SYNC_RECORD_IPV4_BYTES = 44,
	SYNC_RECORD_IPV6_BYTES = 92,
	SYNC_KEY_IPV4_BYTES = 16,
	SYNC_KEY_IPV6_BYTES = 40,
	SYNC_BATCH_BYTES = 16 * 1024, /**< a batch of records is closed at this size */
	SYNC_NAME_MAX = 32,           /**< node and group names with NUL */
	SYNC_TEXT_MAX = 96,           /**< reasons, program versions with NUL */
	SYNC_GROUPS_MAX = 64,
};

enum sync_frame_type {
	SYNC_HELLO = 1,         /**< first frame of either side */
	SYNC_PUT = 2,           /**< connections to be held */
	SYNC_DEL = 3,           /**< connections that ended */
	SYNC_BULK_BEGIN = 4,    /**< everything the sender has follows */
	SYNC_BULK_END = 5,      /**< that was all */
	SYNC_BULK_DONE = 6,     /**< receiver: all of it is in my kernel, stale ones are gone */
	SYNC_BULK_REQUEST = 7,  /**< receiver: please start over */
	SYNC_BARRIER = 8,       /**< tell me when all before this is in your kernel */
	SYNC_BARRIER_ACK = 9,   /**< it is */
	SYNC_VERDICT = 10,      /**< a server's health as the sender sees it */
	SYNC_FLUSH_SERVER = 11, /**< forget all connections of a server */
	SYNC_STATE = 12,        /**< the sender's VRRP word */
	SYNC_HEARTBEAT = 13,
	SYNC_HEARTBEAT_ACK = 14,
	SYNC_BYE = 15, /**< orderly end with a reason */
	SYNC_FRAME_TYPE_N = 16,
};

/** Header flags. */
enum { SYNC_FRAME_SKIPPABLE = 0x01 };

/** Capabilities in HELLO. */
enum { SYNC_CAN_IPV4 = 0x1, SYNC_CAN_IPV6 = 0x2 };

enum sync_frame_error {
	SYNC_FRAME_OK,
	SYNC_FRAME_MORE,        /**< not an error: the frame has not fully arrived */
	SYNC_FRAME_SKIP,        /**< not an error: unknown type, marked skippable */
	SYNC_FRAME_BAD_LENGTH,  /**< header length out of range */
	SYNC_FRAME_BAD_TYPE,    /**< unknown type, not skippable */
	SYNC_FRAME_SHORT,       /**< body shorter than its fields */
	SYNC_FRAME_BAD_NAME,    /**< name empty, too long or with bytes that are no name */
	SYNC_FRAME_BAD_VERSION, /**< version range reversed or zero */
	SYNC_FRAME_BAD_FAMILY,  /**< address family neither 4 nor 6 */
	SYNC_FRAME_BAD_RECORD,  /**< record size or count does not fit the body */
	SYNC_FRAME_BAD_FLOW,    /**< protocol, port, address, TCP state or scale out of range */
	SYNC_FRAME_BAD_MARK,    /**< mark without our tag */
	SYNC_FRAME_BAD_VALUE,   /**< another field out of range */
	SYNC_FRAME_ERROR_N,
};

struct sync_frame_header {
	uint32_t len_bytes; /**< of the frame, header included */
	uint8_t type;       /**< enum sync_frame_type, or unknown to us */
	uint8_t flags;      /**< SYNC_FRAME_SKIPPABLE */
	uint32_t seq;       /**< counts the frames of one direction from 0 */
};

struct sync_hello {
	uint16_t version_min;
	uint16_t version_max;
	uint32_t capabilities;
	uint64_t instance;    /**< random, new at every start of the daemon */
	uint64_t config_hash; /**< struct conf.hash */
	uint32_t epoch;       /**< of the sender's last claim of ownership, 0 none */
	bool owner;           /**< the sender's group is Active there */
	char node[SYNC_NAME_MAX];
	char program[SYNC_TEXT_MAX]; /**< program version, for status */
};

struct sync_records {
	enum addr_family family;
	bool bulk;           /**< PUT: from the dump of a bulk, not from an event */
	uint16_t count;      /**< number of records */
	const uint8_t *data; /**< borrowed view of count fixed-size records */
};

struct sync_bulk {
	uint32_t id;    /**< of the bulk, sender's counter */
	uint64_t count; /**< BEGIN: estimate; END: records sent; DONE: records injected */
};

struct sync_barrier {
	uint64_t id;
	uint64_t injected; /**< ACK: records injected since the link came up */
};

enum sync_verdict_state { SYNC_SERVER_UNKNOWN, SYNC_SERVER_UP, SYNC_SERVER_DOWN, SYNC_SERVER_N };

struct sync_verdict {
	uint16_t server; /**< number, 1.. */
	enum sync_verdict_state state;
	char reason[SYNC_TEXT_MAX];
};

/** One failover group as the sender's vrrpd tells it. state: 0 Initialize, 1 Backup, 2 Active. */
struct sync_group {
	char name[SYNC_NAME_MAX];
	uint8_t state;
	uint8_t priority;
	uint32_t epoch;
};

struct sync_word {
	bool owner;
	bool vrrpd;           /**< the sender's vrrpd answers */
	uint32_t epoch;       /**< of the sender's last claim of ownership */
	uint64_t config_hash; /**< as in HELLO: a reload changes it while the link is up */
	uint64_t connections; /**< entries tagged ours in the sender's kernel */
	uint8_t n_groups;
	struct sync_group group[SYNC_GROUPS_MAX];
};

/** A decoded frame; `type` says which member holds. */
struct sync_frame {
	enum sync_frame_type type;
	union {
		struct sync_hello hello;
		struct sync_records records; /**< PUT, DEL */
		struct sync_bulk bulk;       /**< BULK_BEGIN, _END, _DONE */
		struct sync_barrier barrier; /**< BARRIER, BARRIER_ACK */
		struct sync_verdict verdict;
		uint16_t server;            /**< FLUSH_SERVER */
		struct sync_word word;      /**< STATE */
		uint64_t stamp;             /**< HEARTBEAT, _ACK: opaque to the peer */
		char reason[SYNC_TEXT_MAX]; /**< BYE, BULK_REQUEST */
	};
};

/**
 * Looks at the header in the first len_bytes received. OK: the whole frame is there;
 * MORE: *out is valid only when len_bytes reached SYNC_FRAME_HEADER_BYTES.
 */
enum sync_frame_error sync_frame_peek(const uint8_t *data, size_t len_bytes,
				      struct sync_frame_header *out)
	__attribute__((warn_unused_result));
/**
 * Decodes one whole frame (header->len_bytes bytes at data), checking every record. Views in *out
 * point into data.
 */
enum sync_frame_error sync_frame_decode(const uint8_t *data, const struct sync_frame_header *header,
					struct sync_frame *out) __attribute__((warn_unused_result));
/** Record i < count of a PUT; only orig is set for a DEL. */
enum sync_frame_error sync_frame_flow(const struct sync_frame *frame, size_t i, struct flow *out)
	__attribute__((warn_unused_result));
/**
 * Encodes any frame but PUT and DEL into buf. Returns its length, 0 when it does not fit
 * (SYNC_FRAME_MAX_BYTES always suffices). Over-long texts were cut by their arrays.
 */
size_t sync_frame_encode(const struct sync_frame *frame, uint32_t seq, uint8_t *buf,
			 size_t cap_bytes) __attribute__((warn_unused_result));
/** Highest version both sides speak, 0 when there is none. */
uint16_t sync_version_common(const struct sync_hello *peer);
/** Text of an error, never NULL. */
const char *sync_frame_error_text(enum sync_frame_error error);
/** "HELLO", "PUT", ..., "unknown". */
const char *sync_frame_type_name(unsigned type);

/** A PUT or DEL frame under construction: consecutive records of one kind share a frame. */
struct sync_batch {
	enum sync_frame_type type;
	enum addr_family family;
	bool bulk;
	uint16_t count; /**< 0: nothing under construction */
	struct wire_writer w;
	uint8_t buf[SYNC_BATCH_BYTES];
};

/** True when a record of this kind can join the batch; otherwise finish it first. */
bool sync_batch_fits(const struct sync_batch *b, enum sync_frame_type type, const struct flow *flow,
		     bool bulk);
/** Adds a record; sync_batch_fits() was true or the batch is empty. */
void sync_batch_add(struct sync_batch *b, enum sync_frame_type type, const struct flow *flow,
		    bool bulk);
/** Completes the frame in b->buf; returns its length, 0 when empty. The batch is empty then. */
size_t sync_batch_finish(struct sync_batch *b, uint32_t seq);

#endif
