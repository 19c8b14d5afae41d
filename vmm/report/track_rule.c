// SPDX-License-Identifier: GPL-2.0-only
/* track_rule.c: see track_rule.h. */
#include "track_rule.h"

#include <stdio.h>
#include <string.h>

static bool text(const json_t *v, char *out, size_t size)
{
	const char *s = json_string_value(v);

	if (!s || strlen(s) >= size)
		return false;
	memcpy(out, s, strlen(s) + 1);
	return true;
}

static bool number(const json_t *v, uint64_t least, uint64_t most, uint64_t *out)
{
	*out = (uint64_t)json_integer_value(v);
	return json_is_integer(v) && json_integer_value(v) >= 0 && *out >= least && *out <= most;
}

static bool member(const char *name, const json_t *v, struct track_rule *r)
{
	uint64_t n = 0;

	if (!strcmp(name, "cache"))
		return text(v, r->cache, sizeof(r->cache));
	if (!strcmp(name, "site"))
		return text(v, r->site, sizeof(r->site));
	if (!strcmp(name, "min"))
		return number(v, 0, INT64_MAX, &r->min);
	if (!strcmp(name, "max"))
		return number(v, 0, INT64_MAX, &r->max);
	if (!strcmp(name, "watch")) {
		r->exclude = json_is_false(v);
		return json_is_boolean(v);
	}
	if (!strcmp(name, "accesses")) {
		bool good = number(v, 1, TRACK_ACCESSES_MAX, &n);

		r->accesses = (uint32_t)n;
		return good;
	}
	if (!strcmp(name, "rate")) {
		bool good = number(v, 1, 100, &n);

		r->rate = (uint32_t)n;
		return good;
	}
	return !strcmp(name, "why") && json_is_string(v);
}

int track_rule_parse(const json_t *o, struct track_rule *out, char *err, size_t errlen)
{
	struct track_rule r = {.cache = "*", .max = UINT64_MAX, .rate = 100};
	const char *name;
	json_t *v;

	json_object_foreach ((json_t *)o, name, v) {
		if (member(name, v, &r))
			continue;
		snprintf(err, errlen,
			 "a rule has cache and site (names with wildcards, up to 63 bytes), min and max "
			 "(bytes), watch (true or false), accesses (1 to %u) and rate (1 to 100)",
			 TRACK_ACCESSES_MAX);
		return -1;
	}
	if (!json_is_object(o) || r.min > r.max) {
		snprintf(err, errlen, "a rule is an object, its min no more than its max");
		return -1;
	}
	*out = r;
	return 0;
}

json_t *track_rule_json(const struct track_rule *r)
{
	json_t *o = json_pack("{s:s, s:b, s:i}", "cache", r->cache, "watch", !r->exclude, "rate",
			      (int)r->rate);

	if (r->site[0])
		json_object_set_new(o, "site", json_string(r->site));
	if (r->min)
		json_object_set_new(o, "min", json_integer((json_int_t)r->min));
	if (r->max != UINT64_MAX)
		json_object_set_new(o, "max", json_integer((json_int_t)r->max));
	if (r->accesses)
		json_object_set_new(o, "accesses", json_integer(r->accesses));
	return o;
}
