// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/ctl */
#include "ctl.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *packet;
	enum ctl_code code;
	uint64_t id;
	const char *cmd;
} requests[] = {
	{"{\"v\":1,\"id\":7,\"cmd\":\"status\"}", CTL_DONE, 7, "status"},
	{"{\"v\":1,\"id\":7,\"cmd\":\"failover\",\"args\":{\"group\":\"a\"}}", CTL_DONE, 7,
	 "failover"},
	/* members nobody knows are free to come */
	{"{\"v\":1,\"cmd\":\"status\",\"colour\":\"blue\"}", CTL_DONE, 0, "status"},
	{"{\"v\":1,\"id\":-3,\"cmd\":\"status\"}", CTL_DONE, 0, "status"},
	/* not a request */
	{"", CTL_BAD_PACKET, 0, ""},
	{"status", CTL_BAD_PACKET, 0, ""},
	{"[]", CTL_BAD_PACKET, 0, ""},
	{"null", CTL_BAD_PACKET, 0, ""},
	{"{\"v\":1,\"id\":7,\"cmd\":\"status\"", CTL_BAD_PACKET, 0, ""},
	{"{\"v\":1,\"id\":7,\"cmd\":\"status\"}x", CTL_BAD_PACKET, 0, ""},
	{"{\"v\":1,\"v\":1,\"cmd\":\"status\"}", CTL_BAD_PACKET, 0, ""},
	{"{\"v\":1,\"cmd\":\"\xff\xfe\"}", CTL_BAD_PACKET, 0, ""},
	{"{\"v\":1,\"id\":7}", CTL_BAD_PACKET, 7, ""},
	{"{\"v\":1,\"id\":7,\"cmd\":\"\"}", CTL_BAD_PACKET, 7, ""},
	{"{\"v\":1,\"id\":7,\"cmd\":4}", CTL_BAD_PACKET, 7, ""},
	/* another version, whatever else it holds */
	{"{\"v\":2,\"id\":7,\"cmd\":\"status\"}", CTL_BAD_VERSION, 7, ""},
	{"{\"v\":0,\"id\":7,\"cmd\":\"status\"}", CTL_BAD_VERSION, 7, ""},
	{"{\"v\":\"1\",\"id\":7,\"cmd\":\"status\"}", CTL_BAD_VERSION, 7, ""},
	{"{\"id\":7,\"cmd\":\"status\"}", CTL_BAD_VERSION, 7, ""},
	{"{\"v\":2,\"id\":7,\"verb\":1}", CTL_BAD_VERSION, 7, ""},
	/* longer than any command: quoted as far as it goes */
	{"{\"v\":1,\"id\":7,\"cmd\":\"abcdefghijklmnopqrstuvwxyzabcdefghijkl\"}", CTL_BAD_COMMAND,
	 7, "abcdefghijklmnopqrstuvwxyzabcde"},
	{"{\"v\":1,\"id\":7,\"cmd\":\"status\",\"args\":[]}", CTL_BAD_ARGS, 7, "status"},
	{"{\"v\":1,\"id\":7,\"cmd\":\"status\",\"args\":null}", CTL_BAD_ARGS, 7, "status"},
};

Test(ctl, each_packet_is_decoded_or_refused_with_its_code)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct ctl_request req;
		enum ctl_code code =
			ctl_request_decode(requests[i].packet, strlen(requests[i].packet), &req);

		cr_expect_eq(code, requests[i].code, "%s: %d", requests[i].packet, (int)code);
		cr_expect_eq(req.id, requests[i].id, "%s", requests[i].packet);
		cr_expect_str_eq(req.cmd, requests[i].cmd);
		ctl_request_fini(&req);
	}
}

Test(ctl, an_over_long_packet_is_refused_even_when_it_is_valid_json)
{
	size_t len = CTL_PACKET_MAX + 1;
	char *packet = malloc(len);
	const char head[] = "{\"v\":1,\"cmd\":\"status\"}";
	struct ctl_request req;

	memset(packet, ' ', len);
	memcpy(packet, head, sizeof(head) - 1);
	cr_expect_eq(ctl_request_decode(packet, len, &req), CTL_BAD_PACKET);
	cr_expect_eq(ctl_request_decode(packet, len - 1, &req), CTL_DONE);
	ctl_request_fini(&req);
	free(packet);
}

