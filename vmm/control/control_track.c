// SPDX-License-Identifier: GPL-2.0-only
/* control_track.c: the command that changes what is tracked. */
#include <stdio.h>

#include "args.h"
#include "control_internal.h"
#include "inspect.h"
#include "track_rule.h"

static json_t *tracking_now(const struct control *c)
{
	struct track_rule rule[TRACK_RULES];
	struct track_params p;
	unsigned n = checker_tracking(c->checker, &p, rule);
	json_t *rules = json_array();
	char mode[128];

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(rules, track_rule_json(&rule[i]));
	track_format(&p, mode, sizeof(mode));
	return json_pack("{s:s, s:o}", "mode", mode, "rules", rules);
}

static int clear_rules(struct control *c, const json_t *args, char *err, size_t errlen)
{
	bool clear;

	if (!arg_given(args, "clear"))
		return 0;
	if (arg_bool(args, "clear", &clear, err, errlen))
		return -1;
	return clear ? checker_track_rule(c->checker, NULL, err, errlen) : 0;
}

static int add_rule(struct control *c, const json_t *args, char *err, size_t errlen)
{
	struct track_rule rule;

	if (!arg_given(args, "rule"))
		return 0;
	if (track_rule_parse(json_object_get(args, "rule"), &rule, err, errlen))
		return -1;
	return checker_track_rule(c->checker, &rule, err, errlen);
}

/* Without arguments only tells what is tracked. */
json_t *control_track(void *ctx, const json_t *args, char *err, size_t errlen)
{
	struct control *c = ctx;
	struct track_params p;
	const char *mode;

	if (arg_text(args, "mode", &mode, err, errlen) ||
	    (mode && !track_parse(mode, &p, err, errlen)) || clear_rules(c, args, err, errlen) ||
	    add_rule(c, args, err, errlen) ||
	    (mode && checker_track(c->checker, &p, err, errlen)))
		return NULL;
	return tracking_now(c);
}
