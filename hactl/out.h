/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Output by function table: commands hand over what they found, one implementation writes it for
 * people, the other for programs. Both tell the same; only data goes to stdout.
 */
#ifndef HA_OUT_H
#define HA_OUT_H

#include "conf.h"
#include "snapshot.h"
#include "verdict.h"

#include <stdbool.h>
#include <stdio.h>

struct out;

/** A planned failover that worked. */
struct handover {
	const char *from;
	const char *to;
	const json_t *groups;   /**< names, borrowed */
	double took_ms;         /**< from the resignation to the peer's first advertisement */
	double lag_ms;          /**< of the barrier; negative: it was not passed (forced) */
	json_int_t connections; /**< in the peer's kernel before; negative: unknown */
	bool forced;
};

/** Why a command did not do what it was asked for, and what to do about it. */
struct refusal {
	int code;         /**< enum ctl_code */
	char text[320];   /**< the reason */
	char remedy[320]; /**< "" when there is none */
};

/** What `hactl check` found out about a whole file. */
struct check_result {
	const char *path;
	const struct conf *conf; /**< NULL when there were errors */
	size_t n_errors;
	size_t n_warnings;
};

struct out_ops {
	void (*status)(struct out *out, const struct snapshot *s, const struct verdict *v);
	void (*handover)(struct out *out, const struct handover *h);
	/** The command worked and there is nothing to tell but text. */
	void (*done)(struct out *out, const char *text);
	void (*refusal)(struct out *out, const struct refusal *r);
	/** One finding of `check`, in order, then checked() once. */
	void (*finding)(struct out *out, const char *path, const struct conf_error *error);
	void (*checked)(struct out *out, const struct check_result *r);
	/** One event of `monitor`; at_ms: milliseconds since 1970. */
	void (*event)(struct out *out, const char *daemon, json_int_t at_ms,
		      const struct ctl_reply *reply);
};

struct out {
	const struct out_ops *ops;
	FILE *data;       /**< stdout, or a test's file */
	FILE *complaints; /**< stderr, or a test's file */
	bool colour;      /**< text only */
	json_t *findings; /**< JSON only: collected until checked() */
};

const struct out_ops *out_text_ops(void);
const struct out_ops *out_json_ops(void);
/** Standard streams; colour when stdout is a terminal and NO_COLOR is not set. */
void out_init(struct out *out, bool json);
void out_fini(struct out *out);

/** The status screen, split off out_text.c for its size. */
void out_text_status(struct out *out, const struct snapshot *s, const struct verdict *v);

#endif
