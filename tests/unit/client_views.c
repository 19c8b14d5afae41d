// SPDX-License-Identifier: GPL-2.0-only
/*
 * client_views.c: what kmc-report shows of recorded streams, against golden files; and that nothing
 * in a hostile stream becomes markup or a terminal's command.
 *
 * KMC_REBASE=1 in the environment rewrites tests/golden/client_*: read the difference then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "html.h"
#include "input.h"
#include "view.h"

#define GOLDEN KMC_SOURCE_DIR "/tests/golden/"
#define NONCE  "0123456789abcdef"

enum what { TEXT, JSON, SUMMARY, HTML };

/* The output; *len without the NUL behind it. */
static char *render(char *const *paths, int n, enum what what, bool color, unsigned width,
		    size_t *len)
{
	struct input *in = input_create(paths, n, false);
	struct view v = { .color = color, .width = width };
	struct model m;
	struct record r;
	const char *vm;
	char *out;

	v.out = open_memstream(&out, len);
	model_init(&m, true);
	while (input_next(in, &r, &vm) == INPUT_RECORD) {
		if (model_add(&m, &r, vm) && what == TEXT)
			view_text(&v, &r, vm);
		else if (what == JSON)
			view_json(&v, &r);
		record_free(&r);
	}
	m.malformed = input_malformed(in);
	if (what == SUMMARY)
		view_summary(&v, &m);
	else if (what == HTML)
		view_html(&v, &m, NONCE);
	assert_int_equal(fclose(v.out), 0);
	input_destroy(in);
	model_deinit(&m);
	return out;
}

static char *const recorded[] = { (char *)GOLDEN "client_a.jsonl",
				  (char *)GOLDEN "client_b.jsonl" };
static char *const hostile[] = { (char *)GOLDEN "client_hostile.jsonl" };

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *buf;
	size_t n;

	if (!f)
		fail_msg("%s is missing: KMC_REBASE=1 makes it", path);
	buf = malloc(1 << 20);
	n = fread(buf, 1, (1 << 20) - 1, f);
	buf[n] = '\0';
	fclose(f);
	return buf;
}

static void golden(const char *name, const char *text)
{
	char path[512], *want;
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", GOLDEN, name);
	if (getenv("KMC_REBASE")) {
		f = fopen(path, "w");
		assert_non_null(f);
		assert_true(fputs(text, f) >= 0);
		assert_int_equal(fclose(f), 0);
	}
	want = read_file(path);
	if (strcmp(want, text) != 0)
		fail_msg("%s differs; KMC_REBASE=1 and git diff show how", path);
	free(want);
}

static void check(const char *name, enum what what, bool color, unsigned width)
{
	size_t len;
	char *out = render(recorded, 2, what, color, width, &len);

	golden(name, out);
	free(out);
}

static void test_text(void **state)
{
	check("client_text.txt", TEXT, false, 0);
	check("client_color.txt", TEXT, true, 0);
}

static void test_json(void **state)
{
	check("client_json.jsonl", JSON, false, 0);
}

static size_t longest_line(const char *text)
{
	size_t longest = 0;

	while (*text) {
		size_t len = strcspn(text, "\n");

		longest = len > longest ? len : longest;
		text += len + (text[len] == '\n');
	}
	return longest;
}

static void test_summary(void **state)
{
	static const unsigned widths[] = { 200, 160, 120, 100, 80, 60, 50 };
	size_t len;

	check("client_summary.txt", SUMMARY, false, 160);
	check("client_summary_80.txt", SUMMARY, false, 80);
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		char *out = render(recorded, 2, SUMMARY, false, widths[i], &len);

		if (longest_line(out) > widths[i])
			fail_msg("%u columns:\n%s", widths[i], out);
		free(out);
	}
}

/* Style and script are as they are in the source; what is between them is made. */
static void test_html(void **state)
{
	size_t len;
	char *out = render(recorded, 2, HTML, false, 0, &len), *body, *end;

	body = strstr(out, "<body>");
	end = strstr(out, "<script");
	assert_true(body && end);
	*end = '\0';
	golden("client_html.html", body);
	free(out);
}

/* --- nothing of a stream is markup --- */

static const char *const elements[] = {
	"html",	   "head",  "title",	"style",  "body",   "header",	  "main",    "footer",
	"section", "div",   "h1",	"h2",	  "h3",	    "p",	  "span",    "b",
	"i",	   "code",  "pre",	"dl",	  "dt",	    "dd",	  "ul",	     "ol",
	"li",	   "table", "caption",	"thead",  "tbody",  "tr",	  "th",	     "td",
	"time",	   "abbr",  "svg",	"g",	  "figure", "figcaption", "details", "summary",
	"a",	   "label", "fieldset", "legend", "button", "script",	  "meta",    "br",
	"input",   "rect",  "line", /* without an end: */
};
#define VOIDS 5

