// SPDX-License-Identifier: GPL-2.0-or-later
#include "options.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>

enum {
	FLAGS_MAX = 8,
	OPTION_FIRST = 256, /* what getopt_long() returns for flags[0]; above every character */
};

/* Tables of getopt_long(), written from ours. */
struct tables {
	struct option longs[FLAGS_MAX + 3];
	char shorts[2 * FLAGS_MAX + 4];
};

static void fill_tables(const struct options *o, struct tables *t)
{
	size_t at = 0;

	*t = (struct tables){0};
	t->shorts[at++] = ':'; /* complaints are ours: they begin with the program's name */
	t->shorts[at++] = 'h';
	for (size_t i = 0; i < o->n_flags; i++) {
		const struct options_flag *f = &o->flags[i];
		t->longs[i] = (struct option){.name = f->name,
					      .has_arg = f->text ? required_argument : no_argument,
					      .val = OPTION_FIRST + (int)i};
		if (f->letter) {
			t->shorts[at++] = f->letter;
			if (f->text)
				t->shorts[at++] = ':';
		}
	}
	t->longs[o->n_flags] = (struct option){.name = "json", .val = 'j'};
	t->longs[o->n_flags + 1] = (struct option){.name = "help", .val = 'h'};
}

static void set_flag(const struct options *o, int option)
{
	for (size_t i = 0; i < o->n_flags; i++) {
		const struct options_flag *f = &o->flags[i];
		if (option != OPTION_FIRST + (int)i && option != f->letter)
			continue;
		if (f->flag)
			*f->flag = true;
		if (f->text)
			*f->text = optarg;
	}
}

int options_parse(const struct hactl *h, int argc, char **argv, struct options *o)
{
	struct tables t;
	int option;

	assert(o->n_flags <= FLAGS_MAX);
	fill_tables(o, &t);
	o->json = h->json;
	o->operand = NULL;
	optind = 0; /* main's own options went through the same parser */
	while ((option = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1) {
		if (option == '?' || option == ':') {
			fprintf(stderr, "hactl: %s: %s %s; see hactl %s --help\n", argv[0],
				option == ':' ? "an argument is missing behind"
					      : "there is no option",
				argv[optind - 1], argv[0]);
			return HACTL_USAGE;
		}
		if (option == 'h') {
			printf("usage: hactl %s [--json] %s\n", argv[0], o->usage);
			return HACTL_DONE;
		}
		if (option == 'j')
			o->json = true;
		else
			set_flag(o, option);
	}
	if (argc - optind > o->max_operands) {
		fprintf(stderr, "hactl: %s: unexpected argument \"%s\"\n", argv[0],
			argv[optind + o->max_operands]);
		return HACTL_USAGE;
	}
	if (optind < argc)
		o->operand = argv[optind];
	return -1;
}
