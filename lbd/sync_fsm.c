// SPDX-License-Identifier: GPL-2.0-or-later
#include "lbd/sync_fsm.h"

#include <assert.h>
#include <string.h>

static void tombs_clear(struct sync_tombs *tombs)
{
	if (tombs->n)
		memset(tombs, 0, sizeof(*tombs));
}

/* ---- actions ---- */

static struct sync_action *act(struct sync_actions *out, enum sync_action_type type)
{
	assert(out->n < SYNC_ACTIONS_MAX);
	struct sync_action *a = &out->action[out->n++];

	*a = (struct sync_action){.type = type};
	return a;
}

static void act_id(struct sync_actions *out, enum sync_action_type type, uint64_t id,
		   uint64_t count)
{
	struct sync_action *a = act(out, type);

	a->id = id;
	a->count = count;
}

static void end_barrier(struct sync_fsm *fsm, enum sync_barrier_result result,
			struct sync_actions *out)
{
	fsm->barrier_pending = false;
	fsm->barrier_deadline = mono_never();
	act(out, SYNC_ACT_BARRIER_DONE)->result = result;
}

/* ---- sender ---- */

static void stop_sending(struct sync_fsm *fsm, struct sync_actions *out)
{
	if (fsm->send == SYNC_SEND_DUMP)
		act(out, SYNC_ACT_STOP_DUMP);
	fsm->send = SYNC_SEND_IDLE;
	fsm->send_deadline = mono_never();
	tombs_clear(&fsm->tombs);
}

static void start_dump(struct sync_fsm *fsm, struct sync_actions *out)
{
	tombs_clear(&fsm->tombs);
	fsm->send = SYNC_SEND_DUMP;
	fsm->send_deadline = mono_never();
	fsm->dumped = 0;
	act(out, SYNC_ACT_START_DUMP);
}

/*
 * Announces a bulk and starts it after the delay. The announcement goes out at once, because from
 * now on the receiver must not call itself synced.
 */
static void announce_bulk(struct sync_fsm *fsm, int64_t delay_ms, mono now,
			  struct sync_actions *out)
{
	stop_sending(fsm, out);
	fsm->bulk_id++;
	fsm->send_began = now;
	act_id(out, SYNC_ACT_SEND_BULK_BEGIN, fsm->bulk_id, fsm->own_entries);
	if (fsm->stream_full) {
		fsm->send = SYNC_SEND_BLOCKED;
	} else if (delay_ms > 0) {
		fsm->send = SYNC_SEND_WAIT;
		fsm->send_deadline = mono_add(now, mono_from_ms(delay_ms));
	} else {
		start_dump(fsm, out);
	}
}

static bool is_sender(const struct sync_fsm *fsm)
{
	return fsm->link && fsm->owner && !fsm->peer_owner;
}

/*
 * Something was lost: what the peer holds is no longer known. Ever longer pauses between tries.
 * While both are owner nothing is sent, but whoever remains begins with a bulk.
 */
static void restart_bulk(struct sync_fsm *fsm, mono now, struct sync_actions *out)
{
	if (fsm->owner)
		fsm->equal = false;
	if (!is_sender(fsm)) {
		stop_sending(fsm, out);
		return;
	}
	announce_bulk(fsm, fsm->restart_ms, now, out);
	fsm->restarts++;
	fsm->restart_ms *= 2;
	if (fsm->restart_ms > SYNC_RESTART_MAX_MS)
		fsm->restart_ms = SYNC_RESTART_MAX_MS;
}

static void on_events_lost(struct sync_fsm *fsm, mono now, struct sync_actions *out)
{
	/* What a replica overlooks of its own table is no loss, unless it was becoming owner. */
	if (!fsm->owner)
		fsm->overlooked = now;
	restart_bulk(fsm, now, out);
}

/* We stepped down: what is ending in our table the peer still holds as if it lived for days. */
static void start_closing(struct sync_fsm *fsm, struct sync_actions *out)
{
	stop_sending(fsm, out);
	fsm->closing = true;
	act(out, SYNC_ACT_START_DUMP);
}

static void stop_closing(struct sync_fsm *fsm, struct sync_actions *out)
{
	if (fsm->closing)
		act(out, SYNC_ACT_STOP_DUMP);
	fsm->closing = false;
}

static void on_dump_done(struct sync_fsm *fsm, bool failed, mono now, struct sync_actions *out)
{
	fsm->closing = false;
	if (fsm->send != SYNC_SEND_DUMP)
		return;
	if (failed) {
		fsm->send = SYNC_SEND_IDLE; /* the dump has ended by itself */
		restart_bulk(fsm, now, out);
		return;
	}
	fsm->send = SYNC_SEND_CONFIRM;
	fsm->send_deadline = mono_add(now, mono_from_ms(SYNC_CONFIRM_MS));
	tombs_clear(&fsm->tombs);
	act_id(out, SYNC_ACT_SEND_BULK_END, fsm->bulk_id, fsm->dumped);
}

