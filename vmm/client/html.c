// SPDX-License-Identifier: GPL-2.0-only
/*
 * html.c: the page around reports: totals, counts over time, groups. One file that needs no
 * network, no other file, and no script to be read.
 */
#include "html.h"
#include "view.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHOWN_REPORTS 20u /* of one group, in full */
#define LISTED	      200u
#define NOTES_SHOWN   100u

void html_text(FILE *f, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&':
			fputs("&amp;", f);
			break;
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		case '\'':
			fputs("&#39;", f);
			break;
		default:
			fputc(*s, f);
		}
	}
}

void html_format(FILE *f, const char *format, ...)
{
	char s[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(s, sizeof(s), format, args);
	va_end(args);
	html_text(f, s);
}

void html_utc(uint64_t ns, char out[RECORD_TIME])
{
	time_t seconds = (time_t)(ns / 1000000000u);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(out, RECORD_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm))
		strcpy(out, "-");
}

void html_time(FILE *f, uint64_t ns)
{
	char utc[RECORD_TIME];

	if (!ns) {
		fputs("unknown", f);
		return;
	}
	html_utc(ns, utc);
	fprintf(f, "<time datetime=\"%s\">%.10s %.8s</time>", utc, utc, utc + 11);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* --- head --- */

static void put_head(FILE *f, const struct model *m, const char *nonce)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ",
	      f);
	fprintf(f,
		"style-src 'nonce-%s'; script-src 'nonce-%s'; base-uri 'none'; "
		"form-action 'none'\">\n",
		nonce, nonce);
	fprintf(f, "<title>%zu kernel memory error%s - kmc-report</title>\n", m->ngroups,
		plural(m->ngroups));
	fprintf(f, "<style nonce=\"%s\">\n", nonce);
	fwrite(page_css, 1, page_css_len, f);
	fputs("</style>\n</head>\n<body>\n", f);
}

static void put_tile(FILE *f, const char *what, uint64_t n, const char *class)
{
	fprintf(f, "<div class=\"tile %s\"><dt>%s</dt><dd>%" PRIu64 "</dd></div>\n", class, what,
		n);
}

/* Groups of each level. */
static void count_levels(const struct model *m, uint64_t n[LEVELS])
{
	memset(n, 0, LEVELS * sizeof(n[0]));
	for (size_t i = 0; i < m->ngroups; i++)
		n[record_level(m->group[i].severity)]++;
}

static void put_range(FILE *f, const struct model *m)
{
	uint64_t first = 0, last = 0;

	for (size_t i = 0; i < m->ngroups; i++) {
		const struct group *g = &m->group[i];

		if (g->first && (!first || g->first < first))
			first = g->first;
		last = g->last > last ? g->last : last;
	}
	if (!first)
		return;
	fputs("<p class=\"range\">", f);
	html_time(f, first);
	fputs(" to ", f);
	html_time(f, last);
	fputs(" UTC</p>\n", f);
}

static void put_totals(FILE *f, const struct model *m)
{
	uint64_t level[LEVELS];

	count_levels(m, level);
	fputs("<header class=\"top\">\n<div class=\"wrap\">\n<h1>Kernel memory errors</h1>\n", f);
	put_range(f, m);
	fputs("</div>\n</header>\n<main class=\"wrap\">\n<dl class=\"tiles\">\n", f);
	put_tile(f, "Groups", m->ngroups, "");
	for (int l = LEVEL_CRITICAL; l >= LEVEL_LOW; l--) {
		char class[16];

		snprintf(class, sizeof(class), "l-%s", record_level_name((enum record_level)l));
		put_tile(f, record_level_name((enum record_level)l), level[l], class);
	}
	put_tile(f, "Times seen", m->count, "");
	put_tile(f, m->nvms == 1 ? "VM" : "VMs", m->nvms, "");
	fputs("</dl>\n", f);
}

/* --- notes: what a reader must know to trust the numbers --- */

static void put_note(FILE *f, const struct note *n)
{
	fputs("<li>", f);
	if (n->time) {
		html_time(f, n->time);
		fputs(" ", f);
	}
	html_format(f, "%s: ", record_text(n->record, "vm"));
	if (n->type == RECORD_PANIC)
		html_format(f, "the guest's kernel gave up: %s", record_text(n->record, "text"));
	else
		html_format(f, "ended: %s, %" PRIu64 " report%s", record_text(n->record, "end"),
			    record_number(n->record, "reports"),
			    plural(record_number(n->record, "reports")));
	fputs("</li>\n", f);
}

