// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/sync lbd/sync_peer lbd/sync_status lbd/sync_fsm lbd/sync_fsm_record */
/* links: lbd/sync_fsm_view lbd/sync_frame lbd/flow lbd/ct lbd/ct_inject lbd/pair lbd/pair_link */
/* links: lbd/pair_tls lib/conf lib/conf_build lib/conf_check lib/conf_lists lib/conf_print */
/* links: lib/conf_read lib/conf_report lib/conf_set lib/conf_value lib/schema lib/nearest */
/* links: lib/profile lib/keyfile lib/addr lib/wire lib/mono lib/mono_now lib/log */
/*
 * The sync driver alone, for tests in network namespaces: sync_tool FILE NODE, commands on standard
 * input, one answer line each on standard output:
 *   owner on|off, status, barrier, died N, verdict N up|down, reload FILE, quit
 */
#include "lbd/sync.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tool {
	struct event_base *base;
	struct sync *sync;
	const char *node;
	char line[256];
	size_t len_bytes;
};

static void print_errors(const struct ct_counters *ct)
{
	for (int e = 0; e < CT_ERRNO_MAX; e++) {
		if (ct->errors[e])
			printf(" error_%s=%llu", strerrorname_np(e) ? strerrorname_np(e) : "other",
			       (unsigned long long)ct->errors[e]);
	}
}

static void print_status(struct tool *tool)
{
	struct sync_status s;

	sync_get_status(tool->sync, &s);
	printf("status level=%s role=%s connected=%d config_equal=%d peer=%s lag_us=%lld "
	       "wrong_key=%llu garbage=%llu wrong_node=%llu version=%llu connections=%llu "
	       "peer_connections=%llu peer_owner=%d sent=%llu received=%llu destroyed=%llu "
	       "injected=%llu replaced=%llu overflows=%llu no_room=%llu late=%llu resyncs=%llu "
	       "resync_ms=%lld left=%llu diverged=%d closed=%llu",
	       sync_level_name(s.level), s.role, s.connected, s.config_equal, s.node,
	       mono_is_never(s.lag) ? -1LL : (long long)mono_to_us(s.lag),
	       (unsigned long long)s.refused[PAIR_REFUSAL_WRONG_KEY],
	       (unsigned long long)s.refused[PAIR_REFUSAL_GARBAGE],
	       (unsigned long long)s.refused[PAIR_REFUSAL_WRONG_NODE],
	       (unsigned long long)s.refused[PAIR_REFUSAL_VERSION],
	       (unsigned long long)s.connections, (unsigned long long)s.peer.connections,
	       s.peer.owner, (unsigned long long)s.sent, (unsigned long long)s.received,
	       (unsigned long long)s.destroyed, (unsigned long long)s.ct.injected,
	       (unsigned long long)s.ct.replaced, (unsigned long long)s.ct.overflows,
	       (unsigned long long)s.ct.no_room, (unsigned long long)s.late,
	       (unsigned long long)s.resyncs, (long long)mono_to_ms(s.last_resync),
	       (unsigned long long)s.entries_left, s.diverged, (unsigned long long)s.ct.closed);
	print_errors(&s.ct);
	printf(" last_error=\"%s\"\n", s.last_error);
}

static void on_barrier(void *arg, enum sync_barrier_result result, mono lag, uint64_t connections)
{
	(void)arg;
	printf("barrier result=%d lag_us=%lld connections=%llu text=\"%s\"\n", result,
	       (long long)mono_to_us(lag), (unsigned long long)connections,
	       sync_barrier_text(result));
	fflush(stdout);
}

static void on_verdict(void *arg, const struct sync_verdict *verdict)
{
	(void)arg;
	printf("verdict server=%u state=%d reason=\"%s\"\n", verdict->server, verdict->state,
	       verdict->reason);
	fflush(stdout);
}

static void on_level(void *arg, enum sync_level level)
{
	(void)arg;
	printf("level %s\n", sync_level_name(level));
	fflush(stdout);
}

