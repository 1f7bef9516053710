// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * First one object is made for every section, so that names can be resolved in any order; then each
 * object is filled, a key that is absent with the schema's default by the same code as a key that
 * is there. What the schema calls inherited is derived at the end.
 */
#include "conf_build.h"

#include "conf_set.h"
#include "profile.h"

#include <stdlib.h>
#include <string.h>

struct binding {
	enum schema_section section;
	const char *key;
	size_t offset;
	conf_set_fn *set;
};

static const struct binding bindings[] = {
	{SCHEMA_PAIR, "advert_interval", offsetof(struct conf_pair, advert_interval),
	 conf_set_duration},
	{SCHEMA_PAIR, "preempt", offsetof(struct conf_pair, preempt), conf_set_bool},
	{SCHEMA_PAIR, "virtual_mac", offsetof(struct conf_pair, virtual_mac), conf_set_bool},
	{SCHEMA_PAIR, "key_file", offsetof(struct conf_pair, key_file), conf_set_path},
	{SCHEMA_PAIR, "port", offsetof(struct conf_pair, pair_port), conf_set_u16},
	{SCHEMA_PAIR, "sync_wait", offsetof(struct conf_pair, sync_wait), conf_set_duration},
	{SCHEMA_PAIR, "hash_seed", offsetof(struct conf_pair, hash_seed), conf_set_u32},
	{SCHEMA_NODE, "pair_address", offsetof(struct conf_node, pair_address), conf_set_address},
	{SCHEMA_NODE, "priority", offsetof(struct conf_node, priority), conf_set_u8},
	{SCHEMA_GROUP, "preempt", offsetof(struct conf_group, preempt), conf_set_bool},
	{SCHEMA_GROUP, "priority", offsetof(struct conf_group, priority), conf_set_priorities},
	{SCHEMA_GROUP, "track", offsetof(struct conf_group, track), conf_set_track},
	{SCHEMA_VIP, "interface", offsetof(struct conf_vip, interface), conf_set_ifname},
	{SCHEMA_VIP, "vrid", offsetof(struct conf_vip, vrid), conf_set_u8},
	{SCHEMA_VIP, "address", offsetof(struct conf_vip, address), conf_set_addresses},
	{SCHEMA_VIP, "group", offsetof(struct conf_vip, group), conf_set_group_name},
	{SCHEMA_POOL, "server", offsetof(struct conf_pool, servers), conf_set_servers},
	{SCHEMA_POOL, "check", offsetof(struct conf_pool, check.type), conf_set_check},
	{SCHEMA_POOL, "check_port", offsetof(struct conf_pool, check.port), conf_set_u16},
	{SCHEMA_POOL, "check_interval", offsetof(struct conf_pool, check.interval),
	 conf_set_duration},
	{SCHEMA_POOL, "check_timeout", offsetof(struct conf_pool, check.timeout),
	 conf_set_duration},
	{SCHEMA_POOL, "rise", offsetof(struct conf_pool, check.rise), conf_set_u32},
	{SCHEMA_POOL, "fall", offsetof(struct conf_pool, check.fall), conf_set_u32},
	{SCHEMA_POOL, "buckets", offsetof(struct conf_pool, buckets), conf_set_buckets},
	{SCHEMA_SERVICE, "vip", offsetof(struct conf_service, vip), conf_set_vip_name},
	{SCHEMA_SERVICE, "pool", offsetof(struct conf_service, pool), conf_set_pool_name},
	{SCHEMA_SERVICE, "profile", offsetof(struct conf_service, profile), conf_set_profile},
	{SCHEMA_SERVICE, "ports", offsetof(struct conf_service, port), conf_set_ports},
};

static void apply_default(struct build *b, const struct binding *bind, const struct schema_key *key,
			  void *object)
{
	struct raw_key raw = {.key = key, .line = b->section->line};
	struct raw_value value = {.line = b->section->line};

	STAILQ_INIT(&raw.values);
	memcpy(value.text, key->dflt, strlen(key->dflt));
	STAILQ_INSERT_TAIL(&raw.values, &value, entries);
	bind->set(b, &raw, object, bind->offset);
}

