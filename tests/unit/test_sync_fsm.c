// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/sync_fsm lbd/sync_fsm_record lbd/sync_fsm_view lib/mono */
/* The synchronisation machine, one behaviour at a time. Times are milliseconds. */
#include "lbd/sync_fsm.h"

#include <criterion/criterion.h>
#include <string.h>

static struct sync_fsm fsm;
static struct sync_actions acts;

static mono ms(int64_t t)
{
	return mono_from_ms(t);
}

static void step(int64_t at, struct sync_event event)
{
	sync_fsm_step(&fsm, &event, ms(at), &acts);
}

static void simple(int64_t at, enum sync_event_type type)
{
	step(at, (struct sync_event){.type = type});
}

static const struct sync_action *find(enum sync_action_type type)
{
	for (size_t i = 0; i < acts.n; i++) {
		if (acts.action[i].type == type)
			return &acts.action[i];
	}
	return NULL;
}

static void link_up(int64_t at, bool peer_owner)
{
	step(at, (struct sync_event){.type = SYNC_EV_LINK_UP,
				     .owner = peer_owner,
				     .epoch = peer_owner,
				     .config_equal = true});
}

static void set_owner(int64_t at, bool owner)
{
	step(at, (struct sync_event){.type = SYNC_EV_OWNER, .owner = owner});
}

static void bulk_frame(int64_t at, enum sync_event_type type, uint64_t id, uint64_t count)
{
	step(at, (struct sync_event){.type = type, .id = id, .count = count});
}

static enum sync_level level(int64_t at)
{
	return sync_fsm_level(&fsm, ms(at));
}

/* An owner whose bulk was confirmed at 20 ms. */
static void become_synced_sender(void)
{
	sync_fsm_init(&fsm, 0);
	set_owner(0, true);
	link_up(10, false);
	simple(15, SYNC_EV_DUMP_DONE);
	bulk_frame(20, SYNC_EV_BULK_DONE, 1, 0);
}

/* A replica whose bulk of no entries was complete at 20 ms. */
static void become_synced_receiver(void)
{
	sync_fsm_init(&fsm, 0);
	link_up(10, true);
	bulk_frame(15, SYNC_EV_BULK_BEGIN, 1, 0);
	bulk_frame(20, SYNC_EV_BULK_END, 1, 0);
}

Test(sync_fsm, without_link_a_node_is_alone)
{
	sync_fsm_init(&fsm, 0);
	set_owner(0, true);
	cr_assert_eq(level(0), SYNC_LEVEL_ALONE);
	cr_assert_not(sync_fsm_wants_put(&fsm));
	cr_assert(mono_is_never(sync_fsm_deadline(&fsm, ms(0))));
}

Test(sync_fsm, an_owner_starts_the_bulk_when_the_link_comes_up)
{
	sync_fsm_init(&fsm, 0);
	set_owner(0, true);
	link_up(10, false);
	cr_assert_not_null(find(SYNC_ACT_SEND_BULK_BEGIN));
	cr_assert_not_null(find(SYNC_ACT_START_DUMP));
	cr_assert_eq(level(10), SYNC_LEVEL_CATCHING_UP);
	cr_assert(sync_fsm_take_record(&fsm, 1));
	cr_assert(sync_fsm_take_record(&fsm, 2));
	simple(15, SYNC_EV_DUMP_DONE);
	cr_assert_eq(find(SYNC_ACT_SEND_BULK_END)->count, 2);
	cr_assert_eq(level(15), SYNC_LEVEL_CATCHING_UP, "sent is not held");
	bulk_frame(20, SYNC_EV_BULK_DONE, 1, 2);
	cr_assert_eq(level(20), SYNC_LEVEL_SYNCED);
	cr_assert_eq(mono_to_ms(fsm.last_resync), 10);
}

Test(sync_fsm, an_older_bulk_done_confirms_nothing)
{
	sync_fsm_init(&fsm, 0);
	set_owner(0, true);
	link_up(10, false);
	simple(11, SYNC_EV_EVENTS_LOST);
	simple(200, SYNC_EV_TICK);
	simple(201, SYNC_EV_DUMP_DONE);
	bulk_frame(202, SYNC_EV_BULK_DONE, 1, 0);
	cr_assert_not(fsm.equal);
	bulk_frame(203, SYNC_EV_BULK_DONE, 2, 0);
	cr_assert(fsm.equal);
}

