// SPDX-License-Identifier: GPL-2.0-or-later
#include "home.h"

#include "owner.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CHECK_INTERVAL_MS = 1500,
	CHECK_TIMEOUT_MS = 1300, /**< more than the second after which a lost SYN is repeated */
	KEY_BYTES = 32,
	LOG_TAIL_BYTES = 8192,
	FTW_FILES = 16,
};

/* The shipped example without its comments; a test compares the two. */
static const char builtin_conf[] = "[pair]\n"
				   "advert_interval = 100ms\n"
				   "key_file = /etc/hapair/pair.key\n"
				   "[node gw1]\n"
				   "pair_address = 192.168.99.1\n"
				   "priority = 200\n"
				   "[node gw2]\n"
				   "pair_address = 192.168.99.2\n"
				   "priority = 100\n"
				   "[vip front]\n"
				   "interface = eth0\n"
				   "vrid = 51\n"
				   "address = 192.0.2.10/24\n"
				   "[vip back]\n"
				   "interface = eth1\n"
				   "vrid = 52\n"
				   "address = 10.1.0.1/24\n"
				   "[pool cas]\n"
				   "server = cas1 10.1.0.11\n"
				   " cas2 10.1.0.12 weight=2\n"
				   " cas3 10.1.0.13 backup\n"
				   "[service mapi]\n"
				   "vip = front\n"
				   "pool = cas\n"
				   "profile = exchange-rpc\n"
				   "[service web]\n"
				   "vip = front\n"
				   "pool = cas\n"
				   "profile = exchange-https\n";

struct conf *home_load_conf(const char *path, bool *builtin)
{
	struct conf_error *errors = NULL;
	struct conf *conf;

	*builtin = access(path, F_OK) != 0;
	if (*builtin)
		conf = conf_parse("built-in configuration", builtin_conf, strlen(builtin_conf),
				  NULL, CONF_SELF_OPTIONAL, &errors);
	else
		conf = conf_load(path, NULL, CONF_SELF_OPTIONAL, &errors);
	if (!conf)
		conf_errors_print(stderr, path, errors);
	conf_errors_free(errors);
	return conf;
}

const char *home_file(const struct home *home, const char *node, const char *name,
		      char buf[static CONF_PATH_MAX])
{
	if (node)
		snprintf(buf, CONF_PATH_MAX, "%s/%s/%s", home->path, node, name);
	else
		snprintf(buf, CONF_PATH_MAX, "%s/%s", home->path, name);
	return buf;
}

static int write_key(const char *path)
{
	uint8_t key[KEY_BYTES];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	int rc = getrandom(key, sizeof(key), 0) == (ssize_t)sizeof(key) ? 0 : -EIO;

	for (size_t i = 0; i < sizeof(key) && rc == 0; i++)
		if (dprintf(fd, "%02x", key[i]) != 2)
			rc = -EIO;
	if (rc == 0 && write(fd, "\n", 1) != 1)
		rc = -EIO;
	close(fd);
	return rc;
}

int home_make(struct home *home, const struct conf *conf)
{
	char path[CONF_PATH_MAX];

	snprintf(home->path, sizeof(home->path), HOME_DIR "/" HOME_PREFIX "%d-XXXXXX",
		 (int)getpid());
	if (!mkdtemp(home->path)) {
		home->path[0] = '\0';
		return -errno;
	}
	int rc = owner_record(home_file(home, NULL, HOME_OWNER, path));

	if (rc)
		return rc;
	/* The daemons may run as a user of their own and need to pass through. */
	if (chmod(home->path, 0755))
		return -errno;
	for (size_t n = 0; n < conf->n_nodes; n++)
		if (mkdir(home_file(home, NULL, conf->nodes[n].name, path), 0755) ||
		    mkdir(home_file(home, conf->nodes[n].name, "state", path), 0755))
			return -errno;
	return write_key(home_file(home, NULL, "pair.key", path));
}

