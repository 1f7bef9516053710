// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/servers lib/addr */
/* Whose word about a server counts (lbd/servers.h). */
#include "lbd/servers.h"

#include <criterion/criterion.h>
#include <string.h>

static struct conf_server three[] = {
	{.name = "a",
	 .number = 1,
	 .weight = 1,
	 .address = {.family = ADDR_IPV4, .bytes = {10, 0, 0, 1}}},
	{.name = "b",
	 .number = 2,
	 .weight = 1,
	 .address = {.family = ADDR_IPV4, .bytes = {10, 0, 0, 2}}},
	{.name = "c",
	 .number = 3,
	 .weight = 1,
	 .address = {.family = ADDR_IPV4, .bytes = {10, 0, 0, 3}}},
};

static struct conf_pool pool = {.name = "p", .servers = three, .n_servers = 3};

static const struct conf conf = {.pools = &pool, .n_pools = 1};

static struct servers *make(void)
{
	struct servers *s = servers_new(&conf, mono_zero());

	cr_assert_not_null(s);
	return s;
}

Test(servers, a_server_not_judged_yet_is_usable)
{
	struct servers *s = make();

	cr_expect(servers_usable(s, 1));
	cr_expect_eq(servers_opinion(s, 1)->verdict, HEALTH_UNKNOWN);
	servers_free(s);
}

Test(servers, own_word_counts_while_the_peer_is_not_followed)
{
	struct servers *s = make();

	cr_expect(servers_set_own(s, 2, HEALTH_DOWN, "connect: refused", mono_from_ms(5)));
	cr_expect_not(servers_set_peer(s, 2, HEALTH_UP, "connect: ok", mono_from_ms(6)));
	cr_expect_not(servers_usable(s, 2));
	cr_expect_str_eq(servers_opinion(s, 2)->reason, "connect: refused");
	cr_expect_eq(mono_to_ms(servers_opinion(s, 2)->since), 5);
	servers_free(s);
}

Test(servers, the_followed_peer_overrules)
{
	struct servers *s = make();

	(void)servers_set_own(s, 2, HEALTH_DOWN, "connect: timed out", mono_from_ms(5));
	(void)servers_set_peer(s, 2, HEALTH_UP, "connect: ok", mono_from_ms(6));
	cr_expect(servers_follow_peer(s, true));
	cr_expect(servers_usable(s, 2));
	cr_expect(servers_follow_peer(s, false));
	cr_expect_not(servers_usable(s, 2));
	servers_free(s);
}

Test(servers, a_followed_peer_without_an_opinion_leaves_ours_in_force)
{
	struct servers *s = make();

	(void)servers_set_own(s, 3, HEALTH_DOWN, "connect: refused", mono_from_ms(5));
	cr_expect_not(servers_follow_peer(s, true));
	cr_expect_not(servers_usable(s, 3));
	servers_free(s);
}

Test(servers, following_without_a_difference_changes_nothing)
{
	struct servers *s = make();

	(void)servers_set_own(s, 1, HEALTH_UP, "", mono_zero());
	(void)servers_set_peer(s, 1, HEALTH_UP, "", mono_zero());
	cr_expect_not(servers_follow_peer(s, true));
	servers_free(s);
}

Test(servers, a_repeated_verdict_keeps_its_age_and_takes_the_new_reason)
{
	struct servers *s = make();

	(void)servers_set_own(s, 1, HEALTH_DOWN, "connect: refused", mono_from_ms(5));
	cr_expect_not(servers_set_own(s, 1, HEALTH_DOWN, "connect: timed out", mono_from_ms(9)));
	cr_expect_eq(mono_to_ms(servers_opinion(s, 1)->since), 5);
	cr_expect_str_eq(servers_opinion(s, 1)->reason, "connect: timed out");
	servers_free(s);
}

Test(servers, numbers_outside_the_configuration_are_ignored)
{
	struct servers *s = make();

	cr_expect_not(servers_set_own(s, 0, HEALTH_DOWN, "", mono_zero()));
	cr_expect_not(servers_set_peer(s, 4, HEALTH_DOWN, "", mono_zero()));
	cr_expect_null(servers_opinion(s, 4));
	cr_expect_not(servers_usable(s, 4));
	servers_free(s);
}

Test(servers, numbers_may_have_gaps_and_any_order)
{
	struct conf_server far[] = {three[2], three[0], three[1]};
	struct conf_pool wide = {.name = "p", .servers = far, .n_servers = 3};
	const struct conf wide_conf = {.pools = &wide, .n_pools = 1};
	const uint16_t numbers[] = {CONF_SERVERS_MAX, 7, 30000};

	for (size_t i = 0; i < 3; i++)
		far[i].number = numbers[i];
	struct servers *s = servers_new(&wide_conf, mono_zero());

	cr_expect_eq(servers_n(s), 3);
	cr_expect_eq(servers_number(s, 0), 7);
	cr_expect_eq(servers_number(s, 2), CONF_SERVERS_MAX);
	cr_expect(servers_set_own(s, CONF_SERVERS_MAX, HEALTH_DOWN, "", mono_zero()));
	cr_expect_not(servers_usable(s, CONF_SERVERS_MAX));
	cr_expect(servers_usable(s, 30000));
	cr_expect_null(servers_state(s, 8));
	servers_free(s);
}

