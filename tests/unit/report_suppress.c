// SPDX-License-Identifier: GPL-2.0-only
/* report_suppress.c: which report is suppressed by what, and which is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "report_samples.h"
#include "scratch.h"
#include "suppress.h"

/* A use after free in foo() of the module mod, called by bar() of the kernel, in kmalloc-64. */
static void sample(struct report *r)
{
	static const char *const frames[] = {"foo.isra.0+0x2d/0x120 [mod]", "bar+0x10/0x20", "",
					     "do_syscall_64+0x5d/0xb0"};

	memset(r, 0, sizeof(*r));
	r->verdict = VERDICT_UAF_READ;
	r->has_object = true;
	strcpy(r->cache, "kmalloc-64");
	r->access.known = true;
	r->access.n = 4;
	for (unsigned n = 0; n < 4; n++)
		strcpy(r->access.frame[n].symbol, frames[n]);
	r->access.frame[3].guess = true;
}

static void test_match(void **state)
{
	static const struct {
		const char *class, *function, *cache, *module;
		bool match;
	} cases[] = {
		{"slab-use-after-free", NULL, NULL, NULL, true},
		{"slab-*", NULL, NULL, NULL, true},
		{"slab-out-of-bounds", NULL, NULL, NULL, false},
		{NULL, "foo", NULL, NULL, true},
		{NULL, "bar", NULL, NULL, true},
		{NULL, "do_syscall_*", NULL, NULL, true}, /* a guess counts as well */
		{NULL, "fo", NULL, NULL, false},
		{NULL, "foo+*", NULL, NULL, false},
		{NULL, NULL, "kmalloc-*", NULL, true},
		{NULL, NULL, "kmalloc-6", NULL, false},
		{NULL, NULL, NULL, "mod", true},
		{NULL, NULL, NULL, "mod2", false},
		{NULL, "foo", NULL, "mod", true},
		{NULL, "bar", NULL, "mod", false}, /* not in the same frame */
		{"slab-use-after-free", "bar", "kmalloc-64", NULL, true},
		{"slab-use-after-free", "bar", "kmalloc-96", NULL, false},
		{"double-free", "bar", "kmalloc-64", NULL, false},
		{NULL, "baz", "kmalloc-64", NULL, false},
	};
	struct report r;

	sample(&r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct suppressions *s = suppress_create();
		char err[128];

		assert_false(suppress_match(s, &r));
		assert_int_equal(
			suppress_add(s, "double-free", "nobody", NULL, NULL, err, sizeof(err)), 0);
		assert_int_equal(suppress_add(s, cases[i].class, cases[i].function, cases[i].cache,
					      cases[i].module, err, sizeof(err)),
				 0);
		if (suppress_match(s, &r) != cases[i].match)
			fail_msg("case %zu", i);
		suppress_destroy(s);
	}
}

/* No object, no stack: only what does not ask for them matches. */
static void test_bare(void **state)
{
	struct suppressions *s = suppress_create();
	struct report r;
	char err[128];

	sample(&r);
	r.has_object = false;
	r.access.n = 0;
	assert_int_equal(suppress_add(s, NULL, NULL, "kmalloc-64", NULL, err, sizeof(err)), 0);
	assert_int_equal(suppress_add(s, NULL, "*", NULL, NULL, err, sizeof(err)), 0);
	assert_int_equal(suppress_add(s, NULL, NULL, NULL, "*", err, sizeof(err)), 0);
	assert_false(suppress_match(s, &r));
	assert_int_equal(suppress_add(s, "slab-use-*", NULL, NULL, NULL, err, sizeof(err)), 0);
	assert_true(suppress_match(s, &r));
	suppress_destroy(s);
}

static void test_refused(void **state)
{
	struct suppressions *s = suppress_create();
	char err[128], name[32], longest[REPORT_SYMBOL + 1] = "";

	assert_int_equal(suppress_add(s, NULL, NULL, NULL, NULL, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "give a class"));
	assert_int_equal(suppress_add(s, "uaf", NULL, NULL, NULL, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "no such class"));
	assert_int_equal(suppress_add(s, NULL, "", NULL, NULL, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "empty"));
	memset(longest, 'x', sizeof(longest) - 1);
	assert_int_equal(suppress_add(s, NULL, longest, NULL, NULL, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "too long"));
	assert_int_equal(suppress_count(s), 0);
	for (int i = 0; i < SUPPRESSIONS_MAX; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		assert_int_equal(suppress_add(s, NULL, name, NULL, NULL, err, sizeof(err)), 0);
	}
	assert_int_equal(suppress_add(s, NULL, "foo", NULL, NULL, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "too many"));
	assert_int_equal(suppress_count(s), SUPPRESSIONS_MAX);
	suppress_destroy(s);
}

