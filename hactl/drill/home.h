/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A drill's private directory: the configuration it runs with, derived from the given one, a key of
 * its own, run and state directories of both nodes, and logs. /run/hapair-drill-PID-XXXXXX; kept
 * when a scenario fails.
 */
#ifndef HA_HOME_H
#define HA_HOME_H

#include "conf.h"

enum {
	HOME_PATH_MAX = 96, /**< leaves room for NODE/vrrpd.sock in a socket address */
};

struct home {
	char path[HOME_PATH_MAX];
};

/** What a scenario changes in the configuration. */
struct home_change {
	mono advert_interval;
	bool preempt;
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
/** Removes the directories of drills that are over; returns how many. */
unsigned home_sweep(void);
/** Writes the last lines of a log to stderr, each behind a prefix. */
void home_show_log(const struct home *home, const char *name, unsigned lines);

#endif
