// SPDX-License-Identifier: GPL-2.0-only
/*
 * ept_objects.c: tests of ept/objects.c and region.c: what each announcement does to the table and
 * to the shadow. Nonsense and lack of memory: ept_objects_hostile.c.
 */
#include "ept_world.h"

#define S 0x10000ull /* where the slab lies */

static const struct obj_cache c64 = {.id = 1, .name = "c64", .object_size = 64, .slot_size = 64};
static const struct obj_cache c96 = {.id = 2, .name = "c96", .object_size = 80, .slot_size = 96};
static const struct obj_cache c_other = {.id = 3, .object_size = 32, .slot_size = 32};
static const struct obj_cache c_ctor = {.object_size = 64, .slot_size = 64, .constructor = true};
static const struct obj_cache c_rcu = {.object_size = 64, .slot_size = 64, .typesafe_by_rcu = true};
static const struct obj_cache c_red = {.object_size = 48, .slot_size = 96, .first = 16};
static const struct obj_cache c_blank = {.id = 9};

static struct world w;

static int begin(void **state)
{
	world_init(&w);
	return 0;
}

static int end(void **state)
{
	world_deinit(&w);
	return 0;
}

static void slab(const struct obj_cache *cache, bool fresh)
{
	assert_int_equal(objects_slab(w.o, GPA(S), P, cache, fresh), OBJ_OK);
}

static enum obj_state state_of(uint64_t addr)
{
	struct object obj;

	assert_true(objects_find(w.o, GPA(addr), &obj));
	return obj.state;
}

/* ----------------------------------------------------------------------- slabs */

static void fresh_slab_is_unallocated(void **state)
{
	slab(&c96, true);
	assert_true(bytes_are(&w, S, P, A_UNALLOCATED, V_UNDEFINED));
	assert_int_equal(state_of(S + 95), OBJ_UNALLOCATED);
	assert_int_equal(w.tracks, 1);
	assert_int_equal(w.hidden[S / P], 1);
	assert_false(objects_find(w.o, GPA(S + P), &(struct object){0}));
}

static void adopted_slab_is_unknown(void **state)
{
	slab(&c96, false);
	assert_true(bytes_are(&w, S, P, A_UNKNOWN, V_DEFINED));
	assert_int_equal(state_of(S), OBJ_UNKNOWN);
}

static void constructed_slab_is_defined(void **state)
{
	slab(&c_ctor, true);
	assert_true(bytes_are(&w, S, P, A_UNALLOCATED, V_DEFINED));
}

static void second_announcement_changes_nothing(void **state)
{
	struct object obj;

	slab(NULL, true);
	assert_true(objects_find(w.o, GPA(S), &obj));
	assert_null(obj.cache);
	slab(&c64, true);
	assert_int_equal(alloc_of(&w, S + 64, 60, 64, NULL), OBJ_OK);
	slab(&c64, true);
	slab(NULL, false);
	assert_true(objects_find(w.o, GPA(S + 100), &obj));
	assert_ptr_equal(obj.cache, &c64);
	assert_int_equal(obj.state, OBJ_LIVE);
	assert_int_equal(w.tracks, 1);
	assert_int_equal(w.untracks, 0);
}

static void other_cache_replaces_the_slab(void **state)
{
	slab(&c64, true);
	assert_int_equal(alloc_of(&w, S, 64, 64, &c64), OBJ_OK);
	slab(&c_other, true);
	assert_int_equal(w.untracks, 1);
	assert_int_equal(w.tracks, 2);
	assert_true(bytes_are(&w, S, P, A_UNALLOCATED, V_UNDEFINED));
	assert_int_equal(objects_live(w.o), 0);
	assert_int_equal(objects_missed_frees(w.o), 1);
}

/* A slab given back and made anew unnoticed: the object says so. */
static void object_of_another_cache_replaces_the_slab(void **state)
{
	struct objects_stats stats;

	slab(&c64, true);
	objects_get_stats(w.o, &stats);
	assert_int_equal(stats.remade, 0);
	assert_int_equal(alloc_of(&w, S + 32, 20, 32, &c_other), OBJ_OK);
	objects_get_stats(w.o, &stats);
	assert_int_equal(stats.remade, 1);
	assert_int_equal(state_of(S + 32), OBJ_LIVE);
	assert_int_equal(state_of(S), OBJ_UNKNOWN);
	assert_true(bytes_are(&w, S, 32, A_UNKNOWN, V_DEFINED));
	assert_true(bytes_are(&w, S + 32, 20, A_ALLOCATED, V_UNDEFINED));
}

