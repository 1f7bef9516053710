// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hactl check: everything that is wrong with a configuration, at once: the file, the key file it
 * names, and this host if it is one of the nodes.
 */
#include "hactl.h"

#include "options.h"
#include "out.h"

#include "host_check.h"
#include "keyfile.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* What is asked for: which file, and how it got here. */
struct check_task {
	const char *path;
	enum conf_self self;
	bool print; /* the canonical print in place of a summary */
};

static void report(struct out *out, const char *path, const struct conf_error *error,
		   struct check_result *result)
{
	out->ops->finding(out, path, error);
	if (error->warning)
		result->n_warnings++;
	else
		result->n_errors++;
}

static void report_all(struct out *out, const struct conf_error *errors,
		       struct check_result *result)
{
	for (const struct conf_error *e = errors; e; e = e->next)
		report(out, result->path, e, result);
}

/*
 * An error as for lbd, which will not start; a warning where nothing is known about it: without
 * being root, or when the file is for another machine, which has a key of its own.
 */
static void check_key(struct out *out, const struct conf *conf, struct check_result *result)
{
	uint8_t key[KEYFILE_KEY_BYTES];
	char text[KEYFILE_ERROR_MAX];
	struct conf_error fault = {.line = conf->pair.key_file_line};

	if (conf->n_nodes < CONF_NODES_MAX)
		return;
	int err = keyfile_read(conf->pair.key_file, key, text);

	explicit_bzero(key, sizeof(key));
	if (err == 0)
		return;
	fault.warning = conf->self == conf->n_nodes || (err == -EACCES && geteuid() != 0);
	strlcpy(fault.text, text, sizeof(fault.text));
	report(out, result->path, &fault, result);
}

static int check(const struct hactl *h, struct out *out, const struct check_task *task)
{
	struct conf_error *errors = NULL;
	struct conf *conf = conf_load(task->path, h->node, task->self, &errors);
	struct check_result result = {.path = task->path, .conf = conf};

	report_all(out, errors, &result);
	conf_errors_free(errors);
	if (conf) {
		check_key(out, conf, &result);
		errors = host_check(conf);
		report_all(out, errors, &result);
		conf_errors_free(errors);
	}
	if (result.n_errors > 0)
		result.conf = NULL;
	if (result.conf && task->print)
		conf_print(out->data, result.conf);
	else
		out->ops->checked(out, &result);
	conf_free(conf);
	return result.n_errors > 0 ? HACTL_FAILED : HACTL_DONE;
}

int cmd_check(const struct hactl *h, int argc, char **argv)
{
	struct out out;
	struct check_task task = {.path = h->conf_path, .self = CONF_SELF_REQUIRED};
	const struct options_flag flags[] = {{"print", 'p', &task.print, NULL}};
	struct options options = {
		.usage = "[-p] [FILE]", .flags = flags, .n_flags = 1, .max_operands = 1};
	int status = options_parse(h, argc, argv, &options);

	if (status >= 0)
		return status;
	if (options.operand) {
		task.path = options.operand;
		/* A file in somebody's hand may be for other machines, unless -n says for which. */
		if (!h->node)
			task.self = CONF_SELF_WANTED;
	}
	out_init(&out, options.json);
	status = check(h, &out, &task);
	out_fini(&out);
	return status;
}
