// SPDX-License-Identifier: GPL-2.0-only
/* libvirt_none.c: a build without libvirt refuses in one line that names the remedy; lists and
 * quotes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "libvirt_domain.h"

static const struct libvirt_domain domain = {.uri = "test:///default", .name = "test"};

static void assert_refused(int ret, const char *err)
{
	assert_int_equal(ret, -1);
	assert_non_null(strstr(err, "no libvirt"));
	assert_non_null(strstr(err, "libvirt-dev"));
}

static void test_refused(void **state)
{
	const struct domain_context context = {.runtime_dir = "/run"};
	const struct libvirt_run run = {.end = "reset"};
	struct domain_args args = {0};
	char err[256];
	bool active;

	assert_refused(libvirt_domain_args(&domain, &context, &args, &active, err, sizeof(err)),
		       err);
	assert_refused(libvirt_domain_writable(&domain, err, sizeof(err)), err);
	assert_refused(libvirt_domain_record(&domain, &run, err, sizeof(err)), err);
	assert_int_equal(args.argc, 0);
}

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
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lists_are_bounded),
		cmocka_unit_test(test_quoting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
