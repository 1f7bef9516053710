// SPDX-License-Identifier: GPL-2.0-or-later
#include "conf_value.h"

#include <string.h>

enum {
	PATH_LEN_MAX = 180,
};

bool conf_value_bool(const char *text, bool *out)
{
	bool yes = strcmp(text, "yes") == 0;

	if (!yes && strcmp(text, "no") != 0)
		return false;
	*out = yes;
	return true;
}

/** The value of a digit up to base 16, or 16 for any other character. */
static int64_t digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/** Reads digits at *at and moves it behind them; false without digits or far out of any range. */
static bool take_digits(const char **at, int64_t base, int64_t *out)
{
	const int64_t limit = INT64_C(1) << 40;
	const char *s = *at;
	int64_t v = 0;

	for (; digit_value(*s) < base; s++) {
		v = v * base + digit_value(*s);
		if (v > limit)
			return false;
	}
	if (s == *at)
		return false;
	*at = s;
	*out = v;
	return true;
}

static bool in_range(const struct schema_key *key, int64_t v)
{
	return v >= key->min && v <= key->max && (key->step <= 1 || v % key->step == 0);
}

bool conf_value_duration(const struct schema_key *key, const char *text, mono *out)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	int64_t count;

	if (!take_digits(&text, 10, &count))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text, units[i].name) != 0)
			continue;
		if (!in_range(key, count * units[i].ms))
			return false;
		*out = mono_from_ms(count * units[i].ms);
		return true;
	}
	return false;
}

bool conf_value_integer(const char *text, int64_t min, int64_t max, int64_t *out)
{
	bool hex = text[0] == '0' && text[1] == 'x';
	int64_t v;

	if (hex)
		text += 2;
	if (!take_digits(&text, hex ? 16 : 10, &v) || *text || v < min || v > max)
		return false;
	*out = v;
	return true;
}

bool conf_value_number(const struct schema_key *key, const char *text, int64_t *out)
{
	int64_t v;

	if (!conf_value_integer(text, key->min, key->max, &v) || !in_range(key, v))
		return false;
	*out = v;
	return true;
}

/* Short enough that the canonical print of the longest one is a line that can be read again. */
bool conf_value_path(const char *text, char out[static CONF_PATH_MAX])
{
	size_t len = strlen(text);

	if (text[0] != '/' || len > PATH_LEN_MAX || strpbrk(text, " \t"))
		return false;
	memcpy(out, text, len + 1);
	return true;
}

/*
 * The kernel takes almost any bytes as a name; these are the ones that need no quoting here, in nft
 * or in a shell.
 */
bool conf_value_ifname(const char *text, char out[static CONF_IFNAME_MAX])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-.+";
	size_t len = strlen(text);

	if (len == 0 || len >= CONF_IFNAME_MAX || strspn(text, allowed) != len ||
	    strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return false;
	memcpy(out, text, len + 1);
	return true;
}

bool conf_value_port(const char *text, struct conf_port *out)
{
	struct conf_port port;

	if (strncmp(text, "tcp/", 4) == 0)
		port.proto = CONF_PROTO_TCP;
	else if (strncmp(text, "udp/", 4) == 0)
		port.proto = CONF_PROTO_UDP;
	else
		return false;
	if (!port_range_parse(text + 4, &port.range))
		return false;
	*out = port;
	return true;
}

static const char *const check_names[CONF_CHECK_N] = {
	[CONF_CHECK_TCP] = "tcp",
	[CONF_CHECK_NONE] = "none",
};

bool conf_value_check(const char *text, enum conf_check_type *out)
{
	for (unsigned i = 0; i < CONF_CHECK_N; i++)
		if (strcmp(text, check_names[i]) == 0) {
			*out = (enum conf_check_type)i;
			return true;
		}
	return false;
}

const char *conf_check_name(enum conf_check_type type)
{
	return check_names[type];
}

const char *conf_proto_name(enum conf_proto proto)
{
	return proto == CONF_PROTO_UDP ? "udp" : "tcp";
}

bool conf_value_is_host(const struct addr *a)
{
	static const uint8_t zero[15];
	bool low = memcmp(a->bytes, zero, sizeof(zero)) == 0;

	if (a->family == ADDR_IPV4)
		return a->bytes[0] != 0 && a->bytes[0] != 127 && a->bytes[0] < 224;
	return a->family == ADDR_IPV6 && a->bytes[0] != 0xff && !(low && a->bytes[15] <= 1);
}
