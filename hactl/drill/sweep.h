/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Removes what earlier drills left behind: namespaces and processes of one that was killed, the
 * directories of those that failed. What a living drill has, and what was to be kept, stays.
 */
#ifndef HA_SWEEP_H
#define HA_SWEEP_H

#include <stdbool.h>

enum {
	SWEEP_LEAVE_NEWEST = 3, /**< directories whose logs may still be read */
};

struct sweep_count {
	unsigned namespaces;
	unsigned directories;
};

/**
 * all: kept laboratories and every directory too, as `--clean` asks for; else the newest
 * SWEEP_LEAVE_NEWEST directories stay. Returns 0 or -errno.
 */
int sweep(bool all, struct sweep_count *out) __attribute__((warn_unused_result));

#endif
