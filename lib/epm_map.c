// SPDX-License-Identifier: GPL-2.0-or-later
/* ept_map, request and response: the second half of epm.h. */
#include "epm.h"

#include "epm_wire.h"

#include <assert.h>
#include <string.h>

enum {
	OPNUM_EPT_MAP = 3,
	TOWER_BYTES = 75, /**< the one shape we write: five floors, TCP over IPv4 */
	TOWER_MAX_BYTES = 2000,
	FLOORS_MAX = 16,
	FLOOR_UUID = 0x0d,
	FLOOR_RPC_CO = 0x0b,
	FLOOR_TCP = 0x07,
	FLOOR_IP = 0x09,
	HANDLE_BYTES = 20,
};

static void put_uuid_floor(struct wire_writer *w, const struct epm_syntax *s)
{
	wire_put_u16_le(w, 19);
	wire_put_u8(w, FLOOR_UUID);
	epm_wire_put_uuid(w, s);
	wire_put_u16_le(w, s->major);
	wire_put_u16_le(w, 2);
	wire_put_u16_le(w, s->minor);
}

/* The tower of an interface over TCP and IPv4: TOWER_BYTES, unaligned inside (C706 appendix L). */
static void put_tower(struct wire_writer *w, const struct epm_syntax *s, uint16_t port,
		      uint32_t ipv4)
{
	wire_put_u16_le(w, 5);
	put_uuid_floor(w, s);
	put_uuid_floor(w, &epm_wire_ndr);
	wire_put_u16_le(w, 1);
	wire_put_u8(w, FLOOR_RPC_CO);
	wire_put_u16_le(w, 2);
	wire_put_u16_le(w, 0);
	wire_put_u16_le(w, 1);
	wire_put_u8(w, FLOOR_TCP);
	wire_put_u16_le(w, 2);
	wire_put_u16(w, port); /* network order, unlike the rest */
	wire_put_u16_le(w, 1);
	wire_put_u8(w, FLOOR_IP);
	wire_put_u16_le(w, 4);
	wire_put_u32(w, ipv4);
}

size_t epm_map_request_encode(const struct epm_map_request *req, uint8_t *buf, size_t cap_bytes)
{
	struct wire_writer w;

	wire_writer_init(&w, buf, cap_bytes);
	epm_wire_put_header(&w, EPM_REQUEST, req->call_id);
	wire_put_u32_le(&w, 132); /* alloc_hint: length of the stub */
	wire_put_u16_le(&w, req->context_id);
	wire_put_u16_le(&w, OPNUM_EPT_MAP);
	wire_put_u32_le(&w, 1); /* pointer ids 1 and 2: some servers fault on others */
	wire_put_zero(&w, 16);
	wire_put_u32_le(&w, 2);
	wire_put_u32_le(&w, TOWER_BYTES);
	wire_put_u32_le(&w, TOWER_BYTES);
	put_tower(&w, &req->interface, 0, 0);
	wire_put_zero(&w, 1);
	wire_put_zero(&w, HANDLE_BYTES);
	wire_put_u32_le(&w, req->max_towers);
	return epm_wire_finish(&w);
}

/* One floor half: its length, then its bytes. NULL when it runs over the tower. */
static const uint8_t *get_half(struct wire_reader *r, uint16_t *len_bytes)
{
	*len_bytes = wire_get_u16_le(r);
	return wire_get_view(r, *len_bytes);
}

static bool floor_names(const uint8_t *lhs, uint16_t lhs_bytes, const uint8_t *rhs,
			uint16_t rhs_bytes, struct epm_syntax *out)
{
	struct wire_reader r;

	if (lhs_bytes != 19 || rhs_bytes < 2)
		return false;
	wire_reader_init(&r, lhs + 1, 18);
	uint8_t uuid[16];

	wire_get_bytes(&r, uuid, sizeof(uuid));
	epm_wire_swap_uuid(uuid, out->uuid);
	out->major = wire_get_u16_le(&r);
	wire_reader_init(&r, rhs, rhs_bytes);
	out->minor = wire_get_u16_le(&r);
	return true;
}

/*
 * Reads one tower. *port becomes 0 when it is not connection-oriented RPC over TCP, which is not an
 * error: a mapper may list named pipes and HTTP beside it.
 */
