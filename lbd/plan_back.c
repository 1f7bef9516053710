// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each server's ports are painted, one claim after the other, on an array of 65536 cells; runs of
 * equal cells become elements. It is dull, and no arrangement of overlaps can confuse it.
 */
#include "plan_back.h"

#include "plan_key.h"

#include <stdlib.h>
#include <string.h>

enum { PORTS_N = 65536 };

/* A cell holds 1 + index of the claiming address in `vips`, or one of these. */
static const uint32_t cell_free = 0;
static const uint32_t cell_contested = UINT32_MAX;

/* A service's pool and address as seen from a server. */
struct claim {
	struct addr server;
	struct addr vip;
	const struct conf_service *service;
};

struct claims {
	struct claim *claim;
	size_t n;
	size_t cap;
};

static bool claims_add(struct claims *claims, const struct claim *claim)
{
	if (claims->n == claims->cap) {
		size_t cap = claims->cap == 0 ? 64 : claims->cap * 2;
		struct claim *grown = reallocarray(claims->claim, cap, sizeof(*grown));
		if (grown == NULL)
			return false;
		claims->claim = grown;
		claims->cap = cap;
	}
	claims->claim[claims->n++] = *claim;
	return true;
}

static bool claims_of_service(struct claims *claims, const struct conf *conf,
			      const struct conf_service *service)
{
	const struct conf_vip *vip = &conf->vips[service->vip];
	const struct conf_pool *pool = &conf->pools[service->pool];
	for (size_t a = 0; a < vip->n_addresses; a++) {
		if (vip->address[a].addr.family != ADDR_IPV4)
			continue;
		for (size_t s = 0; s < pool->n_servers; s++) {
			if (pool->servers[s].address.family != ADDR_IPV4)
				continue;
			struct claim claim = {.server = pool->servers[s].address,
					      .vip = vip->address[a].addr,
					      .service = service};
			if (!claims_add(claims, &claim))
				return false;
		}
	}
	return true;
}

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a;
	const struct claim *y = b;
	int order = addr_compare(&x->server, &y->server);
	return order != 0 ? order : addr_compare(&x->vip, &y->vip);
}

static void paint(uint32_t *cells, const struct conf_service *service, uint32_t colour)
{
	for (size_t p = 0; p < service->n_ports; p++) {
		if (service->port[p].proto != CONF_PROTO_TCP)
			continue;
		for (uint32_t port = service->port[p].range.first;
		     port <= service->port[p].range.last; port++) {
			if (cells[port] == cell_free)
				cells[port] = colour;
			else if (cells[port] != colour)
				cells[port] = cell_contested;
		}
	}
}

/* Elements for the runs of one colour each. first: the server's claims, colours are 1 + index. */
static bool add_runs(struct plan_list *list, const uint32_t *cells, const struct claim *first)
{
	uint32_t port = 1;
	while (port < PORTS_N) {
		uint32_t colour = cells[port];
		uint32_t start = port;
		while (port < PORTS_N && cells[port] == colour)
			port++;
		if (colour == cell_free || colour == cell_contested)
			continue;
		struct plan_elem e = {0};
		plan_key_endpoint(e.key, &first->server, CONF_PROTO_TCP, (uint16_t)start);
		plan_key_endpoint(e.key_end, &first->server, CONF_PROTO_TCP, (uint16_t)(port - 1));
		plan_key_addr(e.data, &first[colour - 1].vip);
		if (!plan_list_add(list, &e))
			return false;
	}
	return true;
}

static bool add_all(struct plan_list *list, uint32_t *cells, const struct claims *claims)
{
	size_t at = 0;
	while (at < claims->n) {
		const struct claim *first = &claims->claim[at];
		memset(cells, 0, PORTS_N * sizeof(*cells));
		uint32_t colour = 1;
		for (size_t i = 0; at < claims->n; i++, at++) {
			const struct claim *claim = &claims->claim[at];
			if (!addr_equal(&claim->server, &first->server))
				break;
			/* Claims of one VIP are neighbours and share the colour of the first. */
			if (!addr_equal(&claim->vip, &first[colour - 1].vip))
				colour = (uint32_t)i + 1;
			paint(cells, claim->service, colour);
		}
		if (!add_runs(list, cells, first))
			return false;
	}
	return true;
}

bool plan_back_build(struct plan_list *list, const struct conf *conf)
{
	struct claims claims = {0};
	bool done = false;
	uint32_t *cells = calloc(PORTS_N, sizeof(*cells));
	if (cells == NULL)
		goto out;
	for (size_t i = 0; i < conf->n_services; i++) {
		if (!claims_of_service(&claims, conf, &conf->services[i]))
			goto out;
	}
	if (claims.n > 0)
		qsort(claims.claim, claims.n, sizeof(*claims.claim), compare_claims);
	done = add_all(list, cells, &claims);
out:
	free(cells);
	free(claims.claim);
	return done;
}
