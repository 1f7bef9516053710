// SPDX-License-Identifier: GPL-2.0-or-later
#include "cast.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	MESSAGES_PER_PERIOD = 4, /**< request, answer, notification, acknowledgement */
	PERIOD_MIN_MS = 50,
};

mono cast_message_period(unsigned sessions)
{
	mono period = mono_from_ns((int64_t)sessions * MESSAGES_PER_PERIOD * MONO_NS_PER_S /
				   CAST_MESSAGES_PER_S);

	return mono_max(period, mono_from_ms(PERIOD_MIN_MS));
}

int cast_init(struct cast *cast, const struct lab *lab, const struct cast_options *options,
	      const struct child_place *place)
{
	*cast = (struct cast){.lab = lab, .options = *options, .place = *place};

	size_t probe_bytes = CAST_PROBES_MAX * sizeof(struct judge_probe);
	size_t session_bytes = options->sessions * sizeof(struct judge_session);
	size_t head_bytes = (sizeof(struct cast_board) + 63) / 64 * 64;

	cast->board_bytes = head_bytes + probe_bytes + session_bytes;
	uint8_t *memory = mmap(NULL, cast->board_bytes, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	/* Mapped at the same address in every actor: they are forked, not executed. */
	cast->board = (struct cast_board *)(void *)memory;
	cast->board->probe = (struct judge_probe *)(void *)(memory + head_bytes);
	cast->board->session = (struct judge_session *)(void *)(memory + head_bytes + probe_bytes);
	cast->board->n_sessions = options->sessions;
	return 0;
}

static pid_t start(struct cast *cast, const struct netns *ns, size_t server,
		   void (*run)(const struct cast_role *role))
{
	struct child_place place = cast->place;

	place.ns = ns;
	pid_t pid = child_fork(&place);

	if (pid == 0) {
		const struct cast_role role = {.board = cast->board,
					       .lab = cast->lab,
					       .options = cast->options,
					       .server = server};

		run(&role);
		_exit(1);
	}
	return pid;
}

int cast_start_servers(struct cast *cast)
{
	for (size_t i = 0; i < cast->lab->layout->n_servers; i++) {
		cast->server[i] = start(cast, &cast->lab->server[i], i, cast_run_server);
		if (cast->server[i] < 0)
			return cast->server[i];
	}
	return 0;
}

int cast_start_clients(struct cast *cast)
{
	cast->sessions = start(cast, &cast->lab->client, 0, cast_run_sessions);
	if (cast->sessions < 0)
		return cast->sessions;
	if (cast->options.rate == 0) {
		cast->board->storm_settled = cast->board->visits_settled = true;
		return 0;
	}
	cast->storm = start(cast, &cast->lab->client, 0, cast_run_storm);
	if (cast->storm < 0)
		return cast->storm;
	cast->visits = start(cast, &cast->lab->client, 0, cast_run_visits);
	return cast->visits < 0 ? cast->visits : 0;
}

int cast_start_prober(struct cast *cast)
{
	/* Stays here: it enters two namespaces itself, one for each end of what it watches. */
	cast->prober = start(cast, NULL, 0, cast_run_prober);
	return cast->prober < 0 ? cast->prober : 0;
}

const char *cast_missing(struct cast *cast)
{
	int status;

	for (size_t i = 0; i < LAYOUT_SERVERS_MAX; i++)
		if (child_ended(&cast->server[i], &status))
			return "a server stand-in";
	if (child_ended(&cast->sessions, &status))
		return "the client sessions";
	if (child_ended(&cast->storm, &status))
		return "the new connections";
	if (child_ended(&cast->visits, &status))
		return "the new sessions";
	return child_ended(&cast->prober, &status) ? "the prober" : NULL;
}

void cast_fini(struct cast *cast, bool keep)
{
	child_kill(&cast->prober);
	if (keep && cast->board) {
		cast->board->load_stopped = false;
	} else {
		child_kill(&cast->visits);
		child_kill(&cast->storm);
		child_kill(&cast->sessions);
		for (size_t i = 0; i < LAYOUT_SERVERS_MAX; i++)
			child_kill(&cast->server[i]);
	}
	if (cast->board)
		munmap(cast->board, cast->board_bytes);
	*cast = (struct cast){0};
}
