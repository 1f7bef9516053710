/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A drill's private directory: the configuration it runs with, derived from the given one, a key of
 * its own, run and state directories of both nodes, and logs. /run/hapair-drill-PID-XXXXXX; left
 * when a scenario fails. "owner" in it says whose it is, "pids" which processes it started, "kept"
 * that its laboratory was to stay.
 */
#ifndef HA_HOME_H
#define HA_HOME_H

#include "conf.h"

enum {
	HOME_PATH_MAX = 96, /**< leaves room for NODE/vrrpd.sock in a socket address */
};

#define HOME_DIR    "/run"
#define HOME_PREFIX "hapair-drill-"
#define HOME_OWNER  "owner"
#define HOME_PIDS   "pids"
#define HOME_KEPT   "kept"

struct home {
	char path[HOME_PATH_MAX];
};

/** What a scenario changes in the configuration. */
struct home_change {
	mono advert_interval; /**< zero: as configured */
	bool preempt;         /**< true: on, else as configured */
};

/**
 * Loads what the drill is about: path if it exists, else the configuration built in (equal to the
 * shipped example). Errors go to stderr. NULL when it does not load. *builtin tells which.
 */
struct conf *home_load_conf(const char *path, bool *builtin) __attribute__((warn_unused_result));
/** Makes the directory with key and sub-directories for conf's nodes. 0 or -errno. */
int home_make(struct home *home, const struct conf *conf) __attribute__((warn_unused_result));
/** Writes hapair.conf into it and loads it back. NULL when that fails. */
struct conf *home_derive_conf(const struct home *home, const struct conf *conf,
			      const struct home_change *change) __attribute__((warn_unused_result));
/** "DIR/name" (node NULL) or "DIR/node/name"; returns buf. */
const char *home_file(const struct home *home, const char *node, const char *name,
		      char buf[static CONF_PATH_MAX]);
/** Removes everything in it. */
void home_remove(struct home *home);
/** Marks the laboratory as one that stays until it is cleaned up. */
int home_keep(const struct home *home) __attribute__((warn_unused_result));
/** One line: what a drill changes in the configuration. */
void home_describe_change(FILE *out, const struct conf *conf, const struct home_change *change);
/** Writes the last lines of a log to stderr, each behind a prefix. */
void home_show_log(const struct home *home, const char *name, unsigned lines);

#endif
