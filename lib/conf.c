// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conf_load: file → text → conf_read (sections, keys) → conf_build (values, names) → conf_check
 * (relations) → this node and the hash.
 */
#include "conf.h"

#include "conf_build.h"
#include "conf_check.h"
#include "conf_read.h"
#include "conf_report.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	FILE_MAX_BYTES = 16 * 1024 * 1024, /* the largest possible configuration needs a third */
	HOST_NAME_BYTES = 256,
};

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	for (size_t i = 0; i < conf->n_pools; i++)
		free(conf->pools[i].servers);
	free(conf->groups);
	free(conf->vips);
	free(conf->pools);
	free(conf->services);
	free(conf);
}

const struct conf_node *conf_self(const struct conf *conf)
{
	assert(conf->self < conf->n_nodes);
	return &conf->nodes[conf->self];
}

const struct conf_node *conf_peer(const struct conf *conf)
{
	assert(conf->self < conf->n_nodes);
	return conf->n_nodes == 2 ? &conf->nodes[1 - conf->self] : NULL;
}

static size_t find_node(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_nodes; i++)
		if (strcmp(conf->nodes[i].name, name) == 0)
			return i;
	return conf->n_nodes;
}

/** Sets conf->self by the name given, or by the host's, whole or up to its first dot. */
static void find_self(struct conf *conf, const char *node, enum conf_self self,
		      struct conf_report *report)
{
	char host[HOST_NAME_BYTES] = "";

	if (node) {
		conf->self = find_node(conf, node);
	} else {
		if (gethostname(host, sizeof(host) - 1) != 0)
			host[0] = '\0';
		conf->self = find_node(conf, host);
		host[strcspn(host, ".")] = '\0';
		if (conf->self == conf->n_nodes)
			conf->self = find_node(conf, host);
	}
	if (conf->self < conf->n_nodes || self == CONF_SELF_OPTIONAL || conf->n_nodes == 0)
		return;

	bool two = conf->n_nodes == 2;
	char text[sizeof(report->head->text)];

	snprintf(text, sizeof(text), "%s %.64s; the file has %s%s%s; %s",
		 node ? "there is no node" : "this host is called", node ? node : host,
		 conf->nodes[0].name, two ? ", " : "", two ? conf->nodes[1].name : "",
		 node ? "use one of these" : "use -n, or name the [node] like the host");
	if (self == CONF_SELF_WANTED)
		conf_report_warning(report, 0, "%s", text);
	else
		conf_report_error(report, 0, "%s", text);
}

/** FNV-1a, 64 bits, over the canonical print. Returns -ENOMEM or 0. */
static int hash_print(struct conf *conf)
{
	char *text = NULL;
	size_t len_bytes = 0;
	FILE *out = open_memstream(&text, &len_bytes);
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	if (!out)
		return -ENOMEM;
	conf_print(out, conf);
	if (fclose(out) != 0) {
		free(text);
		return -ENOMEM;
	}
	for (size_t i = 0; i < len_bytes; i++) {
		hash ^= (uint8_t)text[i];
		hash *= UINT64_C(0x100000001b3);
	}
	conf->hash = hash;
	free(text);
	return 0;
}

static int line_of(const struct raw_conf *raw, int section_line, const char *key_name)
{
	const struct raw_section *section = raw_conf_find_line(raw, section_line);
	const struct raw_key *key = section ? raw_section_find_key(section, key_name) : NULL;

	return key ? key->line : section_line;
}

/** Where the values stand that are judged outside this file, by what the host has. */
static void find_lines(struct conf *conf, const struct raw_conf *raw)
{
	const struct raw_section *section;
	const struct raw_key *key = NULL;

	STAILQ_FOREACH (section, &raw->sections, entries)
		if (section->kind == SCHEMA_PAIR && !key)
			key = raw_section_find_key(section, "key_file");
	conf->pair.key_file_line = key ? key->line : 0;
	for (size_t i = 0; i < conf->n_nodes; i++)
		conf->nodes[i].pair_address_line =
			line_of(raw, conf->nodes[i].line, "pair_address");
	for (size_t i = 0; i < conf->n_vips; i++)
		conf->vips[i].interface_line = line_of(raw, conf->vips[i].line, "interface");
}

