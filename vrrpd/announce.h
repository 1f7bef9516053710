/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Telling the neighbours where a virtual address lives: gratuitous ARP frames (RFC 9568 6.4.1 with
 * errata 7947 and 7949, RFC 5227) and the schedule on which they are repeated. A core: the driver
 * asks what is due and sends it.
 */
#ifndef HA_ANNOUNCE_H
#define HA_ANNOUNCE_H

#include "vrrp.h"

enum {
	ANNOUNCE_FRAME_BYTES = 42, /**< Ethernet and ARP headers; drivers pad */
};

enum announce_form {
	ANNOUNCE_REQUEST, /**< what most neighbours expect */
	ANNOUNCE_REPLY,   /**< the only form some switches take */
	ANNOUNCE_FORM_N,
};

/** Progress through the schedule; zero value with next = never is "nothing to do". */
struct announce {
	mono start;    /**< instant of the first round */
	mono second;   /**< offset of the second round: ARP is answered from then on */
	unsigned done; /**< rounds sent */
	mono next;     /**< instant of the next round, or never */
};

/**
 * Starts the rounds at 0, `second`, 50, 200, 1000 and 5000 ms after now. A schedule that began
 * less than a second ago goes on instead: a flood of losing advertisements makes no flood of ARP.
 */
void announce_start(struct announce *a, mono second, mono now);
/** The former router is silent earlier than thought: the second round is due now. */
void announce_hasten(struct announce *a, mono now);
void announce_stop(struct announce *a);
/** True when a round is due; the caller then sends it. Rounds missed while late are merged. */
bool announce_due(struct announce *a, mono now) __attribute__((warn_unused_result));
/** One gratuitous ARP frame for address (IPv4) at the virtual MAC of vrid, to all stations. */
void announce_encode(uint8_t vrid, const struct addr *address, enum announce_form form,
		     uint8_t frame[static ANNOUNCE_FRAME_BYTES]);

#endif
