// SPDX-License-Identifier: GPL-2.0-or-later
/* The pair link's side of synchronisation: frames of the peer into the kernel and the machine. */
#include "lbd/sync.h"
#include "lbd/sync_priv.h"

#include <errno.h>
#include <string.h>

/* ---- from the peer ---- */

static void on_pair_hello(void *arg, struct sync_hello *out)
{
	struct sync *sync = arg;

	out->instance = sync->instance;
	out->config_hash = sync->config_hash;
	out->epoch = sync->fsm.epoch;
	out->owner = sync->fsm.owner;
}

static void note_config(struct sync *sync, bool equal, uint64_t peer_hash)
{
	if (!equal)
		log_msg(sync->log, LOG_LEVEL_WARN,
			"configuration differs from the peer's ours=%016llx peers=%016llx",
			(unsigned long long)sync->config_hash, (unsigned long long)peer_hash);
}

static void on_pair_up(void *arg, const struct sync_hello *peer)
{
	struct sync *sync = arg;
	struct sync_event event = {
		.type = SYNC_EV_LINK_UP,
		.owner = peer->owner,
		.epoch = peer->epoch,
		.config_equal = peer->config_hash == sync->config_hash,
	};

	note_config(sync, event.config_equal, peer->config_hash);
	sync->peer = (struct sync_word){
		.owner = peer->owner,
		.epoch = peer->epoch,
		.config_hash = peer->config_hash,
	};
	sync_send_word(sync);
	sync_step(sync, &event);
	if (sync->callbacks.peer)
		sync->callbacks.peer(sync->arg, true, &sync->peer);
}

static void on_pair_down(void *arg, const char *reason)
{
	struct sync *sync = arg;

	(void)reason; /* pair.c has logged it */
	ct_commit(sync->ct);
	sync->peer = (struct sync_word){0};
	sync_step(sync, &(struct sync_event){.type = SYNC_EV_LINK_DOWN});
	if (sync->callbacks.peer)
		sync->callbacks.peer(sync->arg, false, &sync->peer);
}

static enum ct_put put_how(enum sync_accept accept)
{
	if (accept == SYNC_ACCEPT_CLOSE)
		return CT_PUT_CLOSE;
	return accept == SYNC_ACCEPT_UPSERT ? CT_PUT_UPSERT : CT_PUT_CREATE;
}

static void take_put(struct sync *sync, const struct sync_frame *frame)
{
	mono now = mono_now();

	for (size_t i = 0; i < frame->records.count; i++) {
		enum sync_accept accept;
		struct flow flow;

		if (sync_frame_flow(frame, i, &flow) != SYNC_FRAME_OK)
			return; /* the decoder has checked them all */
		sync->received++;
		accept = sync_fsm_accept_put(&sync->fsm, frame->records.bulk,
					     flow_is_closing(&flow), now);
		if (accept == SYNC_ACCEPT_NO)
			continue;
		flow.mark = flow_mark_with_generation(flow.mark, sync->fsm.generation);
		ct_put(sync->ct, &flow, put_how(accept));
	}
}

static void take_del(struct sync *sync, const struct sync_frame *frame)
{
	mono now = mono_now();

	for (size_t i = 0; i < frame->records.count; i++) {
		struct flow flow;

		if (sync_frame_flow(frame, i, &flow) != SYNC_FRAME_OK)
			return;
		if (!sync_fsm_accept_del(&sync->fsm, now))
			continue;
		sync->destroyed++;
		ct_del(sync->ct, &flow);
	}
}

/* What relies on everything before it being in the kernel. */
static void take_bulk(struct sync *sync, const struct sync_frame *frame, enum sync_event_type type)
{
	struct sync_event event = {.type = type, .id = frame->bulk.id, .count = frame->bulk.count};

	ct_commit(sync->ct);
	sync_step(sync, &event);
}

static void take_barrier(struct sync *sync, const struct sync_frame *frame,
			 enum sync_event_type type)
{
	struct sync_event event = {.type = type, .id = frame->barrier.id};

	ct_commit(sync->ct);
	sync_step(sync, &event);
}

static void take_word(struct sync *sync, const struct sync_word *word)
{
	struct sync_event config = {
		.type = SYNC_EV_CONFIG,
		.config_equal = word->config_hash == sync->config_hash,
	};
	struct sync_event event = {
		.type = SYNC_EV_PEER_WORD, .owner = word->owner, .epoch = word->epoch};

	if (sync->fsm.config_equal != config.config_equal) {
		note_config(sync, config.config_equal, word->config_hash);
		sync_step(sync, &config);
	}
	sync->peer = *word;
	sync_step(sync, &event);
	if (sync->callbacks.peer)
		sync->callbacks.peer(sync->arg, true, word);
}

static void take_flush(struct sync *sync, uint16_t server)
{
	if (!sync_fsm_accept_flush(&sync->fsm, mono_now())) {
		log_msg(sync->log, LOG_LEVEL_WARN,
			"peer's order to forget a server's connections refused server=%u reason=\"%s\"",
			server,
			sync->fsm.config_equal ? "we are the owner" : "configurations differ");
		return;
	}
	if (sync_flush_server(sync, server) != 0)
		sync_step(sync, &(struct sync_event){.type = SYNC_EV_INJECT_FAILED});
}

