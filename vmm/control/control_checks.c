// SPDX-License-Identifier: GPL-2.0-only
/* control_checks.c: commands that change what is reported. */
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "checks.h"
#include "control_internal.h"
#include "inspect.h"

static json_t *names(unsigned bits)
{
	json_t *list = json_array();

	for (size_t i = 0; i < nchecks; i++)
		if (bits & checks[i].bits)
			json_array_append_new(list, json_string(checks[i].name));
	return list;
}

static json_t *checks_now(const struct control *c)
{
	struct filter_rule rule[FILTER_RULES];
	unsigned n = checker_switched_off(c->checker, rule, FILTER_RULES);
	json_t *off = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(off,
				      json_pack("{s:o, s:o}", "cache", control_text(rule[i].cache),
						"checks", names(rule[i].off)));
	return json_pack("{s:o, s:o}", "checks", names(checker_checks(c->checker)), "off", off);
}

static int class_bits(const char *class, unsigned *bits, char *err, size_t errlen)
{
	if (class && checks_by_name(class, strlen(class), bits) && *bits)
		return 0;
	snprintf(err, errlen,
		 "give \"class\" as all, uninit, infoleak, uaf, oob, unallocated, free or the "
		 "class of a report");
	return -1;
}

/* Without arguments only tells what is on. */
json_t *control_checks(void *ctx, const json_t *args, char *err, size_t errlen)
{
	struct control *c = ctx;
	const char *class, *cache;
	unsigned bits;
	bool on;

	if (!arg_given(args, "class") && !arg_given(args, "cache") && !arg_given(args, "on"))
		return checks_now(c);
	if (arg_text(args, "class", &class, err, errlen) ||
	    arg_text(args, "cache", &cache, err, errlen) ||
	    arg_bool(args, "on", &on, err, errlen) || class_bits(class, &bits, err, errlen) ||
	    checker_switch(c->checker, bits, cache, on, err, errlen))
		return NULL;
	return checks_now(c);
}

json_t *control_one_shot(void *ctx, const json_t *args, char *err, size_t errlen)
{
	struct control *c = ctx;
	bool on;

	if (arg_bool(args, "on", &on, err, errlen))
		return NULL;
	checker_one_shot(c->checker, on);
	return json_pack("{s:b}", "on", on);
}

json_t *control_suppress(void *ctx, const json_t *args, char *err, size_t errlen)
{
	struct control *c = ctx;
	const char *class, *function, *cache, *module;

	if (arg_text(args, "class", &class, err, errlen) ||
	    arg_text(args, "function", &function, err, errlen) ||
	    arg_text(args, "cache", &cache, err, errlen) ||
	    arg_text(args, "module", &module, err, errlen) ||
	    suppress_add(c->suppressions, class, function, cache, module, err, errlen))
		return NULL;
	return json_pack("{s:I}", "suppressions", (json_int_t)suppress_count(c->suppressions));
}
