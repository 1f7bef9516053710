// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/plan lbd/plan_back lbd/plan_diff lbd/table lib/addr */
/*
 * What the kernel should hold, and the way from what it holds to that.
 */
#include "lbd/plan.h"
#include "lbd/plan_key.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum {
	SERVERS = 3,
	RANDOM_ROUNDS = 200,
};

/* One VIP 192.0.2.10, one pool of three servers 10.1.0.11-13, the Exchange ports. */
struct world {
	struct conf conf;
	struct conf_vip vips[2];
	struct conf_pool pools[2];
	struct conf_server servers[2][SERVERS];
	struct conf_service services[3];
	bool up[2 * SERVERS + 1];
};

static void add_port(struct conf_service *s, enum conf_proto proto, uint16_t first, uint16_t last)
{
	s->port[s->n_ports++] = (struct conf_port){proto, {first, last}};
}

static void make_pool(struct world *w, size_t at)
{
	for (size_t i = 0; i < SERVERS; i++) {
		uint16_t number = (uint16_t)(at * SERVERS + i + 1);
		w->servers[at][i] =
			(struct conf_server){.address = addr_from_ipv4(0x0a01000aU + number),
					     .weight = 1,
					     .number = number};
		w->up[number] = true;
	}
	w->pools[at] = (struct conf_pool){.servers = w->servers[at],
					  .n_servers = SERVERS,
					  .buckets = 61,
					  .number = (uint16_t)(at + 1)};
}

static void make_world(struct world *w)
{
	memset(w, 0, sizeof(*w));
	for (size_t i = 0; i < 2; i++) {
		w->vips[i].address[0] =
			(struct prefix){addr_from_ipv4(0xc000020aU + (uint32_t)i), 24};
		w->vips[i].n_addresses = 1;
		make_pool(w, i);
	}
	add_port(&w->services[0], CONF_PROTO_TCP, 135, 135);
	add_port(&w->services[0], CONF_PROTO_TCP, 6005, 65535);
	add_port(&w->services[0], CONF_PROTO_UDP, 6005, 65535);
	w->conf = (struct conf){.pair = {.hash_seed = 0x5eed1234},
				.vips = w->vips,
				.n_vips = 1,
				.pools = w->pools,
				.n_pools = 1,
				.services = w->services,
				.n_services = 1};
}

static struct plan build(const struct world *w)
{
	struct plan plan;
	plan_init(&plan);
	cr_assert(plan_build(&plan, &w->conf, w->up));
	return plan;
}

static bool has_endpoint(const struct plan_list *list, uint32_t addr, uint8_t proto, uint16_t first,
			 uint16_t last)
{
	struct addr a = addr_from_ipv4(addr);
	uint8_t key[12];
	uint8_t key_end[12];
	plan_key_endpoint(key, &a, proto, first);
	plan_key_endpoint(key_end, &a, proto, last);
	for (size_t i = 0; i < list->n; i++) {
		if (memcmp(list->elem[i].key, key, 12) == 0 &&
		    memcmp(list->elem[i].key_end, key_end, 12) == 0)
			return true;
	}
	return false;
}

Test(plan, the_exchange_ports_are_three_elements)
{
	struct world w;
	make_world(&w);
	struct plan plan = build(&w);
	cr_assert_eq(plan.set[PLAN_SVC4].n, 1);
	cr_assert_eq(plan.set[PLAN_RANGE4].n, 2);
	cr_assert(has_endpoint(&plan.set[PLAN_SVC4], 0xc000020a, 6, 135, 135));
	cr_assert(has_endpoint(&plan.set[PLAN_RANGE4], 0xc000020a, 6, 6005, 65535));
	cr_assert(has_endpoint(&plan.set[PLAN_RANGE4], 0xc000020a, 17, 6005, 65535));
	cr_assert_eq(plan.set[PLAN_TBL4].n, 61);
	cr_assert_eq(plan.set[PLAN_BE4].n, 3);
	cr_assert_eq(plan.set[PLAN_VIP4].n, 1);
	cr_assert_eq(plan_key_get_u32(plan.set[PLAN_SVC4].elem[0].data), 0x5a000001);
	cr_assert_eq(plan_key_get_u32(plan.set[PLAN_BE4].elem[0].key), 0x5b000001);
	cr_assert_eq(plan.conflicts, 0);
	plan_fini(&plan);
}

