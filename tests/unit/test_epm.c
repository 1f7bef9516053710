// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/epm lib/epm_map lib/wire */
/*
 * The endpoint-mapper codec against captured bytes of a real server, against itself, and against
 * every truncation and every bit flip of both.
 */
#include "epm.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Captured: bind to the endpoint mapper, call 1. */
static const uint8_t bind_epm[72] = {
	0x05, 0x00, 0x0b, 0x03, 0x10, 0x00, 0x00, 0x00, 0x48, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00,
	0x00, 0xd0, 0x16, 0xd0, 0x16, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x01, 0x00, 0x08, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91, 0xa4, 0x08, 0x00, 0x2b,
	0x14, 0xa0, 0xfa, 0x03, 0x00, 0x00, 0x00, 0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11,
	0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 0x02, 0x00, 0x00, 0x00};

/* Captured: the answer to ept_map for winreg 1.0, call 2: one tower, port 49153 at 10.99.1.11. */
static const uint8_t answer_winreg[152] = {
	0x05, 0x00, 0x02, 0x03, 0x10, 0x00, 0x00, 0x00, 0x98, 0x00, 0x00, 0x00, 0x02, 0x00,
	0x00, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x01, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x4b, 0x00, 0x00, 0x00, 0x4b, 0x00,
	0x00, 0x00, 0x05, 0x00, 0x13, 0x00, 0x0d, 0x01, 0xd0, 0x8c, 0x33, 0x44, 0x22, 0xf1,
	0x31, 0xaa, 0xaa, 0x90, 0x00, 0x38, 0x00, 0x10, 0x03, 0x01, 0x00, 0x02, 0x00, 0x00,
	0x00, 0x13, 0x00, 0x0d, 0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8,
	0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 0x02, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01, 0x00,
	0x0b, 0x02, 0x00, 0x00, 0x00, 0x01, 0x00, 0x07, 0x02, 0x00, 0xc0, 0x01, 0x01, 0x00,
	0x09, 0x04, 0x00, 0x0a, 0x63, 0x01, 0x0b, 0x00, 0x00, 0x00, 0x00, 0x00};

static const struct epm_map_request ask_winreg = {
	.call_id = 2,
	.max_towers = EPM_TOWERS_MAX,
	.interface = {.uuid = {0x33, 0x8c, 0xd0, 0x01, 0x22, 0x44, 0x31, 0xf1, 0xaa, 0xaa, 0x90,
			       0x00, 0x38, 0x00, 0x10, 0x03},
		      .major = 1},
};

/* A copy of exactly len bytes on the heap, so that a sanitizer sees every byte read too far. */
static uint8_t *heap_copy(const void *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	cr_assert_not_null(copy);
	if (len)
		memcpy(copy, data, len);
	return copy;
}

/* Decodes a one-fragment response as a client does. */
static enum epm_error map_answer(const uint8_t *pdu, size_t len, const struct epm_map_request *req,
				 struct epm_map *map)
{
	uint8_t bytes[EPM_PDU_MAX_BYTES];
	struct epm_stub stub;

	epm_stub_init(&stub, bytes, sizeof(bytes));
	enum epm_error error = epm_stub_add(&stub, pdu, len, req->call_id);

	if (error != EPM_OK)
		return error;
	return epm_map_response_decode(stub.data, stub.len_bytes, req, map);
}

Test(epm, bind_is_written_as_captured)
{
	const struct epm_bind bind = {.call_id = 1, .interface = epm_interface_mapper};
	uint8_t buf[128];

	cr_assert_eq(epm_bind_encode(&bind, buf, sizeof(buf)), sizeof(bind_epm));
	cr_assert_arr_eq(buf, bind_epm, sizeof(bind_epm));
}

Test(epm, captured_bind_is_read)
{
	struct epm_bind bind;

	cr_assert_eq(epm_bind_decode(bind_epm, sizeof(bind_epm), &bind), EPM_OK);
	cr_assert_eq(bind.call_id, 1);
	cr_assert_eq(bind.assoc_group, 0);
	cr_assert_arr_eq(bind.interface.uuid, epm_interface_mapper.uuid, 16);
	cr_assert_eq(bind.interface.major, 3);
	cr_assert_eq(bind.interface.minor, 0);
}

Test(epm, captured_answer_gives_its_port)
{
	struct epm_map map;

	cr_assert_eq(map_answer(answer_winreg, sizeof(answer_winreg), &ask_winreg, &map), EPM_OK);
	cr_assert_eq(map.n_ports, 1);
	cr_assert_eq(map.port[0], 49153);
	cr_assert_eq(map.status, 0);
}

Test(epm, answer_is_written_as_captured_but_for_the_server_s_habits)
{
	uint8_t buf[256];

	cr_assert_eq(epm_map_response_encode(&ask_winreg, 49153, 0x0a63010b, buf, sizeof(buf)),
		     sizeof(answer_winreg));
	cr_assert_arr_eq(buf, answer_winreg, sizeof(answer_winreg));
}

