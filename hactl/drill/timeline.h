/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happened when, and on which node, during one scenario. A core.
 */
#ifndef HA_TIMELINE_H
#define HA_TIMELINE_H

#include "conf.h"

enum {
	TIMELINE_MAX = 128,
	TIMELINE_TEXT_MAX = 144,
};

struct timeline_entry {
	mono at;
	char node[CONF_NAME_MAX]; /**< "" when it is nobody's */
	char text[TIMELINE_TEXT_MAX];
};

struct timeline {
	struct timeline_entry entry[TIMELINE_MAX];
	size_t n; /**< entries past TIMELINE_MAX are dropped, the first ones tell the story */
};

void timeline_add(struct timeline *t, mono at, const char *node, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/** Puts the entries in order of time; equal times keep their order. */
void timeline_sort(struct timeline *t);

#endif
