// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lbd: options, start order, signals. Signals are watched first, so that one that comes early is
 * served when the loop begins. The helper of the checks is forked next, while the process holds
 * nothing but the configuration; privileges go last, when every socket is open.
 */
#include "lbd.h"

#include "notify.h"
#include "privs.h"

#include <event2/event.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_SIGNALS = 3 };

struct signals {
	struct event *event[N_SIGNALS];
};

static void on_second(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	lbd_tick(arg);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	notify_send("WATCHDOG=1");
}

static void on_stop(evutil_socket_t signal_number, short what, void *arg)
{
	struct lbd *lbd = arg;

	(void)what;
	log_msg(lbd->log, LOG_LEVEL_INFO, "stop: signal=%s", sigabbrev_np((int)signal_number));
	event_base_loopbreak(lbd->base);
}

static void on_reload(evutil_socket_t signal_number, short what, void *arg)
{
	(void)signal_number;
	(void)what;
	lbd_reload(arg);
}

static bool open_timers(struct lbd *lbd)
{
	static const struct timeval second = {.tv_sec = 1};

	lbd->soon = event_new(lbd->base, -1, 0, on_second, lbd);
	lbd->second = event_new(lbd->base, -1, EV_PERSIST, on_second, lbd);
	return lbd->soon && lbd->second && event_add(lbd->second, &second) == 0;
}

static bool watch_signals(struct lbd *lbd, struct signals *signals)
{
	static const struct {
		int number;
		event_callback_fn fn;
	} rows[N_SIGNALS] = {{SIGTERM, on_stop}, {SIGINT, on_stop}, {SIGHUP, on_reload}};

	for (size_t i = 0; i < N_SIGNALS; i++) {
		signals->event[i] = evsignal_new(lbd->base, rows[i].number, rows[i].fn, lbd);
		if (!signals->event[i] || event_add(signals->event[i], NULL) != 0)
			return false;
	}
	return true;
}

static void forget_signals(struct signals *signals)
{
	for (size_t i = 0; i < N_SIGNALS; i++)
		if (signals->event[i])
			event_free(signals->event[i]);
}

/** The rules: what an earlier lbd left is taken over, with what it knew of the servers. */
static bool open_dataplane(struct lbd *lbd)
{
	if (dataplane_open(lbd->conf, lbd->log, &lbd->dataplane) != 0)
		return false;
	lbd_seed_servers(lbd);
	if (lbd_apply(lbd) != 0)
		return false;
	/* After the first rules: where conntrack is a module, its sysctls come with them. */
	(void)dataplane_sysctls(lbd->log);
	return true;
}

/** Everything the daemon serves with. Returns false after logging what is missing. */
static bool open_parts(struct lbd *lbd)
{
	char error[PAIR_ERROR_MAX] = "";
	const struct sync_setup setup = {
		.base = lbd->base,
		.log = lbd->log,
		.conf = lbd->conf,
		.callbacks = lbd_sync_callbacks(),
		.arg = lbd,
	};
	int rc = checker_start(lbd->base, lbd->log, lbd_on_report, lbd, &lbd->checker);

	if (rc == 0 && !open_dataplane(lbd))
		return false;
	if (rc == 0)
		rc = lbd_check_servers(lbd);
	if (rc) {
		log_msg(lbd->log, LOG_LEVEL_ERR, "start: checker error=\"%s\"", strerror(-rc));
		return false;
	}
	rc = vrrp_watch_open(lbd->base, lbd->options.rundir, lbd->log, lbd_on_roles, lbd,
			     &lbd->watch);
	if (rc == 0)
		rc = sync_open(&setup, &lbd->sync, error);
	if (rc) {
		log_msg(lbd->log, LOG_LEVEL_ERR, "start: %s", error[0] ? error : strerror(-rc));
		return false;
	}
	rc = lbd_control_open(lbd);
	if (rc) {
		log_msg(lbd->log, LOG_LEVEL_ERR, "start: control socket in %s error=\"%s\"",
			lbd->options.rundir, strerror(-rc));
		return false;
	}
	return true;
}

