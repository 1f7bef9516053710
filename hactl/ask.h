/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What several commands ask the two daemons, with the usual time-outs: their whole status, and the
 * translation of a bad last reply into a refusal for the reader.
 */
#ifndef HA_ASK_H
#define HA_ASK_H

#include "client.h"
#include "hactl.h"
#include "out.h"
#include "snapshot.h"

/**
 * Asks both daemons for their status. A daemon that does not answer leaves its member NULL and the
 * reason in *vrrpd_rc or *lbd_rc (0 or -errno). The caller ends with snapshot_fini().
 */
void ask_status(const struct hactl *h, struct snapshot *out, int *vrrpd_rc, int *lbd_rc);
/** Fills *r from a last reply that is not CTL_DONE. */
void ask_explain_reply(const struct ctl_reply *last, struct refusal *r);
/** Fills *r for a daemon that cannot be reached. */
void ask_explain_rc(const struct hactl *h, const char *daemon, int rc, struct refusal *r);

#endif
