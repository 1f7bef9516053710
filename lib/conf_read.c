// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libinih splits "key = value"; the line reader below feeds it. It exists because libinih by itself
 * cuts long lines and section names, hides empty and repeated sections, takes ':' for '=' and
 * counts no lines for its handler. So the reader looks at every line first: headers are handled
 * here, a line with a mistake is reported and withheld, and what reaches libinih is well formed.
 */
#include "conf_read.h"

#include <ctype.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

/** Where the reader stands; the handler runs between two calls of the reader. */
struct reader {
	struct raw_conf *raw;
	struct conf_report *report;
	const char *at; /**< next line */
	const char *end;
	int line;                    /**< number of the line handed out last */
	bool continuation;           /**< it continues the value of `key` */
	bool has_key;                /**< a key line came before: indented lines belong to it */
	bool skip_section;           /**< in a section that was refused: its keys say nothing */
	struct raw_section *section; /**< NULL before the first header */
	struct raw_key *key;         /**< NULL: refused, its continuation lines say nothing */
};

static const char word_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "_-.";

bool conf_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < CONF_NAME_MAX && strspn(name, word_chars) == len &&
	       isalnum((unsigned char)name[0]);
}

const struct raw_key *raw_section_find_key(const struct raw_section *section, const char *name)
{
	const struct raw_key *key;

	STAILQ_FOREACH (key, &section->keys, entries)
		if (strcmp(key->key->name, name) == 0)
			return key;
	return NULL;
}

struct raw_section *raw_conf_find_line(const struct raw_conf *raw, int line)
{
	struct raw_section *section;

	STAILQ_FOREACH (section, &raw->sections, entries)
		if (section->line == line)
			return section;
	return NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void strip_end(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && (is_blank(text[len - 1]) || text[len - 1] == '\r'))
		text[--len] = '\0';
}

/** Cuts a comment: ';' or '#' at the start of the line or behind white space. */
static void strip_comment(char *text)
{
	for (char *c = text; *c; c++)
		if ((*c == ';' || *c == '#') && (c == text || is_blank(c[-1]))) {
			*c = '\0';
			return;
		}
}

/** What the line just taken cannot be read as: its section and what continues it are not judged. */
static void refuse_line(struct reader *r, bool is_indented)
{
	if (r->section)
		r->section->bad = true;
	if (!is_indented) {
		r->has_key = true;
		r->key = NULL;
	}
}

/** Reports the first byte of text that is not printable ASCII; false when there is one. */
static bool check_bytes(struct reader *r, const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c != '\t' && (*c < 0x20 || *c > 0x7e)) {
			conf_report_error(r->report, r->line,
					  "byte 0x%02x is not plain text; only comments may hold "
					  "other characters than ASCII",
					  (unsigned)(unsigned char)*c);
			return false;
		}
	return true;
}

/**
 * Copies the next line to buf, without its end and its comment. A line that is too long or holds
 * bytes that are not text is reported and comes out empty. Returns false at the end of the file.
 */
static bool take_line(struct reader *r, char buf[static CONF_LINE_MAX + 1])
{
	if (r->at >= r->end)
		return false;

	const char *start = r->at;
	const char *newline = memchr(start, '\n', (size_t)(r->end - start));
	size_t len = (size_t)((newline ? newline : r->end) - start);

	r->at = newline ? newline + 1 : r->end;
	r->line++;
	buf[0] = '\0';
	if (len > CONF_LINE_MAX) {
		conf_report_error(r->report, r->line,
				  "this line has %zu bytes, at most %d are read; put the rest of a "
				  "list on an indented line below",
				  len, CONF_LINE_MAX);
		refuse_line(r, is_blank(*start));
		return true;
	}
	memcpy(buf, start, len);
	buf[len] = '\0';
	strip_comment(buf);
	strip_end(buf);
	if (!check_bytes(r, buf)) {
		refuse_line(r, is_blank(*buf));
		buf[0] = '\0';
	}
	return true;
}

static struct raw_section *find_section(const struct raw_conf *raw, enum schema_section kind,
					const char *name)
{
	struct raw_section *section;

	STAILQ_FOREACH (section, &raw->sections, entries)
		if (section->kind == kind && strcmp(section->name, name) == 0)
			return section;
	return NULL;
}

static void add_section(struct reader *r, enum schema_section kind, const char *name)
{
	struct raw_section *section = calloc(1, sizeof(*section));

	if (!section) {
		r->report->out_of_memory = true;
		return;
	}
	section->kind = kind;
	section->line = r->line;
	memcpy(section->name, name, strlen(name)); /* checked by conf_name_is_valid(), or "" */
	STAILQ_INIT(&section->keys);
	STAILQ_INSERT_TAIL(&r->raw->sections, section, entries);
	r->section = section;
	r->skip_section = false;
}

