// SPDX-License-Identifier: GPL-2.0-or-later
#include "track.h"

#include <stdio.h>

/** The first thing wrong with a link, or NULL. */
static const char *link_fault(const struct track_link *link)
{
	if (!link->exists)
		return "missing";
	if (!link->admin_up)
		return "down";
	if (!link->carrier)
		return "no carrier";
	if (link->needs_address && !link->has_address)
		return "no IPv4 address";
	return link->trouble;
}

void track_judge(const struct track_link *links, size_t n, uint8_t base_priority,
		 struct track_verdict *out)
{
	*out = (struct track_verdict){.priority = base_priority};
	for (size_t i = 0; i < n; i++) {
		const char *fault = link_fault(&links[i]);

		if (!fault)
			continue;
		if (out->n_faults < TRACK_FAULTS_MAX)
			snprintf(out->fault[out->n_faults], TRACK_TEXT_MAX, "%s: %s", links[i].name,
				 fault);
		out->n_faults++;
	}
}
