// SPDX-License-Identifier: GPL-2.0-or-later
/* hactl keygen: 32 random bytes as 64 hexadecimal digits, in a new file that only root may read. */
#include "hactl.h"

#include "conf.h"
#include "options.h"
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	KEY_BYTES = 32,
	KEY_FILE_MODE = 0600,
};

/* Writes "0123...\n"; returns 0 or -errno. */
static int write_key(int fd)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t key[KEY_BYTES];
	char text[2 * KEY_BYTES + 1];

	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return -EIO;
	for (size_t i = 0; i < sizeof(key); i++) {
		text[2 * i] = digits[key[i] >> 4];
		text[2 * i + 1] = digits[key[i] & 0xf];
	}
	text[2 * KEY_BYTES] = '\n';

	ssize_t written = write(fd, text, sizeof(text));
	int rc = written == (ssize_t)sizeof(text) ? 0 : written < 0 ? -errno : -EIO;
	explicit_bzero(key, sizeof(key));
	explicit_bzero(text, sizeof(text));
	if (rc == 0 && (fchmod(fd, KEY_FILE_MODE) || fsync(fd)))
		rc = -errno;
	return rc;
}

static int make_key_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, KEY_FILE_MODE);

	if (fd < 0)
		return -errno;
	int rc = write_key(fd);
	if (close(fd) && rc == 0)
		rc = -errno;
	if (rc)
		(void)!unlink(path);
	return rc;
}

/* The configuration knows the place; without one it is the usual. Returns false on a broken one. */
static bool find_path(const struct hactl *h, char *path, size_t cap_bytes)
{
	struct conf_error *errors = NULL;
	struct conf *conf;

	strlcpy(path, "/etc/hapair/pair.key", cap_bytes);
	if (access(h->conf_path, F_OK) && errno == ENOENT)
		return true;
	conf = conf_load(h->conf_path, h->node, CONF_SELF_OPTIONAL, &errors);
	if (conf && *conf->pair.key_file)
		strlcpy(path, conf->pair.key_file, cap_bytes);
	conf_errors_free(errors);
	conf_free(conf);
	return conf != NULL;
}

static void explain(const char *path, int rc, struct refusal *r)
{
	*r = (struct refusal){.code = rc == -EEXIST ? CTL_REFUSED : CTL_FAILED};
	if (rc == -EEXIST) {
		snprintf(r->text, sizeof(r->text), "%s exists already and is left as it is", path);
		snprintf(r->remedy, sizeof(r->remedy),
			 "to replace the key, remove the file on both nodes first");
	} else {
		snprintf(r->text, sizeof(r->text), "cannot write %s: %s", path, strerror(-rc));
	}
}

static int generate(struct out *out, const char *path)
{
	struct refusal r;
	char text[3 * CONF_PATH_MAX + 160];
	int rc = make_key_file(path);

	if (rc) {
		explain(path, rc, &r);
		out->ops->refusal(out, &r);
		return HACTL_FAILED;
	}
	snprintf(text, sizeof(text),
		 "%s made. Now copy it to the other node over a safe path, for example: "
		 "scp -p %s root@OTHER:%s",
		 path, path, path);
	out->ops->done(out, text);
	return HACTL_DONE;
}

static void refuse_broken_conf(const struct hactl *h, struct out *out)
{
	struct refusal r = {.code = CTL_REFUSED,
			    .remedy = "hactl check; or name it: hactl keygen FILE"};

	snprintf(r.text, sizeof(r.text), "%.200s has errors: it cannot say where the key belongs",
		 h->conf_path);
	out->ops->refusal(out, &r);
}

int cmd_keygen(const struct hactl *h, int argc, char **argv)
{
	struct out out;
	char path[CONF_PATH_MAX];
	struct options options = {.usage = "[FILE]", .max_operands = 1};
	int status = options_parse(h, argc, argv, &options);

	if (status >= 0)
		return status;
	if (options.operand && strlcpy(path, options.operand, sizeof(path)) >= sizeof(path)) {
		fputs("hactl: the file name is too long\n", stderr);
		return HACTL_USAGE;
	}
	out_init(&out, options.json);
	if (options.operand || find_path(h, path, sizeof(path))) {
		status = generate(&out, path);
	} else {
		refuse_broken_conf(h, &out);
		status = HACTL_FAILED;
	}
	out_fini(&out);
	return status;
}
