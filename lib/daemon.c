// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon.h"

#include <stdio.h>
#include <unistd.h>

static void usage(FILE *out, const char *program)
{
	fprintf(out,
		"usage: %s [-tv] [-c FILE] [-n NODE] [-r RUNDIR] [-s STATEDIR]\n"
		"  -c FILE      configuration, default /etc/hapair/hapair.conf\n"
		"  -n NODE      name of this node, default the host name\n"
		"  -r RUNDIR    directory of the control socket, default /run/hapair\n"
		"  -s STATEDIR  state that outlives a restart, default /var/lib/hapair\n"
		"  -t           check the configuration and exit\n"
		"  -v           log at debug level\n"
		"  -V           print the version and exit\n",
		program);
}

bool daemon_options_parse(int argc, char **argv, const char *program, struct daemon_options *out,
			  int *exit_status)
{
	int opt;

	*out = (struct daemon_options){
		.conf_path = "/etc/hapair/hapair.conf",
		.rundir = "/run/hapair",
		.statedir = "/var/lib/hapair",
	};
	*exit_status = DAEMON_EXIT_OK;
	while ((opt = getopt(argc, argv, "c:n:r:s:tvhV")) != -1) {
		switch (opt) {
		case 'c':
			out->conf_path = optarg;
			break;
		case 'n':
			out->node = optarg;
			break;
		case 'r':
			out->rundir = optarg;
			break;
		case 's':
			out->statedir = optarg;
			break;
		case 't':
			out->check_only = true;
			break;
		case 'v':
			out->verbose = true;
			break;
		case 'V':
			printf("%s %s\n", program, HAPAIR_VERSION);
			return false;
		case 'h':
			usage(stdout, program);
			return false;
		default:
			usage(stderr, program);
			*exit_status = DAEMON_EXIT_USAGE;
			return false;
		}
	}
	if (optind == argc)
		return true;
	fprintf(stderr, "%s: unexpected argument \"%s\"\n", program, argv[optind]);
	usage(stderr, program);
	*exit_status = DAEMON_EXIT_USAGE;
	return false;
}

struct conf *daemon_conf_load(const struct daemon_options *options)
{
	struct conf_error *errors = NULL;
	struct conf *conf =
		conf_load(options->conf_path, options->node, CONF_SELF_REQUIRED, &errors);

	conf_errors_print(stderr, options->conf_path, errors);
	conf_errors_free(errors);
	return conf;
}

struct conf *daemon_conf_reload(const struct daemon_options *options, struct log *log)
{
	struct conf_error *errors = NULL;
	struct conf *conf =
		conf_load(options->conf_path, options->node, CONF_SELF_REQUIRED, &errors);

	for (const struct conf_error *e = errors; e; e = e->next)
		log_msg(log, e->warning ? LOG_LEVEL_WARN : LOG_LEVEL_ERR, "reload: %s:%d: %s",
			options->conf_path, e->line, e->text);
	conf_errors_free(errors);
	if (!conf)
		log_msg(log, LOG_LEVEL_ERR, "reload: refused, the running configuration stays");
	return conf;
}
