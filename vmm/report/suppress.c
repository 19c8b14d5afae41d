// SPDX-License-Identifier: GPL-2.0-only
/*
 * suppress.c: a list of patterns under a lock; a report is compared with all of them. In a file they are
 * JSON: {"version": 1, "suppressions": [{"class": ..., "function": ..., ...}, ...]}.
 */
#include "suppress.h"

#include <errno.h>
#include <fnmatch.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_VERSION 1

enum field { CLASS, FUNCTION, CACHE, MODULE, FIELDS };

static const char *const field_name[FIELDS] = {
	[CLASS] = "class", [FUNCTION] = "function", [CACHE] = "cache", [MODULE] = "module"};

struct suppression {
	char *pattern[FIELDS]; /* NULL: anything */
};

struct suppressions {
	pthread_mutex_t lock;
	struct suppression entry[SUPPRESSIONS_MAX];
	size_t n;
};

struct suppressions *suppress_create(void)
{
	struct suppressions *s = calloc(1, sizeof(*s));

	if (s)
		pthread_mutex_init(&s->lock, NULL);
	return s;
}

static void clear(struct suppression *e)
{
	for (int f = 0; f < FIELDS; f++)
		free(e->pattern[f]);
	*e = (struct suppression){0};
}

void suppress_destroy(struct suppressions *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		clear(&s->entry[i]);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- adding ---- */

static bool class_exists(const char *pattern)
{
	for (int v = VERDICT_NONE + 1; v < VERDICTS; v++)
		if (!fnmatch(pattern, verdict_class((enum verdict)v), 0))
			return true;
	return false;
}

static const char *problem(const char *const pattern[FIELDS])
{
	bool any = false;

	for (int f = 0; f < FIELDS; f++) {
		any |= pattern[f] != NULL;
		if (pattern[f] && !*pattern[f])
			return "an empty pattern matches nothing: leave it out or write *";
		if (pattern[f] && strlen(pattern[f]) >= REPORT_SYMBOL)
			return "a pattern is too long: at most 127 bytes";
	}
	if (!any)
		return "this would suppress everything: give a class, function, cache or module";
	if (pattern[CLASS] && !class_exists(pattern[CLASS]))
		return "there is no such class of report: see \"class\" in docs/report.md";
	return NULL;
}

static bool copy(struct suppression *e, const char *const pattern[FIELDS])
{
	for (int f = 0; f < FIELDS; f++) {
		e->pattern[f] = pattern[f] ? strdup(pattern[f]) : NULL;
		if (pattern[f] && !e->pattern[f])
			return false;
	}
	return true;
}

static const char *add_locked(struct suppressions *s, const char *const pattern[FIELDS])
{
	if (s->n == SUPPRESSIONS_MAX)
		return "there are too many suppressions: use wildcards";
	if (!copy(&s->entry[s->n], pattern)) {
		clear(&s->entry[s->n]);
		return "out of memory";
	}
	s->n++;
	return NULL;
}

int suppress_add(struct suppressions *s, const char *class, const char *function, const char *cache,
		 const char *module, char *err, size_t errlen)
{
	const char *const pattern[FIELDS] = {
		[CLASS] = class, [FUNCTION] = function, [CACHE] = cache, [MODULE] = module};
	const char *error = problem(pattern);

	if (!error) {
		pthread_mutex_lock(&s->lock);
		error = add_locked(s, pattern);
		pthread_mutex_unlock(&s->lock);
	}
	if (error)
		snprintf(err, errlen, "%s", error);
	return error ? -1 : 0;
}

size_t suppress_count(struct suppressions *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->n;
	pthread_mutex_unlock(&s->lock);
	return n;
}

/* ---- matching ---- */

static bool matches(const char *pattern, const char *text)
{
	return !pattern || !fnmatch(pattern, text, 0);
}

/* Of "func.isra.0+0x12/0x80 [module]"; "" where there is none. */
static void split_symbol(const char *symbol, char *function, char *module, size_t size)
{
	const char *at = strstr(symbol, " [");

	snprintf(function, size, "%.*s", (int)strcspn(symbol, ".+ "), symbol);
	snprintf(module, size, "%.*s", at ? (int)strcspn(at + 2, "]") : 0, at ? at + 2 : "");
}

static bool frame_matches(const struct suppression *e, const struct report_frame *f)
{
	char function[REPORT_SYMBOL], module[REPORT_SYMBOL];

	split_symbol(f->symbol, function, module, sizeof(function));
	return matches(e->pattern[FUNCTION], function) && matches(e->pattern[MODULE], module);
}

static bool stack_matches(const struct suppression *e, const struct report_stack *s)
{
	if (!e->pattern[FUNCTION] && !e->pattern[MODULE])
		return true;
	for (unsigned n = 0; n < s->n && n < REPORT_FRAMES; n++)
		if (frame_matches(e, &s->frame[n]))
			return true;
	return false;
}

static const struct report_stack *stack_of(const struct report *r)
{
	return report_stack_is_allocation(r) ? &r->allocated : &r->access;
}

static bool entry_matches(const struct suppression *e, const struct report *r)
{
	return matches(e->pattern[CLASS], verdict_class(r->verdict)) &&
	       matches(e->pattern[CACHE], r->has_object ? r->cache : "") &&
	       stack_matches(e, stack_of(r));
}

bool suppress_match(struct suppressions *s, const struct report *r)
{
	bool found = false;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n && !found; i++)
		found = entry_matches(&s->entry[i], r);
	pthread_mutex_unlock(&s->lock);
	return found;
}

