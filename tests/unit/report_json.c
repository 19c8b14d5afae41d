// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_json.c: every finding is one line of valid JSON with all documented fields.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "report_samples.h"

static json_t *format(const struct report *r, const char *vm)
{
	json_error_t e;
	char *line;
	size_t len = report_json(r, vm, &line);
	json_t *root;

	assert_true(len > 1);
	assert_int_equal(strlen(line), len);
	assert_ptr_equal(strchr(line, '\n'), line + len - 1);
	root = json_loads(line, JSON_REJECT_DUPLICATES, &e);
	if (!root)
		fail_msg("%s: %s", e.text, line);
	free(line);
	return root;
}

static void sample(const char *name, struct report *r)
{
	for (unsigned i = 0; i < samples_n; i++)
		if (!strcmp(samples[i].name, name)) {
			sample_get(&samples[i], r);
			return;
		}
	fail_msg("no sample %s", name);
}

/* "a.b.0.c" down from root. */
static const json_t *at(const json_t *j, const char *path)
{
	while (j && *path) {
		size_t len = strcspn(path, ".");
		char key[32];

		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		j = json_is_array(j) ? json_array_get(j, strtoul(key, NULL, 10)) :
				       json_object_get(j, key);
		path += len + (path[len] == '.');
	}
	return j;
}

struct field {
	const char *path;
	const char *string; /* NULL: */
	json_int_t number;
};

static void check(const json_t *root, const struct field *f, size_t n)
{
	for (; n--; f++) {
		const json_t *j = at(root, f->path);

		if (!j)
			fail_msg("%s is missing", f->path);
		if (f->string)
			assert_string_equal(json_string_value(j), f->string);
		else if (json_integer_value(j) != f->number)
			fail_msg("%s is %lld", f->path, (long long)json_integer_value(j));
	}
}

#define CHECK(root, fields) check(root, fields, sizeof(fields) / sizeof((fields)[0]))

static void test_fields(void **state)
{
	static const struct field fields[] = {
		{"v", NULL, 1},
		{"type", "report", 0},
		{"vm", "vm-1", 0},
		{"seq", NULL, 7},
		{"host_time", NULL, 1700000000123456789},
		{"guest_time", NULL, 4200000000},
		{"class", "slab-use-after-free", 0},
		{"verdict", "uaf-read", 0},
		{"title", "KASAN: slab-use-after-free in bug_read+0x2d/0x120 [kmc_bugs]", 0},
		{"access.addr", "0xffff888004a61210", 0},
		{"access.gpa", "0x0000000004a61210", 0},
		{"access.size", NULL, 8},
		{"access.rw", "read", 0},
		{"access.bad_first", NULL, 0},
		{"access.bad_last", NULL, 7},
		{"instruction", "movq 0x10(%rdi), %rax", 0},
		{"object.addr", "0xffff888004a61200", 0},
		{"object.size", NULL, 60},
		{"object.slot", NULL, 64},
		{"object.cache", "kmalloc-64", 0},
		{"object.state", "freed", 0},
		{"object.offset", NULL, 16},
		{"map.addr", "0xffff888004a61200", 0},
		{"map.states", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		 0},
		{"map.caret", NULL, 16},
		{"cpu", NULL, 3},
		{"pid", NULL, 432},
		{"comm", "syz.3.17", 0},
		{"release", "6.1.0-56-amd64", 0},
		{"stacks.access.0.symbol", "bug_read+0x2d/0x120 [kmc_bugs]", 0},
		{"stacks.access.1.addr", "0xffffffffc0200001", 0},
		{"stacks.allocated.pid", NULL, 431},
		{"stacks.allocated.frames.0.symbol", "__kmalloc+0x4d/0x150", 0},
		{"stacks.freed.pid", NULL, 433},
		{"stacks.freed.comm", "insmod", 0},
		{"stacks.freed.cpu", NULL, 1},
		{"stacks.freed.time", NULL, 3141592653},
	};
	struct report r;
	json_t *root;

	sample("uaf_read", &r);
	root = format(&r, "vm-1");
	CHECK(root, fields);
	assert_true(json_is_false(at(root, "object.large")));
	assert_true(json_is_false(at(root, "stacks.access.0.guess")));
	assert_true(json_is_true(at(root, "stacks.access.2.guess")));
	assert_true(json_integer_value(at(root, "severity")) > 0);
	assert_null(at(root, "stacks.access.0.file"));
	assert_null(at(root, "stacks.access.0.line"));
	assert_null(at(root, "stacks.access.0.inline"));
	json_decref(root);
}

