// SPDX-License-Identifier: GPL-2.0-or-later
/* links: hactl/drill/judge hactl/drill/msg hactl/drill/timeline lib/wire lib/mono */
/*
 * The judge of the drill on made-up measurements: what counts as an outage, as two nodes answering,
 * as a session that survived. And the numbered messages it relies on.
 */
#include "hactl/drill/judge.h"
#include "hactl/drill/msg.h"
#include "hactl/drill/timeline.h"

#include <criterion/criterion.h>
#include <string.h>

enum { N = 100 };

static const uint8_t gateway_1 = 1, gateway_2 = 2;

/* A probe each millisecond from 1 s on, each answered by gateway 1 after 0.1 ms. */
static void answer_all(struct judge_probe p[static N])
{
	for (size_t i = 0; i < N; i++) {
		p[i] = (struct judge_probe){.sent = mono_from_ms(1000 + (int64_t)i),
					    .echo_by = gateway_1,
					    .arp_by = gateway_1};
		p[i].answered = mono_add(p[i].sent, mono_from_us(100));
	}
}

static struct judge_outage outage(const struct judge_probe *p)
{
	return judge_outage(p, N, mono_from_ms(1000), mono_from_ms(10));
}

Test(judge, no_outage_while_every_probe_is_answered)
{
	struct judge_probe p[N];

	answer_all(p);
	cr_assert_eq(outage(p).longest.ns, 0);
	cr_assert(outage(p).recovered);
}

Test(judge, outage_lasts_from_the_last_answered_probe_to_the_next)
{
	struct judge_probe p[N];

	answer_all(p);
	for (size_t i = 20; i < 50; i++)
		p[i].answered = mono_zero();
	p[70].answered = mono_zero();
	cr_assert_eq(mono_to_ms(outage(p).longest), 31);
	cr_assert_eq(mono_to_ms(outage(p).from), 1019);
	cr_assert_eq(mono_to_ms(outage(p).until), 1050);
	cr_assert(outage(p).recovered);
}

Test(judge, outage_to_the_end_is_not_recovered)
{
	struct judge_probe p[N];

	answer_all(p);
	for (size_t i = 60; i < N; i++)
		p[i].answered = mono_zero();
	cr_assert_eq(mono_to_ms(outage(p).longest), 40);
	cr_assert_not(outage(p).recovered);
}

Test(judge, no_answer_at_all_is_an_outage_of_the_whole_time)
{
	struct judge_probe p[N];

	answer_all(p);
	for (size_t i = 0; i < N; i++)
		p[i].answered = mono_zero();
	cr_assert_eq(mono_to_ms(outage(p).longest), N - 1);
	cr_assert_not(outage(p).recovered);
}

Test(judge, answers_queued_through_an_outage_are_no_service)
{
	struct judge_probe p[N];

	answer_all(p);
	for (size_t i = 20; i < 50; i++)
		p[i].answered = mono_from_ms(1050);
	/* Those from 1040 on were answered within 10 ms. */
	cr_assert_eq(mono_to_ms(outage(p).longest), 21);
}

Test(judge, outage_before_the_window_does_not_count)
{
	struct judge_probe p[N];

	answer_all(p);
	for (size_t i = 10; i < 30; i++)
		p[i].answered = mono_zero();
	cr_assert_eq(judge_outage(p, N, mono_from_ms(1040), mono_from_ms(10)).longest.ns, 0);
}

Test(judge, pause_of_the_prober_is_told_apart_from_an_outage)
{
	const mono span[2] = {mono_from_ms(1000), mono_never()};
	const mono before[2] = {mono_from_ms(1000), mono_from_ms(1060)};
	struct judge_probe p[N];
	mono at;

	answer_all(p);
	for (size_t i = 50; i < N; i++) {
		p[i].sent = mono_add(p[i].sent, mono_from_ms(25));
		p[i].answered = mono_add(p[i].answered, mono_from_ms(25));
	}
	cr_assert_eq(outage(p).longest.ns, 0);
	cr_assert_eq(mono_to_ms(judge_blind(p, N, span, &at)), 26);
	cr_assert_eq(mono_to_ms(at), 1049);
	/* It came to an end only after this span. */
	cr_assert_eq(mono_to_ms(judge_blind(p, N, before, &at)), 1);
}