Test(servers, a_reload_keeps_what_is_known_of_servers_that_stay)
{
	struct conf_server two[] = {three[2], three[0]};
	struct conf_pool fewer = {.name = "p", .servers = two, .n_servers = 2};
	const struct conf next = {.pools = &fewer, .n_pools = 1};
	struct servers *old = make();

	(void)servers_set_own(old, 3, HEALTH_DOWN, "connect: refused", mono_from_ms(7));
	(void)servers_set_own(old, 2, HEALTH_DOWN, "connect: refused", mono_from_ms(7));
	strlcpy(two[0].name, "renamed", sizeof(two[0].name));
	struct servers *s = servers_new(&next, mono_from_ms(9));

	servers_inherit(s, old);
	cr_expect_not(servers_usable(s, 3));
	cr_expect(servers_state(s, 3)->flush_owed);
	cr_expect(servers_usable(s, 1));
	servers_flushed(s, 3);
	cr_expect_not(servers_owe_flush(s), "what is owed to a server that left is nobody's");
	servers_free(s);
	servers_free(old);
}

Test(servers, another_address_under_a_number_inherits_nothing)
{
	struct conf_server moved[] = {three[0], three[1]};
	struct conf_pool pool2 = {.name = "p", .servers = moved, .n_servers = 2};
	const struct conf next = {.pools = &pool2, .n_pools = 1};
	struct servers *old = make();

	moved[0].number = 2; /* as after a collision */
	moved[1].number = 1;
	(void)servers_set_own(old, 1, HEALTH_DOWN, "connect: refused", mono_from_ms(7));
	struct servers *s = servers_new(&next, mono_from_ms(9));

	servers_inherit(s, old);
	cr_expect_not(servers_usable(s, 2), "the same server, elsewhere");
	cr_expect(servers_usable(s, 1));
	servers_free(s);
	servers_free(old);
}

Test(servers, outcomes_are_counted)
{
	struct servers *s = make();

	servers_count(s, 1, false, mono_zero());
	servers_count(s, 1, true, mono_zero());
	servers_count(s, 9, true, mono_zero());
	cr_expect_eq(servers_state(s, 1)->checks, 2);
	cr_expect_eq(servers_state(s, 1)->failures, 1);
	servers_free(s);
}

Test(servers, a_seeded_server_is_out_of_use_and_owes_nothing)
{
	struct servers *s = make();

	servers_seed_down(s, 2, "from before the restart");
	cr_expect_not(servers_usable(s, 2));
	cr_expect_not(servers_owe_flush(s));
	cr_expect_str_eq(servers_opinion(s, 2)->reason, "from before the restart");
	cr_expect(servers_set_own(s, 2, HEALTH_UP, "connect: ok", mono_from_ms(1)));
	servers_free(s);
}

Test(servers, a_peer_that_is_forgotten_has_no_word)
{
	struct servers *s = make();

	(void)servers_follow_peer(s, true);
	cr_expect(servers_set_peer(s, 2, HEALTH_DOWN, "connect: refused", mono_from_ms(1)));
	cr_expect_not(servers_usable(s, 2));
	cr_expect(servers_forget_peer(s, mono_from_ms(2)));
	cr_expect(servers_usable(s, 2));
	cr_expect_not(servers_forget_peer(s, mono_from_ms(3)));
	servers_free(s);
}

/* --- connections of dead servers ---------------------------------------------------------------
 */

/* One outcome of our checker, the verdict first, as serve.c passes it on. */
static void outcome(struct servers *s, uint16_t number, bool success, enum health_verdict verdict,
		    int64_t at_ms)
{
	(void)servers_set_own(s, number, verdict, "", mono_from_ms(at_ms));
	servers_count(s, number, !success, mono_from_ms(at_ms));
}

/* Three servers up, then the second fails for good at 100 ms. */
static struct servers *make_with_dead_server(void)
{
	struct servers *s = make();

	for (uint16_t i = 1; i <= 3; i++)
		outcome(s, i, true, HEALTH_UP, 10 * i);
	cr_assert_not(servers_owe_flush(s));
	outcome(s, 2, false, HEALTH_DOWN, 100);
	cr_assert(servers_owe_flush(s));
	return s;
}

Test(servers, a_dead_server_is_flushed_at_once_when_the_peer_agrees)
{
	struct servers *s = make_with_dead_server();

	(void)servers_set_peer(s, 2, HEALTH_DOWN, "", mono_from_ms(90));
	cr_expect_eq(servers_flush_due(s, 2, true), SERVERS_FLUSH_NOW);
	servers_flushed(s, 2);
	cr_expect_eq(servers_flush_due(s, 2, true), SERVERS_FLUSH_NONE);
	cr_expect_not(servers_owe_flush(s));
	servers_free(s);
}

