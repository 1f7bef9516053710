// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vrrpd: decides which node is Active and holds the virtual addresses. Start order and event loop;
 * everything else is in driver.c and below.
 */
#include "daemon.h"
#include "driver.h"
#include "host_check.h"
#include "notify.h"
#include "privs.h"
#include "realtime.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char service_user[] = "hapair";

struct program {
	struct daemon_options options;
	struct event_base *base;
	struct log *log;
	struct driver *driver;
	struct event *term;
	struct event *interrupt;
	struct event *hangup;
	struct event *watchdog;
};

static void on_stop(evutil_socket_t signum, short what, void *arg)
{
	struct program *p = arg;

	(void)what;
	log_msg(p->log, LOG_LEVEL_INFO, "stopping signal=%d", (int)signum);
	notify_send("STOPPING=1");
	event_base_loopbreak(p->base);
}

static void on_hangup(evutil_socket_t signum, short what, void *arg)
{
	struct program *p = arg;

	(void)signum;
	(void)what;
	notify_send("RELOADING=1");
	driver_reload(p->driver);
	notify_send("READY=1");
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	notify_send("WATCHDOG=1");
}

static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();

	if (!config)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	struct event_base *base = event_base_new_with_config(config);

	event_config_free(config);
	return base;
}

static int add_signals(struct program *p)
{
	mono interval = notify_watchdog_interval();

	p->term = evsignal_new(p->base, SIGTERM, on_stop, p);
	p->interrupt = evsignal_new(p->base, SIGINT, on_stop, p);
	p->hangup = evsignal_new(p->base, SIGHUP, on_hangup, p);
	if (!p->term || !p->interrupt || !p->hangup || evsignal_add(p->term, NULL) ||
	    evsignal_add(p->interrupt, NULL) || evsignal_add(p->hangup, NULL))
		return -ENOMEM;
	if (mono_is_never(interval))
		return 0;
	struct timeval tv = {
		.tv_sec = mono_to_us(interval) / 1000000,
		.tv_usec = mono_to_us(interval) % 1000000,
	};

	p->watchdog = event_new(p->base, -1, EV_PERSIST, on_watchdog, NULL);
	return p->watchdog && evtimer_add(p->watchdog, &tv) == 0 ? 0 : -ENOMEM;
}

static int drop_privileges(struct program *p)
{
	static const int required[] = {CAP_NET_ADMIN, CAP_NET_RAW};
	static const int optional[] = {CAP_SYS_NICE};
	static const struct privs_caps caps = {
		.required = required,
		.n_required = sizeof(required) / sizeof(required[0]),
		.optional = optional,
		.n_optional = sizeof(optional) / sizeof(optional[0]),
	};
	const char *missing;
	int err = privs_drop_to(service_user, &caps, &missing);

	if (err && missing)
		log_msg(p->log, LOG_LEVEL_ERR, "needs the capability %s", missing);
	else if (err)
		log_msg(p->log, LOG_LEVEL_ERR, "cannot give up privileges error=\"%s\"",
			strerror(-err));
	return err;
}

/** Refusals are said once; the work goes on. Returns true when scheduling was granted. */
static bool start_realtime(struct log *log)
{
	int schedule_err = realtime_schedule();
	int lock_err = realtime_lock_memory();

	if (schedule_err)
		log_msg(log, LOG_LEVEL_WARN,
			"SCHED_FIFO refused, may be late under load error=\"%s\"",
			strerror(-schedule_err));
	if (lock_err)
		log_msg(log, LOG_LEVEL_WARN, "memory cannot be locked error=\"%s\"",
			strerror(-lock_err));
	return schedule_err == 0;
}

/** ours: the service user must be able to write there. */
static void make_directory(struct log *log, const char *path, bool ours)
{
	const struct passwd *pw = ours && geteuid() == 0 ? getpwnam(service_user) : NULL;

	if (mkdir(path, 0755) < 0) {
		if (errno != EEXIST)
			log_msg(log, LOG_LEVEL_WARN, "cannot make directory path=%s error=\"%s\"",
				path, strerror(errno));
	} else if (pw && chown(path, pw->pw_uid, pw->pw_gid) < 0) {
		log_msg(log, LOG_LEVEL_WARN, "cannot change owner path=%s error=\"%s\"", path,
			strerror(errno));
	}
}

/** What the configuration expects of this host and the host does not have: it may still come. */
static void warn_of_host(struct log *log, const struct conf *conf)
{
	struct conf_error *findings = host_check(conf);

	for (const struct conf_error *f = findings; f; f = f->next)
		log_msg(log, LOG_LEVEL_WARN, "%s:%d: %s", conf->path, f->line, f->text);
	conf_errors_free(findings);
}

static int run(struct program *p, struct conf *conf_take)
{
	struct driver_options options = {
		.base = p->base,
		.log = p->log,
		.daemon = &p->options,
		.realtime = start_realtime(p->log),
	};

	warn_of_host(p->log, conf_take);
	make_directory(p->log, p->options.rundir, false);
	make_directory(p->log, p->options.statedir, true);
	/* A signal that comes while devices are being made is obeyed once they can be unmade. */
	int err = add_signals(p);

	if (err)
		conf_free(conf_take);
	else
		err = driver_open(&options, conf_take, &p->driver);
	if (!err)
		err = drop_privileges(p);
	if (err && p->driver)
		driver_stop(p->driver);
	if (err)
		return err;
	driver_start(p->driver);
	log_msg(p->log, LOG_LEVEL_INFO, "started version=%s", HAPAIR_VERSION);
	notify_send("READY=1");
	event_base_dispatch(p->base);
	driver_stop(p->driver);
	return 0;
}

static void program_fini(struct program *p)
{
	struct event *events[] = {p->term, p->interrupt, p->hangup, p->watchdog};

	driver_close(p->driver);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
	if (p->base)
		event_base_free(p->base);
	log_free(p->log);
}

int main(int argc, char **argv)
{
	struct program p = {.base = NULL};
	int status;

	if (!daemon_options_parse(argc, argv, "vrrpd", &p.options, &status))
		return status;
	struct conf *conf = daemon_conf_load(&p.options);

	if (!conf)
		return EXIT_FAILURE;
	if (p.options.check_only) {
		conf_free(conf);
		return EXIT_SUCCESS;
	}
	/* Whoever reads our log may go away. */
	signal(SIGPIPE, SIG_IGN);
	p.log = log_new("vrrpd", p.options.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	p.base = new_base();
	int err = -ENOMEM;

	if (p.log && p.base)
		err = run(&p, conf);
	else
		conf_free(conf);
	program_fini(&p);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
