// SPDX-License-Identifier: GPL-2.0-only
/* qemu_opts.c: QEMU's lists of key=value, and anything that looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "qemu_opts.h"
#include "random64.h"

/* "[key][key=value]..." */
static void show(const struct qemu_opts *o, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < o->n && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "[%s%s%s]", o->item[i].key,
				       o->item[i].value ? "=" : "",
				       o->item[i].value ? o->item[i].value : "");
}

static void test_cutting(void **state)
{
	static const struct {
		const char *text, *items;
	} cases[] = {
		{"", ""},
		{"user", "[user]"},
		{"user,id=net0,restrict=on", "[user][id=net0][restrict=on]"},
		{"file=a,,b,id=x", "[file=a,b][id=x]"},
		{"file=a,,", "[file=a,]"},
		{"a,,,b", "[a,][b]"},
		{"a=b=c", "[a=b=c]"},
		{"a=", "[a=]"},
		{"a,", "[a]"},
		{",a", "[][a]"},
		{",,", "[,]"},
	};
	char shown[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qemu_opts o;

		assert_true(qemu_opts_parse(&o, cases[i].text));
		show(&o, shown, sizeof(shown));
		assert_string_equal(shown, cases[i].items);
		qemu_opts_deinit(&o);
	}
}

static void test_looking_up(void **state)
{
	struct qemu_opts o;

	assert_true(qemu_opts_parse(&o, "socket,path=/a,server,nowait,mux=off,ipv4=yes,path=/b"));
	assert_string_equal(qemu_opts_word(&o, "backend"), "socket");
	assert_string_equal(qemu_opts_get(&o, "path"), "/b");
	assert_null(qemu_opts_get(&o, "server"));
	assert_null(qemu_opts_get(&o, "none"));
	assert_true(qemu_opts_on(&o, "server", false));
	assert_false(qemu_opts_on(&o, "wait", true));
	assert_false(qemu_opts_on(&o, "mux", true));
	assert_true(qemu_opts_on(&o, "ipv4", false));
	assert_true(qemu_opts_on(&o, "ipv6", true));
	assert_string_equal(qemu_opts_unknown(&o, 1, " path server nowait ipv4 "), "mux");
	assert_null(qemu_opts_unknown(&o, 1, " path server nowait ipv4 mux "));
	/* Not parts of words. */
	assert_string_equal(qemu_opts_unknown(&o, 1, " paths server nowait ipv4 mux "), "path");
	qemu_opts_deinit(&o);

	assert_true(qemu_opts_parse(&o, "driver=e1000,x y"));
	assert_string_equal(qemu_opts_word(&o, "driver"), "e1000");
	assert_string_equal(qemu_opts_word(&o, "type"), "");
	assert_string_equal(qemu_opts_unknown(&o, 1, " x y "), "x y");
	qemu_opts_deinit(&o);
}

static void test_too_many(void **state)
{
	struct qemu_opts o;
	char text[QEMU_ITEMS * 2 + 2] = "";

	for (int i = 0; i < QEMU_ITEMS; i++)
		strcat(text, i ? ",a" : "a");
	assert_true(qemu_opts_parse(&o, text));
	assert_int_equal(o.n, QEMU_ITEMS);
	qemu_opts_deinit(&o);
	strcat(text, ",a");
	assert_false(qemu_opts_parse(&o, text));
	qemu_opts_deinit(&o);
}

/* What was cut can be put together again. */
static void test_random(void **state)
{
	static const char letters[] = ",,,==ab";

	for (int round = 0; round < 50000; round++) {
		char text[24], again[64] = "";
		size_t len = random64() % (sizeof(text) - 1), at = 0;
		struct qemu_opts o;

		for (size_t i = 0; i < len; i++)
			text[i] = letters[random64() % (sizeof(letters) - 1)];
		text[len] = '\0';
		assert_true(qemu_opts_parse(&o, text));
		for (unsigned i = 0; i < o.n; i++) {
			const char *parts[] = {o.item[i].key, o.item[i].value};

			at += (size_t)sprintf(again + at, "%s", i ? "," : "");
			for (int k = 0; k < 2 && parts[k]; k++) {
				at += (size_t)sprintf(again + at, "%s", k ? "=" : "");
				for (const char *p = parts[k]; *p; p++)
					at += (size_t)sprintf(again + at, *p == ',' ? ",," : "%c",
							      *p);
			}
		}
		/* One comma at the end ends the last item and begins none. */
		if (strcmp(again, text) != 0) {
			assert_int_equal(text[len - 1], ',');
			assert_int_equal(strlen(again), len - 1);
			assert_memory_equal(again, text, len - 1);
		}
		qemu_opts_deinit(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cutting),
		cmocka_unit_test(test_looking_up),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
