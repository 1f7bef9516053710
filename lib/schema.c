// SPDX-License-Identifier: GPL-2.0-or-later
#include "schema.h"

#include "nearest.h"

#include <stdio.h>
#include <string.h>

struct section_text {
	const char *name;
	const char *help;
	bool named;
};

static const struct section_text sections[SCHEMA_SECTION_N] = {
	[SCHEMA_PAIR] = {"pair", "what both nodes share", false},
	[SCHEMA_NODE] = {"node", "one of the two gateways; NAME is its host name", true},
	[SCHEMA_GROUP] = {"group", "virtual addresses that move together", true},
	[SCHEMA_VIP] = {"vip", "one virtual router: its link, its VRID, its addresses", true},
	[SCHEMA_POOL] = {"pool", "servers with equal content, and how they are checked", true},
	[SCHEMA_SERVICE] = {"service", "ports of a virtual address that a pool serves", true},
};

static const struct schema_key table[] = {
	{.section = SCHEMA_PAIR,
	 .name = "advert_interval",
	 .type = SCHEMA_DURATION,
	 .dflt = "100ms",
	 .min = 10,
	 .max = 40950,
	 .step = 10,
	 .help = "time between two VRRP advertisements; a dead node is replaced after 3 to 4 of them"},
	{.section = SCHEMA_PAIR,
	 .name = "preempt",
	 .type = SCHEMA_BOOL,
	 .dflt = "no",
	 .help = "whether a node of higher priority takes over from a healthy one"},
	{.section = SCHEMA_PAIR,
	 .name = "virtual_mac",
	 .type = SCHEMA_BOOL,
	 .dflt = "yes",
	 .help = "whether the addresses use the virtual router's MAC address 00:00:5e:00:01:VRID"},
	{.section = SCHEMA_PAIR,
	 .name = "key_file",
	 .type = SCHEMA_PATH,
	 .dflt = "/etc/hapair/pair.key",
	 .help = "file with the secret of the pair link, the same on both nodes"},
	{.section = SCHEMA_PAIR,
	 .name = "port",
	 .type = SCHEMA_NUMBER,
	 .dflt = "4816",
	 .min = 1,
	 .max = 65535,
	 .help = "TCP port of the pair link"},
	{.section = SCHEMA_PAIR,
	 .name = "sync_wait",
	 .type = SCHEMA_DURATION,
	 .dflt = "30s",
	 .min = 0,
	 .max = 3600000,
	 .help = "longest time a returning node waits for the connections before it may preempt"},
	{.section = SCHEMA_PAIR,
	 .name = "hash_seed",
	 .type = SCHEMA_NUMBER,
	 .dflt = "0x5eed1234",
	 .min = 0,
	 .max = UINT32_MAX,
	 .help = "seed of the hash that assigns clients to servers"},

	{.section = SCHEMA_NODE,
	 .name = "pair_address",
	 .type = SCHEMA_ADDRESS,
	 .inherits = "none; required when there are two nodes",
	 .help = "the node's own address on the link between the two nodes"},
	{.section = SCHEMA_NODE,
	 .name = "priority",
	 .type = SCHEMA_NUMBER,
	 .dflt = "100",
	 .min = 1,
	 .max = 255,
	 .help = "VRRP priority; the higher one is preferred, so the nodes must differ"},

	{.section = SCHEMA_GROUP,
	 .name = "preempt",
	 .type = SCHEMA_BOOL,
	 .inherits = "preempt of [pair]",
	 .help = "as in [pair], for this group"},
	{.section = SCHEMA_GROUP,
	 .name = "priority",
	 .type = SCHEMA_PRIORITIES,
	 .inherits = "priority of each [node]",
	 .min = 1,
	 .max = 255,
	 .help = "priorities of the nodes in this group, such as gw1=100 gw2=200"},
	{.section = SCHEMA_GROUP,
	 .name = "track",
	 .type = SCHEMA_IFNAMES,
	 .inherits = "none",
	 .help = "links that must be up besides those of the group's own addresses"},

	{.section = SCHEMA_VIP,
	 .name = "interface",
	 .type = SCHEMA_IFNAME,
	 .required = true,
	 .help = "link that carries the addresses"},
	{.section = SCHEMA_VIP,
	 .name = "vrid",
	 .type = SCHEMA_NUMBER,
	 .min = 1,
	 .max = 255,
	 .required = true,
	 .help = "VRRP virtual router identifier, unique on the LAN"},
	{.section = SCHEMA_VIP,
	 .name = "address",
	 .type = SCHEMA_PREFIXES,
	 .required = true,
	 .help = "the virtual addresses with their prefix length"},
	{.section = SCHEMA_VIP,
	 .name = "group",
	 .type = SCHEMA_GROUP_NAME,
	 .dflt = "default",
	 .help = "the group the addresses move with"},

	{.section = SCHEMA_POOL,
	 .name = "server",
	 .type = SCHEMA_SERVERS,
	 .required = true,
	 .help = "the servers, one a line: NAME ADDRESS [weight=N] [backup]"},
	{.section = SCHEMA_POOL,
	 .name = "check",
	 .type = SCHEMA_ENUM,
	 .values = "tcp none",
	 .inherits = "check of the first service's profile, else tcp",
	 .help = "how servers are judged: tcp connects to check_port, none calls them always up"},
	{.section = SCHEMA_POOL,
	 .name = "check_port",
	 .type = SCHEMA_NUMBER,
	 .inherits = "port of the first service's profile, else its first TCP port",
	 .min = 1,
	 .max = 65535,
	 .help = "port the check connects to"},
	{.section = SCHEMA_POOL,
	 .name = "check_interval",
	 .type = SCHEMA_DURATION,
	 .dflt = "5s",
	 .min = 100,
	 .max = 3600000,
	 .help = "time between two checks of one server"},
	{.section = SCHEMA_POOL,
	 .name = "check_timeout",
	 .type = SCHEMA_DURATION,
	 .dflt = "3s",
	 .min = 10,
	 .max = 60000,
	 .help = "time after which a check without answer has failed"},
	{.section = SCHEMA_POOL,
	 .name = "rise",
	 .type = SCHEMA_NUMBER,
	 .dflt = "2",
	 .min = 1,
	 .max = 100,
	 .help = "successful checks in a row until a server that was down is used again"},
	{.section = SCHEMA_POOL,
	 .name = "fall",
	 .type = SCHEMA_NUMBER,
	 .dflt = "2",
	 .min = 1,
	 .max = 100,
	 .help = "failed checks in a row until a server is no longer used"},
	{.section = SCHEMA_POOL,
	 .name = "buckets",
	 .type = SCHEMA_NUMBER,
	 .dflt = "1021",
	 .min = 13,
	 .max = 65521,
	 .help = "size of the pool's hash table, a prime number"},

	{.section = SCHEMA_SERVICE,
	 .name = "vip",
	 .type = SCHEMA_VIP_NAME,
	 .required = true,
	 .help = "the [vip] whose addresses clients connect to"},
	{.section = SCHEMA_SERVICE,
	 .name = "pool",
	 .type = SCHEMA_POOL_NAME,
	 .required = true,
	 .help = "the [pool] that serves the connections"},
	{.section = SCHEMA_SERVICE,
	 .name = "profile",
	 .type = SCHEMA_PROFILE,
	 .inherits = "none; required without ports",
	 .help = "named set of ports and check for a well-known service"},
	{.section = SCHEMA_SERVICE,
	 .name = "ports",
	 .type = SCHEMA_PORTS,
	 .inherits = "the profile's ports",
	 .help = "ports of the service, such as tcp/443 or udp/6005-65535"},
};

