// SPDX-License-Identifier: GPL-2.0-only
/*
 * ept_watch.c: pages that are hidden only sometimes: what is known of their bytes when they are hidden
 * again, and what became of each object.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ept_world.h"

#define S (64 * P) /* a slab of two pages */

static const struct obj_cache c96 = {.name = "c96", .object_size = 80, .slot_size = 96};
static const struct obj_cache c5000 = {.name = "c5000", .object_size = 5000, .slot_size = 5000};
static const struct obj_cache rcu = {
	.name = "rcu", .object_size = 80, .slot_size = 96, .typesafe_by_rcu = true};

static struct world w;
static bool wanted; /* what wants() says */
static struct obj_change asked;

static bool wants(void *ctx, struct obj_change *change)
{
	asked = *change;
	return wanted;
}

static int setup(void **state)
{
	struct objects_ops ops = {&w, world_track, world_untrack, wants};

	world_init(&w);
	objects_destroy(w.o);
	w.o = objects_create(w.ram, w.s, &ops);
	assert_non_null(w.o);
	objects_set_lazy(w.o, true);
	wanted = true;
	return 0;
}

static int teardown(void **state)
{
	world_deinit(&w);
	return 0;
}

static void slab(const struct obj_cache *cache)
{
	assert_int_equal(objects_slab(w.o, GPA(S), 2 * P, cache, true), OBJ_OK);
}

static void expect_fates(uint64_t watched, uint64_t cut, uint64_t unwatched)
{
	struct objects_stats s;

	objects_get_stats(w.o, &s);
	assert_int_equal(s.watched, watched);
	assert_int_equal(s.cut, cut);
	assert_int_equal(s.unwatched, unwatched);
}

static void expect_hidden(unsigned first, unsigned second)
{
	assert_int_equal(w.hidden[S / P], first);
	assert_int_equal(w.hidden[S / P + 1], second);
	world_check(&w);
}

static void hidden_where_it_is_wanted(void **state)
{
	slab(&c96);
	expect_hidden(0, 0);
	wanted = false;
	assert_int_equal(alloc_of(&w, S, 80, 96, &c96), OBJ_OK);
	expect_hidden(0, 0);
	assert_int_equal(asked.start.v, S);
	assert_int_equal(asked.size, 80);
	assert_int_equal(asked.slot, 96);
	assert_false(asked.frees || asked.defined || asked.large);
	wanted = true;
	assert_int_equal(alloc_of(&w, S + 96, 70, 96, &c96), OBJ_OK);
	expect_hidden(1, 0);
	assert_true(bytes_are(&w, S, 80, A_ALLOCATED, V_DEFINED)); /* stores to it were not seen */
	assert_true(bytes_are(&w, S + 80, 16, A_REDZONE, V_DEFINED));
	assert_true(bytes_are(&w, S + 96, 70, A_ALLOCATED, V_UNDEFINED));
	assert_true(bytes_are(&w, S + 192, 96, A_UNALLOCATED, V_DEFINED));
	expect_fates(1, 0, 1);
}

/* By a slot that is nobody's, in front of it or behind it; the end of a slab is none. */
static void exposed_objects(void **state)
{
	static const struct obj_cache c4000 = {
		.name = "c4000", .object_size = 4000, .slot_size = 4000};

	slab(&c4000);
	alloc_of(&w, S + 4000, 4000, 4000, &c4000);
	assert_true(asked.exposed); /* never allocated */
	alloc_of(&w, S, 4000, 4000, &c4000);
	assert_false(asked.exposed);
	free_of(&w, S);
	free_of(&w, S + 4000);
	alloc_of(&w, S, 4000, 4000, &c4000);
	assert_true(asked.exposed); /* freed */
	alloc_of(&w, S + 4000, 4000, 4000, &c4000);
	assert_false(asked.exposed);
}

