// SPDX-License-Identifier: GPL-2.0-or-later
#include "conf_set.h"

#include "conf_value.h"
#include "nearest.h"
#include "profile.h"

#include <string.h>

static const char default_group[] = "default";

void conf_set_refuse(struct build *b, const struct raw_key *key, int line, const char *what)
{
	char accepts[SCHEMA_ACCEPTS_MAX];

	b->section->bad = true;
	conf_report_error(b->report, line, "'%.60s' is no value for '%s'; expected %s", what,
			  key->key->name, schema_accepts(key->key, accepts));
}

size_t conf_set_find(const void *table, size_t n, size_t stride, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp((const char *)table + i * stride, name) == 0)
			return i;
	return SIZE_MAX;
}

static const char *scalar(const struct raw_key *key)
{
	return STAILQ_FIRST(&key->values)->text;
}

void conf_set_bool(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	if (!conf_value_bool(scalar(key), (bool *)((char *)object + offset)))
		conf_set_refuse(b, key, key->line, scalar(key));
}

void conf_set_duration(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	mono value;

	if (conf_value_duration(key->key, scalar(key), &value))
		memcpy((char *)object + offset, &value, sizeof(value));
	else
		conf_set_refuse(b, key, key->line, scalar(key));
}

/** Numbers of every width: the schema's range keeps them inside. */
static bool number(struct build *b, const struct raw_key *key, int64_t *value)
{
	if (conf_value_number(key->key, scalar(key), value))
		return true;
	conf_set_refuse(b, key, key->line, scalar(key));
	return false;
}

void conf_set_u8(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	int64_t value;

	if (number(b, key, &value))
		*((uint8_t *)object + offset) = (uint8_t)value;
}

void conf_set_u16(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	int64_t value;

	if (number(b, key, &value))
		memcpy((char *)object + offset, &(uint16_t){(uint16_t)value}, sizeof(uint16_t));
}

void conf_set_u32(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	int64_t value;

	if (number(b, key, &value))
		memcpy((char *)object + offset, &(uint32_t){(uint32_t)value}, sizeof(uint32_t));
}

_Static_assert(sizeof(unsigned) == sizeof(uint32_t), "rise and fall are set by set_u32");

void conf_set_path(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	if (!conf_value_path(scalar(key), (char *)object + offset))
		conf_set_refuse(b, key, key->line, scalar(key));
}

void conf_set_ifname(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	if (!conf_value_ifname(scalar(key), (char *)object + offset))
		conf_set_refuse(b, key, key->line, scalar(key));
}

void conf_set_address(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	struct addr value;

	if (addr_parse(scalar(key), &value) && conf_value_is_host(&value))
		memcpy((char *)object + offset, &value, sizeof(value));
	else
		conf_set_refuse(b, key, key->line, scalar(key));
}

void conf_set_check(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	enum conf_check_type value;

	if (conf_value_check(scalar(key), &value))
		memcpy((char *)object + offset, &value, sizeof(value));
	else
		conf_set_refuse(b, key, key->line, scalar(key));
}

static bool is_prime(uint32_t n)
{
	for (uint32_t d = 2; d * d <= n; d++)
		if (n % d == 0)
			return false;
	return n > 1;
}

/** A prime, because only then every server's walk over the table meets every bucket. */
void conf_set_buckets(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	int64_t value;

	if (!number(b, key, &value))
		return;

	uint32_t n = (uint32_t)value, prime = n;

	while (!is_prime(prime)) /* 65521, the upper end of the range, is one */
		prime++;
	memcpy((char *)object + offset, &n, sizeof(n));
	if (prime != n) {
		b->section->bad = true;
		conf_report_error(b->report, key->line,
				  "buckets must be a prime number; the next one is %u", prime);
	}
}

void conf_set_profile(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	const char *name = scalar(key);
	const struct profile *profile = profile_find(name);
	struct nearest nearest = {0};
	size_t n;

	if (profile) {
		memcpy((char *)object + offset, profile->name, strlen(profile->name) + 1);
		return;
	}
	profile = profile_table(&n);
	for (size_t i = 0; i < n; i++)
		nearest_offer(&nearest, name, profile[i].name);
	b->section->bad = true;
	if (nearest.word)
		conf_report_error(b->report, key->line,
				  "there is no profile '%.40s'; did you mean '%s'?", name,
				  nearest.word);
	else
		conf_report_error(b->report, key->line,
				  "there is no profile '%.40s'; hapair.conf(5) lists them, or give "
				  "ports",
				  name);
}

/** The table a reference points into: structs that begin with their name. */
struct name_table {
	enum schema_section kind;
	const void *first;
	size_t n, stride;
};

static void set_reference(struct build *b, const struct raw_key *key, size_t *out,
			  const struct name_table *in)
{
	const char *name = scalar(key);
	const char *kind = schema_section_name(in->kind);
	struct nearest nearest = {0};

	*out = conf_set_find(in->first, in->n, in->stride, name);
	if (*out != SIZE_MAX)
		return;
	for (size_t i = 0; i < in->n; i++)
		nearest_offer(&nearest, name, (const char *)in->first + i * in->stride);
	b->section->bad = true;
	if (nearest.word)
		conf_report_error(b->report, key->line,
				  "there is no [%s %.40s]; did you mean '%s'?", kind, name,
				  nearest.word);
	else
		conf_report_error(b->report, key->line,
				  "there is no [%s %.40s]; add that section or correct the name",
				  kind, name);
}

void conf_set_vip_name(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	struct conf *c = b->conf;

	set_reference(b, key, (size_t *)(void *)((char *)object + offset),
		      &(struct name_table){SCHEMA_VIP, c->vips, c->n_vips, sizeof(*c->vips)});
}

void conf_set_pool_name(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	struct conf *c = b->conf;

	set_reference(b, key, (size_t *)(void *)((char *)object + offset),
		      &(struct name_table){SCHEMA_POOL, c->pools, c->n_pools, sizeof(*c->pools)});
}

/** The implicit group is made when the first vip asks for it; room for it was allocated. */
void conf_set_group_name(struct build *b, const struct raw_key *key, void *object, size_t offset)
{
	struct conf *c = b->conf;

	if (strcmp(scalar(key), default_group) == 0 &&
	    conf_set_find(c->groups, c->n_groups, sizeof(*c->groups), default_group) == SIZE_MAX)
		memcpy(c->groups[c->n_groups++].name, default_group, sizeof(default_group));
	set_reference(
		b, key, (size_t *)(void *)((char *)object + offset),
		&(struct name_table){SCHEMA_GROUP, c->groups, c->n_groups, sizeof(*c->groups)});
}
