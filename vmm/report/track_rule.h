/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * track_rule.h: a rule of what is tracked (ept/track.h) as JSON: in configs/rules.json, and in the command
 * "track" (docs/report.md has the members). Used by rules.c and vmm/control/.
 */
#ifndef KMC_TRACK_RULE_H
#define KMC_TRACK_RULE_H

#include <jansson.h>

#include "track.h"

/* 0, or -1 with one line in err. Members that are no part of a rule: not allowed. */
int track_rule_parse(const json_t *o, struct track_rule *out, char *err, size_t errlen);
json_t *track_rule_json(const struct track_rule *rule);

#endif
