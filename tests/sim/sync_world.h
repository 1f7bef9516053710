/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The world of test_sync_sim.c, its only user: two nodes with model kernels, a link that keeps
 * order and can be cut, and virtual time in steps of one millisecond. The model does with the
 * machine's actions what sync.c does with them. What makes synchronisation hard is modelled: dumps
 * whose records are older than the events around them, event queues that overflow, frames lost with
 * the link, daemons that start anew over an old table, connections that close without an event.
 */
#ifndef HA_SYNC_WORLD_H
#define HA_SYNC_WORLD_H

#include "lbd/sync_fsm.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
	KEYS = 48,
	QUEUE = 4096,
	EVENTS_MAX = 24, /* small, so that it overflows */
	CHUNK = 4,       /* entries of one dump chunk */
	DELAY_MS = 2,    /* of the link */
	CLOSED_MS = 150, /* from FIN to the end of an entry */
};

/* One entry of a model kernel. */
struct entry {
	bool present;
	uint32_t conn; /* the connection: what must be equal on both nodes */
	uint32_t id;   /* CTA_ID: this kernel's own number for the entry */
	unsigned generation;
	int64_t ends_at; /* when closing; 0 while established: lives until told otherwise */
};

struct change {
	bool end;
	bool closing;
	int64_t left_ms; /* of a dumped entry that is closing */
	unsigned key;
	uint32_t conn;
	uint32_t id;
};

enum message_type {
	MSG_WORD,
	MSG_PUT,
	MSG_BULK_PUT,
	MSG_DEL,
	MSG_BULK_BEGIN,
	MSG_BULK_END,
	MSG_BULK_DONE,
	MSG_BULK_REQUEST,
	MSG_BARRIER,
	MSG_BARRIER_ACK,
};

struct message {
	enum message_type type;
	int64_t at;
	unsigned key;
	uint32_t conn;
	uint64_t id;
	uint64_t count;
	bool owner;
	bool closing;
	int64_t left_ms; /* of what is closing */
	uint32_t epoch;
};

struct node {
	struct sync_fsm fsm;
	struct entry table[KEYS];
	uint32_t next_id;
	struct change events[EVENTS_MAX];
	size_t n_events;
	bool overflow;
	struct message queue[QUEUE]; /* towards this node */
	size_t head;
	size_t tail;
	bool dumping;
	unsigned dump_at;
	struct change chunk[CHUNK]; /* snapshot, not yet handed over */
	size_t n_chunk;
	int barrier_result; /* -1 while none ended */
	bool drop_next;     /* the link's buffer is full when the next record comes */
	bool fail_next;     /* the kernel refuses the next injection */
	int64_t drained_at;
};

struct world {
	struct node node[2];
	int64_t now;
	bool link;
	uint32_t next_conn;
	uint64_t random;
};

static struct world w;

static uint64_t dice(uint64_t sides)
{
	w.random = w.random * 6364136223846793005u + 1442695040888963407u;
	return (w.random >> 33) % sides;
}

static uint64_t fingerprint(const struct change *c)
{
	return ((uint64_t)c->id << 16 | c->key) * 0x9e3779b97f4a7c15u + 1;
}

static void step(int n, struct sync_event event);

static void send(int from, struct message m)
{
	struct node *to = &w.node[1 - from];

	if (!w.link)
		return;
	cr_assert_lt(to->tail - to->head, QUEUE);
	m.at = w.now + DELAY_MS;
	to->queue[to->tail++ % QUEUE] = m;
}

/* ---- model kernel ---- */

static void raise_event(int n, struct change c)
{
	struct node *node = &w.node[n];

	if (node->n_events == EVENTS_MAX)
		node->overflow = true;
	else
		node->events[node->n_events++] = c;
}

static void open_connection(int n, unsigned key)
{
	struct node *node = &w.node[n];
	struct entry *e = &node->table[key];

	if (e->present)
		return;
	*e = (struct entry){.present = true, .conn = ++w.next_conn, .id = ++node->next_id};
	raise_event(n, (struct change){.key = key, .conn = e->conn, .id = e->id});
}

static void end_connection(int n, unsigned key)
{
	struct entry *e = &w.node[n].table[key];

	if (!e->present)
		return;
	raise_event(n, (struct change){.end = true,
				       .closing = e->ends_at != 0,
				       .key = key,
				       .conn = e->conn,
				       .id = e->id});
	e->present = false;
}

/* A FIN: no event, and a short life from now on. */
static void close_connection(int n, unsigned key)
{
	struct entry *e = &w.node[n].table[key];

	if (e->present && e->ends_at == 0)
		e->ends_at = w.now + CLOSED_MS;
}

static void run_out_of_time(int n)
{
	for (unsigned key = 0; key < KEYS; key++) {
		const struct entry *e = &w.node[n].table[key];

		if (e->present && e->ends_at != 0 && e->ends_at <= w.now)
			end_connection(n, key);
	}
}

