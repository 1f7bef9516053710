// SPDX-License-Identifier: GPL-2.0-or-later
#include "timeline.h"

#include <stdarg.h>

void timeline_add(struct timeline *t, mono at, const char *node, const char *fmt, ...)
{
	if (t->n == TIMELINE_MAX)
		return;
	struct timeline_entry *e = &t->entry[t->n++];
	va_list args;

	*e = (struct timeline_entry){.at = at};
	snprintf(e->node, sizeof(e->node), "%s", node);
	va_start(args, fmt);
	(void)!vsnprintf(e->text, sizeof(e->text), fmt, args);
	va_end(args);
}

void timeline_sort(struct timeline *t)
{
	for (size_t i = 1; i < t->n; i++) {
		struct timeline_entry e = t->entry[i];
		size_t at = i;

		for (; at > 0 && e.at.ns < t->entry[at - 1].at.ns; at--)
			t->entry[at] = t->entry[at - 1];
		t->entry[at] = e;
	}
}