static void overlapping_slab_ends_the_old_ones(void **state)
{
	assert_int_equal(objects_slab(w.o, GPA(S), 2 * P, &c64, true), OBJ_OK);
	assert_int_equal(objects_slab(w.o, GPA(S + 2 * P), 2 * P, &c64, true), OBJ_OK);
	assert_int_equal(objects_slab(w.o, GPA(S + P), 2 * P, &c96, true), OBJ_OK);
	assert_int_equal(w.hidden[S / P], 0);
	assert_int_equal(w.hidden[S / P + 1], 1);
	assert_int_equal(w.hidden[S / P + 2], 1);
	assert_int_equal(w.hidden[S / P + 3], 0);
	assert_false(objects_find(w.o, GPA(S), &(struct object){0}));
}

static void cache_without_a_size_learns_it_from_the_object(void **state)
{
	slab(&c_blank, true);
	assert_int_equal(free_of(&w, S + 64), OBJ_OK); /* slots unknown: silent */
	assert_int_equal(state_of(S + 64), OBJ_UNALLOCATED);
	assert_int_equal(alloc_of(&w, S + 192, 100, 192, &c_blank), OBJ_OK);
	assert_true(bytes_are(&w, S + 192, 100, A_ALLOCATED, V_UNDEFINED));
	assert_true(bytes_are(&w, S + 292, 92, A_REDZONE, V_UNDEFINED));
	assert_int_equal(state_of(S + 383), OBJ_LIVE);
	assert_int_equal(state_of(S + 384), OBJ_UNALLOCATED);
}

static void late_cache_corrects_a_wrong_guess(void **state)
{
	slab(NULL, true);
	assert_int_equal(alloc_of(&w, S, 30, 64, NULL), OBJ_OK);
	slab(&c96, true);
	assert_int_equal(state_of(S), OBJ_UNKNOWN);
	assert_int_equal(alloc_of(&w, S + 96, 80, 96, &c96), OBJ_OK);
}

/* --------------------------------------------------------------------- objects */

static void redzone_follows_the_requested_size(void **state)
{
	slab(&c96, true);
	assert_int_equal(alloc_of(&w, S + 96, 77, 96, &c96), OBJ_OK);
	assert_true(bytes_are(&w, S, 96, A_UNALLOCATED, V_UNDEFINED));
	assert_true(bytes_are(&w, S + 96, 77, A_ALLOCATED, V_UNDEFINED));
	assert_true(bytes_are(&w, S + 96 + 77, 19, A_REDZONE, V_UNDEFINED));
	assert_true(bytes_are(&w, S + 192, 96, A_UNALLOCATED, V_UNDEFINED));
	assert_int_equal(objects_live(w.o), 1);
}

static void slots_begin_at_the_caches_first(void **state)
{
	struct object obj;

	slab(&c_red, true);
	assert_int_equal(alloc_of(&w, S + 16 + 96, 48, 96, &c_red), OBJ_OK);
	assert_true(bytes_are(&w, S + 112, 48, A_ALLOCATED, V_UNDEFINED));
	assert_true(objects_find(w.o, GPA(S + 15), &obj));
	assert_int_equal(obj.start.v, S);
	assert_int_equal(obj.size, 0);
	assert_int_equal(obj.slot, 16);
	assert_int_equal(obj.state, OBJ_UNALLOCATED);
	assert_true(objects_find(w.o, GPA(S + P - 1), &obj));
	assert_int_equal(obj.start.v, S + 16 + 42 * 96);
	assert_int_equal(obj.slot, P - 16 - 42 * 96);
	assert_int_equal(free_of(&w, S + P - 1), OBJ_INVALID_FREE);
}