Test(servers, a_lone_view_deletes_nothing_while_the_peer_reaches_the_server)
{
	struct servers *s = make_with_dead_server();

	(void)servers_set_peer(s, 2, HEALTH_UP, "", mono_from_ms(90));
	outcome(s, 1, true, HEALTH_UP, 200);
	for (int i = 0; i < 5; i++)
		outcome(s, 2, false, HEALTH_DOWN, 300 + i);
	cr_expect_eq(servers_flush_due(s, 2, true), SERVERS_FLUSH_PEER_UP);
	cr_expect_eq(servers_flush_due(s, 2, false), SERVERS_FLUSH_NOW, "the peer is gone");
	(void)servers_set_peer(s, 2, HEALTH_DOWN, "", mono_from_ms(400));
	cr_expect_eq(servers_flush_due(s, 2, true), SERVERS_FLUSH_NOW, "the peer agrees at last");
	servers_free(s);
}

Test(servers, without_the_peer_the_server_must_fail_where_others_answer)
{
	struct servers *s = make_with_dead_server();

	cr_expect_eq(servers_flush_due(s, 2, false), SERVERS_FLUSH_WAIT);
	outcome(s, 2, false, HEALTH_DOWN, 150);
	outcome(s, 2, false, HEALTH_DOWN, 160);
	cr_expect_eq(servers_flush_due(s, 2, false), SERVERS_FLUSH_WAIT, "nobody answered since");
	outcome(s, 3, true, HEALTH_UP, 200);
	cr_expect_eq(servers_flush_due(s, 2, false), SERVERS_FLUSH_WAIT);
	outcome(s, 2, false, HEALTH_DOWN, 210);
	outcome(s, 2, false, HEALTH_DOWN, 220);
	cr_expect_eq(servers_flush_due(s, 2, false), SERVERS_FLUSH_NOW);
	servers_free(s);
}

Test(servers, when_nobody_answers_the_fault_is_ours)
{
	struct servers *s = make_with_dead_server();

	outcome(s, 1, false, HEALTH_DOWN, 110);
	outcome(s, 3, false, HEALTH_DOWN, 120);
	for (int i = 0; i < 9; i++)
		outcome(s, (uint16_t)(1 + i % 3), false, HEALTH_DOWN, 200 + i);
	for (uint16_t i = 1; i <= 3; i++)
		cr_expect_eq(servers_flush_due(s, i, false), SERVERS_FLUSH_NONE_ALIVE);
	/* The first one back may not condemn the others: they have not been tried since. */
	outcome(s, 1, true, HEALTH_DOWN, 300);
	outcome(s, 1, true, HEALTH_UP, 310);
	cr_expect_eq(servers_flush_due(s, 1, false), SERVERS_FLUSH_NONE);
	cr_expect_eq(servers_flush_due(s, 2, false), SERVERS_FLUSH_WAIT);
	outcome(s, 2, false, HEALTH_DOWN, 320);
	cr_expect_eq(servers_flush_due(s, 2, false), SERVERS_FLUSH_WAIT, "an attempt from before");
	outcome(s, 2, true, HEALTH_UP, 330);
	cr_expect_eq(servers_flush_due(s, 2, false), SERVERS_FLUSH_NONE);
	servers_free(s);
}

Test(servers, a_server_known_dead_by_our_own_word_is_owed_at_a_takeover)
{
	struct servers *s = make_with_dead_server();

	(void)servers_follow_peer(s, true);
	(void)servers_set_peer(s, 2, HEALTH_UP, "", mono_from_ms(120));
	cr_expect_eq(servers_flush_due(s, 2, true), SERVERS_FLUSH_NONE);
	outcome(s, 1, true, HEALTH_UP, 200);
	outcome(s, 2, false, HEALTH_DOWN, 210);
	outcome(s, 2, false, HEALTH_DOWN, 220);
	cr_expect(servers_follow_peer(s, false));
	cr_expect_eq(servers_flush_due(s, 2, false), SERVERS_FLUSH_NOW);
	servers_free(s);
}

Test(servers, a_reason_to_wait_is_news_once)
{
	struct servers *s = make_with_dead_server();

	cr_expect(servers_flush_is_news(s, 2, SERVERS_FLUSH_PEER_UP));
	cr_expect_not(servers_flush_is_news(s, 2, SERVERS_FLUSH_PEER_UP));
	outcome(s, 2, true, HEALTH_UP, 200);
	outcome(s, 2, false, HEALTH_DOWN, 300);
	cr_expect(servers_flush_is_news(s, 2, SERVERS_FLUSH_PEER_UP), "another death");
	servers_free(s);
}
