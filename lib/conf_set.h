/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Setters: one key's raw value → a field of struct conf. Bound to the schema's keys by the table in
 * conf_build.c; single values are in conf_set.c, lists in conf_lists.c.
 */
#ifndef HA_CONF_SET_H
#define HA_CONF_SET_H

#include "conf_read.h"

struct build {
	struct conf *conf;
	struct raw_conf *raw;
	struct conf_report *report;
	struct raw_section *section; /**< the one being filled; marked bad by a finding */
};

/**
 * Sets the field at offset of object, the struct of the section, or reports why not and leaves it.
 * The key has at least one value, and exactly one unless it is a list.
 */
typedef void conf_set_fn(struct build *b, const struct raw_key *key, void *object, size_t offset);

conf_set_fn conf_set_bool, conf_set_duration, conf_set_u8, conf_set_u16, conf_set_u32,
	conf_set_path, conf_set_ifname, conf_set_address, conf_set_check, conf_set_buckets,
	conf_set_profile, conf_set_vip_name, conf_set_pool_name, conf_set_group_name;
/** Lists know their struct: offset is not used. */
conf_set_fn conf_set_addresses, conf_set_servers, conf_set_ports, conf_set_track,
	conf_set_priorities;

/** Walks over the words of a value, whatever lines they stand on. Start with {first value}. */
struct raw_words {
	const struct raw_value *value;
	size_t at;
};

/** Copies the next word and its line; false when there is none. */
bool raw_words_next(struct raw_words *words, char word[static CONF_LINE_MAX + 1], int *line);
/** Reports that `what` is no value for the key, with what is, and marks the section bad. */
void conf_set_refuse(struct build *b, const struct raw_key *key, int line, const char *what);
/** Index of the name among n structs of stride bytes that begin with their name; else SIZE_MAX. */
size_t conf_set_find(const void *table, size_t n, size_t stride, const char *name);

#endif
