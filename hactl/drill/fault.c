// SPDX-License-Identifier: GPL-2.0-or-later
#include "fault.h"

#include "child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum {
	FAILOVER_PATIENCE_S = 20,
};

static void happen(struct stage *s, size_t node, const char *what)
{
	mono now = mono_now();

	if (s->n_moves > 0)
		s->move[s->n_moves - 1].begin = now;
	/* The first move is the zero of the timeline, or what comes before it until it does. */
	if (s->n_moves <= 1)
		s->result->fault = now;
	timeline_add(&s->result->timeline, now, s->conf->nodes[node].name, "%s", what);
}

/* hactl is running; the rest of the drill goes on meanwhile. */
static int await_hactl(struct stage *s, pid_t pid, int *status)
{
	mono deadline = mono_add(mono_now(), stage_patience(s, FAILOVER_PATIENCE_S));
	int rc = 0;

	while (rc == 0 && !child_ended(&pid, status)) {
		if (mono_reached(deadline, mono_now()))
			rc = -ETIMEDOUT;
		else
			rc = stage_run_for(s, mono_from_ms(1));
	}
	child_kill(&pid);
	return rc;
}

int fault_planned(struct stage *s, size_t node)
{
	char conf[CONF_PATH_MAX], rundir[CONF_PATH_MAX], log[CONF_PATH_MAX];
	const char *name = s->conf->nodes[node].name;
	const char *const argv[] = {s->options->self_path,
				    "-c",
				    home_file(&s->home, NULL, "hapair.conf", conf),
				    "-n",
				    name,
				    "-r",
				    home_file(&s->home, NULL, name, rundir),
				    "failover",
				    NULL};
	int status = 0;

	happen(s, node, "hactl failover");
	const struct child_place place = {
		.log_path = home_file(&s->home, NULL, "failover.log", log), .record_path = s->pids};
	pid_t pid = child_spawn(&place, argv);
	int rc = pid < 0 ? pid : await_hactl(s, pid, &status);

	if (rc == 0 && status == 0) {
		timeline_add(&s->result->timeline, mono_now(), name, "hactl failover: done");
		return 0;
	}
	if (rc == -EINTR || rc == -ECHILD)
		return rc;
	scenario_why(s->result, "hactl failover %s, see %s",
		     rc ? "did not end" : "failed or was refused", log);
	home_show_log(&s->home, "failover.log", 5);
	return 0; /* what clients saw is judged all the same */
}

int fault_power_loss(struct stage *s, size_t node)
{
	happen(s, node, "power lost");
	/* Stopped first: nothing of it may react to the links going. */
	if (kill(s->vrrpd[node], SIGSTOP) || kill(s->lbd[node], SIGSTOP)) {
		scenario_why(s->result, "stopping the daemons: %s", strerror(errno));
		return -ESRCH;
	}
	int rc = lab_plug(&s->lab, node, false);

	child_kill(&s->vrrpd[node]);
	child_kill(&s->lbd[node]);
	watch_stop(s->watch, node);
	timeline_add(&s->result->timeline, mono_now(), s->conf->nodes[node].name,
		     "all its links down, all its processes gone");
	if (rc)
		scenario_why(s->result, "cutting the links: %s", s->lab.error);
	return rc;
}

int fault_vrrpd_kill(struct stage *s, size_t node)
{
	happen(s, node, "vrrpd killed (SIGKILL)");
	child_kill(&s->vrrpd[node]);
	return 0;
}

int fault_power_on(struct stage *s, size_t node)
{
	happen(s, node, "power on");
	int rc = lab_plug(&s->lab, node, true);

	if (rc)
		scenario_why(s->result, "connecting the links: %s", s->lab.error);
	return rc ? rc : stage_start_node(s, node);
}
