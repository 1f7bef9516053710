// SPDX-License-Identifier: GPL-2.0-or-later
/* links: vrrpd/vrrp_pkt lib/cksum lib/wire lib/addr lib/mono */
/* Any bytes as a received IP packet; what is accepted must survive encoding and decoding again. */
#include "vrrpd/vrrp_pkt.h"

#include <assert.h>
#include <string.h>

enum {
	ETHERNET = 14,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const struct vrrp_pkt_accept *accept, const struct vrrp_advert *first)
{
	struct addr addresses[255];
	uint8_t frame[VRRP_PKT_FRAME_MAX];
	struct vrrp_advert again;

	for (size_t i = 0; i < first->n_addresses; i++)
		addresses[i] = addr_from_bytes(ADDR_IPV4, first->addresses + 4 * i);
	struct vrrp_pkt_advert advert = {
		.vrid = first->vrid,
		.priority = first->priority,
		.interval = first->interval,
		.source = first->source,
		.addresses = addresses,
		.n_addresses = first->n_addresses,
		.form = first->form,
	};
	size_t len = vrrp_pkt_encode(&advert, frame, sizeof(frame));

	assert(len > ETHERNET);
	enum vrrp_pkt_verdict verdict =
		vrrp_pkt_decode(accept, frame + ETHERNET, len - ETHERNET, &again);

	assert(verdict == VRRP_PKT_ACCEPTED);
	assert(again.vrid == first->vrid && again.priority == first->priority);
	assert(again.interval.ns == first->interval.ns);
	assert(again.n_addresses == first->n_addresses);
	assert(memcmp(again.addresses, first->addresses, 4 * first->n_addresses) == 0);
	(void)verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vrrp_pkt_accept accept = {.own_address = addr_from_ipv4(0x0a4d0002)};
	struct vrrp_advert advert;

	memset(accept.vrid, true, sizeof(accept.vrid));
	accept.vrid[0] = false;
	if (vrrp_pkt_decode(&accept, data, size, &advert) == VRRP_PKT_ACCEPTED)
		round_trip(&accept, &advert);
	return 0;
}
