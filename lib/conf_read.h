/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * First half of loading a configuration: text → sections, keys and words with their lines, checked
 * against the schema for existence and repetition only. Used by conf.c; conf_build.c gives the
 * words their meaning.
 */
#ifndef HA_CONF_READ_H
#define HA_CONF_READ_H

#include "conf_report.h"
#include "schema.h"

#include <sys/queue.h>

enum {
	CONF_LINE_MAX = 199, /**< bytes of a line; libinih's buffer less the NUL */
};

/** What stands on one line of a value. */
struct raw_value {
	STAILQ_ENTRY(raw_value) entries;
	int line;
	char text[CONF_LINE_MAX + 1]; /**< without comment and outer white space, never empty */
};

STAILQ_HEAD(raw_values, raw_value);

struct raw_key {
	STAILQ_ENTRY(raw_key) entries;
	const struct schema_key *key;
	int line;
	struct raw_values values;
};

struct raw_section {
	STAILQ_ENTRY(raw_section) entries;
	enum schema_section kind;
	char name[CONF_NAME_MAX]; /**< "" for [pair] */
	int line;
	bool bad;     /**< something in it was wrong: do not judge what follows from it */
	void *object; /**< set by conf_build(): the struct made of it, NULL when there is none */
	STAILQ_HEAD(, raw_key) keys;
};

struct raw_conf {
	STAILQ_HEAD(, raw_section) sections;
};

/** Reads text; findings go to report. What could be read stays in *raw, for conf_read_free(). */
void conf_read(struct raw_conf *raw, const char *text, size_t len_bytes,
	       struct conf_report *report);
void conf_read_free(struct raw_conf *raw);

/** NULL when the section does not set the key. */
const struct raw_key *raw_section_find_key(const struct raw_section *section, const char *name);
/** The section whose header stands on this line, or NULL. */
struct raw_section *raw_conf_find_line(const struct raw_conf *raw, int line);
/** True for what may name a node, group, vip, pool, service or server. */
bool conf_name_is_valid(const char *name);

#endif
