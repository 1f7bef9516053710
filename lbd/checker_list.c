// SPDX-License-Identifier: GPL-2.0-or-later
#include "checker_list.h"

#include <errno.h>
#include <stdlib.h>

enum {
	PATIENCE_MIN_MS =
		2000, /* besides interval and time-out: a busy machine is not a hung child */
};

uint16_t checker_port(const struct conf *conf, size_t pool)
{
	if (conf->pools[pool].check.port != 0)
		return conf->pools[pool].check.port;
	for (size_t i = 0; i < conf->n_services; i++) {
		const struct conf_service *service = &conf->services[i];
		if (service->pool != pool)
			continue;
		for (size_t p = 0; p < service->n_ports; p++) {
			if (service->port[p].proto == CONF_PROTO_TCP)
				return service->port[p].range.first;
		}
	}
	return 0;
}

static void add_pool(struct checker_list *list, const struct conf *conf, size_t pool,
		     const enum health_verdict *verdicts)
{
	const struct conf_pool *p = &conf->pools[pool];
	uint16_t port = checker_port(conf, pool);
	for (size_t i = 0; i < p->n_servers; i++) {
		const struct conf_server *server = &p->servers[i];
		list->subject[list->n++] = (struct checker_subject){
			.number = server->number,
			.port = port,
			.address = server->address,
			.health = {.interval = p->check.interval,
				   .rise = p->check.rise,
				   .fall = p->check.fall},
			.timeout = p->check.timeout,
			.verdict = verdicts != NULL ? verdicts[server->number] : HEALTH_UNKNOWN,
		};
	}
}

static int compare_numbers(const void *a, const void *b)
{
	const struct checker_subject *x = a;
	const struct checker_subject *y = b;
	return (x->number > y->number) - (x->number < y->number);
}

int checker_list_build(struct checker_list *list, const struct conf *conf,
		       const enum health_verdict *verdicts, struct log *log)
{
	size_t n = 0;
	for (size_t i = 0; i < conf->n_pools; i++)
		n += conf->pools[i].n_servers;
	*list = (struct checker_list){.subject = calloc(n + 1, sizeof(*list->subject))};
	if (list->subject == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < conf->n_pools; i++) {
		if (conf->pools[i].check.type == CONF_CHECK_NONE)
			continue;
		if (checker_port(conf, i) != 0)
			add_pool(list, conf, i, verdicts);
		else
			log_msg(log, LOG_LEVEL_WARN,
				"checker: pool=%s has no TCP port to check; set check_port or "
				"check = none",
				conf->pools[i].name);
	}
	qsort(list->subject, list->n, sizeof(*list->subject), compare_numbers);
	return 0;
}

void checker_list_fini(struct checker_list *list)
{
	free(list->subject);
	*list = (struct checker_list){0};
}

struct checker_subject *checker_list_find(const struct checker_list *list, uint16_t number)
{
	const struct checker_subject key = {.number = number};
	if (list->n == 0)
		return NULL;
	return bsearch(&key, list->subject, list->n, sizeof(key), compare_numbers);
}

bool checker_subject_equal(const struct checker_subject *a, const struct checker_subject *b)
{
	return a->number == b->number && a->port == b->port &&
	       addr_equal(&a->address, &b->address) &&
	       a->health.interval.ns == b->health.interval.ns && a->health.rise == b->health.rise &&
	       a->health.fall == b->health.fall && a->timeout.ns == b->timeout.ns;
}

mono checker_list_patience(const struct checker_list *list)
{
	mono patience = mono_never();
	for (size_t i = 0; i < list->n; i++) {
		const struct checker_subject *s = &list->subject[i];
		/* The interval is jittered by a tenth. */
		mono turn = mono_add(mono_from_ns(s->health.interval.ns / 10 * 11), s->timeout);
		patience = mono_min(patience, mono_add(turn, mono_from_ms(PATIENCE_MIN_MS)));
	}
	return patience;
}

/* --- packets --------------------------------------------------------------------------------- */

void checker_packet_fill(struct checker_packet *packet, const struct checker_list *list,
			 size_t sent)
{
	*packet = (struct checker_packet){.version = CHECKER_LIST_VERSION, .first = sent == 0};
	while (packet->count < CHECKER_PACKET_SUBJECTS && sent + packet->count < list->n) {
		packet->subject[packet->count] = list->subject[sent + packet->count];
		packet->count++;
	}
	packet->last = sent + packet->count == list->n;
}

size_t checker_packet_bytes(const struct checker_packet *packet)
{
	return offsetof(struct checker_packet, subject) +
	       packet->count * sizeof(packet->subject[0]);
}

static bool subject_is_valid(const struct checker_subject *s)
{
	return s->number != 0 && s->port != 0 && (unsigned)s->verdict < HEALTH_N &&
	       s->health.interval.ns > 0 && s->health.rise > 0 && s->health.fall > 0 &&
	       s->timeout.ns > 0 &&
	       (s->address.family == ADDR_IPV4 || s->address.family == ADDR_IPV6);
}

bool checker_packet_is_valid(const struct checker_packet *packet, size_t len_bytes)
{
	if (len_bytes < offsetof(struct checker_packet, subject) ||
	    packet->version != CHECKER_LIST_VERSION || packet->count > CHECKER_PACKET_SUBJECTS ||
	    len_bytes != checker_packet_bytes(packet))
		return false;
	for (size_t i = 0; i < packet->count; i++) {
		if (!subject_is_valid(&packet->subject[i]))
			return false;
	}
	return true;
}
