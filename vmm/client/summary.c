// SPDX-License-Identifier: GPL-2.0-only
/*
 * summary.c: a table of the groups, as wide as the terminal.
 */
#include "view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define GAP	  2
#define TITLE_MIN 32u

enum column { SEVERITY, COUNT, VMS, CLASS, TITLE, FIRST, LAST, HASH, COLUMNS };

struct table {
	unsigned width[COLUMNS]; /* 0: not shown */
	bool short_times;	 /* without year and seconds */
};

static const char *const heading[COLUMNS] = {
	[SEVERITY] = "SEVERITY", [COUNT] = "COUNT",	[VMS] = "VMS",
	[CLASS] = "CLASS",	 [TITLE] = "TITLE",	[FIRST] = "FIRST SEEN",
	[LAST] = "LAST SEEN",	 [HASH] = "STACK HASH",
};

static unsigned others(const struct table *t)
{
	unsigned sum = 0;

	for (int c = 0; c < COLUMNS; c++)
		if (c != TITLE && t->width[c])
			sum += t->width[c] + GAP;
	return sum;
}

/* Gives up columns until the title has room; the first ones to go say least. */
static void fit(struct table *t, unsigned width)
{
	static const enum column give_up[] = { HASH, FIRST, CLASS, LAST, VMS, SEVERITY };

	for (size_t i = 0; i < sizeof(give_up) / sizeof(give_up[0]); i++) {
		if (others(t) + TITLE_MIN <= width)
			break;
		if (give_up[i] == FIRST && !t->short_times) {
			t->short_times = true;
			t->width[FIRST] = t->width[LAST] = strlen("11-21 20:30");
			i--;
			continue;
		}
		t->width[give_up[i]] = 0;
	}
	t->width[TITLE] = others(t) + TITLE_MIN <= width ? width - others(t) : TITLE_MIN;
}

/* Offsets differ between builds, a group does not. */
static void title_of(const struct group *g, char *out, size_t size)
{
	const char *title = group_title(g);
	size_t name = strcspn(title, "+");
	const char *behind = title + name + strcspn(title + name, " ");

	snprintf(out, size, "%.*s%s", (int)name, title, behind);
}

static unsigned digits(uint64_t n)
{
	unsigned count = 1;

	while (n /= 10)
		count++;
	return count;
}

static void widen(unsigned *width, unsigned to)
{
	*width = *width < to ? to : *width;
}

static void measure(struct table *t, const struct model *m, unsigned width)
{
	unsigned title = TITLE_MIN;

	for (int c = 0; c < COLUMNS; c++)
		t->width[c] = (unsigned)strlen(heading[c]);
	t->width[FIRST] = t->width[LAST] = strlen("2026-11-21 20:30:47");
	t->width[HASH] = 16;
	for (size_t i = 0; i < m->ngroups; i++) {
		const struct group *g = &m->group[i];
		char s[256];

		title_of(g, s, sizeof(s));
		widen(&t->width[COUNT], digits(g->count));
		widen(&t->width[VMS], digits(g->nvm));
		widen(&t->width[CLASS], (unsigned)strlen(group_class(g)));
		widen(&title, (unsigned)strlen(s));
	}
	if (t->width[CLASS] > 24)
		t->width[CLASS] = 24;
	fit(t, width);
	if (t->width[TITLE] > title)
		t->width[TITLE] = title;
}

/* What does not fit ends in "..". */
static void put(const struct view *v, const struct table *t, enum column c, const char *s)
{
	unsigned width = t->width[c];
	size_t len = strlen(s);
	bool last = true;

	if (!width)
		return;
	for (int k = c + 1; k < COLUMNS; k++)
		last = last && !t->width[k];
	if (c == COUNT || c == VMS)
		fprintf(v->out, "%*s", (int)width, s);
	else if (len > width)
		fprintf(v->out, "%.*s..", (int)width - 2, s);
	else
		fprintf(v->out, "%-*s", last ? 0 : (int)width, s);
	if (!last)
		fprintf(v->out, "%*s", GAP, "");
}

static void put_number(const struct view *v, const struct table *t, enum column c, uint64_t n)
{
	char s[24];

	snprintf(s, sizeof(s), "%" PRIu64, n);
	put(v, t, c, s);
}

static void put_time(const struct view *v, const struct table *t, enum column c, uint64_t ns)
{
	char s[RECORD_TIME];

	record_time(ns, s);
	if (t->short_times && strlen(s) > 16) {
		s[16] = '\0';
		memmove(s, s + 5, 12);
	}
	put(v, t, c, s);
}

static void put_group(const struct view *v, const struct table *t, const struct group *g)
{
	enum record_level level = record_level(g->severity);
	char title[256];

	title_of(g, title, sizeof(title));
	fputs(view_color(v, view_level_color(level)), v->out);
	put(v, t, SEVERITY, g->report ? record_level_name(level) : "-");
	fputs(view_color(v, COLOR_OFF), v->out);
	put_number(v, t, COUNT, g->count);
	put_number(v, t, VMS, g->nvm);
	put(v, t, CLASS, group_class(g));
	put(v, t, TITLE, title);
	put_time(v, t, FIRST, g->first);
	put_time(v, t, LAST, g->last);
	put(v, t, HASH, g->key);
	fputc('\n', v->out);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void put_totals(const struct view *v, const struct model *m)
{
	uint64_t panics = 0;

	for (size_t i = 0; i < m->nnotes; i++)
		panics += m->note[i].type == RECORD_PANIC;
	fprintf(v->out, "%zu group%s, %" PRIu64 " report%s, seen %" PRIu64 " time%s, %zu VM%s\n",
		m->ngroups, plural(m->ngroups), m->reports, plural(m->reports), m->count,
		plural(m->count), m->nvms, plural(m->nvms));
	if (panics)
		fprintf(v->out, "%" PRIu64 " guest panic%s\n", panics, plural(panics));
	if (m->lost)
		fprintf(v->out, "%" PRIu64 " record%s lost: readers were too slow\n", m->lost,
			m->lost == 1 ? " was" : "s were");
	if (m->left_out)
		fprintf(v->out, "%" PRIu64 " report%s beyond what is kept\n", m->left_out,
			m->left_out == 1 ? " is" : "s are");
}

void view_summary(const struct view *v, const struct model *m)
{
	const struct group **group = model_sorted(m);
	struct table t = { .short_times = false };

	measure(&t, m, v->width);
	if (m->ngroups) {
		fputs(view_color(v, COLOR_BOLD), v->out);
		for (int c = 0; c < COLUMNS; c++)
			put(v, &t, (enum column)c, heading[c]);
		fprintf(v->out, "%s\n", view_color(v, COLOR_OFF));
	}
	for (size_t i = 0; group && i < m->ngroups; i++)
		put_group(v, &t, group[i]);
	if (m->ngroups)
		fputc('\n', v->out);
	put_totals(v, m);
	free(group);
}
