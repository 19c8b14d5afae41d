// SPDX-License-Identifier: GPL-2.0-only
/*
 * rules.c: named sets of function and cache names, read from configs/rules.json or its built-in
 * copy.
 *
 * Knows the rules' names, not what they mean: vmm/checker/ asks. Matching tries every pattern;
 * callers that ask often remember the answer.
 */
#include "symbols.h"

#include <errno.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "rules_builtin.h"
#include "track_rule.h"

#define RULES_VERSION 1

/* What vmm/checker/ asks for. */
static const char *const members[] = {"version", "functions", "caches", "track", NULL};
static const char *const function_rules[] = {"allocator", "leaf", "thunk", "word_at_a_time", NULL};
static const char *const cache_rules[] = {"untracked", "counted", NULL};

struct rules {
	/* Name of the rule -> array of entries; checked by rules_load, owned by root. */
	json_t *functions, *caches;
	json_t *track; /* array; NULL: none */
	json_t *root;
};

static json_t *read_root(const char *path, char *err, size_t errlen)
{
	json_error_t e;
	json_t *root;

	if (path)
		root = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
	else
		root = json_loadb((const char *)rules_builtin, rules_builtin_len,
				  JSON_REJECT_DUPLICATES, &e);
	if (!root && path && e.line < 0)
		snprintf(err, errlen, "cannot read the rules file %s: %s; give another --rules",
			 path, errno ? strerror(errno) : e.text);
	else if (!root)
		snprintf(err, errlen, "rules file %s, line %d: %s", path ? path : "(built in)",
			 e.line, e.text);
	return root;
}

/* An entry is {"pattern": "name" or ["name", ...], "why": "reason"}. */
static bool entry_valid(const json_t *entry)
{
	const json_t *pattern = json_object_get(entry, "pattern");
	const char *why = json_string_value(json_object_get(entry, "why"));
	const json_t *one;
	size_t i;

	if (!why || !*why || json_object_size(entry) != 2)
		return false;
	if (json_is_string(pattern))
		return true;
	if (!json_array_size(pattern))
		return false;
	json_array_foreach (pattern, i, one)
		if (!json_is_string(one))
			return false;
	return true;
}

/* A name that is not known would be a rule that does nothing. of: where it is, for the message. */
static int check_names(const char *of, json_t *object, const char *const *known, char *err,
		       size_t errlen)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		const char *const *k = known;

		while (*k && strcmp(name, *k) != 0)
			k++;
		if (*k)
			continue;
		snprintf(err, errlen, "rules: \"%.64s\" is no member of %s", name, of);
		return -1;
	}
	return 0;
}

static int check_section(const char *section, json_t *rules, const char *const *known, char *err,
			 size_t errlen)
{
	const char *name;
	json_t *list, *entry;
	size_t i;

	if (!json_is_object(rules)) {
		snprintf(err, errlen, "rules: \"%s\" is not an object", section);
		return -1;
	}
	if (check_names(section, rules, known, err, errlen))
		return -1;
	json_object_foreach (rules, name, list) {
		if (!json_is_array(list)) {
			snprintf(err, errlen, "rules: \"%s\".\"%s\" is not an array", section,
				 name);
			return -1;
		}
		json_array_foreach (list, i, entry) {
			if (entry_valid(entry))
				continue;
			snprintf(err, errlen,
				 "rules: \"%s\".\"%s\"[%zu] must have \"pattern\" and \"why\" only",
				 section, name, i);
			return -1;
		}
	}
	return 0;
}

static int check_track(const json_t *list, char *err, size_t errlen)
{
	struct track_rule rule;
	const json_t *one;
	char why[256];
	size_t i;

	if (list && (!json_is_array(list) || json_array_size(list) > TRACK_RULES)) {
		snprintf(err, errlen, "rules: \"track\" is not an array of at most %d", TRACK_RULES);
		return -1;
	}
	json_array_foreach (list, i, one) {
		if (json_is_string(json_object_get(one, "why")) &&
		    track_rule_parse(one, &rule, why, sizeof(why)) == 0)
			continue;
		snprintf(err, errlen, "rules: \"track\"[%zu] must be a rule, with \"why\": %s", i,
			 json_object_get(one, "why") ? why : "it is missing");
		return -1;
	}
	return 0;
}

int rules_load(const char *path, struct rules **out, char *err, size_t errlen)
{
	struct rules *r;
	json_t *root;

	*out = NULL;
	errno = 0;
	root = read_root(path, err, errlen);
	if (!root)
		return -1;
	if (json_integer_value(json_object_get(root, "version")) != RULES_VERSION) {
		snprintf(err, errlen,
			 "rules: \"version\" must be %d: this file is for another kmc-vmm",
			 RULES_VERSION);
		goto fail;
	}
	if (check_names("a rules file", root, members, err, errlen) ||
	    check_section("functions", json_object_get(root, "functions"), function_rules, err,
			  errlen) ||
	    check_section("caches", json_object_get(root, "caches"), cache_rules, err, errlen) ||
	    check_track(json_object_get(root, "track"), err, errlen))
		goto fail;
	r = calloc(1, sizeof(*r));
	if (!r) {
		snprintf(err, errlen, "rules: out of memory");
		goto fail;
	}
	r->root = root;
	r->functions = json_object_get(root, "functions");
	r->caches = json_object_get(root, "caches");
	r->track = json_object_get(root, "track");
	*out = r;
	return 0;
fail:
	json_decref(root);
	return -1;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	json_decref(r->root);
	free(r);
}

static bool pattern_matches(const json_t *pattern, const char *name)
{
	const json_t *one;
	size_t i;

	if (json_is_string(pattern))
		return !fnmatch(json_string_value(pattern), name, 0);
	json_array_foreach (pattern, i, one)
		if (!fnmatch(json_string_value(one), name, 0))
			return true;
	return false;
}

static bool match(const json_t *section, const char *rule, const char *name)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(section, rule), i, entry)
		if (pattern_matches(json_object_get(entry, "pattern"), name))
			return true;
	return false;
}

bool rules_match(const struct rules *r, const char *rule, const char *function)
{
	return match(r->functions, rule, function);
}

bool rules_match_cache(const struct rules *r, const char *rule, const char *cache)
{
	return match(r->caches, rule, cache);
}

unsigned rules_track_count(const struct rules *r)
{
	return (unsigned)json_array_size(r->track);
}

void rules_track(const struct rules *r, unsigned n, struct track_rule *out)
{
	char err[256];

	track_rule_parse(json_array_get(r->track, n), out, err, sizeof(err));
}
