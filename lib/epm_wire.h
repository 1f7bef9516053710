/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the two halves of the endpoint-mapper codec (epm.c, epm_map.c) share: the common header and
 * UUIDs on a little-endian wire. Not for other callers.
 */
#ifndef HA_EPM_WIRE_H
#define HA_EPM_WIRE_H

#include "epm.h"
#include "wire.h"

/** The NDR transfer syntax, 8a885d04-1ceb-11c9-9fe8-08002b104860 2.0. */
extern const struct epm_syntax epm_wire_ndr;

/** Turns a UUID from its written order into the wire's, or back: three leading numbers swap. */
void epm_wire_swap_uuid(const uint8_t in[static 16], uint8_t out[static 16]);
void epm_wire_put_uuid(struct wire_writer *w, const struct epm_syntax *s);
/** Same UUID and major version: what a mapper matches by. */
bool epm_wire_same_interface(const struct epm_syntax *a, const struct epm_syntax *b);
/** Reads and checks the header of the one whole PDU in r; ends r before an auth trailer. */
enum epm_error epm_wire_get_header(struct wire_reader *r, struct epm_header *out)
	__attribute__((warn_unused_result));
/** The same for a PDU that must be of this type and in one fragment; starts r on its bytes. */
enum epm_error epm_wire_open(struct wire_reader *r, const uint8_t *pdu, size_t len_bytes,
			     enum epm_type type, struct epm_header *out)
	__attribute__((warn_unused_result));
/** Begins an unfragmented PDU. */
void epm_wire_put_header(struct wire_writer *w, enum epm_type type, uint32_t call_id);
/** Fills in frag_length; returns it, or 0 when the PDU did not fit. */
size_t epm_wire_finish(struct wire_writer *w);

#endif
