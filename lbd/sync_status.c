// SPDX-License-Identifier: GPL-2.0-or-later
/* What synchronisation says of itself, for status and for the words to vrrpd. */
#include "lbd/sync.h"
#include "lbd/sync_priv.h"

#include <stdio.h>
#include <string.h>

/*
 * Two nodes that call themselves synced should count the same. A difference that lasts means that
 * the replica lost entries without an event, for instance because they ran out of time over there.
 */
void sync_watch_counts(struct sync *sync)
{
	mono now = mono_now();
	bool differ = sync->fsm.link && sync_fsm_level(&sync->fsm, now) == SYNC_LEVEL_SYNCED &&
		      sync_fsm_counts_differ(sync_entries(sync), sync->peer.connections);

	if (!differ)
		sync->diverging = mono_never();
	else if (mono_is_never(sync->diverging))
		sync->diverging = now;
}

static bool is_diverged(const struct sync *sync, mono now)
{
	return mono_reached(mono_add(sync->diverging, mono_from_ms(SYNC_DIVERGED_MS)), now);
}

void sync_get_status(struct sync *sync, struct sync_status *out)
{
	const struct sync_fsm *fsm = &sync->fsm;
	mono now = mono_now();

	*out = (struct sync_status){.configured = sync->configured};
	out->lag = mono_never();
	if (sync->configured) {
		const struct conf_node *peer = &sync->nodes[1 - sync->self];
		struct pair_status pair;

		pair_get_status(sync->pair, &pair);
		snprintf(out->node, sizeof(out->node), "%s", peer->name);
		out->address = peer->pair_address;
		out->connected = pair.connected;
		out->since = pair.since;
		out->lag = pair.lag;
		memcpy(out->refused, pair.refused, sizeof(out->refused));
		memcpy(out->last_error, pair.last_error, sizeof(out->last_error));
		out->hello = pair.peer;
		out->unacked_bytes = pair.queued_bytes;
	}
	out->peer = sync->peer;
	out->config_equal = fsm->link && fsm->config_equal;
	out->level = sync_fsm_level(fsm, now);
	out->role = !fsm->link        ? "none"
		    : fsm->owner      ? "sender"
		    : fsm->peer_owner ? "receiver"
				      : "none";
	out->entries_left = sync_fsm_entries_left(fsm);
	out->eta = sync_fsm_eta(fsm, now);
	out->connections = sync_entries(sync);
	out->diverged = is_diverged(sync, now);
	out->sent = sync->sent;
	out->received = sync->received;
	out->destroyed = sync->destroyed;
	out->late = fsm->late;
	out->resyncs = fsm->bulks_sent + fsm->bulks_received;
	out->last_resync = fsm->last_resync;
	out->ct = *ct_counters(sync->ct);
}