Test(plan, the_way_back_has_tcp_only)
{
	struct world w;
	make_world(&w);
	struct plan plan = build(&w);
	cr_assert_eq(plan.set[PLAN_BACK4].n, 2 * SERVERS);
	cr_assert(has_endpoint(&plan.set[PLAN_BACK4], 0x0a01000b, 6, 135, 135));
	cr_assert(has_endpoint(&plan.set[PLAN_BACK4], 0x0a01000d, 6, 6005, 65535));
	cr_assert_not(has_endpoint(&plan.set[PLAN_BACK4], 0x0a01000d, 17, 6005, 65535));
	plan_fini(&plan);
}

Test(plan, a_server_port_that_two_vips_claim_has_no_way_back)
{
	struct world w;
	make_world(&w);
	w.conf.n_vips = 2;
	w.conf.n_services = 2;
	w.services[1].vip = 1;
	add_port(&w.services[1], CONF_PROTO_TCP, 7000, 7010);
	struct plan plan = build(&w);
	const struct plan_list *back = &plan.set[PLAN_BACK4];
	cr_assert_eq(back->n, 3 * SERVERS);
	cr_assert(has_endpoint(back, 0x0a01000b, 6, 6005, 6999));
	cr_assert(has_endpoint(back, 0x0a01000b, 6, 7011, 65535));
	cr_assert(has_endpoint(back, 0x0a01000b, 6, 135, 135));
	plan_fini(&plan);
}

Test(plan, services_of_one_vip_share_a_server_without_conflict)
{
	struct world w;
	make_world(&w);
	w.conf.n_services = 2;
	add_port(&w.services[1], CONF_PROTO_TCP, 443, 443);
	add_port(&w.services[1], CONF_PROTO_TCP, 136, 136);
	struct plan plan = build(&w);
	cr_assert(has_endpoint(&plan.set[PLAN_BACK4], 0x0a01000c, 6, 443, 443));
	cr_assert(has_endpoint(&plan.set[PLAN_BACK4], 0x0a01000c, 6, 135, 136));
	plan_fini(&plan);
}

Test(plan, a_port_claimed_twice_goes_to_one_and_is_counted)
{
	struct world w;
	make_world(&w);
	w.conf.n_services = 2;
	add_port(&w.services[1], CONF_PROTO_TCP, 135, 135);
	add_port(&w.services[1], CONF_PROTO_TCP, 60000, 60001);
	struct plan plan = build(&w);
	cr_assert_eq(plan.set[PLAN_SVC4].n, 1);
	cr_assert_eq(plan.set[PLAN_RANGE4].n, 2);
	cr_assert_eq(plan.conflicts, 2);
	plan_fini(&plan);
}

Test(plan, a_vip_without_a_service_stays_an_ordinary_address)
{
	struct world w;
	make_world(&w);
	w.conf.n_vips = 2;
	struct plan plan = build(&w);
	cr_assert_eq(plan.set[PLAN_VIP4].n, 1);
	plan_fini(&plan);
}

Test(plan, ipv6_addresses_wait_for_their_own_sets)
{
	struct world w;
	make_world(&w);
	cr_assert(addr_parse("2001:db8::10", &w.vips[0].address[1].addr));
	w.vips[0].n_addresses = 2;
	struct plan plan = build(&w);
	cr_assert_eq(plan.set[PLAN_SVC4].n, 1);
	cr_assert_eq(plan.set[PLAN_VIP4].n, 1);
	cr_assert_eq(plan.set[PLAN_BACK4].n, 2 * SERVERS);
	plan_fini(&plan);
}