static void on_bulk_done(struct sync_fsm *fsm, uint64_t id, mono now)
{
	if (fsm->send != SYNC_SEND_CONFIRM || id != fsm->bulk_id)
		return;
	fsm->send = SYNC_SEND_IDLE;
	fsm->send_deadline = mono_never();
	fsm->restart_ms = SYNC_RESTART_MIN_MS;
	fsm->equal = true;
	fsm->bulks_sent++;
	fsm->last_resync = mono_sub(now, fsm->send_began);
}

static void on_stream_full(struct sync_fsm *fsm, mono now, struct sync_actions *out)
{
	if (fsm->stream_full)
		return;
	fsm->stream_full = true;
	fsm->equal = false; /* a replica's stream has been lost as well: it asks for a bulk */
	restart_bulk(fsm, now, out);
}

static void on_stream_drained(struct sync_fsm *fsm, struct sync_actions *out)
{
	fsm->stream_full = false;
	if (fsm->send == SYNC_SEND_BLOCKED)
		start_dump(fsm, out);
}

/* ---- receiver ---- */

/*
 * A generation for the next bulk: one that is in no entry of ours. Three are there for bulks (0 is
 * what the rules set); when aborted bulks have used them up, the one that is neither complete nor
 * current is emptied: what still lives of it comes again within this very bulk.
 */
static unsigned pick_generation(struct sync_fsm *fsm, struct sync_actions *out)
{
	unsigned spare = 0;

	if (fsm->recv == SYNC_RECV_BULK && !fsm->stamped)
		return fsm->generation; /* restarted before anything came: nothing to tell apart */
	for (unsigned g = 1; g <= 3; g++) {
		if (!(fsm->used & 1u << g))
			return g;
		if (g != fsm->complete && g != fsm->generation)
			spare = g;
	}
	assert(spare != 0);
	act(out, SYNC_ACT_FLUSH_GENERATION)->generation = spare;
	return spare;
}

static void on_bulk_begin(struct sync_fsm *fsm, const struct sync_event *event, mono now,
			  struct sync_actions *out)
{
	if (fsm->owner) {
		fsm->late++; /* crossed with our claim; the peer stops when it hears of it */
		return;
	}
	fsm->generation = pick_generation(fsm, out);
	fsm->stamped = false;
	fsm->survey_fresh = false;
	fsm->used |= 1u << fsm->generation;
	fsm->equal = false;
	fsm->recv = SYNC_RECV_BULK;
	fsm->recv_id = event->id;
	fsm->recv_expected = event->count;
	fsm->recv_count = 0;
	fsm->recv_failed = false;
	fsm->recv_retry = mono_never();
	fsm->recv_began = now;
}

static void on_bulk_end(struct sync_fsm *fsm, const struct sync_event *event, mono now,
			struct sync_actions *out)
{
	if (fsm->recv != SYNC_RECV_BULK || event->id != fsm->recv_id)
		return;
	fsm->recv = SYNC_RECV_IDLE;
	if (fsm->recv_failed)
		return; /* asks again after a while */
	if (fsm->recv_count != event->count) {
		act(out, SYNC_ACT_SEND_BULK_REQUEST);
		return;
	}
	for (unsigned g = 0; g <= 3; g++) {
		if (g != fsm->generation && (fsm->used & 1u << g))
			act(out, SYNC_ACT_FLUSH_GENERATION)->generation = g;
	}
	fsm->used = 1u << fsm->generation;
	fsm->complete = fsm->generation;
	fsm->equal = true;
	fsm->bulks_received++;
	fsm->last_resync = mono_sub(now, fsm->recv_began);
	act_id(out, SYNC_ACT_SEND_BULK_DONE, event->id, fsm->recv_count);
}

static void on_inject_failed(struct sync_fsm *fsm, mono now)
{
	if (fsm->owner && !fsm->peer_owner && !sync_fsm_in_grace(fsm, now))
		return; /* nothing that the peer counts on */
	fsm->equal = false;
	if (fsm->recv == SYNC_RECV_BULK)
		fsm->recv_failed = true;
}

/* ---- roles and link ---- */