static void test_lines(void **state)
{
	static const struct field fields[] = {
		{"title", "KASAN: slab-use-after-free in bug_read+0x2d/0x120 [kmc_bugs]", 0},
		{"stacks.access.0.symbol", "read_once", 0},
		{"stacks.access.0.file", "fs/x.h", 0},
		{"stacks.access.0.line", NULL, 12},
		{"stacks.access.2.symbol", "bug_read+0x2d/0x120 [kmc_bugs]", 0},
		{"stacks.access.2.file", "/home/me/bugs/bugs.c", 0},
		{"stacks.access.2.line", NULL, 14},
		{"stacks.allocated.frames.1.file", "fs/ext4/inode.c", 0},
	};
	struct report r;
	json_t *root;

	sample("uaf_lines", &r);
	root = format(&r, "vm-1");
	CHECK(root, fields);
	assert_true(json_is_true(at(root, "stacks.access.0.inline")));
	assert_true(json_is_false(at(root, "stacks.access.2.inline")));
	json_decref(root);
}

static void test_map(void **state)
{
	static const struct field fields[] = {
		{"map.states", "...........u....................................................",
		 0},
		{"map.vbits",
		 "0000000000000000000000010000000000000000000000000000000000000000"
		 "0000000000000000000000000000000000000000000000000000000000000000",
		 0},
		{"map.bytes",
		 "4142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60"
		 "6162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80",
		 0},
	};
	struct report r;
	json_t *root;

	sample("uninit_byte", &r);
	root = format(&r, NULL);
	CHECK(root, fields);
	json_decref(root);
}

/* What is not known is null, not left out. */
static void test_unknown_is_null(void **state)
{
	struct report r;
	json_t *root;

	sample("unallocated", &r);
	r.access.known = false;
	r.map_len = 0;
	root = format(&r, NULL);
	assert_true(json_is_null(at(root, "object")));
	assert_true(json_is_null(at(root, "map")));
	assert_true(json_is_null(at(root, "registers")));
	assert_true(json_is_null(at(root, "undefined")));
	assert_true(json_is_array(at(root, "stacks.origin")));
	assert_true(json_is_null(at(root, "stacks.allocated")));
	assert_true(json_is_null(at(root, "stacks.freed")));
	assert_true(json_is_array(at(root, "stacks.access")));
	assert_string_equal(json_string_value(at(root, "vm")), "");
	json_decref(root);
}

static void test_text_is_the_text(void **state)
{
	for (unsigned i = 0; i < samples_n; i++) {
		struct report r;
		json_t *root;
		char *text;

		sample_get(&samples[i], &r);
		root = format(&r, "vm");
		report_text(&r, &text);
		assert_string_equal(json_string_value(at(root, "text")), text);
		assert_string_equal(json_string_value(at(root, "title")), samples[i].title);
		free(text);
		json_decref(root);
	}
}

