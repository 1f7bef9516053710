// SPDX-License-Identifier: GPL-2.0-or-later
#include "epm.h"

#include "epm_wire.h"

#include <assert.h>
#include <string.h>

enum {
	VERSION_MAJOR = 5,
	VERSION_MINOR_MAX = 1,
	DREP_LITTLE_ENDIAN = 0x10,
	FRAGMENT_OFFER_BYTES = 5840,
	RESULT_ACCEPTED = 0,
	AUTH_TRAILER_BYTES = 8, /**< before the token that auth_length counts */
};

const struct epm_syntax epm_wire_ndr = {
	.uuid = {0x8a, 0x88, 0x5d, 0x04, 0x1c, 0xeb, 0x11, 0xc9, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10,
		 0x48, 0x60},
	.major = 2,
};

const struct epm_syntax epm_interface_mapper = {
	.uuid = {0xe1, 0xaf, 0x83, 0x08, 0x5d, 0x1f, 0x11, 0xc9, 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14,
		 0xa0, 0xfa},
	.major = 3,
};

const struct epm_syntax epm_interface_emsmdb = {
	.uuid = {0xa4, 0xf1, 0xdb, 0x00, 0xca, 0x47, 0x10, 0x67, 0xb3, 0x1f, 0x00, 0xdd, 0x01, 0x06,
		 0x62, 0xda},
	.major = 0,
	.minor = 81,
};

/* A UUID's first three fields are numbers, so they are swapped on a little-endian wire. */
void epm_wire_swap_uuid(const uint8_t in[static 16], uint8_t out[static 16])
{
	static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

	for (size_t i = 0; i < 16; i++)
		out[i] = in[order[i]];
}

void epm_wire_put_uuid(struct wire_writer *w, const struct epm_syntax *s)
{
	uint8_t uuid[16];

	epm_wire_swap_uuid(s->uuid, uuid);
	wire_put_bytes(w, uuid, sizeof(uuid));
}

static void put_syntax(struct wire_writer *w, const struct epm_syntax *s)
{
	epm_wire_put_uuid(w, s);
	wire_put_u16_le(w, s->major);
	wire_put_u16_le(w, s->minor);
}

static struct epm_syntax get_syntax(struct wire_reader *r)
{
	struct epm_syntax s = {0};
	uint8_t uuid[16];

	wire_get_bytes(r, uuid, sizeof(uuid));
	epm_wire_swap_uuid(uuid, s.uuid);
	s.major = wire_get_u16_le(r);
	s.minor = wire_get_u16_le(r);
	return s;
}

bool epm_wire_same_interface(const struct epm_syntax *a, const struct epm_syntax *b)
{
	return memcmp(a->uuid, b->uuid, sizeof(a->uuid)) == 0 && a->major == b->major;
}

size_t epm_pdu_length(const uint8_t *data, size_t len_bytes, enum epm_error *error)
{
	struct wire_reader r;

	*error = EPM_OK;
	wire_reader_init(&r, data, len_bytes);
	uint8_t version = wire_get_u8(&r);
	uint8_t minor = wire_get_u8(&r);

	/* Refused from the first bytes on: who sends text may send fewer than a header of it. */
	if ((len_bytes >= 1 && version != VERSION_MAJOR) ||
	    (len_bytes >= 2 && minor > VERSION_MINOR_MAX)) {
		*error = EPM_ERR_VERSION;
		return 0;
	}
	wire_skip(&r, 2);
	uint8_t drep = wire_get_u8(&r);

	if (wire_reader_ok(&r) && drep >> 4 != DREP_LITTLE_ENDIAN >> 4) {
		*error = EPM_ERR_DREP;
		return 0;
	}
	wire_skip(&r, 3);
	uint16_t frag_length = wire_get_u16_le(&r);

	if (!wire_reader_ok(&r))
		return 0;
	if (frag_length < EPM_HEADER_BYTES || frag_length > EPM_PDU_MAX_BYTES) {
		*error = EPM_ERR_FRAG_LENGTH;
		return 0;
	}
	return frag_length;
}

/* Reads and checks the common header; r stands behind it afterwards. */
enum epm_error epm_wire_get_header(struct wire_reader *r, struct epm_header *out)
{
	enum epm_error error;
	size_t length = epm_pdu_length(r->data, r->len_bytes, &error);

	if (error != EPM_OK)
		return error;
	if (r->len_bytes < EPM_HEADER_BYTES)
		return EPM_ERR_SHORT;
	if (length != r->len_bytes)
		return length > r->len_bytes ? EPM_ERR_SHORT : EPM_ERR_FRAG_LENGTH;
	wire_skip(r, 2);
	struct epm_header h = {.type = wire_get_u8(r)};

	h.flags = wire_get_u8(r); /* in the order of the wire: an initialiser promises none */
	wire_skip(r, 4);
	h.frag_length_bytes = wire_get_u16_le(r);
	h.auth_length_bytes = wire_get_u16_le(r);
	h.call_id = wire_get_u32_le(r);
	if (h.auth_length_bytes > 0) {
		size_t trailer = (size_t)h.auth_length_bytes + AUTH_TRAILER_BYTES;

		if (trailer > length - EPM_HEADER_BYTES)
			return EPM_ERR_AUTH_LENGTH;
		/* The trailer is no part of the body: what we read must end before it. */
		r->len_bytes -= trailer;
	}
	*out = h;
	return EPM_OK;
}