/* A copy of conf whose changed parts are its own: a loaded configuration is never written. */
static int print_derived(FILE *out, const struct home *home, const struct conf *conf,
			 const struct home_change *change)
{
	struct conf copy = *conf;
	char key_file[CONF_PATH_MAX];

	copy.pools = calloc(conf->n_pools + 1, sizeof(*copy.pools));
	copy.groups = calloc(conf->n_groups + 1, sizeof(*copy.groups));
	if (!copy.pools || !copy.groups) {
		free(copy.pools);
		free(copy.groups);
		return -ENOMEM;
	}
	memcpy(copy.groups, conf->groups, conf->n_groups * sizeof(*copy.groups));
	memcpy(copy.pools, conf->pools, conf->n_pools * sizeof(*copy.pools));
	if (change->advert_interval.ns != 0)
		copy.pair.advert_interval = change->advert_interval;
	copy.pair.preempt = conf->pair.preempt || change->preempt;
	snprintf(copy.pair.key_file, sizeof(copy.pair.key_file), "%s",
		 home_file(home, NULL, "pair.key", key_file));
	for (size_t i = 0; i < copy.n_groups; i++)
		copy.groups[i].preempt = copy.groups[i].preempt || change->preempt;
	for (size_t i = 0; i < copy.n_pools; i++) {
		struct conf_check *check = &copy.pools[i].check;

		/* Sooner than in earnest, so that a drill need not wait for first verdicts. */
		check->interval = mono_min(check->interval, mono_from_ms(CHECK_INTERVAL_MS));
		check->timeout = mono_min(check->timeout, mono_from_ms(CHECK_TIMEOUT_MS));
		check->timeout = mono_min(check->timeout, check->interval);
		check->rise = 1;
	}
	conf_print(out, &copy);
	free(copy.pools);
	free(copy.groups);
	return ferror(out) ? -EIO : 0;
}

struct conf *home_derive_conf(const struct home *home, const struct conf *conf,
			      const struct home_change *change)
{
	struct conf_error *errors = NULL;
	struct conf *derived = NULL;
	char path[CONF_PATH_MAX];
	FILE *out = fopen(home_file(home, NULL, "hapair.conf", path), "we");

	if (!out)
		return NULL;
	int rc = print_derived(out, home, conf, change);

	if (fclose(out) == 0 && rc == 0)
		derived = conf_load(path, NULL, CONF_SELF_OPTIONAL, &errors);
	if (!derived)
		conf_errors_print(stderr, path, errors);
	conf_errors_free(errors);
	return derived;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void home_remove(struct home *home)
{
	if (home->path[0] != '\0')
		(void)!nftw(home->path, remove_entry, FTW_FILES, FTW_DEPTH | FTW_PHYS);
	home->path[0] = '\0';
}

int home_keep(const struct home *home)
{
	char path[CONF_PATH_MAX];
	int fd = open(home_file(home, NULL, HOME_KEPT, path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

void home_describe_change(FILE *out, const struct conf *conf, const struct home_change *change)
{
	fprintf(out, "drill: as %s, but with ", conf->path);
	if (change->advert_interval.ns != 0)
		fprintf(out, "advert_interval = %lldms, ",
			(long long)mono_to_ms(change->advert_interval));
	fprintf(out,
		"a key_file of its own, check interval of at most %d ms, rise 1, "
		"run and state directories below " HOME_DIR "/" HOME_PREFIX
		"%d-*; in failback preempt = yes\n",
		CHECK_INTERVAL_MS, (int)getpid());
}

void home_show_log(const struct home *home, const char *name, unsigned lines)
{
	char path[CONF_PATH_MAX], text[LOG_TAIL_BYTES + 1];
	int fd = open(home_file(home, NULL, name, path), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	off_t end = lseek(fd, 0, SEEK_END);
	off_t from = end > LOG_TAIL_BYTES ? end - LOG_TAIL_BYTES : 0;
	ssize_t n = pread(fd, text, LOG_TAIL_BYTES, from);

	close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	char *line = text + n - 1;

	for (; line > text && lines > 0; line--)
		lines -= line[-1] == '\n';
	line += lines == 0;
	for (char *rest = line; (line = strsep(&rest, "\n")) != NULL;)
		if (*line != '\0')
			fprintf(stderr, "    %s: %s\n", name, line);
}