/* V bits of an allocated object: by cache, by what the slot was before, zeroed or not. */
enum before { FRESH, ADOPTED, USED, RELEASED };
static const struct {
	const struct obj_cache *cache;
	enum before before;
	bool zeroed;
	uint8_t v;
} contents[] = {
	{&c64, FRESH, false, V_UNDEFINED},    {&c64, FRESH, true, V_DEFINED},
	{&c64, ADOPTED, false, V_UNDEFINED},  {&c64, ADOPTED, true, V_DEFINED},
	{&c64, USED, false, V_UNDEFINED},     {&c64, USED, true, V_DEFINED},
	{&c64, RELEASED, false, V_UNDEFINED}, {&c64, RELEASED, true, V_DEFINED},
	{&c_ctor, FRESH, false, V_DEFINED},   {&c_ctor, ADOPTED, false, V_DEFINED},
	{&c_ctor, USED, false, V_DEFINED},    {&c_ctor, RELEASED, false, V_DEFINED},
	{&c_rcu, FRESH, false, V_UNDEFINED},  {&c_rcu, FRESH, true, V_DEFINED},
	{&c_rcu, ADOPTED, false, V_DEFINED},  {&c_rcu, USED, false, V_DEFINED},
	{&c_rcu, RELEASED, false, V_DEFINED}, {&c_rcu, RELEASED, true, V_DEFINED},
};

static void contents_of_a_new_object(void **state)
{
	for (size_t i = 0; i < COUNT(contents); i++) {
		const struct obj_cache *cache = contents[i].cache;
		struct obj_alloc a = {.addr = {S + 64},
				      .size = 64,
				      .slot = 64,
				      .cache = cache,
				      .zeroed = contents[i].zeroed};

		slab(cache, contents[i].before == FRESH);
		shadow_set_v(w.s, GPA(S + 96), 8, V_DEFINED); /* the allocator's free pointer */
		if (contents[i].before >= USED) {
			assert_int_equal(alloc_of(&w, S + 64, 64, 64, cache), OBJ_OK);
			shadow_set_v(w.s, GPA(S + 64), 64, V_DEFINED); /* the owner's stores */
		}
		if (contents[i].before == RELEASED)
			assert_int_equal(free_of(&w, S + 64), OBJ_OK);
		assert_int_equal(objects_alloc(w.o, &a), OBJ_OK);
		if (!bytes_are(&w, S + 64, 64, A_ALLOCATED, contents[i].v))
			fail_msg("contents[%zu]", i);
		assert_int_equal(objects_pages_gone(w.o, GPA(S), P), OBJ_OK);
	}
}

/* A typesafe object that was never written to keeps its undefined bytes over a free. */
static void typesafe_content_survives_as_it_was(void **state)
{
	slab(&c_rcu, true);
	alloc_of(&w, S, 64, 64, &c_rcu);
	shadow_set_v(w.s, GPA(S), 10, V_DEFINED);
	free_of(&w, S);
	assert_true(bytes_are(&w, S, 10, A_FREED, V_DEFINED));
	alloc_of(&w, S, 64, 64, &c_rcu);
	assert_true(bytes_are(&w, S, 10, A_ALLOCATED, V_DEFINED));
	assert_true(bytes_are(&w, S + 10, 54, A_ALLOCATED, V_UNDEFINED));
}

static void freed_slot_is_freed_to_its_end(void **state)
{
	slab(&c96, true);
	alloc_of(&w, S, 50, 96, &c96);
	shadow_set_v(w.s, GPA(S), 50, V_DEFINED);
	assert_int_equal(free_of(&w, S), OBJ_OK);
	assert_true(bytes_are(&w, S, 96, A_FREED, V_UNDEFINED));
	assert_true(bytes_are(&w, S + 96, 96, A_UNALLOCATED, V_UNDEFINED));
	assert_int_equal(objects_live(w.o), 0);
}

static void missed_free_is_counted_and_silent(void **state)
{
	slab(&c96, true);
	alloc_of(&w, S, 96, 96, &c96);
	assert_int_equal(alloc_of(&w, S, 40, 96, &c96), OBJ_OK);
	assert_true(bytes_are(&w, S, 40, A_ALLOCATED, V_UNDEFINED));
	assert_true(bytes_are(&w, S + 40, 56, A_REDZONE, V_UNDEFINED));
	assert_int_equal(objects_missed_frees(w.o), 1);
	assert_int_equal(objects_live(w.o), 1);
}

