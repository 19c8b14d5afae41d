// SPDX-License-Identifier: GPL-2.0-only
/* track_parse.c: a mode with its parameters as text: --track, and the command "track". */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "track.h"

static const struct {
	const char *name;
	struct track_params usual;
} modes[TRACK_MODES] = {
	[TRACK_FULL] = {"full", {.mode = TRACK_FULL, .share = 100}},
	[TRACK_BUDGET] = {"budget",
			  {.mode = TRACK_BUDGET,
			   .accesses = 64,
			   .recent = 64,
			   .share = 100,
			   .first = 16,
			   .frees_wait = true}},
	[TRACK_SAMPLE] = {"sample",
			  {.mode = TRACK_SAMPLE, .accesses = 128, .recent = 128, .share = 5}},
	[TRACK_OFF] = {"off", {.mode = TRACK_OFF, .share = 100}},
};

static bool number(const char *text, size_t len, uint32_t least, uint32_t most, uint32_t *out)
{
	char copy[16], *end;
	unsigned long n;

	if (!len || len >= sizeof(copy) || *text < '0' || *text > '9')
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	n = strtoul(copy, &end, 10);
	if (*end || n < least || n > most)
		return false;
	*out = (uint32_t)n;
	return true;
}

static bool is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && !strncmp(text, word, len);
}

/* One of "accesses=64". */
static bool parse_one(const char *text, size_t len, struct track_params *p)
{
	const char *eq = memchr(text, '=', len);
	size_t name = eq ? (size_t)(eq - text) : len, rest = eq ? len - name - 1 : 0;

	if (!eq || (p->mode != TRACK_BUDGET && p->mode != TRACK_SAMPLE))
		return false;
	if (is_word(text, name, "accesses"))
		return number(eq + 1, rest, 1, TRACK_ACCESSES_MAX, &p->accesses);
	if (is_word(text, name, "recent"))
		return number(eq + 1, rest, 0, TRACK_ACCESSES_MAX, &p->recent);
	if (is_word(text, name, "first"))
		return p->mode == TRACK_BUDGET &&
		       number(eq + 1, rest, 0, TRACK_ACCESSES_MAX, &p->first);
	if (is_word(text, name, "share"))
		return p->mode == TRACK_SAMPLE && number(eq + 1, rest, 1, 100, &p->share);
	if (!is_word(text, name, "frees"))
		return false;
	p->frees_wait = is_word(eq + 1, rest, "wait");
	return p->frees_wait || is_word(eq + 1, rest, "later");
}

bool track_parse(const char *text, struct track_params *out, char *err, size_t errlen)
{
	size_t len = strcspn(text, ":");
	const char *at = text + len + (text[len] == ':');
	unsigned mode = 0;

	while (mode < TRACK_MODES && !is_word(text, len, modes[mode].name))
		mode++;
	if (mode == TRACK_MODES) {
		snprintf(err, errlen, "give full, budget, sample or off");
		return false;
	}
	*out = modes[mode].usual;
	for (; *at; at += len + (at[len] == ',')) {
		len = strcspn(at, ",");
		if (parse_one(at, len, out))
			continue;
		snprintf(err, errlen,
			 "give budget:accesses=N,recent=N,frees=wait|later,first=N or "
			 "sample:share=PERCENT,accesses=N,recent=N,frees=wait|later, N up to %u",
			 TRACK_ACCESSES_MAX);
		return false;
	}
	return true;
}

void track_format(const struct track_params *p, char *out, size_t size)
{
	int n = snprintf(out, size, "%s", modes[p->mode].name);

	if (p->mode != TRACK_BUDGET && p->mode != TRACK_SAMPLE)
		return;
	n += snprintf(out + n, size - (size_t)n, ":accesses=%u,recent=%u,frees=%s", p->accesses,
		      p->recent, p->frees_wait ? "wait" : "later");
	if (p->mode == TRACK_SAMPLE)
		snprintf(out + n, size - (size_t)n, ",share=%u", p->share);
	else
		snprintf(out + n, size - (size_t)n, ",first=%u", p->first);
}