Test(judge, pause_in_the_hand_over_counts_as_outage)
{
	struct judge_outage none = {.recovered = true};
	mono last = mono_from_ms(1049), first = mono_from_ms(1075);

	cr_assert_eq(mono_to_ms(judge_with_handover(none, last, first).longest), 26);
	cr_assert_eq(judge_with_handover(none, last, mono_from_ms(1050)).longest.ns, 0);
	cr_assert_eq(judge_with_handover(none, mono_zero(), first).longest.ns, 0);
}

/* Gateway 1 answers until 1049, gateway 2 from `first` on. */
static void hand_over(struct judge_probe p[static N], size_t first)
{
	answer_all(p);
	for (size_t i = 50; i < N; i++)
		p[i].arp_by = p[i].echo_by = p[i].direct_by = i < first ? 0 : gateway_2;
}

static struct judge_move a_move(bool crash)
{
	return (struct judge_move){.begin = mono_from_ms(1020),
				   .end = mono_never(),
				   .from = 0,
				   .to = 1,
				   .crash = crash,
				   .overlap_max = mono_from_ms(5)};
}

Test(judge, after_a_crash_there_is_a_gap_and_the_old_owner_stays_silent)
{
	struct judge_move move = a_move(true);
	struct judge_probe p[N];

	hand_over(p, 55);
	struct judge_owners o = judge_owners(p, N, &move);

	cr_assert_eq(mono_to_ms(o.last_old), 1049);
	cr_assert_eq(mono_to_ms(o.first_new), 1055);
	cr_assert_eq(o.late, 0);
	cr_assert(o.gap);
	hand_over(p, 50);
	cr_assert_not(judge_owners(p, N, &move).gap);
}

Test(judge, after_a_crash_any_answer_of_the_old_owner_is_late)
{
	struct judge_move move = a_move(true);
	struct judge_probe p[N];

	hand_over(p, 55);
	p[55].direct_by |= gateway_1;
	p[60].echo_by |= gateway_1;
	p[61].arp_by = gateway_1;
	struct judge_owners o = judge_owners(p, N, &move);

	cr_assert_eq(o.late, 3);
	cr_assert_eq(mono_to_ms(o.late_until), 1061);
}

Test(judge, handing_over_lets_both_take_packets_for_a_moment)
{
	struct judge_move move = a_move(false);
	struct judge_probe p[N];

	hand_over(p, 50);
	for (size_t i = 50; i < 54; i++)
		p[i].direct_by = p[i].echo_by = gateway_1 | gateway_2;
	struct judge_owners o = judge_owners(p, N, &move);

	cr_assert_eq(o.late, 0);
	cr_assert_eq(mono_to_ms(o.overlap), 3);
	p[60].direct_by |= gateway_1; /* 10 ms later is no moment */
	cr_assert_eq(judge_owners(p, N, &move).late, 1);
}

Test(judge, handing_over_never_lets_both_answer_arp)
{
	struct judge_move move = a_move(false);
	struct judge_probe p[N];

	hand_over(p, 50);
	p[50].arp_by = gateway_1 | gateway_2;
	cr_assert_eq(judge_owners(p, N, &move).late, 1);
	p[50].arp_by = gateway_2;
	p[51].arp_by = gateway_1;
	cr_assert_eq(judge_owners(p, N, &move).late, 1);
	/* The new owner forwards first and answers ARP only when the old one does not. */
	hand_over(p, 50);
	p[50].arp_by = p[51].arp_by = gateway_1;
	cr_assert_eq(judge_owners(p, N, &move).late, 0);
}

