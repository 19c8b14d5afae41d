// SPDX-License-Identifier: GPL-2.0-only
/*
 * ept_objects_hostile.c: the object table against announcements that cannot be true, against random
 * ones, and without memory. A refused announcement changes nothing; none may crash or leak.
 */
#include "ept_world.h"

#include "ept_calloc.h"
#include "random64.h"

#define S 0x10000ull

static const struct obj_cache c64 = {.object_size = 64, .slot_size = 64};
static const struct obj_cache tiny = {.object_size = 1, .slot_size = 1};
static const struct obj_cache huge = {.object_size = 64, .slot_size = 2 * GUEST_PAGE};
static const struct obj_cache far_off = {.object_size = 64, .slot_size = 64, .first = 4096};
static const struct obj_cache overlarge = {.object_size = 65, .slot_size = 64};
static const struct obj_cache wild = {
	.object_size = UINT32_MAX, .slot_size = UINT32_MAX, .first = UINT32_MAX};
static const struct obj_cache odd = {.object_size = 13, .slot_size = 13, .first = 3};

static struct world w;

static int begin(void **state)
{
	world_init(&w);
	return 0;
}

static int end(void **state)
{
	calloc_left = -1;
	world_deinit(&w);
	return 0;
}

static const struct {
	uint64_t gpa, len;
	const struct obj_cache *cache;
} bad_slabs[] = {
	{S, 0, &c64},
	{S, 1, &c64},
	{S, P - 1, &c64},
	{S + 8, P, &c64},
	{WORLD_SIZE, P, &c64},
	{WORLD_SIZE - P, 2 * P, &c64},
	{S, UINT64_MAX, &c64},
	{S, UINT64_MAX - P + 1, &c64},
	{S, UINT64_MAX - S + 1, &c64},
	{UINT64_MAX - P + 1, P, &c64},
	{GUEST_RAM_LOW_END, P, &c64}, /* the hole */
	{GUEST_RAM_HIGH - P, 2 * P, &c64},
	{S, P, &tiny},
	{S, P, &huge},
	{S, P, &far_off},
	{S, P, &overlarge},
	{S, P, &wild},
};

static void impossible_slabs(void **state)
{
	for (size_t i = 0; i < COUNT(bad_slabs); i++) {
		if (objects_slab(w.o, GPA(bad_slabs[i].gpa), bad_slabs[i].len, bad_slabs[i].cache,
				 true) != OBJ_HOSTILE)
			fail_msg("bad_slabs[%zu]", i);
		if (bad_slabs[i].cache == &c64 &&
		    objects_pages_gone(w.o, GPA(bad_slabs[i].gpa), bad_slabs[i].len) != OBJ_HOSTILE)
			fail_msg("pages_gone of bad_slabs[%zu]", i);
	}
	assert_int_equal(w.tracks, 0);
}

static void slab_over_the_hole(void **state)
{
	struct objects_ops ops = {&w, world_track, world_untrack, NULL};
	struct guest_ram *ram = test_ram(GUEST_RAM_LOW_END + 2 * MIB);
	struct shadow *s = shadow_create(ram);
	struct objects *o = objects_create(ram, s, &ops);

	assert_int_equal(objects_slab(o, GPA(GUEST_RAM_LOW_END - P), 2 * P, &c64, true),
			 OBJ_HOSTILE);
	assert_int_equal(objects_pages_gone(o, GPA(GUEST_RAM_LOW_END - P), 2 * P), OBJ_HOSTILE);
	objects_destroy(o);
	shadow_destroy(s);
	guest_ram_destroy(ram);
}

