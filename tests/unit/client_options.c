// SPDX-License-Identifier: GPL-2.0-only
/*
 * client_options.c: the command line of kmc-report, and which records its filters let through.
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

#include "options.h"

#define SECOND 1000000000ull
#define NOW    (1700000000ull * SECOND) /* 2023-11-14 22:13:20 UTC */

/* Ends at the first NULL. */
static enum options_result parse(struct options *o, ...)
{
	static char *argv[16]; /* o points into it */
	int argc = 1;
	va_list args;

	argv[0] = (char *)"kmc-report";
	va_start(args, o);
	while ((argv[argc] = va_arg(args, char *)))
		argc++;
	va_end(args);
	return options_parse(argc, argv, NOW, o);
}

static void test_values(void **state)
{
	struct options o;

	assert_int_equal(parse(&o, "log", NULL), OPTIONS_RUN);
	assert_int_equal(o.format, FORMAT_TEXT);
	assert_int_equal(o.color, WHEN_AUTO);
	assert_false(o.follow);
	assert_int_equal(o.nsources, 1);
	assert_int_equal(parse(&o, "--follow", "a", "--format", "html", "--output", "f", "--color",
			       "never", "b", NULL),
			 OPTIONS_RUN);
	assert_true(o.follow);
	assert_int_equal(o.format, FORMAT_HTML);
	assert_int_equal(o.color, WHEN_NEVER);
	assert_string_equal(o.output, "f");
	assert_int_equal(o.nsources, 2);
	assert_string_equal(o.sources[1], "b");
	assert_false(o.coverage);
	assert_int_equal(parse(&o, "--coverage", "--format", "json", "--verbose", "a", NULL), OPTIONS_RUN);
	assert_true(o.coverage && o.verbose);
}

static void test_bad(void **state)
{
	static const char *const bad[][2] = {
		{ "--format", "xml" },
		{ "--color", "maybe" },
		{ "--class", "uninitialised" },
		{ "--fail-if", "all" },
		{ "--since", "yesterday" },
		{ "--since", "5" },
		{ "--since", "5w" },
		{ "--since", "2023-13-01" },
		{ "--since", "-5m" },
		{ "--since", "99999999999999999999d" },
		{ "--nonsense", "x" },
	};
	static const char *const not_with_coverage[][2] = {
		{ "--class", "any" },	{ "--vm", "a" },       { "--since", "1h" },
		{ "--fail-if", "any" }, { "--format", "html" }, { "--format", "summary" },
	};
	struct options o;

	for (size_t i = 0; i < sizeof(not_with_coverage) / sizeof(not_with_coverage[0]); i++)
		if (parse(&o, "--coverage", not_with_coverage[i][0], not_with_coverage[i][1], "log",
			  NULL) != OPTIONS_BAD)
			fail_msg("accepted: --coverage %s", not_with_coverage[i][0]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(&o, bad[i][0], bad[i][1], "log", NULL) != OPTIONS_BAD)
			fail_msg("accepted: %s %s", bad[i][0], bad[i][1]);
	assert_int_equal(parse(&o, NULL), OPTIONS_BAD);
	assert_int_equal(parse(&o, "--follow", NULL), OPTIONS_BAD);
}

static void test_since(void **state)
{
	static const struct {
		const char *text;
		uint64_t since;
	} cases[] = {
		{ "90s", NOW - 90 * SECOND },
		{ "15m", NOW - 900 * SECOND },
		{ "2h", NOW - 7200 * SECOND },
		{ "7d", NOW - 7 * 86400 * SECOND },
		{ "1000000d", 1 }, /* before there was time */
		{ "2023-11-14", 1699920000ull * SECOND },
		{ "2023-11-14 22:13", 1699999980ull * SECOND },
		{ "2023-11-14 22:13:20", NOW },
		{ "2023-11-14T22:13:20", NOW },
	};
	struct options o;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(&o, "--since", cases[i].text, "log", NULL), OPTIONS_RUN);
		if (o.since != cases[i].since)
			fail_msg("%s is %llu", cases[i].text, (unsigned long long)o.since);
	}
}

static bool matches(const struct options *o, const char *line, const char *vm)
{
	struct record r;
	bool match;

	assert_true(record_parse(line, strlen(line), &r));
	match = options_match(o, &r, vm);
	record_free(&r);
	return match;
}

static void test_match(void **state)
{
	static const char uaf[] = "{\"v\":1,\"type\":\"report\",\"class\":\"slab-use-after-free\","
				  "\"verdict\":\"uaf-read\",\"host_time\":1700000000000000000}";
	static const char lost[] = "{\"v\":1,\"type\":\"lost\",\"count\":1}";
	struct options o;

	parse(&o, "log", NULL);
	assert_true(matches(&o, uaf, "vm") && matches(&o, lost, ""));
	parse(&o, "--class", "uaf-write", "--class", "slab-use-after-free", "log", NULL);
	assert_true(matches(&o, uaf, "vm"));
	assert_false(matches(&o, lost, "vm"));
	parse(&o, "--class", "uaf-write", "log", NULL);
	assert_false(matches(&o, uaf, "vm"));
	parse(&o, "--class", "any", "log", NULL);
	assert_true(matches(&o, uaf, "vm"));
	parse(&o, "--vm", "farm-*", "--vm", "x", "log", NULL);
	assert_true(matches(&o, uaf, "farm-7") && matches(&o, lost, "x"));
	assert_false(matches(&o, uaf, "far") || matches(&o, lost, ""));
	parse(&o, "--since", "0s", "log", NULL);
	assert_true(matches(&o, uaf, "vm"));
	assert_false(matches(&o, lost, "vm")); /* it has no time */
	parse(&o, "--since", "2023-11-14 22:13:21", "log", NULL);
	assert_false(matches(&o, uaf, "vm"));
}

static void test_fails(void **state)
{
	static const char line[] = "{\"v\":1,\"type\":\"report\",\"class\":\"double-free\"}";
	static const struct {
		const char *class;
		bool fails;
	} cases[] = { { "double-free", true }, { "any", true }, { "invalid-free", false } };
	struct record r;
	struct options o;

	assert_true(record_parse(line, strlen(line), &r));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		parse(&o, "--fail-if", cases[i].class, "log", NULL);
		assert_int_equal(options_fails(&o, &r), cases[i].fails);
	}
	parse(&o, "log", NULL);
	assert_false(options_fails(&o, &r));
	r.type = RECORD_DUPLICATE;
	parse(&o, "--fail-if", "any", "log", NULL);
	assert_false(options_fails(&o, &r));
	record_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values), cmocka_unit_test(test_bad),
		cmocka_unit_test(test_since),  cmocka_unit_test(test_match),
		cmocka_unit_test(test_fails),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