static void inject(int n, const struct message *m, enum sync_accept accept)
{
	struct node *node = &w.node[n];
	struct entry *e = &node->table[m->key];

	if (accept == SYNC_ACCEPT_NO || (accept == SYNC_ACCEPT_CREATE && e->present))
		return;
	if (accept == SYNC_ACCEPT_CLOSE) {
		if (e->present && e->ends_at == 0)
			e->ends_at = w.now + m->left_ms;
		return;
	}
	if (node->fail_next) {
		node->fail_next = false;
		step(n, (struct sync_event){.type = SYNC_EV_INJECT_FAILED});
		return;
	}
	if (!e->present || e->conn != m->conn)
		e->id = ++node->next_id;
	e->present = true;
	e->conn = m->conn;
	e->generation = node->fsm.generation;
	e->ends_at = m->closing ? w.now + m->left_ms : 0;
}

static void flush(int n, unsigned generation)
{
	for (unsigned key = 0; key < KEYS; key++) {
		if (w.node[n].table[key].generation == generation)
			w.node[n].table[key].present = false; /* own doing: no event counts */
	}
}

/* ---- what sync.c does ---- */

static void send_word(int n)
{
	const struct sync_fsm *fsm = &w.node[n].fsm;

	send(n, (struct message){.type = MSG_WORD, .owner = fsm->owner, .epoch = fsm->epoch});
}

static void carry_out(int n, const struct sync_action *a)
{
	struct message m = {.id = a->id, .count = a->count};
	struct node *node = &w.node[n];

	switch (a->type) {
	case SYNC_ACT_SEND_WORD:
		send_word(n);
		return;
	case SYNC_ACT_SEND_BULK_BEGIN:
		m.type = MSG_BULK_BEGIN;
		break;
	case SYNC_ACT_SEND_BULK_END:
		m.type = MSG_BULK_END;
		break;
	case SYNC_ACT_SEND_BULK_DONE:
		m.type = MSG_BULK_DONE;
		break;
	case SYNC_ACT_SEND_BULK_REQUEST:
		m.type = MSG_BULK_REQUEST;
		break;
	case SYNC_ACT_SEND_BARRIER:
		m.type = MSG_BARRIER;
		break;
	case SYNC_ACT_SEND_BARRIER_ACK:
		m.type = MSG_BARRIER_ACK;
		break;
	case SYNC_ACT_START_DUMP:
		cr_assert_not(node->dumping);
		node->dumping = true;
		node->dump_at = 0;
		node->n_chunk = 0;
		return;
	case SYNC_ACT_STOP_DUMP:
		node->dumping = false;
		return;
	case SYNC_ACT_FLUSH_GENERATION:
		flush(n, a->generation);
		return;
	case SYNC_ACT_BARRIER_DONE:
		node->barrier_result = (int)a->result;
		return;
	}
	send(n, m);
}

static void step(int n, struct sync_event event)
{
	struct sync_actions acts;

	sync_fsm_step(&w.node[n].fsm, &event, mono_from_ms(w.now), &acts);
	for (size_t i = 0; i < acts.n; i++)
		carry_out(n, &acts.action[i]);
}

/* Into the link, unless its buffer is full. */
static void stream(int n, struct message m)
{
	struct node *node = &w.node[n];

	if (!node->drop_next) {
		send(n, m);
		return;
	}
	node->drop_next = false;
	node->drained_at = w.now + 3;
	step(n, (struct sync_event){.type = SYNC_EV_STREAM_FULL});
}

static void drain_events(int n)
{
	struct node *node = &w.node[n];

	for (size_t i = 0; i < node->n_events; i++) {
		const struct change *c = &node->events[i];
		struct message m = {
			.type = c->end ? MSG_DEL : MSG_PUT, .key = c->key, .conn = c->conn};

		if (c->end && c->closing && sync_fsm_wants_closing(&node->fsm)) {
			m.type = MSG_PUT;
			m.closing = true;
			m.left_ms = 1;
			stream(n, m);
		}
		if (c->end && !sync_fsm_note_end(&node->fsm, fingerprint(c)))
			step(n, (struct sync_event){.type = SYNC_EV_EVENTS_LOST});
		if (c->end ? sync_fsm_wants_del(&node->fsm) : sync_fsm_wants_put(&node->fsm))
			stream(n, m);
	}
	node->n_events = 0;
	if (node->overflow) {
		node->overflow = false;
		step(n, (struct sync_event){.type = SYNC_EV_EVENTS_LOST});
	}
}

static void run_dump(int n)
{
	struct node *node = &w.node[n];

	if (!node->dumping)
		return;
	for (size_t i = 0; i < node->n_chunk; i++) {
		const struct change *c = &node->chunk[i];

		struct message m = {.type = MSG_BULK_PUT,
				    .key = c->key,
				    .conn = c->conn,
				    .closing = c->closing,
				    .left_ms = c->left_ms};

		if (sync_fsm_wants_closing(&node->fsm) && c->closing) {
			m.type = MSG_PUT;
			stream(n, m);
		} else if (sync_fsm_take_record(&node->fsm, fingerprint(c))) {
			stream(n, m);
		}
	}
	node->n_chunk = 0;
	if (node->dump_at == KEYS) {
		node->dumping = false;
		step(n, (struct sync_event){.type = SYNC_EV_DUMP_DONE});
		return;
	}
	/* The next chunk is taken now and handed over in a later round. */
	for (unsigned i = 0; i < CHUNK && node->dump_at < KEYS; i++, node->dump_at++) {
		const struct entry *e = &node->table[node->dump_at];

		if (e->present)
			node->chunk[node->n_chunk++] =
				(struct change){.key = node->dump_at,
						.conn = e->conn,
						.id = e->id,
						.closing = e->ends_at != 0,
						.left_ms = e->ends_at - w.now};
	}
}