/* Both became owner, or one of two stepped down: an overlap that lasted is no hand-over. */
static void note_overlap(struct sync_fsm *fsm, mono now)
{
	if (fsm->owner && fsm->peer_owner) {
		if (mono_is_never(fsm->both_since))
			fsm->both_since = now;
		return;
	}
	if (!mono_is_never(fsm->both_since) &&
	    mono_reached(mono_add(fsm->both_since, mono_from_ms(SYNC_GRACE_MS)), now))
		fsm->equal = false;
	fsm->both_since = mono_never();
}

static void on_owner(struct sync_fsm *fsm, bool owner, mono now, struct sync_actions *out)
{
	if (owner == fsm->owner)
		return;
	fsm->owner = owner;
	if (owner) {
		fsm->epoch = (fsm->epoch > fsm->peer_epoch ? fsm->epoch : fsm->peer_epoch) + 1;
		fsm->owned_since = now;
		fsm->used |= 1u; /* our rules start connections with generation 0 */
		fsm->recv = SYNC_RECV_IDLE;
		stop_closing(fsm, out);
		if (mono_before(now, mono_add(fsm->overlooked, mono_from_ms(SYNC_GRACE_MS))))
			fsm->equal = false;
	}
	note_overlap(fsm, now);
	if (fsm->link)
		act(out, SYNC_ACT_SEND_WORD);
	if (fsm->link && !owner)
		start_closing(fsm, out);
}

static void on_peer_word(struct sync_fsm *fsm, const struct sync_event *event, mono now)
{
	fsm->peer_owner = event->owner;
	fsm->peer_epoch = event->epoch;
	if (!fsm->peer_owner)
		fsm->recv = SYNC_RECV_IDLE; /* its bulk ended with its ownership */
	note_overlap(fsm, now);
}

static void on_link_up(struct sync_fsm *fsm, const struct sync_event *event, mono now)
{
	fsm->link = true;
	fsm->equal = false;
	fsm->stream_full = false;
	fsm->config_equal = event->config_equal;
	fsm->peer_owner = event->owner;
	fsm->peer_epoch = event->epoch;
	fsm->settled = mono_add(now, mono_from_ms(SYNC_SETTLE_MS));
	fsm->restart_ms = SYNC_RESTART_MIN_MS;
	note_overlap(fsm, now);
}

static void on_link_down(struct sync_fsm *fsm, struct sync_actions *out)
{
	stop_sending(fsm, out);
	stop_closing(fsm, out);
	fsm->link = false;
	fsm->equal = false;
	fsm->stream_full = false;
	fsm->peer_owner = false;
	fsm->both_since = mono_never();
	fsm->recv = SYNC_RECV_IDLE;
	fsm->recv_retry = mono_never();
	fsm->settled = mono_never();
	if (fsm->barrier_pending)
		end_barrier(fsm, SYNC_BARRIER_LINK_LOST, out);
}

/* ---- barrier ---- */

static void on_barrier(struct sync_fsm *fsm, mono timeout, mono now, struct sync_actions *out)
{
	enum sync_barrier_result refusal = SYNC_BARRIER_OK;

	if (fsm->barrier_pending)
		refusal = SYNC_BARRIER_BUSY;
	else if (!fsm->link)
		refusal = SYNC_BARRIER_NO_PEER;
	else if (!fsm->config_equal)
		refusal = SYNC_BARRIER_CONFIG;
	else if (sync_fsm_level(fsm, now) != SYNC_LEVEL_SYNCED)
		refusal = SYNC_BARRIER_NOT_SYNCED;
	if (refusal != SYNC_BARRIER_OK) {
		act(out, SYNC_ACT_BARRIER_DONE)->result = refusal;
		return;
	}
	fsm->barrier_pending = true;
	fsm->barrier_deadline = mono_add(now, timeout);
	act_id(out, SYNC_ACT_SEND_BARRIER, ++fsm->barrier_id, 0);
}

static void on_peer_barrier(struct sync_fsm *fsm, uint64_t id, struct sync_actions *out)
{
	if (!fsm->owner && fsm->peer_owner && !fsm->equal)
		act(out, SYNC_ACT_SEND_BULK_REQUEST); /* we know of a hole that the peer does not */
	else
		act_id(out, SYNC_ACT_SEND_BARRIER_ACK, id, 0);
}

/* ---- the machine ---- */

/* A replica that is not equal and hears of no bulk asks for one after a while. */
static bool needs_bulk(const struct sync_fsm *fsm)
{
	return fsm->link && !fsm->owner && fsm->peer_owner && !fsm->equal &&
	       fsm->recv == SYNC_RECV_IDLE;
}

