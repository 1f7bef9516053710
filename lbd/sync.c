// SPDX-License-Identifier: GPL-2.0-or-later
#include "lbd/sync.h"
#include "lbd/sync_priv.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DUMP_HIGH_BYTES = 256 * 1024, /* past it the dump pauses until the link has drained */
	SECOND_MS = 1000,
	SURVEY_MIN_MS = 2000,
	SURVEY_MAX_MS = 60000,
	SURVEY_SHARE = 200,      /* a survey may take 1/200 of the time */
	CLOSE_PATIENCE_MS = 200, /* longest stay in sync_close() for the peer's sake */
};

/* ---- helpers ---- */

static void start_timer(struct event *timer, mono delay)
{
	int64_t us = mono_before(mono_zero(), delay) ? mono_to_us(delay) + 1 : 0;
	struct timeval tv = {.tv_sec = us / 1000000, .tv_usec = (suseconds_t)(us % 1000000)};

	event_add(timer, &tv);
}

uint64_t sync_entries(struct sync *sync)
{
	uint64_t created = ct_counters(sync->ct)->created;

	sync->entries += (int64_t)(created - sync->created);
	sync->created = created;
	if (sync->entries < 0)
		sync->entries = 0;
	return (uint64_t)sync->entries;
}

void sync_send_word(struct sync *sync)
{
	struct sync_frame frame = {.type = SYNC_STATE};
	struct sync_word *word = &frame.word;

	word->owner = sync->fsm.owner;
	word->vrrpd = sync->vrrp.reachable;
	word->epoch = sync->fsm.epoch;
	word->config_hash = sync->config_hash;
	word->connections = sync_entries(sync);
	word->n_groups = (uint8_t)sync->vrrp.n_groups;
	memcpy(word->group, sync->vrrp.group, sizeof(word->group[0]) * sync->vrrp.n_groups);
	pair_send(sync->pair, &frame);
}

static void send_bulk(struct sync *sync, enum sync_frame_type type, const struct sync_action *act)
{
	struct sync_frame frame = {.type = type};

	frame.bulk.id = (uint32_t)act->id;
	frame.bulk.count = type == SYNC_BULK_BEGIN ? sync_entries(sync) : act->count;
	pair_send(sync->pair, &frame);
}

static void send_barrier(struct sync *sync, enum sync_frame_type type, uint64_t id)
{
	struct sync_frame frame = {.type = type};

	frame.barrier.id = id;
	frame.barrier.injected = ct_counters(sync->ct)->injected;
	pair_send(sync->pair, &frame);
}

/* ---- carrying out the machine's actions ---- */

static void end_barrier(struct sync *sync, enum sync_barrier_result result)
{
	sync_barrier_fn *cb = sync->barrier;

	sync->barrier = NULL;
	if (cb)
		cb(sync->barrier_arg, result, mono_sub(mono_now(), sync->barrier_began),
		   sync_entries(sync));
}

/* Returns false when the dump could not be started. */
static bool start_dump(struct sync *sync)
{
	int error = ct_dump_start(sync->ct);

	sync->dump_paused = false;
	if (error)
		log_msg(sync->log, LOG_LEVEL_ERR, "dump of connections failed error=\"%s\"",
			strerror(-error));
	return error == 0;
}

static void flush_generation(struct sync *sync, unsigned generation)
{
	uint32_t mark = flow_mark_with_generation(FLOW_MARK_OURS, generation);
	int error = ct_flush_mark(sync->ct, mark, FLOW_MARK_OURS_MASK | FLOW_MARK_GENERATION_MASK);

	if (error)
		log_msg(sync->log, LOG_LEVEL_ERR,
			"flush of stale connections failed generation=%u error=\"%s\"", generation,
			strerror(-error));
}

/* Returns false when the machine must be told that the dump failed. */
static bool carry_out(struct sync *sync, const struct sync_action *action)
{
	struct sync_frame request = {.type = SYNC_BULK_REQUEST};

	switch (action->type) {
	case SYNC_ACT_SEND_WORD:
		sync_send_word(sync);
		break;
	case SYNC_ACT_SEND_BULK_BEGIN:
		send_bulk(sync, SYNC_BULK_BEGIN, action);
		break;
	case SYNC_ACT_SEND_BULK_END:
		send_bulk(sync, SYNC_BULK_END, action);
		break;
	case SYNC_ACT_SEND_BULK_DONE:
		sync->next_survey = mono_zero();
		send_bulk(sync, SYNC_BULK_DONE, action);
		break;
	case SYNC_ACT_SEND_BULK_REQUEST:
		snprintf(request.reason, sizeof(request.reason), "incomplete");
		pair_send(sync->pair, &request);
		break;
	case SYNC_ACT_SEND_BARRIER:
		send_barrier(sync, SYNC_BARRIER, action->id);
		break;
	case SYNC_ACT_SEND_BARRIER_ACK:
		send_barrier(sync, SYNC_BARRIER_ACK, action->id);
		break;
	case SYNC_ACT_START_DUMP:
		return start_dump(sync);
	case SYNC_ACT_STOP_DUMP:
		ct_dump_stop(sync->ct);
		break;
	case SYNC_ACT_FLUSH_GENERATION:
		flush_generation(sync, action->generation);
		break;
	case SYNC_ACT_BARRIER_DONE:
		end_barrier(sync, action->result);
		break;
	}
	return true;
}

