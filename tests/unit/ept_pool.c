// SPDX-License-Identifier: GPL-2.0-only
/* ept_pool.c: tests of ept/pool.c: cells do not overlap, through all sizes of pieces, and come back. */
#include "pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <cmocka.h>

#define SIZE  296u
#define CELLS 60000u /* 17 MiB: some pieces are for huge pages */

static void cells_do_not_overlap(void **state)
{
	struct pool *p = pool_create(SIZE);
	void **cell = calloc(CELLS, sizeof(*cell));

	assert_non_null(p);
	assert_non_null(cell);
	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < CELLS; i++) {
			cell[i] = pool_get(p);
			assert_non_null(cell[i]);
			assert_int_equal((uintptr_t)cell[i] % sizeof(void *), 0);
			memset(cell[i], (int)(i * 7 + round), SIZE);
		}
		for (uint32_t i = 0; i < CELLS; i++) {
			const uint8_t *bytes = cell[i];

			assert_int_equal(bytes[0], (uint8_t)(i * 7 + round));
			assert_memory_equal(bytes, bytes + 1, SIZE - 1);
			pool_put(p, cell[i]);
		}
	}
	pool_put(p, NULL);
	free(cell);
	pool_destroy(p);
	pool_destroy(NULL);
}

#ifndef __SANITIZE_ADDRESS__ /* which keeps what is freed for a while */
static void the_last_one_is_the_next(void **state)
{
	struct pool *p = pool_create(13);
	void *a = pool_get(p), *b = pool_get(p);

	pool_put(p, a);
	pool_put(p, b);
	assert_ptr_equal(pool_get(p), b);
	assert_ptr_equal(pool_get(p), a);
	pool_destroy(p);
}
#endif

static void a_huge_table_keeps_its_contents(void **state)
{
	const size_t bytes = (size_t)5 << 20;
	uint32_t *table = calloc(1, bytes);

	assert_non_null(table);
	for (size_t i = 0; i < bytes / sizeof(*table); i += 100)
		table[i] = (uint32_t)i;
	pool_make_huge(table, bytes);
	pool_make_huge(table, 100); /* too small for one: nothing */
	for (size_t i = 0; i < bytes / sizeof(*table); i++)
		assert_int_equal(table[i], i % 100 ? 0 : i);
	free(table);
}

static int small_pages(void)
{
	return prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) > 0;
}

/* A table for which there is no room for a huge page changes nothing; a large one ends it, once. */
static void small_pages_until_a_table_is_large(void **state)
{
	const size_t bytes = (size_t)5 << 20;
	void *table = calloc(1, bytes);

	assert_non_null(table);
	pool_small_pages();
	assert_int_equal(small_pages(), 1);
	pool_make_huge(table, 100);
	assert_int_equal(small_pages(), 1);
	pool_make_huge(table, bytes);
	assert_int_equal(small_pages(), 0);
	free(table);
}

#ifndef __SANITIZE_ADDRESS__
static void small_pages_until_a_pool_is_large(void **state)
{
	struct pool *p = pool_create(4096);

	pool_small_pages();
	for (size_t i = 0; i < POOL_LARGE / 4096 / 2; i++)
		pool_get(p);
	assert_int_equal(small_pages(), 1);
	for (size_t i = 0; i < POOL_LARGE / 4096; i++)
		pool_get(p);
	assert_int_equal(small_pages(), 0);
	pool_destroy(p);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_do_not_overlap),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(the_last_one_is_the_next),
#endif
		cmocka_unit_test(a_huge_table_keeps_its_contents),
		cmocka_unit_test(small_pages_until_a_table_is_large),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(small_pages_until_a_pool_is_large),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
