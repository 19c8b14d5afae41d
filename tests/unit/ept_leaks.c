// SPDX-License-Identifier: GPL-2.0-only
/* ept_leaks.c: what counts as a pointer to an object, what as a root, and how leaks are grouped. */
#include "ept_world.h"
#include "leaks.h"

#define DIRECT 0xffff888000000000ull /* gva of gpa 0 */
#define SLAB   (2 * MIB)	     /* of 64-byte slots, one page */
#define OLD    (3 * MIB)	     /* the same, adopted: older than the tracking */
#define ROOT   (1 * MIB)
#define FREE   (5 * MIB)	     /* a page that is no root */
#define STACK  (6 * MIB)	     /* its first 1024 bytes are left over */

static const struct obj_cache c64 = {.id = 64, .name = "c64", .object_size = 64, .slot_size = 64};
static struct world w;

struct leak {
	uint64_t start, indirect_objects, indirect_bytes;
};

static uint64_t newest; /* of the next search */
static struct leaks_range unused[8];
static size_t nunused;

static struct {
	struct leak leak[64];
	unsigned n;
	struct leaks_stats stats;
} got;

static uint32_t dead(void *ctx, gpa_t page)
{
	return page.v == FREE ? GUEST_PAGE : page.v == STACK ? 1024 : 0;
}

static void found(void *ctx, const struct object *object, uint64_t objects, uint64_t bytes)
{
	assert_true(got.n < 64);
	got.leak[got.n++] = (struct leak){object->start.v, objects, bytes};
}

static void search(const uint64_t *words, size_t n)
{
	struct leaks_config config = {.direct_map = DIRECT,
				      .newest = newest,
				      .words = words,
				      .nwords = n,
				      .dead = dead,
				      .unused = unused,
				      .nunused = nunused,
				      .found = found};

	got.n = 0;
	assert_int_equal(leaks_find(w.o, &config, &got.stats), 0);
}

static uint64_t slot(unsigned i)
{
	return SLAB + 64 * i;
}

static void make(uint64_t gpa, uint64_t size)
{
	static const struct obj_event event = {.pid = 1, .time = 5000000};
	struct obj_alloc a = {.addr = {gpa}, .size = size, .slot = 64, .cache = &c64,
			      .event = &event};

	assert_int_equal(objects_alloc(w.o, &a), OBJ_OK);
}

/* Writes a pointer to gpa `to` at gpa `at`. */
static void point(uint64_t at, uint64_t to)
{
	uint64_t value = DIRECT + to;

	memcpy(guest_ram_at(w.ram, GPA(at), 8), &value, 8);
	shadow_set_v(w.s, GPA(at), 8, V_DEFINED);
}

static int begin(void **state)
{
	newest = UINT64_MAX;
	nunused = 0;
	world_init(&w);
	assert_int_equal(objects_slab(w.o, GPA(SLAB), P, &c64, true), OBJ_OK);
	assert_int_equal(objects_slab(w.o, GPA(OLD), P, &c64, false), OBJ_OK);
	return 0;
}

static int end(void **state)
{
	world_deinit(&w);
	return 0;
}

static bool leaked(uint64_t gpa)
{
	for (unsigned i = 0; i < got.n; i++)
		if (got.leak[i].start == gpa)
			return true;
	return false;
}

/* One object, and one word somewhere. */
static void what_counts_as_a_pointer(void **state)
{
	static const struct {
		uint64_t at, to;
		bool counts;
	} cases[] = {
		{ROOT, SLAB + 64, true},
		{ROOT + 8, SLAB + 64 + 1, true},   /* low bits used as a flag */
		{ROOT + 8, SLAB + 64 + 39, true},  /* into it */
		{ROOT + 8, SLAB + 64 + 63, true},  /* the slack belongs to its owner */
		{ROOT + 8, SLAB + 128, false},	   /* the next slot */
		{ROOT + 8, SLAB + 63, false},
		{ROOT + P - 8, SLAB + 64, true},
		{ROOT + 4, SLAB + 64, false},	   /* not aligned */
		{FREE, SLAB + 64, false},
		{STACK, SLAB + 64, false},
		{STACK + 1016, SLAB + 64, false},
		{STACK + 1024, SLAB + 64, true},
		{STACK + 4088, SLAB + 64, true},
		{SLAB + 256, SLAB + 64, false},	   /* a slot that nobody owns */
		{SLAB + 64, SLAB + 64, false},	   /* itself */
		{OLD + 72, SLAB + 64, true},
		{0, SLAB + 64, true},
		{WORLD_SIZE - 8, SLAB + 64, true},
	};

	make(SLAB + 64, 40);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		point(cases[i].at, cases[i].to);
		search(NULL, 0);
		if (leaked(SLAB + 64) == cases[i].counts)
			fail_msg("case %zu", i);
		memset(guest_ram_at(w.ram, GPA(cases[i].at), 8), 0, 8);
	}
	search(NULL, 0);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.stats.objects, 1);
	assert_int_equal(got.stats.bytes, 40);
	assert_int_equal(got.stats.lost_bytes, 40);
}

