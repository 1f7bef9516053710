/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The context main.c owns and the files of the daemon share: which parts there are, and how they
 * are wired. control.c reads it, serve.c acts on it; nothing else includes it.
 */
#ifndef HA_LBD_H
#define HA_LBD_H

#include "checker.h"
#include "conf.h"
#include "ctl_server.h"
#include "daemon.h"
#include "dataplane.h"
#include "log.h"
#include "plan.h"
#include "servers.h"
#include "sync.h"
#include "vrrp_watch.h"

struct event;
struct event_base;

struct lbd {
	struct daemon_options options;
	struct event_base *base;
	struct log *log;
	struct conf *conf; /**< in force; replaced whole at reload */
	struct servers *servers;
	struct checker *checker;
	struct dataplane *dataplane;
	struct sync *sync;
	struct vrrp_watch *watch;
	struct ctl_server *control;
	struct event *soon;   /**< lbd_tick() from the event loop */
	struct event *second; /**< lbd_tick() each second */
	mono started;
	bool peer_near;     /**< the peer is connected and has our configuration: its word counts */
	bool owner;         /**< a group is Active here: we stream connections */
	bool apply_pending; /**< the kernel refused the last plan; tried again at the next tick */
	size_t conflicts;   /**< plan.conflicts last logged */
	struct log_limit apply_limit;
	struct log_limit flush_limit;
};

/* serve.c: verdicts, roles and words between the parts. */

/**
 * Computes the wanted tables and makes the kernel hold them. Returns 0 or -errno: logged,
 * remembered and tried again at the next tick, so that callers may go on.
 */
int lbd_apply(struct lbd *lbd);
/** Servers that an adopted table had taken out start as down. Before the first lbd_apply(). */
void lbd_seed_servers(struct lbd *lbd);
/** Has the servers checked, from what is known of them. 0 or -errno. */
int lbd_check_servers(struct lbd *lbd) __attribute__((warn_unused_result));
/** checker_fn: an outcome of our own checker. */
void lbd_on_report(void *arg, const struct checker_report *report);
/** vrrp_watch_fn: vrrpd came, went, or changed a role. */
void lbd_on_roles(void *arg);
/** Once a second, and whenever the link, the sync or a role changes. */
void lbd_tick(struct lbd *lbd);
/** What sync.h calls back. */
const struct sync_callbacks *lbd_sync_callbacks(void);
/** Replaces the configuration (SIGHUP); refuses with a logged reason what needs a restart. */
void lbd_reload(struct lbd *lbd);

/* control.c */

/** Opens RUNDIR/lbd.sock. Returns 0 or -errno. */
int lbd_control_open(struct lbd *lbd) __attribute__((warn_unused_result));

#endif