Test(epm, map_request_has_the_documented_length_and_comes_back)
{
	const struct epm_map_request req = {
		.call_id = 7, .max_towers = 4, .interface = epm_interface_emsmdb};
	struct epm_map_request back;
	uint8_t buf[256];
	size_t len = epm_map_request_encode(&req, buf, sizeof(buf));

	cr_assert_eq(len, 156);
	cr_assert_eq(epm_map_request_decode(buf, len, &back), EPM_OK);
	cr_assert_eq(back.call_id, 7);
	cr_assert_eq(back.max_towers, 4);
	cr_assert_arr_eq(back.interface.uuid, epm_interface_emsmdb.uuid, 16);
	cr_assert_eq(back.interface.major, 0);
	cr_assert_eq(back.interface.minor, 81);
}

Test(epm, bind_ack_with_every_padding_of_the_secondary_address_comes_back)
{
	/* Seen in the field: "135" (PDU 60), none (PDU 56), "49153" (PDU 60). */
	static const struct {
		const char *secondary;
		size_t pdu_bytes;
	} cases[] = {{"135", 60}, {"", 56}, {"49153", 60}, {"6005", 60}, {"65", 60}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct epm_bind_answer ack = {.call_id = 3, .assoc_group = 0x1234}, back;
		uint8_t buf[128];

		strcpy(ack.secondary, cases[i].secondary);
		size_t len = epm_bind_ack_encode(&ack, buf, sizeof(buf));

		cr_assert_eq(len, cases[i].pdu_bytes, "%s: %zu", cases[i].secondary, len);
		cr_assert_eq(epm_bind_answer_decode(buf, len, 3, &back), EPM_OK);
		cr_assert_eq(back.assoc_group, 0x1234);
		cr_assert_str_eq(back.secondary, cases[i].secondary);
	}
}

Test(epm, nak_and_rejection_carry_their_reason)
{
	struct epm_bind_answer reject = {.call_id = 3, .result = 2, .reason = 1}, back;
	uint8_t buf[128];
	size_t len = epm_bind_nak_encode(9, 4, buf, sizeof(buf));

	cr_assert_eq(epm_bind_answer_decode(buf, len, 9, &back), EPM_ERR_NAK);
	cr_assert_eq(back.reason, 4);
	len = epm_bind_ack_encode(&reject, buf, sizeof(buf));
	cr_assert_eq(epm_bind_answer_decode(buf, len, 3, &back), EPM_ERR_REJECTED);
	cr_assert_eq(back.reason, 1);
}

Test(epm, unregistered_interface_is_no_endpoint)
{
	struct epm_map map;
	uint8_t buf[128];
	size_t len = epm_map_response_encode(&ask_winreg, 0, 0, buf, sizeof(buf));

	cr_assert_eq(len, 24 + 40);
	cr_assert_eq(map_answer(buf, len, &ask_winreg, &map), EPM_ERR_NO_ENDPOINT);
}

Test(epm, answer_in_two_fragments_is_put_together)
{
	uint8_t first[24 + 50], second[24 + 78], bytes[256];
	struct epm_stub stub;
	struct epm_map map;

	memcpy(first, answer_winreg, sizeof(first));
	first[3] = EPM_FLAG_FIRST;
	first[8] = sizeof(first);
	memcpy(second, answer_winreg, 24);
	memcpy(second + 24, answer_winreg + 24 + 50, 78);
	second[3] = EPM_FLAG_LAST;
	second[8] = sizeof(second);
	epm_stub_init(&stub, bytes, sizeof(bytes));
	cr_assert_eq(epm_stub_add(&stub, first, sizeof(first), 2), EPM_OK);
	cr_assert_not(stub.complete);
	cr_assert_eq(epm_stub_add(&stub, first, sizeof(first), 2), EPM_ERR_FLAGS);
	cr_assert_eq(epm_stub_add(&stub, second, sizeof(second), 2), EPM_OK);
	cr_assert(stub.complete);
	cr_assert_eq(epm_map_response_decode(bytes, stub.len_bytes, &ask_winreg, &map), EPM_OK);
	cr_assert_eq(map.port[0], 49153);
}

Test(epm, empty_fragment_that_is_not_the_last_ends_the_conversation)
{
	uint8_t pdu[24], bytes[64];
	struct epm_stub stub;

	memcpy(pdu, answer_winreg, sizeof(pdu));
	pdu[3] = EPM_FLAG_FIRST;
	pdu[8] = sizeof(pdu);
	epm_stub_init(&stub, bytes, sizeof(bytes));
	cr_assert_eq(epm_stub_add(&stub, pdu, sizeof(pdu), 2), EPM_ERR_EMPTY_FRAGMENT);
}

