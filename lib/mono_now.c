// SPDX-License-Identifier: GPL-2.0-or-later
/* The one place that reads the clock, apart from mono.c so that cores cannot link it by accident.
 */
#include "mono.h"

#include <time.h>

mono mono_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (mono){.ns = (int64_t)ts.tv_sec * MONO_NS_PER_S + ts.tv_nsec};
}
