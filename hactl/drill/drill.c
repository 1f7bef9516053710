// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hactl drill: rehearses failovers of this configuration in a laboratory of network namespaces,
 * with the real daemons, and says whether clients would have noticed.
 */
#include "hactl/hactl.h"

#include "home.h"
#include "netns.h"
#include "report.h"
#include "scenario.h"
#include "schema.h"

#include "conf_value.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SESSIONS_DEFAULT = 500,
	RATE_DEFAULT = 200,
	ADVERT_DEFAULT_MS = 100,
	RESULTS_MAX = 64,
};

/** The command line. */
struct drill {
	const struct hactl *hactl;
	struct scenario_options options;
	const struct scenario *order[RESULTS_MAX];
	size_t n;
	bool list;
	bool clean;
	bool keep;
	bool json;
};

static void print_usage(FILE *out)
{
	fputs("usage: hactl drill [SCENARIO...] [--list] [--sessions N] [--rate N]\n"
	      "                   [--advert DURATION] [--json] [--keep] [--clean]\n"
	      "\n"
	      "Rehearses failovers with the real daemons in network namespaces; the running\n"
	      "service is not touched. Without names all scenarios are run.\n"
	      "\n"
	      "  --list             lists the scenarios\n"
	      "  --sessions N       client sessions to keep (500)\n"
	      "  --rate N           new connections a second beside them (200)\n"
	      "  --advert DURATION  advertisement interval, 10ms to 40950ms (100ms)\n"
	      "  --json             one JSON object instead of a table\n"
	      "  --keep             leaves the last laboratory standing\n"
	      "  --clean            removes what earlier drills left behind\n",
	      out);
}

static int list_scenarios(void)
{
	size_t n;

	(void)scenario_table(&n);
	for (size_t i = 0; i < n; i++)
		printf("%-12s %s\n", scenario_name(scenario_at(i)),
		       scenario_summary(scenario_at(i)));
	return HACTL_DONE;
}

static bool parse_number(const char *option, long long max, unsigned *out)
{
	const char *error;
	long long value = strtonum(optarg, 0, max, &error);

	if (error) {
		fprintf(stderr, "hactl: drill: --%s %s is %s: a number from 0 to %lld is needed\n",
			option, optarg, error, max);
		return false;
	}
	*out = (unsigned)value;
	return true;
}

static bool parse_advert(mono *out)
{
	char accepts[SCHEMA_ACCEPTS_MAX];
	const struct schema_key *key = schema_find(SCHEMA_PAIR, "advert_interval");

	assert(key);
	if (conf_value_duration(key, optarg, out))
		return true;
	fprintf(stderr, "hactl: drill: --advert %s: needed is %s\n", optarg,
		schema_accepts(key, accepts));
	return false;
}

static bool parse_names(struct drill *d, int argc, char **argv)
{
	size_t n;

	(void)scenario_table(&n);
	for (size_t i = 0; argc == optind && i < n; i++)
		d->order[d->n++] = scenario_at(i);
	for (int i = optind; i < argc; i++) {
		const struct scenario *s = scenario_find(argv[i]);

		if (!s || d->n == RESULTS_MAX) {
			fprintf(stderr, "hactl: drill: no scenario \"%s\"; hactl drill --list\n",
				argv[i]);
			return false;
		}
		d->order[d->n++] = s;
	}
	return true;
}

/* Returns -1 to go on, or the exit status. */
static int parse(struct drill *d, int argc, char **argv)
{
	static const struct option longs[] = {{"list", no_argument, NULL, 'l'},
					      {"sessions", required_argument, NULL, 's'},
					      {"rate", required_argument, NULL, 'r'},
					      {"advert", required_argument, NULL, 'a'},
					      {"json", no_argument, NULL, 'j'},
					      {"keep", no_argument, NULL, 'k'},
					      {"clean", no_argument, NULL, 'c'},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	bool good = true;
	int option;

	optind = 0;
	while (good && (option = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (option) {
		case 'l':
			d->list = true;
			break;
		case 's':
			good = parse_number("sessions", CAST_SESSIONS_MAX,
					    &d->options.cast.sessions);
			break;
		case 'r':
			good = parse_number("rate", CAST_RATE_MAX, &d->options.cast.rate);
			break;
		case 'a':
			good = parse_advert(&d->options.advert_interval);
			break;
		case 'j':
			d->json = true;
			break;
		case 'k':
			d->keep = true;
			break;
		case 'c':
			d->clean = true;
			break;
		case 'h':
			print_usage(stdout);
			return HACTL_DONE;
		default:
			good = false;
			break;
		}
	}
	return good && parse_names(d, argc, argv) ? -1 : HACTL_USAGE;
}

static int sweep(bool tell)
{
	int swept = netns_sweep();

	if (swept < 0) {
		fprintf(stderr, "hactl: drill: " NETNS_DIR ": %s\n", strerror(-swept));
		return HACTL_FAILED;
	}
	/* Only when asked for: the logs of a drill that failed wait for their reader. */
	if (tell)
		printf("removed of earlier drills: %d namespaces, %u directories\n", swept,
		       home_sweep());
	return HACTL_DONE;
}

static int report(const struct drill *d, const struct scenario_result *results, size_t n)
{
	report_phase_end();
	if (!d->json)
		return report_table(results, n);
	json_t *object = report_json(results, n);
	int rc = object ? json_dumpf(object, stdout, JSON_INDENT(2)) : -1;

	putchar('\n');
	json_decref(object);
	return rc ? -ENOMEM : 0;
}

static int run(struct drill *d)
{
	struct scenario_result *results = calloc(d->n, sizeof(*results));
	bool pass = true;
	size_t n = 0;

	if (!results)
		return HACTL_FAILED;
	for (size_t i = 0; i < d->n; i++) {
		d->options.keep = d->keep && i + 1 == d->n;
		scenario_run(d->order[i], &d->options, &results[n]);
		report_done(&results[n]);
		pass = pass && results[n].pass;
		if (results[n++].interrupted)
			break;
	}
	if (report(d, results, n))
		pass = false;
	free(results);
	return pass ? HACTL_DONE : HACTL_FAILED;
}

int cmd_drill(const struct hactl *h, int argc, char **argv)
{
	struct drill d = {
		.hactl = h,
		.json = h->json,
		.options = {.self_path = h->self_path,
			    .advert_interval = mono_from_ms(ADVERT_DEFAULT_MS),
			    .cast = {.sessions = SESSIONS_DEFAULT, .rate = RATE_DEFAULT}}};
	int status = parse(&d, argc, argv);
	bool builtin;

	if (status >= 0)
		return status;
	if (d.list)
		return list_scenarios();
	if (geteuid() != 0) {
		fputs("hactl: drill: making network namespaces needs root\n", stderr);
		return HACTL_FAILED;
	}
	status = sweep(d.clean);
	if (status != HACTL_DONE || d.clean)
		return status;
	struct conf *conf = home_load_conf(h->conf_path, &builtin);

	if (!conf)
		return HACTL_FAILED;
	if (builtin)
		fprintf(stderr, "hactl: drill: %s is not there: using the built-in example\n",
			h->conf_path);
	d.options.conf = conf;
	status = run(&d);
	conf_free(conf);
	return status;
}
