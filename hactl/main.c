// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hactl: show, change and rehearse the pair. Global options, the command table, exit status; what
 * each command does is in its cmd_*.c. Manual: hactl(8).
 */
#include "hactl.h"

#include "nearest.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct command {
	const char *name;
	int (*run)(const struct hactl *h, int argc, char **argv);
	const char *arguments;
	const char *help;
};

static const struct command commands[] = {
	{"status", cmd_status, "", "show both daemons, both nodes, VIPs, services, servers"},
	{"failover", cmd_failover, "[--force] [--wait] [GROUP]",
	 "hand the VIPs to the other node without losing a connection"},
	{"resume", cmd_resume, "", "let this node take the VIPs back after a failover"},
	{"check", cmd_check, "[-p] [FILE]", "check a configuration; print every mistake"},
	{"keygen", cmd_keygen, "[FILE]", "make the key of the pair link"},
	{"drill", cmd_drill, "[--list] [SCENARIO...]",
	 "rehearse failovers in namespaces of its own"},
	{"monitor", cmd_monitor, "", "print events of both daemons as they happen"},
};

static const size_t n_commands = sizeof(commands) / sizeof(commands[0]);

static void usage(FILE *stream)
{
	fputs("usage: hactl [-c FILE] [-n NODE] [-r RUNDIR] [--json] COMMAND [ARGUMENTS]\n\n",
	      stream);
	for (size_t i = 0; i < n_commands; i++) {
		char synopsis[64];
		snprintf(synopsis, sizeof(synopsis), "%s %s", commands[i].name,
			 commands[i].arguments);
		fprintf(stream, "  %-36s %s\n", synopsis, commands[i].help);
	}
	fputs("\n"
	      "  -c, --config FILE     configuration (/etc/hapair/hapair.conf)\n"
	      "  -n, --node NODE       which node this is (the host name)\n"
	      "  -r, --rundir RUNDIR   folder of the control sockets (/run/hapair)\n"
	      "      --json            output for programs\n"
	      "  -h, --help            this text\n"
	      "  -V, --version         the version\n",
	      stream);
}

static int run_command(const struct hactl *h, int argc, char **argv)
{
	struct nearest best = {0};

	for (size_t i = 0; i < n_commands; i++) {
		if (strcmp(argv[0], commands[i].name) == 0)
			return commands[i].run(h, argc, argv);
		nearest_offer(&best, argv[0], commands[i].name);
	}
	if (best.word)
		fprintf(stderr, "hactl: unknown command \"%s\"; did you mean \"%s\"?\n", argv[0],
			best.word);
	else
		fprintf(stderr, "hactl: unknown command \"%s\"; see hactl --help\n", argv[0]);
	return HACTL_USAGE;
}

/* Returns -1 to go on with the command, or the exit status. */
static int parse_options(struct hactl *h, int argc, char **argv)
{
	enum { OPTION_JSON = 256 };
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"node", required_argument, NULL, 'n'},
		{"rundir", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, OPTION_JSON},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int option;

	/* "+": what follows the command is the command's. */
	while ((option = getopt_long(argc, argv, "+c:n:r:hV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			h->conf_path = optarg;
			break;
		case 'n':
			h->node = optarg;
			break;
		case 'r':
			h->rundir = optarg;
			break;
		case OPTION_JSON:
			h->json = true;
			break;
		case 'h':
			usage(stdout);
			return HACTL_DONE;
		case 'V':
			puts("hactl " HAPAIR_VERSION);
			return HACTL_DONE;
		default:
			fputs("see hactl --help\n", stderr);
			return HACTL_USAGE;
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	char self_path[PATH_MAX] = "";
	ssize_t len = readlink("/proc/self/exe", self_path, sizeof(self_path) - 1);
	struct hactl h = {
		.conf_path = "/etc/hapair/hapair.conf",
		.rundir = "/run/hapair",
		.self_path = len > 0 ? self_path : argv[0],
	};
	int status = parse_options(&h, argc, argv);

	if (status >= 0)
		return status;
	if (optind >= argc) {
		usage(stderr);
		return HACTL_USAGE;
	}
	status = run_command(&h, argc - optind, argv + optind);
	/* A full disk or a closed pipe must not look like success. */
	if (fflush(stdout) || ferror(stdout)) {
		perror("hactl: standard output");
		return HACTL_FAILED;
	}
	return status;
}
