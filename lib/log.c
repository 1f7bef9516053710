// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See log.h. A record is formatted once into a bounded buffer, bytes that could forge a second line
 * or drive a terminal are replaced, and the line leaves in a single write so that processes sharing
 * a log (lbd and its checker) never interleave.
 */
#include "log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
	TEXT_MAX = 2048,
	PREFIX_MAX = 160,
	/* DEL and the C0 controls are the only ASCII bytes that do not print. */
	FIRST_PRINTABLE = 0x20,
	DELETE = 0x7f,
};

struct log {
	const char *program;
	enum log_level threshold;
	log_tap_fn *tap;
	void *tap_arg;
	bool in_tap;         /* a tap that logs must not call itself */
	uint64_t lost_lines; /* since the last one that was written */
};

struct level_row {
	const char *name;
	int journal_priority; /* syslog(3) severity */
};

static const struct level_row level_rows[LOG_LEVEL_N] = {
	[LOG_LEVEL_ERR] = {"err", 3},       [LOG_LEVEL_WARN] = {"warn", 4},
	[LOG_LEVEL_NOTICE] = {"notice", 5}, [LOG_LEVEL_INFO] = {"info", 6},
	[LOG_LEVEL_DEBUG] = {"debug", 7},
};

struct log *log_new(const char *program, enum log_level threshold)
{
	struct log *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->program = program;
	log->threshold = threshold;
	return log;
}

void log_free(struct log *log)
{
	free(log);
}

void log_set_tap(struct log *log, log_tap_fn *tap, void *arg)
{
	if (!log)
		return;
	log->tap = tap;
	log->tap_arg = arg;
}

void log_set_threshold(struct log *log, enum log_level threshold)
{
	if (log)
		log->threshold = threshold;
}

const char *log_level_name(enum log_level level)
{
	return (unsigned)level < LOG_LEVEL_N ? level_rows[level].name : "unknown";
}

/* Strangers' words (interface names, peers, servers) end up in records: keep them on one line. */
static void sanitise(char *text)
{
	for (char *c = text; *c; c++) {
		unsigned char byte = (unsigned char)*c;
		if (byte < FIRST_PRINTABLE || byte == DELETE)
			*c = '?';
	}
}

static int format_prefix(const struct log *log, enum log_level level, char *buf, size_t cap_bytes)
{
	if (!isatty(STDERR_FILENO))
		return snprintf(buf, cap_bytes, "<%d>%s: ", level_rows[level].journal_priority,
				log->program);

	struct timespec now;
	struct tm local;
	char clock[sizeof("00:00:00")];

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	return snprintf(buf, cap_bytes, "%s.%03ld %-6s %s: ", clock, now.tv_nsec / MONO_NS_PER_MS,
			level_rows[level].name, log->program);
}

/*
 * A reader that has stopped must not stop the daemon with it: what does not fit is dropped and
 * counted. A pipe that polls writable has room for a whole line (TEXT_MAX is below PIPE_BUF).
 */
static bool has_room(void)
{
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&out, 1, 0) > 0 && out.revents & POLLOUT;
}

static void write_line(const struct log *log, enum log_level level, char *text)
{
	char prefix[PREFIX_MAX];
	char newline[] = "\n";
	int prefix_len = format_prefix(log, level, prefix, sizeof(prefix));

	if (prefix_len < 0)
		return;
	if ((size_t)prefix_len >= sizeof(prefix))
		prefix_len = (int)sizeof(prefix) - 1;

	struct iovec parts[] = {
		{.iov_base = prefix, .iov_len = (size_t)prefix_len},
		{.iov_base = text, .iov_len = strlen(text)},
		{.iov_base = newline, .iov_len = 1},
	};

	/* There is nobody left to tell when the log itself cannot be written. */
	if (writev(STDERR_FILENO, parts, sizeof(parts) / sizeof(parts[0])) < 0)
		return;
}

static void write_or_count(struct log *log, enum log_level level, char *text)
{
	char lost[64];

	if (!has_room()) {
		log->lost_lines++;
		return;
	}
	if (log->lost_lines > 0) {
		snprintf(lost, sizeof(lost), "log: reader was stuck lost_lines=%llu",
			 (unsigned long long)log->lost_lines);
		log->lost_lines = 0;
		write_line(log, LOG_LEVEL_WARN, lost);
	}
	write_line(log, level, text);
}

static void emit(struct log *log, enum log_level level, char *text)
{
	sanitise(text);
	write_or_count(log, level, text);
	if (log->tap && !log->in_tap) {
		log->in_tap = true;
		log->tap(log->tap_arg, level, text);
		log->in_tap = false;
	}
}

static bool passes(const struct log *log, enum log_level level)
{
	return log && level <= log->threshold && (unsigned)level < LOG_LEVEL_N;
}

void log_msg(struct log *log, enum log_level level, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (!passes(log, level))
		return;
	va_start(ap, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len >= 0)
		emit(log, level, text);
}

void log_limited(struct log *log, struct log_limit *limit, enum log_level level, const char *fmt,
		 ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (!passes(log, level))
		return;

	mono now = mono_now();
	if (mono_before(now, limit->next)) {
		limit->suppressed++;
		return;
	}
	va_start(ap, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	if (limit->suppressed > 0 && (size_t)len < sizeof(text))
		snprintf(text + len, sizeof(text) - (size_t)len, " suppressed=%llu",
			 (unsigned long long)limit->suppressed);
	limit->suppressed = 0;
	limit->next = mono_add(now, mono_from_s(1));
	emit(log, level, text);
}