enum epm_error epm_header_decode(const uint8_t *pdu, size_t len_bytes, struct epm_header *out)
{
	struct wire_reader r;

	wire_reader_init(&r, pdu, len_bytes);
	return epm_wire_get_header(&r, out);
}

enum epm_error epm_wire_open(struct wire_reader *r, const uint8_t *pdu, size_t len_bytes,
			     enum epm_type type, struct epm_header *out)
{
	wire_reader_init(r, pdu, len_bytes);
	enum epm_error error = epm_wire_get_header(r, out);

	if (error != EPM_OK)
		return error;
	if (out->type != type)
		return EPM_ERR_TYPE;
	if ((out->flags & (EPM_FLAG_FIRST | EPM_FLAG_LAST)) != (EPM_FLAG_FIRST | EPM_FLAG_LAST))
		return EPM_ERR_FLAGS;
	return EPM_OK;
}

void epm_wire_put_header(struct wire_writer *w, enum epm_type type, uint32_t call_id)
{
	wire_put_u8(w, VERSION_MAJOR);
	wire_put_u8(w, 0);
	wire_put_u8(w, (uint8_t)type);
	wire_put_u8(w, EPM_FLAG_FIRST | EPM_FLAG_LAST);
	wire_put_u8(w, DREP_LITTLE_ENDIAN);
	wire_put_zero(w, 3);
	wire_put_u16_le(w, 0); /* frag_length, see epm_wire_finish() */
	wire_put_u16_le(w, 0);
	wire_put_u32_le(w, call_id);
}

size_t epm_wire_finish(struct wire_writer *w)
{
	if (!wire_writer_ok(w) || w->at > EPM_PDU_MAX_BYTES)
		return 0;
	wire_patch_u16_le(w, 8, (uint16_t)w->at);
	return w->at;
}

size_t epm_bind_encode(const struct epm_bind *bind, uint8_t *buf, size_t cap_bytes)
{
	struct wire_writer w;

	wire_writer_init(&w, buf, cap_bytes);
	epm_wire_put_header(&w, EPM_BIND, bind->call_id);
	wire_put_u16_le(&w, FRAGMENT_OFFER_BYTES);
	wire_put_u16_le(&w, FRAGMENT_OFFER_BYTES);
	wire_put_u32_le(&w, bind->assoc_group);
	wire_put_u8(&w, 1); /* contexts */
	wire_put_zero(&w, 3);
	wire_put_u16_le(&w, bind->context_id);
	wire_put_u8(&w, 1); /* transfer syntaxes */
	wire_put_u8(&w, 0);
	put_syntax(&w, &bind->interface);
	put_syntax(&w, &epm_wire_ndr);
	return epm_wire_finish(&w);
}

enum epm_error epm_bind_decode(const uint8_t *pdu, size_t len_bytes, struct epm_bind *out)
{
	struct wire_reader r;
	struct epm_header h;

	enum epm_error error = epm_wire_open(&r, pdu, len_bytes, EPM_BIND, &h);

	if (error != EPM_OK)
		return error;
	struct epm_bind bind = {.call_id = h.call_id};

	wire_skip(&r, 4);
	bind.assoc_group = wire_get_u32_le(&r);
	uint8_t contexts = wire_get_u8(&r);

	wire_skip(&r, 3);
	bind.context_id = wire_get_u16_le(&r);
	uint8_t transfers = wire_get_u8(&r);

	wire_skip(&r, 1);
	bind.interface = get_syntax(&r);
	bool ndr_offered = false;

	for (unsigned i = 0; i < transfers; i++) {
		struct epm_syntax transfer = get_syntax(&r);

		ndr_offered = ndr_offered || epm_wire_same_interface(&transfer, &epm_wire_ndr);
	}
	if (!wire_reader_ok(&r))
		return EPM_ERR_SHORT;
	if (contexts != 1)
		return EPM_ERR_RESULTS;
	*out = bind;
	return ndr_offered ? EPM_OK : EPM_ERR_REJECTED;
}

size_t epm_bind_ack_encode(const struct epm_bind_answer *answer, uint8_t *buf, size_t cap_bytes)
{
	struct wire_writer w;
	size_t secondary = strnlen(answer->secondary, EPM_SECONDARY_MAX - 1);
	size_t length = secondary ? secondary + 1 : 0;

	wire_writer_init(&w, buf, cap_bytes);
	epm_wire_put_header(&w, EPM_BIND_ACK, answer->call_id);
	wire_put_u16_le(&w, FRAGMENT_OFFER_BYTES);
	wire_put_u16_le(&w, FRAGMENT_OFFER_BYTES);
	wire_put_u32_le(&w, answer->assoc_group);
	wire_put_u16_le(&w, (uint16_t)length);
	wire_put_bytes(&w, answer->secondary, secondary);
	wire_put_zero(&w, length - secondary);
	wire_put_zero(&w, (4 - w.at % 4) % 4); /* aligned from the start of the PDU */
	wire_put_u8(&w, 1);
	wire_put_zero(&w, 3);
	wire_put_u16_le(&w, answer->result);
	wire_put_u16_le(&w, answer->reason);
	if (answer->result == RESULT_ACCEPTED)
		put_syntax(&w, &epm_wire_ndr);
	else
		wire_put_zero(&w, 20);
	return epm_wire_finish(&w);
}

