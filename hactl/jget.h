/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading members of JSON rows that may be missing, because a daemon is older than we are: each
 * getter takes what to answer then. All accept NULL for row.
 */
#ifndef HA_JGET_H
#define HA_JGET_H

#include <jansson.h>
#include <stdbool.h>

/** The string member key, borrowed from row, or "". */
static inline const char *jget_str(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static inline json_int_t jget_int(const json_t *row, const char *key, json_int_t missing)
{
	const json_t *value = json_object_get(row, key);

	return json_is_number(value) ? (json_int_t)json_number_value(value) : missing;
}

static inline double jget_real(const json_t *row, const char *key, double missing)
{
	const json_t *value = json_object_get(row, key);

	return json_is_number(value) ? json_number_value(value) : missing;
}

static inline bool jget_bool(const json_t *row, const char *key, bool missing)
{
	const json_t *value = json_object_get(row, key);

	return json_is_boolean(value) ? json_is_true(value) : missing;
}

#endif
