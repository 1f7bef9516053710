/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * THE configuration table: every section and key with type, unit, range, default and one line of
 * help. The parser, the error messages, the canonical print, `hactl` help and the test that
 * compares hapair.conf(5) with the program all read it, so a key exists in one place only.
 */
#ifndef HA_SCHEMA_H
#define HA_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum schema_section {
	SCHEMA_PAIR,
	SCHEMA_NODE,
	SCHEMA_GROUP,
	SCHEMA_VIP,
	SCHEMA_POOL,
	SCHEMA_SERVICE,
	SCHEMA_SECTION_N,
};

enum schema_type {
	SCHEMA_BOOL,       /**< yes, no */
	SCHEMA_DURATION,   /**< number with ms, s, m or h; min, max, step in milliseconds */
	SCHEMA_NUMBER,     /**< decimal or 0x hexadecimal; min, max */
	SCHEMA_PATH,       /**< absolute file name */
	SCHEMA_IFNAME,     /**< a network interface */
	SCHEMA_IFNAMES,    /**< list of them */
	SCHEMA_ADDRESS,    /**< one IPv4 or IPv6 address */
	SCHEMA_PREFIXES,   /**< list of addresses with prefix length */
	SCHEMA_SERVERS,    /**< list, one server a line */
	SCHEMA_PORTS,      /**< list of protocol/port and protocol/first-last */
	SCHEMA_PRIORITIES, /**< list of node=priority; min, max */
	SCHEMA_ENUM,       /**< one of `values` */
	SCHEMA_PROFILE,    /**< name of a service profile (profile.h) */
	SCHEMA_VIP_NAME,   /**< reference to a [vip NAME] */
	SCHEMA_POOL_NAME,  /**< reference to a [pool NAME] */
	SCHEMA_GROUP_NAME, /**< reference to a [group NAME] */
	SCHEMA_TYPE_N,
};

struct schema_key {
	enum schema_section section;
	enum schema_type type;
	const char *name;
	const char *dflt;     /**< as the file would say it, or NULL: see `inherits`, or none */
	const char *inherits; /**< for people, where the default comes from when dflt is NULL */
	const char *values;   /**< SCHEMA_ENUM: accepted words, separated by one space */
	int64_t min, max;     /**< inclusive; 0, 0 when the type has no range */
	int64_t step;         /**< the value is a multiple of it; 0 or 1: any */
	bool required;        /**< must stand in every section of its kind */
	const char *help;     /**< one line, lower case, no full stop */
};

enum {
	SCHEMA_ACCEPTS_MAX = 192, /**< longest schema_accepts() text with NUL */
};

/** "pair", "node", ... */
const char *schema_section_name(enum schema_section section);
/** True when the header is [kind NAME] and may stand several times; [pair] has no name. */
bool schema_section_is_named(enum schema_section section);
/** One line about the section. */
const char *schema_section_help(enum schema_section section);
/** SCHEMA_SECTION_N when there is none of that name. */
enum schema_section schema_section_find(const char *name);
/** The section whose name is nearest to word, or SCHEMA_SECTION_N when none is near. */
enum schema_section schema_section_nearest(const char *word);

/** The whole table in section order; *n receives its length. */
const struct schema_key *schema_table(size_t *n);
/** NULL when the section has no such key. */
const struct schema_key *schema_find(enum schema_section section, const char *name);
/** The section's key nearest to word, or NULL when none is near enough to be meant. */
const struct schema_key *schema_nearest(enum schema_section section, const char *word);
/** A section (not `not_in`) that has a key of exactly this name, or SCHEMA_SECTION_N. */
enum schema_section schema_section_having(const char *name, enum schema_section not_in);

/** "duration", "number", "list of servers", ... */
const char *schema_type_name(enum schema_type type);
/** True when the value may go on over several words and indented lines. */
bool schema_type_is_list(enum schema_type type);
/** Writes the range, "10ms to 1h", "1 to 255", "tcp or none"; "" when the type has none. */
const char *schema_range(const struct schema_key *key, char buf[SCHEMA_ACCEPTS_MAX]);
/** Writes what the key accepts, with unit and range: "a duration, 10ms to 40950ms, ...". */
const char *schema_accepts(const struct schema_key *key, char buf[SCHEMA_ACCEPTS_MAX]);

#endif