static int element(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		if (strlen(elements[i]) == len && !strncmp(elements[i], name, len))
			return (int)i;
	return -1;
}

static bool is_void(int n)
{
	return n >= (int)(sizeof(elements) / sizeof(elements[0])) - VOIDS;
}

/* Attributes of a start tag: names, and values in double quotes. Its end; NULL: something else. */
static const char *attributes(const char *s)
{
	for (;;) {
		size_t n = strspn(s, " ");

		s += n;
		if (*s == '/' && s[1] == '>')
			return s + 2;
		if (*s == '>')
			return s + 1;
		n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-12");
		if (!n || !strncmp(s, "on", 2) || !strncmp(s, "src", 3))
			return NULL;
		s += n;
		if (*s != '=')
			continue;
		if (s[1] != '"')
			return NULL;
		s += 2;
		s += strcspn(s, "\"<>");
		if (*s++ != '"')
			return NULL;
	}
}

/* NULL, or where the page is not made of known elements, one in the other. */
static const char *malformed(const char *s)
{
	int open[64], depth = 0, n;
	size_t len;

	if (strncmp(s, "<!DOCTYPE html>", 15))
		return s;
	s += 15;
	while ((s = strchr(s, '<'))) {
		bool end = s[1] == '/';
		const char *tag = s;

		s += 1 + end;
		len = strspn(s, "abcdefghijklmnopqrstuvwxyz123");
		n = element(s, len);
		if (n < 0)
			return tag;
		s = attributes(s + len);
		if (!s)
			return tag;
		if (end && (!depth || open[--depth] != n))
			return tag;
		if (end || is_void(n))
			continue;
		if (depth == 64)
			return tag;
		open[depth++] = n;
		if (!strcmp(elements[n], "style") || !strcmp(elements[n], "script"))
			s = strstr(s, "</"); /* its text is no markup */
	}
	return depth ? "an element has no end" : NULL;
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	while ((text = strstr(text, what))) {
		text++;
		n++;
	}
	return n;
}

static void check_page(char *const *paths, int n)
{
	size_t len;
	char *out = render(paths, n, HTML, false, 0, &len);
	const char *bad = malformed(out);

	if (bad)
		fail_msg("not well-formed: %.200s", bad);
	assert_int_equal(strlen(out), len);
	assert_int_equal(count(out, "<script"), 1);
	assert_int_equal(count(out, "<style"), 1);
	assert_int_equal(count(out, "nonce=\"" NONCE "\""), 2);
	assert_int_equal(count(out, "'unsafe"), 0);
	assert_int_equal(count(out, "http://") + count(out, "https://") + count(out, "url("), 0);
	free(out);
}

static void test_page(void **state)
{
	check_page(recorded, 2);
	check_page(recorded, 0); /* nothing at all */
	check_page(hostile, 1);
}

/* The check above can fail. */
static void test_page_refuses(void **state)
{
	static const char *const bad[] = {
		"<p></p>",
		"<!DOCTYPE html><p>",
		"<!DOCTYPE html><p></b></p>",
		"<!DOCTYPE html><img>",
		"<!DOCTYPE html><p onclick=\"x\"></p>",
		"<!DOCTYPE html><p class=x></p>",
		"<!DOCTYPE html><p class=\"<\"></p>",
		"<!DOCTYPE html></p>",
	};

	assert_null(malformed("<!DOCTYPE html><p class=\"x\">a<br></p>"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!malformed(bad[i]))
			fail_msg("accepted: %s", bad[i]);
}

static void test_hostile_text(void **state)
{
	static const enum what kinds[] = { TEXT, JSON, SUMMARY };
	size_t len;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char *out = render(hostile, 1, kinds[i], false, 100, &len);

		for (size_t at = 0; at < len; at++)
			assert_true(out[at] == '\n' || (out[at] >= ' ' && out[at] <= '~'));
		free(out);
	}
}

/* Colours come in pairs: whatever a text is, the terminal is as it was behind each line of it. */
static void test_color_ends(void **state)
{
	size_t len;
	char *out = render(hostile, 1, TEXT, true, 0, &len);
	const char *last = NULL;

	for (const char *p = out; (p = strchr(p, '\033')); p++)
		last = p;
	assert_non_null(last);
	assert_int_equal(strncmp(last, "\033[0m", 4), 0);
	free(out);
}

static void test_escape(void **state)
{
	char *out;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	html_format(f, "%s", "<a href=\"x\">&'");
	fclose(f);
	assert_string_equal(out, "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),	     cmocka_unit_test(test_json),
		cmocka_unit_test(test_summary),	     cmocka_unit_test(test_html),
		cmocka_unit_test(test_page),	     cmocka_unit_test(test_page_refuses),
		cmocka_unit_test(test_hostile_text), cmocka_unit_test(test_color_ends),
		cmocka_unit_test(test_escape),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
