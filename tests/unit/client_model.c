// SPDX-License-Identifier: GPL-2.0-only
/*
 * client_model.c: how records are counted: groups over VMs, repeated delivery, duplicates, other
 * runs; and what is no record.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model.h"

#define HASH_A "00000000000000aa"
#define HASH_B "00000000000000bb"

static bool add(struct model *m, const char *vm, const char *format, ...)
{
	char line[1024];
	struct record r;
	va_list args;
	bool added;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (!record_parse(line, strlen(line), &r))
		fail_msg("no record: %s", line);
	added = model_add(m, &r, vm);
	record_free(&r);
	return added;
}

static bool report(struct model *m, const char *vm, unsigned seq, const char *hash,
		   unsigned severity, unsigned long long time)
{
	return add(m, vm,
		   "{\"v\":1,\"type\":\"report\",\"seq\":%u,\"stack_hash\":\"%s\",\"severity\":%u,"
		   "\"host_time\":%llu,\"count\":1,\"title\":\"KMC: x in %s\",\"class\":\"c\"}",
		   seq, hash, severity, time, hash);
}

static bool duplicate(struct model *m, const char *vm, unsigned seq, const char *hash,
		      unsigned count, unsigned long long time)
{
	return add(m, vm,
		   "{\"v\":1,\"type\":\"duplicate\",\"seq\":%u,\"stack_hash\":\"%s\",\"count\":%u,"
		   "\"host_time\":%llu}",
		   seq, hash, count, time);
}

static const struct group *group(const struct model *m, const char *key)
{
	for (size_t i = 0; i < m->ngroups; i++)
		if (!strcmp(m->group[i].key, key))
			return &m->group[i];
	fail_msg("no group %s", key);
	return NULL;
}

static void test_groups(void **state)
{
	const struct group **sorted;
	struct model m;

	model_init(&m, true);
	assert_true(report(&m, "one", 1, HASH_A, 1, 100));
	assert_true(report(&m, "two", 1, HASH_A, 1, 50));
	assert_true(report(&m, "two", 2, HASH_B, 6, 70));
	assert_true(report(&m, "two", 3, "none", 1, 70)); /* grouped by its title */
	assert_int_equal(m.ngroups, 3);
	assert_int_equal(m.nvms, 2);
	assert_int_equal(m.reports, 4);
	assert_int_equal(m.count, 4);
	assert_int_equal(group(&m, HASH_A)->count, 2);
	assert_int_equal(group(&m, HASH_A)->nvm, 2);
	assert_int_equal(group(&m, HASH_A)->first, 50);
	assert_int_equal(group(&m, HASH_A)->last, 100);
	assert_int_equal(group(&m, HASH_A)->nreports, 2);
	assert_int_equal(group(&m, HASH_B)->nvm, 1);
	assert_string_equal(group_class(group(&m, HASH_B)), "c");
	sorted = model_sorted(&m);
	assert_string_equal(sorted[0]->key, HASH_B); /* worse */
	assert_string_equal(sorted[1]->key, HASH_A); /* more often */
	assert_string_equal(sorted[2]->key, "KMC: x in none");
	free(sorted);
	model_deinit(&m);
}

/* The log and the socket of one VM: the same report twice. Another run of it: another report. */
static void test_again(void **state)
{
	struct model m;

	model_init(&m, true);
	assert_true(report(&m, "vm", 1, HASH_A, 1, 100));
	assert_false(report(&m, "vm", 1, HASH_A, 1, 100));
	assert_int_equal(m.count, 1);
	assert_true(report(&m, "vm", 1, HASH_A, 1, 900));
	assert_false(report(&m, "vm", 1, HASH_A, 1, 900));
	assert_int_equal(m.count, 2);
	assert_int_equal(m.reports, 2);
	assert_int_equal(group(&m, HASH_A)->nvm, 1);
	model_deinit(&m);
}

static void test_duplicates(void **state)
{
	struct model m;

	model_init(&m, true);
	report(&m, "vm", 1, HASH_A, 5, 100);
	duplicate(&m, "vm", 1, HASH_A, 10, 200);
	duplicate(&m, "vm", 1, HASH_A, 10, 200); /* by another source, too */
	duplicate(&m, "vm", 1, HASH_A, 7, 150);	 /* late */
	assert_int_equal(group(&m, HASH_A)->count, 10);
	assert_int_equal(group(&m, HASH_A)->last, 200);
	assert_int_equal(m.reports, 1);
	/* The report itself was not seen; it may still come. */
	duplicate(&m, "vm", 2, HASH_B, 4, 300);
	assert_int_equal(group(&m, HASH_B)->count, 4);
	assert_null(group(&m, HASH_B)->report);
	assert_non_null(strstr(group_title(group(&m, HASH_B)), "not seen"));
	report(&m, "vm", 2, HASH_B, 5, 250);
	assert_int_equal(group(&m, HASH_B)->count, 4);
	assert_int_equal(group(&m, HASH_B)->severity, 5);
	assert_int_equal(group(&m, HASH_B)->first, 250);
	assert_int_equal(m.count, 14);
	duplicate(&m, "vm", 3, "no hash", 4, 300);
	assert_int_equal(m.ngroups, 2);
	model_deinit(&m);
}