static const char *on_pair_frame(void *arg, const struct sync_frame *frame)
{
	struct sync *sync = arg;

	switch (frame->type) {
	case SYNC_PUT:
		take_put(sync, frame);
		break;
	case SYNC_DEL:
		take_del(sync, frame);
		break;
	case SYNC_BULK_BEGIN:
		take_bulk(sync, frame, SYNC_EV_BULK_BEGIN);
		break;
	case SYNC_BULK_END:
		take_bulk(sync, frame, SYNC_EV_BULK_END);
		break;
	case SYNC_BULK_DONE:
		take_bulk(sync, frame, SYNC_EV_BULK_DONE);
		break;
	case SYNC_BULK_REQUEST:
		log_msg(sync->log, LOG_LEVEL_WARN, "peer asks for all connections reason=\"%s\"",
			frame->reason);
		sync_step(sync, &(struct sync_event){.type = SYNC_EV_BULK_REQUEST});
		break;
	case SYNC_BARRIER:
		take_barrier(sync, frame, SYNC_EV_PEER_BARRIER);
		break;
	case SYNC_BARRIER_ACK:
		take_barrier(sync, frame, SYNC_EV_BARRIER_ACK);
		break;
	case SYNC_VERDICT:
		if (sync->callbacks.verdict && sync_fsm_accept_verdict(&sync->fsm))
			sync->callbacks.verdict(sync->arg, &frame->verdict);
		break;
	case SYNC_FLUSH_SERVER:
		take_flush(sync, frame->server);
		break;
	case SYNC_STATE:
		take_word(sync, &frame->word);
		break;
	case SYNC_BYE:
		return "peer stopped";
	case SYNC_HELLO:
	case SYNC_HEARTBEAT:
	case SYNC_HEARTBEAT_ACK:
	case SYNC_FRAME_TYPE_N:
		break; /* never come this far */
	}
	return NULL;
}

static void on_pair_idle(void *arg)
{
	struct sync *sync = arg;

	ct_commit(sync->ct);
}

static void on_pair_drained(void *arg)
{
	struct sync *sync = arg;

	if (sync->dump_paused) {
		sync->dump_paused = false;
		ct_dump_pause(sync->ct, false);
	}
	if (sync->fsm.stream_full)
		sync_step(sync, &(struct sync_event){.type = SYNC_EV_STREAM_DRAINED});
}

int sync_peer_open(struct sync *sync, const struct conf *conf, struct pair **out,
		   char error[static PAIR_ERROR_MAX])
{
	static const struct pair_callbacks callbacks = {
		.hello = on_pair_hello,
		.up = on_pair_up,
		.down = on_pair_down,
		.frame = on_pair_frame,
		.idle = on_pair_idle,
		.drained = on_pair_drained,
	};
	struct pair_setup setup = {
		.base = sync->base,
		.log = sync->log,
		.conf = conf,
		.callbacks = &callbacks,
		.arg = sync,
	};

	*out = NULL;
	if (!conf_peer(conf))
		return 0;
	return pair_open(&setup, out, error);
}

/* ---- another configuration ---- */

void sync_take_conf(struct sync *sync, const struct conf *conf)
{
	sync->settings = conf->pair;
	memcpy(sync->nodes, conf->nodes, sizeof(sync->nodes));
	sync->self = conf->self;
	sync->configured = conf_peer(conf) != NULL;
	sync->config_hash = conf->hash;
}

static bool same_link(const struct sync *sync, const struct conf *conf)
{
	bool peer = conf_peer(conf) != NULL;

	if (peer != sync->configured || !peer)
		return peer == sync->configured;
	if (conf->self != sync->self || conf->pair.pair_port != sync->settings.pair_port)
		return false;
	for (size_t i = 0; i < CONF_NODES_MAX; i++) {
		if (strcmp(conf->nodes[i].name, sync->nodes[i].name) != 0 ||
		    !addr_equal(&conf->nodes[i].pair_address, &sync->nodes[i].pair_address))
			return false;
	}
	return true;
}

/*
 * Whether the key file still holds the key of the link, whatever its name. One that stays where it
 * is and may not be read by the user we became is taken for unchanged: the link works.
 */
static int compare_key(struct sync *sync, const struct conf *conf, bool *same,
		       char error[static PAIR_ERROR_MAX])
{
	int result = pair_same_key(sync->pair, conf->pair.key_file, same, error);

	if (result != -EACCES || strcmp(conf->pair.key_file, sync->settings.key_file) != 0)
		return result;
	log_msg(sync->log, LOG_LEVEL_WARN, "pair link keeps its key: %s", error);
	*same = true;
	return 0;
}

static int replace_link(struct sync *sync, const struct conf *conf,
			char error[static PAIR_ERROR_MAX])
{
	struct pair *pair = NULL;
	int result = sync_peer_open(sync, conf, &pair, error);

	if (result)
		return result;
	pair_reset(sync->pair, "reload");
	pair_close(sync->pair, "reload");
	sync->pair = pair;
	pair_start(pair); /* only now: the old one had the address and the port */
	return 0;
}

int sync_reload(struct sync *sync, const struct conf *conf, char error[static PAIR_ERROR_MAX])
{
	bool same = same_link(sync, conf);
	int result = 0;

	if (same && sync->pair)
		result = compare_key(sync, conf, &same, error);
	if (result == 0 && !same)
		result = replace_link(sync, conf, error);
	if (result)
		return result;
	sync_take_conf(sync, conf);
	if (sync->fsm.link) {
		struct sync_event event = {
			.type = SYNC_EV_CONFIG,
			.config_equal = sync->peer.config_hash == sync->config_hash,
		};

		sync_step(sync, &event);
		sync_send_word(sync);
	}
	return 0;
}