static void report_unknown_section(struct reader *r, const char *word)
{
	enum schema_section near = schema_section_nearest(word);

	if (near != SCHEMA_SECTION_N)
		conf_report_error(r->report, r->line,
				  "there is no section [%.40s]; did you mean [%s%s]?", word,
				  schema_section_name(near),
				  schema_section_is_named(near) ? " NAME" : "");
	else
		conf_report_error(r->report, r->line,
				  "there is no section [%.40s]; the sections are [pair], [node "
				  "NAME], [group NAME], [vip NAME], [pool NAME], [service NAME]",
				  word);
}

/** Splits "[kind name]" in place; returns false when the brackets are wrong. */
static bool split_header(char *text, char **kind, char **name)
{
	size_t len = strlen(text);

	if (len < 2 || text[len - 1] != ']')
		return false;
	text[len - 1] = '\0';
	text++;
	strip_end(text);
	*kind = text + strspn(text, " \t");
	*name = *kind + strcspn(*kind, " \t");
	if (**name) {
		*(*name)++ = '\0';
		*name += strspn(*name, " \t");
	}
	return true;
}

/** Opens the section of a header line, or reports why it is none and skips what follows. */
static void read_header(struct reader *r, char *text)
{
	char *kind_name, *name;

	r->section = NULL;
	r->skip_section = true;
	r->has_key = false;
	r->key = NULL;
	if (!split_header(text, &kind_name, &name)) {
		conf_report_error(r->report, r->line,
				  "a section starts with a line of its own, such as [pair] or "
				  "[vip front]");
		return;
	}

	enum schema_section kind = schema_section_find(kind_name);

	if (kind == SCHEMA_SECTION_N) {
		report_unknown_section(r, kind_name);
		return;
	}
	if (schema_section_is_named(kind) ? !conf_name_is_valid(name) : *name) {
		conf_report_error(r->report, r->line,
				  schema_section_is_named(kind)
					  ? "[%s NAME] needs a name of letters, digits, '-', '_' "
					    "and '.', up to 31, that starts with a letter or digit"
					  : "[%s] takes no name; there is one for both nodes",
				  kind_name);
		return;
	}

	const struct raw_section *first = find_section(r->raw, kind, name);

	if (first)
		conf_report_error(r->report, r->line,
				  "[%s%s%s] is here a second time; its first is on line %d, put "
				  "all keys there",
				  kind_name, *name ? " " : "", name, first->line);
	else
		add_section(r, kind, name);
}

/** True when text begins with a key of the open section and '=': an indented key, not a value. */
static bool starts_with_known_key(const struct reader *r, const char *text)
{
	char word[CONF_LINE_MAX + 1];
	size_t len = strcspn(text, " \t=");

	if (!r->section || text[len + strspn(text + len, " \t")] != '=')
		return false;
	memcpy(word, text, len);
	word[len] = '\0';
	return schema_find(r->section->kind, word) != NULL;
}

/** True when text may go to libinih as "key = value"; reports what it is instead. */
static bool is_key_line(struct reader *r, const char *text)
{
	size_t key_len = strcspn(text, "=:");

	if (key_len > 0 && text[key_len] == '=')
		return true;
	if (text[key_len] == ':')
		conf_report_error(r->report, r->line,
				  "KEY and VALUE are separated by '=', not by ':'");
	else if (key_len == 0)
		conf_report_error(r->report, r->line, "there is no key before '='");
	else
		conf_report_error(r->report, r->line,
				  "expected KEY = VALUE or a [section]; a line that continues a "
				  "list starts with a space");
	if (r->section)
		r->section->bad = true;
	return false;
}

/** libinih's fgets: hands out one checked line, or an empty one in place of what it must not see.
 */
static char *read_line(char *out, int cap_bytes, void *arg)
{
	struct reader *r = arg;
	char line[CONF_LINE_MAX + 1];

	if (cap_bytes <= CONF_LINE_MAX || !take_line(r, line))
		return NULL;

	char *text = line + strspn(line, " \t");

	out[0] = '\0';
	r->continuation = false;
	if (!*text)
		return out;
	if (*text == '[') {
		read_header(r, text);
		return out;
	}
	if (text > line && r->has_key && !starts_with_known_key(r, text)) {
		r->continuation = true;
		if (r->key) {
			out[0] = ' ';
			memcpy(out + 1, text, strlen(text) + 1);
		}
		return out;
	}
	r->has_key = true;
	r->key = NULL;
	if (!r->skip_section && is_key_line(r, text))
		memcpy(out, text, strlen(text) + 1);
	return out;
}

