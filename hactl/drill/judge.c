// SPDX-License-Identifier: GPL-2.0-or-later
#include "judge.h"

#include <assert.h>

static bool is_served(const struct judge_probe *p, mono late)
{
	return p->answered.ns != 0 && p->answered.ns - p->sent.ns <= late.ns;
}

static void take_longer(struct judge_outage *o, mono from, mono until, bool recovered)
{
	if (until.ns - from.ns <= o->longest.ns)
		return;
	*o = (struct judge_outage){.longest = mono_sub(until, from),
				   .from = from,
				   .until = until,
				   .recovered = recovered};
}

struct judge_outage judge_outage(const struct judge_probe *probe, size_t n, mono from, mono late)
{
	struct judge_outage o = {.recovered = true};
	mono last = from;
	size_t unanswered = 0; /* since the last answered one */

	for (size_t i = 0; i < n; i++) {
		if (probe[i].sent.ns < from.ns)
			continue;
		if (!is_served(&probe[i], late)) {
			unanswered++;
			continue;
		}
		if (unanswered > 0)
			take_longer(&o, last, probe[i].sent, true);
		last = probe[i].sent;
		unanswered = 0;
	}
	if (unanswered > 0)
		take_longer(&o, last, probe[n - 1].sent, false);
	return o;
}

struct judge_outage judge_with_handover(struct judge_outage outage, mono last, mono first)
{
	/* Answers one probe apart are as good as service can be measured. */
	if (last.ns != 0 && first.ns - last.ns > 2 * MONO_NS_PER_MS)
		take_longer(&outage, last, first, outage.recovered);
	return outage;
}

mono judge_blind(const struct judge_probe *probe, size_t n, const mono span[static 2], mono *at)
{
	mono longest = mono_zero();

	*at = span[0];
	for (size_t i = 1; i < n; i++) {
		mono pause = mono_sub(probe[i].sent, probe[i - 1].sent);

		if (probe[i].sent.ns < span[0].ns || probe[i].sent.ns >= span[1].ns ||
		    pause.ns <= longest.ns)
			continue;
		longest = pause;
		*at = probe[i - 1].sent;
	}
	return longest;
}

static bool is_by(const struct judge_probe *p, unsigned gateway)
{
	return ((p->echo_by | p->arp_by | p->direct_by) >> gateway & 1) != 0;
}

static bool is_arp_by(const struct judge_probe *p, unsigned gateway)
{
	return (p->arp_by >> gateway & 1) != 0;
}

static bool is_silent(const struct judge_probe *p)
{
	return (p->echo_by | p->arp_by | p->direct_by) == 0;
}

size_t judge_answers_of(const struct judge_probe *probe, size_t n, unsigned gateway,
			const mono span[static 2])
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (probe[i].sent.ns >= span[0].ns && probe[i].sent.ns < span[1].ns &&
		    is_by(&probe[i], gateway))
			count++;
	return count;
}

/* The old owner answered this probe, and the new one has answered since `first_new`. */
static bool is_late(const struct judge_probe *p, const struct judge_move *move, mono first_new,
		    bool new_arp)
{
	if (move->crash)
		return true;
	if (new_arp && is_arp_by(p, move->from))
		return true;
	return p->sent.ns - first_new.ns > move->overlap_max.ns;
}

struct judge_owners judge_owners(const struct judge_probe *probe, size_t n,
				 const struct judge_move *move)
{
	struct judge_owners o = {.first_new = judge_first_answer(probe, n, move->to, move->begin)};
	bool new_arp = false;

	if (o.first_new.ns >= move->end.ns)
		o.first_new = mono_zero();
	o.last_old =
		judge_last_answer(probe, n, move->from, o.first_new.ns ? o.first_new : move->end);
	for (size_t i = 0; i < n && o.first_new.ns != 0; i++) {
		const struct judge_probe *p = &probe[i];

		if (p->sent.ns > o.last_old.ns && p->sent.ns < o.first_new.ns)
			o.gap = o.gap || is_silent(p);
		if (p->sent.ns < o.first_new.ns || p->sent.ns >= move->end.ns)
			continue;
		new_arp = new_arp || is_arp_by(p, move->to);
		if (!is_by(p, move->from))
			continue;
		if (is_late(p, move, o.first_new, new_arp)) {
			o.late++;
			o.late_until = p->sent;
		} else {
			o.overlap = mono_sub(p->sent, o.first_new);
		}
	}
	return o;
}

