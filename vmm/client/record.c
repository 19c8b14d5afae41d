// SPDX-License-Identifier: GPL-2.0-only
/*
 * record.c: parses one line, defensively.
 */
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * A value takes some hundred bytes once it is parsed, however short it is in the line. A report has
 * about a thousand.
 */
#define VALUES_MAX 100000u
#define DEPTH_MAX  32u

static const struct {
	const char *name;
	enum record_type type;
} types[] = {
	{ "report", RECORD_REPORT },	 { "duplicate", RECORD_DUPLICATE },
	{ "hello", RECORD_HELLO },	 { "heartbeat", RECORD_HEARTBEAT },
	{ "guest-panic", RECORD_PANIC }, { "lost", RECORD_LOST },
	{ "reply", RECORD_REPLY },	 { "exit", RECORD_EXIT },
};

static bool is_modest(const char *line, size_t len)
{
	size_t values = 0;

	for (size_t i = 0; i < len; i++)
		values += line[i] == ',' || line[i] == '[' || line[i] == '{';
	return values <= VALUES_MAX;
}

static bool is_bad(char c, bool lines)
{
	return (c < ' ' || c > '~') && !(lines && c == '\n');
}

/* Replaces what is not printable. A NUL in a string ends it for everybody. */
static bool clean_string(json_t *j, bool lines)
{
	size_t len = json_string_length(j), bad = 0;
	const char *s = json_string_value(j);
	char *copy;

	while (bad < len && !is_bad(s[bad], lines))
		bad++;
	if (bad == len)
		return true;
	copy = strdup(s);
	if (!copy)
		return false;
	for (char *c = copy; *c; c++)
		if (is_bad(*c, lines))
			*c = '?';
	bad = (size_t)json_string_set_nocheck(j, copy);
	free(copy);
	return !bad;
}

/*
 * Every string below j; lines: it may have several. False where it is nested too deeply, or memory
 * is short. Names of fields are only compared.
 */
static bool clean(json_t *j, bool lines, unsigned depth)
{
	const char *key;
	json_t *item;
	size_t i;

	if (depth > DEPTH_MAX)
		return false;
	if (json_is_string(j))
		return clean_string(j, lines);
	json_array_foreach (j, i, item)
		if (!clean(item, false, depth + 1))
			return false;
	json_object_foreach (j, key, item)
		if (!clean(item, !depth && !strcmp(key, "text"), depth + 1))
			return false;
	return true;
}

static enum record_type type_of(const char *name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(types[i].name, name))
			return types[i].type;
	return RECORD_OTHER;
}

bool record_parse(const char *line, size_t len, struct record *r)
{
	*r = (struct record){ .root = NULL };
	if (!is_modest(line, len))
		return false;
	r->root = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
	if (json_is_object(r->root) && record_number(r->root, "v") == 1 &&
	    *record_text(r->root, "type") && clean(r->root, false, 0)) {
		r->type = type_of(record_text(r->root, "type"));
		r->len = len;
		return true;
	}
	record_free(r);
	return false;
}

void record_free(struct record *r)
{
	json_decref(r->root);
	*r = (struct record){ .root = NULL };
}

const char *record_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

uint64_t record_number(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 ? (uint64_t)n : 0;
}

const json_t *record_object(const json_t *o, const char *key)
{
	const json_t *j = json_object_get(o, key);

	return json_is_object(j) ? j : NULL;
}

/* docs/report.md has the order. */
static const struct {
	const char *verdict, *class;
	unsigned severity;
	enum record_level level;
} verdicts[] = {
	{ "double-free", "double-free", 9, LEVEL_CRITICAL },
	{ "invalid-free", "invalid-free", 8, LEVEL_CRITICAL },
	{ "uaf-write", "slab-use-after-free", 7, LEVEL_CRITICAL },
	{ "oob-write", "slab-out-of-bounds", 7, LEVEL_CRITICAL },
	{ "uaf-read", "slab-use-after-free", 6, LEVEL_HIGH },
	{ "oob-read", "slab-out-of-bounds", 5, LEVEL_MEDIUM },
	{ "unallocated", "unallocated-access", 4, LEVEL_MEDIUM },
	{ "infoleak", "kernel-infoleak", 3, LEVEL_LOW },
	{ "uninit", "uninit-value", 2, LEVEL_LOW },
	{ "leak", "memory-leak", 1, LEVEL_LOW },
};
#define VERDICTS (sizeof(verdicts) / sizeof(verdicts[0]))

unsigned record_severity(const json_t *report)
{
	uint64_t n = record_number(report, "severity");

	for (size_t i = 0; i < VERDICTS; i++)
		if (!strcmp(verdicts[i].verdict, record_text(report, "verdict")))
			return verdicts[i].severity;
	return n < RECORD_SEVERITY_MAX ? (unsigned)n : RECORD_SEVERITY_MAX;
}

enum record_level record_level(unsigned severity)
{
	for (size_t i = 0; i < VERDICTS; i++)
		if (verdicts[i].severity == severity)
			return verdicts[i].level;
	return LEVEL_LOW;
}

const char *record_level_name(enum record_level level)
{
	static const char *const name[LEVELS] = { [LEVEL_LOW] = "low",
						  [LEVEL_MEDIUM] = "medium",
						  [LEVEL_HIGH] = "high",
						  [LEVEL_CRITICAL] = "critical" };

	return name[level];
}

bool record_is_class(const json_t *report, const char *name)
{
	return !strcmp(name, "any") || !strcmp(name, record_text(report, "class")) ||
	       !strcmp(name, record_text(report, "verdict"));
}

bool record_class_exists(const char *name)
{
	for (size_t i = 0; i < VERDICTS; i++)
		if (!strcmp(verdicts[i].verdict, name) || !strcmp(verdicts[i].class, name))
			return true;
	return false;
}

void record_time(uint64_t ns, char out[RECORD_TIME])
{
	time_t seconds = (time_t)(ns / 1000000000u);
	struct tm tm;

	if (!ns || !localtime_r(&seconds, &tm) ||
	    !strftime(out, RECORD_TIME, "%Y-%m-%d %H:%M:%S", &tm))
		strcpy(out, "-");
}