/** True when the key has a value, and only one unless it is a list; reports what is wrong. */
static bool has_value(struct build *b, const struct raw_key *key)
{
	const struct raw_value *first = STAILQ_FIRST(&key->values);
	const struct raw_value *second = first ? STAILQ_NEXT(first, entries) : NULL;
	char accepts[SCHEMA_ACCEPTS_MAX];

	if (!first)
		conf_report_error(b->report, key->line, "'%s' has no value; expected %s",
				  key->key->name, schema_accepts(key->key, accepts));
	else if (second && !schema_type_is_list(key->key->type))
		conf_report_error(b->report, second->line,
				  "this indented line continues '%s', which takes one value; start "
				  "a key in the first column",
				  key->key->name);
	else
		return true;
	b->section->bad = true;
	return false;
}

static void fill_object(struct build *b, void *object)
{
	for (size_t i = 0; i < sizeof(bindings) / sizeof(bindings[0]); i++) {
		const struct binding *bind = &bindings[i];

		if (bind->section != b->section->kind)
			continue;

		const struct schema_key *key = schema_find(bind->section, bind->key);
		const struct raw_key *raw = raw_section_find_key(b->section, bind->key);

		if (raw && has_value(b, raw)) {
			bind->set(b, raw, object, bind->offset);
		} else if (!raw && key->dflt) {
			apply_default(b, bind, key, object);
		} else if (!raw && key->required) {
			char accepts[SCHEMA_ACCEPTS_MAX];

			b->section->bad = true;
			conf_report_error(b->report, b->section->line,
					  "[%s%s%s] needs '%s'; add %s = %s",
					  schema_section_name(b->section->kind),
					  *b->section->name ? " " : "", b->section->name, key->name,
					  key->name, schema_accepts(key, accepts));
		}
	}
}

static size_t count_sections(const struct raw_conf *raw, enum schema_section kind)
{
	const struct raw_section *section;
	size_t n = 0;

	STAILQ_FOREACH (section, &raw->sections, entries)
		n += section->kind == kind;
	return n;
}

/** Never NULL for n == 0, so that empty tables need no special case. */
static void *alloc_table(struct build *b, size_t n, size_t size)
{
	void *table = calloc(n + 1, size);

	if (!table)
		b->report->out_of_memory = true;
	return table;
}

static bool alloc_tables(struct build *b)
{
	struct conf *c = b->conf;

	c->groups = alloc_table(b, count_sections(b->raw, SCHEMA_GROUP) + 1, sizeof(*c->groups));
	c->vips = alloc_table(b, count_sections(b->raw, SCHEMA_VIP), sizeof(*c->vips));
	c->pools = alloc_table(b, count_sections(b->raw, SCHEMA_POOL), sizeof(*c->pools));
	c->services = alloc_table(b, count_sections(b->raw, SCHEMA_SERVICE), sizeof(*c->services));
	return c->groups && c->vips && c->pools && c->services;
}

/** Makes the object of a section; NULL for a node too many. Each begins with its name. */
static void *new_object(struct build *b, const struct raw_section *section)
{
	struct conf *c = b->conf;

	switch (section->kind) {
	case SCHEMA_PAIR:
		return &c->pair;
	case SCHEMA_NODE:
		if (c->n_nodes == CONF_NODES_MAX)
			return NULL;
		c->nodes[c->n_nodes].line = section->line;
		return &c->nodes[c->n_nodes++];
	case SCHEMA_GROUP:
		c->groups[c->n_groups].line = section->line;
		return &c->groups[c->n_groups++];
	case SCHEMA_VIP:
		c->vips[c->n_vips].line = section->line;
		c->vips[c->n_vips].group = SIZE_MAX;
		return &c->vips[c->n_vips++];
	case SCHEMA_POOL:
		c->pools[c->n_pools].line = section->line;
		c->pools[c->n_pools].number = (uint16_t)(c->n_pools + 1);
		return &c->pools[c->n_pools++];
	case SCHEMA_SERVICE:
		c->services[c->n_services].line = section->line;
		c->services[c->n_services].vip = SIZE_MAX;
		c->services[c->n_services].pool = SIZE_MAX;
		return &c->services[c->n_services++];
	case SCHEMA_SECTION_N:
		break;
	}
	return NULL;
}