Test(plan, a_pool_without_living_servers_has_no_buckets)
{
	struct world w;
	make_world(&w);
	memset(w.up, 0, sizeof(w.up));
	struct plan plan = build(&w);
	cr_assert_eq(plan.set[PLAN_TBL4].n, 0);
	cr_assert_eq(plan.set[PLAN_BE4].n, 3);
	struct addr client = addr_from_ipv4(0xc6336401);
	cr_assert_eq(plan_server_of(&plan, 1, &client), 0);
	plan_fini(&plan);
}

Test(plan, shares_and_predictions_come_from_the_table)
{
	struct world w;
	make_world(&w);
	struct plan plan = build(&w);
	size_t all = 0;
	for (uint16_t i = 1; i <= SERVERS; i++)
		all += plan_buckets_of(&plan, 1, i);
	cr_assert_eq(all, 61);
	for (uint32_t i = 0; i < 100; i++) {
		struct addr client = addr_from_ipv4(0xc6336400 + i);
		uint16_t server = plan_server_of(&plan, 1, &client);
		cr_assert(server >= 1 && server <= SERVERS);
	}
	plan_fini(&plan);
}

Test(plan, one_death_changes_only_its_own_buckets)
{
	struct world w;
	make_world(&w);
	struct plan before = build(&w);
	size_t share = plan_buckets_of(&before, 1, 2);
	w.up[2] = false;
	struct plan after = build(&w);
	struct plan_diff diff;
	cr_assert(plan_diff(&diff, &before, &after));
	for (int i = 0; i < PLAN_SET_N; i++) {
		cr_assert_eq(diff.del[i].n, i == PLAN_TBL4 ? share : 0);
		cr_assert_eq(diff.add[i].n, i == PLAN_TBL4 ? share : 0);
	}
	cr_assert_not(diff.hash_changed);
	plan_diff_fini(&diff);
	cr_assert(plan_diff(&diff, &after, &after));
	cr_assert(plan_diff_is_empty(&diff));
	plan_diff_fini(&diff);
	plan_fini(&before);
	plan_fini(&after);
}

Test(plan, a_server_that_was_known_and_held_nothing_was_left_out)
{
	struct world w;
	bool out[2 * SERVERS + 1] = {false};
	make_world(&w);
	w.up[2] = false;
	struct plan plan = build(&w);
	plan_left_out(&plan, &w.conf, out);
	cr_assert(out[2]);
	cr_assert_not(out[1] || out[3]);
	/* Not so: a spare one, and one whose number meant another address. */
	w.servers[0][1].backup = true;
	plan_left_out(&plan, &w.conf, out);
	cr_assert_not(out[2]);
	w.servers[0][1].backup = false;
	w.servers[0][1].address = addr_from_ipv4(0x0a010063);
	plan_left_out(&plan, &w.conf, out);
	cr_assert_not(out[2]);
	plan_fini(&plan);
}

Test(plan, numbers_up_to_the_highest_are_good)
{
	struct world w;
	bool *up = calloc(CONF_SERVERS_MAX + 1, sizeof(*up));
	make_world(&w);
	w.servers[0][2].number = CONF_SERVERS_MAX;
	cr_assert_eq(plan_servers(&w.conf), CONF_SERVERS_MAX);
	up[1] = true;
	up[CONF_SERVERS_MAX] = true;
	struct plan plan;
	plan_init(&plan);
	cr_assert(plan_build(&plan, &w.conf, up));
	cr_assert_gt(plan_buckets_of(&plan, 1, CONF_SERVERS_MAX), 0);
	cr_assert_eq(plan_buckets_of(&plan, 1, 2), 0);
	plan_fini(&plan);
	free(up);
}

/* --- the difference carried out on a model of the kernel's sets ------------------------------- */