enum {
	TABLE_N = sizeof(table) / sizeof(table[0]),
};

const char *schema_section_name(enum schema_section section)
{
	return sections[section].name;
}

bool schema_section_is_named(enum schema_section section)
{
	return sections[section].named;
}

const char *schema_section_help(enum schema_section section)
{
	return sections[section].help;
}

enum schema_section schema_section_find(const char *name)
{
	for (unsigned i = 0; i < SCHEMA_SECTION_N; i++)
		if (strcmp(sections[i].name, name) == 0)
			return (enum schema_section)i;
	return SCHEMA_SECTION_N;
}

const struct schema_key *schema_table(size_t *n)
{
	*n = TABLE_N;
	return table;
}

const struct schema_key *schema_find(enum schema_section section, const char *name)
{
	for (size_t i = 0; i < TABLE_N; i++)
		if (table[i].section == section && strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

enum schema_section schema_section_having(const char *name, enum schema_section not_in)
{
	for (size_t i = 0; i < TABLE_N; i++)
		if (table[i].section != not_in && strcmp(table[i].name, name) == 0)
			return table[i].section;
	return SCHEMA_SECTION_N;
}

const struct schema_key *schema_nearest(enum schema_section section, const char *word)
{
	struct nearest best = {0};

	for (size_t i = 0; i < TABLE_N; i++)
		if (table[i].section == section)
			nearest_offer(&best, word, table[i].name);
	return best.word ? schema_find(section, best.word) : NULL;
}

enum schema_section schema_section_nearest(const char *word)
{
	struct nearest best = {0};

	for (unsigned i = 0; i < SCHEMA_SECTION_N; i++)
		nearest_offer(&best, word, sections[i].name);
	return best.word ? schema_section_find(best.word) : SCHEMA_SECTION_N;
}

static const char *const type_names[SCHEMA_TYPE_N] = {
	[SCHEMA_BOOL] = "yes or no",
	[SCHEMA_DURATION] = "duration",
	[SCHEMA_NUMBER] = "number",
	[SCHEMA_PATH] = "file name",
	[SCHEMA_IFNAME] = "interface",
	[SCHEMA_IFNAMES] = "list of interfaces",
	[SCHEMA_ADDRESS] = "address",
	[SCHEMA_PREFIXES] = "list of addresses",
	[SCHEMA_SERVERS] = "list of servers",
	[SCHEMA_PORTS] = "list of ports",
	[SCHEMA_PRIORITIES] = "list of priorities",
	[SCHEMA_ENUM] = "word",
	[SCHEMA_PROFILE] = "profile name",
	[SCHEMA_VIP_NAME] = "vip name",
	[SCHEMA_POOL_NAME] = "pool name",
	[SCHEMA_GROUP_NAME] = "group name",
};

const char *schema_type_name(enum schema_type type)
{
	return type_names[type];
}

bool schema_type_is_list(enum schema_type type)
{
	return type == SCHEMA_IFNAMES || type == SCHEMA_PREFIXES || type == SCHEMA_SERVERS ||
	       type == SCHEMA_PORTS || type == SCHEMA_PRIORITIES;
}

/** "40950ms", "5s", "1h": the largest unit that divides it. */
static void print_duration(int64_t ms, char buf[24])
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
	size_t i = 0;

	while (ms == 0 ? units[i].ms != 1000 : ms % units[i].ms != 0)
		i++;
	snprintf(buf, 24, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
}

static void range_duration(const struct schema_key *key, char buf[SCHEMA_ACCEPTS_MAX])
{
	char min[24], max[24], step[24];

	print_duration(key->min, min);
	print_duration(key->max, max);
	print_duration(key->step, step);
	snprintf(buf, SCHEMA_ACCEPTS_MAX, "%s to %s%s%s", min, max,
		 key->step > 1 ? " in steps of " : "", key->step > 1 ? step : "");
}

static void range_words(const char *words, char buf[SCHEMA_ACCEPTS_MAX])
{
	size_t n = 0;

	for (const char *w = words; *w && n + 8 < SCHEMA_ACCEPTS_MAX; w++) {
		if (*w == ' ') {
			memcpy(buf + n, " or ", 4);
			n += 4;
		} else {
			buf[n++] = *w;
		}
	}
	buf[n] = '\0';
}

const char *schema_range(const struct schema_key *key, char buf[SCHEMA_ACCEPTS_MAX])
{
	buf[0] = '\0';
	if (key->type == SCHEMA_DURATION)
		range_duration(key, buf);
	else if (key->type == SCHEMA_ENUM)
		range_words(key->values, buf);
	else if (key->min != key->max)
		snprintf(buf, SCHEMA_ACCEPTS_MAX, "%lld to %lld", (long long)key->min,
			 (long long)key->max);
	return buf;
}

/** What stands before the range, which some types have. */
static const char *const accepts_texts[SCHEMA_TYPE_N] = {
	[SCHEMA_BOOL] = "yes or no",
	[SCHEMA_DURATION] = "a duration with its unit (ms, s, m, h) from ",
	[SCHEMA_NUMBER] = "a number from ",
	[SCHEMA_PATH] = "an absolute file name without spaces, up to 180 bytes",
	[SCHEMA_IFNAME] = "the name of a network interface, up to 15 characters",
	[SCHEMA_IFNAMES] = "names of network interfaces, separated by spaces",
	[SCHEMA_ADDRESS] = "an IPv4 or IPv6 address such as 192.168.99.1",
	[SCHEMA_PREFIXES] = "addresses with prefix length such as 192.0.2.10/24",
	[SCHEMA_SERVERS] = "NAME ADDRESS [weight=1..256] [backup], one server a line",
	[SCHEMA_PORTS] = "protocol/port or protocol/first-last, such as tcp/443 or udp/6005-65535",
	[SCHEMA_PRIORITIES] = "NODE=PRIORITY for each node, priorities from ",
	[SCHEMA_ENUM] = "",
	[SCHEMA_PROFILE] = "the name of a profile listed in hapair.conf(5)",
	[SCHEMA_VIP_NAME] = "the NAME of a [vip NAME] section",
	[SCHEMA_POOL_NAME] = "the NAME of a [pool NAME] section",
	[SCHEMA_GROUP_NAME] = "the NAME of a [group NAME] section, or default",
};

const char *schema_accepts(const struct schema_key *key, char buf[SCHEMA_ACCEPTS_MAX])
{
	char range[SCHEMA_ACCEPTS_MAX];

	/* The longest text and the longest range together stay below half of the buffer. */
	snprintf(buf, SCHEMA_ACCEPTS_MAX, "%.90s%.90s", accepts_texts[key->type],
		 schema_range(key, range));
	return buf;
}
