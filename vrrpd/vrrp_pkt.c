// SPDX-License-Identifier: GPL-2.0-or-later
#include "vrrp_pkt.h"

#include "cksum.h"
#include "wire.h"

#include <assert.h>

enum {
	IP_HEADER_BYTES = 20,
	IP_MORE_FRAGMENTS = 0x2000,
	IP_DONT_FRAGMENT = 0x4000,
	IP_OFFSET_MASK = 0x1fff,
	IP_TOS_NETWORK_CONTROL = 0xc0, /* not in the RFC; every implementation does it */
	VRRP_HEADER_BYTES = 8,
	VRRP_TYPE_ADVERTISEMENT = 1,
	ETHERTYPE_IPV4 = 0x0800,
};

static const uint32_t vrrp_group_ipv4 = 0xe0000012; /* 224.0.0.18 */

/** The parts of an IP packet the VRRP checks need. */
struct ip_packet {
	struct addr source;
	struct addr destination;
	const uint8_t *payload;
	size_t payload_bytes;
};

static enum vrrp_pkt_verdict decode_ip(const uint8_t *packet, size_t len_bytes,
				       struct ip_packet *out)
{
	struct wire_reader r;

	wire_reader_init(&r, packet, len_bytes);
	uint8_t version_length = wire_get_u8(&r);
	size_t header_bytes = (version_length & 0xfU) * 4;

	wire_skip(&r, 1);
	size_t total_bytes = wire_get_u16(&r);

	wire_skip(&r, 2);
	uint16_t fragment = wire_get_u16(&r);
	uint8_t ttl = wire_get_u8(&r);
	uint8_t protocol = wire_get_u8(&r);

	wire_skip(&r, 2);
	out->source = addr_from_ipv4(wire_get_u32(&r));
	out->destination = addr_from_ipv4(wire_get_u32(&r));
	if (!wire_reader_ok(&r) || version_length >> 4 != 4 || header_bytes < IP_HEADER_BYTES ||
	    header_bytes > len_bytes)
		return VRRP_PKT_IP_HEADER;
	if (cksum_fold(cksum_add(0, packet, header_bytes)) != 0)
		return VRRP_PKT_IP_CHECKSUM;
	if (fragment & (IP_MORE_FRAGMENTS | IP_OFFSET_MASK))
		return VRRP_PKT_IP_FRAGMENT;
	if (protocol != VRRP_IP_PROTOCOL)
		return VRRP_PKT_IP_PROTOCOL;
	if (addr_to_ipv4(&out->destination) != vrrp_group_ipv4)
		return VRRP_PKT_DESTINATION;
	if (ttl != VRRP_TTL)
		return VRRP_PKT_TTL;
	/* The IP length counts, not the buffer's: short frames arrive padded. */
	if (total_bytes > len_bytes || total_bytes < header_bytes + VRRP_HEADER_BYTES)
		return VRRP_PKT_LENGTH;
	out->payload = packet + header_bytes;
	out->payload_bytes = total_bytes - header_bytes;
	return VRRP_PKT_ACCEPTED;
}

static bool checksum_matches(const struct ip_packet *ip, enum vrrp_checksum_form *form)
{
	uint32_t message = cksum_add(0, ip->payload, ip->payload_bytes);
	uint32_t pseudo = cksum_add_pseudo(message, &ip->source, &ip->destination, VRRP_IP_PROTOCOL,
					   (uint32_t)ip->payload_bytes);

	if (cksum_fold(pseudo) == 0)
		*form = VRRP_CHECKSUM_PSEUDO;
	else if (cksum_fold(message) == 0)
		*form = VRRP_CHECKSUM_RFC9568;
	else
		return false;
	return true;
}

enum vrrp_pkt_verdict vrrp_pkt_decode(const struct vrrp_pkt_accept *accept, const void *packet,
				      size_t len_bytes, struct vrrp_advert *out)
{
	struct ip_packet ip;
	enum vrrp_pkt_verdict verdict = decode_ip(packet, len_bytes, &ip);

	if (verdict != VRRP_PKT_ACCEPTED)
		return verdict;
	struct wire_reader r;

	wire_reader_init(&r, ip.payload, ip.payload_bytes);
	uint8_t version_type = wire_get_u8(&r);
	struct vrrp_advert advert = {.source = ip.source};

	advert.vrid = wire_get_u8(&r);
	advert.priority = wire_get_u8(&r);
	advert.n_addresses = wire_get_u8(&r);
	uint16_t interval_cs = wire_get_u16(&r) & VRRP_INTERVAL_MAX_CS;

	wire_skip(&r, 2);
	if (version_type >> 4 != VRRP_VERSION)
		return VRRP_PKT_VERSION;
	if ((version_type & 0xf) != VRRP_TYPE_ADVERTISEMENT)
		return VRRP_PKT_TYPE;
	/* The size depends on the version, hence only now. */
	if (wire_left_bytes(&r) != advert.n_addresses * 4)
		return VRRP_PKT_LENGTH;
	if (!checksum_matches(&ip, &advert.form))
		return VRRP_PKT_CHECKSUM;
	if (!accept->vrid[advert.vrid])
		return VRRP_PKT_VRID;
	if (advert.n_addresses == 0)
		return VRRP_PKT_COUNT_ZERO;
	if (interval_cs == 0)
		return VRRP_PKT_INTERVAL_ZERO;
	if (addr_equal(&ip.source, &accept->own_address))
		return VRRP_PKT_OWN_ADDRESS;
	advert.interval = mono_from_cs(interval_cs);
	advert.addresses = wire_get_view(&r, advert.n_addresses * 4);
	*out = advert;
	return VRRP_PKT_ACCEPTED;
}

