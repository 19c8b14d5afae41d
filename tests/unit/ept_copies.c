// SPDX-License-Identifier: GPL-2.0-only
/*
 * ept_copies.c: what is remembered of copies of undefined bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "copies.h"

#define TO   0x123000ull
#define FROM 0x456780ull

static const uint8_t undefined[GUEST_PAGE] = { [0 ... GUEST_PAGE - 1] = 0xff };

static void put(struct copies *c, uint64_t to, const uint8_t *v, uint32_t len, uint64_t from, bool alike)
{
	const struct copy copy = { .from = { from }, .trace = 7, .time = 9 };

	copies_put(c, (gpa_t){ to }, v, len, &copy, alike);
}

/* Where the byte came from, 0 where that is not known. */
static uint64_t from(struct copies *c, uint64_t at)
{
	struct copy copy;

	if (!copies_find(c, (gpa_t){ at }, &copy))
		return 0;
	assert_int_equal(copy.trace, 7);
	assert_int_equal(copy.time, 9);
	return copy.from.v;
}

static void test_alike(void **state)
{
	struct copies *c = *state;

	put(c, TO + 3, undefined, GUEST_PAGE - 3, FROM, true);
	assert_int_equal(from(c, TO + 2), 0);
	for (uint32_t n = 3; n < GUEST_PAGE; n++)
		assert_int_equal(from(c, TO + n), FROM + n - 3);
	assert_int_equal(from(c, TO + GUEST_PAGE), 0);
}

static void test_defined_between(void **state)
{
	static const uint8_t v[12] = { 0, 0, 0x10, 0, 0xff, 0, 0, 0, 0, 0, 0, 1 };
	struct copies *c = *state;

	put(c, TO + 4, v, sizeof(v), FROM, true);
	for (uint32_t n = 0; n < sizeof(v); n++)
		assert_int_equal(from(c, TO + 4 + n), v[n] ? FROM + n : 0);
}

static void test_from_one_byte(void **state)
{
	struct copies *c = *state;

	put(c, TO, undefined, 16, FROM + 5, false);
	for (uint32_t n = 0; n < 16; n++)
		assert_int_equal(from(c, TO + n), FROM + 5);
}

/* The last copy counts; another page's may displace it, but is never taken for it. */
static void test_displaced(void **state)
{
	struct copies *c = *state;
	unsigned known = 0;

	put(c, TO, undefined, 8, FROM, true);
	put(c, TO, undefined, 8, FROM + 64, true);
	assert_int_equal(from(c, TO + 1), FROM + 65);
	for (uint64_t page = 1; page < 4096; page++)
		put(c, page * GUEST_PAGE, undefined, 8, page, true);
	for (uint64_t page = 1; page < 4096; page++) {
		uint64_t was = from(c, page * GUEST_PAGE);

		assert_true(was == 0 || was == page);
		known += was == page;
	}
	assert_in_range(known, 2048, 4095); /* of 32,768 places */
}

static int setup(void **state)
{
	*state = copies_create();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	copies_destroy(*state);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_alike, setup, teardown),
		cmocka_unit_test_setup_teardown(test_defined_between, setup, teardown),
		cmocka_unit_test_setup_teardown(test_from_one_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_displaced, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