mono judge_last_answer(const struct judge_probe *probe, size_t n, unsigned gateway, mono end)
{
	mono last = mono_zero();

	for (size_t i = 0; i < n && probe[i].sent.ns < end.ns; i++)
		if (is_by(&probe[i], gateway))
			last = probe[i].sent;
	return last;
}

mono judge_first_answer(const struct judge_probe *probe, size_t n, unsigned gateway, mono begin)
{
	for (size_t i = 0; i < n; i++)
		if (probe[i].sent.ns >= begin.ns && is_by(&probe[i], gateway))
			return probe[i].sent;
	return mono_zero();
}

bool judge_session_settled(const struct judge_session *s)
{
	return s->requested == s->answered && s->notified == s->received &&
	       s->received == s->acknowledged;
}

bool judge_session_alive(const struct judge_session *s, mono restored)
{
	return s->opened && s->broken == JUDGE_WHOLE && s->last_answer.ns > restored.ns &&
	       s->last_notification.ns > restored.ns;
}

static void count_hung(struct judge_sessions *sum, const struct judge_session *s, mono restored)
{
	sum->hung++;
	if (s->requested != s->answered || s->last_answer.ns <= restored.ns)
		sum->hung_client++;
	if (s->notified != s->received || s->received != s->acknowledged ||
	    s->last_notification.ns <= restored.ns)
		sum->hung_server++;
}

struct judge_sessions judge_sessions(const struct judge_session *s, size_t n, mono restored)
{
	struct judge_sessions sum = {0};

	for (size_t i = 0; i < n; i++) {
		if (s[i].broken != JUDGE_WHOLE && s[i].broken < JUDGE_BREAK_N)
			sum.broken[s[i].broken]++;
		if (!s[i].opened)
			continue;
		sum.opened++;
		if (judge_session_alive(&s[i], restored) && judge_session_settled(&s[i]))
			sum.survived++;
		else if (s[i].broken == JUDGE_WHOLE)
			count_hung(&sum, &s[i], restored);
	}
	sum.lost = sum.opened - sum.survived;
	return sum;
}

const char *judge_break_text(enum judge_break b)
{
	static const char *const text[JUDGE_BREAK_N] = {
		[JUDGE_WHOLE] = "whole",
		[JUDGE_RESET] = "reset",
		[JUDGE_CLOSED] = "closed by the server",
		[JUDGE_SPLIT] = "sent to another server",
		[JUDGE_LOST] = "a message lost",
		[JUDGE_REPEATED] = "a message repeated",
		[JUDGE_ALTERED] = "a message altered",
		[JUDGE_TIMEOUT] = "not opened in time",
	};

	assert(b < JUDGE_BREAK_N);
	return text[b];
}

void judge_client_note(struct judge_client *c, uint8_t server)
{
	if (c->server == 0)
		c->server = server;
	else if (c->server != server && c->moved_to == 0)
		c->moved_to = server;
}

void judge_client_merge(struct judge_client *c, const struct judge_client *other)
{
	if (other->server != 0)
		judge_client_note(c, other->server);
	if (other->moved_to != 0)
		judge_client_note(c, other->moved_to);
}

size_t judge_clients_moved(const struct judge_client *c, size_t n, size_t *first)
{
	size_t moved = 0;

	for (size_t i = n; i-- > 0;)
		if (c[i].moved_to != 0) {
			moved++;
			*first = i;
		}
	return moved;
}

enum judge_roles judge_roles(const struct judge_role *role, size_t n, const struct judge_move *move,
			     struct judge_role *stray, mono *since)
{
	bool taken = false;

	*since = move->begin;
	for (size_t i = 0; i < n; i++) {
		if (role[i].at.ns < move->begin.ns || role[i].at.ns >= move->end.ns)
			continue;
		if (taken || role[i].node != move->to) {
			*stray = role[i];
			return taken ? JUDGE_ROLES_BACK : JUDGE_ROLES_OTHER;
		}
		taken = true;
		*since = role[i].at;
	}
	return taken ? JUDGE_ROLES_RIGHT : JUDGE_ROLES_NONE;
}

mono judge_patience(mono bound)
{
	/* A lost SYN is sent again after 1, 3, 7, 15 s: 2^k - 1. */
	mono again = mono_from_s(1);

	while (mono_before(again, bound))
		again = mono_add(mono_add(again, again), mono_from_s(1));
	return mono_add(mono_add(bound, again), mono_from_s(3));
}

mono judge_active_down_interval(mono advert_interval, uint8_t priority)
{
	/* 3 x Active_Adver_Interval + Skew_Time; the fraction of a centisecond is kept. */
	return mono_from_ns(3 * advert_interval.ns + (256 - priority) * advert_interval.ns / 256);
}
