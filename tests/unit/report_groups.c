// SPDX-License-Identifier: GPL-2.0-only
/* report_groups.c: what was met is found again, up to the limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "groups.h"

/* Slot 0 of the table is theirs alone in the worst case: multiples of what the spreading undoes. */
static uint64_t hash_of(uint64_t i, bool clash)
{
	return clash ? i << 50 : i * 0x100000001b3;
}

static void added_is_found(bool clash)
{
	struct groups *g = groups_create();

	for (uint64_t i = 0; i < GROUPS_MAX; i++) {
		assert_null(groups_find(g, hash_of(i, clash)));
		assert_non_null(groups_add(g, hash_of(i, clash), i + 1, 0));
	}
	assert_null(groups_find(g, hash_of(GROUPS_MAX, clash)));
	assert_null(groups_add(g, hash_of(GROUPS_MAX, clash), 1, 0));
	for (uint64_t i = 0; i < GROUPS_MAX; i++) {
		struct group *found = groups_find(g, hash_of(i, clash));

		assert_int_equal(found->seq, i + 1);
		assert_int_equal(found->count, 1);
	}
	groups_destroy(g);
}

static void all_are_found(void **state)
{
	added_is_found(false);
	added_is_found(true);
}

static void places(void **state)
{
	struct groups *g = groups_create();
	struct group *a = groups_add(g, 0, 1, 0), *b = groups_add(g, 7, 2, 0);
	unsigned kept = 0;

	assert_null(groups_at(g, 0));
	assert_null(groups_at(g, 5));
	groups_remember(g, 0, a);
	groups_remember(g, 5, b);
	assert_ptr_equal(groups_at(g, 0), a);
	assert_ptr_equal(groups_at(g, 5), b);
	/* However many there are, what is found is right. */
	for (uint64_t i = 0; i < 100000; i++)
		groups_remember(g, i, i % 2 ? a : b);
	for (uint64_t i = 0; i < 100000; i++) {
		struct group *found = groups_at(g, i);

		if (found)
			assert_ptr_equal(found, i % 2 ? a : b);
		kept += found != NULL;
	}
	assert_true(kept > 1000);
	groups_destroy(g);
}

static void count_seqs(void *ctx, struct group *group)
{
	uint64_t *next = ctx;

	assert_int_equal(group->seq, ++*next);
}

static void each_in_order(void **state)
{
	struct groups *g = groups_create();
	uint64_t n = 0;

	for (uint64_t i = 1; i <= 100; i++)
		groups_add(g, i * i, i, 0);
	groups_each(g, count_seqs, &n);
	assert_int_equal(n, 100);
	groups_destroy(g);
}

static void round_counts(void **state)
{
	struct group group = { .count = 0 };
	unsigned n = 0;

	for (group.count = 1; group.count <= 1024; group.count++)
		n += group_is_round(&group);
	assert_int_equal(n, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_found),
		cmocka_unit_test(places),
		cmocka_unit_test(each_in_order),
		cmocka_unit_test(round_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
