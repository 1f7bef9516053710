// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TCP connect probe.
 */
#include "probe_tcp.h"

static enum probe_outcome feed(void *state, const struct probe_event *event)
{
	(void)state;
	switch (event->type) {
	case PROBE_EV_CONNECTED:
	case PROBE_EV_BYTES: /* a server that speaks or closes first had accepted */
	case PROBE_EV_CLOSED:
		return PROBE_OK;
	case PROBE_EV_FAILED:
		return event->fault;
	case PROBE_EV_DEADLINE:
		return PROBE_TIMEOUT;
	}
	return PROBE_PENDING;
}

static const struct probe_type type = {.name = "connect", .feed = feed};

const struct probe_type *probe_tcp(void)
{
	return &type;
}
