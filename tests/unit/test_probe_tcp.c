// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/probe_tcp lbd/probe */
/*
 * The TCP connect probe.
 */
#include "lbd/probe_tcp.h"

#include <criterion/criterion.h>
#include <string.h>

static enum probe_outcome feed(struct probe_event event)
{
	return probe_tcp()->feed(NULL, &event);
}

Test(probe_tcp, a_connection_is_success)
{
	cr_assert_eq(feed((struct probe_event){.type = PROBE_EV_CONNECTED}), PROBE_OK);
}

Test(probe_tcp, a_server_that_speaks_or_closes_first_had_accepted)
{
	cr_assert_eq(feed((struct probe_event){.type = PROBE_EV_BYTES}), PROBE_OK);
	cr_assert_eq(feed((struct probe_event){.type = PROBE_EV_CLOSED}), PROBE_OK);
}

Test(probe_tcp, silence_until_the_deadline_is_a_timeout)
{
	cr_assert_eq(feed((struct probe_event){.type = PROBE_EV_DEADLINE}), PROBE_TIMEOUT);
}

Test(probe_tcp, a_failed_socket_keeps_its_reason)
{
	static const enum probe_outcome faults[] = {PROBE_REFUSED, PROBE_UNREACHABLE, PROBE_TIMEOUT,
						    PROBE_RESET, PROBE_LOCAL};
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		cr_assert_eq(
			feed((struct probe_event){.type = PROBE_EV_FAILED, .fault = faults[i]}),
			faults[i]);
}

Test(probe_tcp, every_outcome_has_its_own_text)
{
	for (int i = 0; i < PROBE_OUTCOME_N; i++) {
		const char *text = probe_outcome_text((enum probe_outcome)i);
		cr_assert_str_neq(text, "?");
		for (int other = 0; other < i; other++)
			cr_assert_str_neq(text, probe_outcome_text((enum probe_outcome)other));
	}
}