Test(sync_fsm, a_receiver_stamps_flushes_the_rest_and_confirms)
{
	sync_fsm_init(&fsm, 0x3); /* generations 0 and 1 are in the kernel */
	link_up(10, true);
	cr_assert_eq(level(10), SYNC_LEVEL_CATCHING_UP);
	bulk_frame(11, SYNC_EV_BULK_BEGIN, 7, 2);
	cr_assert_eq(fsm.generation, 2);
	cr_assert_eq(sync_fsm_accept_put(&fsm, true, false, ms(0)), SYNC_ACCEPT_UPSERT);
	cr_assert_eq(sync_fsm_entries_left(&fsm), 1);
	cr_assert_eq(mono_to_ms(sync_fsm_eta(&fsm, ms(15))), 4, "as long as the first one took");
	cr_assert_eq(sync_fsm_accept_put(&fsm, true, false, ms(0)), SYNC_ACCEPT_UPSERT);
	bulk_frame(20, SYNC_EV_BULK_END, 7, 2);
	cr_assert_eq(acts.n, 3);
	cr_assert_eq(acts.action[0].type, SYNC_ACT_FLUSH_GENERATION);
	cr_assert_eq(acts.action[0].generation, 0);
	cr_assert_eq(acts.action[1].generation, 1);
	cr_assert_eq(acts.action[2].type, SYNC_ACT_SEND_BULK_DONE);
	cr_assert_eq(level(20), SYNC_LEVEL_SYNCED);
}

Test(sync_fsm, a_bulk_with_records_missing_is_asked_for_again)
{
	sync_fsm_init(&fsm, 0);
	link_up(10, true);
	bulk_frame(11, SYNC_EV_BULK_BEGIN, 7, 2);
	(void)sync_fsm_accept_put(&fsm, true, false, ms(0));
	bulk_frame(20, SYNC_EV_BULK_END, 7, 2);
	cr_assert_not_null(find(SYNC_ACT_SEND_BULK_REQUEST));
	cr_assert_null(find(SYNC_ACT_FLUSH_GENERATION));
	cr_assert_eq(level(20), SYNC_LEVEL_CATCHING_UP);
}

Test(sync_fsm, a_full_table_is_never_called_synced_and_tried_again)
{
	sync_fsm_init(&fsm, 0);
	link_up(10, true);
	bulk_frame(11, SYNC_EV_BULK_BEGIN, 7, 1);
	(void)sync_fsm_accept_put(&fsm, true, false, ms(0));
	simple(12, SYNC_EV_INJECT_FAILED);
	bulk_frame(20, SYNC_EV_BULK_END, 7, 1);
	cr_assert_eq(level(20), SYNC_LEVEL_CATCHING_UP);
	cr_assert_null(find(SYNC_ACT_SEND_BULK_DONE));
	cr_assert_eq(mono_to_ms(sync_fsm_deadline(&fsm, ms(2000))), 20 + SYNC_RETRY_MS);
	simple(20 + SYNC_RETRY_MS, SYNC_EV_TICK);
	cr_assert_not_null(find(SYNC_ACT_SEND_BULK_REQUEST));
}

Test(sync_fsm, aborted_bulks_never_run_out_of_generations)
{
	sync_fsm_init(&fsm, 0);
	link_up(10, true);
	for (uint64_t id = 1; id < 20; id++) {
		unsigned before = fsm.generation;

		bulk_frame(11, SYNC_EV_BULK_BEGIN, id, 5);
		cr_assert_neq(fsm.generation, before);
		cr_assert_neq(fsm.generation, 0);
		const struct sync_action *flush = find(SYNC_ACT_FLUSH_GENERATION);

		if (id > 3)
			cr_assert_eq(flush->generation, fsm.generation, "emptied before its use");
		(void)sync_fsm_accept_put(&fsm, true, false,
					  ms(0)); /* something came: the stamp is used */
	}
}

