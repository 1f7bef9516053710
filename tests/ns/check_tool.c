// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/checker lbd/checker_child lbd/health lbd/probe lbd/probe_tcp lbd/plan lbd/plan_back */
/* links: lbd/plan_diff lbd/table lib/addr lib/cksum lib/privs */
/* links: lib/conf lib/conf_build lib/conf_check lib/conf_lists lib/conf_print lib/conf_read */
/* links: lib/conf_report lib/conf_set lib/conf_value lib/log lib/mono lib/mono_now */
/* links: lib/nearest lib/profile lib/schema */
/*
 * The health checks without the rest of lbd: prints "pid PID", then one line for each outcome:
 *   NUMBER VERDICT new|same REASON
 * Used by checker.sh.
 */
#include "lbd/checker.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

static void print_report(void *arg, const struct checker_report *r)
{
	static const char *const news[] = {"same", "new"};
	(void)arg;
	printf("%u %s %s %s\n", r->number, health_verdict_name(r->verdict), news[r->changed],
	       r->reason);
}

static void end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: check_tool CONFIGURATION\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	struct conf_error *errors = NULL;
	struct conf *conf = conf_load(argv[1], "gw1", CONF_SELF_REQUIRED, &errors);
	conf_errors_print(stderr, argv[1], errors);
	conf_errors_free(errors);
	struct log *log = log_new("check_tool", LOG_LEVEL_DEBUG);
	struct event_base *base = event_base_new();
	struct checker *checker = NULL;
	int status = EXIT_FAILURE;
	if (conf == NULL || log == NULL || base == NULL ||
	    checker_start(base, conf, log, print_report, NULL, &checker) != 0)
		goto out;
	printf("pid %d\n", checker_pid(checker));
	struct event *term = evsignal_new(base, 15, end, base);
	if (term != NULL && event_add(term, NULL) == 0)
		status = event_base_dispatch(base) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	if (term != NULL)
		event_free(term);
out:
	checker_stop(checker);
	if (base != NULL)
		event_base_free(base);
	log_free(log);
	conf_free(conf);
	return status;
}
