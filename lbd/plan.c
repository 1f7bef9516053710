// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Building the wanted contents. The mapping from servers back to their VIP, which has to settle
 * who may claim a port, is in plan_back.c; lists and differences are in plan_diff.c.
 */
#include "plan.h"

#include "plan_back.h"
#include "plan_key.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

static const struct plan_shape shapes[PLAN_SET_N] = {
	[PLAN_SVC4] = {"svc4", "service ports", 12, 4, false},
	[PLAN_RANGE4] = {"range4", "service port ranges", 12, 4, true},
	[PLAN_TBL4] = {"tbl4", "hash table", 8, 4, false},
	[PLAN_BE4] = {"be4", "servers", 4, 4, false},
	[PLAN_BACK4] = {"back4", "return paths of servers", 12, 4, true},
	[PLAN_VIP4] = {"vip4", "virtual addresses", 4, 0, false},
};

const struct plan_shape *plan_shape(enum plan_set set)
{
	return &shapes[set];
}

void plan_init(struct plan *plan)
{
	*plan = (struct plan){0};
}

void plan_fini(struct plan *plan)
{
	for (size_t i = 0; i < PLAN_SET_N; i++)
		free(plan->set[i].elem);
	plan_init(plan);
}

size_t plan_servers(const struct conf *conf)
{
	size_t highest = 0;
	for (size_t i = 0; i < conf->n_pools; i++) {
		const struct conf_pool *pool = &conf->pools[i];
		for (size_t s = 0; s < pool->n_servers; s++) {
			if (pool->servers[s].number > highest)
				highest = pool->servers[s].number;
		}
	}
	return highest;
}

static bool add_port(struct plan *plan, const struct addr *vip, const struct conf_port *port,
		     uint32_t mark)
{
	struct plan_elem e = {0};
	plan_key_endpoint(e.key, vip, (uint8_t)port->proto, port->range.first);
	plan_key_endpoint(e.key_end, vip, (uint8_t)port->proto, port->range.last);
	plan_key_u32(e.data, mark);
	enum plan_set set = port->range.first == port->range.last ? PLAN_SVC4 : PLAN_RANGE4;
	return plan_list_add(&plan->set[set], &e);
}

static bool add_vip(struct plan *plan, const struct addr *vip)
{
	struct plan_elem e = {0};
	plan_key_addr(e.key, vip);
	plan_key_addr(e.key_end, vip);
	return plan_list_add(&plan->set[PLAN_VIP4], &e);
}

static bool add_service(struct plan *plan, const struct conf *conf,
			const struct conf_service *service)
{
	const struct conf_vip *vip = &conf->vips[service->vip];
	uint32_t mark = PLAN_MARK_POOL | conf->pools[service->pool].number;
	for (size_t a = 0; a < vip->n_addresses; a++) {
		const struct addr *address = &vip->address[a].addr;
		if (address->family != ADDR_IPV4)
			continue;
		if (!add_vip(plan, address))
			return false;
		for (size_t p = 0; p < service->n_ports; p++) {
			if (!add_port(plan, address, &service->port[p], mark))
				return false;
		}
	}
	return true;
}

static bool add_servers(struct plan *plan, const struct conf_pool *pool)
{
	for (size_t i = 0; i < pool->n_servers; i++) {
		const struct conf_server *server = &pool->servers[i];
		if (server->address.family != ADDR_IPV4)
			continue;
		struct plan_elem e = {0};
		plan_key_u32(e.key, PLAN_MARK_SERVER | server->number);
		memcpy(e.key_end, e.key, sizeof(e.key));
		plan_key_addr(e.data, &server->address);
		if (!plan_list_add(&plan->set[PLAN_BE4], &e))
			return false;
	}
	return true;
}

static bool add_buckets(struct plan *plan, const struct conf_pool *pool, const uint16_t *bucket)
{
	for (uint32_t at = 0; at < plan->buckets; at++) {
		if (bucket[at] == 0)
			continue;
		struct plan_elem e = {0};
		plan_key_u32(e.key, PLAN_MARK_POOL | pool->number);
		plan_key_u32(e.key + 4, at);
		memcpy(e.key_end, e.key, sizeof(e.key));
		plan_key_u32(e.data, PLAN_MARK_SERVER | bucket[at]);
		if (!plan_list_add(&plan->set[PLAN_TBL4], &e))
			return false;
	}
	return true;
}

static bool add_pool(struct plan *plan, const struct conf_pool *pool, const bool *up)
{
	struct table_server *servers = calloc(pool->n_servers + 1, sizeof(*servers));
	uint16_t *bucket = calloc(plan->buckets, sizeof(*bucket));
	bool done = false;
	if (servers == NULL || bucket == NULL)
		goto out;
	size_t n = 0;
	for (size_t i = 0; i < pool->n_servers; i++) {
		const struct conf_server *server = &pool->servers[i];
		if (server->address.family != ADDR_IPV4)
			continue;
		servers[n++] = (struct table_server){.address = server->address,
						     .number = server->number,
						     .weight = server->weight,
						     .backup = server->backup,
						     .up = up[server->number]};
	}
	done = table_fill(bucket, plan->buckets, servers, n, plan->seed) &&
	       add_servers(plan, pool) && add_buckets(plan, pool, bucket);
out:
	free(servers);
	free(bucket);
	return done;
}

