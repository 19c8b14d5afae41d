// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_rules.c: the rules file, its built-in copy, and what it says about real functions of Linux
 * 6.1 and 6.12. For each rule names that it must cover and near ones that it must not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "scratch.h"
#include "symbols.h"
#include "track_rule.h"

static struct rules *builtin(void)
{
	struct rules *r;
	char err[256];

	assert_int_equal(rules_load(NULL, &r, err, sizeof(err)), 0);
	return r;
}

static const struct {
	const char *rule, *function;
	bool match;
} functions[] = {
	{ "allocator", "kmem_cache_alloc", true },	   /* 6.1 */
	{ "allocator", "kmem_cache_alloc_noprof", true },  /* 6.12 */
	{ "allocator", "__kmem_cache_alloc_node", true },
	{ "allocator", "__kmalloc_cache_noprof", true },
	{ "allocator", "__kmalloc_node_track_caller_noprof", true },
	{ "allocator", "kmem_cache_alloc_bulk_noprof", true },
	{ "allocator", "___slab_alloc", true },
	{ "allocator", "get_partial_node", true },
	{ "allocator", "__slab_free", true },
	{ "allocator", "kfree", true },
	{ "allocator", "kmem_cache_free_bulk", true },
	{ "allocator", "build_detached_freelist", true },
	{ "allocator", "allocate_slab", true },
	{ "allocator", "setup_object", true },
	{ "allocator", "__put_partials", true },
	{ "allocator", "__unfreeze_partials", true },
	{ "allocator", "krealloc", true },
	{ "allocator", "krealloc_noprof", true },
	{ "allocator", "kfree_sensitive", true },
	{ "allocator", "__check_heap_object", true },
	{ "allocator", "copy_from_kernel_nofault", true },
	/* Callers of the allocator use what they got: judged. */
	{ "allocator", "kmemdup", false },
	{ "allocator", "kstrdup", false },
	{ "allocator", "kvfree_call_rcu", false },
	{ "allocator", "kfree_skb_reason", false },
	{ "allocator", "kfree_link", false },
	{ "allocator", "kmem_cache_create", false },
	{ "allocator", "vfs_read", false },
	{ "allocator", "memset", false },
	{ "allocator", "", false },
	{ "leaf", "memset", true },
	{ "leaf", "memset_erms", true },
	{ "leaf", "memset_orig", true },
	{ "leaf", "memcpy_orig", true },
	{ "leaf", "__memmove", true },
	{ "leaf", "clear_page_erms", true },
	{ "leaf", "copy_page_regs", false }, /* makes a stack frame */
	{ "leaf", "kmemdup", false },
	{ "leaf", "memset_io", false },
	{ "word_at_a_time", "strscpy", true },
	{ "word_at_a_time", "sized_strscpy", true },
	{ "word_at_a_time", "__d_lookup_rcu", true },
	{ "word_at_a_time", "d_same_name", true },
	{ "word_at_a_time", "link_path_walk", true },
	{ "word_at_a_time", "full_name_hash", true },
	{ "word_at_a_time", "hashlen_string", true },
	{ "word_at_a_time", "__siphash_unaligned", true },
	{ "word_at_a_time", "csum_partial", true },
	{ "word_at_a_time", "strlen", false }, /* byte by byte */
	{ "word_at_a_time", "strcmp", false },
	{ "word_at_a_time", "memcmp", false },
	{ "word_at_a_time", "csum_partial_copy_generic", false },
	{ "no_such_rule", "kfree", false },
};

static void test_functions(void **state)
{
	struct rules *r = builtin();

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (rules_match(r, functions[i].rule, functions[i].function) != functions[i].match)
			fail_msg("%s %s is %s", functions[i].rule, functions[i].function,
				 functions[i].match ? "not covered" : "covered");
	rules_free(r);
}

/* A rules file with this text; the caller unlinks path. */
static struct rules *from_text(const char *text, char *path)
{
	size_t len = strlen(text);
	int fd = scratch_file(path, "");
	struct rules *r;
	char err[256];

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
	assert_int_equal(rules_load(path, &r, err, sizeof(err)), 0);
	return r;
}

static void test_caches(void **state)
{
	static const char text[] =
		"{\"version\":1,\"functions\":{\"allocator\":[]},\"caches\":{\"untracked\":"
		"[{\"pattern\":[\"task_struct\",\"signal_*\"],\"why\":\"w\"}]}}";
	static const struct {
		const char *cache;
		bool match;
	} cases[] = {
		{ "task_struct", true }, { "signal_cache", true }, { "task_group", false },
		{ "kmalloc-64", false }, { "", false },
	};
	char path[SCRATCH_PATH];
	struct rules *r = from_text(text, path), *all = builtin();

	unlink(path);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(rules_match_cache(r, "untracked", cases[i].cache), cases[i].match);
		assert_false(rules_match_cache(all, "untracked", cases[i].cache));
	}
	assert_false(rules_match_cache(all, "allocator", "kfree")); /* sections are apart */
	rules_free(r);
	rules_free(all);
}

