/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lbd's half of the kernel: table inet hapair_lb. Its chains, rules and sets are written once;
 * afterwards only set elements change, each plan in one transaction, because changing rules under
 * traffic loses connections and changing elements does not. A table that an earlier lbd left
 * behind (a crash, an upgrade of the program) is adopted as it is: its contents are read back and
 * only what differs is changed. Caller: lbd/main.c.
 *
 *   struct dataplane *dp;
 *   dataplane_open(conf, log, &dp);          reads what is there, changes nothing
 *   plan_build(&plan, conf, up);
 *   dataplane_apply(dp, &plan, &error);      first call creates or adopts; later ones change
 *   dataplane_sysctls(log);                  after the first apply
 *   dataplane_close(dp, true);               clean stop: true removes the table
 *
 * After a reload only plan_build() with the new configuration and dataplane_apply() are needed.
 */
#ifndef HA_DATAPLANE_H
#define HA_DATAPLANE_H

#include "conf.h"
#include "log.h"
#include "nft_tx.h"
#include "plan.h"

#include <stdbool.h>

struct dataplane; /**< opaque */

/** Name of the table, for messages. */
#define DATAPLANE_TABLE "hapair_lb"

/**
 * Opens the netlink socket, finds out whether this kernel can protect a table from other programs
 * (flags owner and persist), and reads a left-over table. log is borrowed until the close; conf is
 * not kept. Needs CAP_NET_ADMIN now and at every apply. Returns 0 and *out, or -errno after logging
 * what is missing and the remedy; -EBUSY: another living process owns the table.
 */
int dataplane_open(const struct conf *conf, struct log *log, struct dataplane **out)
	__attribute__((warn_unused_result));
/**
 * Makes the kernel hold `wanted`, in one transaction; nothing to change costs no system call.
 * wanted is copied. Returns 0, or -errno with *error saying what was refused: the kernel and this
 * object are unchanged then, and the next apply tries again.
 */
int dataplane_apply(struct dataplane *dp, const struct plan *wanted, struct nft_tx_error *error)
	__attribute__((warn_unused_result));
/** What the kernel holds after the last successful apply; borrowed until the next one. */
const struct plan *dataplane_applied(const struct dataplane *dp);
/** Frees dp (NULL is fine); remove_table: a clean stop, nothing of ours stays in the kernel. */
void dataplane_close(struct dataplane *dp, bool remove_table);

/**
 * Sets what load balancing needs in this network namespace (forwarding, conntrack events, loose
 * pick-up of TCP). Each one that can not be set is logged with the command that would. Returns how
 * many are wrong. Call it after the first apply: where conntrack is a module, its settings appear
 * with the first rules. CAP_NET_ADMIN suffices.
 */
int dataplane_sysctls(struct log *log);

#endif