static void size_left_out_is_the_caches(void **state)
{
	slab(&c96, true);
	assert_int_equal(alloc_of(&w, S, 0, 0, &c96), OBJ_OK);
	assert_true(bytes_are(&w, S, 80, A_ALLOCATED, V_UNDEFINED));
	assert_true(bytes_are(&w, S + 80, 16, A_REDZONE, V_UNDEFINED));
}

/* ----------------------------------------------------------------------- frees */

/* S: live 50 of 96 bytes; S+96: freed; S+192: never handed out; S+42*96: slack of the page. */
static const struct {
	uint64_t addr;
	enum obj_verdict fresh, adopted;
} frees[] = {
	{S + 1, OBJ_INVALID_FREE, OBJ_INVALID_FREE},
	{S + 49, OBJ_INVALID_FREE, OBJ_INVALID_FREE},
	{S + 50, OBJ_INVALID_FREE, OBJ_INVALID_FREE}, /* redzone */
	{S + 95, OBJ_INVALID_FREE, OBJ_INVALID_FREE},
	{S + 96, OBJ_DOUBLE_FREE, OBJ_DOUBLE_FREE},
	{S + 97, OBJ_INVALID_FREE, OBJ_INVALID_FREE},
	{S + 193, OBJ_INVALID_FREE, OBJ_OK},
	{S + 192, OBJ_INVALID_FREE, OBJ_OK},
	{S + 42 * 96, OBJ_INVALID_FREE, OBJ_OK},
	{S + P, OBJ_OK, OBJ_OK}, /* no page of ours */
	{WORLD_SIZE, OBJ_OK, OBJ_OK},
	{UINT64_MAX, OBJ_OK, OBJ_OK},
	{S, OBJ_OK, OBJ_OK},
};

static void frees_right_and_wrong(void **state)
{
	static uint8_t before[P], after[P];

	for (int fresh = 0; fresh < 2; fresh++) {
		slab(&c96, fresh);
		alloc_of(&w, S, 50, 96, &c96);
		alloc_of(&w, S + 96, 50, 96, &c96);
		assert_int_equal(free_of(&w, S + 96), OBJ_OK);
		for (size_t i = 0; i < COUNT(frees); i++) {
			enum obj_verdict want = fresh ? frees[i].fresh : frees[i].adopted;

			shadow_read_a(w.s, GPA(S), before, P);
			if (free_of(&w, frees[i].addr) != want)
				fail_msg("frees[%zu], fresh %d", i, fresh);
			shadow_read_a(w.s, GPA(S), after, P);
			if (want != OBJ_OK)
				assert_memory_equal(before, after, P);
		}
		assert_int_equal(state_of(S), OBJ_FREED);
		assert_int_equal(free_of(&w, S), OBJ_DOUBLE_FREE);
		objects_pages_gone(w.o, GPA(S), P);
	}
}

static void free_of_an_unknown_object_makes_it_known(void **state)
{
	slab(&c96, false);
	assert_int_equal(free_of(&w, S + 96), OBJ_OK);
	assert_true(bytes_are(&w, S + 96, 96, A_FREED, V_UNDEFINED));
	assert_true(bytes_are(&w, S, 96, A_UNKNOWN, V_DEFINED));
	assert_int_equal(free_of(&w, S + 96), OBJ_DOUBLE_FREE);
	assert_int_equal(alloc_of(&w, S + 96, 80, 96, &c96), OBJ_OK);
	assert_int_equal(free_of(&w, S + 96), OBJ_OK);
}

static void bad_free_describes_the_object(void **state)
{
	struct object obj;

	slab(&c96, true);
	alloc_of(&w, S + 96, 50, 96, &c96);
	assert_int_equal(objects_free(w.o, GPA(S + 104), NULL, &obj), OBJ_INVALID_FREE);
	assert_int_equal(obj.start.v, S + 96);
	assert_int_equal(obj.size, 50);
	assert_int_equal(obj.slot, 96);
	assert_int_equal(obj.state, OBJ_LIVE);
	assert_ptr_equal(obj.cache, &c96);
	assert_false(obj.large);
}