static void test_notes(void **state)
{
	struct model m;

	model_init(&m, true);
	add(&m, "vm", "{\"v\":1,\"type\":\"lost\",\"count\":3}");
	add(&m, "vm", "{\"v\":1,\"type\":\"lost\",\"count\":4}");
	add(&m, "vm", "{\"v\":1,\"type\":\"guest-panic\",\"text\":\"t\",\"host_time\":9}");
	add(&m, "vm", "{\"v\":1,\"type\":\"new-type\"}");
	assert_int_equal(m.lost, 7);
	assert_int_equal(m.nnotes, 1);
	assert_int_equal(m.note[0].time, 9);
	assert_int_equal(m.ngroups, 0);
	assert_null(model_sorted(&m));
	model_deinit(&m);
}

/* More than is kept: counted all the same, and said. */
static void test_bounded(void **state)
{
	struct model m;
	char hash[17];

	model_init(&m, true);
	for (unsigned i = 0; i < 12000; i++) {
		snprintf(hash, sizeof(hash), "%016x", i);
		assert_true(report(&m, "vm", i + 1, hash, 1, i + 1));
	}
	assert_int_equal(m.reports, 12000);
	assert_true(m.ngroups < 12000);
	assert_int_equal(m.ngroups + m.left_out, 12000);
	model_deinit(&m);
}

static void test_no_record(void **state)
{
	static const char *const bad[] = { "",
					   "x",
					   "[]",
					   "{}",
					   "{\"v\":1}",
					   "{\"type\":\"lost\"}",
					   "{\"v\":2,\"type\":\"lost\"}",
					   "{\"v\":1,\"type\":7}",
					   "{\"v\":1,\"type\":\"lost\"",
					   "{\"v\":1,\"type\":\"lost\"} x",
					   "{\"v\":\"1\",\"type\":\"lost\"}",
					   "\"v\"",
					   "{\"v\":1,\"type\":\"\xff\"}" };
	size_t len = 1 << 20;
	char *deep = malloc(len);
	struct record r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (record_parse(bad[i], strlen(bad[i]), &r))
			fail_msg("a record: %s", bad[i]);
	/* Many small values take much more memory than the line. */
	memset(deep, ',', len);
	assert_false(record_parse(deep, len, &r));
	memset(deep, '[', 1000);
	memset(deep + 1000, ']', 1000);
	assert_false(record_parse(deep, 2000, &r));
	len = (size_t)snprintf(deep, 64, "{\"v\":1,\"type\":\"lost\",\"x\":");
	memset(deep + len, '[', 50);
	memset(deep + len + 50, ']', 50);
	deep[len + 100] = '}';
	assert_false(record_parse(deep, len + 101, &r));
	free(deep);
}

/* Strings are printable ASCII, whatever was in them; what is missing reads as "" or 0. */
static void test_clean(void **state)
{
	static const char line[] =
		"{\"v\":1,\"type\":\"report\",\"vm\":\"a\\u001b[2J\\u009b\xc3\xa4\\u0000z\","
		"\"text\":\"a\\nb\\t\",\"release\":\"a\\nb\",\"seq\":-1,\"comm\":7,\"severity\":99}";
	struct record r;

	assert_true(record_parse(line, strlen(line), &r));
	assert_string_equal(record_text(r.root, "vm"), "a?[2J????");
	assert_string_equal(record_text(r.root, "text"), "a\nb?");
	assert_string_equal(record_text(r.root, "release"), "a?b"); /* one line, where it is one */
	assert_string_equal(record_text(r.root, "comm"), "");
	assert_string_equal(record_text(r.root, "missing"), "");
	assert_string_equal(record_text(NULL, "missing"), "");
	assert_int_equal(record_number(r.root, "seq"), 0);
	assert_int_equal(record_severity(r.root), RECORD_SEVERITY_MAX);
	assert_null(record_object(r.root, "vm"));
	record_free(&r);
}

static void test_levels(void **state)
{
	static const char double_free[] =
		"{\"v\":1,\"type\":\"report\",\"verdict\":\"double-free\",\"severity\":1}";
	static const enum record_level want[] = {
		LEVEL_LOW,    LEVEL_LOW,  LEVEL_LOW,	  LEVEL_LOW,	  LEVEL_MEDIUM,
		LEVEL_MEDIUM, LEVEL_HIGH, LEVEL_CRITICAL, LEVEL_CRITICAL, LEVEL_CRITICAL,
	};
	struct record r;

	for (unsigned n = 0; n <= RECORD_SEVERITY_MAX; n++)
		assert_int_equal(record_level(n), want[n]);
	assert_true(record_parse(double_free, strlen(double_free), &r));
	assert_int_equal(record_severity(r.root), 9); /* whatever its kmc-vmm called it */
	record_free(&r);
	assert_true(record_class_exists("memory-leak") && record_class_exists("uaf-read"));
	assert_false(record_class_exists("any") || record_class_exists(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),	   cmocka_unit_test(test_again),
		cmocka_unit_test(test_duplicates), cmocka_unit_test(test_notes),
		cmocka_unit_test(test_bounded),	   cmocka_unit_test(test_no_record),
		cmocka_unit_test(test_clean),	   cmocka_unit_test(test_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