static void add_value(struct reader *r, const char *text)
{
	struct raw_value *value;

	if (!*text)
		return;
	value = calloc(1, sizeof(*value));
	if (!value) {
		r->report->out_of_memory = true;
		return;
	}
	value->line = r->line;
	memcpy(value->text, text, strnlen(text, CONF_LINE_MAX));
	STAILQ_INSERT_TAIL(&r->key->values, value, entries);
}

/** Reports a key that does not exist. Returns the one that was probably meant, or NULL. */
static const struct schema_key *report_unknown_key(struct reader *r, const char *name)
{
	enum schema_section kind = r->section->kind;
	const char *section = schema_section_name(kind);
	enum schema_section other = schema_section_having(name, kind);
	const struct schema_key *near = schema_nearest(kind, name);

	if (other != SCHEMA_SECTION_N) {
		conf_report_error(r->report, r->line, "[%s] has no key '%s'; it belongs in [%s%s]",
				  section, name, schema_section_name(other),
				  schema_section_is_named(other) ? " NAME" : "");
		return NULL;
	}
	if (near)
		conf_report_error(r->report, r->line, "[%s] has no key '%s'; did you mean '%s'?",
				  section, name, near->name);
	else
		conf_report_error(r->report, r->line,
				  "[%s] has no key '%s'; hapair.conf(5) lists its keys", section,
				  name);
	return near;
}

/** A mistyped key is read on as the one that was meant, so that its value is judged as well. */
static void add_key(struct reader *r, const char *name)
{
	const struct schema_key *schema = schema_find(r->section->kind, name);
	const struct raw_key *first;
	struct raw_key *key;

	if (!schema) {
		r->section->bad = true;
		schema = report_unknown_key(r, name);
	}
	if (!schema)
		return;
	first = raw_section_find_key(r->section, schema->name);
	if (first) {
		r->section->bad = true;
		conf_report_error(r->report, r->line,
				  "'%s' is here a second time; its first is on line %d, %s",
				  schema->name, first->line,
				  schema_type_is_list(schema->type)
					  ? "continue the list there on indented lines"
					  : "remove one of them");
		return;
	}
	key = calloc(1, sizeof(*key));
	if (!key) {
		r->report->out_of_memory = true;
		return;
	}
	key->key = schema;
	key->line = r->line;
	STAILQ_INIT(&key->values);
	STAILQ_INSERT_TAIL(&r->section->keys, key, entries);
	r->key = key;
}

/** libinih's handler; its section argument is cut at 49 bytes, so the reader's own is used. */
static int take_value(void *arg, const char *section, const char *name, const char *value)
{
	struct reader *r = arg;

	(void)section;
	if (!r->section) {
		conf_report_error(r->report, r->line,
				  "'%s' stands before the first section; begin with [pair] or "
				  "another header",
				  name);
		return 1;
	}
	if (!r->continuation)
		add_key(r, name);
	if (r->key)
		add_value(r, value);
	return 1;
}

void conf_read(struct raw_conf *raw, const char *text, size_t len_bytes, struct conf_report *report)
{
	static const char byte_order_mark[] = {'\xef', '\xbb', '\xbf'};
	struct reader r = {.raw = raw, .report = report, .at = text, .end = text + len_bytes};

	STAILQ_INIT(&raw->sections);
	if (len_bytes >= sizeof(byte_order_mark) &&
	    memcmp(text, byte_order_mark, sizeof(byte_order_mark)) == 0)
		r.at += sizeof(byte_order_mark);
	if (memchr(text, '\0', len_bytes)) {
		conf_report_error(report, 0, "this is not a text file: it holds zero bytes");
		return;
	}
	if (ini_parse_stream(read_line, &r, take_value, &r) != 0)
		conf_report_error(report, r.line, "this line cannot be read as KEY = VALUE");
}

void conf_read_free(struct raw_conf *raw)
{
	struct raw_section *section;
	struct raw_key *key;
	struct raw_value *value;

	while ((section = STAILQ_FIRST(&raw->sections))) {
		while ((key = STAILQ_FIRST(&section->keys))) {
			while ((value = STAILQ_FIRST(&key->values))) {
				STAILQ_REMOVE_HEAD(&key->values, entries);
				free(value);
			}
			STAILQ_REMOVE_HEAD(&section->keys, entries);
			free(key);
		}
		STAILQ_REMOVE_HEAD(&raw->sections, entries);
		free(section);
	}
}