Test(epm, each_broken_field_of_an_answer_has_its_name)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum epm_error error;
	} cases[] = {
		{0, 'H', EPM_ERR_VERSION},
		{1, 2, EPM_ERR_VERSION},
		{2, EPM_BIND, EPM_ERR_TYPE},
		{2, EPM_FAULT, EPM_ERR_FAULT},
		{3, EPM_FLAG_LAST, EPM_ERR_FLAGS},
		{4, 0x00, EPM_ERR_DREP},
		{8, 15, EPM_ERR_FRAG_LENGTH},
		{8, 0x97, EPM_ERR_FRAG_LENGTH},
		{8, 0x99, EPM_ERR_SHORT},
		{9, 0x40, EPM_ERR_FRAG_LENGTH},
		{10, 0x81, EPM_ERR_AUTH_LENGTH},
		{12, 3, EPM_ERR_CALL_ID},
		{44, 5, EPM_ERR_COUNTS},
		{44, 0, EPM_ERR_COUNTS},
		{47, 0x40, EPM_ERR_COUNTS},
		{48, 0, EPM_ERR_COUNTS},
		{52, 1, EPM_ERR_COUNTS},
		{56, 2, EPM_ERR_COUNTS},
		{64, 0x4c, EPM_ERR_TOWER},
		{68, 0x4c, EPM_ERR_TOWER},
		{72, 0, EPM_ERR_TOWER},
		{72, 17, EPM_ERR_TOWER},
		{74, 18, EPM_ERR_TOWER},
		{76, 0x0e, EPM_ERR_TOWER},
		{77, 2, EPM_ERR_OTHER_INTERFACE},
		{93, 2, EPM_ERR_OTHER_INTERFACE},
		{126, 0x0c, EPM_ERR_NO_ENDPOINT},
		{133, 0x08, EPM_ERR_NO_ENDPOINT},
		{148, 1, EPM_ERR_STATUS},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *pdu = heap_copy(answer_winreg, sizeof(answer_winreg));
		struct epm_map map;

		pdu[cases[i].at] = cases[i].value;
		enum epm_error error = map_answer(pdu, sizeof(answer_winreg), &ask_winreg, &map);

		cr_expect_eq(error, cases[i].error, "byte %zu = %#x: %s, not %s", cases[i].at,
			     cases[i].value, epm_error_text(error), epm_error_text(cases[i].error));
		free(pdu);
	}
}

Test(epm, every_truncation_is_refused)
{
	const struct epm_map_request req = {.max_towers = 4, .interface = epm_interface_emsmdb};
	uint8_t request[256], ack[128];
	size_t request_len = epm_map_request_encode(&req, request, sizeof(request));
	size_t ack_len = epm_bind_ack_encode(&(struct epm_bind_answer){.secondary = "135"}, ack,
					     sizeof(ack));

	for (size_t cut = 0; cut < sizeof(answer_winreg); cut++) {
		/* Once with the header's length as it was, once corrected to the cut. */
		for (int corrected = 0; corrected < 2; corrected++) {
			const struct {
				const uint8_t *pdu;
				size_t len;
			} whole[] = {{bind_epm, sizeof(bind_epm)},
				     {answer_winreg, sizeof(answer_winreg)},
				     {request, request_len},
				     {ack, ack_len}};
			struct epm_bind bind;
			struct epm_bind_answer answer;
			struct epm_map_request asked;
			struct epm_map map;

			for (size_t i = 0; i < 4; i++) {
				if (cut >= whole[i].len)
					continue;
				uint8_t *pdu = heap_copy(whole[i].pdu, cut);

				if (corrected && cut > 8)
					pdu[8] = (uint8_t)cut;
				cr_expect_neq(epm_bind_decode(pdu, cut, &bind), EPM_OK);
				cr_expect_neq(epm_bind_answer_decode(pdu, cut, 0, &answer), EPM_OK);
				cr_expect_neq(epm_map_request_decode(pdu, cut, &asked), EPM_OK);
				cr_expect_neq(map_answer(pdu, cut, &ask_winreg, &map), EPM_OK,
					      "cut at %zu", cut);
				free(pdu);
			}
		}
	}
}

Test(epm, length_is_known_after_ten_bytes_and_never_for_strangers)
{
	static const uint8_t http[] = "HTTP/1.1 400 Bad Request";
	enum epm_error error;

	for (size_t n = 0; n < 10; n++) {
		cr_expect_eq(epm_pdu_length(bind_epm, n, &error), 0);
		cr_expect_eq(error, EPM_OK);
	}
	cr_expect_eq(epm_pdu_length(bind_epm, 10, &error), 72);
	cr_expect_eq(epm_pdu_length(http, 1, &error), 0);
	cr_expect_eq(error, EPM_ERR_VERSION);
}

Test(epm, encoders_refuse_a_buffer_that_is_too_small)
{
	const struct epm_bind bind = {.interface = epm_interface_mapper};
	uint8_t buf[152];

	for (size_t cap = 0; cap < 72; cap++)
		cr_expect_eq(epm_bind_encode(&bind, buf, cap), 0);
	for (size_t cap = 0; cap < 152; cap++)
		cr_expect_eq(epm_map_response_encode(&ask_winreg, 6005, 1, buf, cap), 0);
}

Test(epm, every_error_has_words)
{
	for (int e = 0; e < EPM_ERR_N; e++)
		cr_expect_not_null(epm_error_text((enum epm_error)e));
}
