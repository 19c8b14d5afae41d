// SPDX-License-Identifier: GPL-2.0-only
/* ept_depot.c: traces and names come back as they went in, once each, within the limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "depot.h"

#define MIB (1u << 20)

/* A trace that is a function of i: 1 to 19 frames, many sharing their first ones. */
static unsigned trace_of(uint32_t i, uint64_t frames[DEPOT_FRAMES])
{
	unsigned n = 1 + i % DEPOT_FRAMES;

	for (unsigned k = 0; k < n; k++)
		frames[k] = DEPOT_BASE + 0x81000000 + (k + 1 < n ? k : i);
	return n;
}

static void traces_come_back(void **state)
{
	enum { TRACES = 20000 };
	static uint32_t number[TRACES];
	struct depot *d = depot_create(16 * MIB);
	uint64_t in[DEPOT_FRAMES], out[DEPOT_FRAMES];

	for (uint32_t i = 0; i < TRACES; i++) {
		number[i] = depot_put(d, in, trace_of(i, in));
		assert_int_not_equal(number[i], 0);
	}
	assert_int_equal(depot_traces(d), TRACES);
	for (uint32_t i = 0; i < TRACES; i++) {
		unsigned n = trace_of(i, in);

		assert_int_equal(depot_put(d, in, n), number[i]);
		assert_int_equal(depot_get(d, number[i], out), n);
		assert_memory_equal(in, out, n * sizeof(in[0]));
	}
	assert_int_equal(depot_traces(d), TRACES);
	depot_destroy(d);
}

static void odd_traces(void **state)
{
	struct depot *d = depot_create(MIB);
	uint64_t frames[DEPOT_FRAMES + 1] = { DEPOT_BASE | 1, 5, 0 }, out[DEPOT_FRAMES];

	assert_int_equal(depot_put(d, frames, 0), 0);
	assert_int_equal(depot_put(d, frames, DEPOT_FRAMES + 1), 0);
	assert_int_equal(depot_get(d, 0, out), 0);
	assert_int_equal(depot_get(d, depot_put(d, frames, 3), out), 3);
	assert_int_equal(out[0], DEPOT_BASE | 1);
	assert_int_equal(out[1], 0);
	assert_int_equal(depot_traces(d), 1);
	depot_destroy(d);
}

static void the_limit_holds(void **state)
{
	struct depot *d = depot_create(MIB);
	uint64_t in[DEPOT_FRAMES], out[DEPOT_FRAMES];
	uint32_t i, number;

	for (i = 0; depot_put(d, in, trace_of(i, in)); i++)
		assert_true(i < MIB);
	assert_true(i > 5000);
	assert_int_equal(depot_traces(d), i);
	assert_true(depot_bytes(d) < MIB + MIB / 4);
	/* What is in stays in. */
	number = depot_put(d, in, trace_of(17, in));
	assert_int_not_equal(number, 0);
	assert_int_equal(depot_get(d, number, out), 18);
	depot_destroy(d);
}

/* A number has room in struct obj_mark, however much memory there is. */
static void numbers_are_small(void **state)
{
	struct depot *d = depot_create(UINT64_MAX);
	uint64_t frames[DEPOT_FRAMES];
	uint32_t number, last = 0;

	for (unsigned k = 0; k < DEPOT_FRAMES; k++)
		frames[k] = DEPOT_BASE;
	for (uint32_t i = 0;; i++) {
		frames[0] = DEPOT_BASE + i;
		number = depot_put(d, frames, DEPOT_FRAMES);
		if (!number)
			break;
		last = number;
	}
	assert_true(last > 1u << (OBJ_TRACE_BITS - 1) && last < 1u << OBJ_TRACE_BITS);
	assert_true(depot_bytes(d) < DEPOT_MAX + MIB);
	assert_int_equal(depot_get(d, last, frames), DEPOT_FRAMES);
	depot_destroy(d);
}

/* What is not used takes next to nothing: it counts against small guests. */
static void begins_small(void **state)
{
	struct depot *d = depot_create(MIB);
	uint64_t before = depot_bytes(d);

	assert_true(before < 2048);
	assert_int_equal(depot_put_name(d, "init"), 1);
	assert_true(depot_bytes(d) < before + 1024);
	depot_destroy(d);
}

static void names(void **state)
{
	static const char full[16] = { 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h',
				       'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p' };
	struct depot *d = depot_create(MIB);
	char name[17], long_one[16] = "short\0garbage";
	unsigned n = depot_put_name(d, full);

	depot_get_name(d, n, name);
	assert_string_equal(name, "abcdefghijklmnop");
	assert_int_equal(depot_put_name(d, long_one), depot_put_name(d, "short"));
	assert_int_equal(depot_put_name(d, ""), 0);
	depot_get_name(d, 0, name);
	assert_string_equal(name, "");
	for (unsigned i = 0; i < 2 * DEPOT_NAMES; i++) {
		char numbered[16] = "";

		snprintf(numbered, sizeof(numbered), "task %u", i);
		n = depot_put_name(d, numbered);
		assert_true(n <= DEPOT_NAMES);
		depot_get_name(d, n, name);
		assert_string_equal(name, n ? numbered : "");
	}
	assert_int_equal(n, 0);
	depot_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traces_come_back),
		cmocka_unit_test(odd_traces),
		cmocka_unit_test(the_limit_holds),
		cmocka_unit_test(numbers_are_small),
		cmocka_unit_test(begins_small),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