Test(sync_fsm, a_bulk_restarted_after_an_event_does_not_keep_what_ended_meanwhile)
{
	sync_fsm_init(&fsm, 0);
	link_up(10, true);
	bulk_frame(11, SYNC_EV_BULK_BEGIN, 1, 5);
	unsigned first = fsm.generation;

	bulk_frame(12, SYNC_EV_BULK_BEGIN, 2, 5);
	cr_assert_eq(fsm.generation, first, "nothing carries it yet");
	(void)sync_fsm_accept_put(&fsm, false, false, ms(0)); /* an event; its end is then lost */
	bulk_frame(13, SYNC_EV_BULK_BEGIN, 3, 0);
	cr_assert_neq(fsm.generation, first);
	bulk_frame(14, SYNC_EV_BULK_END, 3, 0);
	cr_assert_eq(find(SYNC_ACT_FLUSH_GENERATION)->generation, first);
}

Test(sync_fsm, a_survey_frees_generations_unless_a_bulk_began_under_it)
{
	struct sync_event survey = {.type = SYNC_EV_SURVEY, .count = 9, .generations = 0x2};

	become_synced_receiver();
	fsm.used = 0xe;
	step(100, survey);
	cr_assert_eq(fsm.used, 0xe, "the bulk began after the last survey");
	step(200, survey);
	cr_assert_eq(fsm.used, 0x2);
	cr_assert_eq(fsm.own_entries, 9);
}

Test(sync_fsm, a_change_of_roles_between_equal_nodes_needs_no_bulk)
{
	become_synced_receiver();
	set_owner(100, true);
	cr_assert_eq(acts.n, 1);
	cr_assert_eq(acts.action[0].type, SYNC_ACT_SEND_WORD);
	cr_assert_gt(fsm.epoch, fsm.peer_epoch);
	step(105, (struct sync_event){.type = SYNC_EV_PEER_WORD, .owner = false, .epoch = 1});
	cr_assert_eq(acts.n, 0);
	cr_assert_eq(level(105), SYNC_LEVEL_SYNCED);
	cr_assert(sync_fsm_wants_del(&fsm));
}

Test(sync_fsm, a_new_owner_that_was_not_synced_sends_a_bulk)
{
	sync_fsm_init(&fsm, 0);
	link_up(10, true);
	bulk_frame(11, SYNC_EV_BULK_BEGIN, 1, 100);
	set_owner(20, true);
	cr_assert_null(find(SYNC_ACT_START_DUMP), "not while the peer is owner as well");
	step(25, (struct sync_event){.type = SYNC_EV_PEER_WORD, .owner = false, .epoch = 1});
	cr_assert_not_null(find(SYNC_ACT_START_DUMP));
}

Test(sync_fsm, an_overlap_of_owners_that_lasts_ends_equality)
{
	become_synced_receiver();
	set_owner(100, true);
	step(100 + SYNC_GRACE_MS,
	     (struct sync_event){.type = SYNC_EV_PEER_WORD, .owner = false, .epoch = 1});
	cr_assert_not_null(find(SYNC_ACT_START_DUMP));
}

Test(sync_fsm, an_owner_lets_late_records_only_create)
{
	become_synced_receiver();
	set_owner(100, true);
	cr_assert_eq(sync_fsm_accept_put(&fsm, false, false, ms(0)), SYNC_ACCEPT_CREATE);
	cr_assert_eq(sync_fsm_accept_put(&fsm, true, false, ms(0)), SYNC_ACCEPT_NO);
	cr_assert(sync_fsm_accept_del(&fsm, ms(100 + SYNC_GRACE_MS - 1)));
	cr_assert_not(sync_fsm_accept_del(&fsm, ms(100 + SYNC_GRACE_MS)));
	cr_assert_eq(fsm.late, 3);
}

Test(sync_fsm, an_owner_obeys_the_ends_of_a_newer_owner)
{
	become_synced_sender();
	step(5000, (struct sync_event){.type = SYNC_EV_PEER_WORD, .owner = true, .epoch = 2});
	cr_assert(sync_fsm_accept_del(&fsm, ms(5000)));
}

