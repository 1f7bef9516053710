// SPDX-License-Identifier: GPL-2.0-or-later
#include "conf_set.h"

#include "conf_value.h"

#include <stdlib.h>
#include <string.h>

bool raw_words_next(struct raw_words *words, char word[static CONF_LINE_MAX + 1], int *line)
{
	while (words->value) {
		const char *text = words->value->text + words->at;
		size_t gap = strspn(text, " \t");
		size_t len = strcspn(text + gap, " \t");

		if (len > 0) {
			memcpy(word, text + gap, len);
			word[len] = '\0';
			*line = words->value->line;
			words->at += gap + len;
			return true;
		}
		words->value = STAILQ_NEXT(words->value, entries);
		words->at = 0;
	}
	return false;
}

static struct raw_words words_of(const struct raw_key *key)
{
	return (struct raw_words){.value = STAILQ_FIRST(&key->values)};
}

static void report_too_many(struct build *b, const struct raw_key *key, int line, int max)
{
	b->section->bad = true;
	conf_report_error(b->report, line, "'%s' takes at most %d entries", key->key->name, max);
}

/** Read as a host it would leave the network's other members without an answer: ask what is meant.
 */
static void refuse_bare_address(struct build *b, int line, const struct addr *a)
{
	bool ipv4 = a->family == ADDR_IPV4;
	char text[ADDR_STR_MAX];

	b->section->bad = true;
	addr_print(a, text, sizeof(text));
	conf_report_error(b->report, line,
			  "%s has no prefix length; write that of its network, such as %s/%d, or "
			  "%s/%d for an address without a network",
			  text, text, ipv4 ? 24 : 64, text, ipv4 ? 32 : 128);
}

void conf_set_addresses(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	struct conf_vip *vip = object;
	struct raw_words words = words_of(key);
	char word[CONF_LINE_MAX + 1];
	int line;

	(void)offset;
	while (raw_words_next(&words, word, &line)) {
		struct prefix p;

		if (vip->n_addresses == CONF_ADDRESSES_MAX) {
			report_too_many(b, key, line, CONF_ADDRESSES_MAX);
			return;
		}
		if (!prefix_parse(word, &p) || p.len_bits == 0 || !conf_value_is_host(&p.addr)) {
			conf_set_refuse(b, key, line, word);
		} else if (!strchr(word, '/')) {
			refuse_bare_address(b, line, &p.addr);
		} else {
			vip->address_line[vip->n_addresses] = line;
			vip->address[vip->n_addresses++] = p;
		}
	}
}

void conf_set_ports(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	struct conf_service *service = object;
	struct raw_words words = words_of(key);
	char word[CONF_LINE_MAX + 1];
	int line;

	(void)offset;
	while (raw_words_next(&words, word, &line)) {
		struct conf_port port;

		if (service->n_ports == CONF_PORTS_MAX) {
			report_too_many(b, key, line, CONF_PORTS_MAX);
			return;
		}
		if (conf_value_port(word, &port))
			service->port[service->n_ports++] = port;
		else
			conf_set_refuse(b, key, line, word);
	}
}

void conf_set_track(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	struct conf_group *group = object;
	struct raw_words words = words_of(key);
	char word[CONF_LINE_MAX + 1];
	int line;

	(void)offset;
	while (raw_words_next(&words, word, &line)) {
		if (group->n_track == CONF_TRACK_MAX) {
			report_too_many(b, key, line, CONF_TRACK_MAX);
			return;
		}
		if (conf_value_ifname(word, group->track[group->n_track]))
			group->track_line[group->n_track++] = line;
		else
			conf_set_refuse(b, key, line, word);
	}
}

void conf_set_priorities(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	const struct conf *c = b->conf;
	struct conf_group *group = object;
	struct raw_words words = words_of(key);
	char word[CONF_LINE_MAX + 1];
	int line;

	(void)offset;
	while (raw_words_next(&words, word, &line)) {
		char *equals = strchr(word, '=');
		int64_t priority;

		if (!equals || !conf_value_number(key->key, equals + 1, &priority)) {
			conf_set_refuse(b, key, line, word);
			continue;
		}
		*equals = '\0';

		size_t node = conf_set_find(c->nodes, c->n_nodes, sizeof(c->nodes[0]), word);

		if (node == SIZE_MAX || group->priority[node] != 0) {
			b->section->bad = true;
			conf_report_error(
				b->report, line,
				node == SIZE_MAX
					? "there is no [node %.40s]; add that section or "
					  "correct the name"
					: "node '%.40s' has two priorities here; remove one",
				word);
			continue;
		}
		group->priority[node] = (uint8_t)priority;
	}
}

/** One word behind NAME and ADDRESS. */
static bool set_server_option(struct conf_server *server, const char *word)
{
	int64_t weight;

	if (strcmp(word, "backup") == 0) {
		server->backup = true;
		return true;
	}
	if (strncmp(word, "weight=", 7) != 0 ||
	    !conf_value_integer(word + 7, 1, CONF_WEIGHT_MAX, &weight))
		return false;
	server->weight = (uint16_t)weight;
	return true;
}

/** One line: NAME ADDRESS [weight=N] [backup]. Returns false after reporting what is wrong. */
static bool set_server(struct build *b, const struct raw_key *key, const struct raw_value *value,
		       struct conf_server *server)
{
	struct raw_words words = {.value = value};
	char word[CONF_LINE_MAX + 1];
	int line = value->line;
	size_t n = 0;

	*server = (struct conf_server){.weight = 1, .line = value->line};
	for (; raw_words_next(&words, word, &line) && line == value->line; n++) {
		bool ok;

		if (n == 0 && (ok = conf_name_is_valid(word)))
			memcpy(server->name, word, strlen(word) + 1);
		else if (n == 1)
			ok = addr_parse(word, &server->address) &&
			     conf_value_is_host(&server->address);
		else
			ok = n > 1 && set_server_option(server, word);
		if (!ok) {
			conf_set_refuse(b, key, value->line, word);
			return false;
		}
	}
	if (n < 2)
		conf_set_refuse(b, key, value->line, value->text);
	return n >= 2;
}

void conf_set_servers(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	struct conf_pool *pool = object;
	const struct raw_value *value;
	size_t n = 0;

	(void)offset;
	STAILQ_FOREACH (value, &key->values, entries)
		n++;
	pool->servers = calloc(n, sizeof(*pool->servers));
	if (!pool->servers) {
		b->report->out_of_memory = true;
		return;
	}
	STAILQ_FOREACH (value, &key->values, entries)
		if (set_server(b, key, value, &pool->servers[pool->n_servers]))
			pool->n_servers++;
}
