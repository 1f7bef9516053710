// SPDX-License-Identifier: GPL-2.0-or-later
/* The synchronisation machine's word about single records, on their way out and on their way in. */
#include "lbd/sync_fsm.h"

/* ---- ended connections, remembered while a dump runs ---- */

/* The slot that holds the fingerprint, or the free one where it belongs. */
static size_t tombs_find(const struct sync_tombs *tombs, uint64_t fingerprint)
{
	size_t i = fingerprint & (SYNC_TOMB_SLOTS - 1);

	while (tombs->slot[i] != 0 && tombs->slot[i] != fingerprint)
		i = (i + 1) & (SYNC_TOMB_SLOTS - 1);
	return i;
}

static uint64_t tomb_value(uint64_t fingerprint)
{
	return fingerprint ? fingerprint : 1; /* 0 means free */
}

bool sync_fsm_note_end(struct sync_fsm *fsm, uint64_t fingerprint)
{
	if (fsm->send != SYNC_SEND_DUMP)
		return true;
	uint64_t value = tomb_value(fingerprint);
	size_t i = tombs_find(&fsm->tombs, value);

	if (fsm->tombs.slot[i] == value)
		return true;
	if (fsm->tombs.n >= SYNC_TOMBS_MAX)
		return false;
	fsm->tombs.slot[i] = value;
	fsm->tombs.n++;
	return true;
}

bool sync_fsm_take_record(struct sync_fsm *fsm, uint64_t fingerprint)
{
	uint64_t value = tomb_value(fingerprint);

	if (fsm->send != SYNC_SEND_DUMP)
		return false;
	if (fsm->tombs.slot[tombs_find(&fsm->tombs, value)] == value)
		return false;
	fsm->dumped++;
	return true;
}

/* ---- out ---- */

bool sync_fsm_wants_put(const struct sync_fsm *fsm)
{
	return fsm->link && !fsm->stream_full;
}

bool sync_fsm_wants_del(const struct sync_fsm *fsm)
{
	return fsm->link && !fsm->stream_full && fsm->owner;
}

bool sync_fsm_wants_closing(const struct sync_fsm *fsm)
{
	return fsm->closing && !fsm->stream_full;
}

/* ---- in ---- */

bool sync_fsm_in_grace(const struct sync_fsm *fsm, mono now)
{
	return mono_before(now, mono_add(fsm->owned_since, mono_from_ms(SYNC_GRACE_MS)));
}

static bool is_hand_over(const struct sync_fsm *fsm, mono now)
{
	mono end = mono_add(fsm->owned_since, mono_from_ms(SYNC_CLOSING_MS));

	return !fsm->peer_owner && mono_before(now, end);
}

enum sync_accept sync_fsm_accept_put(struct sync_fsm *fsm, bool bulk, bool closing, mono now)
{
	if (fsm->owner && closing && !bulk && is_hand_over(fsm, now))
		return SYNC_ACCEPT_CLOSE;
	if (fsm->owner) {
		fsm->late++;
		if (bulk || closing)
			return SYNC_ACCEPT_NO;
	} else if (bulk) {
		if (fsm->recv != SYNC_RECV_BULK)
			return SYNC_ACCEPT_NO;
		fsm->recv_count++;
	}
	fsm->used |= 1u << fsm->generation;
	fsm->stamped = true;
	return fsm->owner ? SYNC_ACCEPT_CREATE : SYNC_ACCEPT_UPSERT;
}

bool sync_fsm_accept_del(struct sync_fsm *fsm, mono now)
{
	if (!fsm->owner)
		return true;
	if ((fsm->peer_owner && fsm->peer_epoch > fsm->epoch) || sync_fsm_in_grace(fsm, now))
		return true;
	fsm->late++;
	return false;
}

bool sync_fsm_accept_verdict(const struct sync_fsm *fsm)
{
	return fsm->config_equal;
}

bool sync_fsm_accept_flush(struct sync_fsm *fsm, mono now)
{
	if (fsm->config_equal)
		return sync_fsm_accept_del(fsm, now);
	fsm->late++;
	return false;
}