Test(sync_fsm, a_replica_streams_what_is_assured_but_never_ends)
{
	become_synced_receiver();
	cr_assert(sync_fsm_wants_put(&fsm), "traffic here: we are just becoming owner");
	cr_assert_not(sync_fsm_wants_del(&fsm), "its expiries must not kill the owner's entries");
}

Test(sync_fsm, an_old_record_cannot_resurrect_an_ended_connection)
{
	sync_fsm_init(&fsm, 0);
	set_owner(0, true);
	link_up(10, false);
	cr_assert(sync_fsm_note_end(&fsm, 42));
	cr_assert(sync_fsm_note_end(&fsm, 0), "any 64 bits are a fingerprint");
	cr_assert_not(sync_fsm_take_record(&fsm, 42));
	cr_assert_not(sync_fsm_take_record(&fsm, 0));
	cr_assert(sync_fsm_take_record(&fsm, 43));
	simple(20, SYNC_EV_DUMP_DONE);
	cr_assert_eq(find(SYNC_ACT_SEND_BULK_END)->count, 1);
	cr_assert_eq(fsm.tombs.n, 0, "forgotten after the dump");
}

Test(sync_fsm, too_many_ends_during_a_dump_restart_it)
{
	sync_fsm_init(&fsm, 0);
	set_owner(0, true);
	link_up(10, false);
	for (uint64_t i = 0; i < SYNC_TOMBS_MAX; i++)
		cr_assert(sync_fsm_note_end(&fsm, i * 7919 + 1));
	cr_assert_not(sync_fsm_note_end(&fsm, 5), "the driver then says EVENTS_LOST");
	simple(20, SYNC_EV_EVENTS_LOST);
	cr_assert_not_null(find(SYNC_ACT_STOP_DUMP));
	cr_assert_eq(find(SYNC_ACT_SEND_BULK_BEGIN)->id, 2, "told at once");
	cr_assert_null(find(SYNC_ACT_START_DUMP), "but begun after a pause");
	cr_assert_eq(mono_to_ms(sync_fsm_deadline(&fsm, ms(2000))), 20 + SYNC_RESTART_MIN_MS);
}

Test(sync_fsm, repeated_losses_wait_ever_longer_up_to_a_limit)
{
	int64_t at = 1000;
	int64_t wait = SYNC_RESTART_MIN_MS;

	become_synced_sender();
	for (int i = 0; i < 12; i++) {
		simple(at, SYNC_EV_EVENTS_LOST);
		cr_assert_eq(level(at), SYNC_LEVEL_CATCHING_UP);
		cr_assert_eq(mono_to_ms(fsm.send_deadline), at + wait);
		at += wait;
		simple(at, SYNC_EV_TICK);
		cr_assert_not_null(find(SYNC_ACT_START_DUMP));
		wait = wait * 2 < SYNC_RESTART_MAX_MS ? wait * 2 : SYNC_RESTART_MAX_MS;
	}
	simple(at, SYNC_EV_DUMP_DONE);
	bulk_frame(at, SYNC_EV_BULK_DONE, fsm.bulk_id, 0);
	cr_assert_eq(fsm.restart_ms, SYNC_RESTART_MIN_MS, "success forgets");
}

Test(sync_fsm, events_lost_by_a_replica_mean_nothing)
{
	become_synced_receiver();
	simple(100, SYNC_EV_EVENTS_LOST);
	cr_assert_eq(level(100), SYNC_LEVEL_SYNCED);
	cr_assert_eq(acts.n, 0);
}

Test(sync_fsm, a_full_link_drops_the_stream_until_it_has_drained)
{
	become_synced_sender();
	simple(100, SYNC_EV_STREAM_FULL);
	cr_assert_not(sync_fsm_wants_put(&fsm));
	cr_assert_eq(level(100), SYNC_LEVEL_CATCHING_UP);
	cr_assert_not_null(find(SYNC_ACT_SEND_BULK_BEGIN));
	simple(5000, SYNC_EV_TICK);
	cr_assert_eq(acts.n, 0, "time does not help");
	simple(6000, SYNC_EV_STREAM_DRAINED);
	cr_assert_not_null(find(SYNC_ACT_START_DUMP));
	cr_assert(sync_fsm_wants_put(&fsm));
}

