// SPDX-License-Identifier: GPL-2.0-only
/*
 * chart.c: how often something was seen over time, as bars stacked by severity (inline SVG), and as
 * a table for those who cannot see them.
 */
#include "html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BINS_MIN 12u
#define BINS_MAX 60u
#define UNIT	 10u /* width of a bin in the picture's own units */
#define HEIGHT	 100.0

struct bins {
	uint64_t start, step; /* seconds */
	unsigned n;
	uint64_t count[BINS_MAX][LEVELS];
	uint64_t most, top; /* of one bin; of the axis */
};

/* Steps that people read easily, in seconds. */
static uint64_t step_for(uint64_t seconds)
{
	static const uint64_t steps[] = { 1,	 2,	5,     10,    15,     30,    60,
					  120,	 300,	600,   900,   1800,   3600,  7200,
					  10800, 21600, 43200, 86400, 172800, 604800 };
	uint64_t step;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (seconds / steps[i] < BINS_MAX - 1)
			return steps[i];
	step = steps[sizeof(steps) / sizeof(steps[0]) - 1];
	while (seconds / step >= BINS_MAX - 1)
		step *= 2;
	return step;
}

/* 1, 2, 5, 10, 20, ...: at least n. */
static uint64_t axis_top(uint64_t n)
{
	uint64_t top = 1;

	for (unsigned i = 0; top < n; i++)
		top = i % 3 == 1 ? top / 2 * 5 : top * 2;
	return top;
}

static void fill(const struct model *m, struct bins *b)
{
	uint64_t first = UINT64_MAX, last = 0;

	for (size_t i = 0; i < m->nsightings; i++) {
		uint64_t at = m->sighting[i].time / 1000000000u;

		first = at < first ? at : first;
		last = at > last ? at : last;
	}
	b->step = step_for(last - first);
	b->start = first - first % b->step;
	b->n = (unsigned)((last - b->start) / b->step + 1);
	if (b->n < BINS_MIN)
		b->n = BINS_MIN;
	for (size_t i = 0; i < m->nsightings; i++) {
		uint64_t at = (m->sighting[i].time / 1000000000u - b->start) / b->step;

		b->count[at < BINS_MAX ? at : BINS_MAX - 1][m->sighting[i].level] +=
			m->sighting[i].count;
	}
	for (unsigned i = 0; i < b->n; i++) {
		uint64_t sum = 0;

		for (int l = 0; l < LEVELS; l++)
			sum += b->count[i][l];
		b->most = sum > b->most ? sum : b->most;
	}
	b->top = axis_top(b->most);
}

static void put_bar(FILE *f, const struct bins *b, unsigned n)
{
	double y = HEIGHT;
	char utc[RECORD_TIME];
	uint64_t sum = 0;

	for (int l = 0; l < LEVELS; l++)
		sum += b->count[n][l];
	if (!sum)
		return;
	html_utc((b->start + n * b->step) * 1000000000u, utc);
	fprintf(f, "<g><title>%.10s %.8s: %" PRIu64 "</title>", utc, utc + 11, sum);
	for (int l = LEVEL_CRITICAL; l >= 0; l--) {
		double height = HEIGHT * (double)b->count[n][l] / (double)b->top;

		if (!b->count[n][l])
			continue;
		y -= height;
		fprintf(f,
			"<rect class=\"l-%s\" x=\"%u.5\" y=\"%.2f\" width=\"%u\" height=\"%.2f\"/>",
			record_level_name((enum record_level)l), n * UNIT, y, UNIT - 1, height);
	}
	fputs("</g>\n", f);
}

