// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lib/ctl_server lib/ctl lib/nearest lib/log lib/mono lib/mono_now */
/*
 * The server on a real socket in a scratch folder; server and clients live in this one process and
 * the event loop is turned by hand, so nothing here waits.
 */
#include "ctl_server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	NOBODY = 65534,
	FLOOD_ROWS = 200000,
};

struct fixture {
	char dir[64];
	char path[108];
	struct event_base *base;
	struct ctl_server *server;
	struct ctl_call later; /* the last "later" request, to be answered by the test */
	int changes;
};

static void on_echo(void *arg, const struct ctl_call *call, const json_t *args)
{
	(void)arg;
	ctl_row(call, CTL_ROW_DAEMON, json_pack("{s:s}", "daemon", "test"));
	ctl_end(call, CTL_DONE, args ? json_deep_copy(args) : NULL);
}

static void on_change(void *arg, const struct ctl_call *call, const json_t *args)
{
	struct fixture *f = arg;

	(void)args;
	f->changes++;
	ctl_end(call, CTL_DONE, NULL);
}

static void on_later(void *arg, const struct ctl_call *call, const json_t *args)
{
	struct fixture *f = arg;

	(void)args;
	f->later = *call;
}

static void on_subscribe(void *arg, const struct ctl_call *call, const json_t *args)
{
	(void)arg;
	(void)args;
	ctl_subscribe(call);
}

static void on_flood(void *arg, const struct ctl_call *call, const json_t *args)
{
	(void)arg;
	(void)args;
	for (int i = 0; i < FLOOD_ROWS; i++)
		ctl_row(call, CTL_ROW_DAEMON, json_pack("{s:i}", "n", i));
	ctl_end(call, CTL_DONE, NULL);
}

static const struct ctl_command commands[] = {
	{"echo", false, on_echo},           {"change", true, on_change}, {"later", false, on_later},
	{"subscribe", false, on_subscribe}, {"flood", false, on_flood},
};

static void open_server(struct fixture *f)
{
	*f = (struct fixture){.dir = "/tmp/test_ctl_server.XXXXXX"};
	cr_assert(mkdtemp(f->dir));
	cr_assert_eq(chmod(f->dir, 0755), 0);
	snprintf(f->path, sizeof(f->path), "%s/run/test.sock", f->dir);
	f->base = event_base_new();
	int rc = ctl_server_open(f->base, f->path, commands, sizeof(commands) / sizeof(commands[0]),
				 f, NULL, &f->server);
	cr_assert_eq(rc, 0, "%s", strerror(-rc));
}

static void close_server(struct fixture *f)
{
	char rundir[80];

	ctl_server_close(f->server);
	event_base_free(f->base);
	snprintf(rundir, sizeof(rundir), "%s/run", f->dir);
	cr_expect_eq(rmdir(rundir), 0, "the socket is gone");
	cr_expect_eq(rmdir(f->dir), 0);
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static int connect_client(struct fixture *f)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	memcpy(to.sun_path, f->path, sizeof(f->path));
	cr_assert_eq(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0, "%s",
		     strerror(errno));
	turn(f);
	return fd;
}

static void say(struct fixture *f, int fd, const char *packet)
{
	cr_assert_eq(send(fd, packet, strlen(packet), MSG_NOSIGNAL), (ssize_t)strlen(packet));
	turn(f);
}

/* The next packet as text in a buffer the caller provides; "" when there is none. */
static const char *hear(int fd, char buf[static CTL_PACKET_MAX])
{
	ssize_t len = recv(fd, buf, CTL_PACKET_MAX - 1, 0);

	buf[len > 0 ? len : 0] = '\0';
	return buf;
}

/* One request, one expected reply, in order. */
static void expect_reply(struct fixture *f, int fd, const char *packet, const char *reply)
{
	char buf[CTL_PACKET_MAX];

	say(f, fd, packet);
	cr_expect_str_eq(hear(fd, buf), reply, "%s -> %s", packet, buf);
}

static bool is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
}

Test(ctl_server, a_request_is_answered_with_its_rows_and_an_end)
{
	struct fixture f;
	char buf[CTL_PACKET_MAX];

	open_server(&f);
	int fd = connect_client(&f);
	say(&f, fd, "{\"v\":1,\"id\":5,\"cmd\":\"echo\",\"args\":{\"a\":\"b\"}}");
	cr_expect_str_eq(hear(fd, buf), "{\"v\":1,\"id\":5,\"code\":1000,\"daemon\":\"test\"}");
	cr_expect_str_eq(hear(fd, buf), "{\"v\":1,\"id\":5,\"code\":0,\"end\":true,\"a\":\"b\"}");
	cr_expect_str_eq(hear(fd, buf), "");
	close(fd);
	close_server(&f);
}

