// SPDX-License-Identifier: GPL-2.0-only
/*
 * libvirt_hostile.c: XML that wants to harm: entities, sizes, depths, counts, bytes; and good
 * domains with bytes changed, cut and spliced. Nothing is opened, nothing takes long, and whatever
 * comes out is options with values: no value becomes an option. What else is wrong shows in the
 * sanitized build.
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

#include "domain_parse.h"
#include "random64.h"

#define MUTATIONS 3000
#define EDITS	  24
#define SECONDS	  10 /* in the sanitized build; a hundredth is enough elsewhere */

static const struct domain_context context = {.runtime_dir = "/run"};
static const char head[] = "<domain type='kvm'><name>x</name><memory>524288</memory>"
			   "<os><type arch='x86_64'>hvm</type><kernel>/k</kernel></os>";

struct text {
	char *bytes;
	size_t len;
	FILE *f;
};

static FILE *begin(struct text *t)
{
	*t = (struct text){0};
	t->f = open_memstream(&t->bytes, &t->len);
	assert_non_null(t->f);
	return t->f;
}

static int finish(struct text *t, struct domain_args *args, char err[256])
{
	clock_t start = clock();
	int ret;

	fclose(t->f);
	*err = '\0';
	ret = domain_parse(t->bytes, t->len, &context, args, err, 256);
	assert_true(clock() - start < SECONDS * CLOCKS_PER_SEC);
	free(t->bytes);
	return ret;
}

/* Refused, with a line that says so. */
static void finish_refused(struct text *t, const char *wanted)
{
	struct domain_args args = {0};
	char err[256];

	assert_int_equal(finish(t, &args, err), -1);
	if (!strstr(err, wanted))
		fail_msg("\"%s\" instead of \"%s\"", err, wanted);
	domain_args_deinit(&args);
}

static void test_billion_laughs(void **state)
{
	struct text t;
	FILE *f = begin(&t);

	fputs("<!DOCTYPE domain [<!ENTITY a0 'lol'>", f);
	for (int i = 1; i < 30; i++)
		fprintf(f, "<!ENTITY a%d '&a%d;&a%d;&a%d;'>", i, i - 1, i - 1, i - 1);
	fprintf(f, "]>%s<title a='&a29;'>&a29;</title></domain>", head);
	finish_refused(&t, "DOCTYPE");
}

static void test_external_entity(void **state)
{
	static const char *const types[] = {
		"<!DOCTYPE domain [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>",
		"<!DOCTYPE domain [<!ENTITY % x SYSTEM 'http://192.0.2.1/x'> %x;]>",
		"<!DOCTYPE domain SYSTEM 'file:///dev/zero'>",
		"<!DOCTYPE domain PUBLIC 'x' 'http://192.0.2.1/x'>",
	};
	struct text t;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		fprintf(begin(&t), "%s%s<title>x</title></domain>", types[i], head);
		finish_refused(&t, "DOCTYPE");
	}
	fprintf(begin(&t), "%s<title>&x;</title></domain>", head);
	finish_refused(&t, "line 1");
	fprintf(begin(&t),
		"%s<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='/etc/passwd' "
		"parse='text'/></domain",
		head);
	finish_refused(&t, "line 1");
}

static void test_size(void **state)
{
	struct text t;
	FILE *f = begin(&t);

	fprintf(f, "%s<title>", head);
	for (unsigned i = 0; i < DOMAIN_XML_MAX; i++)
		fputc('x', f);
	fputs("</title></domain>", f);
	finish_refused(&t, "larger than 4 MiB");
	begin(&t);
	finish_refused(&t, "the domain's XML");
}

static void test_depth(void **state)
{
	struct text t;
	FILE *f = begin(&t);

	fputs(head, f);
	for (int i = 0; i < 100000; i++)
		fputs("<devices>", f);
	finish_refused(&t, "line 1");
	f = begin(&t);
	fputs(head, f);
	for (int i = 0; i < 100000; i++)
		fputs("<a:b xmlns:a='urn:a'>", f);
	finish_refused(&t, "line 1");
}

