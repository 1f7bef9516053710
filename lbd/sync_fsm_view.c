// SPDX-License-Identifier: GPL-2.0-or-later
/* The questions one may ask the synchronisation machine: it is not changed by any of them. */
#include "lbd/sync_fsm.h"

mono sync_fsm_deadline(const struct sync_fsm *fsm, mono now)
{
	mono next = mono_min(fsm->send_deadline, mono_min(fsm->recv_retry, fsm->barrier_deadline));

	return mono_before(now, fsm->settled) ? mono_min(next, fsm->settled) : next;
}

bool sync_fsm_counts_differ(uint64_t a, uint64_t b)
{
	uint64_t most = a > b ? a : b;
	uint64_t least = a > b ? b : a;
	uint64_t share = most / (100 / SYNC_DIVERGED_PCT);

	return most - least > (share > SYNC_DIVERGED_MIN ? share : SYNC_DIVERGED_MIN);
}

enum sync_level sync_fsm_level(const struct sync_fsm *fsm, mono now)
{
	if (!fsm->link)
		return SYNC_LEVEL_ALONE;
	if (fsm->equal)
		return SYNC_LEVEL_SYNCED;
	if (fsm->owner || fsm->peer_owner || fsm->recv == SYNC_RECV_BULK)
		return SYNC_LEVEL_CATCHING_UP;
	return mono_reached(fsm->settled, now) ? SYNC_LEVEL_SYNCED : SYNC_LEVEL_CATCHING_UP;
}

/* Progress of the bulk under way: records done and begin; false when none is. */
static bool progress(const struct sync_fsm *fsm, uint64_t *total, uint64_t *done, mono *began)
{
	if (fsm->recv == SYNC_RECV_BULK) {
		*total = fsm->recv_expected;
		*done = fsm->recv_count;
		*began = fsm->recv_began;
		return true;
	}
	*total = fsm->own_entries;
	*done = fsm->dumped;
	*began = fsm->send_began;
	return fsm->send == SYNC_SEND_DUMP;
}

uint64_t sync_fsm_entries_left(const struct sync_fsm *fsm)
{
	uint64_t total;
	uint64_t done;
	mono began;

	if (fsm->send == SYNC_SEND_WAIT || fsm->send == SYNC_SEND_BLOCKED)
		return fsm->own_entries;
	if (!progress(fsm, &total, &done, &began) || done > total)
		return 0;
	return total - done;
}

mono sync_fsm_eta(const struct sync_fsm *fsm, mono now)
{
	uint64_t left = sync_fsm_entries_left(fsm);
	uint64_t total;
	uint64_t done;
	mono began;

	if (left == 0)
		return mono_zero();
	if (!progress(fsm, &total, &done, &began) || done == 0)
		return mono_never();
	double pace = (double)mono_sub(now, began).ns / (double)done;

	return mono_from_ns((int64_t)(pace * (double)left));
}

const char *sync_level_name(enum sync_level level)
{
	static const char *const name[SYNC_LEVEL_N] = {
		[SYNC_LEVEL_ALONE] = "alone",
		[SYNC_LEVEL_CATCHING_UP] = "catching_up",
		[SYNC_LEVEL_SYNCED] = "synced",
	};

	return level < SYNC_LEVEL_N ? name[level] : "unknown";
}

const char *sync_send_name(enum sync_send send)
{
	static const char *const name[SYNC_SEND_N] = {
		[SYNC_SEND_IDLE] = "idle",       [SYNC_SEND_WAIT] = "wait",
		[SYNC_SEND_BLOCKED] = "blocked", [SYNC_SEND_DUMP] = "dump",
		[SYNC_SEND_CONFIRM] = "confirm",
	};

	return send < SYNC_SEND_N ? name[send] : "unknown";
}

const char *sync_barrier_text(enum sync_barrier_result result)
{
	static const char *const text[SYNC_BARRIER_N] = {
		[SYNC_BARRIER_OK] = "done",
		[SYNC_BARRIER_BUSY] = "another barrier is waiting",
		[SYNC_BARRIER_NO_PEER] = "the pair link is down",
		[SYNC_BARRIER_CONFIG] = "the peer runs a different configuration",
		[SYNC_BARRIER_NOT_SYNCED] = "the peer does not hold all connections yet",
		[SYNC_BARRIER_TIMEOUT] = "the peer did not answer in time",
		[SYNC_BARRIER_LINK_LOST] = "the pair link went down meanwhile",
	};

	return result < SYNC_BARRIER_N ? text[result] : "unknown";
}