Test(ctl_server, bad_requests_are_refused_by_code_and_the_connection_lives)
{
	struct fixture f;

	open_server(&f);
	int fd = connect_client(&f);
	expect_reply(&f, fd, "hello",
		     "{\"v\":1,\"id\":0,\"code\":9000,\"end\":true,\"text\":\"not a request\"}");
	expect_reply(&f, fd, "{\"v\":7,\"id\":2,\"cmd\":\"echo\"}",
		     "{\"v\":1,\"id\":2,\"code\":9001,\"end\":true,\"text\":\"protocol versions "
		     "understood here: 1 to 1\",\"oldest\":1,\"newest\":1}");
	expect_reply(&f, fd, "{\"v\":1,\"id\":3,\"cmd\":\"ehco\"}",
		     "{\"v\":1,\"id\":3,\"code\":9002,\"end\":true,\"text\":\"unknown command "
		     "\\\"ehco\\\"; did you mean \\\"echo\\\"?\",\"nearest\":\"echo\"}");
	expect_reply(&f, fd, "{\"v\":1,\"id\":4,\"cmd\":\"xyzzy\"}",
		     "{\"v\":1,\"id\":4,\"code\":9002,\"end\":true,\"text\":\"unknown command "
		     "\\\"xyzzy\\\"\"}");
	expect_reply(&f, fd, "{\"v\":1,\"id\":5,\"cmd\":\"echo\",\"args\":7}",
		     "{\"v\":1,\"id\":5,\"code\":9003,\"end\":true,\"text\":\"wrong arguments\"}");
	close(fd);
	close_server(&f);
}

Test(ctl_server, an_oversized_packet_is_refused_and_the_connection_lives)
{
	struct fixture f;
	char *big = malloc(CTL_PACKET_MAX + 1000);
	const char head[] = "{\"v\":1,\"id\":8,\"cmd\":\"change\"}";
	char buf[CTL_PACKET_MAX];

	open_server(&f);
	int fd = connect_client(&f);
	memset(big, ' ', CTL_PACKET_MAX + 1000);
	memcpy(big, head, sizeof(head) - 1);
	cr_assert_gt(send(fd, big, CTL_PACKET_MAX + 1000, 0), 0);
	turn(&f);
	cr_expect_str_eq(hear(fd, buf), "{\"v\":1,\"id\":0,\"code\":9000,\"end\":true,\"text\":"
					"\"not a request\"}");
	cr_expect_eq(f.changes, 0);
	expect_reply(&f, fd, head, "{\"v\":1,\"id\":8,\"code\":0,\"end\":true}");
	free(big);
	close(fd);
	close_server(&f);
}

Test(ctl_server, only_root_or_the_daemons_own_account_may_change)
{
	struct fixture f;
	char buf[CTL_PACKET_MAX];

	if (geteuid() != 0)
		cr_skip_test("needs root to become somebody else");
	open_server(&f);
	cr_assert_eq(chmod(f.path, 0666), 0);
	cr_assert_eq(seteuid(NOBODY), 0);
	int stranger = connect_client(&f); /* accepted as nobody: the kernel remembers who asked */
	cr_assert_eq(seteuid(0), 0);

	say(&f, stranger, "{\"v\":1,\"id\":1,\"cmd\":\"change\"}");
	cr_expect_eq(strncmp(hear(stranger, buf), "{\"v\":1,\"id\":1,\"code\":9004,", 26), 0, "%s",
		     buf);
	cr_expect_eq(f.changes, 0);
	say(&f, stranger, "{\"v\":1,\"id\":2,\"cmd\":\"echo\"}");
	cr_expect_eq(strncmp(hear(stranger, buf), "{\"v\":1,\"id\":2,\"code\":1000,", 26), 0);

	/* The daemon has switched to that account: now it is its own. */
	cr_assert_eq(seteuid(NOBODY), 0);
	say(&f, stranger, "{\"v\":1,\"id\":3,\"cmd\":\"change\"}");
	cr_assert_eq(seteuid(0), 0);
	cr_expect_eq(f.changes, 1);
	close(stranger);
	close_server(&f);
}

Test(ctl_server, an_answer_may_come_later_and_outlive_its_asker)
{
	struct fixture f;
	char buf[CTL_PACKET_MAX];

	open_server(&f);
	int fd = connect_client(&f);
	say(&f, fd, "{\"v\":1,\"id\":6,\"cmd\":\"later\"}");
	cr_expect_str_eq(hear(fd, buf), "");
	ctl_end_text(&f.later, CTL_TIMED_OUT, "nobody took over in %d ms", 322);
	cr_expect_str_eq(hear(fd, buf), "{\"v\":1,\"id\":6,\"code\":8002,\"end\":true,\"text\":"
					"\"nobody took over in 322 ms\"}");
	say(&f, fd, "{\"v\":1,\"id\":7,\"cmd\":\"later\"}");
	close(fd);
	turn(&f);
	int next = connect_client(&f);
	ctl_end(&f.later, CTL_DONE, NULL);
	cr_expect_str_eq(hear(next, buf), "", "it is not for the next one");
	close(next);
	close_server(&f);
}

