// SPDX-License-Identifier: GPL-2.0-or-later
#include "announce.h"

#include "wire.h"

enum {
	N_ROUNDS = 6,
	SECOND_ROUND = 1,
	ETHERTYPE_ARP = 0x0806,
	ARP_HARDWARE_ETHERNET = 1,
	ARP_PROTOCOL_IPV4 = 0x0800,
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
};

static mono round_at(const struct announce *a, unsigned round)
{
	/* Lost frames and switches that are still learning: try again at growing distances. */
	static const int64_t offset_ms[N_ROUNDS] = {0, 0, 50, 200, 1000, 5000};

	if (round >= N_ROUNDS)
		return mono_never();
	mono offset = mono_from_ms(offset_ms[round]);

	/* While ARP is not answered yet, the rounds wait for it too. */
	return mono_add(a->start, round == 0 ? offset : mono_max(a->second, offset));
}

void announce_start(struct announce *a, mono second, mono now)
{
	if (!mono_is_never(a->next) && mono_before(now, mono_add(a->start, mono_from_s(1))))
		return;
	*a = (struct announce){.start = now, .second = second, .next = now};
}

void announce_hasten(struct announce *a, mono now)
{
	if (mono_is_never(a->next) || a->done > SECOND_ROUND)
		return;
	a->second = mono_min(a->second, mono_sub(now, a->start));
	a->next = mono_min(a->next, now);
}

void announce_stop(struct announce *a)
{
	a->next = mono_never();
}

bool announce_due(struct announce *a, mono now)
{
	if (!mono_reached(a->next, now))
		return false;
	while (mono_reached(a->next, now))
		a->next = round_at(a, ++a->done);
	return true;
}

void announce_encode(uint8_t vrid, const struct addr *address, enum announce_form form,
		     uint8_t frame[static ANNOUNCE_FRAME_BYTES])
{
	static const uint8_t broadcast[VRRP_MAC_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint8_t mac[VRRP_MAC_LEN];
	struct wire_writer w;

	vrrp_mac_ipv4(vrid, mac);
	wire_writer_init(&w, frame, ANNOUNCE_FRAME_BYTES);
	wire_put_bytes(&w, broadcast, sizeof(broadcast));
	wire_put_bytes(&w, mac, sizeof(mac));
	wire_put_u16(&w, ETHERTYPE_ARP);
	wire_put_u16(&w, ARP_HARDWARE_ETHERNET);
	wire_put_u16(&w, ARP_PROTOCOL_IPV4);
	wire_put_u8(&w, VRRP_MAC_LEN);
	wire_put_u8(&w, 4);
	wire_put_u16(&w, form == ANNOUNCE_REPLY ? ARP_REPLY : ARP_REQUEST);
	wire_put_bytes(&w, mac, sizeof(mac));
	wire_put_u32(&w, addr_to_ipv4(address));
	/* Errata 7947 and 7949: the virtual MAC is the target hardware address too. */
	wire_put_bytes(&w, mac, sizeof(mac));
	wire_put_u32(&w, addr_to_ipv4(address));
}