size_t epm_bind_nak_encode(uint32_t call_id, uint16_t reason, uint8_t *buf, size_t cap_bytes)
{
	struct wire_writer w;

	wire_writer_init(&w, buf, cap_bytes);
	epm_wire_put_header(&w, EPM_BIND_NAK, call_id);
	wire_put_u16_le(&w, reason);
	wire_put_u8(&w, 1); /* protocol versions understood: 5.0 */
	wire_put_u8(&w, VERSION_MAJOR);
	wire_put_u8(&w, 0);
	wire_put_zero(&w, 3);
	return epm_wire_finish(&w);
}

static enum epm_error get_bind_ack(struct wire_reader *r, struct epm_bind_answer *out)
{
	wire_skip(r, 4);
	out->assoc_group = wire_get_u32_le(r);
	uint16_t length = wire_get_u16_le(r);
	const uint8_t *secondary = wire_get_view(r, length);

	if (!secondary)
		return EPM_ERR_SECONDARY;
	size_t keep = length < EPM_SECONDARY_MAX - 1U ? length : EPM_SECONDARY_MAX - 1U;

	memcpy(out->secondary, secondary, keep);
	wire_skip(r, (4 - r->at % 4) % 4);
	uint8_t results = wire_get_u8(r);

	wire_skip(r, 3);
	out->result = wire_get_u16_le(r);
	out->reason = wire_get_u16_le(r);
	struct epm_syntax transfer = get_syntax(r);

	if (!wire_reader_ok(r))
		return EPM_ERR_SHORT;
	if (results != 1)
		return EPM_ERR_RESULTS;
	if (out->result != RESULT_ACCEPTED || !epm_wire_same_interface(&transfer, &epm_wire_ndr))
		return EPM_ERR_REJECTED;
	return EPM_OK;
}

enum epm_error epm_bind_answer_decode(const uint8_t *pdu, size_t len_bytes, uint32_t call_id,
				      struct epm_bind_answer *out)
{
	struct wire_reader r;
	struct epm_header h;

	*out = (struct epm_bind_answer){0};
	wire_reader_init(&r, pdu, len_bytes);
	enum epm_error error = epm_wire_get_header(&r, &h);

	if (error != EPM_OK)
		return error;
	if (h.type != EPM_BIND_ACK && h.type != EPM_BIND_NAK)
		return EPM_ERR_TYPE;
	if (h.call_id != call_id)
		return EPM_ERR_CALL_ID;
	if ((h.flags & (EPM_FLAG_FIRST | EPM_FLAG_LAST)) != (EPM_FLAG_FIRST | EPM_FLAG_LAST))
		return EPM_ERR_FLAGS;
	out->call_id = h.call_id;
	if (h.type == EPM_BIND_ACK)
		return get_bind_ack(&r, out);
	out->reason = wire_get_u16_le(&r);
	return wire_reader_ok(&r) ? EPM_ERR_NAK : EPM_ERR_SHORT;
}

const char *epm_error_text(enum epm_error error)
{
	static const char *const text[EPM_ERR_N] = {
		[EPM_OK] = "ok",
		[EPM_ERR_SHORT] = "answer ends before its fields do",
		[EPM_ERR_VERSION] = "not DCE/RPC version 5",
		[EPM_ERR_DREP] = "not little-endian",
		[EPM_ERR_FRAG_LENGTH] = "bad fragment length",
		[EPM_ERR_AUTH_LENGTH] = "bad authentication length",
		[EPM_ERR_TYPE] = "unexpected PDU type",
		[EPM_ERR_CALL_ID] = "answers another call",
		[EPM_ERR_FLAGS] = "fragments out of order",
		[EPM_ERR_SECONDARY] = "bad secondary address",
		[EPM_ERR_RESULTS] = "not exactly one presentation context",
		[EPM_ERR_NAK] = "bind refused (bind_nak)",
		[EPM_ERR_REJECTED] = "interface not offered",
		[EPM_ERR_FAULT] = "call failed (fault)",
		[EPM_ERR_EMPTY_FRAGMENT] = "empty fragment",
		[EPM_ERR_STUB_TOO_LONG] = "answer too long",
		[EPM_ERR_OPNUM] = "not ept_map",
		[EPM_ERR_COUNTS] = "tower counts disagree",
		[EPM_ERR_TOWER] = "malformed tower",
		[EPM_ERR_OTHER_INTERFACE] = "towers of another interface",
		[EPM_ERR_NO_ENDPOINT] = "interface not registered at the endpoint mapper",
		[EPM_ERR_STATUS] = "endpoint mapper reports an error",
	};

	assert(error < EPM_ERR_N);
	return text[error];
}
