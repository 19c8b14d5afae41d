// SPDX-License-Identifier: GPL-2.0-only
/* libvirt_args.c: the lists of words and of what is ignored, and quoting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "domain_args.h"

static void test_lists_are_bounded(void **state)
{
	static struct domain_args a;

	for (unsigned i = 0; i < DOMAIN_ARGS_MAX; i++)
		assert_true(domain_args_add(&a, "word"));
	assert_false(domain_args_add(&a, "word"));
	assert_int_equal(a.argc, DOMAIN_ARGS_MAX);
	assert_null(a.argv[a.argc]);
	for (unsigned i = 0; i < DOMAIN_IGNORED_MAX + 3; i++)
		domain_args_ignore(&a, strdup("path"), i, NULL);
	assert_int_equal(a.nignored, DOMAIN_IGNORED_MAX);
	assert_int_equal(a.more, 3);
	domain_args_deinit(&a);
	assert_int_equal(a.argc, 0);
	domain_args_deinit(&a);
}

static void assert_quoted(const char *word, const char *wanted)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	domain_args_quote(f, word);
	fclose(f);
	assert_string_equal(text, wanted);
	free(text);
}

static void test_quoting(void **state)
{
	assert_quoted("--disk", "--disk");
	assert_quoted("/srv/a-b_c.img,ro", "/srv/a-b_c.img,ro");
	assert_quoted("", "''");
	assert_quoted("it's", "'it'\\''s'");
	assert_quoted("~", "'~'");
	assert_quoted("$(reboot)", "'$(reboot)'");
	assert_quoted("a b\nc", "'a b\nc'");
	assert_quoted("#", "'#'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists_are_bounded),
		cmocka_unit_test(test_quoting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