static void registers_are_roots(void **state)
{
	uint64_t words[3] = {0, DIRECT + SLAB + 8, ~0ull};

	make(SLAB, 64);
	search(words, 3);
	assert_int_equal(got.n, 0);
	search(words, 1);
	assert_int_equal(got.n, 1);
}

static void freed_objects_hold_nothing(void **state)
{
	make(slot(0), 64);
	make(slot(1), 64);
	point(slot(0), slot(1));
	point(ROOT, slot(0));
	search(NULL, 0);
	assert_int_equal(got.n, 0);
	free_of(&w, slot(0));
	search(NULL, 0);
	assert_true(got.n == 1 && leaked(slot(1)));
}

/* Of a page without objects, and of slots of which no allocation was seen; not of an object. */
static void unused_ranges_hold_nothing(void **state)
{
	static const struct {
		uint64_t at;
		bool counts;
	} cases[] = {
		{ROOT, true}, {ROOT + 8, false}, {ROOT + 24, false}, {ROOT + 32, true}, {ROOT + 64, false},
		{ROOT + 72, true}, {ROOT + P - 8, false}, {ROOT + P, false}, {ROOT + P + 8, true}, {OLD, true},
		{OLD + 64, false}, {OLD + 120, false}, {OLD + 128, true}, {SLAB + 192, true},
	};
	static const struct leaks_range ranges[] = {
		{ROOT - 8, ROOT}, {ROOT + 8, ROOT + 32}, {ROOT + 64, ROOT + 72}, {ROOT + P - 8, ROOT + P + 8},
		{SLAB + 192, SLAB + 200}, {OLD + 64, OLD + 128},
	};

	nunused = sizeof(ranges) / sizeof(ranges[0]);
	memcpy(unused, ranges, sizeof(ranges));
	make(slot(0), 64);
	make(slot(3), 64);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		point(cases[i].at, slot(0));
		search(&(uint64_t){DIRECT + slot(3)}, 1);
		if (leaked(slot(0)) == cases[i].counts)
			fail_msg("case %zu", i);
		memset(guest_ram_at(w.ram, GPA(cases[i].at), 8), 0, 8);
	}
}

/* Behind the requested size nothing is looked at. */
/* What its former owner left in an object. */
static void undefined_words_are_none(void **state)
{
	make(slot(0), 64);
	make(slot(1), 64);
	point(ROOT, slot(0));
	point(slot(0) + 8, slot(1));
	shadow_set_v(w.s, GPA(slot(0) + 8), 8, V_UNDEFINED);
	search(NULL, 0);
	assert_true(leaked(slot(1)));
	shadow_set_v(w.s, GPA(slot(0) + 9), 1, V_DEFINED); /* the rest may be random on purpose */
	search(NULL, 0);
	assert_int_equal(got.n, 0);
}

static void only_the_requested_bytes_hold_pointers(void **state)
{
	make(slot(0), 16);
	make(slot(1), 64);
	point(ROOT, slot(0));
	point(slot(0) + 16, slot(1));
	search(NULL, 0);
	assert_true(got.n == 1 && leaked(slot(1)));
	point(slot(0) + 8, slot(1));
	search(NULL, 0);
	assert_int_equal(got.n, 0);
}

