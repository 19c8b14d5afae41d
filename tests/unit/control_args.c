// SPDX-License-Identifier: GPL-2.0-only
/* control_args.c: arguments of commands, right and wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "args.h"

static char err[128];

static json_t *args_of(const char *text)
{
	json_t *args = json_loads(text, 0, NULL);

	assert_non_null(args);
	err[0] = '\0';
	return args;
}

static void test_addresses(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t value;
	} cases[] = {
		{"{\"a\":\"0x10\"}", true, 0x10},
		{"{\"a\":\"0xffff888004a61200\"}", true, 0xffff888004a61200},
		{"{\"a\":\"0xFFFFFFFFFFFFFFFF\"}", true, ~0ull},
		{"{\"a\":\"0x10000000000000000\"}", false, 0},
		{"{\"a\":\"0x\"}", false, 0},
		{"{\"a\":\"0x-1\"}", false, 0},
		{"{\"a\":\"0x 1\"}", false, 0},
		{"{\"a\":\"0x0x1\"}", false, 0},
		{"{\"a\":\"0x1g\"}", false, 0},
		{"{\"a\":\"10\"}", false, 0},
		{"{\"a\":\"\"}", false, 0},
		{"{\"a\":16}", false, 0},
		{"{\"a\":null}", false, 0},
		{"{}", false, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *args = args_of(cases[i].text);
		uint64_t value = 0;

		if (arg_address(args, "a", &value, err, sizeof(err)) != (cases[i].ok ? 0 : -1))
			fail_msg("%s", cases[i].text);
		if (cases[i].ok)
			assert_int_equal(value, cases[i].value);
		else
			assert_non_null(strstr(err, "\"a\""));
		json_decref(args);
	}
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t value;
	} cases[] = {
		{"{}", true, 7}, /* what was there before */
		{"{\"n\":1}", true, 1},
		{"{\"n\":100}", true, 100},
		{"{\"n\":101}", false, 0},
		{"{\"n\":0}", false, 0},
		{"{\"n\":-1}", false, 0},
		{"{\"n\":1.0}", false, 0},
		{"{\"n\":\"1\"}", false, 0},
		{"{\"n\":true}", false, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *args = args_of(cases[i].text);
		uint64_t value = 7;

		if (arg_number(args, "n", 100, &value, err, sizeof(err)) != (cases[i].ok ? 0 : -1))
			fail_msg("%s", cases[i].text);
		if (cases[i].ok)
			assert_int_equal(value, cases[i].value);
		else
			assert_non_null(strstr(err, "from 1 to 100"));
		json_decref(args);
	}
}

static void test_text_and_bool(void **state)
{
	json_t *args = args_of("{\"t\":\"x\",\"f\":false,\"y\":true,\"n\":1}");
	const char *text;
	bool b;

	assert_int_equal(arg_text(args, "t", &text, err, sizeof(err)), 0);
	assert_string_equal(text, "x");
	assert_int_equal(arg_text(args, "none", &text, err, sizeof(err)), 0);
	assert_null(text);
	assert_int_equal(arg_text(args, "n", &text, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "\"n\" as a string"));
	assert_int_equal(arg_bool(args, "f", &b, err, sizeof(err)), 0);
	assert_false(b);
	assert_int_equal(arg_bool(args, "y", &b, err, sizeof(err)), 0);
	assert_true(b);
	assert_int_equal(arg_bool(args, "n", &b, err, sizeof(err)), -1);
	assert_int_equal(arg_bool(args, "none", &b, err, sizeof(err)), -1);
	assert_true(arg_given(args, "t"));
	assert_false(arg_given(args, "none"));
	json_decref(args);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_text_and_bool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