static void put_warnings(FILE *f, const struct model *m)
{
	if (!m->lost && !m->left_out && !m->malformed)
		return;
	fputs("<ul class=\"warnings\">\n", f);
	if (m->lost)
		fprintf(f, "<li>%" PRIu64 " record%s lost: a reader was too slow</li>\n", m->lost,
			m->lost == 1 ? " was" : "s were");
	if (m->left_out)
		fprintf(f,
			"<li>%" PRIu64
			" report%s counted, but not shown: there are too many</li>\n",
			m->left_out, m->left_out == 1 ? " is" : "s are");
	if (m->malformed)
		fprintf(f, "<li>%" PRIu64 " line%s could not be read</li>\n", m->malformed,
			plural(m->malformed));
	fputs("</ul>\n", f);
}

static void put_notes(FILE *f, const struct model *m)
{
	size_t n = m->nnotes < NOTES_SHOWN ? m->nnotes : NOTES_SHOWN;

	if (!n)
		return;
	fprintf(f,
		"<details class=\"card notes\">\n<summary><h2>Guests that ended "
		"<span class=\"count\">%zu</span></h2></summary>\n<ul>\n",
		m->nnotes);
	for (size_t i = 0; i < n; i++)
		put_note(f, &m->note[i]);
	fputs("</ul>\n</details>\n", f);
}

/* --- groups --- */

/* The tool, the kind, and the function with its offset set back. */
static void put_title(FILE *f, const char *title)
{
	const char *in = strstr(title, " in ");
	size_t name;

	if (!in) {
		html_text(f, title);
		return;
	}
	html_format(f, "%.*s in ", (int)(in - title), title);
	in += strlen(" in ");
	name = strcspn(in, "+ ");
	fputs("<b>", f);
	html_format(f, "%.*s", (int)name, in);
	fputs("</b><span class=\"dim\">", f);
	html_text(f, in + name);
	fputs("</span>", f);
}

/* For links: stays the same when the page is made again. */
static void put_id(FILE *f, const struct group *g, size_t number)
{
	if (strspn(g->key, "0123456789abcdef") == strlen(g->key))
		fprintf(f, "group-%s", g->key);
	else
		fprintf(f, "number-%zu", number);
}

static void put_summary(FILE *f, const struct group *g, size_t number)
{
	const char *level = record_level_name(record_level(g->severity));

	fputs("<details class=\"card group\" id=\"", f);
	put_id(f, g, number);
	fprintf(f, "\" data-level=\"%s\">\n<summary><span class=\"badge l-%s\">%s</span><h3>",
		level, level, level);
	put_title(f, group_title(g));
	fprintf(f,
		"</h3><span class=\"meta\"><span><b>%" PRIu64 "</b> time%s</span>"
		"<span><b>%zu</b> VM%s</span><span class=\"last\">last ",
		g->count, plural(g->count), g->nvm, plural(g->nvm));
	html_time(f, g->last);
	fputs("</span></span></summary>\n", f);
}

static void put_fact(FILE *f, const char *name, const char *value)
{
	if (!*value)
		return;
	fprintf(f, "<div><dt>%s</dt><dd><code>", name);
	html_text(f, value);
	fputs("</code></dd></div>\n", f);
}

static void put_alt_titles(FILE *f, const json_t *report)
{
	const json_t *titles = json_object_get(report, "alt_titles");
	bool any = false;

	for (size_t i = 0; i < json_array_size(titles) && i < 8; i++) {
		const char *s = json_string_value(json_array_get(titles, i));

		if (!s)
			continue;
		fputs(any ? "<br>" : "<div><dt>Also filed as</dt><dd>", f);
		html_text(f, s);
		any = true;
	}
	if (any)
		fputs("</dd></div>\n", f);
}

static void put_facts(FILE *f, const struct group *g, size_t number)
{
	fputs("<dl class=\"facts\">\n", f);
	put_fact(f, "Class", group_class(g));
	fputs("<div><dt>Stack hash</dt><dd><a href=\"#", f);
	put_id(f, g, number);
	fputs("\">", f);
	html_text(f, g->key);
	fputs("</a></dd></div>\n<div><dt>First seen</dt><dd>", f);
	html_time(f, g->first);
	fputs("</dd></div>\n<div><dt>Last seen</dt><dd>", f);
	html_time(f, g->last);
	fputs("</dd></div>\n", f);
	put_alt_titles(f, g->report);
	fputs("</dl>\n", f);
}

static void put_cell(FILE *f, const char *s)
{
	fputs("<td>", f);
	html_text(f, s);
	fputs("</td>", f);
}

