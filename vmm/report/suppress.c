// SPDX-License-Identifier: GPL-2.0-only
/* suppress.c: a list of patterns under a lock; a report is compared with all of them. */
#include "suppress.h"

#include <fnmatch.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum field { CLASS, FUNCTION, CACHE, MODULE, FIELDS };

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

static bool entry_matches(const struct suppression *e, const struct report *r)
{
	return matches(e->pattern[CLASS], verdict_class(r->verdict)) &&
	       matches(e->pattern[CACHE], r->has_object ? r->cache : "") &&
	       stack_matches(e, &r->access);
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