static struct conf *parse(const char *path, const char *text, size_t len_bytes, const char *node,
			  enum conf_self self, struct conf_report *report)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	struct raw_conf raw;

	if (!conf) {
		report->out_of_memory = true;
		return NULL;
	}
	snprintf(conf->path, sizeof(conf->path), "%s", path);
	conf_read(&raw, text, len_bytes, report);
	conf_build(conf, &raw, report);
	if (!report->out_of_memory) {
		find_lines(conf, &raw);
		conf_check(conf, &raw, report);
		find_self(conf, node, self, report);
	}
	conf_read_free(&raw);
	if (report->n_errors == 0 && !report->out_of_memory && hash_print(conf) != 0)
		report->out_of_memory = true;
	return conf;
}

/** Nothing half-read leaves this file: a conf with an error is freed. */
static struct conf *finish(struct conf *conf, struct conf_report *report,
			   struct conf_error **errors)
{
	if (report->out_of_memory)
		conf_report_error(report, 0, "out of memory");
	*errors = report->head;
	if (report->n_errors == 0)
		return conf;
	conf_free(conf);
	return NULL;
}

struct conf *conf_parse(const char *path, const char *text, size_t len_bytes, const char *node,
			enum conf_self self, struct conf_error **errors)
{
	struct conf_report report = {0};
	struct conf *conf = parse(path, text, len_bytes, node, self, &report);

	return finish(conf, &report, errors);
}

/** Reads a whole file; *text is the caller's to free. Returns its length, or -errno. */
static ssize_t read_file(const char *path, char **text)
{
	FILE *in = fopen(path, "re");
	ssize_t result = -ENOMEM;
	size_t len = 0, cap = 0;

	*text = NULL;
	if (!in)
		return -errno;
	do {
		char *bigger = realloc(*text, cap += 65536);

		if (!bigger)
			goto out;
		*text = bigger;
		len += fread(*text + len, 1, cap - len, in);
		if (len > FILE_MAX_BYTES) {
			result = -EFBIG;
			goto out;
		}
	} while (len == cap);
	result = ferror(in) ? (errno ? -errno : -EIO) : (ssize_t)len;
out:
	fclose(in);
	return result;
}

/** Where the package put its example, or /usr/local. */
static const char *example_path(void)
{
	static const char local[] = "/usr/local/share/doc/hapair/hapair.conf";

	return access(local, F_OK) == 0 ? local : "/usr/share/doc/hapair/hapair.conf";
}

static void report_unreadable(struct conf_report *report, int err)
{
	if (err == ENOENT)
		conf_report_error(report, 0,
				  "cannot read this file: %s; copy the example %s and adapt it",
				  strerror(err), example_path());
	else if (err == EACCES)
		conf_report_error(report, 0,
				  "cannot read this file: %s; run this as root, or chmod a+r the "
				  "file and chmod a+x its directory",
				  strerror(err));
	else
		conf_report_error(report, 0,
				  "cannot read this file: %s; it must be a text file, such as the "
				  "example %s",
				  strerror(err), example_path());
}

struct conf *conf_load(const char *path, const char *node, enum conf_self self,
		       struct conf_error **errors)
{
	struct conf_report report = {0};
	struct conf *conf = NULL;
	char *text;
	ssize_t len_bytes = read_file(path, &text);

	if (len_bytes < 0)
		report_unreadable(&report, (int)-len_bytes);
	else
		conf = parse(path, text, (size_t)len_bytes, node, self, &report);
	free(text);
	return finish(conf, &report, errors);
}