static void put_row(FILE *f, const json_t *report)
{
	uint64_t guest = record_number(report, "guest_time"),
		 count = record_number(report, "count");

	fputs("<tr><th scope=\"row\">", f);
	html_text(f, record_text(report, "vm"));
	fputs("</th><td>", f);
	html_time(f, record_number(report, "host_time"));
	fprintf(f, "</td><td class=\"num\">%" PRIu64 ".%06" PRIu64 "</td>", guest / 1000000000u,
		guest / 1000 % 1000000);
	fputs("<td>", f);
	html_format(f, "%s (%" PRIu64 ")", record_text(report, "comm"),
		    record_number(report, "pid"));
	fprintf(f, "</td><td class=\"num\">%" PRIu64 "</td>", record_number(report, "cpu"));
	put_cell(f, record_text(report, "release"));
	fprintf(f, "<td class=\"num\">%" PRIu64 "</td></tr>\n", count ? count : 1);
}

static void put_table(FILE *f, const struct group *g)
{
	size_t n = g->nreports < LISTED ? g->nreports : LISTED;

	fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Where it was seen\">\n"
	      "<table class=\"seen\"><thead><tr><th scope=\"col\">VM</th><th scope=\"col\">Time (UTC)"
	      "</th><th scope=\"col\">Guest time (s)</th><th scope=\"col\">Task</th>"
	      "<th scope=\"col\">CPU</th><th scope=\"col\">Kernel</th><th scope=\"col\">Count</th>"
	      "</tr></thead>\n<tbody>\n",
	      f);
	for (size_t i = 0; i < n; i++)
		put_row(f, g->reports[i]);
	fputs("</tbody></table></div>\n", f);
	if (n < g->nreports)
		fprintf(f, "<p class=\"dim\">and %zu more</p>\n", g->nreports - n);
}

static void put_reports(FILE *f, const struct group *g)
{
	for (size_t i = 0; i < g->nreports && i < SHOWN_REPORTS; i++) {
		if (!i) {
			fputs("<section class=\"report\">\n", f);
			html_report(f, g->reports[i]);
			fputs("</section>\n", f);
			continue;
		}
		fputs("<details class=\"report\"><summary>The report of ", f);
		html_format(f, "%s, ", record_text(g->reports[i], "vm"));
		html_time(f, record_number(g->reports[i], "host_time"));
		fputs("</summary>\n", f);
		html_report(f, g->reports[i]);
		fputs("</details>\n", f);
	}
	if (g->nreports > SHOWN_REPORTS)
		fprintf(f,
			"<p class=\"dim\">%zu more reports of this group are not shown in full</p>\n",
			g->nreports - SHOWN_REPORTS);
}

static void put_group(FILE *f, const struct group *g, size_t number)
{
	put_summary(f, g, number);
	fputs("<div class=\"body\">\n", f);
	put_facts(f, g, number);
	if (g->nreports)
		put_table(f, g);
	put_reports(f, g);
	fputs("</div>\n</details>\n", f);
}

/* Hidden until the script is there to serve them. */
static void put_tools(FILE *f)
{
	fputs("<div class=\"tools\" id=\"tools\" hidden>\n<label class=\"search\"><span>Filter</span>"
	      "<input type=\"search\" id=\"filter\" placeholder=\"function, cache, task, VM ...\" "
	      "autocomplete=\"off\" spellcheck=\"false\"></label>\n<fieldset><legend>Severity</legend>\n",
	      f);
	for (int l = LEVEL_CRITICAL; l >= LEVEL_LOW; l--) {
		const char *name = record_level_name((enum record_level)l);

		fprintf(f,
			"<label class=\"toggle l-%s\"><input type=\"checkbox\" value=\"%s\" checked>"
			"<span>%s</span></label>\n",
			name, name, name);
	}
	fputs("</fieldset>\n<div class=\"buttons\"><button type=\"button\" id=\"open-all\">Open all"
	      "</button><button type=\"button\" id=\"close-all\">Close all</button></div>\n"
	      "<p id=\"shown\" role=\"status\"></p>\n</div>\n",
	      f);
}

static void put_groups(FILE *f, const struct model *m)
{
	const struct group **group = model_sorted(m);

	fputs("<section aria-labelledby=\"groups\">\n<h2 id=\"groups\">Groups</h2>\n", f);
	if (!m->ngroups)
		fputs("<p class=\"empty\">Nothing was reported.</p>\n", f);
	else
		put_tools(f);
	for (size_t i = 0; group && i < m->ngroups; i++)
		put_group(f, group[i], i + 1);
	fputs("</section>\n", f);
	free(group);
}

void view_html(const struct view *v, const struct model *m, const char *nonce)
{
	FILE *f = v->out;

	put_head(f, m, nonce);
	put_totals(f, m);
	put_warnings(f, m);
	html_chart(f, m);
	put_groups(f, m);
	put_notes(f, m);
	fprintf(f,
		"</main>\n<footer class=\"wrap\"><p>Made by kmc-report. Times are UTC.</p></footer>\n"
		"<script nonce=\"%s\">\n",
		nonce);
	fwrite(page_js, 1, page_js_len, f);
	fputs("</script>\n</body>\n</html>\n", f);
}
