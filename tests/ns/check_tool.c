// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/checker lbd/checker_child lbd/checker_list lbd/checker_zygote lbd/health lbd/probe */
/* links: lbd/probe_tcp lib/addr lib/cksum lib/privs */
/* links: lib/conf lib/conf_build lib/conf_check lib/conf_lists lib/conf_print lib/conf_read */
/* links: lib/conf_report lib/conf_set lib/conf_value lib/log lib/mono lib/mono_now */
/* links: lib/nearest lib/profile lib/schema */
/*
 * The health checks without the rest of lbd: prints "pid PID" of each checker, and one line for
 * each outcome:
 *   SERVER VERDICT new|same REASON
 * SIGHUP reads the configuration again, with all servers unknown. Like lbd it has a secret, read
 * after the start of the checks. Used by checker.sh.
 */
#include "lbd/checker.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { SECRET_BYTES = 32 };

struct tool {
	const char *path;
	struct conf *conf;
	struct log *log;
	struct event_base *base;
	struct checker *checker;
	int pid; /* last printed */
	uint8_t *secret;
};

static const char *name_of(const struct conf *conf, uint16_t number)
{
	for (size_t i = 0; i < conf->n_pools; i++)
		for (size_t k = 0; k < conf->pools[i].n_servers; k++)
			if (conf->pools[i].servers[k].number == number)
				return conf->pools[i].servers[k].name;
	return "nobody";
}

static void print_report(void *arg, const struct checker_report *r)
{
	static const char *const news[] = {"same", "new"};
	struct tool *t = arg;
	int pid = checker_pid(t->checker);
	if (pid != 0 && pid != t->pid) {
		t->pid = pid;
		printf("pid %d\n", pid);
	}
	printf("%s %s %s %s\n", name_of(t->conf, r->number), health_verdict_name(r->verdict),
	       news[r->changed], r->reason);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct tool *t = arg;
	(void)what;
	if (number == SIGTERM) {
		event_base_loopbreak(t->base);
		return;
	}
	struct conf_error *errors = NULL;
	struct conf *conf = conf_load(t->path, "gw1", CONF_SELF_REQUIRED, &errors);
	conf_errors_print(stderr, t->path, errors);
	conf_errors_free(errors);
	if (conf == NULL)
		return;
	conf_free(t->conf);
	t->conf = conf;
	if (checker_watch(t->checker, conf, NULL) == 0)
		printf("reloaded\n");
}

/* The bytes hold no text, so that printing them to a test cannot make them appear elsewhere. */
static bool read_secret(struct tool *t)
{
	t->secret = malloc(SECRET_BYTES);
	for (size_t i = 0; t->secret != NULL && i < SECRET_BYTES; i++)
		t->secret[i] = (uint8_t)(0xc0 + i);
	return t->secret != NULL;
}

static bool start(struct tool *t)
{
	struct conf_error *errors = NULL;
	t->log = log_new("check_tool", LOG_LEVEL_DEBUG);
	t->base = event_base_new();
	t->conf = conf_load(t->path, "gw1", CONF_SELF_REQUIRED, &errors);
	conf_errors_print(stderr, t->path, errors);
	conf_errors_free(errors);
	return t->conf != NULL && t->log != NULL && t->base != NULL &&
	       checker_start(t->base, t->log, print_report, t, &t->checker) == 0 &&
	       read_secret(t) && checker_watch(t->checker, t->conf, NULL) == 0;
}

int main(int argc, char **argv)
{
	struct tool t = {0};
	int status = EXIT_FAILURE;
	if (argc != 2) {
		fprintf(stderr, "usage: check_tool CONFIGURATION\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	t.path = argv[1];
	if (start(&t)) {
		struct event *term = evsignal_new(t.base, SIGTERM, on_signal, &t);
		struct event *hup = evsignal_new(t.base, SIGHUP, on_signal, &t);
		if (term != NULL && hup != NULL && event_add(term, NULL) == 0 &&
		    event_add(hup, NULL) == 0)
			status = event_base_dispatch(t.base) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
		if (term != NULL)
			event_free(term);
		if (hup != NULL)
			event_free(hup);
	}
	checker_stop(t.checker);
	if (t.base != NULL)
		event_base_free(t.base);
	log_free(t.log);
	conf_free(t.conf);
	free(t.secret);
	return status;
}