static bool drop_privileges(struct lbd *lbd)
{
	static const int keep[] = {CAP_NET_ADMIN, CAP_NET_RAW};
	int rc = privs_drop("hapair", keep, sizeof(keep) / sizeof(keep[0]), NULL);

	if (rc)
		log_msg(lbd->log, LOG_LEVEL_ERR,
			"start: capabilities error=\"%s\" remedy=\"run as "
			"root or with CAP_NET_ADMIN and CAP_NET_RAW\"",
			strerror(-rc));
	return rc == 0;
}

/** Serves until a signal ends it. */
static void serve(struct lbd *lbd)
{
	mono interval = notify_watchdog_interval();
	struct event *watchdog = NULL;

	if (!mono_is_never(interval)) {
		const struct timeval tv = {.tv_sec = (time_t)(mono_to_us(interval) / 1000000),
					   .tv_usec =
						   (suseconds_t)(mono_to_us(interval) % 1000000)};

		watchdog = event_new(lbd->base, -1, EV_PERSIST, on_watchdog, NULL);
		if (watchdog)
			event_add(watchdog, &tv);
	}
	log_msg(lbd->log, LOG_LEVEL_INFO, "start: node=%s services=%zu pools=%zu servers=%zu",
		conf_self(lbd->conf)->name, lbd->conf->n_services, lbd->conf->n_pools,
		servers_n(lbd->servers));
	notify_send("READY=1");
	event_base_dispatch(lbd->base);
	notify_send("STOPPING=1");
	if (watchdog)
		event_free(watchdog);
}

/** After a start that went well: whether the rules go with us. */
static bool takes_rules_along(const struct lbd *lbd)
{
	if (lbd->owner)
		log_msg(lbd->log, LOG_LEVEL_NOTICE,
			"stop: this node is Active: the rules stay so that sessions go on");
	return !lbd->owner;
}

static void close_parts(struct lbd *lbd, bool remove_table)
{
	log_set_tap(lbd->log, NULL, NULL);
	ctl_server_close(lbd->control);
	if (lbd->sync)
		sync_close(lbd->sync);
	vrrp_watch_close(lbd->watch);
	checker_stop(lbd->checker);
	dataplane_close(lbd->dataplane, remove_table);
	if (lbd->soon)
		event_free(lbd->soon);
	if (lbd->second)
		event_free(lbd->second);
	if (lbd->base)
		event_base_free(lbd->base);
	servers_free(lbd->servers);
	conf_free(lbd->conf);
	log_free(lbd->log);
}

static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
		base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	return base;
}

int main(int argc, char **argv)
{
	struct lbd lbd = {.started = mono_now()};
	struct signals signals = {0};
	int status;

	if (!daemon_options_parse(argc, argv, "lbd", &lbd.options, &status))
		return status;
	if (lbd.options.check_only) {
		lbd.conf = daemon_conf_load(&lbd.options);
		status = lbd.conf ? DAEMON_EXIT_OK : DAEMON_EXIT_FAILED;
		conf_free(lbd.conf);
		return status;
	}
	lbd.base = new_base();
	if (lbd.base && watch_signals(&lbd, &signals))
		lbd.conf = daemon_conf_load(&lbd.options);
	if (!lbd.conf) {
		forget_signals(&signals);
		close_parts(&lbd, false);
		return DAEMON_EXIT_FAILED;
	}
	signal(SIGPIPE, SIG_IGN);
	lbd.log = log_new("lbd", lbd.options.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	lbd.servers = servers_new(lbd.conf, lbd.started);
	bool ok = lbd.log && lbd.servers && open_parts(&lbd) && open_timers(&lbd) &&
		  drop_privileges(&lbd);

	if (ok) {
		lbd_tick(&lbd);
		serve(&lbd);
	}
	forget_signals(&signals);
	close_parts(&lbd, ok && takes_rules_along(&lbd));
	return ok ? DAEMON_EXIT_OK : DAEMON_EXIT_FAILED;
}
