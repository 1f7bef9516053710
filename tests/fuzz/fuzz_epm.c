// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/epm lib/epm_map lib/wire */
/*
 * Arbitrary bytes through every decoder of the endpoint-mapper codec: no access out of bounds, no
 * port 0, never more ports or bytes than promised, and what decodes as a request encodes again.
 */
#include "epm.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* Splits the input by frag_length as a client reading a stream does. */
static void feed_response(const uint8_t *data, size_t size)
{
	static uint8_t bytes[EPM_STUB_MAX_BYTES];
	const struct epm_map_request req = {
		.call_id = 2, .max_towers = EPM_TOWERS_MAX, .interface = epm_interface_emsmdb};
	struct epm_stub stub;
	struct epm_map map;
	enum epm_error error = EPM_OK;

	epm_stub_init(&stub, bytes, sizeof(bytes));
	while (!stub.complete && error == EPM_OK) {
		size_t length = epm_pdu_length(data, size, &error);

		if (length == 0 || length > size)
			return;
		error = epm_stub_add(&stub, data, length, req.call_id);
		check(stub.len_bytes <= sizeof(bytes));
		data += length;
		size -= length;
	}
	if (!stub.complete)
		return;
	error = epm_map_response_decode(stub.data, stub.len_bytes, &req, &map);
	check(map.n_ports <= EPM_TOWERS_MAX);
	check(error != EPM_OK || map.n_ports > 0);
	for (size_t i = 0; i < map.n_ports; i++)
		check(map.port[i] != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t buf[EPM_PDU_MAX_BYTES];
	struct epm_header header;
	struct epm_bind bind;
	struct epm_bind_answer answer;
	struct epm_map_request req;

	(void)!epm_header_decode(data, size, &header);
	if (epm_bind_decode(data, size, &bind) == EPM_OK)
		check(epm_bind_encode(&bind, buf, sizeof(buf)) > 0);
	(void)!epm_bind_answer_decode(data, size, 1, &answer);
	check(answer.secondary[EPM_SECONDARY_MAX - 1] == '\0');
	if (epm_map_request_decode(data, size, &req) == EPM_OK) {
		check(epm_map_request_encode(&req, buf, sizeof(buf)) > 0);
		check(epm_map_response_encode(&req, 6005, 1, buf, sizeof(buf)) > 0);
	}
	feed_response(data, size);
	return 0;
}