Test(sync_fsm, an_unconfirmed_bulk_is_repeated)
{
	sync_fsm_init(&fsm, 0);
	set_owner(0, true);
	link_up(10, false);
	simple(20, SYNC_EV_DUMP_DONE);
	simple(20 + SYNC_CONFIRM_MS, SYNC_EV_TICK);
	cr_assert_not_null(find(SYNC_ACT_SEND_BULK_BEGIN));
}

Test(sync_fsm, a_failed_dump_is_repeated_after_a_pause)
{
	sync_fsm_init(&fsm, 0);
	set_owner(0, true);
	link_up(10, false);
	step(20, (struct sync_event){.type = SYNC_EV_DUMP_DONE, .failed = true});
	cr_assert_eq(fsm.send, SYNC_SEND_WAIT);
	cr_assert_null(find(SYNC_ACT_STOP_DUMP), "it has ended by itself");
}

Test(sync_fsm, two_nodes_without_owner_are_synced_after_a_while)
{
	sync_fsm_init(&fsm, 0);
	link_up(10, false);
	cr_assert_eq(level(10), SYNC_LEVEL_CATCHING_UP, "the peer's lbd may not know its role yet");
	cr_assert_eq(mono_to_ms(sync_fsm_deadline(&fsm, ms(10))), 10 + SYNC_SETTLE_MS);
	cr_assert_eq(level(10 + SYNC_SETTLE_MS), SYNC_LEVEL_SYNCED);
}

Test(sync_fsm, a_replica_that_waits_in_vain_asks)
{
	sync_fsm_init(&fsm, 0);
	link_up(10, true);
	simple(10 + SYNC_RETRY_MS, SYNC_EV_TICK);
	cr_assert_not_null(find(SYNC_ACT_SEND_BULK_REQUEST));
}

Test(sync_fsm, a_barrier_is_answered_by_its_acknowledgement_only)
{
	become_synced_sender();
	step(100, (struct sync_event){.type = SYNC_EV_BARRIER, .delay = ms(2000)});
	uint64_t id = find(SYNC_ACT_SEND_BARRIER)->id;

	step(101, (struct sync_event){.type = SYNC_EV_BARRIER_ACK, .id = id - 1});
	cr_assert_eq(acts.n, 0);
	step(102, (struct sync_event){.type = SYNC_EV_BARRIER_ACK, .id = id});
	cr_assert_eq(find(SYNC_ACT_BARRIER_DONE)->result, SYNC_BARRIER_OK);
}

static enum sync_barrier_result ask_barrier(int64_t at)
{
	step(at, (struct sync_event){.type = SYNC_EV_BARRIER, .delay = ms(2000)});
	const struct sync_action *done = find(SYNC_ACT_BARRIER_DONE);

	return done ? done->result : SYNC_BARRIER_OK;
}

Test(sync_fsm, a_barrier_is_refused_with_the_reason)
{
	sync_fsm_init(&fsm, 0);
	set_owner(0, true);
	cr_assert_eq(ask_barrier(1), SYNC_BARRIER_NO_PEER);
	link_up(10, false);
	cr_assert_eq(ask_barrier(11), SYNC_BARRIER_NOT_SYNCED);
	become_synced_sender();
	step(30, (struct sync_event){.type = SYNC_EV_CONFIG, .config_equal = false});
	cr_assert_eq(ask_barrier(31), SYNC_BARRIER_CONFIG);
	step(32, (struct sync_event){.type = SYNC_EV_CONFIG, .config_equal = true});
	cr_assert_eq(ask_barrier(33), SYNC_BARRIER_OK);
	cr_assert_eq(ask_barrier(34), SYNC_BARRIER_BUSY);
}