Test(ctl, a_request_survives_the_journey)
{
	char packet[256];
	json_t *args = json_pack("{s:i}", "timeout_ms", 500);
	size_t len = ctl_request_encode(12, "barrier", args, packet, sizeof(packet));
	struct ctl_request req;

	cr_assert_gt(len, 0);
	cr_expect_eq(strncmp(packet, "{\"v\":1,", 7), 0, "\"v\" comes first");
	cr_assert_eq(ctl_request_decode(packet, len, &req), CTL_DONE);
	cr_expect_eq(req.id, 12);
	cr_expect_str_eq(req.cmd, "barrier");
	cr_expect(json_equal(req.args, args));
	ctl_request_fini(&req);
	json_decref(args);
}

Test(ctl, a_reply_survives_the_journey)
{
	char packet[256];
	json_t *body = json_pack("{s:s, s:f}", "group", "front", "share", 0.5);
	size_t len = ctl_reply_encode(9, CTL_ROW_GROUP, false, body, packet, sizeof(packet));
	struct ctl_reply reply;

	cr_assert_eq(ctl_reply_decode(packet, len, &reply), 0);
	cr_expect_eq(reply.id, 9);
	cr_expect_eq(reply.code, CTL_ROW_GROUP);
	cr_expect_not(reply.end);
	cr_expect_str_eq(json_string_value(json_object_get(reply.body, "group")), "front");
	ctl_reply_fini(&reply);

	len = ctl_reply_encode(9, CTL_DONE, true, NULL, packet, sizeof(packet));
	cr_assert_eq(ctl_reply_decode(packet, len, &reply), 0);
	cr_expect(reply.end);
	ctl_reply_fini(&reply);
	json_decref(body);
}

Test(ctl, a_body_cannot_forge_the_envelope)
{
	char packet[256];
	json_t *body = json_pack("{s:i, s:i, s:i}", "v", 9, "id", 9, "code", 9004);
	size_t len = ctl_reply_encode(3, CTL_DONE, true, body, packet, sizeof(packet));
	struct ctl_reply reply;

	cr_assert_eq(ctl_reply_decode(packet, len, &reply), 0);
	cr_expect_eq(reply.id, 3);
	cr_expect_eq(reply.code, CTL_DONE);
	ctl_reply_fini(&reply);
	json_decref(body);
}

Test(ctl, what_does_not_fit_is_not_encoded)
{
	char packet[40];
	json_t *body = json_pack("{s:s}", "text", "more than the forty bytes that are there");

	cr_expect_eq(ctl_reply_encode(1, CTL_DONE, true, body, packet, sizeof(packet)), 0);
	cr_expect_eq(ctl_request_encode(1, "status", body, packet, sizeof(packet)), 0);
	json_decref(body);
}

static const struct {
	const char *packet;
	int rc;
} replies[] = {
	{"{\"v\":1,\"id\":1,\"code\":0,\"end\":true}", 0},
	{"{\"v\":1,\"id\":1,\"code\":1999}", 0}, /* a row of a newer daemon */
	{"{\"v\":2,\"id\":1,\"code\":0,\"end\":true}", -EPROTONOSUPPORT},
	{"{\"v\":1,\"id\":1}", -EPROTO},
	{"{\"v\":1,\"id\":1,\"code\":-1}", -EPROTO},
	{"{\"v\":1,\"id\":1,\"code\":10000}", -EPROTO},
	{"{\"v\":1,\"id\":1,\"code\":\"0\"}", -EPROTO},
	{"{\"code\":0}", -EPROTO},
	{"[1]", -EPROTO},
	{"", -EPROTO},
};

Test(ctl, a_packet_that_is_no_reply_is_refused)
{
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct ctl_reply reply;
		int rc = ctl_reply_decode(replies[i].packet, strlen(replies[i].packet), &reply);

		cr_expect_eq(rc, replies[i].rc, "%s: %d", replies[i].packet, rc);
		ctl_reply_fini(&reply);
	}
}
