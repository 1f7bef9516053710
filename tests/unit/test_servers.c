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

Test(servers, a_reload_keeps_what_is_known_of_servers_that_stay)
{
	struct conf_server two[] = {three[2], three[0]};
	struct conf_pool fewer = {.name = "p", .servers = two, .n_servers = 2};
	const struct conf next = {.pools = &fewer, .n_pools = 1};
	struct servers *old = make();

	two[0].number = 1;
	two[1].number = 2;
	(void)servers_set_own(old, 3, HEALTH_DOWN, "connect: refused", mono_from_ms(7));
	struct servers *s = servers_new(&next, mono_from_ms(9));

	servers_inherit(s, &next, old, &conf);
	cr_expect_not(servers_usable(s, 1), "the third server is number one now");
	cr_expect(servers_usable(s, 2));
	servers_free(s);
	servers_free(old);
}

Test(servers, outcomes_are_counted)
{
	struct servers *s = make();

	servers_count(s, 1, false);
	servers_count(s, 1, true);
	servers_count(s, 9, true);
	cr_expect_eq(servers_state(s, 1)->checks, 2);
	cr_expect_eq(servers_state(s, 1)->failures, 1);
	servers_free(s);
}