/* ---- an entry for a report ---- */

/* Names as patterns: what fnmatch() takes for a wildcard is quoted. */
static void quote(const char *name, char *out, size_t size)
{
	size_t n = 0;

	for (; *name && n + 2 < size; name++) {
		if (strchr("*?[\\", *name))
			out[n++] = '\\';
		out[n++] = *name >= ' ' && *name <= '~' ? *name : '?';
	}
	out[n] = '\0';
}

/* The innermost true frame with a name; in a leak's trace the allocator's own say nothing. */
static const struct report_frame *telling_frame(const struct report *r)
{
	const struct report_stack *s = stack_of(r);
	char function[REPORT_SYMBOL], module[REPORT_SYMBOL];

	for (unsigned n = 0; n < s->n && n < REPORT_FRAMES; n++) {
		const struct report_frame *f = &s->frame[n];

		split_symbol(f->symbol, function, module, sizeof(function));
		if (f->guess || f->inlined || !function[0])
			continue;
		if (r->verdict != VERDICT_LEAK || !strstr(function, "alloc"))
			return f;
	}
	return NULL;
}

static bool is_same(const struct suppression *e, const char *const pattern[FIELDS])
{
	for (int f = 0; f < FIELDS; f++)
		if (!e->pattern[f] != !pattern[f] ||
		    (pattern[f] && strcmp(e->pattern[f], pattern[f]) != 0))
			return false;
	return true;
}

bool suppress_note(struct suppressions *s, const struct report *r)
{
	const struct report_frame *frame = telling_frame(r);
	char function[REPORT_SYMBOL] = "", module[REPORT_SYMBOL] = "", cache[2 * sizeof(r->cache)];
	const char *pattern[FIELDS] = { [CLASS] = verdict_class(r->verdict) };
	bool known = false, added = true;

	if (frame)
		split_symbol(frame->symbol, function, module, sizeof(function));
	quote(r->has_object ? r->cache : "", cache, sizeof(cache));
	pattern[FUNCTION] = function[0] ? function : NULL;
	pattern[MODULE] = module[0] ? module : NULL;
	pattern[CACHE] = cache[0] ? cache : NULL;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n && !known; i++)
		known = is_same(&s->entry[i], pattern);
	if (!known)
		added = !add_locked(s, pattern);
	pthread_mutex_unlock(&s->lock);
	return added;
}

/* ---- files ---- */

/* Of one entry of a file; NULL where it is right. "why" is for people. */
static const char *add_json(struct suppressions *s, json_t *entry)
{
	const char *pattern[FIELDS] = { NULL }, *key, *error;
	json_t *value;

	json_object_foreach (entry, key, value) {
		int f = 0;

		while (f < FIELDS && strcmp(field_name[f], key) != 0)
			f++;
		if ((f == FIELDS && strcmp(key, "why") != 0) || !json_is_string(value))
			return "an entry has the strings \"class\", \"function\", \"cache\", "
			       "\"module\" and \"why\" only";
		if (f < FIELDS)
			pattern[f] = json_string_value(value);
	}
	error = json_is_object(entry) ? problem(pattern) : "an entry must be an object";
	if (error)
		return error;
	pthread_mutex_lock(&s->lock);
	error = add_locked(s, pattern);
	pthread_mutex_unlock(&s->lock);
	return error;
}

int suppress_load(struct suppressions *s, const char *path, char *err, size_t errlen)
{
	json_error_t e;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &e), *entry;
	json_t *list = json_object_get(root, "suppressions");
	const char *error = NULL;
	size_t i;

	if (!root) {
		snprintf(err, errlen, "%s, line %d: %s", path, e.line, e.text);
		return -1;
	}
	if (json_integer_value(json_object_get(root, "version")) != FILE_VERSION ||
	    !json_is_array(list) || json_object_size(root) != 2) {
		snprintf(err, errlen, "%s: must be {\"version\": %d, \"suppressions\": [...]}", path,
			 FILE_VERSION);
		json_decref(root);
		return -1;
	}
	json_array_foreach (list, i, entry) {
		error = add_json(s, entry);
		if (error)
			break;
	}
	if (error)
		snprintf(err, errlen, "%s: entry %zu: %s", path, i + 1, error);
	json_decref(root);
	return error ? -1 : 0;
}

static json_t *to_json(struct suppressions *s)
{
	json_t *list = json_array();

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++) {
		json_t *entry = json_object();

		for (int f = 0; f < FIELDS; f++)
			if (s->entry[i].pattern[f])
				json_object_set_new(entry, field_name[f],
						    json_string(s->entry[i].pattern[f]));
		json_array_append_new(list, entry);
	}
	pthread_mutex_unlock(&s->lock);
	return json_pack("{s:i, s:o}", "version", FILE_VERSION, "suppressions", list);
}

int suppress_save(struct suppressions *s, int fd, const char *path, char *err, size_t errlen)
{
	json_t *root = to_json(s);
	int ret = root ? json_dumpfd(root, fd, JSON_INDENT(2)) : -1;

	if (ret)
		snprintf(err, errlen, "cannot write suppressions to %s: %s", path,
			 root ? strerror(errno) : "out of memory");
	json_decref(root);
	return ret ? -1 : 0;
}