Test(sync_fsm, a_waiting_barrier_ends_with_time_link_or_loss)
{
	become_synced_sender();
	cr_assert_eq(ask_barrier(100), SYNC_BARRIER_OK);
	simple(2100, SYNC_EV_TICK);
	cr_assert_eq(find(SYNC_ACT_BARRIER_DONE)->result, SYNC_BARRIER_TIMEOUT);
	cr_assert_eq(ask_barrier(2200), SYNC_BARRIER_OK);
	simple(2201, SYNC_EV_EVENTS_LOST);
	cr_assert_eq(find(SYNC_ACT_BARRIER_DONE)->result, SYNC_BARRIER_NOT_SYNCED);
	become_synced_sender();
	cr_assert_eq(ask_barrier(100), SYNC_BARRIER_OK);
	simple(101, SYNC_EV_LINK_DOWN);
	cr_assert_eq(find(SYNC_ACT_BARRIER_DONE)->result, SYNC_BARRIER_LINK_LOST);
}

Test(sync_fsm, a_receiver_with_a_known_hole_does_not_acknowledge_a_barrier)
{
	become_synced_receiver();
	simple(100, SYNC_EV_INJECT_FAILED);
	step(101, (struct sync_event){.type = SYNC_EV_PEER_BARRIER, .id = 1});
	cr_assert_null(find(SYNC_ACT_SEND_BARRIER_ACK));
	cr_assert_not_null(find(SYNC_ACT_SEND_BULK_REQUEST));
}

Test(sync_fsm, link_loss_stops_everything)
{
	sync_fsm_init(&fsm, 0);
	set_owner(0, true);
	link_up(10, false);
	simple(11, SYNC_EV_LINK_DOWN);
	cr_assert_not_null(find(SYNC_ACT_STOP_DUMP));
	cr_assert_eq(level(11), SYNC_LEVEL_ALONE);
	cr_assert(mono_is_never(sync_fsm_deadline(&fsm, ms(11))));
}

Test(sync_fsm, stepping_down_dumps_what_is_closing_once)
{
	become_synced_sender();
	set_owner(100, false);
	cr_assert_eq(acts.n, 2);
	cr_assert_eq(acts.action[0].type, SYNC_ACT_SEND_WORD);
	cr_assert_eq(acts.action[1].type, SYNC_ACT_START_DUMP);
	cr_assert(sync_fsm_wants_closing(&fsm));
	cr_assert_not(sync_fsm_take_record(&fsm, 1), "it is no bulk");
	cr_assert_not(sync_fsm_wants_del(&fsm));
	simple(110, SYNC_EV_DUMP_DONE);
	cr_assert_eq(acts.n, 0);
	cr_assert_not(sync_fsm_wants_closing(&fsm));
	cr_assert_eq(level(110), SYNC_LEVEL_SYNCED);
}

Test(sync_fsm, stepping_down_in_the_middle_of_a_bulk_ends_that_first)
{
	sync_fsm_init(&fsm, 0);
	set_owner(0, true);
	link_up(10, false);
	set_owner(20, false);
	cr_assert_eq(acts.n, 3);
	cr_assert_eq(acts.action[0].type, SYNC_ACT_SEND_WORD);
	cr_assert_eq(acts.action[1].type, SYNC_ACT_STOP_DUMP);
	cr_assert_eq(acts.action[2].type, SYNC_ACT_START_DUMP);
}

Test(sync_fsm, a_new_claim_or_a_lost_link_ends_the_dump_of_what_is_closing)
{
	become_synced_sender();
	set_owner(100, false);
	set_owner(110, true);
	cr_assert_not_null(find(SYNC_ACT_STOP_DUMP));
	cr_assert_not(sync_fsm_wants_closing(&fsm));
	set_owner(120, false);
	simple(130, SYNC_EV_LINK_DOWN);
	cr_assert_not_null(find(SYNC_ACT_STOP_DUMP));
	cr_assert_not(fsm.closing);
	set_owner(140, true);
	set_owner(150, false);
	cr_assert_eq(acts.n, 0, "without link there is nobody to tell");
}

