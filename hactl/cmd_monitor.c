// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hactl monitor: subscribes to both daemons and prints what they publish, until interrupted. A
 * daemon that goes away is asked again every second, so that the tool can run across restarts.
 */
#include "ask.h"
#include "options.h"

#include <poll.h>
#include <time.h>

enum {
	RETRY_MS = 1000,
	N_DAEMONS = 2,
};

struct source {
	const char *daemon;
	struct client *client; /* NULL while it does not answer */
};

static json_int_t wall_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (json_int_t)now.tv_sec * 1000 + now.tv_nsec / MONO_NS_PER_MS;
}

static void tell(struct out *out, const struct source *src, const char *level, const char *text)
{
	struct ctl_reply reply = {.code = CTL_EVENT_LOG,
				  .body = json_pack("{s:s, s:s}", "level", level, "text", text)};

	out->ops->event(out, src->daemon, wall_clock_ms(), &reply);
	ctl_reply_fini(&reply);
}

static int subscribe(const struct hactl *h, struct source *src)
{
	int rc = client_open(h->rundir, src->daemon, mono_from_s(1), &src->client);

	if (rc)
		return rc;
	rc = client_request(src->client, "subscribe", NULL);
	if (rc) {
		client_close(src->client);
		src->client = NULL;
	}
	return rc;
}

static void read_one(struct out *out, struct source *src)
{
	struct ctl_reply reply;
	int rc = client_next(src->client, mono_zero(), &reply);

	if (rc) {
		client_close(src->client);
		src->client = NULL;
		tell(out, src, "warn", "does not answer any more");
		return;
	}
	out->ops->event(out, src->daemon, wall_clock_ms(), &reply);
	ctl_reply_fini(&reply);
}

static void monitor(const struct hactl *h, struct out *out, struct source *sources)
{
	while (!ferror(out->data)) {
		struct pollfd fds[N_DAEMONS];

		for (size_t i = 0; i < N_DAEMONS; i++) {
			if (!sources[i].client && subscribe(h, &sources[i]) == 0)
				tell(out, &sources[i], "info", "answers again");
			/* poll() ignores negative descriptors. */
			fds[i] = (struct pollfd){
				.fd = sources[i].client ? client_fd(sources[i].client) : -1,
				.events = POLLIN};
		}
		(void)poll(fds, N_DAEMONS, RETRY_MS);
		for (size_t i = 0; i < N_DAEMONS; i++)
			if (fds[i].revents)
				read_one(out, &sources[i]);
	}
}

int cmd_monitor(const struct hactl *h, int argc, char **argv)
{
	struct source sources[N_DAEMONS] = {{.daemon = "vrrpd"}, {.daemon = "lbd"}};
	struct out out;
	struct options options = {.usage = ""};
	int status = options_parse(h, argc, argv, &options);
	size_t reached = 0;

	if (status >= 0)
		return status;
	out_init(&out, options.json);
	for (size_t i = 0; i < N_DAEMONS; i++) {
		struct refusal why;
		int rc = subscribe(h, &sources[i]);
		if (rc == 0) {
			reached++;
			continue;
		}
		ask_explain_rc(h, sources[i].daemon, rc, &why);
		out_text_ops()->refusal(&out, &why);
	}
	if (reached > 0)
		monitor(h, &out, sources);
	for (size_t i = 0; i < N_DAEMONS; i++)
		client_close(sources[i].client);
	out_fini(&out);
	return reached > 0 ? HACTL_FAILED : HACTL_UNREACHABLE;
}
