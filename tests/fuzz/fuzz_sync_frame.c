// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/sync_frame lbd/flow lib/wire lib/addr */
/* Arbitrary bytes as a stream of frames; a control frame that decodes must encode again. */
#include "lbd/sync_frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sync_frame *frame)
{
	static uint8_t buf[SYNC_FRAME_MAX_BYTES];
	static struct sync_frame again;
	struct sync_frame_header header;

	if (frame->type == SYNC_PUT || frame->type == SYNC_DEL) {
		struct flow flow;

		for (size_t i = 0; i < frame->records.count; i++) {
			if (sync_frame_flow(frame, i, &flow) != SYNC_FRAME_OK)
				abort();
		}
		return;
	}
	size_t len = sync_frame_encode(frame, 7, buf, sizeof(buf));

	if (len == 0 || sync_frame_peek(buf, len, &header) != SYNC_FRAME_OK ||
	    sync_frame_decode(buf, &header, &again) != SYNC_FRAME_OK)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sync_frame frame;
	struct sync_frame_header header;

	while (sync_frame_peek(data, size, &header) == SYNC_FRAME_OK) {
		if (sync_frame_decode(data, &header, &frame) == SYNC_FRAME_OK)
			check(&frame);
		data += header.len_bytes;
		size -= header.len_bytes;
	}
	return 0;
}
