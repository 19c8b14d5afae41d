// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_device.c: what devices read and write in tracked memory: undefined bytes that they read are
 * reported, once; what they write is defined; an allocation that was announced a moment before is
 * known in time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent_guest.h"

#define OBJECT 0x2200000ull
#define LATER  0x2300000ull
#define SIZE   9000ull /* in three pages */

static struct guest g;
static struct machine_hooks hooks;

static bool device(bool write, uint64_t gpa, uint32_t len)
{
	static uint8_t data[SIZE];

	memset(data, 0x5a, sizeof(data));
	return hooks.device_memory(hooks.ctx, "test", write, (gpa_t){gpa}, data, len);
}

/* One object, undefined; the guest has ended, its memory is still there. */
static int setup(void **state)
{
	const struct checker_config config = {.checks = ~0u, .rules = rules};

	agent_guest_create(&g, &config);
	record(&g, KMC_LARGE, DIRECT_MAP + OBJECT, SIZE, 12288);
	bell(&g, RING_BELL(KMC_CMD_HELLO, HELLO >> 12));
	bell(&g, RING_BELL(KMC_CMD_DRAIN, 0));
	checker_hooks(g.checker, &hooks);
	return machine_run(g.machine) == END_RESET ? 0 : -1;
}

static int teardown(void **state)
{
	agent_guest_destroy(&g);
	return 0;
}

static uint64_t reports(void)
{
	return checker_stats(g.checker)->reports;
}

static void reads_are_reported(void **state)
{
	uint64_t repeated;

	assert_true(device(true, OBJECT + 100, 4));
	assert_true(device(false, OBJECT + 100, 4));
	assert_int_equal(reports(), 0);
	assert_true(device(false, OBJECT + 100, 5));
	assert_int_equal(reports(), 1);
	repeated = checker_stats(g.checker)->repeated;
	assert_true(device(false, OBJECT + 8000, 2));
	assert_int_equal(reports(), 1);
	assert_int_equal(checker_stats(g.checker)->repeated, repeated + 1);
}

static void writes_define(void **state)
{
	assert_true(device(true, OBJECT, SIZE));
	assert_true(device(false, OBJECT, SIZE));
	assert_int_equal(reports(), 0);
}

static void announced_in_time(void **state)
{
	record(&g, KMC_LARGE, DIRECT_MAP + LATER, 100, 4096);
	assert_true(device(true, LATER, 100));
	assert_int_equal(checker_stats(g.checker)->records, 2);
	assert_true(device(false, LATER, 100));
	assert_int_equal(reports(), 0);
	/* The good twin's other half: had it come first, it would not be defined. */
	record(&g, KMC_LARGE, DIRECT_MAP + LATER + 4096, 100, 4096);
	assert_true(device(false, LATER + 4096, 100));
	assert_int_equal(reports(), 1);
}

/* Behind the object nobody answers for the value, but nobody is to touch it either. */
static void redzones(void **state)
{
	assert_true(device(true, OBJECT, SIZE));
	assert_true(device(false, OBJECT + SIZE, 100));
	assert_int_equal(reports(), 1);
	assert_true(device(true, OBJECT + SIZE - 1, 2));
	assert_int_equal(reports(), 2);
	assert_true(device(false, OBJECT + SIZE - 1, 1));
	assert_int_equal(reports(), 2);
}

static void freed(void **state)
{
	assert_true(device(true, OBJECT, SIZE));
	record(&g, KMC_FREE, DIRECT_MAP + OBJECT, 0, 0);
	assert_true(device(true, OBJECT, 10));
	assert_int_equal(reports(), 1);
	/* It belongs to somebody else now. */
	record(&g, KMC_PAGES, DIRECT_MAP + OBJECT, 12288, 0);
	assert_true(device(true, OBJECT, 10));
	record(&g, KMC_LARGE, DIRECT_MAP + OBJECT, SIZE, 12288);
	assert_true(device(true, OBJECT, 10));
	assert_int_equal(reports(), 1);
}

static void bounds(void **state)
{
	assert_true(device(false, 0, 4096));
	assert_false(device(false, MEMORY - 10, 11));
	assert_false(device(true, MEMORY, 1));
	assert_false(device(true, ~0ull - 3, 8));
	assert_int_equal(reports(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_are_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(writes_define, setup, teardown),
		cmocka_unit_test_setup_teardown(announced_in_time, setup, teardown),
		cmocka_unit_test_setup_teardown(redzones, setup, teardown),
		cmocka_unit_test_setup_teardown(freed, setup, teardown),
		cmocka_unit_test_setup_teardown(bounds, setup, teardown),
	};

	return tiny_kernel_runs() ? cmocka_run_group_tests(tests, rules_setup, rules_teardown) : 77;
}