/* Start, middle and end; as much of the date as is needed. */
static void put_axis(FILE *f, const struct bins *b)
{
	uint64_t end = b->start + b->n * b->step;
	bool long_time = end - b->start >= 3 * 86400u;
	bool dates = b->start / 86400 != end / 86400;
	char utc[RECORD_TIME];

	fputs("<div class=\"x-axis\" aria-hidden=\"true\">", f);
	for (unsigned i = 0; i < 3; i++) {
		html_utc((b->start + (end - b->start) * i / 2) * 1000000000u, utc);
		if (long_time)
			fprintf(f, "<span>%.10s</span>", utc);
		else if (dates)
			fprintf(f, "<span>%.5s %.5s</span>", utc + 5, utc + 11);
		else
			fprintf(f, "<span>%.8s</span>", utc + 11);
	}
	fputs("</div>\n", f);
}

static void put_picture(FILE *f, const struct bins *b, uint64_t total)
{
	fprintf(f,
		"<div class=\"plot\"><div class=\"y-axis\" aria-hidden=\"true\"><span>%" PRIu64
		"</span><span>0</span></div>\n",
		b->top);
	fprintf(f,
		"<svg viewBox=\"0 0 %u 100\" preserveAspectRatio=\"none\" role=\"img\" "
		"aria-label=\"%" PRIu64 " times seen, in steps of %" PRIu64 " s; the table below "
		"has the numbers\">\n",
		b->n * UNIT, total, b->step);
	for (unsigned y = 0; y <= 100; y += 25)
		fprintf(f, "<line x1=\"0\" x2=\"%u\" y1=\"%u\" y2=\"%u\"/>\n", b->n * UNIT, y, y);
	for (unsigned n = 0; n < b->n; n++)
		put_bar(f, b, n);
	fputs("</svg>\n", f);
	put_axis(f, b);
	fputs("</div>\n", f);
}

static uint64_t of_level(const struct bins *b, int level)
{
	uint64_t sum = 0;

	for (unsigned n = 0; n < b->n; n++)
		sum += b->count[n][level];
	return sum;
}

static void put_key(FILE *f, const struct bins *b)
{
	fputs("<figcaption class=\"key\">", f);
	for (int l = LEVEL_CRITICAL; l >= 0; l--) {
		const char *name = record_level_name((enum record_level)l);

		if (!of_level(b, l))
			continue;
		fprintf(f, "<span><i class=\"swatch l-%s\"></i>%s</span>", name, name);
	}
	fputs("</figcaption>\n", f);
}

static void put_table(FILE *f, const struct bins *b)
{
	char utc[RECORD_TIME];

	fputs("<details class=\"numbers\"><summary>The same as a table</summary>\n<div class=\"scroll\" "
	      "tabindex=\"0\" role=\"region\" aria-label=\"Times seen over time\"><table class=\"seen\">"
	      "<thead><tr><th scope=\"col\">From (UTC)</th>",
	      f);
	for (int l = LEVEL_CRITICAL; l >= 0; l--)
		fprintf(f, "<th scope=\"col\">%s</th>", record_level_name((enum record_level)l));
	fputs("</tr></thead>\n<tbody>\n", f);
	for (unsigned n = 0; n < b->n; n++) {
		uint64_t sum = 0;

		for (int l = 0; l < LEVELS; l++)
			sum += b->count[n][l];
		if (!sum)
			continue;
		html_utc((b->start + n * b->step) * 1000000000u, utc);
		fprintf(f, "<tr><th scope=\"row\">%.10s %.8s</th>", utc, utc + 11);
		for (int l = LEVEL_CRITICAL; l >= 0; l--)
			fprintf(f, "<td class=\"num\">%" PRIu64 "</td>", b->count[n][l]);
		fputs("</tr>\n", f);
	}
	fputs("</tbody></table></div></details>\n", f);
}

void html_chart(FILE *f, const struct model *m)
{
	struct bins *b;

	if (!m->nsightings)
		return;
	b = calloc(1, sizeof(*b));
	if (!b)
		return;
	fill(m, b);
	fprintf(f,
		"<section class=\"card chart\" aria-labelledby=\"chart\">\n<h2 id=\"chart\">Seen over "
		"time</h2>\n<figure>\n");
	put_picture(f, b, m->count);
	put_key(f, b);
	fputs("</figure>\n", f);
	put_table(f, b);
	fputs("</section>\n", f);
	free(b);
}