/* All samples as they are in tests/golden/reports.jsonl, which is held against the schema. */
static void test_golden(void **state)
{
	static const char path[] = KMC_SOURCE_DIR "/tests/golden/reports.jsonl";
	static char want[1 << 18];
	char *all = NULL;
	size_t len = 0, n;
	FILE *f = open_memstream(&all, &len);

	for (unsigned i = 0; i < samples_n; i++) {
		struct report r;
		char *line;

		sample_get(&samples[i], &r);
		assert_true(report_json(&r, "vm-1", &line) > 0);
		fputs(line, f);
		free(line);
	}
	assert_int_equal(fclose(f), 0);
	f = fopen(path, getenv("KMC_REBASE") ? "w+" : "r");
	if (!f)
		fail_msg("%s is missing: KMC_REBASE=1 makes it", path);
	if (getenv("KMC_REBASE")) {
		fputs(all, f);
		rewind(f);
	}
	n = fread(want, 1, sizeof(want) - 1, f);
	want[n] = '\0';
	fclose(f);
	assert_string_equal(all, want);
	free(all);
}

static void get(const char *name, struct report *r, json_t **root)
{
	sample(name, r);
	*root = format(r, "vm");
}

static void test_undefined(void **state)
{
	static const struct field fields[] = {
		{"instruction", "jne .+0x1d", 0},
		{"access.operand", "0x10(%rdi)", 0},
		{"access.value", "494a4b4c4d4e4f50", 0},
		{"access.vbits", "0000000100000000", 0},
		{"registers.rip", "0xffffffffc020002d", 0},
		{"registers.rsp", "0xffff888000004444", 0},
		{"registers.r15", "0xffff88800000ffff", 0},
		{"registers.rflags", "0x0000000000010246", 0},
		{"registers.undefined.rax", "0x0000000001000000", 0},
		{"registers.undefined.rflags", "0x0000000000000040", 0},
		{"undefined.sink", "branch", 0},
		{"undefined.bits", "0x0000000000000040", 0},
		{"undefined.instruction", "movq 0x10(%rdi), %rax", 0},
		{"undefined.bytes.0", NULL, 3},
		{"undefined.bytes.1", NULL, 3},
		{"undefined.created.pid", NULL, 430},
		{"undefined.copied.0.0.symbol", "copy_it+0x8/0x40 [kmc_bugs]", 0},
		{"stacks.origin.0.symbol", "bug_read+0x20/0x120 [kmc_bugs]", 0},
		{"count", NULL, 1},
	};
	struct report r;
	json_t *root;

	get("uninit_branch", &r, &root);
	CHECK(root, fields);
	assert_null(at(root, "registers.undefined.rbx"));
	json_decref(root);
	r.count = 17;
	root = format(&r, "vm");
	assert_int_equal(json_integer_value(at(root, "count")), 17);
	json_decref(root);
}

