/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logging: one line an event, lower case event first, then key=value pairs. To stderr with journal
 * priority prefixes ("<5>") when stderr is not a terminal, readable with a time stamp when it is.
 * Thread-unsafe on purpose: each of our processes has one thread.
 *
 * Nobody waits for a reader: while stderr takes nothing, because the pipe behind it is full, lines
 * are dropped and counted, and the first one that goes through again is preceded by a warning with
 * lost_lines=N. The tap gets them all the same.
 */
#ifndef HA_LOG_H
#define HA_LOG_H

#include "mono.h"

#include <stdint.h>

enum log_level {
	LOG_LEVEL_ERR,    /**< service impaired, an operator must act */
	LOG_LEVEL_WARN,   /**< degraded, or input refused (rate limited) */
	LOG_LEVEL_NOTICE, /**< every state change, once */
	LOG_LEVEL_INFO,   /**< start, stop, reload, connects */
	LOG_LEVEL_DEBUG,  /**< per packet */
	LOG_LEVEL_N,
};

struct log; /**< opaque: program name, threshold, sink */

/** A limiter for one kind of message: at most one line each interval, with the count of the rest.
 */
struct log_limit {
	mono next;           /**< instant from which the next line may be written */
	uint64_t suppressed; /**< lines swallowed since the last one written */
};

/** Receives every record that passes the threshold, as text without prefix (for `monitor`). */
typedef void log_tap_fn(void *arg, enum log_level level, const char *text);

/** program is borrowed for the life of the log. Returns NULL when out of memory. */
struct log *log_new(const char *program, enum log_level threshold);
void log_free(struct log *log);
void log_set_tap(struct log *log, log_tap_fn *tap, void *arg);
void log_set_threshold(struct log *log, enum log_level threshold);
/** log may be NULL (unit tests): then nothing happens. */
void log_msg(struct log *log, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** As log_msg, at most once a second per limit; appends suppressed=N when lines were swallowed. */
void log_limited(struct log *log, struct log_limit *limit, enum log_level level, const char *fmt,
		 ...) __attribute__((format(printf, 4, 5)));
/** "err", "warn", ...; and back, LOG_LEVEL_N when unknown. */
const char *log_level_name(enum log_level level);

#endif