_Static_assert(offsetof(struct conf_node, name) == 0, "objects are filled by their name");
_Static_assert(offsetof(struct conf_group, name) == 0, "objects are filled by their name");
_Static_assert(offsetof(struct conf_vip, name) == 0, "objects are filled by their name");
_Static_assert(offsetof(struct conf_pool, name) == 0, "objects are filled by their name");
_Static_assert(offsetof(struct conf_service, name) == 0, "objects are filled by their name");

static void make_objects(struct build *b)
{
	struct raw_section *section;

	STAILQ_FOREACH (section, &b->raw->sections, entries) {
		section->object = new_object(b, section);
		if (!section->object)
			conf_report_error(b->report, section->line,
					  "[node %s] is the third node; a pair has two, remove one",
					  section->name);
		else if (section->kind != SCHEMA_PAIR)
			memcpy(section->object, section->name, sizeof(section->name));
	}
}

static bool has_key(const struct raw_section *section, const char *name)
{
	return section && raw_section_find_key(section, name);
}

static void derive_group(const struct build *b, struct conf_group *group)
{
	const struct raw_section *section = raw_conf_find_line(b->raw, group->line);

	if (!has_key(section, "preempt"))
		group->preempt = b->conf->pair.preempt;
	for (size_t i = 0; i < b->conf->n_nodes; i++)
		if (group->priority[i] == 0)
			group->priority[i] = b->conf->nodes[i].priority;
}

static void derive_ports(struct build *b, struct conf_service *service)
{
	struct raw_section *section = raw_conf_find_line(b->raw, service->line);
	const struct profile *profile = profile_find(service->profile);
	struct raw_key key = {.key = schema_find(SCHEMA_SERVICE, "ports"), .line = service->line};
	struct raw_value value = {.line = service->line};

	if (!profile || has_key(section, "ports"))
		return;
	STAILQ_INIT(&key.values);
	memcpy(value.text, profile->ports, strnlen(profile->ports, CONF_LINE_MAX));
	STAILQ_INSERT_TAIL(&key.values, &value, entries);
	b->section = section;
	conf_set_ports(b, &key, service, 0);
}

static const struct conf_service *first_service(const struct conf *conf, size_t pool)
{
	for (size_t i = 0; i < conf->n_services; i++)
		if (conf->services[i].pool == pool)
			return &conf->services[i];
	return NULL;
}

/** The wanted TCP port if the service has it, else its first one, else 0. */
static uint16_t tcp_port(const struct conf_service *service, uint16_t wanted)
{
	const struct port_range want = {wanted, wanted};
	uint16_t first = 0;

	for (size_t i = 0; i < service->n_ports; i++) {
		const struct conf_port *port = &service->port[i];

		if (port->proto != CONF_PROTO_TCP)
			continue;
		if (port_range_overlaps(&port->range, &want))
			return wanted;
		if (first == 0)
			first = port->range.first;
	}
	return first;
}

static void derive_check(const struct build *b, size_t index)
{
	struct conf_pool *pool = &b->conf->pools[index];
	const struct raw_section *section = raw_conf_find_line(b->raw, pool->line);
	const struct conf_service *service = first_service(b->conf, index);
	const struct profile *profile = service ? profile_find(service->profile) : NULL;

	if (!has_key(section, "check") && profile)
		pool->check.type = profile->check;
	if (!has_key(section, "check_port") && service && pool->check.type == CONF_CHECK_TCP)
		pool->check.port = tcp_port(service, profile ? profile->check_port : 0);
}

