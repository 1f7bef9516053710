// SPDX-License-Identifier: GPL-2.0-or-later
/* links: hactl/cmd_failover hactl/cmd_status hactl/ask hactl/client hactl/options hactl/ready */
/* links: hactl/out_text hactl/text_status hactl/out_json hactl/snapshot hactl/verdict */
/* links: lib/ctl lib/ctl_server lib/nearest lib/log lib/mono lib/mono_now */
/*
 * Commands against daemons that answer from a script: a child process serves vrrpd.sock and
 * lbd.sock through the real control server, with the rows of the golden status files.
 */
#include "hactl/hactl.h"

#include "ctl_server.h"

#include <criterion/criterion.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOLDEN "tests/golden/status/"

/* How the daemons behave. */
struct script {
	const char *rows;  /* golden file; NULL rows in it: that daemon is not there */
	const char *later; /* golden file from the second status on, or NULL */
	enum ctl_code barrier;
	enum ctl_code failover;
};

struct daemon {
	const struct script *script;
	const char *name;
	int asked;
};

static void answer_status(void *arg, const struct ctl_call *call, const json_t *args)
{
	struct daemon *d = arg;
	const char *file = d->asked++ > 0 && d->script->later ? d->script->later : d->script->rows;
	json_t *root = json_load_file(file, 0, NULL);
	size_t i;
	json_t *row;

	(void)args;
	json_array_foreach (json_object_get(root, d->name), i, row) {
		json_int_t code = json_integer_value(json_object_get(row, "code"));
		json_object_del(row, "code");
		ctl_row(call, (enum ctl_code)code, json_incref(row));
	}
	json_decref(root);
	ctl_end(call, CTL_DONE, NULL);
}

static void answer_barrier(void *arg, const struct ctl_call *call, const json_t *args)
{
	const struct daemon *d = arg;

	if (d->script->barrier == CTL_DONE && json_is_integer(json_object_get(args, "timeout_ms")))
		ctl_end(call, CTL_DONE,
			json_pack("{s:f, s:i}", "lag_ms", 0.4, "connections", 1204));
	else
		ctl_end(call, d->script->barrier,
			json_pack("{s:s, s:s}", "text", "gw2 does not answer", "remedy", "look"));
}

static void answer_failover(void *arg, const struct ctl_call *call, const json_t *args)
{
	const struct daemon *d = arg;

	(void)args;
	if (d->script->failover == CTL_DONE)
		ctl_end(call, CTL_DONE,
			json_pack("{s:i, s:[s]}", "took_ms", 12, "groups", "default"));
	else
		ctl_end_text(call, d->script->failover, "nobody took over within the time");
}

static void answer_resume(void *arg, const struct ctl_call *call, const json_t *args)
{
	(void)arg;
	(void)args;
	ctl_end(call, CTL_DONE, NULL);
}

static const struct ctl_command commands[] = {
	{"status", false, answer_status},
	{"barrier", true, answer_barrier},
	{"failover", true, answer_failover},
	{"resume", true, answer_resume},
};

/* Serves until killed; a daemon whose rows are null in the file has no socket. */
static void serve(const struct script *script, const char *dir, int ready)
{
	struct event_base *base = event_base_new();
	struct daemon daemons[] = {{script, "vrrpd", 0}, {script, "lbd", 0}};
	json_t *root = json_load_file(script->rows, 0, NULL);
	char path[128];

	for (size_t i = 0; i < 2; i++) {
		struct ctl_server *server;
		if (!json_is_array(json_object_get(root, daemons[i].name)))
			continue;
		snprintf(path, sizeof(path), "%s/%s.sock", dir, daemons[i].name);
		if (ctl_server_open(base, path, commands, 4, &daemons[i], NULL, &server))
			_exit(1);
	}
	if (write(ready, "x", 1) == 1)
		event_base_dispatch(base);
	_exit(0);
}

struct result {
	int status;
	char out[16384];
	char err[4096];
};

static void read_back(FILE *file, char *buf, size_t cap_bytes)
{
	rewind(file);
	size_t n = fread(buf, 1, cap_bytes - 1, file);
	buf[n] = '\0';
	fclose(file);
}