static int compare_keys(const struct plan_elem *a, const struct plan_elem *b)
{
	return memcmp(a->key, b->key, sizeof(a->key));
}

/*
 * The kernel refuses a key that is there already and ranges that overlap. The configuration is
 * checked for both; what slips through loses to the first in order instead of the whole table.
 */
static size_t drop_overlaps(struct plan_list *list)
{
	if (list->n == 0)
		return 0;
	size_t kept = 1;
	for (size_t i = 1; i < list->n; i++) {
		const struct plan_elem *last = &list->elem[kept - 1];
		if (memcmp(list->elem[i].key, last->key_end, sizeof(last->key_end)) > 0)
			list->elem[kept++] = list->elem[i];
	}
	size_t dropped = list->n - kept;
	list->n = kept;
	return dropped;
}

static bool build_all(struct plan *plan, const struct conf *conf, const bool *up)
{
	for (size_t i = 0; i < conf->n_services; i++) {
		if (!add_service(plan, conf, &conf->services[i]))
			return false;
	}
	for (size_t i = 0; i < conf->n_pools; i++) {
		if (!add_pool(plan, &conf->pools[i], up))
			return false;
	}
	return plan_back_build(&plan->set[PLAN_BACK4], conf);
}

bool plan_build(struct plan *plan, const struct conf *conf, const bool *up)
{
	plan_fini(plan);
	plan->seed = conf->pair.hash_seed;
	plan->buckets = 1;
	for (size_t i = 0; i < conf->n_pools; i++) {
		if (conf->pools[i].buckets > plan->buckets)
			plan->buckets = conf->pools[i].buckets;
	}
	if (!build_all(plan, conf, up)) {
		plan_fini(plan);
		return false;
	}
	for (size_t i = 0; i < PLAN_SET_N; i++) {
		plan_list_sort(&plan->set[i]);
		size_t dropped = drop_overlaps(&plan->set[i]);
		if (i == PLAN_SVC4 || i == PLAN_RANGE4)
			plan->conflicts += dropped;
	}
	return true;
}

static const struct plan_elem *find(const struct plan_list *list, const struct plan_elem *wanted)
{
	size_t low = 0;
	size_t high = list->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_keys(wanted, &list->elem[middle]);
		if (order == 0)
			return &list->elem[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static const struct plan_elem *find_bucket(const struct plan *plan, uint16_t pool, uint32_t bucket)
{
	struct plan_elem wanted = {0};
	plan_key_u32(wanted.key, PLAN_MARK_POOL | pool);
	plan_key_u32(wanted.key + 4, bucket);
	return find(&plan->set[PLAN_TBL4], &wanted);
}

static bool knows(const struct plan *plan, const struct conf_server *server)
{
	struct plan_elem wanted = {0};
	uint8_t address[PLAN_DATA_MAX_BYTES];
	plan_key_u32(wanted.key, PLAN_MARK_SERVER | server->number);
	plan_key_addr(address, &server->address);
	const struct plan_elem *e = find(&plan->set[PLAN_BE4], &wanted);
	return e != NULL && memcmp(e->data, address, sizeof(address)) == 0;
}

void plan_left_out(const struct plan *plan, const struct conf *conf, bool *out)
{
	size_t highest = plan_servers(conf);
	for (size_t i = 0; i < conf->n_pools; i++) {
		const struct conf_pool *pool = &conf->pools[i];
		for (size_t s = 0; s < pool->n_servers; s++) {
			const struct conf_server *server = &pool->servers[s];
			out[server->number] = server->address.family == ADDR_IPV4 &&
					      !server->backup && knows(plan, server);
		}
	}
	for (size_t i = 0; i < plan->set[PLAN_TBL4].n; i++) {
		uint32_t number = plan_key_get_u32(plan->set[PLAN_TBL4].elem[i].data) & 0xffffU;
		if (number <= highest)
			out[number] = false;
	}
}

uint16_t plan_server_of(const struct plan *plan, uint16_t pool, const struct addr *client)
{
	if (plan->buckets == 0)
		return 0;
	const struct plan_elem *e =
		find_bucket(plan, pool, table_bucket(client, plan->buckets, plan->seed));
	return e == NULL ? 0 : (uint16_t)(plan_key_get_u32(e->data) & 0xffffU);
}

size_t plan_buckets_of(const struct plan *plan, uint16_t pool, uint16_t server)
{
	size_t held = 0;
	for (uint32_t at = 0; at < plan->buckets; at++) {
		const struct plan_elem *e = find_bucket(plan, pool, at);
		if (e != NULL && (plan_key_get_u32(e->data) & 0xffffU) == server)
			held++;
	}
	return held;
}