static void events_are_kept_and_dropped(void **state)
{
	struct obj_event made = {.time = 1000, .pid = 7, .comm = "maker", .nstack = 2,
				 .stack = {DEPOT_BASE + 5, 6}};
	struct obj_event gone = {.time = 2999, .pid = 8, .comm = "breaker", .nstack = 200}, kept;
	struct obj_alloc a = {.addr = {S}, .size = 64, .slot = 64, .event = &made};
	struct object obj;
	uint64_t bytes;

	slab(&c64, true);
	objects_alloc(w.o, &a);
	made.pid = 0; /* the table has its own copy */
	memset(gone.comm, 'x', sizeof(gone.comm));
	assert_int_equal(objects_free(w.o, GPA(S), &gone, &obj), OBJ_OK);
	assert_int_equal(objects_free(w.o, GPA(S), &gone, &obj), OBJ_DOUBLE_FREE);
	assert_true(objects_event(w.o, &obj.allocated, &kept));
	assert_int_equal(kept.time, 1000);
	assert_int_equal(kept.pid, 7);
	assert_string_equal(kept.comm, "maker");
	assert_int_equal(kept.nstack, 2);
	assert_int_equal(kept.stack[0], DEPOT_BASE + 5);
	assert_int_equal(kept.stack[1], 0); /* no kernel code lies there */
	assert_true(objects_event(w.o, &obj.freed, &kept));
	assert_int_equal(kept.time, 2000);
	assert_int_equal(kept.nstack, 19);
	assert_int_equal(strlen(kept.comm), 16);

	bytes = objects_bytes(w.o);
	objects_alloc(w.o, &a);
	assert_true(objects_find(w.o, GPA(S), &obj));
	assert_false(objects_event(w.o, &obj.freed, &kept));
	assert_true(objects_event(w.o, &obj.allocated, &kept));
	assert_int_equal(kept.pid, 0);
	assert_int_equal(objects_bytes(w.o), bytes);
	objects_pages_gone(w.o, GPA(S), P);
	assert_true(objects_bytes(w.o) < bytes);
}

/* What is shown stays known; a large object that is freed and gone does not, until it is found again. */
static void known_bytes(void **state)
{
	const struct obj_alloc large = {.addr = {S + 8 * P}, .size = 3 * P, .slot = 4 * P, .large = true};
	struct object obj;
	uint64_t before = objects_known_bytes(w.o);

	assert_int_equal(objects_slab(w.o, GPA(S), 2 * P, NULL, true), OBJ_OK);
	assert_int_equal(objects_known_bytes(w.o), before + 2 * P);
	objects_unwatch(w.o, GPA(S), P);
	assert_int_equal(objects_known_bytes(w.o), before + 2 * P);
	assert_int_equal(objects_alloc(w.o, &large), OBJ_OK);
	assert_int_equal(objects_known_bytes(w.o), before + 6 * P);
	assert_int_equal(objects_free(w.o, GPA(S + 8 * P), NULL, &obj), OBJ_OK);
	assert_int_equal(objects_known_bytes(w.o), before + 6 * P);
	objects_pages_gone(w.o, GPA(S + 8 * P), 4 * P);
	assert_int_equal(objects_known_bytes(w.o), before + 2 * P);
	objects_pages_gone(w.o, GPA(S), 2 * P);
	assert_int_equal(objects_known_bytes(w.o), before);
	objects_forget_all(w.o);
	assert_int_equal(objects_known_bytes(w.o), 0);
}

/* As large as an event's numbers become: 128 CPUs, 2^22 tasks, 200 days, objects of 8 MiB. */
static void large_numbers(void **state)
{
	enum { LARGEST = 8 * MIB };
	struct obj_event made = {
		.time = 200ull * 86400 * 1000000000, .pid = (1u << 22) - 1, .cpu = 127};
	struct obj_event gone = {.time = made.time + 1000, .pid = made.pid - 1, .cpu = 126}, kept;
	struct obj_alloc a = {
		.addr = {0}, .size = LARGEST, .slot = LARGEST, .large = true, .event = &made};
	struct object obj;

	assert_int_equal(objects_alloc(w.o, &a), OBJ_OK);
	assert_int_equal(objects_free(w.o, GPA(0), &gone, &obj), OBJ_OK);
	assert_true(objects_find(w.o, GPA(0), &obj));
	assert_int_equal(obj.size, LARGEST);
	assert_int_equal(obj.state, OBJ_FREED);
	assert_true(objects_event(w.o, &obj.allocated, &kept));
	assert_int_equal(kept.time, made.time);
	assert_int_equal(kept.pid, made.pid);
	assert_int_equal(kept.cpu, 127);
	assert_true(objects_event(w.o, &obj.freed, &kept));
	assert_int_equal(kept.time, gone.time);
	assert_int_equal(kept.pid, gone.pid);
	assert_int_equal(kept.cpu, 126);
}

