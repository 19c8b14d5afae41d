// SPDX-License-Identifier: GPL-2.0-only
/*
 * libvirt_domains.c: what becomes of whole domains (domains/: XML, as virt-install and people write
 * it), against golden files: the options, one word a line, and what is ignored.
 *
 * KMC_REBASE=1 in the environment rewrites tests/golden/domain_*: read the difference then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "domain_parse.h"

static const struct domain_context context = {.runtime_dir = "/run"};

static char *read_file(const char *folder, const char *name, const char *ending)
{
	char path[512], *buf = calloc(1, 1 << 20);
	FILE *f;

	snprintf(path, sizeof(path), KMC_SOURCE_DIR "/tests/%s%s%s", folder, name, ending);
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s is missing: KMC_REBASE=1 makes it", path);
	assert_true(fread(buf, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return buf;
}

static void write_golden(const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), KMC_SOURCE_DIR "/tests/golden/domain_%s.txt", name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static char *describe(const struct domain_args *a)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (unsigned i = 0; i < a->argc; i++)
		fprintf(f, "%s\n", a->argv[i]);
	for (unsigned i = 0; i < a->nignored; i++)
		fprintf(f, "ignored: %s, line %u%s%s\n", a->ignored[i].path, a->ignored[i].line,
			a->ignored[i].note ? ": " : "",
			a->ignored[i].note ? a->ignored[i].note : "");
	assert_int_equal(a->more, 0);
	fclose(f);
	return text;
}

static void check(const char *name)
{
	char *xml = read_file("unit/domains/", name, ".xml"), *text, *wanted, err[256];
	struct domain_args args = {0};

	if (domain_parse(xml, strlen(xml), &context, &args, err, sizeof(err)))
		fail_msg("%s: %s", name, err);
	text = describe(&args);
	if (getenv("KMC_REBASE"))
		write_golden(name, text);
	wanted = read_file("golden/domain_", name, ".txt");
	if (strcmp(wanted, text) != 0)
		fail_msg("%s differs; KMC_REBASE=1 and git diff show how:\n%s", name, text);
	domain_args_deinit(&args);
	free(wanted);
	free(text);
	free(xml);
}

/* One that is kept whole: --strict is for these. */
static void test_installed(void **state)
{
	check("installed");
}

static void test_desktop(void **state)
{
	check("desktop");
}

static void test_farm(void **state)
{
	check("farm");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_installed),
		cmocka_unit_test(test_desktop),
		cmocka_unit_test(test_farm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
