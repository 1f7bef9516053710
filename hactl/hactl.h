/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What main.c and the commands of hactl share: the global options and the commands themselves.
 */
#ifndef HA_HACTL_H
#define HA_HACTL_H

#include <stdbool.h>

/** Exit status of hactl; scripts rely on the numbers. */
enum hactl_exit {
	HACTL_DONE = 0,
	HACTL_FAILED = 1,      /**< refused, timed out, findings, or not all well (status) */
	HACTL_USAGE = 2,       /**< the command line was wrong */
	HACTL_UNREACHABLE = 3, /**< no daemon answers */
};

/** Global options, filled in by main.c; all strings are borrowed for the life of the process. */
struct hactl {
	const char *conf_path; /**< -c, default /etc/hapair/hapair.conf */
	const char *node;      /**< -n, or NULL: this host's name */
	const char *rundir;    /**< -r, folder of the control sockets, default /run/hapair */
	bool json;             /**< --json before the command */
	const char *self_path; /**< this binary: vrrpd and lbd are looked for beside it */
};

/*
 * The commands. argv[0] is the command's own name; each parses its options with getopt_long()
 * after setting optind to 0, and returns an enum hactl_exit.
 */
int cmd_status(const struct hactl *h, int argc, char **argv);
int cmd_failover(const struct hactl *h, int argc, char **argv);
int cmd_resume(const struct hactl *h, int argc, char **argv);
int cmd_check(const struct hactl *h, int argc, char **argv);
int cmd_keygen(const struct hactl *h, int argc, char **argv);
int cmd_monitor(const struct hactl *h, int argc, char **argv);
int cmd_drill(const struct hactl *h, int argc, char **argv);

#endif
