// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The verdict about one server.
 */
#include "health.h"

static const int64_t doubt_ms = 1000;

void health_init(struct health *h, enum health_verdict verdict, mono due)
{
	*h = (struct health){.verdict = verdict, .due = due};
}

/* delay, give or take a tenth of it. */
static mono jittered(mono delay, uint32_t random)
{
	int64_t spread_ns = delay.ns / 10;
	int64_t permille = (int64_t)(random % 2001) - 1000;
	return mono_add(delay, mono_from_ns(spread_ns / 1000 * permille));
}

/* Outcomes in a row that make `success` the verdict. */
static unsigned needed(const struct health *h, const struct health_conf *conf, bool success)
{
	/* A server never judged serves at its first success; to condemn it takes as much as ever:
	 * one lost packet right after a start must not end the sessions it has. */
	if (success && h->verdict == HEALTH_UNKNOWN)
		return 1;
	return success ? conf->rise : conf->fall;
}

static void set_due(struct health *h, const struct health_conf *conf, mono now, uint32_t random)
{
	mono delay = conf->interval;
	if (h->against > 0)
		delay = mono_min(delay, mono_from_ms(doubt_ms));
	h->due = mono_add(now, jittered(delay, random));
}

bool health_step(struct health *h, const struct health_conf *conf, bool success, mono now,
		 uint32_t random)
{
	enum health_verdict word = success ? HEALTH_UP : HEALTH_DOWN;
	bool changed = false;
	if (word == h->verdict) {
		h->against = 0;
	} else {
		h->against++;
		changed = h->against >= needed(h, conf, success);
	}
	if (changed) {
		h->verdict = word;
		h->against = 0;
	}
	set_due(h, conf, now, random);
	return changed;
}

void health_pass(struct health *h, const struct health_conf *conf, mono now, uint32_t random)
{
	set_due(h, conf, now, random);
}

const char *health_verdict_name(enum health_verdict verdict)
{
	switch (verdict) {
	case HEALTH_UNKNOWN:
		return "unknown";
	case HEALTH_UP:
		return "up";
	case HEALTH_DOWN:
		return "down";
	case HEALTH_N:
		break;
	}
	return "?";
}