Test(judge, what_happens_after_the_next_move_is_not_this_ones)
{
	struct judge_move move = a_move(true);
	struct judge_probe p[N];

	move.end = mono_from_ms(1070);
	hand_over(p, 55);
	for (size_t i = 80; i < N; i++)
		p[i].arp_by = p[i].echo_by = p[i].direct_by = gateway_1;
	cr_assert_eq(judge_owners(p, N, &move).late, 0);
	move.end = mono_from_ms(1050);
	cr_assert_eq(judge_owners(p, N, &move).first_new.ns, 0);
}

Test(judge, answers_before_its_turn_are_counted)
{
	const mono before[2] = {mono_zero(), mono_from_ms(1020)};
	struct judge_probe p[N];

	answer_all(p);
	p[3].direct_by = gateway_2;
	p[4].arp_by |= gateway_2;
	p[30].arp_by |= gateway_2;
	cr_assert_eq(judge_answers_of(p, N, 1, before), 2);
}

Test(judge, clients_must_stay_on_their_server)
{
	struct judge_client c[3] = {{0}};
	struct judge_client other = {.server = 2};
	size_t first = 9;

	judge_client_note(&c[0], 1);
	judge_client_note(&c[0], 1);
	judge_client_note(&c[1], 1);
	judge_client_merge(&c[2], &other);
	cr_assert_eq(judge_clients_moved(c, 3, &first), 0);
	judge_client_merge(&c[1], &other);
	judge_client_note(&c[2], 3);
	judge_client_note(&c[2], 2);
	cr_assert_eq(judge_clients_moved(c, 3, &first), 2);
	cr_assert_eq(first, 1);
	cr_assert_eq(c[2].moved_to, 3);
}

Test(judge, roles_change_exactly_once)
{
	static const struct {
		struct judge_role role[3];
		size_t n;
		enum judge_roles expected;
	} cases[] = {
		{{{{.ns = 5}, 0}, {{.ns = 25}, 1}}, 2, JUDGE_ROLES_RIGHT},
		{{{{.ns = 5}, 0}}, 1, JUDGE_ROLES_NONE},
		{{{{.ns = 25}, 0}}, 1, JUDGE_ROLES_OTHER},
		{{{{.ns = 25}, 1}, {{.ns = 28}, 0}}, 2, JUDGE_ROLES_BACK},
		{{{{.ns = 25}, 1}, {{.ns = 28}, 1}}, 2, JUDGE_ROLES_BACK},
		{{{{.ns = 25}, 1}, {{.ns = 40}, 0}}, 2, JUDGE_ROLES_RIGHT},
	};
	const struct judge_move move = {.begin = {.ns = 20}, .end = {.ns = 30}, .from = 0, .to = 1};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct judge_role stray;
		mono since;

		cr_expect_eq(judge_roles(cases[i].role, cases[i].n, &move, &stray, &since),
			     cases[i].expected, "case %zu", i);
	}
}

Test(judge, patience_covers_the_outage_and_the_next_syn)
{
	cr_assert_eq(mono_to_ms(judge_patience(mono_from_ms(10))), 10 + 1000 + 3000);
	cr_assert_eq(mono_to_ms(judge_patience(mono_from_ms(3600))), 3600 + 7000 + 3000);
}

Test(judge, last_and_first_answers_are_found)
{
	struct judge_probe p[N];

	answer_all(p);
	for (size_t i = 50; i < N; i++)
		p[i].arp_by = p[i].echo_by = i < 55 ? 0 : gateway_2;
	cr_assert_eq(mono_to_ms(judge_last_answer(p, N, 0, mono_never())), 1049);
	cr_assert_eq(mono_to_ms(judge_first_answer(p, N, 1, mono_from_ms(1000))), 1055);
	cr_assert_eq(judge_first_answer(p, N, 0, mono_from_ms(1060)).ns, 0);
}

static const struct judge_session whole = {
	.opened = true,
	.requested = 5,
	.answered = 5,
	.notified = 3,
	.received = 3,
	.acknowledged = 3,
	.last_answer = {.ns = 200},
	.last_notification = {.ns = 200},
};