static void shown_and_hidden_again(void **state)
{
	slab(&c96);
	alloc_of(&w, S, 80, 96, &c96);
	alloc_of(&w, S + 96, 80, 96, &c96);
	free_of(&w, S + 96);
	assert_true(asked.frees && !asked.left_out);
	expect_hidden(1, 0);
	objects_unwatch(w.o, GPA(S), P);
	expect_hidden(0, 0);
	expect_fates(1, 1, 0); /* what was freed before saw it all */
	assert_true(bytes_are(&w, S, 96, A_UNTRACKED, V_DEFINED));
	objects_unwatch(w.o, GPA(S), P);
	expect_fates(1, 1, 0);
	objects_watch(w.o, GPA(S), 2 * P);
	expect_hidden(1, 1);
	assert_true(bytes_are(&w, S, 80, A_ALLOCATED, V_DEFINED));
	assert_true(bytes_are(&w, S + 80, 16, A_REDZONE, V_DEFINED));
	assert_true(bytes_are(&w, S + 96, 96, A_FREED, V_DEFINED));
	expect_fates(1, 1, 0);
}

static void neighbours_are_shown_together(void **state)
{
	static const struct {
		gpa_t page[6];
		unsigned n, calls;
		const char *hidden; /* of the 8 pages, afterwards */
	} cases[] = {
		{{{0}}, 0, 0, "11111111"},
		{{{S + 3 * P}}, 1, 1, "11101111"},
		{{{S + 2 * P}, {S + P}, {S + 3 * P}}, 3, 1, "10001111"},
		{{{S + 7 * P}, {S}, {S + 6 * P}, {S + P}}, 4, 2, "00111100"},
		{{{S + 2 * P}, {S + P}, {S + 2 * P}, {S + P}}, 4, 1, "10011111"},
		{{{S + 5 * P}, {S + P}, {S + 3 * P}}, 3, 3, "10101011"},
		{{{S + 7 * P}, {S + 8 * P}}, 2, 1, "11111110"}, /* there is nothing behind it */
		{{{S}, {S + P}, {S + 2 * P}, {S + 3 * P}, {S + 4 * P}, {S + 5 * P}}, 6, 1, "00000011"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		gpa_t page[6];
		unsigned before;

		assert_int_equal(objects_slab(w.o, GPA(S), 8 * P, &c96, true), OBJ_OK);
		objects_watch(w.o, GPA(S), 8 * P);
		memcpy(page, cases[i].page, sizeof(page));
		before = w.untracks;
		objects_unwatch_pages(w.o, page, cases[i].n);
		assert_int_equal(w.untracks - before, cases[i].calls);
		for (unsigned n = 0; n < 8; n++)
			assert_int_equal(w.hidden[S / P + n], cases[i].hidden[n] - '0');
		world_check(&w);
	}
}

static void late_is_defined(void **state)
{
	struct obj_alloc a = {
		.addr = {S}, .size = 40, .slot = 96, .cache = &c96, .late = true};

	slab(&c96);
	assert_int_equal(objects_alloc(w.o, &a), OBJ_OK);
	assert_true(bytes_are(&w, S, 40, A_ALLOCATED, V_DEFINED));
	assert_true(bytes_are(&w, S + 40, 56, A_REDZONE, V_DEFINED));
	assert_int_equal(objects_ksize(w.o, GPA(S), true), OBJ_OK);
	assert_true(bytes_are(&w, S, 96, A_ALLOCATED, V_DEFINED));
	expect_fates(0, 0, 1);
}

/* It lies in both pages: either of them is enough to lose sight of it. */
static void object_in_two_pages(void **state)
{
	slab(&c5000);
	alloc_of(&w, S, 5000, 5000, &c5000);
	expect_hidden(1, 1);
	assert_true(bytes_are(&w, S, 5000, A_ALLOCATED, V_UNDEFINED));
	objects_unwatch(w.o, GPA(S + P), P);
	expect_hidden(1, 0);
	expect_fates(0, 1, 0);
	objects_unwatch(w.o, GPA(S), P);
	expect_fates(0, 1, 0);
	objects_watch(w.o, GPA(S + P), P);
	assert_true(bytes_are(&w, S + P, 5000 - P, A_ALLOCATED, V_DEFINED));
	assert_true(bytes_are(&w, S + 5000, 1, A_UNALLOCATED, V_DEFINED));
}

/* A realloc in such a cache keeps the V bits: those that were not seen stay defined. */
static void typesafe_stays_defined(void **state)
{
	slab(&rcu);
	alloc_of(&w, S, 80, 96, &rcu);
	assert_true(bytes_are(&w, S, 80, A_ALLOCATED, V_UNDEFINED));
	objects_unwatch(w.o, GPA(S), P);
	free_of(&w, S);
	alloc_of(&w, S, 80, 96, &rcu);
	assert_true(bytes_are(&w, S, 80, A_ALLOCATED, V_DEFINED));
}

static void large_objects(void **state)
{
	struct obj_alloc a = {.addr = {S}, .size = P + 10, .slot = 2 * P, .large = true};

	wanted = false;
	assert_int_equal(objects_alloc(w.o, &a), OBJ_OK);
	expect_hidden(0, 0);
	assert_true(asked.large);
	wanted = true;
	assert_int_equal(free_of(&w, S), OBJ_OK);
	expect_hidden(1, 1);
	assert_true(bytes_are(&w, S, 2 * P, A_FREED, V_DEFINED | V_UNDEFINED));
	assert_int_equal(objects_pages_gone(w.o, GPA(S), 2 * P), OBJ_OK);
	expect_hidden(0, 0);
	assert_int_equal(free_of(&w, S), OBJ_DOUBLE_FREE);
	expect_fates(0, 0, 1);
}

static void all_and_nothing(void **state)
{
	struct object obj;

	wanted = false;
	slab(&c96);
	alloc_of(&w, S, 80, 96, &c96);
	objects_watch_all(w.o);
	expect_hidden(1, 1);
	assert_true(bytes_are(&w, S, 80, A_ALLOCATED, V_DEFINED));
	objects_forget_all(w.o);
	expect_hidden(0, 0);
	assert_false(objects_find(w.o, GPA(S), &obj));
	assert_int_equal(objects_live(w.o), 0);
}

static void only_hidden_pages_are_shown(void **state)
{
	unsigned untracks;

	slab(&c96);
	alloc_of(&w, S, 80, 96, &c96);
	untracks = w.untracks;
	objects_pages_gone(w.o, GPA(S), 2 * P); /* world_untrack(): each was hidden */
	assert_int_equal(w.untracks, untracks + 1);
	expect_hidden(0, 0);
	expect_fates(1, 0, 0);
}

/* Events at random: every object is in one of three, and what is hidden is what has a shadow. */
static void totals_add_up(void **state)
{
	uint64_t objects = 0;
	struct objects_stats s;
	uint32_t seed = 1;

	slab(&c96);
	for (int i = 0; i < 20000; i++) {
		uint64_t at = S + (uint64_t)(seed >> 8) % (2 * P / 96) * 96;
		uint64_t page = at & ~(uint64_t)(P - 1);

		seed = seed * 1664525 + 1013904223;
		wanted = seed >> 30 & 1;
		switch (seed >> 28 & 3) {
		case 0:
			objects += alloc_of(&w, at, 80, 96, &c96) == OBJ_OK;
			break;
		case 1:
			free_of(&w, at);
			break;
		case 2:
			objects_watch(w.o, GPA(page), P);
			break;
		case 3:
			objects_unwatch(w.o, GPA(page), P);
			break;
		}
		world_check(&w);
	}
	objects_get_stats(w.o, &s);
	assert_int_equal(s.watched + s.cut + s.unwatched, objects);
	assert_true(s.watched && s.cut && s.unwatched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hidden_where_it_is_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(exposed_objects, setup, teardown),
		cmocka_unit_test_setup_teardown(shown_and_hidden_again, setup, teardown),
		cmocka_unit_test_setup_teardown(neighbours_are_shown_together, setup, teardown),
		cmocka_unit_test_setup_teardown(late_is_defined, setup, teardown),
		cmocka_unit_test_setup_teardown(object_in_two_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(typesafe_stays_defined, setup, teardown),
		cmocka_unit_test_setup_teardown(large_objects, setup, teardown),
		cmocka_unit_test_setup_teardown(all_and_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(only_hidden_pages_are_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(totals_add_up, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
