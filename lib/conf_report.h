/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Collects what is wrong with a configuration in line order; used by the conf_*.c files only. */
#ifndef HA_CONF_REPORT_H
#define HA_CONF_REPORT_H

#include "conf.h"

struct conf_report {
	struct conf_error *head; /**< in line order; handed to the caller of conf_load() */
	size_t n_errors;         /**< findings that stop the load, counted even when not kept */
	size_t n_kept;           /**< length of the list */
	bool out_of_memory;      /**< a finding or a part of the configuration was lost */
};

/** line: 1.., or 0 for the whole file. The text ends with the remedy where there is one. */
void conf_report_error(struct conf_report *report, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** The same for what is worth telling but does not stop the load. */
void conf_report_warning(struct conf_report *report, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
