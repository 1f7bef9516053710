// SPDX-License-Identifier: GPL-2.0-or-later
#include "sweep.h"

#include "home.h"
#include "netns.h"
#include "owner.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	HOMES_MAX = 256,
};

/** A directory of a drill, whoever's. */
struct found {
	struct home home;
	pid_t pid; /**< in its name */
	bool alive;
	bool kept;
	struct timespec changed;
};

struct homes {
	struct found at[HOMES_MAX];
	size_t n;
};

/* The pid behind our prefix, or 0. */
static pid_t owner_of(const char *name)
{
	char *end;

	if (strncmp(name, HOME_PREFIX, strlen(HOME_PREFIX)) != 0)
		return 0;
	long pid = strtol(name + strlen(HOME_PREFIX), &end, 10);

	return *end == '-' && pid > 0 && pid < INT_MAX ? (pid_t)pid : 0;
}

static bool is_running(pid_t pid)
{
	return kill(pid, 0) == 0 || errno != ESRCH;
}

/* Nobody but root can have made it, or put anything into it. */
static bool is_trustworthy(const char *path, struct stat *st)
{
	return lstat(path, st) == 0 && S_ISDIR(st->st_mode) && st->st_uid == 0 &&
	       (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static void examine(const char *name, struct homes *homes)
{
	struct owner owner[OWNER_RECORDS_MAX];
	char path[CONF_PATH_MAX];
	struct found f = {.pid = owner_of(name)};
	struct stat st;

	if (f.pid == 0 || homes->n == HOMES_MAX ||
	    snprintf(f.home.path, HOME_PATH_MAX, HOME_DIR "/%s", name) >= HOME_PATH_MAX ||
	    !is_trustworthy(f.home.path, &st))
		return;
	f.changed = st.st_mtim;
	f.kept = access(home_file(&f.home, NULL, HOME_KEPT, path), F_OK) == 0;
	/* Without a record the pid in the name must do. */
	f.alive = owner_read(home_file(&f.home, NULL, HOME_OWNER, path), owner) > 0
			  ? owner_lives(&owner[0])
			  : is_running(f.pid);
	homes->at[homes->n++] = f;
}

static int by_age(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->changed.tv_sec != y->changed.tv_sec)
		return x->changed.tv_sec < y->changed.tv_sec ? 1 : -1;
	return (x->changed.tv_nsec < y->changed.tv_nsec) -
	       (x->changed.tv_nsec > y->changed.tv_nsec);
}

static int list_homes(struct homes *homes)
{
	struct dirent *entry;
	DIR *dir = opendir(HOME_DIR);

	homes->n = 0;
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) != NULL)
		examine(entry->d_name, homes);
	closedir(dir);
	qsort(homes->at, homes->n, sizeof(homes->at[0]), by_age);
	return 0;
}

/* Ends the processes of a drill: each of them leads a session, and its children are in it. */
static void end_processes(const struct home *home)
{
	struct owner record[OWNER_RECORDS_MAX];
	char path[CONF_PATH_MAX];
	struct dirent *entry;
	int n = owner_read(home_file(home, NULL, HOME_PIDS, path), record);
	DIR *proc = n > 0 ? opendir("/proc") : NULL;

	while (proc && (entry = readdir(proc)) != NULL) {
		pid_t pid = isdigit((unsigned char)entry->d_name[0])
				    ? (pid_t)strtol(entry->d_name, NULL, 10)
				    : 0;
		pid_t session = pid > 0 ? owner_session(pid) : 0;

		for (int i = 0; session > 0 && i < n; i++)
			/* The number of a session is not given away while somebody is in it. */
			if (record[i].pid == session &&
			    (owner_lives(&record[i]) || !is_running(session))) {
				kill(pid, SIGKILL);
				break;
			}
	}
	if (proc)
		closedir(proc);
}

/* A namespace stays with a living drill, and with a kept laboratory unless all go. */
static bool is_left(const struct homes *homes, pid_t pid, bool all)
{
	bool recorded = false;

	for (size_t i = 0; i < homes->n; i++) {
		if (homes->at[i].pid != pid)
			continue;
		recorded = true;
		if (homes->at[i].alive || (homes->at[i].kept && !all))
			return true;
	}
	return !recorded && is_running(pid);
}

static int sweep_namespaces(const struct homes *homes, bool all, unsigned *swept)
{
	struct dirent *entry;
	DIR *dir = opendir(NETNS_DIR);

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir)) != NULL) {
		pid_t pid = owner_of(entry->d_name);

		if (pid == 0 || is_left(homes, pid, all))
			continue;
		netns_unpin(entry->d_name);
		++*swept;
	}
	closedir(dir);
	return 0;
}

int sweep(bool all, struct sweep_count *out)
{
	struct homes *homes = malloc(sizeof(*homes));
	unsigned left = 0;
	int rc = homes ? list_homes(homes) : -ENOMEM;

	*out = (struct sweep_count){0};
	for (size_t i = 0; rc == 0 && i < homes->n; i++)
		if (!homes->at[i].alive && (all || !homes->at[i].kept))
			end_processes(&homes->at[i].home);
	if (rc == 0)
		rc = sweep_namespaces(homes, all, &out->namespaces);
	for (size_t i = 0; rc == 0 && i < homes->n; i++) {
		struct found *f = &homes->at[i];

		if (f->alive || (!all && (f->kept || left++ < SWEEP_LEAVE_NEWEST)))
			continue;
		home_remove(&f->home);
		out->directories++;
	}
	free(homes);
	return rc;
}