/* --- server numbers ----------------------------------------------------------------------------
 */

/* A server with the number that its identity asks for. */
struct claim {
	uint16_t wanted;
	const char *pool;
	struct conf_server *server;
};

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t len_bytes)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len_bytes; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3U; /* FNV-1a */
	return hash;
}

/** 1..CONF_SERVERS_MAX from pool name and address, nothing else. */
static uint16_t wanted_number(const char *pool, const struct addr *address)
{
	const uint8_t family = (uint8_t)address->family;
	uint64_t hash = hash_bytes(0xcbf29ce484222325U, pool, strlen(pool) + 1);

	hash = hash_bytes(hash, &family, sizeof(family));
	hash = hash_bytes(hash, address->bytes, sizeof(address->bytes));
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15U;
	return (uint16_t)((hash >> 32) % CONF_SERVERS_MAX + 1);
}

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a;
	const struct claim *y = b;
	int order = (x->wanted > y->wanted) - (x->wanted < y->wanted);

	if (order == 0)
		order = strcmp(x->pool, y->pool);
	return order != 0 ? order : addr_compare(&x->server->address, &y->server->address);
}

/** Each gets the first free number from the wanted one on; claims are sorted, at most all numbers.
 */
static void grant_numbers(const struct claim *claims, size_t n, bool *taken)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t number = claims[i].wanted;

		while (taken[number])
			number = (uint16_t)(number % CONF_SERVERS_MAX + 1);
		taken[number] = true;
		claims[i].server->number = number;
	}
}

static void number_servers(struct build *b)
{
	const struct conf *c = b->conf;
	size_t n = 0;

	for (size_t i = 0; i < c->n_pools; i++)
		n += c->pools[i].n_servers;
	if (n > CONF_SERVERS_MAX) {
		conf_report_error(b->report, 0, "there are %zu servers; at most %d fit in a mark",
				  n, CONF_SERVERS_MAX);
		return;
	}

	struct claim *claims = alloc_table(b, n, sizeof(*claims));
	bool *taken = alloc_table(b, CONF_SERVERS_MAX, sizeof(*taken));

	n = 0;
	for (size_t i = 0; claims && taken && i < c->n_pools; i++) {
		struct conf_pool *pool = &c->pools[i];

		for (size_t k = 0; k < pool->n_servers; k++)
			claims[n++] = (struct claim){
				.wanted = wanted_number(pool->name, &pool->servers[k].address),
				.pool = pool->name,
				.server = &pool->servers[k],
			};
	}
	if (n > 0) {
		qsort(claims, n, sizeof(*claims), compare_claims);
		grant_numbers(claims, n, taken);
	}
	free(claims);
	free(taken);
}

void conf_build(struct conf *conf, struct raw_conf *raw, struct conf_report *report)
{
	struct build b = {.conf = conf, .raw = raw, .report = report};
	struct raw_section no_pair = {.kind = SCHEMA_PAIR};
	struct raw_section *section;

	if (!alloc_tables(&b))
		return;
	make_objects(&b);
	STAILQ_INIT(&no_pair.keys);
	b.section = &no_pair;
	fill_object(&b, &conf->pair); /* defaults, for a file without [pair] */
	STAILQ_FOREACH (section, &raw->sections, entries) {
		b.section = section;
		if (section->object)
			fill_object(&b, section->object);
	}
	for (size_t i = 0; i < conf->n_groups; i++)
		derive_group(&b, &conf->groups[i]);
	for (size_t i = 0; i < conf->n_services; i++)
		derive_ports(&b, &conf->services[i]);
	for (size_t i = 0; i < conf->n_pools; i++)
		derive_check(&b, i);
	number_servers(&b);
}
