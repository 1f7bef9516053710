// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon.h"

#include "keyfile.h"

#include <cap-ng.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static void usage(FILE *out, const char *program)
{
	fprintf(out,
		"usage: %s [-tv] [-c FILE] [-n NODE] [-r RUNDIR] [-s STATEDIR]\n"
		"  -c, --config FILE        configuration, default /etc/hapair/hapair.conf\n"
		"  -n, --node NODE          name of this node, default the host name\n"
		"  -r, --rundir RUNDIR      directory of the control socket, default /run/hapair\n"
		"  -s, --statedir STATEDIR  state that outlives a restart, default /var/lib/hapair\n"
		"  -t, --test               check the configuration and exit\n"
		"  -v, --verbose            log at debug level\n"
		"  -V, --version            print the version and exit\n"
		"  -h, --help               print this text and exit\n",
		program);
}

/** Said at once, before a socket or a table fails for a reason that hides this one. */
static bool has_capabilities(const char *program)
{
	if (capng_get_caps_process() == 0 &&
	    capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) &&
	    capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW))
		return true;
	fprintf(stderr, "%s: must be started as root (or with CAP_NET_ADMIN and CAP_NET_RAW)\n",
		program);
	return false;
}

/** Returns false for what ends the program: help, version, or a usage error in *exit_status. */
static bool take_option(int option, struct daemon_options *out, int *exit_status)
{
	switch (option) {
	case 'c':
		out->conf_path = optarg;
		return true;
	case 'n':
		out->node = optarg;
		return true;
	case 'r':
		out->rundir = optarg;
		return true;
	case 's':
		out->statedir = optarg;
		return true;
	case 't':
		out->check_only = true;
		return true;
	case 'v':
		out->verbose = true;
		return true;
	case 'V':
		printf("%s %s\n", out->program, HAPAIR_VERSION);
		return false;
	case 'h':
		usage(stdout, out->program);
		return false;
	default:
		usage(stderr, out->program);
		*exit_status = DAEMON_EXIT_USAGE;
		return false;
	}
}

bool daemon_options_parse(int argc, char **argv, const char *program, struct daemon_options *out,
			  int *exit_status)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"node", required_argument, NULL, 'n'},
		{"rundir", required_argument, NULL, 'r'},
		{"statedir", required_argument, NULL, 's'},
		{"test", no_argument, NULL, 't'},
		{"verbose", no_argument, NULL, 'v'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	*out = (struct daemon_options){
		.program = program,
		.conf_path = "/etc/hapair/hapair.conf",
		.rundir = "/run/hapair",
		.statedir = "/var/lib/hapair",
		.reads_key = strcmp(program, "lbd") == 0, /* the end of the pair link */
	};
	*exit_status = DAEMON_EXIT_OK;
	while ((option = getopt_long(argc, argv, "c:n:r:s:tvhV", longs, NULL)) != -1)
		if (!take_option(option, out, exit_status))
			return false;
	if (optind < argc) {
		fprintf(stderr, "%s: unexpected argument \"%s\"\n", program, argv[optind]);
		usage(stderr, program);
		*exit_status = DAEMON_EXIT_USAGE;
		return false;
	}
	if (!out->check_only && !has_capabilities(program)) {
		*exit_status = DAEMON_EXIT_FAILED;
		return false;
	}
	return true;
}

/** Whether the daemon could use the key of conf; says why not. */
static bool judge_key(const char *conf_path, const struct conf *conf)
{
	uint8_t key[KEYFILE_KEY_BYTES];
	char text[KEYFILE_ERROR_MAX];
	struct conf_error fault = {.line = conf->pair.key_file_line};
	int err = keyfile_read(conf->pair.key_file, key, text);

	explicit_bzero(key, sizeof(key));
	if (err == 0)
		return true;
	strlcpy(fault.text, text, sizeof(fault.text));
	conf_errors_print(stderr, conf_path, &fault);
	return false;
}

struct conf *daemon_conf_load(const struct daemon_options *options)
{
	struct conf_error *errors = NULL;
	struct conf *conf =
		conf_load(options->conf_path, options->node, CONF_SELF_REQUIRED, &errors);

	conf_errors_print(stderr, options->conf_path, errors);
	conf_errors_free(errors);
	if (conf && options->reads_key && conf->n_nodes == CONF_NODES_MAX &&
	    !judge_key(options->conf_path, conf)) {
		conf_free(conf);
		return NULL;
	}
	return conf;
}

/** One finding as a line of the log. */
static void log_finding(const struct daemon_options *options, struct log *log,
			const struct conf_error *e)
{
	enum log_level level = e->warning ? LOG_LEVEL_WARN : LOG_LEVEL_ERR;

	if (e->line > 0)
		log_msg(log, level, "reload: %s:%d: %s", options->conf_path, e->line, e->text);
	else
		log_msg(log, level, "reload: %s: %s", options->conf_path, e->text);
}

struct conf *daemon_conf_reload(const struct daemon_options *options, struct log *log)
{
	struct conf_error *errors = NULL;
	struct conf *conf =
		conf_load(options->conf_path, options->node, CONF_SELF_REQUIRED, &errors);

	for (const struct conf_error *e = errors; e; e = e->next)
		log_finding(options, log, e);
	conf_errors_free(errors);
	if (!conf)
		log_msg(log, LOG_LEVEL_ERR, "reload: refused, the running configuration stays");
	return conf;
}