static void on_tick(struct sync_fsm *fsm, mono now, struct sync_actions *out)
{
	if (fsm->send == SYNC_SEND_WAIT && mono_reached(fsm->send_deadline, now))
		start_dump(fsm, out);
	else if (fsm->send == SYNC_SEND_CONFIRM && mono_reached(fsm->send_deadline, now))
		restart_bulk(fsm, now, out);
	if (mono_reached(fsm->recv_retry, now)) {
		fsm->recv_retry = mono_never();
		act(out, SYNC_ACT_SEND_BULK_REQUEST);
	}
	if (fsm->barrier_pending && mono_reached(fsm->barrier_deadline, now))
		end_barrier(fsm, SYNC_BARRIER_TIMEOUT, out);
}

static void on_survey(struct sync_fsm *fsm, const struct sync_event *event)
{
	fsm->own_entries = event->count;
	/* One that a bulk began under may have passed where its stamp came later. */
	if (fsm->survey_fresh)
		fsm->used = event->generations | 1u << fsm->generation | (fsm->owner ? 1u : 0u);
	fsm->survey_fresh = true;
}

static void dispatch(struct sync_fsm *fsm, const struct sync_event *event, mono now,
		     struct sync_actions *out)
{
	switch (event->type) {
	case SYNC_EV_LINK_UP:
		on_link_up(fsm, event, now);
		break;
	case SYNC_EV_LINK_DOWN:
		on_link_down(fsm, out);
		break;
	case SYNC_EV_OWNER:
		on_owner(fsm, event->owner, now, out);
		break;
	case SYNC_EV_PEER_WORD:
		on_peer_word(fsm, event, now);
		break;
	case SYNC_EV_BULK_BEGIN:
		on_bulk_begin(fsm, event, now, out);
		break;
	case SYNC_EV_BULK_END:
		on_bulk_end(fsm, event, now, out);
		break;
	case SYNC_EV_BULK_DONE:
		on_bulk_done(fsm, event->id, now);
		break;
	case SYNC_EV_BULK_REQUEST:
		restart_bulk(fsm, now, out);
		break;
	case SYNC_EV_EVENTS_LOST:
		on_events_lost(fsm, now, out);
		break;
	case SYNC_EV_PEER_BARRIER:
		on_peer_barrier(fsm, event->id, out);
		break;
	case SYNC_EV_BARRIER_ACK:
		if (fsm->barrier_pending && event->id == fsm->barrier_id)
			end_barrier(fsm, SYNC_BARRIER_OK, out);
		break;
	case SYNC_EV_BARRIER:
		on_barrier(fsm, event->delay, now, out);
		break;
	case SYNC_EV_DUMP_DONE:
		on_dump_done(fsm, event->failed, now, out);
		break;
	case SYNC_EV_STREAM_FULL:
		on_stream_full(fsm, now, out);
		break;
	case SYNC_EV_STREAM_DRAINED:
		on_stream_drained(fsm, out);
		break;
	case SYNC_EV_INJECT_FAILED:
		on_inject_failed(fsm, now);
		break;
	case SYNC_EV_SURVEY:
		on_survey(fsm, event);
		break;
	case SYNC_EV_CONFIG:
		fsm->config_equal = event->config_equal;
		break;
	case SYNC_EV_TICK:
		on_tick(fsm, now, out);
		break;
	}
}

void sync_fsm_step(struct sync_fsm *fsm, const struct sync_event *event, mono now,
		   struct sync_actions *out)
{
	out->n = 0;
	dispatch(fsm, event, now, out);
	/* What follows from the state, whatever the event was. */
	if (!is_sender(fsm) && fsm->send != SYNC_SEND_IDLE && fsm->send != SYNC_SEND_CONFIRM)
		stop_sending(fsm, out);
	if (is_sender(fsm) && !fsm->equal && fsm->send == SYNC_SEND_IDLE)
		announce_bulk(fsm, 0, now, out);
	if (!needs_bulk(fsm))
		fsm->recv_retry = mono_never();
	else if (mono_is_never(fsm->recv_retry))
		fsm->recv_retry = mono_add(now, mono_from_ms(SYNC_RETRY_MS));
	if (fsm->barrier_pending && fsm->owner && !fsm->equal)
		end_barrier(fsm, SYNC_BARRIER_NOT_SYNCED, out);
}

void sync_fsm_init(struct sync_fsm *fsm, unsigned used)
{
	memset(fsm, 0, sizeof(*fsm));
	fsm->used = used;
	fsm->settled = mono_never();
	fsm->both_since = mono_never();
	fsm->overlooked = mono_from_ms(-2 * SYNC_GRACE_MS);
	fsm->owned_since = fsm->overlooked;
	fsm->send_deadline = mono_never();
	fsm->recv_retry = mono_never();
	fsm->barrier_deadline = mono_never();
	fsm->restart_ms = SYNC_RESTART_MIN_MS;
}