/* The one place where the machine's changes are logged and told. */
static void tell_changes(struct sync *sync, bool was_equal, enum sync_send was_send)
{
	const struct sync_fsm *fsm = &sync->fsm;
	mono now = mono_now();
	enum sync_level level = sync_fsm_level(fsm, now);

	if (fsm->send != was_send)
		log_msg(sync->log, LOG_LEVEL_DEBUG, "sync bulk %s -> %s id=%llu",
			sync_send_name(was_send), sync_send_name(fsm->send),
			(unsigned long long)fsm->bulk_id);
	if (fsm->equal && !was_equal)
		log_msg(sync->log, LOG_LEVEL_INFO,
			"sync complete role=%s connections=%llu took_ms=%lld",
			fsm->owner ? "sender" : "receiver", (unsigned long long)sync_entries(sync),
			(long long)mono_to_ms(fsm->last_resync));
	if (level == sync->level)
		return;
	log_msg(sync->log, LOG_LEVEL_NOTICE, "sync: %s -> %s role=%s connections=%llu",
		sync_level_name(sync->level), sync_level_name(level),
		fsm->owner ? "sender" : "receiver", (unsigned long long)sync_entries(sync));
	sync->level = level;
	if (sync->callbacks.level)
		sync->callbacks.level(sync->arg, level);
}

static void set_tick(struct sync *sync)
{
	mono now = mono_now();
	mono deadline = sync_fsm_deadline(&sync->fsm, now);

	if (mono_is_never(deadline))
		event_del(sync->tick);
	else
		start_timer(sync->tick, mono_sub(deadline, now));
}

void sync_step(struct sync *sync, const struct sync_event *event)
{
	bool was_equal = sync->fsm.equal;
	enum sync_send was_send = sync->fsm.send;
	bool dump_failed = false;
	struct sync_actions actions;

	sync_fsm_step(&sync->fsm, event, mono_now(), &actions);
	for (size_t i = 0; i < actions.n; i++)
		dump_failed |= !carry_out(sync, &actions.action[i]);
	if (dump_failed) {
		struct sync_event failed = {.type = SYNC_EV_DUMP_DONE, .failed = true};

		sync_fsm_step(&sync->fsm, &failed, mono_now(), &actions);
		for (size_t i = 0; i < actions.n; i++)
			(void)carry_out(sync, &actions.action[i]); /* it starts after a pause */
	}
	tell_changes(sync, was_equal, was_send);
	set_tick(sync);
}

/* ---- from the kernel ---- */

static void stream(struct sync *sync, enum sync_frame_type type, const struct flow *flow, bool bulk)
{
	if (!pair_put(sync->pair, type, flow, bulk)) {
		sync_step(sync, &(struct sync_event){.type = SYNC_EV_STREAM_FULL});
		return;
	}
	if (type == SYNC_PUT)
		sync->sent++;
	else
		sync->destroyed++;
}

static void on_change(void *arg, enum ct_change change, const struct flow *flow, bool own)
{
	struct sync *sync = arg;

	if (change == CT_CHANGE_PUT) {
		sync->entries++; /* at worst seen before: the next survey knows */
		ct_relax(sync->ct, flow);
		if (sync_fsm_wants_put(&sync->fsm))
			stream(sync, SYNC_PUT, flow, false);
		return;
	}
	sync->entries--;
	if (!own && flow_is_closing(flow) && sync_fsm_wants_closing(&sync->fsm)) {
		struct flow last = *flow; /* it ended before the dump came to it */

		last.timeout_s = 0;
		stream(sync, SYNC_PUT, &last, false);
	}
	if (!sync_fsm_note_end(&sync->fsm, flow_fingerprint(flow, sync->seed)))
		sync_step(sync, &(struct sync_event){.type = SYNC_EV_EVENTS_LOST});
	if (!own && sync_fsm_wants_del(&sync->fsm))
		stream(sync, SYNC_DEL, flow, false);
}