/* 0 -> 1 -> 2 hangs together, 3 <-> 4 is a ring with 5, 6 is reached through 7. */
static void leaks_are_grouped(void **state)
{
	for (unsigned i = 0; i < 8; i++)
		make(slot(i), 48 + i);
	point(slot(0), slot(1));
	point(slot(1) + 8, slot(2) + 16);
	point(slot(3), slot(4));
	point(slot(4), slot(3));
	point(slot(4) + 8, slot(5));
	point(slot(7), slot(6));
	point(ROOT + 64, slot(7));
	search(NULL, 0);
	assert_int_equal(got.n, 2);
	assert_int_equal(got.leak[0].start, slot(0));
	assert_int_equal(got.leak[0].indirect_objects, 2);
	assert_int_equal(got.leak[0].indirect_bytes, 49 + 50);
	assert_int_equal(got.leak[1].start, slot(3));
	assert_int_equal(got.leak[1].indirect_objects, 2);
	assert_int_equal(got.leak[1].indirect_bytes, 52 + 53);
	assert_int_equal(got.stats.objects, 8);
	assert_int_equal(got.stats.lost_objects, 6);
	assert_int_equal(got.stats.lost_bytes, 48 + 49 + 50 + 51 + 52 + 53);
	/* A second search starts anew. */
	point(ROOT, slot(1));
	search(NULL, 0);
	assert_true(got.n == 2 && leaked(slot(0)) && leaked(slot(3)));
	assert_int_equal(got.leak[0].indirect_objects, 0);
}

/* Not yet, and what only they point to neither. */
static void young_objects(void **state)
{
	static const struct obj_event later = {.pid = 1, .time = 7000000};
	struct obj_alloc a = {.addr = {slot(1)}, .size = 64, .slot = 64, .cache = &c64,
			      .event = &later};

	make(slot(0), 64);
	make(slot(2), 64);
	assert_int_equal(objects_alloc(w.o, &a), OBJ_OK);
	point(slot(1), slot(2));
	search(NULL, 0);
	assert_int_equal(got.n, 2); /* 2 hangs on 1 */
	newest = 6000000;
	search(NULL, 0);
	assert_true(got.n == 1 && leaked(slot(0)));
	newest = 4000000;
	search(NULL, 0);
	assert_int_equal(got.n, 0);
}

/* Larger than a page, reached from its last word on. */
static void large_objects(void **state)
{
	static const struct obj_event event = {.pid = 1};
	struct obj_alloc a = {.addr = {6 * MIB}, .size = 3 * P, .slot = 4 * P, .large = true,
			      .event = &event};

	assert_int_equal(objects_alloc(w.o, &a), OBJ_OK);
	make(slot(9), 64);
	point(6 * MIB + 3 * P - 8, slot(9));
	search(NULL, 0);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.leak[0].start, 6 * MIB);
	assert_int_equal(got.leak[0].indirect_objects, 1);
	point(ROOT, 6 * MIB + 2 * P + 5);
	search(NULL, 0);
	assert_int_equal(got.n, 0);
}

/* A chain through every slot of a 4 MiB slab: deep, and more work than the list starts with. */
static void a_long_chain(void **state)
{
	const uint64_t base = 4 * MIB, n = MIB / 64;

	assert_int_equal(objects_slab(w.o, GPA(base), MIB, &c64, true), OBJ_OK);
	for (uint64_t i = 0; i < n; i++) {
		make(base + 64 * i, 64);
		if (i)
			point(base + 64 * (i - 1), base + 64 * i);
		point(slot(0) + 8 * (i % 8), base + 64 * i); /* 0 is not an object */
	}
	search(NULL, 0);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.leak[0].indirect_objects, n - 1);
	point(ROOT, base);
	search(NULL, 0);
	assert_int_equal(got.n, 0);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(what_counts_as_a_pointer), WORLD_TEST(registers_are_roots),
		WORLD_TEST(freed_objects_hold_nothing),
		WORLD_TEST(unused_ranges_hold_nothing), WORLD_TEST(undefined_words_are_none),
		WORLD_TEST(only_the_requested_bytes_hold_pointers), WORLD_TEST(leaks_are_grouped),
		WORLD_TEST(young_objects),
		WORLD_TEST(large_objects), WORLD_TEST(a_long_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
