// SPDX-License-Identifier: GPL-2.0-or-later
/* links: lbd/vrrp_watch lib/ctl_server lib/ctl lib/nearest lib/log lib/mono lib/mono_now */
/*
 * lbd's view of vrrpd's roles while vrrpd comes and goes: a control server of our own plays vrrpd,
 * on the same event loop.
 */
#include "lbd/vrrp_watch.h"

#include "ctl_server.h"

#include <criterion/criterion.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TURNS_MAX = 400, TURN_MS = 5, ROLL_CALL_OVER_MS = 200 };

struct fixture {
	char dir[64];
	char path[96];
	struct event_base *base;
	struct ctl_server *vrrpd;
	struct vrrp_watch *watch;
	const char *groups[2]; /* that the subscription names, each Active */
	int changes;
	bool saw_no_active; /* at any change since it was last cleared */
};

static void on_subscribe(void *arg, const struct ctl_call *call, const json_t *args)
{
	const struct fixture *f = arg;

	(void)args;
	for (size_t i = 0; i < 2 && f->groups[i]; i++)
		ctl_row(call, CTL_ROW_GROUP,
			json_pack("{s:s, s:s, s:i, s:i}", "group", f->groups[i], "state", "Active",
				  "priority", 200, "epoch", 1));
	ctl_subscribe(call);
}

static const struct ctl_command commands[] = {{"subscribe", false, on_subscribe}};

static void on_change(void *arg)
{
	struct fixture *f = arg;

	f->changes++;
	f->saw_no_active |= !vrrp_watch_any_active(f->watch);
}

static void start_vrrpd(struct fixture *f, const char *group1, const char *group2)
{
	f->groups[0] = group1;
	f->groups[1] = group2;
	cr_assert_eq(ctl_server_open(f->base, f->path, commands, 1, f, NULL, &f->vrrpd), 0);
}

static void stop_vrrpd(struct fixture *f)
{
	ctl_server_close(f->vrrpd);
	f->vrrpd = NULL;
}

static size_t roles(const struct fixture *f)
{
	size_t n;

	(void)vrrp_watch_roles(f->watch, &n);
	return n;
}

/* Turns the loop for so long, or until the watch is connected (or not) and knows n groups. */
static bool turn_until(struct fixture *f, bool connected, size_t n)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		event_base_loop(f->base, EVLOOP_NONBLOCK);
		if (vrrp_watch_is_connected(f->watch) == connected && roles(f) == n)
			return true;
		usleep(TURN_MS * 1000);
	}
	return false;
}

static void turn_for(struct fixture *f, int ms)
{
	for (int i = 0; i < ms / TURN_MS; i++) {
		event_base_loop(f->base, EVLOOP_NONBLOCK);
		usleep(TURN_MS * 1000);
	}
}

static void open_watch(struct fixture *f)
{
	*f = (struct fixture){.dir = "/tmp/test_vrrp_watch.XXXXXX"};
	cr_assert(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/vrrpd.sock", f->dir);
	f->base = event_base_new();
	cr_assert_eq(vrrp_watch_open(f->base, f->dir, NULL, on_change, f, &f->watch), 0);
}

static void close_all(struct fixture *f)
{
	vrrp_watch_close(f->watch);
	ctl_server_close(f->vrrpd);
	event_base_free(f->base);
	rmdir(f->dir);
}

Test(vrrp_watch, roles_are_known_after_the_subscription)
{
	struct fixture f;

	open_watch(&f);
	start_vrrpd(&f, "default", NULL);
	cr_assert(turn_until(&f, true, 1));
	cr_expect(vrrp_watch_any_active(f.watch));
	close_all(&f);
}

Test(vrrp_watch, a_reconnection_never_looks_like_a_lost_role)
{
	struct fixture f;

	open_watch(&f);
	start_vrrpd(&f, "default", NULL);
	cr_assert(turn_until(&f, true, 1));
	stop_vrrpd(&f);
	cr_assert(turn_until(&f, false, 1), "the last word holds");
	f.changes = 0;
	f.saw_no_active = false;
	start_vrrpd(&f, "default", NULL);
	cr_assert(turn_until(&f, true, 1));
	turn_for(&f, ROLL_CALL_OVER_MS);
	cr_expect_gt(f.changes, 0);
	cr_expect_not(f.saw_no_active);
	close_all(&f);
}

Test(vrrp_watch, a_group_that_vrrpd_no_longer_names_is_forgotten)
{
	struct fixture f;

	open_watch(&f);
	start_vrrpd(&f, "old", "kept");
	cr_assert(turn_until(&f, true, 2));
	stop_vrrpd(&f);
	cr_assert(turn_until(&f, false, 2));
	start_vrrpd(&f, "kept", "new");
	cr_assert(turn_until(&f, true, 2));
	turn_for(&f, ROLL_CALL_OVER_MS);

	size_t n;
	const struct vrrp_role *role = vrrp_watch_roles(f.watch, &n);

	cr_assert_eq(n, 2);
	cr_expect_str_eq(role[0].group, "kept");
	cr_expect_str_eq(role[1].group, "new");
	close_all(&f);
}