/* --------------------------------------------------------- ksize, krealloc */

static void ksize_gives_the_slot_to_its_owner(void **state)
{
	slab(&c96, true);
	alloc_of(&w, S, 50, 96, &c96);
	shadow_set_v(w.s, GPA(S), 50, V_DEFINED);
	assert_int_equal(objects_ksize(w.o, GPA(S), false), OBJ_OK);
	assert_true(bytes_are(&w, S, 50, A_ALLOCATED, V_DEFINED));
	assert_true(bytes_are(&w, S + 50, 46, A_ALLOCATED, V_UNDEFINED));
	assert_int_equal(objects_ksize(w.o, GPA(S + 1), false), OBJ_OK);
	assert_int_equal(objects_ksize(w.o, GPA(S + 96), false), OBJ_OK);
	assert_true(bytes_are(&w, S + 96, 96, A_UNALLOCATED, V_UNDEFINED));
}

static void ksize_of_a_zeroed_object(void **state)
{
	struct obj_alloc a = {.addr = {S}, .size = 50, .slot = 96, .zeroed = true};

	slab(&c96, true);
	objects_alloc(w.o, &a);
	objects_ksize(w.o, GPA(S), false);
	assert_true(bytes_are(&w, S, 96, A_ALLOCATED, V_DEFINED));
}

static void resize_moves_the_redzone(void **state)
{
	struct object obj;

	slab(&c96, true);
	alloc_of(&w, S, 50, 96, &c96);
	shadow_set_v(w.s, GPA(S), 50, V_DEFINED);
	assert_int_equal(objects_resize(w.o, GPA(S), 20, false), OBJ_OK);
	assert_true(bytes_are(&w, S, 20, A_ALLOCATED, V_DEFINED));
	assert_true(bytes_are(&w, S + 20, 76, A_REDZONE, V_UNDEFINED));
	assert_int_equal(objects_resize(w.o, GPA(S), 70, true), OBJ_OK);
	assert_true(bytes_are(&w, S, 70, A_ALLOCATED, V_DEFINED));
	assert_int_equal(objects_resize(w.o, GPA(S), 96, false), OBJ_OK);
	assert_true(bytes_are(&w, S + 70, 26, A_ALLOCATED, V_UNDEFINED));
	assert_true(objects_find(w.o, GPA(S), &obj));
	assert_int_equal(obj.size, 96);
	assert_int_equal(objects_resize(w.o, GPA(S), 97, false), OBJ_HOSTILE);
	assert_int_equal(objects_resize(w.o, GPA(S), 0, false), OBJ_HOSTILE);
	assert_int_equal(objects_resize(w.o, GPA(S + 96), 10, false), OBJ_OK);
	assert_int_equal(objects_resize(w.o, GPA(UINT64_MAX), 10, false), OBJ_OK);
}

/* ---------------------------------------------------------------- pages leaving */

static void pages_gone_end_whole_slabs(void **state)
{
	assert_int_equal(objects_slab(w.o, GPA(S), 4 * P, &c64, true), OBJ_OK);
	assert_int_equal(objects_slab(w.o, GPA(S + 4 * P), P, &c64, true), OBJ_OK);
	assert_int_equal(objects_slab(w.o, GPA(S + 8 * P), P, &c64, true), OBJ_OK);
	alloc_of(&w, S, 64, 64, &c64);
	/* A part of the first, the second, nothing, and not the third. */
	assert_int_equal(objects_pages_gone(w.o, GPA(S + 3 * P), 5 * P), OBJ_OK);
	for (int i = 0; i < 9; i++)
		assert_int_equal(w.hidden[S / P + i], i == 8);
	assert_int_equal(w.untracks, 2);
	assert_int_equal(objects_live(w.o), 0);
	assert_int_equal(objects_missed_frees(w.o), 1);
	assert_int_equal(objects_pages_gone(w.o, GPA(S), P), OBJ_OK);
	assert_int_equal(w.untracks, 2);
	assert_int_equal(free_of(&w, S), OBJ_OK);
}

