/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DCE/RPC over TCP as far as an endpoint-mapper conversation goes: bind, bind_ack, bind_nak and
 * ept_map in both directions. Callers: the rpc health check of lbd (client side) and the drill
 * (both sides). C706 chapters 12 and 14 and appendices I, L and O; [MS-RPCE] 2.2.1.2, 2.2.2.
 *
 * Little-endian only (data representation 0x10); a big-endian peer is refused by name. Every
 * decoder takes whole PDUs: epm_pdu_length() says how many bytes to collect first.
 */
#ifndef HA_EPM_H
#define HA_EPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	EPM_PORT = 135,
	EPM_HEADER_BYTES = 16,
	EPM_PDU_MAX_BYTES = 5840,   /**< longest fragment taken, whatever was negotiated */
	EPM_STUB_MAX_BYTES = 65536, /**< longest stub over all fragments */
	EPM_TOWERS_MAX = 4,         /**< what epm_map_request_encode() asks for */
	EPM_SECONDARY_MAX = 32,     /**< secondary address kept, with its NUL */
	EPM_STATUS_NOT_REGISTERED = 0x16c9a0d6,
};

/** PDU types (C706 12.6.3). */
enum epm_type {
	EPM_REQUEST = 0,
	EPM_RESPONSE = 2,
	EPM_FAULT = 3,
	EPM_BIND = 11,
	EPM_BIND_ACK = 12,
	EPM_BIND_NAK = 13,
};

/** PDU flags. */
enum {
	EPM_FLAG_FIRST = 0x01,
	EPM_FLAG_LAST = 0x02,
};

/** Why a PDU was not what we wanted. epm_error_text() has the words. */
enum epm_error {
	EPM_OK,
	EPM_ERR_SHORT,           /**< ends before its fields do */
	EPM_ERR_VERSION,         /**< not DCE/RPC 5.0 or 5.1: HTTP or SMTP text arrives here */
	EPM_ERR_DREP,            /**< not little-endian */
	EPM_ERR_FRAG_LENGTH,     /**< frag_length out of range or not the length of the PDU */
	EPM_ERR_AUTH_LENGTH,     /**< authentication trailer longer than the PDU */
	EPM_ERR_TYPE,            /**< another type than the conversation calls for */
	EPM_ERR_CALL_ID,         /**< answers something else */
	EPM_ERR_FLAGS,           /**< first/last flags out of order */
	EPM_ERR_SECONDARY,       /**< secondary address runs over the end */
	EPM_ERR_RESULTS,         /**< not exactly one presentation result */
	EPM_ERR_NAK,             /**< bind_nak */
	EPM_ERR_REJECTED,        /**< the interface or its transfer syntax is not offered */
	EPM_ERR_FAULT,           /**< fault PDU */
	EPM_ERR_EMPTY_FRAGMENT,  /**< a fragment without bytes that is not the last */
	EPM_ERR_STUB_TOO_LONG,   /**< all fragments together over EPM_STUB_MAX_BYTES */
	EPM_ERR_OPNUM,           /**< not ept_map */
	EPM_ERR_COUNTS,          /**< num_towers, max, offset, actual disagree */
	EPM_ERR_TOWER,           /**< a tower whose lengths do not add up */
	EPM_ERR_OTHER_INTERFACE, /**< towers of another interface than asked for */
	EPM_ERR_NO_ENDPOINT,     /**< not registered, or no TCP port in any tower */
	EPM_ERR_STATUS,          /**< another error status of the mapper */
	EPM_ERR_N,
};

/** An interface: UUID in the order it is written, and version. */
struct epm_syntax {
	uint8_t uuid[16];
	uint16_t major;
	uint16_t minor;
};

/** The common header in host order. */
struct epm_header {
	uint8_t type; /**< enum epm_type, or what else the peer sent */
	uint8_t flags;
	uint16_t frag_length_bytes;
	uint16_t auth_length_bytes;
	uint32_t call_id;
};

struct epm_bind {
	uint32_t call_id;
	uint32_t assoc_group; /**< 0: a new association group */
	uint16_t context_id;
	struct epm_syntax interface;
};