static void *add_many(void *arg)
{
	char err[128], name[32];

	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "g%d", i);
		assert_int_equal(suppress_add(arg, NULL, name, NULL, NULL, err, sizeof(err)), 0);
	}
	return NULL;
}

/* Added by one thread while another matches. */
static void test_threads(void **state)
{
	struct suppressions *s = suppress_create();
	struct report r;
	pthread_t t;

	sample(&r);
	assert_int_equal(pthread_create(&t, NULL, add_many, s), 0);
	while (suppress_count(s) < 500)
		assert_false(suppress_match(s, &r));
	pthread_join(t, NULL);
	strcpy(r.access.frame[1].symbol, "g499+0x0/0x10");
	assert_true(suppress_match(s, &r));
	suppress_destroy(s);
}

/* What is generated for a report suppresses it, and it comes back from a file as it went in. */
static void test_generated(void **state)
{
	char path[SCRATCH_PATH], err[256];
	int fd = scratch_file(path, "");

	assert_true(fd >= 0);
	close(fd);
	for (unsigned i = 0; i < samples_n; i++) {
		struct suppressions *noted = suppress_create(), *loaded = suppress_create();
		struct report r;

		sample_get(&samples[i], &r);
		if (i == 0)
			strcpy(r.cache, "mnt_cache(7:[a*b]\\?)");
		assert_false(suppress_match(noted, &r));
		assert_true(suppress_note(noted, &r));
		assert_true(suppress_note(noted, &r));
		assert_int_equal(suppress_count(noted), 1);
		assert_true(suppress_match(noted, &r));
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		assert_int_equal(suppress_save(noted, fd, path, err, sizeof(err)), 0);
		close(fd);
		assert_int_equal(suppress_load(loaded, path, err, sizeof(err)), 0);
		assert_int_equal(suppress_count(loaded), 1);
		assert_true(suppress_match(loaded, &r));
		/* Of another class it is another finding. */
		r.verdict = r.verdict == VERDICT_LEAK ? VERDICT_UNINIT : VERDICT_LEAK;
		assert_false(suppress_match(loaded, &r));
		suppress_destroy(noted);
		suppress_destroy(loaded);
	}
	unlink(path);
}

static void test_files(void **state)
{
	static const struct {
		const char *text, *error; /* NULL: it is right */
	} cases[] = {
		{"{\"version\":1,\"suppressions\":[]}", NULL},
		{"{\"version\":1,\"suppressions\":[{\"cache\":\"bio-*\",\"why\":\"known\"}]}", NULL},
		{"", "line"},
		{"[]", "must be"},
		{"{\"version\":2,\"suppressions\":[]}", "must be"},
		{"{\"version\":1,\"suppressions\":{}}", "must be"},
		{"{\"version\":1,\"suppressions\":[],\"more\":1}", "must be"},
		{"{\"version\":1,\"suppressions\":[{\"class\":\"*\"},{}]}", "entry 2: this would"},
		{"{\"version\":1,\"suppressions\":[{\"class\":7}]}", "entry 1: an entry has"},
		{"{\"version\":1,\"suppressions\":[{\"klass\":\"a\"}]}", "entry 1: an entry has"},
		{"{\"version\":1,\"suppressions\":[\"f\"]}", "entry 1: an entry must"},
		{"{\"version\":1,\"suppressions\":[{\"class\":\"uaf\"}]}", "entry 1: there is no such"},
	};
	char path[SCRATCH_PATH], err[256];
	int fd = scratch_file(path, "");

	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct suppressions *s = suppress_create();
		FILE *f = fopen(path, "w");

		fputs(cases[i].text, f);
		fclose(f);
		assert_int_equal(suppress_load(s, path, err, sizeof(err)), cases[i].error ? -1 : 0);
		if (cases[i].error && !strstr(err, cases[i].error))
			fail_msg("case %zu: %s", i, err);
		suppress_destroy(s);
	}
	unlink(path);
	assert_int_equal(suppress_load(NULL, "/nowhere/at/all", err, sizeof(err)), -1);
}

/* The one that is in the tree, for users to fill. */
static void test_own_file(void **state)
{
	struct suppressions *s = suppress_create();
	char err[256];

	assert_int_equal(suppress_load(s, KMC_SOURCE_DIR "/configs/suppressions.json", err, sizeof(err)), 0);
	suppress_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_generated),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_own_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