static void reload(struct tool *tool, const char *file)
{
	char error[PAIR_ERROR_MAX] = "the file";
	struct conf_error *errors = NULL;
	struct conf *conf = conf_load(file, tool->node, CONF_SELF_REQUIRED, &errors);
	int result = conf ? sync_reload(tool->sync, conf, error) : -1;

	printf("reload %d %s\n", result, result ? error : "");
	conf_errors_free(errors);
	conf_free(conf);
}

static void send_verdict(struct tool *tool, unsigned server, const char *state)
{
	struct sync_verdict verdict = {.server = (uint16_t)server, .reason = "by hand"};

	verdict.state = strcmp(state, "up") == 0 ? SYNC_SERVER_UP : SYNC_SERVER_DOWN;
	sync_send_verdict(tool->sync, &verdict);
	printf("ok\n");
}

static void run(struct tool *tool, const char *line)
{
	unsigned number;
	char word[16];
	char file[200];

	if (sscanf(line, "owner %15s", word) == 1) {
		sync_set_owner(tool->sync, strcmp(word, "on") == 0);
		printf("ok\n");
	} else if (strcmp(line, "status") == 0) {
		print_status(tool);
	} else if (strcmp(line, "barrier") == 0) {
		sync_barrier(tool->sync, mono_from_s(2), on_barrier, tool);
	} else if (sscanf(line, "died %u", &number) == 1) {
		printf("died %d\n", sync_server_died(tool->sync, (uint16_t)number));
	} else if (sscanf(line, "verdict %u %15s", &number, word) == 2) {
		send_verdict(tool, number, word);
	} else if (sscanf(line, "reload %199s", file) == 1) {
		reload(tool, file);
	} else if (strcmp(line, "quit") == 0) {
		event_base_loopbreak(tool->base);
	} else {
		printf("unknown command\n");
	}
	fflush(stdout);
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	struct tool *tool = arg;
	ssize_t got =
		read(fd, tool->line + tool->len_bytes, sizeof(tool->line) - 1 - tool->len_bytes);
	char *end;

	(void)what;
	if (got <= 0) {
		event_base_loopbreak(tool->base);
		return;
	}
	tool->len_bytes += (size_t)got;
	tool->line[tool->len_bytes] = '\0';
	while ((end = strchr(tool->line, '\n'))) {
		*end = '\0';
		run(tool, tool->line);
		tool->len_bytes -= (size_t)(end + 1 - tool->line);
		memmove(tool->line, end + 1, tool->len_bytes + 1);
	}
}

static int serve(const struct conf *conf, const char *node, struct log *log)
{
	static const struct sync_callbacks callbacks = {
		.verdict = on_verdict,
		.level = on_level,
	};
	struct event_config *config = event_config_new();
	struct tool tool = {.node = node};
	char error[PAIR_ERROR_MAX];

	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	tool.base = event_base_new_with_config(config);
	event_config_free(config);
	struct sync_setup setup = {
		.base = tool.base, .log = log, .conf = conf, .callbacks = &callbacks, .arg = &tool};

	if (sync_open(&setup, &tool.sync, error) != 0) {
		printf("error %s\n", error);
		event_base_free(tool.base);
		return 1;
	}
	struct event *input =
		event_new(tool.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, &tool);

	event_add(input, NULL);
	printf("ready\n");
	fflush(stdout);
	event_base_dispatch(tool.base);
	event_free(input);
	sync_close(tool.sync);
	event_base_free(tool.base);
	return 0;
}

int main(int argc, char **argv)
{
	struct conf_error *errors = NULL;

	if (argc != 3) {
		fprintf(stderr, "usage: sync_tool FILE NODE\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	struct conf *conf = conf_load(argv[1], argv[2], CONF_SELF_REQUIRED, &errors);

	conf_errors_print(stderr, argv[1], errors);
	conf_errors_free(errors);
	if (!conf)
		return 2;
	struct log *log = log_new("sync_tool", LOG_LEVEL_DEBUG);
	int status = serve(conf, argv[2], log);

	log_free(log);
	conf_free(conf);
	return status;
}