Test(judge, session_survives_only_when_both_directions_went_on_and_nothing_is_missing)
{
	const mono restored = mono_from_ns(100);
	struct judge_session s[8];

	for (size_t i = 0; i < 8; i++)
		s[i] = whole;
	s[1].broken = JUDGE_RESET;
	s[2].last_answer = mono_from_ns(100);
	s[3].last_notification = mono_from_ns(99);
	s[4].answered = 4;
	s[5].received = 2;
	s[6].acknowledged = 2;
	s[7].opened = false;

	struct judge_sessions sum = judge_sessions(s, 8, restored);

	cr_assert_eq(sum.opened, 7);
	cr_assert_eq(sum.survived, 1);
	cr_assert_eq(sum.lost, 6);
	cr_assert_eq(sum.broken[JUDGE_RESET], 1);
	cr_assert_eq(sum.hung, 5);
	cr_assert_eq(sum.hung_client, 2);
	cr_assert_eq(sum.hung_server, 3);
}

Test(judge, every_break_has_words)
{
	for (int b = 0; b < JUDGE_BREAK_N; b++)
		cr_expect_not_null(judge_break_text((enum judge_break)b));
}

/* RFC 9568 6.1: 3 x 100 ms + (256 - 100) / 256 x 100 ms. */
Test(judge, active_down_interval_follows_the_standard)
{
	cr_assert_eq(mono_to_us(judge_active_down_interval(mono_from_ms(100), 100)), 360937);
	cr_assert_eq(mono_to_us(judge_active_down_interval(mono_from_ms(10), 254)), 30078);
}

Test(msg, whole_message_is_recognised_and_every_altered_byte_found)
{
	const struct msg m = {.kind = MSG_NOTIFY, .session = 499, .number = 12};
	uint8_t buf[MSG_MAX_BYTES];
	size_t length = msg_encode(&m, buf);

	cr_assert_eq(msg_length(buf, length), length);
	cr_assert_eq(msg_session(buf), 499);
	cr_assert_eq(msg_check(buf, length, &m), JUDGE_WHOLE);
	for (size_t i = 0; i < length; i++) {
		buf[i] ^= 0x40;
		cr_expect_neq(msg_check(buf, length, &m), JUDGE_WHOLE, "byte %zu", i);
		buf[i] ^= 0x40;
	}
	for (size_t cut = 0; cut < length; cut++)
		cr_expect_neq(msg_check(buf, cut, &m), JUDGE_WHOLE);
}

Test(msg, lost_and_repeated_are_told_apart)
{
	const struct msg sent = {.kind = MSG_ANSWER, .session = 1, .number = 5};
	uint8_t buf[MSG_MAX_BYTES];
	size_t length = msg_encode(&sent, buf);
	struct msg expected = sent;

	expected.number = 4;
	cr_assert_eq(msg_check(buf, length, &expected), JUDGE_LOST);
	expected.number = 6;
	cr_assert_eq(msg_check(buf, length, &expected), JUDGE_REPEATED);
	expected = sent;
	expected.session = 2;
	cr_assert_eq(msg_check(buf, length, &expected), JUDGE_ALTERED);
}

Test(msg, length_of_a_stranger_is_too_long)
{
	static const uint8_t http[MSG_HEADER_BYTES + 1] = "HTTP/1.1 200 OK\r";

	cr_assert_eq(msg_length(http, MSG_HEADER_BYTES - 1), 0);
	cr_assert_gt(msg_length(http, MSG_HEADER_BYTES), MSG_MAX_BYTES);
}

Test(timeline, entries_come_in_order_and_equal_times_keep_theirs)
{
	struct timeline t = {0};

	timeline_add(&t, mono_from_ms(3), "b", "third");
	timeline_add(&t, mono_from_ms(1), "a", "first %d", 1);
	timeline_add(&t, mono_from_ms(3), "b", "fourth");
	timeline_add(&t, mono_from_ms(2), "a", "second");
	timeline_sort(&t);
	cr_assert_str_eq(t.entry[0].text, "first 1");
	cr_assert_str_eq(t.entry[1].text, "second");
	cr_assert_str_eq(t.entry[2].text, "third");
	cr_assert_str_eq(t.entry[3].text, "fourth");
}
