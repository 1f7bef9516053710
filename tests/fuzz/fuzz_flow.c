// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/flow lib/addr */
/* Arbitrary ctnetlink attributes; what decodes must encode again, as every kind. */
#include "lbd/flow.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t buf[FLOW_ATTRS_MAX_BYTES];
	char text[FLOW_TEXT_MAX];
	struct flow flow;

	if (flow_decode(data, size, &flow) != FLOW_OK)
		return 0;
	flow_print(&flow, text, sizeof(text));
	(void)flow_fingerprint(&flow, size);
	for (int encoding = FLOW_ENCODE_CREATE; encoding <= FLOW_ENCODE_REPLY_KEY; encoding++) {
		if (flow_encode(&flow, (enum flow_encoding)encoding, buf, sizeof(buf)) == 0)
			abort();
	}
	size_t len = flow_encode(&flow, FLOW_ENCODE_CREATE, buf, sizeof(buf));
	struct flow again;

	if (flow_decode(buf, len, &again) != FLOW_OK ||
	    !flow_tuple_equal(&again.orig, &flow.orig) || again.mark != flow.mark)
		abort();
	return 0;
}
