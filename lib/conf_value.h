/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One word of a configuration → one value, by the type and range of its schema key. Pure text work
 * without messages: the caller (conf_build.c) says what the key would have accepted.
 */
#ifndef HA_CONF_VALUE_H
#define HA_CONF_VALUE_H

#include "conf.h"
#include "schema.h"

/** Each returns false, and leaves *out alone, when text is not what the key accepts. */
bool conf_value_bool(const char *text, bool *out);
/** A number with ms, s, m or h, within the key's range and step (milliseconds). */
bool conf_value_duration(const struct schema_key *key, const char *text, mono *out);
/** Decimal or 0x hexadecimal, within the key's range and step. */
bool conf_value_number(const struct schema_key *key, const char *text, int64_t *out);
/** The same between min and max. */
bool conf_value_integer(const char *text, int64_t min, int64_t max, int64_t *out);
bool conf_value_path(const char *text, char out[static CONF_PATH_MAX]);
bool conf_value_ifname(const char *text, char out[static CONF_IFNAME_MAX]);
/** "tcp/135" or "udp/6005-65535". */
bool conf_value_port(const char *text, struct conf_port *out);
/** "tcp" or "none". */
bool conf_value_check(const char *text, enum conf_check_type *out);
/** The word of a check type, as the file says it. */
const char *conf_check_name(enum conf_check_type type);
/** An address one machine may have: not unspecified, loopback, multicast or broadcast. */
bool conf_value_is_host(const struct addr *a);

#endif