/** What came back on a bind. */
struct epm_bind_answer {
	uint32_t call_id;
	uint32_t assoc_group;
	uint16_t result; /**< of the context: 0 accepted, 2 provider rejection */
	uint16_t reason; /**< of the rejection (1 interface, 2 transfer syntax), or of a bind_nak */
	char secondary[EPM_SECONDARY_MAX]; /**< secondary address, "" when there is none */
};

struct epm_map_request {
	uint32_t call_id;
	uint16_t context_id;
	uint32_t max_towers;
	struct epm_syntax interface;
};

/** The mapper's answer: distinct TCP ports in the order of their towers. */
struct epm_map {
	uint16_t port[EPM_TOWERS_MAX];
	size_t n_ports;
	uint32_t status; /**< of ept_map; a fault's status after EPM_ERR_FAULT */
};

/** The endpoint mapper itself, e1af8308-5d1f-11c9-91a4-08002b14a0fa 3.0. */
extern const struct epm_syntax epm_interface_mapper;
/** Exchange store access, a4f1db00-ca47-1067-b31f-00dd010662da 0.81. */
extern const struct epm_syntax epm_interface_emsmdb;

/**
 * Length of the PDU that begins at data, from its header: 0 while fewer than 10 bytes are there,
 * else 16..EPM_PDU_MAX_BYTES. *error is EPM_OK unless these bytes cannot be a PDU (then 0).
 */
size_t epm_pdu_length(const uint8_t *data, size_t len_bytes, enum epm_error *error);
/** Decodes and checks the header of one whole PDU of len_bytes. */
enum epm_error epm_header_decode(const uint8_t *pdu, size_t len_bytes, struct epm_header *out)
	__attribute__((warn_unused_result));

/* Encoders write one PDU to buf and return its length, or 0 when it does not fit. */
size_t epm_bind_encode(const struct epm_bind *bind, uint8_t *buf, size_t cap_bytes);
/** bind_ack with one result; answer->result 0 accepts NDR, else the rejection with its reason. */
size_t epm_bind_ack_encode(const struct epm_bind_answer *answer, uint8_t *buf, size_t cap_bytes);
size_t epm_bind_nak_encode(uint32_t call_id, uint16_t reason, uint8_t *buf, size_t cap_bytes);
size_t epm_map_request_encode(const struct epm_map_request *req, uint8_t *buf, size_t cap_bytes);
/**
 * The answer to req: one tower with port at ipv4 (host order), or with port 0 none and
 * EPM_STATUS_NOT_REGISTERED.
 */
size_t epm_map_response_encode(const struct epm_map_request *req, uint16_t port, uint32_t ipv4,
			       uint8_t *buf, size_t cap_bytes);

/** Server side: a bind with one context. */
enum epm_error epm_bind_decode(const uint8_t *pdu, size_t len_bytes, struct epm_bind *out)
	__attribute__((warn_unused_result));
/**
 * Client side: the answer to a bind with call_id. EPM_OK only when the context was accepted;
 * EPM_ERR_NAK and EPM_ERR_REJECTED fill in out->reason.
 */
enum epm_error epm_bind_answer_decode(const uint8_t *pdu, size_t len_bytes, uint32_t call_id,
				      struct epm_bind_answer *out)
	__attribute__((warn_unused_result));
/** Server side: a whole ept_map request in one fragment. */
enum epm_error epm_map_request_decode(const uint8_t *pdu, size_t len_bytes,
				      struct epm_map_request *out)
	__attribute__((warn_unused_result));

/** A response being put together from its fragments; bytes are the caller's. */
struct epm_stub {
	uint8_t *data;
	size_t cap_bytes; /**< at most EPM_STUB_MAX_BYTES are ever used */
	size_t len_bytes;
	bool begun;
	bool complete;
	uint32_t fault_status; /**< after EPM_ERR_FAULT */
};

void epm_stub_init(struct epm_stub *stub, uint8_t *data, size_t cap_bytes);
/** Adds one response fragment of the call; stub->complete after the last. */
enum epm_error epm_stub_add(struct epm_stub *stub, const uint8_t *pdu, size_t len_bytes,
			    uint32_t call_id) __attribute__((warn_unused_result));
/** Reads the ports for req out of a complete stub. */
enum epm_error epm_map_response_decode(const uint8_t *stub, size_t len_bytes,
				       const struct epm_map_request *req, struct epm_map *out)
	__attribute__((warn_unused_result));

const char *epm_error_text(enum epm_error error);

#endif
