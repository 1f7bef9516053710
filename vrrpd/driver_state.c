// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is known beyond this process: that no other vrrpd works in the same network namespace, and
 * which groups stepped down and must not preempt, even after a restart. The file is replaced as a
 * whole but not forced to disk: after a power failure the node returns as if it had never been
 * told.
 */
#include "driver_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	LOCK_TRIES = 10,
	LOCK_PAUSE_US = 50000,
};

/* Abstract: it belongs to the network namespace, like the devices and the table it guards. */
static const char lock_name[] = "hapair-vrrpd";

int driver_lock(struct driver *d)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	d->lock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (d->lock < 0)
		return -errno;
	memcpy(sun.sun_path + 1, lock_name, sizeof(lock_name) - 1);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(lock_name));

	/* One that is just leaving needs a moment for its last socket. */
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (bind(d->lock, (struct sockaddr *)&sun, len) == 0)
			return 0;
		if (errno != EADDRINUSE)
			return -errno;
		usleep(LOCK_PAUSE_US);
	}
	return -EADDRINUSE;
}

static void file_path(const struct driver *d, const char *suffix, char path[static CONF_PATH_MAX])
{
	snprintf(path, CONF_PATH_MAX, "%s/vrrpd.%s.stepped_down%s", d->options.daemon->statedir,
		 conf_self(d->conf)->name, suffix);
}

void driver_recall(struct driver *d)
{
	char path[CONF_PATH_MAX];
	char line[CONF_PATH_MAX];

	file_path(d, "", path);
	FILE *f = fopen(path, "re");

	if (!f) {
		if (errno != ENOENT)
			log_msg(d->log, LOG_LEVEL_WARN, "cannot read path=%s error=\"%s\"", path,
				strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		for (size_t i = 0; i < d->n_groups; i++) {
			struct dgroup *g = &d->groups[i];

			if (strcmp(line, g->conf->name) != 0)
				continue;
			group_recall_stepped_down(&g->core);
			g->stepped_down_saved = true;
			log_msg(d->log, LOG_LEVEL_NOTICE,
				"vrrp %s: stepped down before the restart, does not preempt until "
				"told to resume",
				g->conf->name);
		}
	}
	fclose(f);
}

bool driver_has_news(const struct driver *d)
{
	for (size_t i = 0; i < d->n_groups; i++)
		if (d->groups[i].core.stepped_down != d->groups[i].stepped_down_saved)
			return true;
	return false;
}

static int write_file(const struct driver *d, const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return -errno;
	for (size_t i = 0; i < d->n_groups; i++)
		if (d->groups[i].core.stepped_down)
			fprintf(f, "%s\n", d->groups[i].conf->name);
	int failed = ferror(f);

	return fclose(f) || failed ? -EIO : 0;
}

void driver_remember(struct driver *d)
{
	char path[CONF_PATH_MAX];
	char fresh[CONF_PATH_MAX];

	file_path(d, "", path);
	file_path(d, ".new", fresh);
	int err = write_file(d, fresh);

	if (!err && rename(fresh, path) < 0)
		err = -errno;
	if (err)
		log_msg(d->log, LOG_LEVEL_WARN,
			"cannot remember who stepped down across a restart path=%s error=\"%s\"",
			path, strerror(-err));
	/* Tried once for each change. */
	for (size_t i = 0; i < d->n_groups; i++)
		d->groups[i].stepped_down_saved = d->groups[i].core.stepped_down;
}