static void on_overflow(void *arg)
{
	struct sync *sync = arg;

	log_msg(sync->log, LOG_LEVEL_WARN, "kernel events lost owner=%d", sync->fsm.owner);
	sync_step(sync, &(struct sync_event){.type = SYNC_EV_EVENTS_LOST});
}

static void on_record(void *arg, const struct flow *flow)
{
	struct sync *sync = arg;

	if (sync_fsm_wants_closing(&sync->fsm)) {
		if (flow_is_closing(flow))
			stream(sync, SYNC_PUT, flow, false);
	} else {
		ct_relax(sync->ct, flow);
		if (!sync_fsm_take_record(&sync->fsm, flow_fingerprint(flow, sync->seed)))
			return;
		stream(sync, SYNC_PUT, flow, true);
	}
	if (!sync->dump_paused && pair_queued_bytes(sync->pair) > DUMP_HIGH_BYTES) {
		sync->dump_paused = true;
		ct_dump_pause(sync->ct, true);
	}
}

static void on_dump_done(void *arg, int error)
{
	struct sync *sync = arg;
	struct sync_event event = {.type = SYNC_EV_DUMP_DONE, .failed = error != 0};

	if (error)
		log_msg(sync->log, LOG_LEVEL_ERR, "dump of connections failed error=\"%s\"",
			strerror(-error));
	sync_step(sync, &event);
}

static void on_survey(void *arg, const struct ct_survey *survey)
{
	struct sync *sync = arg;
	struct sync_event event = {
		.type = SYNC_EV_SURVEY,
		.count = survey->entries,
		.generations = survey->generations,
	};
	mono pause = mono_mul(survey->took, SURVEY_SHARE);

	pause = mono_max(pause, mono_from_ms(SURVEY_MIN_MS));
	pause = mono_min(pause, mono_from_ms(SURVEY_MAX_MS));
	sync->next_survey = mono_add(mono_now(), pause);
	sync->entries = (int64_t)survey->entries;
	sync->created = ct_counters(sync->ct)->created;
	sync_step(sync, &event);
}

static void on_no_room(void *arg, const struct flow *flow, int error)
{
	(void)flow;
	(void)error;
	sync_step(arg, &(struct sync_event){.type = SYNC_EV_INJECT_FAILED});
}

/* ---- time ---- */

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	sync_step(arg, &(struct sync_event){.type = SYNC_EV_TICK});
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
	struct sync *sync = arg;

	(void)fd;
	(void)what;
	sync_send_word(sync);
	sync_watch_counts(sync);
	if (mono_reached(sync->next_survey, mono_now()))
		ct_survey_start(sync->ct);
}

/* ---- interface ---- */

int sync_flush_server(struct sync *sync, uint16_t server)
{
	return ct_flush_mark(sync->ct, FLOW_MARK_OURS | server,
			     FLOW_MARK_OURS_MASK | FLOW_MARK_SERVER_MASK);
}

void sync_set_owner(struct sync *sync, bool owner)
{
	struct sync_event event = {.type = SYNC_EV_OWNER, .owner = owner};

	if (sync->fsm.owner == owner)
		return;
	/* What happened under the old role is told under it; nobody else waits long for that. */
	(void)ct_drain_events(sync->ct);
	log_msg(sync->log, LOG_LEVEL_NOTICE, "sync owner: %s -> %s", sync->fsm.owner ? "yes" : "no",
		owner ? "yes" : "no");
	sync_step(sync, &event);
}

void sync_set_state(struct sync *sync, const struct sync_vrrp *vrrp)
{
	bool same =
		sync->vrrp.reachable == vrrp->reachable && sync->vrrp.n_groups == vrrp->n_groups &&
		memcmp(sync->vrrp.group, vrrp->group, vrrp->n_groups * sizeof(vrrp->group[0])) == 0;

	if (same)
		return;
	sync->vrrp = *vrrp;
	sync_send_word(sync);
}

void sync_send_verdict(struct sync *sync, const struct sync_verdict *verdict)
{
	struct sync_frame frame = {.type = SYNC_VERDICT, .verdict = *verdict};

	pair_send(sync->pair, &frame);
}

int sync_server_died(struct sync *sync, uint16_t server)
{
	struct sync_frame frame = {.type = SYNC_FLUSH_SERVER, .server = server};
	int error = sync_flush_server(sync, server);

	/* What was assured before the flush should not arrive at the peer after it. */
	(void)ct_drain_events(sync->ct);
	pair_send(sync->pair, &frame);
	/* Only an owner's word counts over there: as a replica we have just made a hole of our own.
	 */
	if (!sync->fsm.owner)
		sync_step(sync, &(struct sync_event){.type = SYNC_EV_INJECT_FAILED});
	log_msg(sync->log, error ? LOG_LEVEL_ERR : LOG_LEVEL_INFO,
		"connections flushed server=%u error=\"%s\"", server,
		error ? strerror(-error) : "");
	return error;
}