/* --------------------------------------------------------------- large objects */

static void large(uint64_t addr, uint64_t size, uint64_t slot)
{
	struct obj_alloc a = {.addr = {addr}, .size = size, .slot = slot, .large = true};

	assert_int_equal(objects_alloc(w.o, &a), OBJ_OK);
}

static void large_object_lives_and_dies(void **state)
{
	struct object obj;

	large(S, 9000, 4 * P);
	assert_true(bytes_are(&w, S, 9000, A_ALLOCATED, V_UNDEFINED));
	assert_true(bytes_are(&w, S + 9000, 4 * P - 9000, A_REDZONE, V_UNDEFINED));
	assert_int_equal(w.hidden[S / P + 3], 1);
	assert_true(objects_find(w.o, GPA(S + 10000), &obj));
	assert_true(obj.large);
	assert_int_equal(obj.size, 9000);
	assert_int_equal(free_of(&w, S + 8), OBJ_INVALID_FREE);
	assert_int_equal(free_of(&w, S), OBJ_OK);
	assert_true(bytes_are(&w, S, 4 * P, A_FREED, V_UNDEFINED));
	assert_int_equal(free_of(&w, S), OBJ_DOUBLE_FREE);
}

static void freed_large_object_is_remembered(void **state)
{
	struct object obj;

	large(S, 9000, 4 * P);
	free_of(&w, S);
	assert_int_equal(objects_pages_gone(w.o, GPA(S), 4 * P), OBJ_OK);
	assert_int_equal(w.hidden[S / P], 0);
	assert_int_equal(w.untracks, 1);
	assert_false(objects_find(w.o, GPA(S), &obj));
	assert_int_equal(objects_free(w.o, GPA(S), NULL, &obj), OBJ_DOUBLE_FREE);
	assert_int_equal(obj.size, 9000);
	assert_true(obj.large);
	assert_int_equal(free_of(&w, S + P), OBJ_OK); /* another owner's */
	assert_int_equal(objects_pages_gone(w.o, GPA(S), 4 * P), OBJ_OK);
	assert_int_equal(objects_ksize(w.o, GPA(S), false), OBJ_OK);
	assert_int_equal(free_of(&w, S), OBJ_DOUBLE_FREE);
	/* A slab in one of its pages: they belong to others now. */
	assert_int_equal(objects_slab(w.o, GPA(S + P), P, &c64, true), OBJ_OK);
	assert_int_equal(free_of(&w, S), OBJ_OK);
	assert_int_equal(w.untracks, 1);
}

static void large_object_in_the_pages_of_a_freed_one(void **state)
{
	large(S, 9000, 4 * P);
	free_of(&w, S);
	objects_pages_gone(w.o, GPA(S), 4 * P);
	large(S, 100, P);
	assert_int_equal(free_of(&w, S), OBJ_OK);
	assert_int_equal(free_of(&w, S), OBJ_DOUBLE_FREE);
	assert_int_equal(objects_missed_frees(w.o), 0);
}

/* They were handed out again: a free there is another object's. */
static void unwatched_slab_in_the_pages_of_a_freed_one(void **state)
{
	large(S, 9000, 4 * P);
	free_of(&w, S);
	objects_pages_gone(w.o, GPA(S), 4 * P);
	assert_int_equal(objects_unwatched_slab(w.o, GPA(S), 8 * P), OBJ_OK);
	assert_int_equal(free_of(&w, S), OBJ_OK);
	assert_int_equal(objects_unwatched_slab(w.o, GPA(S + 1), P), OBJ_HOSTILE);
}

static void live_large_object_whose_pages_leave(void **state)
{
	large(S, 9000, 4 * P);
	objects_pages_gone(w.o, GPA(S + 2 * P), P);
	assert_int_equal(objects_missed_frees(w.o), 1);
	assert_int_equal(free_of(&w, S), OBJ_OK);
	assert_int_equal(w.hidden[S / P], 0);
}

