// SPDX-License-Identifier: GPL-2.0-or-later
#include "realtime.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum {
	PRIORITY = 10, /* above ordinary work, below the kernel's own real-time threads */
};

int realtime_schedule(void)
{
	struct sched_param param = {.sched_priority = PRIORITY};

	/* Children, if ever there are any, do not inherit it. */
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) < 0)
		return -errno;
	return 0;
}

int realtime_lock_memory(void)
{
	struct rlimit unlimited = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};

	/* With a limit left in place, memory needed later would be refused instead of paged out. */
	if (setrlimit(RLIMIT_MEMLOCK, &unlimited) < 0)
		return -errno;
	/* On fault: what is never touched need not be there. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		return -errno;
	return 0;
}