static bool same_place(const struct plan_elem *a, const struct plan_elem *b)
{
	return memcmp(a->key, b->key, sizeof(a->key)) == 0 &&
	       memcmp(a->key_end, b->key_end, sizeof(a->key_end)) == 0;
}

/* As the kernel: deleting what is not there and adding what is there are errors. */
static void model_delete(struct plan_list *set, const struct plan_elem *e)
{
	for (size_t i = 0; i < set->n; i++) {
		if (same_place(&set->elem[i], e)) {
			set->elem[i] = set->elem[--set->n];
			return;
		}
	}
	cr_assert_fail("deletes an element that is not there");
}

static void model_add(struct plan_list *set, const struct plan_elem *e)
{
	for (size_t i = 0; i < set->n; i++)
		cr_assert_not(same_place(&set->elem[i], e), "adds an element that is there");
	cr_assert(plan_list_add(set, e));
}

static void carry_out(struct plan *model, const struct plan_diff *diff)
{
	for (int s = 0; s < PLAN_SET_N; s++) {
		for (size_t i = 0; i < diff->del[s].n; i++)
			model_delete(&model->set[s], &diff->del[s].elem[i]);
		for (size_t i = 0; i < diff->add[s].n; i++)
			model_add(&model->set[s], &diff->add[s].elem[i]);
		plan_list_sort(&model->set[s]);
	}
}

static bool plans_equal(const struct plan *a, const struct plan *b)
{
	for (int s = 0; s < PLAN_SET_N; s++) {
		if (a->set[s].n != b->set[s].n)
			return false;
		if (a->set[s].n > 0 && memcmp(a->set[s].elem, b->set[s].elem,
					      a->set[s].n * sizeof(struct plan_elem)) != 0)
			return false;
	}
	return true;
}

static void randomise(struct world *w, unsigned *state)
{
	make_world(w);
	w->conf.n_vips = 1 + (size_t)rand_r(state) % 2;
	w->conf.n_pools = 1 + (size_t)rand_r(state) % 2;
	w->conf.n_services = (size_t)rand_r(state) % 4;
	for (size_t i = 0; i < w->conf.n_services; i++) {
		w->services[i].n_ports = 0;
		w->services[i].vip = (size_t)rand_r(state) % w->conf.n_vips;
		w->services[i].pool = (size_t)rand_r(state) % w->conf.n_pools;
		size_t ports = 1 + (size_t)rand_r(state) % 5;
		for (size_t p = 0; p < ports; p++) {
			uint16_t first = (uint16_t)(1 + rand_r(state) % 60);
			uint16_t last = (uint16_t)(first + rand_r(state) % 4);
			add_port(&w->services[i],
				 rand_r(state) % 2 ? CONF_PROTO_TCP : CONF_PROTO_UDP, first, last);
		}
	}
	for (size_t i = 1; i <= 2 * SERVERS; i++)
		w->up[i] = rand_r(state) % 3 != 0;
	w->pools[0].buckets = rand_r(state) % 4 == 0 ? 31 : 61;
}

Test(plan, applying_the_difference_gives_the_wanted_contents)
{
	unsigned state = 20100;
	struct plan model;
	plan_init(&model);
	for (int round = 0; round < RANDOM_ROUNDS; round++) {
		struct world w;
		randomise(&w, &state);
		struct plan wanted = build(&w);
		struct plan_diff diff;
		cr_assert(plan_diff(&diff, &model, &wanted));
		carry_out(&model, &diff);
		cr_assert(plans_equal(&model, &wanted), "round %d", round);
		plan_diff_fini(&diff);
		plan_fini(&wanted);
	}
	plan_fini(&model);
}

Test(plan, a_copy_is_equal)
{
	struct world w;
	make_world(&w);
	struct plan plan = build(&w);
	struct plan copy;
	plan_init(&copy);
	cr_assert(plan_copy(&copy, &plan));
	cr_assert(plans_equal(&copy, &plan));
	cr_assert_eq(copy.seed, plan.seed);
	plan_fini(&plan);
	plan_fini(&copy);
}