/* In a fresh slab of 64-byte slots at S. */
static const struct {
	uint64_t addr, size, slot;
	bool large;
	enum obj_verdict want;
} allocs[] = {
	{S + 1, 10, 64, false, OBJ_HOSTILE},
	{S + 32, 10, 64, false, OBJ_HOSTILE},
	{S, 65, 64, false, OBJ_HOSTILE},
	{S, 65, 128, false, OBJ_HOSTILE}, /* more than a slot */
	{S, 64, UINT64_MAX, false, OBJ_HOSTILE},
	{S, UINT64_MAX, UINT64_MAX, false, OBJ_HOSTILE},
	{S, UINT64_MAX, 0, false, OBJ_HOSTILE},
	{S, UINT64_MAX - S + 1, 0, false, OBJ_HOSTILE},
	{WORLD_SIZE, 8, 8, false, OBJ_HOSTILE},
	{WORLD_SIZE - 4, 8, 8, false, OBJ_HOSTILE},
	{UINT64_MAX, 8, 8, false, OBJ_HOSTILE},
	{UINT64_MAX, 0, 0, false, OBJ_HOSTILE},
	{S + P, 10, 64, false, OBJ_OK}, /* in no slab: no record */
	{S + 8, 10, P, true, OBJ_HOSTILE},
	{S, 0, P, true, OBJ_HOSTILE},
	{S, P + 1, P, true, OBJ_HOSTILE},
	{S, 16 * MIB, 16 * MIB, true, OBJ_HOSTILE},
	{S, WORLD_SIZE - S, WORLD_SIZE, true, OBJ_HOSTILE},
	{WORLD_SIZE - P, P, 2 * P, true, OBJ_HOSTILE},
	{S, UINT64_MAX, UINT64_MAX, true, OBJ_HOSTILE},
};

static void impossible_objects(void **state)
{
	struct objects_stats stats;

	assert_int_equal(objects_slab(w.o, GPA(S), P, &c64, true), OBJ_OK);
	for (size_t i = 0; i < COUNT(allocs); i++) {
		struct obj_alloc a = {.addr = {allocs[i].addr},
				      .size = allocs[i].size,
				      .slot = allocs[i].slot,
				      .large = allocs[i].large};

		if (objects_alloc(w.o, &a) != allocs[i].want)
			fail_msg("allocs[%zu]", i);
	}
	assert_true(bytes_are(&w, S, P, A_UNALLOCATED, V_UNDEFINED));
	assert_int_equal(w.tracks, 1);
	assert_int_equal(objects_live(w.o), 0);
	objects_get_stats(w.o, &stats);
	assert_int_equal(stats.unplaced, 1);
}

static void slot_bigger_than_the_slab(void **state)
{
	assert_int_equal(objects_slab(w.o, GPA(S), P, NULL, true), OBJ_OK);
	assert_int_equal(alloc_of(&w, S, 10, 2 * P, NULL), OBJ_HOSTILE);
	assert_int_equal(alloc_of(&w, S, 2, 4, NULL), OBJ_HOSTILE);
	assert_int_equal(alloc_of(&w, S, 0, 0, NULL), OBJ_OK); /* nothing is known of it */
	assert_true(bytes_are(&w, S, P, A_UNALLOCATED, V_UNDEFINED));
}

static void odd_slots_are_exact(void **state)
{
	assert_int_equal(objects_slab(w.o, GPA(S), P, &odd, true), OBJ_OK);
	for (int i = 0; i < 10; i++)
		assert_int_equal(alloc_of(&w, S + 3 + 13 * (uint64_t)i, 7, 13, &odd), OBJ_OK);
	for (int i = 0; i < 10; i++) {
		assert_true(bytes_are(&w, S + 3 + 13 * (uint64_t)i, 7, A_ALLOCATED, V_UNDEFINED));
		assert_true(bytes_are(&w, S + 10 + 13 * (uint64_t)i, 6, A_REDZONE, V_UNDEFINED));
	}
}

/* -------------------------------------------------------------- without memory */

