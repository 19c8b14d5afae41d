// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_text.c: the text of a finding against golden files, and against the rules by which the
 * parsers of fuzzing farms (syzkaller's pkg/report) take a text for clean or for corrupted.
 *
 * KMC_REBASE=1 in the environment rewrites tests/golden/report_*.txt: read the difference then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <glob.h>
#include <regex.h>
#include <cmocka.h>

#include "report_samples.h"

#define FUNC  "[a-zA-Z0-9_]+[.+]"
#define FRAME "^ [a-zA-Z0-9_.]+\\+0x[0-9a-f]+/0x[0-9a-f]+"
/* A stack's heading must be followed by a named frame, or say that there is none. */
#define STACK_LINES 15

static bool matches(const char *pattern, const char *text)
{
	regex_t re;
	bool match;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE), 0);
	match = !regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	return match;
}

static char *read_file(const char *path)
{
	static char buf[65536];
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		return NULL;
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';
	fclose(f);
	return buf;
}

static void golden(const char *name, const char *text)
{
	char path[512];
	const char *want;
	FILE *f;

	snprintf(path, sizeof(path), KMC_SOURCE_DIR "/tests/golden/report_%s.txt", name);
	if (getenv("KMC_REBASE")) {
		f = fopen(path, "w");
		assert_non_null(f);
		assert_true(fputs(text, f) >= 0);
		assert_int_equal(fclose(f), 0);
	}
	want = read_file(path);
	if (!want)
		fail_msg("%s is missing: KMC_REBASE=1 makes it", path);
	assert_string_equal(text, want);
}

static void test_golden(void **state)
{
	for (unsigned i = 0; i < samples_n; i++) {
		struct report r;
		char *text;
		size_t len;

		sample_get(&samples[i], &r);
		len = report_text(&r, &text);
		assert_int_equal(len, strlen(text));
		golden(samples[i].name, text);
		free(text);
	}
}

/*
 * Is there what a parser calls a stack in the lines behind this heading? Not where an address
 * stands in the place of its first named frame.
 */
static bool stack_follows(const char *line)
{
	line = strchr(line, '\n');
	for (int i = 0; i < STACK_LINES && line; i++, line = strchr(line, '\n')) {
		char copy[256];

		line++;
		snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(line, "\n"), line);
		if (strstr(copy, "(stack is not available)") || matches(FRAME, copy))
			return true;
		if (matches("^ (\\? )?0x[0-9a-f]+", copy))
			return false;
		if (matches("Call Trace|Allocated by task|Freed by task", copy))
			return false;
	}
	return false;
}

static const char *const headings[] = { "Call Trace:", "Allocated by task ", "Freed by task ",
					"Uninit was created at:", "Uninit was stored to memory at:" };

/* NULL: a parser takes the text for clean. */
static const char *corrupted(const char *text)
{
	const char *p = strstr(text, "BUG: ");

	if (!p || strstr(p + 1, "BUG: "))
		return "not one title";
	if (matches("^BUG: [A-Z]+: .*\\[[^]]*[0-9]+\\.[0-9]+\\]", text) ||
	    matches("^BUG: \\[", text))
		return "a tag or a time in the title";
	if (matches("WARNING:|INFO:|panic:|fatal error:|Internal error:|invalid opcode:|"
		    "Booting the kernel", text))
		return "a word that starts another crash";
	if (matches("^BUG: (memory leak$|KMC: memory-leak in )", text))
		return matches("^unreferenced object 0x[0-9a-f]+ \\(size [0-9]+\\):$", text) &&
				       strstr(text, "\n  backtrace:\n    ") ?
			       NULL : "a leak without its object or its trace";
	if (!matches("^BUG: (KASAN|KMSAN|KMC): [a-z-]+ in " FUNC, text))
		return "no function in the title";
	if (matches("^BUG: KASAN: [a-z-]*(free|bounds) in", text) &&
	    !matches("^BUG: KASAN: (double|invalid)-free in", text) &&
	    !matches("^(Read|Write) of size [0-9]+ at addr [0-9a-f]+ by task .*/[0-9]+$", text))
		return "no access line";
	if (!matches("^CPU: [0-9]+ PID: [0-9]+ Comm: .+ Not tainted", text))
		return "no task";
	if (matches("^BUG: KMSAN", text) && !strstr(text, "\nUninit was created at:\n"))
		return "KMSAN without an origin";
	if (!matches("^BUG: KMSAN", text) && !strstr(text, "\nCall Trace:\n"))
		return "no call trace";
	for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++)
		for (p = text; (p = strstr(p, headings[i])); p++)
			if (!stack_follows(p))
				return headings[i];
	return NULL;
}

/* The rules hold for the files themselves, each of them. */
static void test_parsers_take_golden(void **state)
{
	glob_t g;

	assert_int_equal(glob(KMC_SOURCE_DIR "/tests/golden/report_*.txt", 0, NULL, &g), 0);
	assert_int_equal(g.gl_pathc, samples_n);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		const char *text = read_file(g.gl_pathv[i]);
		const char *why = text ? corrupted(text) : "cannot be read";

		if (why)
			fail_msg("%s: %s", g.gl_pathv[i], why);
	}
	globfree(&g);
}

