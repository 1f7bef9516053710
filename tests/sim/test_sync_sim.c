// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/sync_fsm lbd/sync_fsm_view lib/mono */
/*
 * Two nodes with model kernels, a link that keeps order and can be cut, and virtual time in steps
 * of one millisecond. The model does with the machine's actions what sync.c does with them. What
 * makes synchronisation hard is modelled: dumps whose records are older than the events around
 * them, event queues that overflow, frames lost with the link, daemons that start anew over an old
 * table. Property: when faults end, both kernels hold the same and both nodes say so.
 */
#include "lbd/sync_fsm.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
	KEYS = 48,
	QUEUE = 4096,
	EVENTS_MAX = 24, /* small, so that it overflows */
	CHUNK = 4,       /* entries of one dump chunk */
	DELAY_MS = 2,    /* of the link */
};

/* One entry of a model kernel. */
struct entry {
	bool present;
	uint32_t conn; /* the connection: what must be equal on both nodes */
	uint32_t id;   /* CTA_ID: this kernel's own number for the entry */
	unsigned generation;
};

struct change {
	bool end;
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
	raise_event(n, (struct change){.end = true, .key = key, .conn = e->conn, .id = e->id});
	e->present = false;
}

static void inject(int n, const struct message *m, enum sync_accept accept)
{
	struct node *node = &w.node[n];
	struct entry *e = &node->table[m->key];

	if (accept == SYNC_ACCEPT_NO || (accept == SYNC_ACCEPT_CREATE && e->present))
		return;
	if (!e->present || e->conn != m->conn)
		e->id = ++node->next_id;
	e->present = true;
	e->conn = m->conn;
	e->generation = node->fsm.generation;
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

static void drain_events(int n)
{
	struct node *node = &w.node[n];

	for (size_t i = 0; i < node->n_events; i++) {
		const struct change *c = &node->events[i];
		struct message m = {
			.type = c->end ? MSG_DEL : MSG_PUT, .key = c->key, .conn = c->conn};

		if (c->end && !sync_fsm_note_end(&node->fsm, fingerprint(c)))
			step(n, (struct sync_event){.type = SYNC_EV_EVENTS_LOST});
		if (c->end ? sync_fsm_wants_del(&node->fsm) : sync_fsm_wants_put(&node->fsm))
			send(n, m);
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

		if (sync_fsm_take_record(&node->fsm, fingerprint(c)))
			send(n, (struct message){
					.type = MSG_BULK_PUT, .key = c->key, .conn = c->conn});
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
				(struct change){.key = node->dump_at, .conn = e->conn, .id = e->id};
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
		inject(n, m, sync_fsm_accept_put(fsm, m->type == MSG_BULK_PUT));
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
		drain_events(n);
		run_dump(n);
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

		if (w.node[n].table[key].present && dice(2))
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

static void expect_equal(const char *what, int64_t which)
{
	mono now = mono_from_ms(w.now);

	for (unsigned key = 0; key < KEYS; key++) {
		const struct entry *a = &w.node[0].table[key];
		const struct entry *b = &w.node[1].table[key];

		cr_assert_eq(a->present, b->present, "%s %lld: key %u: %d/%d", what,
			     (long long)which, key, a->present, b->present);
		if (a->present)
			cr_assert_eq(a->conn, b->conn, "%s %lld: key %u", what, (long long)which,
				     key);
	}
	for (int n = 0; n < 2; n++)
		cr_assert_eq(sync_fsm_level(&w.node[n].fsm, now), SYNC_LEVEL_SYNCED,
			     "%s %lld: node %d says %s", what, (long long)which, n,
			     sync_level_name(sync_fsm_level(&w.node[n].fsm, now)));
}

Test(sync_sim, traffic_over_a_good_link_ends_in_equal_tables)
{
	start(1);
	link_up();
	for (int i = 0; i < 2000; i++) {
		traffic(0, 3);
		tick();
	}
	run(50);
	expect_equal("plain", 0);
}

Test(sync_sim, a_link_cut_at_any_step_ends_in_equal_tables)
{
	for (int64_t cut = 0; cut < 120; cut++) {
		for (int64_t gap = 1; gap < 60; gap += 29) {
			start((uint64_t)cut);
			traffic(0, 100);
			drain_events(0);
			link_up();
			for (int64_t t = 0; t < 200; t++) {
				if (t == cut)
					link_down();
				if (t == cut + gap)
					link_up();
				traffic(0, 2);
				tick();
			}
			link_up();
			run(200);
			expect_equal("cut", cut);
		}
	}
}

Test(sync_sim, an_overflow_at_any_step_ends_in_equal_tables)
{
	for (int64_t at = 0; at < 120; at++) {
		start((uint64_t)at);
		link_up();
		for (int64_t t = 0; t < 150; t++) {
			traffic(0, t == at ? EVENTS_MAX * 4 : 2);
			tick();
		}
		run(400);
		expect_equal("overflow", at);
		cr_assert_gt(w.node[0].fsm.restarts, 0);
	}
}

Test(sync_sim, a_restart_of_either_daemon_at_any_step_ends_in_equal_tables)
{
	for (int64_t at = 0; at < 100; at++) {
		for (int who = 0; who < 4; who++) {
			start((uint64_t)at);
			link_up();
			for (int64_t t = 0; t < 150; t++) {
				if (t == at)
					restart(who & 1, who == 3); /* 3: the standby reboots */
				if (t == at + 7)
					link_up();
				traffic(0, 2);
				tick();
			}
			run(300);
			expect_equal("restart", at * 10 + who);
		}
	}
}

Test(sync_sim, a_planned_change_of_roles_loses_no_connection)
{
	for (int64_t overlap = 0; overlap < 30; overlap++) {
		start((uint64_t)overlap);
		link_up();
		for (int t = 0; t < 200; t++) {
			traffic(0, 2);
			tick();
		}
		run(20);
		w.node[0].barrier_result = -1;
		drain_events(0);
		step(0, (struct sync_event){.type = SYNC_EV_BARRIER, .delay = mono_from_ms(50)});
		run(10);
		cr_assert_eq(w.node[0].barrier_result, SYNC_BARRIER_OK);
		/* Traffic moves before either lbd hears of it, and they hear at different times. */
		traffic(0, 3);
		run(DELAY_MS + 1);
		for (int i = 0; i < 3; i++)
			open_connection(1, (unsigned)dice(KEYS));
		run(2);
		set_owner(1, true);
		for (int64_t t = 0; t < overlap; t++) {
			traffic(1, 1);
			tick();
		}
		set_owner(0, false);
		for (int t = 0; t < 50; t++) {
			traffic(1, 2);
			tick();
		}
		run(50);
		expect_equal("planned", overlap);
		cr_assert_eq(w.node[1].fsm.bulks_sent, 0, "no bulk was needed");
	}
}

Test(sync_sim, a_takeover_after_power_loss_and_the_return_end_in_equal_tables)
{
	for (int64_t at = 0; at < 100; at++) {
		start((uint64_t)at);
		link_up();
		for (int64_t t = 0; t < at; t++) {
			traffic(0, 2);
			tick();
		}
		restart(0, true); /* power loss: link down, table empty, not owner */
		run(3);
		set_owner(1, true);
		for (int t = 0; t < 50; t++) {
			traffic(1, 2);
			tick();
		}
		link_up();
		cr_assert_eq(sync_fsm_level(&w.node[0].fsm, mono_from_ms(w.now)),
			     SYNC_LEVEL_CATCHING_UP, "must not preempt yet");
		run(100);
		expect_equal("returned", at);
		set_owner(0, true); /* failback */
		run(4);
		set_owner(1, false);
		for (int t = 0; t < 50; t++) {
			traffic(0, 2);
			tick();
		}
		run(50);
		expect_equal("failback", at);
	}
}

Test(sync_sim, both_owners_for_long_end_in_equal_tables)
{
	start(3);
	link_up();
	traffic(0, 60);
	run(100);
	set_owner(1, true);
	for (int t = 0; t < 3000; t++) {
		traffic((int)dice(2), 1);
		tick();
	}
	set_owner(0, false);
	run(500);
	expect_equal("split", 0);
}

Test(sync_sim, random_faults_always_converge)
{
	for (uint64_t seed = 0; seed < 400; seed++) {
		int active = 0;

		start(seed);
		for (int t = 0; t < 600; t++) {
			switch (dice(60)) {
			case 0:
				link_down();
				break;
			case 1:
			case 2:
				link_up();
				break;
			case 3:
				traffic(active, EVENTS_MAX * 2);
				break;
			case 4:
				restart((int)dice(2), false);
				break;
			case 5:
				set_owner(1 - active, true);
				run((int64_t)dice(20));
				set_owner(active, false);
				active = 1 - active;
				break;
			default:
				break;
			}
			traffic(active, 2);
			tick();
		}
		link_up();
		/* Longest wait that may be due: a replica that asks, an owner's doubled pauses. */
		run(SYNC_RESTART_MAX_MS + SYNC_RETRY_MS + 1000);
		expect_equal("random", (int64_t)seed);
	}
}