Test(sync_fsm, a_new_owner_follows_what_the_old_one_saw_closing)
{
	struct sync_event down = {.type = SYNC_EV_PEER_WORD, .owner = false, .epoch = 1};

	become_synced_receiver();
	cr_assert_eq(sync_fsm_accept_put(&fsm, false, true, ms(90)), SYNC_ACCEPT_UPSERT);
	set_owner(100, true);
	cr_assert_eq(sync_fsm_accept_put(&fsm, false, true, ms(101)), SYNC_ACCEPT_NO,
		     "the peer still is owner: two truths");
	step(105, down);
	cr_assert_eq(sync_fsm_accept_put(&fsm, false, true, ms(106)), SYNC_ACCEPT_CLOSE);
	cr_assert_eq(sync_fsm_accept_put(&fsm, true, true, ms(106)), SYNC_ACCEPT_NO);
	cr_assert_eq(sync_fsm_accept_put(&fsm, false, true, ms(100 + SYNC_CLOSING_MS)),
		     SYNC_ACCEPT_NO, "long after the hand-over");
}

static void lose(enum sync_event_type type)
{
	struct sync_event down = {.type = SYNC_EV_PEER_WORD, .owner = false, .epoch = 1};

	become_synced_receiver();
	set_owner(100, true);
	simple(150, type);
	cr_assert_null(find(SYNC_ACT_START_DUMP), "not while both are owner");
	if (type == SYNC_EV_STREAM_FULL)
		simple(160, SYNC_EV_STREAM_DRAINED);
	step(200, down);
	cr_assert_not_null(find(SYNC_ACT_START_DUMP), "event type %d", (int)type);
	cr_assert_eq(level(200), SYNC_LEVEL_CATCHING_UP);
}

Test(sync_fsm, a_loss_while_both_are_owner_leads_to_a_bulk)
{
	lose(SYNC_EV_EVENTS_LOST);
	lose(SYNC_EV_STREAM_FULL);
	lose(SYNC_EV_INJECT_FAILED);
	lose(SYNC_EV_BULK_REQUEST);
}

Test(sync_fsm, events_lost_just_before_a_claim_count)
{
	become_synced_receiver();
	simple(100, SYNC_EV_EVENTS_LOST);
	set_owner(101, true);
	step(110, (struct sync_event){.type = SYNC_EV_PEER_WORD, .owner = false, .epoch = 1});
	cr_assert_not_null(find(SYNC_ACT_START_DUMP));
}

Test(sync_fsm, a_replica_whose_stream_was_lost_asks_for_a_bulk)
{
	become_synced_receiver();
	simple(100, SYNC_EV_STREAM_FULL);
	simple(110, SYNC_EV_STREAM_DRAINED);
	cr_assert_eq(level(110), SYNC_LEVEL_CATCHING_UP);
	simple(110 + SYNC_RETRY_MS, SYNC_EV_TICK);
	cr_assert_not_null(find(SYNC_ACT_SEND_BULK_REQUEST));
}

Test(sync_fsm, an_owner_forgets_no_server_at_the_word_of_a_replica)
{
	become_synced_sender();
	cr_assert_not(sync_fsm_accept_flush(&fsm, ms(5000)));
	cr_assert_eq(fsm.late, 1);
	step(5000, (struct sync_event){.type = SYNC_EV_PEER_WORD, .owner = true, .epoch = 2});
	cr_assert(sync_fsm_accept_flush(&fsm, ms(5000)), "a newer owner knows better");
	become_synced_receiver();
	cr_assert(sync_fsm_accept_flush(&fsm, ms(5000)));
}

Test(sync_fsm, with_another_configuration_numbers_of_servers_mean_nothing)
{
	become_synced_receiver();
	cr_assert(sync_fsm_accept_verdict(&fsm));
	step(30, (struct sync_event){.type = SYNC_EV_CONFIG, .config_equal = false});
	cr_assert_not(sync_fsm_accept_verdict(&fsm));
	cr_assert_not(sync_fsm_accept_flush(&fsm, ms(30)));
	cr_assert_eq(fsm.late, 1);
}

Test(sync_fsm, counts_differ_by_more_than_the_stream_explains)
{
	cr_assert_not(sync_fsm_counts_differ(0, 64));
	cr_assert(sync_fsm_counts_differ(65, 0));
	cr_assert_not(sync_fsm_counts_differ(95000, 100000));
	cr_assert(sync_fsm_counts_differ(100000, 94999));
	cr_assert(sync_fsm_counts_differ(UINT64_MAX, 0));
}
