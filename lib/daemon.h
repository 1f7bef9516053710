/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What starting vrrpd and starting lbd have in common: the command line, the first load of the
 * configuration and every later one. Called by their main.c.
 */
#ifndef HA_DAEMON_H
#define HA_DAEMON_H

#include "conf.h"
#include "log.h"

#include <stdbool.h>

enum daemon_exit {
	DAEMON_EXIT_OK = 0,
	DAEMON_EXIT_FAILED = 1,
	DAEMON_EXIT_USAGE = 2,
};

/** The command line; strings are borrowed from argv or constants. */
struct daemon_options {
	const char *program; /**< "vrrpd" or "lbd" */
	const char *conf_path;
	const char *node; /**< NULL: by host name */
	const char *rundir;
	const char *statedir;
	bool check_only; /**< -t: load the configuration, say what is wrong, leave */
	bool verbose;    /**< -v: log at debug level */
	bool reads_key;  /**< the key file is part of what daemon_conf_load() judges */
};

/**
 * Parses the options both daemons share. Returns true to go on; false to leave with *exit_status
 * (a usage error, -h or -V, or no right to do a daemon's work, whose text has been printed: unless
 * -t is given, this is the first thing that a daemon says and does).
 */
bool daemon_options_parse(int argc, char **argv, const char *program, struct daemon_options *out,
			  int *exit_status) __attribute__((warn_unused_result));

/**
 * Loads the configuration for the first time; findings go to stderr as "file:line: error: text".
 * With reads_key a pair's key file is read too, as the daemon will, and what is wrong with it is an
 * error like the others. Later loads leave it alone: the daemon has given up being root by then.
 * Returns the conf, owned by the caller, or NULL.
 */
struct conf *daemon_conf_load(const struct daemon_options *options)
	__attribute__((warn_unused_result));

/**
 * Loads it again (SIGHUP); findings are logged, one line each. Returns the new conf, owned by the
 * caller, or NULL: then the running one stays.
 */
struct conf *daemon_conf_reload(const struct daemon_options *options, struct log *log)
	__attribute__((warn_unused_result));

#endif
