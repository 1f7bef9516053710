// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hactl check: everything that is wrong with a configuration, at once, and whether the key file it
 * names could be used by the daemons.
 */
#include "hactl.h"

#include "options.h"
#include "out.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	UNSAFE_BITS = S_IRWXG | S_IRWXO, /* nobody but the owner has business with the key */
};

/* Fills *warning and returns true when the pair link will not come up with this key file. */
static bool find_key_fault(const struct conf *conf, struct conf_error *warning)
{
	const char *path = conf->pair.key_file;
	struct stat st;

	*warning = (struct conf_error){.warning = true};
	if (conf->n_nodes < 2)
		return false;
	if (stat(path, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			snprintf(warning->text, sizeof(warning->text),
				 "key_file %.160s is not a file", path);
		else if (st.st_mode & UNSAFE_BITS)
			snprintf(
				warning->text, sizeof(warning->text),
				"key_file %.80s may be read by others (mode %04o); chmod 600 %.80s",
				path, (unsigned)(st.st_mode & 07777), path);
		else if (st.st_uid != 0 && st.st_uid != geteuid())
			snprintf(warning->text, sizeof(warning->text),
				 "key_file %.80s belongs to user %u; chown root %.80s", path,
				 (unsigned)st.st_uid, path);
	} else if (errno == ENOENT) {
		snprintf(warning->text, sizeof(warning->text),
			 "key_file %.120s does not exist; make it with `hactl keygen` and copy it "
			 "to the other node",
			 path);
	} else {
		snprintf(warning->text, sizeof(warning->text),
			 "key_file %.120s cannot be examined: %s", path, strerror(errno));
	}
	return warning->text[0] != '\0';
}

static void report(struct out *out, const char *path, const struct conf_error *error,
		   struct check_result *result)
{
	out->ops->finding(out, path, error);
	if (error->warning)
		result->n_warnings++;
	else
		result->n_errors++;
}

static int check(const struct hactl *h, struct out *out, const char *path, bool print)
{
	struct conf_error *errors = NULL;
	struct conf_error key_fault;
	struct conf *conf = conf_load(path, h->node, CONF_SELF_OPTIONAL, &errors);
	struct check_result result = {.path = path, .conf = conf};
	int status = conf ? HACTL_DONE : HACTL_FAILED;

	for (const struct conf_error *e = errors; e; e = e->next)
		report(out, path, e, &result);
	if (conf && find_key_fault(conf, &key_fault))
		report(out, path, &key_fault, &result);
	if (conf && print)
		conf_print(out->data, conf);
	else
		out->ops->checked(out, &result);
	conf_errors_free(errors);
	conf_free(conf);
	return status;
}

int cmd_check(const struct hactl *h, int argc, char **argv)
{
	struct out out;
	bool print = false;
	const struct options_flag flags[] = {{"print", 'p', &print, NULL}};
	struct options options = {
		.usage = "[-p] [FILE]", .flags = flags, .n_flags = 1, .max_operands = 1};
	int status = options_parse(h, argc, argv, &options);

	if (status >= 0)
		return status;
	out_init(&out, options.json);
	status = check(h, &out, options.operand ? options.operand : h->conf_path, print);
	out_fini(&out);
	return status;
}