static void test_track(void **state)
{
	static const char text[] =
		"{\"version\":1,\"functions\":{},\"caches\":{},\"track\":["
		"{\"cache\":\"kmalloc-*\",\"min\":100,\"max\":200,\"accesses\":7,\"why\":\"w\"},"
		"{\"site\":\"kstrdup\",\"watch\":false,\"rate\":9,\"why\":\"w\"}]}";
	char path[SCRATCH_PATH];
	struct rules *r = from_text(text, path), *all = builtin();
	struct track_rule a, b;
	json_t *json;
	char err[256];

	unlink(path);
	assert_int_equal(rules_track_count(all), 0);
	assert_int_equal(rules_track_count(r), 2);
	rules_track(r, 0, &a);
	assert_string_equal(a.cache, "kmalloc-*");
	assert_string_equal(a.site, "");
	assert_true(a.min == 100 && a.max == 200 && a.accesses == 7 && a.rate == 100);
	assert_false(a.exclude);
	rules_track(r, 1, &a);
	assert_string_equal(a.cache, "*");
	assert_string_equal(a.site, "kstrdup");
	assert_true(a.min == 0 && a.max == UINT64_MAX && a.accesses == 0 && a.rate == 9);
	assert_true(a.exclude);
	json = track_rule_json(&a);
	assert_int_equal(track_rule_parse(json, &b, err, sizeof(err)), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	json_decref(json);
	rules_free(r);
	rules_free(all);
}

static void test_file_is_builtin(void **state)
{
	struct rules *r;
	char err[256];

	assert_int_equal(rules_load(KMC_SOURCE_DIR "/configs/rules.json", &r, err, sizeof(err)), 0);
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		assert_int_equal(rules_match(r, functions[i].rule, functions[i].function),
				 functions[i].match);
	rules_free(r);
}

/* A bad file: one line that says where, and no rules. The first one is the good twin. */
static const struct {
	const char *text, *says; /* NULL: is fine */
} files[] = {
	{"{\"version\":1,\"functions\":{\"leaf\":[{\"pattern\":\"f*\",\"why\":\"w\"}]},"
	 "\"caches\":{}}",
	 NULL},
	{"", "line 1"},
	{"{\"version\":1,\n}", "line 2"},
	{"[]", "version"},
	{"{\"version\":2,\"functions\":{},\"caches\":{}}", "another kmc-vmm"},
	{"{\"version\":1,\"functions\":{}}", "\"caches\""},
	{"{\"version\":1,\"functions\":{},\"caches\":{},\"untracked\":[]}",
	 "\"untracked\" is no member"},
	{"{\"version\":1,\"functions\":{\"leaves\":[]},\"caches\":{}}",
	 "\"leaves\" is no member of functions"},
	{"{\"version\":1,\"functions\":{},\"caches\":{\"leaf\":[]}}",
	 "\"leaf\" is no member of caches"},
	{"{\"version\":1,\"functions\":[],\"caches\":{}}", "\"functions\""},
	{"{\"version\":1,\"functions\":{\"leaf\":{}},\"caches\":{}}", "\"leaf\""},
	{"{\"version\":1,\"functions\":{\"leaf\":[\"f\"]},\"caches\":{}}", "\"leaf\"[0]"},
	{"{\"version\":1,\"functions\":{\"leaf\":[{\"pattern\":\"f\"}]},\"caches\":{}}", "why"},
	{"{\"version\":1,\"functions\":{\"leaf\":[{\"pattern\":\"f\",\"why\":\"\"}]},"
	 "\"caches\":{}}",
	 "why"},
	{"{\"version\":1,\"functions\":{\"leaf\":[{\"pattern\":[],\"why\":\"w\"}]},"
	 "\"caches\":{}}",
	 "pattern"},
	{"{\"version\":1,\"functions\":{\"leaf\":[{\"pattern\":[7],\"why\":\"w\"}]},"
	 "\"caches\":{}}",
	 "pattern"},
	{"{\"version\":1,\"functions\":{},\"functions\":{},\"caches\":{}}", "line 1"},
#define TRACK(rules) "{\"version\":1,\"functions\":{},\"caches\":{},\"track\":" rules "}"
	{TRACK("{}"), "not an array"},
	{TRACK("[1]"), "\"track\"[0]"},
	{TRACK("[{\"cache\":\"a\"}]"), "missing"},
	{TRACK("[{\"cache\":7,\"why\":\"w\"}]"), "names"},
	{TRACK("[{\"min\":2,\"max\":1,\"why\":\"w\"}]"), "no more than"},
	{TRACK("[{\"min\":-1,\"why\":\"w\"}]"), "bytes"},
	{TRACK("[{\"rate\":0,\"why\":\"w\"}]"), "1 to 100"},
	{TRACK("[{\"accesses\":1000001,\"why\":\"w\"}]"), "1000000"},
	{TRACK("[{\"watch\":1,\"why\":\"w\"}]"), "true or false"},
	{TRACK("[{\"other\":1,\"why\":\"w\"}]"), "a rule has"},
#undef TRACK
};

static void test_bad_files(void **state)
{
	char path[SCRATCH_PATH], err[256];
	struct rules *r;
	int fd = scratch_file(path, "");

	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		ssize_t len = (ssize_t)strlen(files[i].text);

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, files[i].text, (size_t)len, 0), len);
		err[0] = '\0';
		assert_int_equal(rules_load(path, &r, err, sizeof(err)), files[i].says ? -1 : 0);
		if (files[i].says && !strstr(err, files[i].says))
			fail_msg("case %zu says: %s", i, err);
		assert_null(strchr(err, '\n'));
		if (!files[i].says)
			assert_true(rules_match(r, "leaf", "foo"));
		else
			assert_null(r);
		rules_free(r);
	}
	close(fd);
	unlink(path);
	assert_int_equal(rules_load(path, &r, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "No such file"));
	assert_non_null(strstr(err, "--rules"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_caches), cmocka_unit_test(test_track),
		cmocka_unit_test(test_file_is_builtin),
		cmocka_unit_test(test_bad_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
