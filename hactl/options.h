/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of one command: its options set flags in a value the command owns, operands
 * follow. Every command has --json and -h.
 */
#ifndef HA_OPTIONS_H
#define HA_OPTIONS_H

#include "hactl.h"

#include <stddef.h>

/** One option of a command. */
struct options_flag {
	const char *name;  /**< long name without dashes */
	char letter;       /**< short name, or 0 */
	bool *flag;        /**< set to true when given, or NULL */
	const char **text; /**< receives the argument (borrowed), or NULL when it takes none */
};

struct options {
	const char *usage;                /**< what follows the name of the command */
	const struct options_flag *flags; /**< n_flags of them, besides --json and -h */
	size_t n_flags;                   /**< at most 8 */
	int max_operands;                 /**< 0 or 1 */
	bool json;                        /**< out: given here or globally */
	const char *operand;              /**< out: borrowed from argv, or NULL */
};

/**
 * Parses argv of a command as o says and fills in its results. Returns -1 to go on, or the exit
 * status (after -h, or after complaining).
 */
int options_parse(const struct hactl *h, int argc, char **argv, struct options *o);

#endif