Test(ctl_server, events_reach_subscribers_and_nobody_else)
{
	struct fixture f;
	char buf[CTL_PACKET_MAX];

	open_server(&f);
	int subscriber = connect_client(&f);
	int other = connect_client(&f);
	say(&f, subscriber, "{\"v\":1,\"id\":42,\"cmd\":\"subscribe\"}");
	ctl_publish(f.server, CTL_EVENT_ROLE, json_pack("{s:s}", "group", "front"));
	cr_expect_str_eq(hear(subscriber, buf),
			 "{\"v\":1,\"id\":42,\"code\":2001,\"group\":\"front\"}");
	cr_expect_str_eq(hear(other, buf), "");
	close(subscriber);
	close(other);
	turn(&f);
	ctl_publish(f.server, CTL_EVENT_ROLE, json_pack("{s:s}", "group", "front"));
	close_server(&f);
}

Test(ctl_server, a_client_that_does_not_read_is_dropped_and_the_others_served)
{
	struct fixture f;
	char buf[CTL_PACKET_MAX];

	open_server(&f);
	int sleeper = connect_client(&f);
	int other = connect_client(&f);
	say(&f, sleeper, "{\"v\":1,\"id\":1,\"cmd\":\"flood\"}");
	expect_reply(&f, other, "{\"v\":1,\"id\":2,\"cmd\":\"change\"}",
		     "{\"v\":1,\"id\":2,\"code\":0,\"end\":true}");
	size_t rows = 0;
	while (*hear(sleeper, buf))
		rows++;
	cr_expect_lt(rows, FLOOD_ROWS);
	cr_expect(is_closed(sleeper));
	close(sleeper);
	close(other);
	close_server(&f);
}

Test(ctl_server, a_slow_reader_gets_everything_in_order)
{
	struct fixture f;
	char buf[CTL_PACKET_MAX];

	open_server(&f);
	int fd = connect_client(&f);
	say(&f, fd, "{\"v\":1,\"id\":1,\"cmd\":\"subscribe\"}");
	for (int i = 0; i < 3000; i++)
		ctl_publish(f.server, CTL_EVENT_LOG, json_pack("{s:i}", "n", i));
	for (int i = 0; i < 3000; i++) {
		char expected[64];
		snprintf(expected, sizeof(expected), "{\"v\":1,\"id\":1,\"code\":2000,\"n\":%d}",
			 i);
		if (!*hear(fd, buf)) {
			turn(&f);
			hear(fd, buf);
		}
		cr_assert_str_eq(buf, expected);
	}
	close(fd);
	close_server(&f);
}

Test(ctl_server, the_sixty_fifth_client_is_told_and_closed)
{
	struct fixture f;
	int fds[64];
	char buf[CTL_PACKET_MAX];

	open_server(&f);
	for (size_t i = 0; i < 64; i++)
		fds[i] = connect_client(&f);
	int late = connect_client(&f);
	cr_expect_str_eq(hear(late, buf), "{\"v\":1,\"id\":0,\"code\":8000,\"end\":true,\"text\":"
					  "\"too many control connections\"}");
	cr_expect(is_closed(late));
	close(late);
	close(fds[0]);
	turn(&f);
	fds[0] = connect_client(&f);
	expect_reply(&f, fds[0], "{\"v\":1,\"id\":2,\"cmd\":\"change\"}",
		     "{\"v\":1,\"id\":2,\"code\":0,\"end\":true}");
	for (size_t i = 0; i < 64; i++)
		close(fds[i]);
	close_server(&f);
}

Test(ctl_server, a_stale_socket_is_replaced_and_a_living_one_respected)
{
	struct fixture f;
	struct ctl_server *second;
	struct stat st;

	open_server(&f);
	cr_assert_eq(stat(f.path, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0660);
	cr_expect_eq(ctl_server_open(f.base, f.path, commands, 1, NULL, NULL, &second),
		     -EADDRINUSE);
	cr_expect_null(second);
	cr_expect_eq(access(f.path, F_OK), 0);
	close_server(&f);

	/* What a killed daemon leaves: a socket nobody listens on. */
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/tmp/test_ctl_server.stale"};
	int dead = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct event_base *base = event_base_new();
	unlink(at.sun_path);
	cr_assert_eq(bind(dead, (const struct sockaddr *)&at, sizeof(at)), 0);
	close(dead);
	cr_expect_eq(ctl_server_open(base, at.sun_path, commands, 1, NULL, NULL, &second), 0);
	ctl_server_close(second);
	event_base_free(base);
}