static void take(int n, const struct message *m)
{
	struct sync_fsm *fsm = &w.node[n].fsm;
	struct sync_event event = {
		.id = m->id, .count = m->count, .owner = m->owner, .epoch = m->epoch};

	switch (m->type) {
	case MSG_PUT:
	case MSG_BULK_PUT:
		inject(n, m,
		       sync_fsm_accept_put(fsm, m->type == MSG_BULK_PUT, m->closing,
					   mono_from_ms(w.now)));
		return;
	case MSG_DEL:
		if (sync_fsm_accept_del(fsm, mono_from_ms(w.now)))
			w.node[n].table[m->key].present = false;
		return;
	case MSG_WORD:
		event.type = SYNC_EV_PEER_WORD;
		break;
	case MSG_BULK_BEGIN:
		event.type = SYNC_EV_BULK_BEGIN;
		break;
	case MSG_BULK_END:
		event.type = SYNC_EV_BULK_END;
		break;
	case MSG_BULK_DONE:
		event.type = SYNC_EV_BULK_DONE;
		break;
	case MSG_BULK_REQUEST:
		event.type = SYNC_EV_BULK_REQUEST;
		break;
	case MSG_BARRIER:
		event.type = SYNC_EV_PEER_BARRIER;
		break;
	case MSG_BARRIER_ACK:
		event.type = SYNC_EV_BARRIER_ACK;
		break;
	}
	step(n, event);
}

/* ---- the world ---- */

static void link_up(void)
{
	if (w.link)
		return;
	w.link = true;
	for (int n = 0; n < 2; n++) {
		const struct sync_fsm *peer = &w.node[1 - n].fsm;

		step(n, (struct sync_event){.type = SYNC_EV_LINK_UP,
					    .owner = peer->owner,
					    .epoch = peer->epoch,
					    .config_equal = true});
	}
}

static void link_down(void)
{
	if (!w.link)
		return;
	w.link = false;
	for (int n = 0; n < 2; n++) {
		w.node[n].head = w.node[n].tail = 0; /* what was under way is lost */
		step(n, (struct sync_event){.type = SYNC_EV_LINK_DOWN});
	}
}

static void set_owner(int n, bool owner)
{
	drain_events(n);
	step(n, (struct sync_event){.type = SYNC_EV_OWNER, .owner = owner});
}

static void tick(void)
{
	w.now++;
	for (int n = 0; n < 2; n++) {
		struct node *node = &w.node[n];

		while (node->head < node->tail && node->queue[node->head % QUEUE].at <= w.now) {
			struct message m = node->queue[node->head++ % QUEUE];

			take(n, &m);
		}
		run_out_of_time(n);
		drain_events(n);
		run_dump(n);
		if (node->drained_at != 0 && node->drained_at <= w.now) {
			node->drained_at = 0;
			step(n, (struct sync_event){.type = SYNC_EV_STREAM_DRAINED});
		}
		if (w.now % 100 == 0 && w.link)
			send_word(n);
		if (mono_reached(sync_fsm_deadline(&node->fsm, mono_from_ms(w.now - 1)),
				 mono_from_ms(w.now)))
			step(n, (struct sync_event){.type = SYNC_EV_TICK});
	}
}

static void run(int64_t duration_ms)
{
	for (int64_t i = 0; i < duration_ms; i++)
		tick();
}

static void traffic(int n, unsigned changes)
{
	for (unsigned i = 0; i < changes; i++) {
		unsigned key = (unsigned)dice(KEYS);

		if (w.node[n].table[key].present && dice(3) == 0)
			close_connection(n, key);
		else if (w.node[n].table[key].present && dice(2))
			end_connection(n, key);
		else
			open_connection(n, key);
	}
}

/* A daemon starts over the table its predecessor left. */
static void restart(int n, bool reboot)
{
	struct node *node = &w.node[n];
	unsigned used = 0;
	bool owner = node->fsm.owner;

	link_down();
	if (reboot)
		memset(node->table, 0, sizeof(node->table));
	for (unsigned key = 0; key < KEYS; key++) {
		if (node->table[key].present)
			used |= 1u << node->table[key].generation;
	}
	node->dumping = false;
	node->n_events = 0;
	node->overflow = false;
	sync_fsm_init(&node->fsm, used);
	if (owner && !reboot)
		set_owner(n, true); /* vrrpd says it again */
}

static void start(uint64_t seed)
{
	memset(&w, 0, sizeof(w));
	w.random = seed * 2654435761u + 1;
	sync_fsm_init(&w.node[0].fsm, 0);
	sync_fsm_init(&w.node[1].fsm, 0);
	set_owner(0, true);
}

#endif
