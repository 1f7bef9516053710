// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hactl drill: rehearses failovers of this configuration in a laboratory of network namespaces,
 * with the real daemons, and says whether clients would have noticed.
 */
#include "hactl/hactl.h"

#include "hactl/out.h"
#include "home.h"
#include "report.h"
#include "scenario.h"
#include "sweep.h"

#include "schema.h"

#include "conf_value.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SESSIONS_DEFAULT = 500,
	RATE_DEFAULT = 200,
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
	      "  --sessions N       client sessions to keep, 1 to 20000 (500)\n"
	      "  --rate N           new connections a second beside them, 0 to 5000 (200)\n"
	      "  --advert DURATION  advertisement interval, 10ms to 5s (as configured)\n"
	      "  --json             one JSON object instead of a table\n"
	      "  --keep             leaves the last laboratory standing and running\n"
	      "  --clean            removes what earlier drills left or kept\n",
	      out);
}

static int list_scenarios(bool json)
{
	size_t n;

	if (json)
		return report_json_list() ? HACTL_FAILED : HACTL_DONE;
	(void)scenario_table(&n);
	for (size_t i = 0; i < n; i++)
		printf("%-12s %s\n", scenario_name(scenario_at(i)),
		       scenario_summary(scenario_at(i)));
	return HACTL_DONE;
}

/* Says why nothing is drilled, and what to do about it. */
static void refuse(const struct drill *d, const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void refuse(const struct drill *d, const char *remedy, const char *fmt, ...)
{
	struct refusal why = {.code = CTL_REFUSED};
	struct out out;
	va_list args;

	va_start(args, fmt);
	(void)!vsnprintf(why.text, sizeof(why.text), fmt, args);
	va_end(args);
	strlcpy(why.remedy, remedy, sizeof(why.remedy));
	out_init(&out, d->json);
	out.ops->refusal(&out, &why);
	out_fini(&out);
}

static bool parse_number(const char *option, long long min, long long max, unsigned *out)
{
	const char *error;
	long long value = strtonum(optarg, min, max, &error);

	if (error) {
		fprintf(stderr,
			"hactl: drill: --%s %s is %s: a number from %lld to %lld is needed\n",
			option, optarg, error, min, max);
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
	if (!conf_value_duration(key, optarg, out)) {
		fprintf(stderr, "hactl: drill: --advert %s: needed is %s\n", optarg,
			schema_accepts(key, accepts));
		return false;
	}
	if (out->ns <= mono_from_s(SCENARIO_ADVERT_MAX_S).ns)
		return true;
	fprintf(stderr,
		"hactl: drill: --advert %s: a drill of that would take minutes for each scenario; "
		"at most %ds\n",
		optarg, SCENARIO_ADVERT_MAX_S);
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

static void complain(char *const *argv, int option)
{
	fprintf(stderr, "hactl: drill: %s %s; see hactl drill --help\n",
		option == ':' ? "an argument is missing behind" : "there is no option",
		argv[optind - 1]);
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
	while (good && (option = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		switch (option) {
		case 'l':
			d->list = true;
			break;
		case 's':
			good = parse_number("sessions", 1, CAST_SESSIONS_MAX,
					    &d->options.cast.sessions);
			break;
		case 'r':
			good = parse_number("rate", 0, CAST_RATE_MAX, &d->options.cast.rate);
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
			complain(argv, option);
			good = false;
			break;
		}
	}
	return good && parse_names(d, argc, argv) ? -1 : HACTL_USAGE;
}

static int clean(const struct drill *d)
{
	struct sweep_count count;
	char text[128];
	struct out out;
	int rc = sweep(d->clean, &count);

	if (rc) {
		refuse(d, "", "what earlier drills left cannot be removed: %s", strerror(-rc));
		return HACTL_FAILED;
	}
	if (!d->clean)
		return HACTL_DONE;
	snprintf(text, sizeof(text), "removed of earlier drills: %u namespaces, %u directories",
		 count.namespaces, count.directories);
	out_init(&out, d->json);
	out.ops->done(&out, text);
	out_fini(&out);
	return HACTL_DONE;
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
		d->options.place = (unsigned)i + 1;
		d->options.all = (unsigned)d->n;
		scenario_run(d->order[i], &d->options, &results[n]);
		report_done(&results[n]);
		pass = pass && results[n].pass;
		if (results[n++].interrupted)
			break;
	}
	report_phase_end();
	if (d->json ? report_json(results, n) : report_table(results, n))
		pass = false;
	free(results);
	return pass ? HACTL_DONE : HACTL_FAILED;
}

/* Whatever stands in the way of every scenario is said once, before anything is built. */
static bool is_possible(const struct drill *d, const struct conf *conf)
{
	static const char *const daemons[] = {"vrrpd", "lbd"};
	char why[SCENARIO_WHY_TEXT_MAX], self[PATH_MAX], program[PATH_MAX + 8];
	struct layout *layout = malloc(sizeof(*layout));
	bool fits = layout && layout_build(conf, layout, why, sizeof(why));

	if (!layout)
		snprintf(why, sizeof(why), "out of memory");
	free(layout);
	if (!fits) {
		refuse(d, "", "this configuration cannot be drilled: %s", why);
		return false;
	}
	snprintf(self, sizeof(self), "%s", d->options.self_path);
	const char *folder = dirname(self);

	for (size_t i = 0; i < 2; i++) {
		snprintf(program, sizeof(program), "%s/%s", folder, daemons[i]);
		if (access(program, X_OK) == 0)
			continue;
		refuse(d, "install hactl, vrrpd and lbd into one folder", "%.200s: %s", program,
		       strerror(errno));
		return false;
	}
	if (d->options.advert_interval.ns != 0 ||
	    conf->pair.advert_interval.ns <= mono_from_s(SCENARIO_ADVERT_MAX_S).ns)
		return true;
	refuse(d, "give a shorter one with --advert",
	       "advert_interval is %lld ms: a drill would take minutes for each scenario",
	       (long long)mono_to_ms(conf->pair.advert_interval));
	return false;
}

static int drill(struct drill *d)
{
	bool builtin;
	struct conf *conf = home_load_conf(d->hactl->conf_path, &builtin);
	const struct home_change change = {.advert_interval = d->options.advert_interval};
	int status = HACTL_FAILED;

	if (!conf) {
		if (d->json)
			refuse(d, "run hactl check", "the configuration %s does not load",
			       d->hactl->conf_path);
		return HACTL_FAILED;
	}
	if (builtin)
		fprintf(stderr, "hactl: drill: %s is not there: using the built-in example\n",
			d->hactl->conf_path);
	d->options.conf = conf;
	if (is_possible(d, conf)) {
		home_describe_change(stderr, conf, &change);
		status = run(d);
	}
	conf_free(conf);
	return status;
}

int cmd_drill(const struct hactl *h, int argc, char **argv)
{
	struct drill d = {
		.hactl = h,
		.json = h->json,
		.options = {.self_path = h->self_path,
			    .cast = {.sessions = SESSIONS_DEFAULT, .rate = RATE_DEFAULT}}};
	int status = parse(&d, argc, argv);

	if (status >= 0)
		return status;
	if (d.list)
		return list_scenarios(d.json);
	if (geteuid() != 0) {
		refuse(&d, "run it as root", "making network namespaces needs root");
		return HACTL_FAILED;
	}
	/* A reader that is gone must not leave a laboratory behind. */
	signal(SIGPIPE, SIG_IGN);
	status = clean(&d);
	if (status != HACTL_DONE || d.clean)
		return status;
	return drill(&d);
}
