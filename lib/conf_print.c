// SPDX-License-Identifier: GPL-2.0-or-later
/* The canonical print: every value with its default, in the table's order, one form for each. */
#include "conf.h"

#include "conf_value.h"

#include <inttypes.h>

enum {
	KEY_WIDTH = 15, /* of the longest key, advert_interval */
};

static const char *yes_no(bool value)
{
	return value ? "yes" : "no";
}

static void print_duration(FILE *out, const char *key, mono value)
{
	int64_t ms = mono_to_ms(value);

	if (ms % 1000 == 0)
		fprintf(out, "%-*s = %" PRId64 "s\n", KEY_WIDTH, key, ms / 1000);
	else
		fprintf(out, "%-*s = %" PRId64 "ms\n", KEY_WIDTH, key, ms);
}

static void print_text(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%-*s = %s\n", KEY_WIDTH, key, value);
}

static void print_number(FILE *out, const char *key, unsigned value)
{
	fprintf(out, "%-*s = %u\n", KEY_WIDTH, key, value);
}

/** The key before the first entry of a list, an indent before the others. */
static void start_entry(FILE *out, const char *key, size_t index)
{
	if (index == 0)
		fprintf(out, "%-*s = ", KEY_WIDTH, key);
	else
		fprintf(out, "%*s", KEY_WIDTH + 3, "");
}

static void print_pair(FILE *out, const struct conf_pair *pair)
{
	fprintf(out, "[pair]\n");
	print_duration(out, "advert_interval", pair->advert_interval);
	print_text(out, "preempt", yes_no(pair->preempt));
	print_text(out, "virtual_mac", yes_no(pair->virtual_mac));
	print_text(out, "key_file", pair->key_file);
	print_number(out, "port", pair->pair_port);
	print_duration(out, "sync_wait", pair->sync_wait);
	fprintf(out, "%-*s = 0x%08" PRIx32 "\n", KEY_WIDTH, "hash_seed", pair->hash_seed);
}

static void print_node(FILE *out, const struct conf_node *node)
{
	char text[ADDR_STR_MAX];

	fprintf(out, "\n[node %s]\n", node->name);
	if (node->pair_address.family != ADDR_NONE)
		print_text(out, "pair_address",
			   addr_print(&node->pair_address, text, sizeof(text)));
	print_number(out, "priority", node->priority);
}

static void print_group(FILE *out, const struct conf *conf, const struct conf_group *group)
{
	fprintf(out, "\n[group %s]\n", group->name);
	print_text(out, "preempt", yes_no(group->preempt));
	/* On one line: "track=5" on a line of its own would be a key, for a node of such a name. */
	fprintf(out, "%-*s =", KEY_WIDTH, "priority");
	for (size_t i = 0; i < conf->n_nodes; i++)
		fprintf(out, " %s=%u", conf->nodes[i].name, group->priority[i]);
	fprintf(out, "\n");
	for (size_t i = 0; i < group->n_track; i++) {
		start_entry(out, "track", i);
		fprintf(out, "%s\n", group->track[i]);
	}
}

static void print_vip(FILE *out, const struct conf *conf, const struct conf_vip *vip)
{
	char text[PREFIX_STR_MAX];

	fprintf(out, "\n[vip %s]\n", vip->name);
	print_text(out, "interface", vip->interface);
	print_number(out, "vrid", vip->vrid);
	for (size_t i = 0; i < vip->n_addresses; i++) {
		start_entry(out, "address", i);
		fprintf(out, "%s\n", prefix_print(&vip->address[i], text, sizeof(text)));
	}
	print_text(out, "group", conf->groups[vip->group].name);
}

static void print_pool(FILE *out, const struct conf_pool *pool)
{
	char text[ADDR_STR_MAX];

	fprintf(out, "\n[pool %s]\n", pool->name);
	for (size_t i = 0; i < pool->n_servers; i++) {
		const struct conf_server *server = &pool->servers[i];

		start_entry(out, "server", i);
		fprintf(out, "%s %s weight=%u%s\n", server->name,
			addr_print(&server->address, text, sizeof(text)), server->weight,
			server->backup ? " backup" : "");
	}
	print_text(out, "check", conf_check_name(pool->check.type));
	if (pool->check.port != 0)
		print_number(out, "check_port", pool->check.port);
	print_duration(out, "check_interval", pool->check.interval);
	print_duration(out, "check_timeout", pool->check.timeout);
	print_number(out, "rise", pool->check.rise);
	print_number(out, "fall", pool->check.fall);
	print_number(out, "buckets", pool->buckets);
}

static void print_service(FILE *out, const struct conf *conf, const struct conf_service *service)
{
	char text[16];

	fprintf(out, "\n[service %s]\n", service->name);
	print_text(out, "vip", conf->vips[service->vip].name);
	print_text(out, "pool", conf->pools[service->pool].name);
	if (service->profile[0])
		print_text(out, "profile", service->profile);
	for (size_t i = 0; i < service->n_ports; i++) {
		start_entry(out, "ports", i);
		fprintf(out, "%s/%s\n", conf_proto_name(service->port[i].proto),
			port_range_print(&service->port[i].range, text, sizeof(text)));
	}
}

void conf_print(FILE *out, const struct conf *conf)
{
	print_pair(out, &conf->pair);
	for (size_t i = 0; i < conf->n_nodes; i++)
		print_node(out, &conf->nodes[i]);
	for (size_t i = 0; i < conf->n_groups; i++)
		print_group(out, conf, &conf->groups[i]);
	for (size_t i = 0; i < conf->n_vips; i++)
		print_vip(out, conf, &conf->vips[i]);
	for (size_t i = 0; i < conf->n_pools; i++)
		print_pool(out, &conf->pools[i]);
	for (size_t i = 0; i < conf->n_services; i++)
		print_service(out, conf, &conf->services[i]);
}
