// SPDX-License-Identifier: GPL-2.0-only
/* qmp_split.c: where a JSON object ends, in one piece or byte by byte, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "qmp_split.h"
#include "random64.h"

static struct qmp_split split;

/* What was found, with a '|' behind each; '!' where it gave up. */
static void feed(const char *text, char *found, size_t size)
{
	size_t at = 0;

	memset(&split, 0, sizeof(split));
	found[0] = '\0';
	for (; *text; text++) {
		switch (qmp_split_byte(&split, *text)) {
		case SPLIT_MORE:
			break;
		case SPLIT_OBJECT:
			at += (size_t)snprintf(found + at, size - at, "%.*s|", (int)split.len,
					       split.buf);
			break;
		case SPLIT_BAD:
			snprintf(found + at, size - at, "!");
			return;
		}
	}
}

static void test_objects(void **state)
{
	static const struct {
		const char *text, *found;
	} cases[] = {
		{"{}", "{}|"},
		{" \r\n\t{\"a\":1}\n", "{\"a\":1}|"},
		{"{}{\"b\":[{}]}", "{}|{\"b\":[{}]}|"},
		{"{\"a\":\"}\"}", "{\"a\":\"}\"}|"},
		{"{\"a\":\"\\\"}\"}", "{\"a\":\"\\\"}\"}|"},
		{"{\"a\":\"\\\\\"}{}", "{\"a\":\"\\\\\"}|{}|"},
		{"{\"a\n\":\n1\n}", "{\"a\n\":\n1\n}|"},
		{"{\"a\":", ""},
		{"{]", "{]|"}, /* for the parser to refuse */
		{"x{}", "!"},
		{"[]", "!"},
		{"{}}", "{}|!"},
		{"\"{}\"", "!"},
		{"\x16\x03\x01", "!"},
	};
	char found[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		feed(cases[i].text, found, sizeof(found));
		assert_string_equal(found, cases[i].found);
	}
}

static void test_limit(void **state)
{
	memset(&split, 0, sizeof(split));
	assert_int_equal(qmp_split_byte(&split, '{'), SPLIT_MORE);
	for (unsigned i = 1; i < QMP_BYTES; i++)
		assert_int_equal(qmp_split_byte(&split, '{'), SPLIT_MORE);
	assert_int_equal(qmp_split_byte(&split, '}'), SPLIT_BAD);
}

/* Whatever comes: what is found begins and ends with a bracket. */
static void test_random(void **state)
{
	static const char bytes[] = "{{}}[]\"\\ \na";
	unsigned objects = 0;

	for (int round = 0; round < 100000; round++) {
		split.len = split.depth = 0;
		split.string = split.escaped = false;
		for (int i = 0; i < 40; i++) {
			char byte = bytes[random64() % (sizeof(bytes) - 1)];
			enum split_result r = qmp_split_byte(&split, byte);

			if (r == SPLIT_BAD)
				break;
			if (r == SPLIT_OBJECT) {
				assert_int_equal(split.buf[0], '{');
				assert_true(byte == '}' || byte == ']');
				objects++;
			}
		}
	}
	assert_true(objects > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