static void put_ethernet(struct wire_writer *w, uint8_t vrid)
{
	static const uint8_t group_mac[VRRP_MAC_LEN] = {0x01, 0x00, 0x5e, 0x00, 0x00, 0x12};
	uint8_t virtual_mac[VRRP_MAC_LEN];

	vrrp_mac_ipv4(vrid, virtual_mac);
	wire_put_bytes(w, group_mac, sizeof(group_mac));
	wire_put_bytes(w, virtual_mac, sizeof(virtual_mac));
	wire_put_u16(w, ETHERTYPE_IPV4);
}

static void put_ip(struct wire_writer *w, const struct addr *source, size_t payload_bytes)
{
	size_t start = w->at;

	wire_put_u8(w, 0x45);
	wire_put_u8(w, IP_TOS_NETWORK_CONTROL);
	wire_put_u16(w, (uint16_t)(IP_HEADER_BYTES + payload_bytes));
	wire_put_u16(w, 0); /* identification: without meaning in a packet never fragmented */
	wire_put_u16(w, IP_DONT_FRAGMENT);
	wire_put_u8(w, VRRP_TTL);
	wire_put_u8(w, VRRP_IP_PROTOCOL);
	wire_put_u16(w, 0);
	wire_put_u32(w, addr_to_ipv4(source));
	wire_put_u32(w, vrrp_group_ipv4);
	if (wire_writer_ok(w))
		wire_patch_u16(w, start + 10,
			       cksum_fold(cksum_add(0, w->data + start, IP_HEADER_BYTES)));
}

static void put_message(struct wire_writer *w, const struct vrrp_pkt_advert *advert)
{
	size_t start = w->at;

	wire_put_u8(w, VRRP_VERSION << 4 | VRRP_TYPE_ADVERTISEMENT);
	wire_put_u8(w, advert->vrid);
	wire_put_u8(w, advert->priority);
	wire_put_u8(w, (uint8_t)advert->n_addresses);
	wire_put_u16(w, (uint16_t)mono_to_cs(advert->interval));
	wire_put_u16(w, 0);
	for (size_t i = 0; i < advert->n_addresses; i++)
		wire_put_u32(w, addr_to_ipv4(&advert->addresses[i]));
	if (!wire_writer_ok(w))
		return;
	size_t len_bytes = w->at - start;
	uint32_t sum = cksum_add(0, w->data + start, len_bytes);
	struct addr group = addr_from_ipv4(vrrp_group_ipv4);

	if (advert->form == VRRP_CHECKSUM_PSEUDO)
		sum = cksum_add_pseudo(sum, &advert->source, &group, VRRP_IP_PROTOCOL,
				       (uint32_t)len_bytes);
	wire_patch_u16(w, start + 6, cksum_fold(sum));
}

size_t vrrp_pkt_encode(const struct vrrp_pkt_advert *advert, uint8_t *frame, size_t cap_bytes)
{
	struct wire_writer w;

	assert(advert->n_addresses >= 1 && advert->n_addresses <= 255);
	assert(mono_to_cs(advert->interval) >= 1 &&
	       mono_to_cs(advert->interval) <= VRRP_INTERVAL_MAX_CS);
	wire_writer_init(&w, frame, cap_bytes);
	put_ethernet(&w, advert->vrid);
	put_ip(&w, &advert->source, VRRP_HEADER_BYTES + 4 * advert->n_addresses);
	put_message(&w, advert);
	return wire_writer_ok(&w) ? w.at : 0;
}

const char *vrrp_pkt_verdict_name(enum vrrp_pkt_verdict verdict)
{
	static const char *const names[VRRP_PKT_VERDICT_N] = {
		[VRRP_PKT_ACCEPTED] = "accepted",
		[VRRP_PKT_IP_HEADER] = "ip_header",
		[VRRP_PKT_IP_CHECKSUM] = "ip_checksum",
		[VRRP_PKT_IP_FRAGMENT] = "ip_fragment",
		[VRRP_PKT_IP_PROTOCOL] = "ip_protocol",
		[VRRP_PKT_DESTINATION] = "destination",
		[VRRP_PKT_TTL] = "ttl",
		[VRRP_PKT_LENGTH] = "length",
		[VRRP_PKT_VERSION] = "version",
		[VRRP_PKT_TYPE] = "type",
		[VRRP_PKT_CHECKSUM] = "checksum",
		[VRRP_PKT_VRID] = "vrid",
		[VRRP_PKT_COUNT_ZERO] = "count_zero",
		[VRRP_PKT_INTERVAL_ZERO] = "interval_zero",
		[VRRP_PKT_OWN_ADDRESS] = "own_address",
	};

	return names[verdict];
}