/* --report-style kmc: one form, titles of one tool; parsers take that, too. */
static void test_style_kmc(void **state)
{
	for (unsigned i = 0; i < samples_n; i++) {
		struct report r;
		char *text, line[512];
		const char *why;

		sample_get(&samples[i], &r);
		assert_true(report_format(&r, REPORT_STYLE_KMC, "vm", &text) > 0);
		why = corrupted(text);
		if (why)
			fail_msg("%s: %s\n%s", samples[i].name, why, text);
		snprintf(line, sizeof(line), "BUG: KMC: %s in %s\n", verdict_class(r.verdict),
			 strstr(samples[i].title, " in ") + strlen(" in "));
		assert_non_null(strstr(text, line));
		assert_non_null(strstr(text, r.verdict == VERDICT_LEAK ? "\n  backtrace:\n" :
									 "\nCall Trace:\n"));
		free(text);
	}
}

static void test_style_json(void **state)
{
	struct report r;
	char *text, *json;

	sample_get(&samples[0], &r);
	assert_true(report_format(&r, REPORT_STYLE_JSON, "vm", &text) > 0);
	assert_true(report_json(&r, "vm", &json) > 0);
	assert_string_equal(text, json);
	free(text);
	free(json);
}

static void test_parsers_take_it(void **state)
{
	for (unsigned i = 0; i < samples_n; i++) {
		struct report r;
		char *text, line[512];
		const char *why;

		sample_get(&samples[i], &r);
		report_text(&r, &text);
		why = corrupted(text);
		if (why)
			fail_msg("%s: %s\n%s", samples[i].name, why, text);
		if (r.verdict == VERDICT_LEAK) {
			free(text);
			continue;
		}
		snprintf(line, sizeof(line), "\nBUG: %s\n", samples[i].title);
		assert_non_null(strstr(text, line));
		assert_true(matches("^CPU: 3 PID: 432 Comm: syz\\.3\\.17 ", text));
		/* A device has none. */
		assert_int_equal(matches("^RIP: 0010:", text), r.sink != REPORT_SINK_DEVICE);
		free(text);
	}
}

#define CPU "CPU: 0 PID: 1 Comm: a b Not tainted 6\n"
#define TITLE "BUG: KMC: x in f+0x1/0x2\n"
#define TRACE "Call Trace:\n f+0x1/0x2\n"

/* The check above can fail: each of these differs from the good one in one thing. */
static void test_parsers_refuse(void **state)
{
	static const char *const bad[] = {
		"nothing at all\n",
		"BUG: KMC: uninit-value in 0xffffffffc0200000\n" CPU TRACE,
		"BUG: [kmc] uninit-value in f+0x1/0x2\n" CPU TRACE,
		"kmc: BUG: KMC: x in f+0x1/0x2\nkmc: " CPU "kmc: Call Trace:\nkmc:  f+0x1/0x2\n",
		"BUG: KMSAN: uninit-value in f+0x1/0x2\n f+0x1/0x2\n" CPU,
		"BUG: KASAN: slab-use-after-free in f+0x1/0x2\n" CPU TRACE,
		TITLE CPU "Call Trace:\n ? f+0x1/0x2\n",
		TITLE CPU TRACE "Freed by task 1:\n\n",
		TITLE CPU "Call Trace:\n 0xffffffffc0200000\n f+0x1/0x2\n",
		TITLE CPU TRACE "BUG: KMC: y\n",
		TITLE CPU TRACE "WARNING: at\n",
		TITLE CPU " f+0x1/0x2\n",
		TITLE "CPU: 0 PID: Comm: a Not tainted 6\n" TRACE,
		"BUG: memory leak\nunreferenced object 0xff00 (size 8):\n",
		"BUG: memory leak\n  backtrace:\n    f+0x1/0x2\n",
	};
	static const char good[] = TITLE CPU TRACE;

	assert_null(corrupted(good));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!corrupted(bad[i]))
			fail_msg("taken for clean: %s", bad[i]);
}

/* Only printable ASCII and line feeds of our own, whatever the guest named things. */
static void test_hostile(void **state)
{
	static struct report r;
	char *text;
	const char *why;

	sample_hostile(&r);
	for (int v = VERDICT_NONE; v < VERDICTS; v++) {
		r.verdict = (enum verdict)v;
		assert_true(report_text(&r, &text) > 0);
		for (const char *p = text; *p; p++)
			assert_true(*p == '\n' || (*p >= ' ' && *p <= '~'));
		why = v == VERDICT_NONE ? NULL : corrupted(text);
		if (why)
			fail_msg("%d: %s\n%s", v, why, text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_parsers_take_it),
		cmocka_unit_test(test_parsers_take_golden),
		cmocka_unit_test(test_style_kmc),
		cmocka_unit_test(test_style_json),
		cmocka_unit_test(test_parsers_refuse),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