static void test_alt_titles(void **state)
{
	static const struct {
		const char *sample, *title[4];
	} cases[] = {
		{"uninit", {NULL}},
		{"uninit_no_origin", {"KMSAN: uninit-value in bug_read+0x2d/0x120 [kmc_bugs]"}},
		{"infoleak", {"KMSAN: kernel-infoleak in put_it+0x4f/0x90 [kmc_bugs]"}},
		{"infoleak_bare",
		 {"KMSAN: kernel-infoleak in _copy_to_user+0x22/0x40",
		  "KMC: kernel-infoleak in put_it+0x4f/0x90 [kmc_bugs]",
		  "KMSAN: kernel-infoleak in put_it+0x4f/0x90 [kmc_bugs]"}},
		/* Neither the guess nor the second helper: the first certain function behind them. */
		{"uaf_generic",
		 {"KASAN: use-after-free in memcpy_orig+0x2d/0x120",
		  "KASAN: slab-use-after-free in use_it.isra.0+0x40/0xa0 [kmc_bugs]",
		  "KASAN: use-after-free in use_it.isra.0+0x40/0xa0 [kmc_bugs]"}},
		{"uaf_large", {NULL}},
		{"unallocated", {"KASAN: slab-out-of-bounds in bug_read+0x2d/0x120 [kmc_bugs]"}},
		{"double_free",
		 {"KASAN: double-free or invalid-free in bug_read+0x2d/0x120 [kmc_bugs]"}},
		{"no_symbol", {"KASAN: use-after-free in unknown+0x0/0x0"}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct report r;
		json_t *root;
		size_t n = 0;

		get(cases[i].sample, &r, &root);
		for (; cases[i].title[n]; n++)
			assert_string_equal(
				json_string_value(json_array_get(at(root, "alt_titles"), n)),
				cases[i].title[n]);
		assert_int_equal(json_array_size(at(root, "alt_titles")), n);
		json_decref(root);
	}
}

static void hash_of(const struct report *r, char out[17])
{
	json_t *root = format(r, "vm");
	const char *hash = json_string_value(at(root, "stack_hash"));

	assert_int_equal(strlen(hash), 16);
	assert_int_equal(strspn(hash, "0123456789abcdef"), 16);
	strcpy(out, hash);
	json_decref(root);
}

static void rename_frame(struct report *r, unsigned n, const char *symbol)
{
	strcpy(r->access.frame[n].symbol, symbol);
}

static void test_stack_hash(void **state)
{
	static const struct {
		unsigned frame;
		const char *symbol;
		bool same;
	} cases[] = {
		{0, "bug_read+0x2d/0x120 [kmc_bugs]", true},
		{0, "bug_read+0x99/0x333 [kmc_bugs]", true}, /* other code, other offsets */
		{0, "bug_read.isra.0+0x2d/0x120 [kmc_bugs]", true},
		{0, "bug_read.constprop.0.cold+0x2d/0x120 [kmc_bugs]", true},
		{0, "bug_read2+0x2d/0x120 [kmc_bugs]", false},
		{0, "bug_read+0x2d/0x120 [other]", false},
		{0, "bug_read+0x2d/0x120", false},
		{1, "run_two+0x40/0xa0 [kmc_bugs]", false},
		{2, "anything+0x1/0x2", true}, /* a guess */
		{3, "do_init_module2+0x4a/0x220", false},
	};
	char want[17], got[17];
	struct report r;

	sample("uaf_read", &r);
	hash_of(&r, want);
	assert_string_equal(want, "1e3db0207a5c226b"); /* it must not change with kmc-vmm's version */
	r.host_time = r.guest_time = r.addr = r.pid = 1;
	r.access.frame[0].addr += 0x1000000;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char before[REPORT_SYMBOL];

		strcpy(before, r.access.frame[cases[i].frame].symbol);
		rename_frame(&r, cases[i].frame, cases[i].symbol);
		hash_of(&r, got);
		if (!strcmp(got, want) != cases[i].same)
			fail_msg("%s: %s", cases[i].symbol, got);
		rename_frame(&r, cases[i].frame, before);
	}
	r.verdict = VERDICT_UAF_WRITE; /* the class is the same */
	hash_of(&r, got);
	assert_string_equal(got, want);
	r.verdict = VERDICT_OOB_READ;
	hash_of(&r, got);
	assert_string_not_equal(got, want);
}

/* Four frames count, the fifth does not. */
static void test_stack_hash_depth(void **state)
{
	char want[17], got[17];
	struct report r;

	sample("uaf_read", &r);
	r.access.n = 6;
	for (unsigned n = 4; n < 6; n++) {
		r.access.frame[n].guess = false;
		rename_frame(&r, n, "deep+0x1/0x2");
	}
	hash_of(&r, want);
	rename_frame(&r, 5, "deeper+0x1/0x2"); /* the fifth certain one */
	hash_of(&r, got);
	assert_string_equal(got, want);
	rename_frame(&r, 4, "deeper+0x1/0x2");
	hash_of(&r, got);
	assert_string_not_equal(got, want);
}

static void test_hostile(void **state)
{
	static struct report r;

	sample_hostile(&r);
	for (int v = VERDICT_NONE + 1; v < VERDICTS; v++) {
		r.verdict = (enum verdict)v;
		json_decref(format(&r, "vm\xff\n\"1"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_unknown_is_null),
		cmocka_unit_test(test_text_is_the_text),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_undefined),
		cmocka_unit_test(test_alt_titles),
		cmocka_unit_test(test_stack_hash),
		cmocka_unit_test(test_stack_hash_depth),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