/* Runs one command against a script with its output caught. */
static struct result run(const struct script *script,
			 int (*command)(const struct hactl *, int, char **), const char *arguments)
{
	char dir[] = "/tmp/test_hactl.XXXXXX";
	char line[128];
	char *argv[8] = {NULL};
	int argc = 0, ready[2];
	char byte;
	struct result r = {0};
	FILE *out = tmpfile(), *err = tmpfile();

	cr_assert(mkdtemp(dir) && pipe(ready) == 0);
	pid_t child = fork();
	if (child == 0)
		serve(script, dir, ready[1]);
	cr_assert_eq(read(ready[0], &byte, 1), 1);

	snprintf(line, sizeof(line), "%s", arguments);
	for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	fflush(NULL);
	dup2(fileno(out), STDOUT_FILENO);
	dup2(fileno(err), STDERR_FILENO);
	r.status = command(&(struct hactl){.rundir = dir}, argc, argv);
	fflush(NULL);
	read_back(out, r.out, sizeof(r.out));
	read_back(err, r.err, sizeof(r.err));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	for (size_t i = 0; i < 2; i++) {
		snprintf(line, sizeof(line), "%s/%s.sock", dir, i ? "lbd" : "vrrpd");
		unlink(line);
	}
	rmdir(dir);
	return r;
}

static const struct {
	struct script script;
	const char *arguments;
	int status;
	const char *out; /* how stdout starts */
	const char *err; /* what stderr contains */
} failovers[] = {
	{{GOLDEN "active.in.json", NULL, CTL_DONE, CTL_DONE},
	 "failover",
	 HACTL_DONE,
	 "gw2 took over from gw1 in 12 ms (group default)\n"
	 "1204 connections were in its kernel 0.4 ms after the barrier\n",
	 ""},
	{{GOLDEN "active.in.json", NULL, CTL_DONE, CTL_DONE},
	 "failover --json default",
	 HACTL_DONE,
	 "{\"v\":1,\"ok\":true,\"from\":\"gw1\",\"to\":\"gw2\",\"took_ms\":12.0,\"forced\":false,"
	 "\"groups\":[\"default\"],\"lag_ms\":0.4",
	 ""},
	{{GOLDEN "peer-missing.in.json", NULL, CTL_DONE, CTL_DONE},
	 "failover",
	 HACTL_FAILED,
	 "",
	 "refused: gw2 is missing for 12 s: the peer has another key\nhactl: what to do: "},
	{{GOLDEN "catching-up.in.json", NULL, CTL_DONE, CTL_DONE},
	 "failover",
	 HACTL_FAILED,
	 "",
	 "refused: the configuration of gw2 differs from ours\nhactl: what to do: copy the file"},
	{{GOLDEN "vrrpd-only.in.json", NULL, CTL_DONE, CTL_DONE},
	 "failover",
	 HACTL_FAILED,
	 "",
	 "refused: lbd does not answer on this node"},
	{{GOLDEN "lbd-only.in.json", NULL, CTL_DONE, CTL_DONE},
	 "failover",
	 HACTL_UNREACHABLE,
	 "",
	 "vrrpd does not answer at "},
	{{GOLDEN "backup.in.json", NULL, CTL_DONE, CTL_DONE},
	 "failover",
	 HACTL_FAILED,
	 "",
	 "gw1 is not Active: there is nothing to hand over\nhactl: what to do: to move the VIPs "
	 "here, run hactl failover on gw2\n"},
	{{GOLDEN "active.in.json", NULL, CTL_DONE, CTL_DONE},
	 "failover mail",
	 HACTL_FAILED,
	 "",
	 "there is no group \"mail\"\nhactl: what to do: the groups are: default\n"},
	{{GOLDEN "active.in.json", NULL, CTL_DENIED, CTL_DONE},
	 "failover --force",
	 HACTL_FAILED,
	 "",
	 "gw2 does not answer\nhactl: what to do: look\n"},
	{{GOLDEN "active.in.json", NULL, CTL_DONE, CTL_DONE},
	 "failover --fast",
	 HACTL_USAGE,
	 "",
	 "hactl: failover: there is no option --fast"},
	{{GOLDEN "active.in.json", NULL, CTL_REFUSED, CTL_DONE},
	 "failover",
	 HACTL_FAILED,
	 "",
	 "refused: gw2 does not answer\nhactl: what to do: look\n"},
	{{GOLDEN "active.in.json", NULL, CTL_DONE, CTL_TIMED_OUT},
	 "failover",
	 HACTL_FAILED,
	 "",
	 "timed out: nobody took over within the time\n"},
	{{GOLDEN "vrrpd-only.in.json", NULL, CTL_DONE, CTL_DONE},
	 "failover --force",
	 HACTL_DONE,
	 "the peer took over from gw1 in 12 ms (group default)\nforced: ",
	 "forced although lbd does not answer"},
	{{GOLDEN "catching-up.in.json", GOLDEN "active.in.json", CTL_DONE, CTL_DONE},
	 "failover --wait",
	 HACTL_DONE,
	 "gw2 took over",
	 ""},
	{{GOLDEN "catching-up.in.json", NULL, CTL_DONE, CTL_DONE},
	 "failover --wait --timeout 150ms",
	 HACTL_FAILED,
	 "",
	 "refused: "},
	{{GOLDEN "active.in.json", NULL, CTL_DONE, CTL_DONE},
	 "failover --timeout soon",
	 HACTL_USAGE,
	 "",
	 "expected a duration"},
	{{GOLDEN "active.in.json", NULL, CTL_DONE, CTL_DONE},
	 "failover a b",
	 HACTL_USAGE,
	 "",
	 "unexpected argument \"b\""},
};