static void large_object_is_resized(void **state)
{
	large(S, 9000, 3 * P);
	assert_int_equal(objects_resize(w.o, GPA(S), 12000, true), OBJ_OK);
	assert_true(bytes_are(&w, S + 9000, 3000, A_ALLOCATED, V_DEFINED));
	assert_int_equal(objects_ksize(w.o, GPA(S), false), OBJ_OK);
	assert_true(bytes_are(&w, S + 12000, 288, A_ALLOCATED, V_UNDEFINED));
}

struct seen {
	uint64_t addr[8], size[8];
	unsigned n, limit;
};

static bool see(void *ctx, const struct object *obj)
{
	struct seen *seen = ctx;

	assert_int_equal(obj->state, OBJ_LIVE);
	seen->addr[seen->n] = obj->start.v;
	seen->size[seen->n++] = obj->size;
	return seen->n < seen->limit;
}

/* Neither freed, unknown nor unallocated ones; a large one once; those of a gone one not. */
static void live_objects_are_enumerated(void **state)
{
	const uint64_t addr[] = {S, S + 128, S + 4 * P}, size[] = {60, 64, 9000};
	struct seen seen = {.limit = 8}, first = {.limit = 1};

	slab(&c64, true);
	assert_int_equal(alloc_of(&w, S, 60, 64, NULL), OBJ_OK);
	assert_int_equal(alloc_of(&w, S + 64, 64, 64, NULL), OBJ_OK);
	assert_int_equal(alloc_of(&w, S + 128, 64, 64, NULL), OBJ_OK);
	free_of(&w, S + 64);
	assert_int_equal(objects_slab(w.o, GPA(S + P), P, &c96, false), OBJ_OK);
	large(S + 4 * P, 9000, 4 * P);
	large(S + 8 * P, 9000, 4 * P);
	free_of(&w, S + 8 * P);
	objects_pages_gone(w.o, GPA(S + 8 * P), 4 * P);
	objects_each_live(w.o, see, &seen);
	assert_int_equal(seen.n, 3);
	assert_memory_equal(seen.addr, addr, sizeof(addr));
	assert_memory_equal(seen.size, size, sizeof(size));
	objects_each_live(w.o, see, &first);
	assert_int_equal(first.n, 1);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(fresh_slab_is_unallocated),
		WORLD_TEST(adopted_slab_is_unknown),
		WORLD_TEST(constructed_slab_is_defined),
		WORLD_TEST(second_announcement_changes_nothing),
		WORLD_TEST(other_cache_replaces_the_slab),
		WORLD_TEST(object_of_another_cache_replaces_the_slab),
		WORLD_TEST(overlapping_slab_ends_the_old_ones),
		WORLD_TEST(cache_without_a_size_learns_it_from_the_object),
		WORLD_TEST(late_cache_corrects_a_wrong_guess),
		WORLD_TEST(redzone_follows_the_requested_size),
		WORLD_TEST(slots_begin_at_the_caches_first),
		WORLD_TEST(contents_of_a_new_object),
		WORLD_TEST(typesafe_content_survives_as_it_was),
		WORLD_TEST(freed_slot_is_freed_to_its_end),
		WORLD_TEST(missed_free_is_counted_and_silent),
		WORLD_TEST(size_left_out_is_the_caches),
		WORLD_TEST(frees_right_and_wrong),
		WORLD_TEST(free_of_an_unknown_object_makes_it_known),
		WORLD_TEST(bad_free_describes_the_object),
		WORLD_TEST(events_are_kept_and_dropped),
		WORLD_TEST(known_bytes),
		WORLD_TEST(large_numbers),
		WORLD_TEST(ksize_gives_the_slot_to_its_owner),
		WORLD_TEST(ksize_of_a_zeroed_object),
		WORLD_TEST(resize_moves_the_redzone),
		WORLD_TEST(pages_gone_end_whole_slabs),
		WORLD_TEST(large_object_lives_and_dies),
		WORLD_TEST(freed_large_object_is_remembered),
		WORLD_TEST(large_object_in_the_pages_of_a_freed_one),
		WORLD_TEST(unwatched_slab_in_the_pages_of_a_freed_one),
		WORLD_TEST(live_large_object_whose_pages_leave),
		WORLD_TEST(large_object_is_resized),
		WORLD_TEST(live_objects_are_enumerated),
	};

	return test_ram_missing() ?: cmocka_run_group_tests_name("objects", tests, NULL, NULL);
}