void sync_barrier(struct sync *sync, mono timeout, sync_barrier_fn *cb, void *arg)
{
	struct sync_event event = {.type = SYNC_EV_BARRIER, .delay = timeout};

	if (sync->barrier) {
		cb(arg, SYNC_BARRIER_BUSY, mono_zero(), sync_entries(sync));
		return;
	}
	sync->barrier = cb;
	sync->barrier_arg = arg;
	sync->barrier_began = mono_now();
	/* A backlog that grows as fast as it is read: the peer is behind, whatever it acknowledges.
	 */
	if (!ct_drain_events(sync->ct) && pair_is_up(sync->pair)) {
		end_barrier(sync, SYNC_BARRIER_NOT_SYNCED);
		return;
	}
	sync_step(sync, &event);
}

/* ---- life ---- */

static int open_ct(struct sync *sync, char error[static PAIR_ERROR_MAX])
{
	static const struct ct_callbacks callbacks = {
		.change = on_change,
		.overflow = on_overflow,
		.record = on_record,
		.dump_done = on_dump_done,
		.survey = on_survey,
		.no_room = on_no_room,
	};
	struct ct_survey survey = {0};
	int result = ct_open(sync->base, sync->log, &callbacks, sync, &sync->ct);

	if (result == 0)
		result = ct_survey_now(sync->ct, &survey);
	if (result == -EPROTONOSUPPORT || result == -EOPNOTSUPP || result == -EINVAL)
		snprintf(error, PAIR_ERROR_MAX,
			 "the kernel has no ctnetlink: load nf_conntrack_netlink "
			 "(CONFIG_NF_CT_NETLINK)");
	else if (result)
		snprintf(error, PAIR_ERROR_MAX, "connection table: %s (needs CAP_NET_ADMIN)",
			 strerror(-result));
	sync->entries = (int64_t)survey.entries;
	sync->diverging = mono_never();
	sync_fsm_init(&sync->fsm, survey.generations);
	sync->fsm.own_entries = survey.entries;
	return result;
}

static int open_all(struct sync *sync, const struct conf *conf, char error[static PAIR_ERROR_MAX])
{
	struct timeval second = {.tv_sec = SECOND_MS / 1000};

	snprintf(error, PAIR_ERROR_MAX, "out of memory");
	sync->tick = evtimer_new(sync->base, on_tick, sync);
	sync->second = event_new(sync->base, -1, EV_PERSIST, on_second, sync);
	if (!sync->tick || !sync->second || event_add(sync->second, &second) < 0)
		return -ENOMEM;
	if (RAND_bytes((uint8_t *)&sync->seed, sizeof(sync->seed)) != 1 ||
	    RAND_bytes((uint8_t *)&sync->instance, sizeof(sync->instance)) != 1) {
		snprintf(error, PAIR_ERROR_MAX, "no random numbers");
		return -EIO;
	}
	int result = open_ct(sync, error);

	if (result == 0)
		result = sync_peer_open(sync, conf, &sync->pair, error);
	pair_start(sync->pair);
	return result;
}

int sync_open(const struct sync_setup *setup, struct sync **out, char error[static PAIR_ERROR_MAX])
{
	struct sync *sync = calloc(1, sizeof(*sync));

	if (!sync) {
		snprintf(error, PAIR_ERROR_MAX, "out of memory");
		return -ENOMEM;
	}
	sync->base = setup->base;
	sync->log = setup->log;
	if (setup->callbacks)
		sync->callbacks = *setup->callbacks;
	sync->arg = setup->arg;
	sync_take_conf(sync, setup->conf);
	int result = open_all(sync, setup->conf, error);

	if (result) {
		sync_close(sync);
		return result;
	}
	*out = sync;
	return 0;
}

void sync_close(struct sync *sync)
{
	if (!sync)
		return;
	if (sync->ct && sync->pair && sync->fsm.owner)
		(void)ct_drain_events(sync->ct);
	pair_leave(sync->pair, "stopping", mono_from_ms(CLOSE_PATIENCE_MS));
	pair_close(sync->pair, "stopping");
	ct_close(sync->ct);
	if (sync->tick)
		event_free(sync->tick);
	if (sync->second)
		event_free(sync->second);
	free(sync);
}
