/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time as a value. One type serves instants (since an arbitrary epoch, CLOCK_MONOTONIC in the
 * drivers) and durations; a struct so that it never mixes with a plain number. Cores receive it as
 * an argument and never read a clock: mono_now() is for drivers only and lives in mono_now.c.
 */
#ifndef HA_MONO_H
#define HA_MONO_H

#include <stdbool.h>
#include <stdint.h>

/** An instant or a duration in nanoseconds. INT64_MAX means "never". */
typedef struct mono {
	int64_t ns;
} mono;

enum {
	MONO_NS_PER_US = 1000,
	MONO_NS_PER_MS = 1000 * 1000,
	MONO_NS_PER_CS = 10 * 1000 * 1000,
	MONO_NS_PER_S = 1000 * 1000 * 1000,
};

static inline mono mono_from_ns(int64_t ns)
{
	return (mono){.ns = ns};
}

static inline mono mono_from_us(int64_t us)
{
	return (mono){.ns = us * MONO_NS_PER_US};
}

static inline mono mono_from_ms(int64_t ms)
{
	return (mono){.ns = ms * MONO_NS_PER_MS};
}

/** VRRP's unit: 1 centisecond = 10 ms. */
static inline mono mono_from_cs(int64_t cs)
{
	return (mono){.ns = cs * MONO_NS_PER_CS};
}

static inline mono mono_from_s(int64_t s)
{
	return (mono){.ns = s * MONO_NS_PER_S};
}

static inline int64_t mono_to_us(mono t)
{
	return t.ns / MONO_NS_PER_US;
}

static inline int64_t mono_to_ms(mono t)
{
	return t.ns / MONO_NS_PER_MS;
}

static inline int64_t mono_to_cs(mono t)
{
	return t.ns / MONO_NS_PER_CS;
}

static inline mono mono_zero(void)
{
	return (mono){.ns = 0};
}

/** Later than every other instant: the deadline of a timer that is not set. */
static inline mono mono_never(void)
{
	return (mono){.ns = INT64_MAX};
}

static inline bool mono_is_never(mono t)
{
	return t.ns == INT64_MAX;
}

/** a + b; "never" absorbs. */
mono mono_add(mono a, mono b);
/** a - b; "never" minus anything stays "never". */
mono mono_sub(mono a, mono b);
/** t * factor for durations; "never" absorbs. */
mono mono_mul(mono t, int64_t factor);

static inline bool mono_before(mono a, mono b)
{
	return a.ns < b.ns;
}

static inline bool mono_reached(mono deadline, mono now)
{
	return !mono_is_never(deadline) && now.ns >= deadline.ns;
}

static inline mono mono_min(mono a, mono b)
{
	return a.ns < b.ns ? a : b;
}

static inline mono mono_max(mono a, mono b)
{
	return a.ns > b.ns ? a : b;
}

/** CLOCK_MONOTONIC, for drivers only (mono_now.c). */
mono mono_now(void);

#endif