/* However early memory ends: no report can come of it, and a later life of the slot is right. */
static void no_memory_leaves_unknown(void **state)
{
	struct obj_event event = {.pid = 3, .nstack = 1, .stack = {DEPOT_BASE + 1}};
	struct obj_alloc a = {.addr = {S}, .size = 20, .slot = 64, .event = &event};
	struct object obj;

	for (long n = 0; n < 8; n++) {
		enum obj_verdict made, allocated, freed;
		uint8_t states[64];

		calloc_left = n;
		made = objects_slab(w.o, GPA(S), P, &c64, true);
		allocated = objects_alloc(w.o, &a);
		assert_int_equal(made, n ? OBJ_OK : OBJ_NO_MEMORY);
		assert_true(allocated == OBJ_OK || (n && allocated == OBJ_NO_MEMORY));
		shadow_read_a(w.s, GPA(S), states, 20);
		for (int i = 0; i < 20; i++)
			assert_true(states[i] == A_UNTRACKED || states[i] == A_UNKNOWN ||
				    states[i] == A_ALLOCATED);
		freed = objects_free(w.o, GPA(S), &event, &obj);
		assert_true(freed == OBJ_OK || freed == OBJ_NO_MEMORY);
		calloc_left = -1;
		world_check(&w);
		assert_int_equal(objects_slab(w.o, GPA(S), P, &c64, true), OBJ_OK);
		assert_int_equal(objects_alloc(w.o, &a), OBJ_OK);
		assert_int_equal(objects_free(w.o, GPA(S), &event, &obj), OBJ_OK);
		assert_int_equal(objects_pages_gone(w.o, GPA(S), P), OBJ_OK);
	}
}

static void no_memory_for_a_large_object(void **state)
{
	struct obj_alloc a = {.addr = {S}, .size = 5000, .slot = 2 * P, .large = true};

	for (long n = 0; n < 2; n++) {
		calloc_left = n;
		assert_int_equal(objects_alloc(w.o, &a), OBJ_NO_MEMORY);
		calloc_left = -1;
		assert_false(shadow_tracked(w.s, GPA(S)));
		assert_int_equal(free_of(&w, S), OBJ_OK);
	}
	assert_int_equal(objects_alloc(w.o, &a), OBJ_OK);
}

static void traces_stay_below_their_limit(void **state)
{
	struct obj_event event = {.pid = 3, .nstack = 19}, kept;
	struct objects_stats stats;
	struct object obj;
	uint64_t first;

	/* 1 MiB of 8-byte objects, a trace each: without a limit 10 MiB of traces. */
	assert_int_equal(objects_slab(w.o, GPA(MIB), MIB, NULL, true), OBJ_OK);
	first = objects_bytes(w.o);
	for (uint64_t i = 0; i < MIB / 8; i++) {
		struct obj_alloc a = {.addr = {MIB + 8 * i}, .size = 8, .slot = 8, .event = &event};

		event.stack[3] = DEPOT_BASE + i;
		assert_int_equal(objects_alloc(w.o, &a), OBJ_OK);
	}
	objects_get_stats(w.o, &stats);
	assert_true(stats.traces > 1000 && stats.unrecorded_traces > 1000);
	assert_int_equal(stats.traces + stats.unrecorded_traces, MIB / 8);
	assert_true(objects_bytes(w.o) - first < WORLD_SIZE / 16 + MIB / 8 * 32 + 1);
	/* The last one has lost its trace, not what else is known of it. */
	assert_true(objects_find(w.o, GPA(2 * MIB - 8), &obj));
	assert_true(objects_event(w.o, &obj.allocated, &kept));
	assert_int_equal(kept.pid, 3);
	assert_int_equal(kept.nstack, 0);
	assert_int_equal(objects_live(w.o), MIB / 8);
}

/* ---------------------------------------------------------------------- random */

static uint64_t seed = 0x2545f4914f6cdd1dull;

static uint32_t rnd(uint32_t below)
{
	return (uint32_t)((random64_next(&seed) >> 32) % below);
}

