// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/log lib/mono lib/mono_now */
#include "log.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What the tap was given last, and how often. */
struct tapped {
	struct log *log;
	int count;
	enum log_level level;
	char text[4096];
};

static void tap(void *arg, enum log_level level, const char *text)
{
	struct tapped *t = arg;

	t->count++;
	t->level = level;
	snprintf(t->text, sizeof(t->text), "%s", text);
	/* A tap whose own work is logged must not be called again for it. */
	log_msg(t->log, LOG_LEVEL_ERR, "from within the tap");
}

static struct log *tapped_log(enum log_level threshold, struct tapped *t)
{
	struct log *log = log_new("test", threshold);

	*t = (struct tapped){.log = log};
	log_set_tap(log, tap, t);
	return log;
}

/* Sends stderr into a pipe and returns its reading end. */
static int capture_stderr(void)
{
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert_geq(dup2(fds[1], STDERR_FILENO), 0);
	close(fds[1]);
	return fds[0];
}

Test(log, records_beyond_the_threshold_go_nowhere)
{
	struct tapped t;
	struct log *log = tapped_log(LOG_LEVEL_NOTICE, &t);

	log_msg(log, LOG_LEVEL_INFO, "quiet");
	cr_expect_eq(t.count, 0);
	log_msg(log, LOG_LEVEL_NOTICE, "role %s -> %s", "Backup", "Active");
	cr_expect_eq(t.count, 1);
	cr_expect_eq(t.level, LOG_LEVEL_NOTICE);
	cr_expect_str_eq(t.text, "role Backup -> Active");
	log_set_threshold(log, LOG_LEVEL_DEBUG);
	log_msg(log, LOG_LEVEL_DEBUG, "now audible");
	cr_expect_eq(t.count, 2);
	log_free(log);
}

Test(log, without_a_log_nothing_happens)
{
	struct log_limit limit = {0};

	log_msg(NULL, LOG_LEVEL_ERR, "nobody listens");
	log_limited(NULL, &limit, LOG_LEVEL_ERR, "nobody listens");
	cr_expect_eq(limit.suppressed, 0);
}

Test(log, a_flood_is_one_line_and_a_count)
{
	struct tapped t;
	struct log *log = tapped_log(LOG_LEVEL_WARN, &t);
	struct log_limit limit = {0};

	for (int i = 0; i < 1000; i++)
		log_limited(log, &limit, LOG_LEVEL_WARN, "refused n=%d", i);
	cr_expect_eq(t.count, 1);
	cr_expect_str_eq(t.text, "refused n=0");
	cr_expect_eq(limit.suppressed, 999);

	limit.next = mono_zero(); /* a second has passed */
	log_limited(log, &limit, LOG_LEVEL_WARN, "refused");
	cr_expect_eq(t.count, 2);
	cr_expect_str_eq(t.text, "refused suppressed=999");
	cr_expect_eq(limit.suppressed, 0);
	log_free(log);
}

Test(log, a_line_in_the_journal_starts_with_its_priority)
{
	char line[256];
	int from = capture_stderr();
	struct log *log = log_new("vrrpd", LOG_LEVEL_DEBUG);

	log_msg(log, LOG_LEVEL_NOTICE, "vrrp front: Backup -> Active");
	ssize_t len = read(from, line, sizeof(line) - 1);
	cr_assert_gt(len, 0);
	line[len] = '\0';
	cr_expect_str_eq(line, "<5>vrrpd: vrrp front: Backup -> Active\n");
	log_free(log);
}

Test(log, strangers_bytes_cannot_forge_a_second_line)
{
	char line[256];
	int from = capture_stderr();
	struct log *log = log_new("lbd", LOG_LEVEL_DEBUG);

	log_msg(log, LOG_LEVEL_WARN, "peer name=\"%s\"", "x\n<0>lbd: all is lost\033[2J");
	ssize_t len = read(from, line, sizeof(line) - 1);
	cr_assert_gt(len, 0);
	line[len] = '\0';
	cr_expect_str_eq(line, "<4>lbd: peer name=\"x?<0>lbd: all is lost?[2J\"\n");
	log_free(log);
}

Test(log, a_long_record_is_cut_not_lost)
{
	struct tapped t;
	struct log *log = tapped_log(LOG_LEVEL_WARN, &t);
	char big[8000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_msg(log, LOG_LEVEL_WARN, "%s", big);
	cr_expect_gt(strlen(t.text), 1000);
	cr_expect_lt(strlen(t.text), sizeof(big) - 1);
	log_free(log);
}

Test(log, every_level_has_a_name)
{
	cr_expect_str_eq(log_level_name(LOG_LEVEL_ERR), "err");
	cr_expect_str_eq(log_level_name(LOG_LEVEL_DEBUG), "debug");
	cr_expect_str_eq(log_level_name(LOG_LEVEL_N), "unknown");
}

Test(log, a_reader_that_stopped_costs_lines_and_not_the_daemon)
{
	int reader = capture_stderr();
	struct log *log = log_new("test", LOG_LEVEL_INFO);
	char buf[1 << 17];

	for (int i = 0; i < 5000; i++) /* far more than a pipe holds: would hang */
		log_msg(log, LOG_LEVEL_INFO, "event number=%d", i);
	cr_assert_gt(read(reader, buf, sizeof(buf)), 0);
	log_msg(log, LOG_LEVEL_INFO, "reading again");
	ssize_t len = read(reader, buf, sizeof(buf) - 1);

	cr_assert_gt(len, 0);
	buf[len] = '\0';
	cr_expect_not_null(strstr(buf, "lost_lines="), "%s", buf);
	cr_expect_not_null(strstr(buf, "reading again"), "%s", buf);
	log_free(log);
}