static void test_bytes(void **state)
{
	static const char utf16[] = {'\xff', '\xfe', '<', 0, 'd', 0, '/', 0, '>', 0};
	struct text t;
	FILE *f = begin(&t);

	fwrite(head, 1, sizeof(head), f); /* with its NUL */
	fputs("</domain>", f);
	finish_refused(&t, "the domain's XML");
	fprintf(begin(&t), "%s<title>&#0;</title></domain>", head);
	finish_refused(&t, "line 1");
	fprintf(begin(&t), "%s<title>\xff\xfe</title></domain>", head);
	finish_refused(&t, "line 1");
	fprintf(begin(&t), "<?xml version='1.0' encoding='UTF-7'?>%s+AGE-</domain><", head);
	finish_refused(&t, "line 1");
	fwrite(utf16, 1, sizeof(utf16), begin(&t));
	finish_refused(&t, "the domain's XML");
}

static void test_many_disks(void **state)
{
	struct text t;
	FILE *f = begin(&t);

	fprintf(f, "%s<devices>", head);
	for (int i = 0; i < 10000; i++)
		fprintf(f, "<disk type='file'><source file='/d%d'/><target dev='vd%d'/></disk>", i,
			i);
	fputs("</devices></domain>", f);
	finish_refused(&t, "more than 16 disks");
}

/* libxml2 takes a minute for these. */
static void test_many_attributes(void **state)
{
	struct text t;
	FILE *f = begin(&t);

	fprintf(f, "%s<metadata><a", head);
	for (int i = 0; i < 400000; i++)
		fprintf(f, " a%x=''", i);
	fputs("/></metadata></domain>", f);
	finish_refused(&t, "more than 1024 '='");
	f = begin(&t);
	fprintf(f, "%s<metadata><a", head);
	for (int i = 0; i < 200000; i++)
		fprintf(f, " a%x='>'", i);
	fputs("/></metadata></domain>", f);
	finish_refused(&t, "more than 1024 '='");
}

static void test_many_options(void **state)
{
	struct text t;
	FILE *f = begin(&t);

	fprintf(f, "%s<devices>", head);
	for (int i = 0; i < 10000; i++)
		fprintf(f, "<filesystem><source dir='/d'/><target dir='t%d'/></filesystem>", i);
	fputs("</devices></domain>", f);
	finish_refused(&t, "more devices and options");
}

/* The list is bounded, and the rest is counted. */
static void test_many_ignored(void **state)
{
	static const unsigned count = 200000;
	struct domain_args args = {0};
	struct text t;
	FILE *f = begin(&t);
	char err[256];

	fprintf(f, "%s<devices>", head);
	for (unsigned i = 0; i < count; i++)
		fputs("<hub/>", f);
	fputs("</devices></domain>", f);
	assert_int_equal(finish(&t, &args, err), 0);
	assert_int_equal(args.nignored, DOMAIN_IGNORED_MAX);
	assert_int_equal(args.more, count - DOMAIN_IGNORED_MAX);
	assert_string_equal(args.ignored[999].path, "devices/hub[1000]");
	domain_args_deinit(&args);
}

static void test_long_names(void **state)
{
	struct domain_args args = {0};
	struct text t;
	FILE *f = begin(&t);
	char err[256];

	fprintf(f, "%s<", head);
	for (int i = 0; i < 40000; i++)
		fputs("\xc3\xbc", f);
	fputs("/></domain>", f);
	assert_int_equal(finish(&t, &args, err), -1); /* libxml2's limit, 50,000 bytes */
	domain_args_deinit(&args);
	fprintf(begin(&t), "%s<\xc3\xbc/></domain>", head);
	assert_int_equal(finish(&t, &args, err), 0);
	assert_string_equal(args.ignored[0].path, "??");
	domain_args_deinit(&args);
}

/* ---- mutations ---- */