static enum epm_error get_tower(const uint8_t *data, size_t len_bytes, struct epm_syntax *interface,
				uint16_t *port)
{
	struct wire_reader r;

	wire_reader_init(&r, data, len_bytes);
	uint16_t floors = wire_get_u16_le(&r);
	bool named = false, rpc_co = false;

	*port = 0;
	if (floors < 1 || floors > FLOORS_MAX)
		return EPM_ERR_TOWER;
	for (unsigned i = 0; i < floors; i++) {
		uint16_t lhs_bytes, rhs_bytes;
		const uint8_t *lhs = get_half(&r, &lhs_bytes);
		const uint8_t *rhs = get_half(&r, &rhs_bytes);

		if (!lhs || !rhs || lhs_bytes < 1)
			return EPM_ERR_TOWER;
		if (i == 0)
			named = lhs[0] == FLOOR_UUID &&
				floor_names(lhs, lhs_bytes, rhs, rhs_bytes, interface);
		if (i == 2)
			rpc_co = lhs[0] == FLOOR_RPC_CO;
		if (i == 3 && rpc_co && lhs[0] == FLOOR_TCP && rhs_bytes == 2)
			*port = (uint16_t)(rhs[0] << 8 | rhs[1]);
	}
	return named ? EPM_OK : EPM_ERR_TOWER;
}

/* count, tower_length and the bytes of a tower in a stub. */
static enum epm_error get_counted_tower(struct wire_reader *r, struct epm_syntax *interface,
					uint16_t *port)
{
	uint32_t count = wire_get_u32_le(r);
	uint32_t length = wire_get_u32_le(r);

	if (!wire_reader_ok(r) || count != length || length > TOWER_MAX_BYTES)
		return EPM_ERR_TOWER;
	const uint8_t *tower = wire_get_view(r, length);

	return tower ? get_tower(tower, length, interface, port) : EPM_ERR_TOWER;
}

enum epm_error epm_map_request_decode(const uint8_t *pdu, size_t len_bytes,
				      struct epm_map_request *out)
{
	struct wire_reader r;
	struct epm_header h;

	enum epm_error error = epm_wire_open(&r, pdu, len_bytes, EPM_REQUEST, &h);

	if (error != EPM_OK)
		return error;
	struct epm_map_request req = {.call_id = h.call_id};

	wire_skip(&r, 4);
	req.context_id = wire_get_u16_le(&r);
	uint16_t opnum = wire_get_u16_le(&r);

	if (wire_reader_ok(&r) && opnum != OPNUM_EPT_MAP)
		return EPM_ERR_OPNUM;
	if (wire_get_u32_le(&r) != 0) /* a null object pointer has no UUID behind it */
		wire_skip(&r, 16);
	uint32_t tower_pointer = wire_get_u32_le(&r);

	if (!wire_reader_ok(&r))
		return EPM_ERR_SHORT;
	if (tower_pointer == 0)
		return EPM_ERR_TOWER;
	uint16_t port;

	error = get_counted_tower(&r, &req.interface, &port);
	if (error != EPM_OK)
		return error;
	wire_skip(&r, (4 - r.at % 4) % 4);
	wire_skip(&r, HANDLE_BYTES);
	req.max_towers = wire_get_u32_le(&r);
	if (!wire_reader_ok(&r))
		return EPM_ERR_SHORT;
	*out = req;
	return EPM_OK;
}

size_t epm_map_response_encode(const struct epm_map_request *req, uint16_t port, uint32_t ipv4,
			       uint8_t *buf, size_t cap_bytes)
{
	struct wire_writer w;
	uint32_t towers = port && req->max_towers > 0 ? 1 : 0;

	wire_writer_init(&w, buf, cap_bytes);
	epm_wire_put_header(&w, EPM_RESPONSE, req->call_id);
	wire_put_u32_le(&w, towers ? 128 : 40); /* alloc_hint: length of the stub */
	wire_put_u16_le(&w, req->context_id);
	wire_put_zero(&w, 2); /* cancel count */
	wire_put_zero(&w, HANDLE_BYTES);
	wire_put_u32_le(&w, towers);
	wire_put_u32_le(&w, req->max_towers);
	wire_put_u32_le(&w, 0);
	wire_put_u32_le(&w, towers);
	if (towers) {
		wire_put_u32_le(&w, 3);
		wire_put_u32_le(&w, TOWER_BYTES);
		wire_put_u32_le(&w, TOWER_BYTES);
		put_tower(&w, &req->interface, port, ipv4);
		wire_put_zero(&w, 1);
	}
	wire_put_u32_le(&w, port ? 0 : EPM_STATUS_NOT_REGISTERED);
	return epm_wire_finish(&w);
}

void epm_stub_init(struct epm_stub *stub, uint8_t *data, size_t cap_bytes)
{
	*stub = (struct epm_stub){.data = data, .cap_bytes = cap_bytes};
	if (stub->cap_bytes > EPM_STUB_MAX_BYTES)
		stub->cap_bytes = EPM_STUB_MAX_BYTES;
}

