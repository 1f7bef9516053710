// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The words for outcomes of probes.
 */
#include "probe.h"

const char *probe_outcome_text(enum probe_outcome outcome)
{
	switch (outcome) {
	case PROBE_PENDING:
		return "pending";
	case PROBE_OK:
		return "ok";
	case PROBE_TIMEOUT:
		return "timeout";
	case PROBE_REFUSED:
		return "refused";
	case PROBE_UNREACHABLE:
		return "unreachable";
	case PROBE_RESET:
		return "reset";
	case PROBE_CLOSED:
		return "closed too early";
	case PROBE_BAD_REPLY:
		return "wrong answer";
	case PROBE_LOCAL:
		return "this machine could not try";
	case PROBE_OUTCOME_N:
		break;
	}
	return "?";
}