static uint64_t wild_number(uint64_t usual)
{
	static const uint64_t numbers[] = {0,
					   1,
					   7,
					   P - 1,
					   P + 1,
					   WORLD_SIZE,
					   WORLD_SIZE - P,
					   UINT64_MAX,
					   UINT64_MAX - P + 1,
					   1ull << 63,
					   GUEST_RAM_HIGH,
					   64};

	return rnd(40) ? usual : numbers[rnd(COUNT(numbers))];
}

static const struct obj_cache *wild_cache(void)
{
	static const struct obj_cache *const caches[] = {&c64,	&odd, &tiny,	&huge,
							 &wild, &c64, &far_off, NULL};

	return caches[rnd(COUNT(caches))];
}

static void random_announcement(const struct obj_event *event)
{
	uint64_t page = wild_number(S + (uint64_t)rnd(32) * P);
	uint64_t addr = wild_number(page + rnd(64) * 64 + (rnd(4) ? 0 : rnd(64)));
	struct obj_alloc a = {.addr = {addr},
			      .size = wild_number(1 + rnd(64)),
			      .slot = wild_number(64),
			      .cache = rnd(3) ? NULL : wild_cache(),
			      .zeroed = rnd(2),
			      .large = !rnd(6),
			      .event = event};
	struct object obj;

	switch (rnd(8)) {
	case 0:
		objects_slab(w.o, GPA(page), wild_number(P * (1 + rnd(4))), wild_cache(), rnd(2));
		break;
	case 1:
		objects_pages_gone(w.o, GPA(page), wild_number(P * (1 + rnd(4))));
		break;
	case 2:
		objects_ksize(w.o, GPA(addr), false);
		break;
	case 3:
		objects_resize(w.o, GPA(addr), wild_number(1 + rnd(64)), rnd(2));
		break;
	case 4:
	case 5:
		objects_free(w.o, GPA(rnd(3) ? addr : page), event, &obj);
		break;
	default:
		if (a.large)
			a.addr.v = page;
		objects_alloc(w.o, &a);
	}
}

/* What the table says of a byte and what the shadow says agree. */
static void check_byte(uint64_t gpa)
{
	static const bool agree[][A_STATES] = {
		[OBJ_LIVE] = {[A_ALLOCATED] = true, [A_REDZONE] = true},
		[OBJ_FREED] = {[A_FREED] = true},
		[OBJ_UNKNOWN] = {[A_UNKNOWN] = true},
		[OBJ_UNALLOCATED] = {[A_UNALLOCATED] = true},
	};
	struct object obj;
	uint8_t a;

	shadow_read_a(w.s, GPA(gpa), &a, 1);
	if (!objects_find(w.o, GPA(gpa), &obj)) {
		assert_int_equal(a, A_UNTRACKED);
		return;
	}
	assert_true(obj.start.v <= gpa && gpa < obj.start.v + obj.slot);
	assert_true(obj.size <= obj.slot);
	assert_true(agree[obj.state][a]);
	if (obj.state == OBJ_LIVE)
		assert_int_equal(a == A_ALLOCATED, gpa - obj.start.v < obj.size);
}

static void random_announcements(void **state)
{
	struct obj_event event = {.pid = 1, .nstack = 255};

	for (uint32_t i = 0; i < 100000; i++) {
		random_announcement(&event);
		for (int n = 0; n < 4; n++)
			check_byte(S + rnd(36 * P));
		if (!(i % 1000))
			world_check(&w);
	}
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(impossible_slabs),
		WORLD_TEST(slab_over_the_hole),
		WORLD_TEST(impossible_objects),
		WORLD_TEST(slot_bigger_than_the_slab),
		WORLD_TEST(odd_slots_are_exact),
		WORLD_TEST(no_memory_leaves_unknown),
		WORLD_TEST(no_memory_for_a_large_object),
		WORLD_TEST(traces_stay_below_their_limit),
		WORLD_TEST(random_announcements),
	};

	return test_ram_missing()
		       ?: cmocka_run_group_tests_name("objects_hostile", tests, NULL, NULL);
}
