// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/ctl */
/* Any packet may arrive on a control socket: decode it as both sides do, and encode it again. */
#include "ctl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes);

/* What was decoded must encode and decode to the same, or not fit at all. */
static void check_request(const struct ctl_request *req)
{
	static char packet[CTL_PACKET_MAX];
	struct ctl_request again;
	size_t len = ctl_request_encode(req->id, req->cmd, req->args, packet, sizeof(packet));

	if (len == 0)
		return;
	if (ctl_request_decode(packet, len, &again) != CTL_DONE || again.id != req->id)
		abort();
	ctl_request_fini(&again);
}

static void check_reply(const struct ctl_reply *reply)
{
	static char packet[CTL_PACKET_MAX];
	struct ctl_reply again;
	size_t len = ctl_reply_encode(reply->id, (enum ctl_code)reply->code, reply->end,
				      reply->body, packet, sizeof(packet));

	if (len == 0)
		return;
	if (ctl_reply_decode(packet, len, &again) || again.id != reply->id ||
	    again.code != reply->code)
		abort();
	ctl_reply_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	struct ctl_request req;
	struct ctl_reply reply;

	if (ctl_request_decode(data, len_bytes, &req) == CTL_DONE)
		check_request(&req);
	ctl_request_fini(&req);
	if (ctl_reply_decode(data, len_bytes, &reply) == 0)
		check_reply(&reply);
	ctl_reply_fini(&reply);
	return 0;
}