Test(hactl, a_failover_happens_or_is_refused_with_reason_and_remedy)
{
	for (size_t i = 0; i < sizeof(failovers) / sizeof(failovers[0]); i++) {
		struct result r = run(&failovers[i].script, cmd_failover, failovers[i].arguments);

		cr_expect_eq(r.status, failovers[i].status, "case %zu (%s): status %d\n%s%s", i,
			     failovers[i].arguments, r.status, r.out, r.err);
		cr_expect_eq(strncmp(r.out, failovers[i].out, strlen(failovers[i].out)), 0,
			     "case %zu: printed %s", i, r.out);
		cr_expect(strstr(r.err, failovers[i].err), "case %zu: complained %s", i, r.err);
		if (failovers[i].status != HACTL_DONE)
			cr_expect_str_eq(r.out, "", "case %zu: only data on stdout", i);
	}
}

Test(hactl, a_refusal_in_json_is_data)
{
	const struct script script = {GOLDEN "active.in.json", NULL, CTL_DONE, CTL_TIMED_OUT};
	struct result r = run(&script, cmd_failover, "failover --json");

	cr_expect_eq(r.status, HACTL_FAILED);
	cr_expect_str_eq(
		r.out,
		"{\"v\":1,\"ok\":false,\"code\":8002,\"text\":\"nobody took over "
		"within the time\",\"remedy\":\"nothing has changed here; hactl status on gw2 may tell why\"}\n");
	cr_expect_str_eq(r.err, "");
}

Test(hactl, resume_says_what_it_did)
{
	const struct script script = {GOLDEN "backup.in.json", NULL, CTL_DONE, CTL_DONE};
	struct result r = run(&script, cmd_resume, "resume");

	cr_expect_eq(r.status, HACTL_DONE);
	cr_expect_str_eq(r.out, "this node may take the VIPs back: with preempt = yes at once, "
				"otherwise when the other node gives them up\n");
}

static const struct {
	const char *rows;
	int status;
	const char *out;
} statuses[] = {
	{GOLDEN "active.in.json", HACTL_DONE, "OK: gw1 Active, gw2 ready, 1204 "},
	{GOLDEN "peer-missing.in.json", HACTL_FAILED, "DEGRADED: "},
	{GOLDEN "vrrpd-only.in.json", HACTL_FAILED, "DEGRADED: "},
	{GOLDEN "pool-down.in.json", HACTL_FAILED, "DOWN: "},
	{GOLDEN "nobody.in.json", HACTL_UNREACHABLE, "DOWN: neither vrrpd nor lbd"},
};

Test(hactl, the_exit_status_of_status_is_the_verdict)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		const struct script script = {statuses[i].rows, NULL, CTL_DONE, CTL_DONE};
		struct result r = run(&script, cmd_status, "status");

		cr_expect_eq(r.status, statuses[i].status, "%s: %d", statuses[i].rows, r.status);
		cr_expect_eq(strncmp(r.out, statuses[i].out, strlen(statuses[i].out)), 0, "%s",
			     r.out);
	}
}