enum epm_error epm_stub_add(struct epm_stub *stub, const uint8_t *pdu, size_t len_bytes,
			    uint32_t call_id)
{
	struct wire_reader r;
	struct epm_header h;

	assert(!stub->complete);
	wire_reader_init(&r, pdu, len_bytes);
	enum epm_error error = epm_wire_get_header(&r, &h);

	if (error != EPM_OK)
		return error;
	if (h.call_id != call_id)
		return EPM_ERR_CALL_ID;
	if (h.type != EPM_RESPONSE && h.type != EPM_FAULT)
		return EPM_ERR_TYPE;
	wire_skip(&r, 8); /* alloc_hint is a hint: nothing is sized by it */
	if (h.type == EPM_FAULT) {
		stub->fault_status = wire_get_u32_le(&r);
		return wire_reader_ok(&r) ? EPM_ERR_FAULT : EPM_ERR_SHORT;
	}
	if (!wire_reader_ok(&r))
		return EPM_ERR_SHORT;
	bool first = h.flags & EPM_FLAG_FIRST, last = h.flags & EPM_FLAG_LAST;
	size_t length = wire_left_bytes(&r);

	if (first == stub->begun)
		return EPM_ERR_FLAGS;
	if (length == 0 && !last)
		return EPM_ERR_EMPTY_FRAGMENT;
	if (length > stub->cap_bytes - stub->len_bytes)
		return EPM_ERR_STUB_TOO_LONG;
	wire_get_bytes(&r, stub->data + stub->len_bytes, length);
	stub->len_bytes += length;
	stub->begun = true;
	stub->complete = last;
	return EPM_OK;
}

static void add_port(struct epm_map *map, uint16_t port)
{
	for (size_t i = 0; i < map->n_ports; i++)
		if (map->port[i] == port)
			return;
	if (port != 0 && map->n_ports < EPM_TOWERS_MAX)
		map->port[map->n_ports++] = port;
}

/* The towers behind their pointers; r stands at the first pointer. */
static enum epm_error get_towers(struct wire_reader *r, uint32_t n, const struct epm_syntax *wanted,
				 struct epm_map *map)
{
	const uint8_t *pointers = wire_get_view(r, (size_t)n * 4);

	if (!pointers)
		return EPM_ERR_SHORT;
	for (uint32_t i = 0; i < n; i++) {
		static const uint8_t null_pointer[4];
		struct epm_syntax interface = {0};
		uint16_t port;

		if (memcmp(pointers + (size_t)i * 4, null_pointer, 4) == 0)
			continue;
		wire_skip(r, (4 - r->at % 4) % 4);
		enum epm_error error = get_counted_tower(r, &interface, &port);

		if (error != EPM_OK)
			return error;
		if (!epm_wire_same_interface(&interface, wanted))
			return EPM_ERR_OTHER_INTERFACE;
		add_port(map, port);
	}
	wire_skip(r, (4 - r->at % 4) % 4);
	return EPM_OK;
}

enum epm_error epm_map_response_decode(const uint8_t *stub, size_t len_bytes,
				       const struct epm_map_request *req, struct epm_map *out)
{
	struct wire_reader r;
	struct epm_map map = {0};

	*out = map;
	wire_reader_init(&r, stub, len_bytes);
	wire_skip(&r, HANDLE_BYTES);
	uint32_t n = wire_get_u32_le(&r);
	uint32_t max = wire_get_u32_le(&r);
	uint32_t offset = wire_get_u32_le(&r);
	uint32_t actual = wire_get_u32_le(&r);

	if (!wire_reader_ok(&r))
		return EPM_ERR_SHORT;
	/* Checked before anything is multiplied by it. */
	if (n > req->max_towers || n > 500 || actual != n || actual > max || offset != 0)
		return EPM_ERR_COUNTS;
	enum epm_error error = get_towers(&r, n, &req->interface, &map);

	if (error != EPM_OK)
		return error;
	map.status = wire_get_u32_le(&r);
	if (!wire_reader_ok(&r) || wire_left_bytes(&r) != 0)
		return wire_reader_ok(&r) ? EPM_ERR_COUNTS : EPM_ERR_SHORT;
	*out = map;
	if (map.n_ports > 0 && map.status == 0)
		return EPM_OK;
	if (map.status != 0 && map.status != EPM_STATUS_NOT_REGISTERED)
		return EPM_ERR_STATUS;
	return EPM_ERR_NO_ENDPOINT;
}