static char *load(const char *name, size_t *len)
{
	char path[512], *bytes = malloc(1 << 16);
	FILE *f;

	snprintf(path, sizeof(path), KMC_SOURCE_DIR "/tests/unit/domains/%s.xml", name);
	f = fopen(path, "r");
	assert_non_null(f);
	*len = fread(bytes, 1, 1 << 16, f);
	assert_true(*len > 1000 && *len < 1 << 16);
	fclose(f);
	return bytes;
}

static void edit(char *bytes, size_t len)
{
	static const char marks[] = "<>/='\"&;:,- \n\t\x7f\xc2\x9b!?[]0129kx";
	size_t at = random64() % len, from = random64() % len, n = random64() % 80;

	switch (random64() % 4) {
	case 0:
		bytes[at] = marks[random64() % (sizeof(marks) - 1)];
		break;
	case 1:
		bytes[at] ^= (char)(1u << random64() % 8);
		break;
	case 2: /* the value of an attribute, or an element, somewhere else */
		if (at + n <= len && from + n <= len)
			memmove(bytes + at, bytes + from, n);
		break;
	case 3: /* digits */
		if (bytes[at] >= '0' && bytes[at] <= '9')
			for (size_t i = at; i < len && i < at + n && bytes[i] != '<'; i++)
				bytes[i] = '9';
		break;
	}
}

/* Options that take a value, and those that take none, in turn; nothing that a terminal would obey.
 */
static void assert_options(const struct domain_args *a)
{
	static const char *const options[] = {
		"--name",	 "--kernel",	  "--initrd",	      "--append",
		"--memory",	 "--cpus",	  "--disk",	      "--net",
		"--serial",	 "--console",	  "--vsock",	      "--fs",
		"--agent",	 "--checks",	  "--error-exitcode", "--heartbeat",
		"--max-reports", "--on-report",	  "--report-style",   "--rules",
		"--seed",	 "--stack-depth", "--suppressions",   "--track",
		"--vmlinux",
	};
	const size_t count = sizeof(options) / sizeof(options[0]);

	for (unsigned i = 0; i < a->argc; i++) {
		size_t n = 0;

		if (!strcmp(a->argv[i], "--rng") || !strcmp(a->argv[i], "--pvpanic"))
			continue;
		while (n < count && strcmp(options[n], a->argv[i]) != 0)
			n++;
		if (n == count || ++i == a->argc)
			fail_msg("\"%s\" is not to be there", a->argv[i]);
		for (const char *c = a->argv[i]; *c; c++)
			assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
	}
	for (unsigned i = 0; i < a->nignored; i++)
		for (const char *c = a->ignored[i].path; *c; c++)
			assert_true(*c >= ' ' && *c <= '~');
}

static unsigned mutate(const char *name)
{
	size_t len, cut;
	char *good = load(name, &len), *bytes = malloc(len), err[256];
	unsigned parsed = 0;

	for (int i = 0; i < MUTATIONS; i++) {
		struct domain_args args = {0};

		memcpy(bytes, good, len);
		for (uint64_t n = random64() % EDITS; n; n--)
			edit(bytes, len);
		cut = i % 16 ? len : random64() % len;
		err[0] = '\0';
		if (!domain_parse(bytes, cut, &context, &args, err, sizeof(err)))
			parsed++;
		else
			assert_true(strlen(err) > 20);
		for (const char *c = err; *c; c++)
			assert_true(*c >= ' ' && *c <= '~');
		assert_options(&args);
		domain_args_deinit(&args);
	}
	free(bytes);
	free(good);
	return parsed;
}

static void test_mutations(void **state)
{
	unsigned parsed = mutate("installed") + mutate("desktop") + mutate("farm");

	assert_in_range(parsed, MUTATIONS / 10,
			3 * MUTATIONS); /* not only the XML parser was tested */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_billion_laughs),
		cmocka_unit_test(test_external_entity),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_many_disks),
		cmocka_unit_test(test_many_attributes),
		cmocka_unit_test(test_many_options),
		cmocka_unit_test(test_many_ignored),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
