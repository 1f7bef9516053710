// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/checker_list lib/addr lib/log lib/mono lib/mono_now */
/* What the checking process is told (lbd/checker_list.h). */
#include "lbd/checker_list.h"

#include <criterion/criterion.h>
#include <string.h>

enum { MANY = 3 * CHECKER_PACKET_SUBJECTS + 5 };

/* MANY servers in one checked pool, numbered downwards; a second pool is not checked. */
struct world {
	struct conf conf;
	struct conf_pool pools[2];
	struct conf_server servers[MANY];
	struct conf_server idle;
};

static void make_world(struct world *w)
{
	*w = (struct world){.idle = {.number = 9000, .address = addr_from_ipv4(0x0a020001)}};
	for (size_t i = 0; i < MANY; i++)
		w->servers[i] = (struct conf_server){
			.number = (uint16_t)(1000 - i),
			.address = addr_from_ipv4(0x0a010001 + (uint32_t)i),
		};
	w->pools[0] = (struct conf_pool){
		.servers = w->servers,
		.n_servers = MANY,
		.check = {.type = CONF_CHECK_TCP,
			  .port = 135,
			  .interval = mono_from_s(5),
			  .timeout = mono_from_s(3),
			  .rise = 2,
			  .fall = 2},
	};
	w->pools[1] = (struct conf_pool){
		.servers = &w->idle, .n_servers = 1, .check = {.type = CONF_CHECK_NONE}};
	w->conf = (struct conf){.pools = w->pools, .n_pools = 2};
}

static struct checker_list build(const struct world *w, const enum health_verdict *verdicts)
{
	struct checker_list list;

	cr_assert_eq(checker_list_build(&list, &w->conf, verdicts, NULL), 0);
	return list;
}

Test(checker_list, holds_the_checked_servers_in_order_with_their_verdicts)
{
	struct world w;
	enum health_verdict verdicts[9001] = {[1000] = HEALTH_DOWN, [999] = HEALTH_UP};

	make_world(&w);
	struct checker_list list = build(&w, verdicts);

	cr_assert_eq(list.n, MANY);
	for (size_t i = 1; i < list.n; i++)
		cr_expect_lt(list.subject[i - 1].number, list.subject[i].number);
	cr_expect_eq(checker_list_find(&list, 1000)->verdict, HEALTH_DOWN);
	cr_expect_eq(checker_list_find(&list, 999)->verdict, HEALTH_UP);
	cr_expect_eq(checker_list_find(&list, 998)->verdict, HEALTH_UNKNOWN);
	cr_expect_null(checker_list_find(&list, 9000), "its pool is not checked");
	checker_list_fini(&list);
	cr_expect_null(checker_list_find(&list, 1000));
}

Test(checker_list, packets_carry_all_of_it_once)
{
	struct world w;

	make_world(&w);
	struct checker_list list = build(&w, NULL);
	struct checker_packet packet = {0};
	size_t sent = 0;

	for (size_t packets = 0; !packet.last; packets++) {
		checker_packet_fill(&packet, &list, sent);
		cr_assert(checker_packet_is_valid(&packet, checker_packet_bytes(&packet)));
		cr_expect_eq(packet.first, packets == 0);
		for (size_t i = 0; i < packet.count; i++)
			cr_expect_eq(packet.subject[i].number, list.subject[sent + i].number);
		sent += packet.count;
	}
	cr_expect_eq(sent, MANY);
	checker_list_fini(&list);
}

Test(checker_list, an_empty_list_is_one_packet)
{
	const struct checker_list none = {0};
	struct checker_packet packet;

	checker_packet_fill(&packet, &none, 0);
	cr_expect(packet.first && packet.last && packet.count == 0);
	cr_expect(checker_packet_is_valid(&packet, checker_packet_bytes(&packet)));
	cr_expect(mono_is_never(checker_list_patience(&none)));
}

Test(checker_list, what_is_no_packet_is_refused)
{
	struct world w;

	make_world(&w);
	struct checker_list list = build(&w, NULL);
	struct checker_packet good;

	checker_packet_fill(&good, &list, 0);
	size_t len_bytes = checker_packet_bytes(&good);

	cr_expect_not(checker_packet_is_valid(&good, len_bytes - 1));
	cr_expect_not(checker_packet_is_valid(&good, 3));
	for (int i = 0; i < 7; i++) {
		struct checker_packet bad = good;
		struct checker_subject *s = &bad.subject[bad.count - 1];

		if (i == 0)
			bad.version++;
		else if (i == 1)
			bad.count = CHECKER_PACKET_SUBJECTS + 1;
		else if (i == 2)
			s->number = 0;
		else if (i == 3)
			s->verdict = HEALTH_N;
		else if (i == 4)
			s->health.interval = mono_zero();
		else if (i == 5)
			s->health.fall = 0;
		else
			s->address.family = 7;
		cr_expect_not(checker_packet_is_valid(&bad, len_bytes), "case %d", i);
	}
	checker_list_fini(&list);
}

Test(checker_list, patience_is_that_of_the_quickest_server_and_some)
{
	struct world w;

	make_world(&w);
	w.pools[1].check = w.pools[0].check;
	w.pools[1].check.interval = mono_from_s(1);
	w.pools[1].check.timeout = mono_from_ms(500);
	struct checker_list list = build(&w, NULL);
	int64_t ms = mono_to_ms(checker_list_patience(&list));

	cr_expect(ms >= 1600 + 1000 && ms <= 5000, "%ld", (long)ms);
	checker_list_fini(&list);
}

Test(checker_list, equal_means_checked_the_same_way)
{
	struct world w;

	make_world(&w);
	struct checker_list list = build(&w, NULL);
	struct checker_subject a = list.subject[0];
	struct checker_subject b = a;

	b.verdict = HEALTH_DOWN;
	cr_expect(checker_subject_equal(&a, &b));
	b.port++;
	cr_expect_not(checker_subject_equal(&a, &b));
	b = a;
	b.address.bytes[3]++;
	cr_expect_not(checker_subject_equal(&a, &b));
	b = a;
	b.health.rise++;
	cr_expect_not(checker_subject_equal(&a, &b));
	checker_list_fini(&list);
}
