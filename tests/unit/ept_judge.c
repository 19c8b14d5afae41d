// SPDX-License-Identifier: GPL-2.0-only
/*
 * ept_judge.c: tests of ept/judge.c: accesses to a slab with objects in every state, one line a
 * case, a bug next to its good twins.
 *
 * Slots of 64 bytes in a fresh slab:
 *	0  live, 40 bytes, defined		4  live, 64 bytes, undefined
 *	1  freed				5  live, 64 bytes, bytes 0..3 defined
 *	2  never handed out			6  live, 40 bytes, undefined
 *	3  live, 64 bytes, defined		7  freed
 */
#include "ept_world.h"

#include "judge.h"

#define S	0x10000ull /* the slab */
#define RCU	0x20000ull /* typesafe by RCU: slot 0 live, undefined; 1 freed; 2 never used */
#define OLD	0x30000ull /* adopted: all unknown */
#define NONE	0x40000ull /* no slab */
#define SLOT(n) (S + 64 * (n))
#define ALL	(VERDICT_BIT(VERDICTS) - 1)

#define NORMAL	  JUDGE_NORMAL
#define ALLOCATOR JUDGE_ALLOCATOR
#define WORD	  JUDGE_WORD_AT_A_TIME

static const struct obj_cache cache = {.object_size = 64, .slot_size = 64};
static const struct obj_cache typesafe = {
	.object_size = 64, .slot_size = 64, .typesafe_by_rcu = true};

static struct world w;

static void live(uint64_t addr, uint32_t size, uint32_t defined, const struct obj_cache *of)
{
	assert_int_equal(alloc_of(&w, addr, size, 64, of), OBJ_OK);
	shadow_set_v(w.s, GPA(addr), defined, V_DEFINED);
}

static int begin(void **state)
{
	world_init(&w);
	objects_slab(w.o, GPA(S), P, &cache, true);
	live(SLOT(0), 40, 40, &cache);
	live(SLOT(1), 64, 64, &cache);
	live(SLOT(3), 64, 64, &cache);
	live(SLOT(4), 64, 0, &cache);
	live(SLOT(5), 64, 4, &cache);
	live(SLOT(6), 40, 0, &cache);
	live(SLOT(7), 64, 64, &cache);
	free_of(&w, SLOT(1));
	free_of(&w, SLOT(7));
	objects_slab(w.o, GPA(RCU), P, &typesafe, true);
	live(RCU, 64, 0, &typesafe);
	live(RCU + 64, 64, 64, &typesafe);
	free_of(&w, RCU + 64);
	objects_slab(w.o, GPA(OLD), P, &cache, false);
	return 0;
}

static int end(void **state)
{
	world_deinit(&w);
	return 0;
}

enum how { R = 1, W = 2, RW = 3 };

static const struct judge_case {
	uint64_t gpa;
	uint32_t len;
	enum how how;
	unsigned context;
	enum verdict verdict;
	uint32_t first, last;
	enum judge_use use; /* JUDGE_USE_WHOLE unless said */
} cases[] = {
	/* defined and live */
	{SLOT(0), 40, R, NORMAL, VERDICT_NONE, 0, 0, 0},
	{SLOT(0), 40, W, NORMAL, VERDICT_NONE, 0, 0, 0},
	{SLOT(0), 8, RW, NORMAL, VERDICT_NONE, 0, 0, 0},

	/* use after free */
	{SLOT(1), 1, R, NORMAL, VERDICT_UAF_READ, 0, 0, 0},
	{SLOT(1) + 8, 8, R, NORMAL, VERDICT_UAF_READ, 0, 7, 0},
	{SLOT(1), 64, W, NORMAL, VERDICT_UAF_WRITE, 0, 63, 0},
	{SLOT(1), 4, RW, NORMAL, VERDICT_UAF_WRITE, 0, 3, 0},
	{SLOT(1), 8, R, ALLOCATOR, VERDICT_NONE, 0, 0, 0},
	{SLOT(1), 8, W, ALLOCATOR, VERDICT_NONE, 0, 0, 0},

	/* out of bounds: the requested size is 40 */
	{SLOT(0) + 40, 1, R, NORMAL, VERDICT_OOB_READ, 0, 0, 0},
	{SLOT(0) + 39, 1, R, NORMAL, VERDICT_NONE, 0, 0, 0},
	{SLOT(0) + 36, 8, R, NORMAL, VERDICT_OOB_READ, 4, 7, 0},
	{SLOT(0) + 36, 8, W, NORMAL, VERDICT_OOB_WRITE, 4, 7, 0},
	{SLOT(0) + 32, 8, W, NORMAL, VERDICT_NONE, 0, 0, 0},
	{SLOT(0) + 63, 1, RW, NORMAL, VERDICT_OOB_WRITE, 0, 0, 0},
	{SLOT(0) + 40, 24, W, ALLOCATOR, VERDICT_NONE, 0, 0, 0},

	/* unallocated */
	{SLOT(2), 8, R, NORMAL, VERDICT_UNALLOCATED, 0, 7, 0},
	{SLOT(2), 8, W, NORMAL, VERDICT_UNALLOCATED, 0, 7, 0},
	{SLOT(2), 8, W, ALLOCATOR, VERDICT_NONE, 0, 0, 0},

	/* several in one access: the worst, and of it the first and last byte */
	{SLOT(0) + 36, 36, R, NORMAL, VERDICT_UAF_READ, 28, 35, 0},
	{SLOT(0) + 36, 36, W, NORMAL, VERDICT_OOB_WRITE, 4, 27, 0}, /* as bad as the later UAF */
	{SLOT(1) + 60, 8, R, NORMAL, VERDICT_UAF_READ, 0, 3, 0},
	{SLOT(6) + 36, 28 + 8, R, NORMAL, VERDICT_UAF_READ, 28, 35, 0},
	{SLOT(6) + 36, 8, R, NORMAL, VERDICT_OOB_READ, 4, 7, 0}, /* undefined as well */

	/* uninitialised */
	{SLOT(4), 1, R, NORMAL, VERDICT_UNINIT, 0, 0, 0},
	{SLOT(4) + 8, 8, R, NORMAL, VERDICT_UNINIT, 0, 7, 0},
	{SLOT(4), 64, R, NORMAL, VERDICT_UNINIT, 0, 63, 0},
	{SLOT(4), 8, W, NORMAL, VERDICT_NONE, 0, 0, 0},
	{SLOT(3), 8, R, NORMAL, VERDICT_NONE, 0, 0, 0},
	{SLOT(5), 8, R, NORMAL, VERDICT_NONE, 0, 0, 0}, /* all_undefined: half of it is defined */
	{SLOT(5) + 4, 4, R, NORMAL, VERDICT_UNINIT, 0, 3, 0},
	{SLOT(3) + 60, 8, R, NORMAL, VERDICT_NONE, 0, 0, 0},
	{SLOT(4), 8, RW, NORMAL, VERDICT_NONE, 0, 0, 0}, /* read_modify_write */
	{SLOT(4), 8, R, ALLOCATOR, VERDICT_NONE, 0, 0, 0},

	/* decided, not_used */
	{SLOT(5), 8, R, NORMAL, VERDICT_UNINIT, 4, 7, JUDGE_USE_ANY},
	{SLOT(5), 4, R, NORMAL, VERDICT_NONE, 0, 0, JUDGE_USE_ANY},
	{SLOT(5), 8, R, WORD, VERDICT_NONE, 0, 0, JUDGE_USE_ANY},
	{SLOT(4), 8, R, WORD, VERDICT_UNINIT, 0, 7, JUDGE_USE_ANY},
	{SLOT(4), 8, RW, NORMAL, VERDICT_UNINIT, 0, 7, JUDGE_USE_ANY},
	{SLOT(4), 8, W, NORMAL, VERDICT_NONE, 0, 0, JUDGE_USE_ANY},
	{SLOT(4), 8, R, NORMAL, VERDICT_NONE, 0, 0, JUDGE_USE_NONE},
	{SLOT(1), 8, R, NORMAL, VERDICT_UAF_READ, 0, 7, JUDGE_USE_NONE},

	/* word_at_a_time */
	{SLOT(0) + 36, 8, R, WORD, VERDICT_NONE, 0, 0, 0},
	{SLOT(0) + 36, 8, W, WORD, VERDICT_OOB_WRITE, 4, 7, 0},
	{SLOT(0) + 36, 8, RW, WORD, VERDICT_OOB_WRITE, 4, 7, 0},
	{SLOT(0) + 40, 8, R, WORD, VERDICT_OOB_READ, 0, 7, 0},   /* no byte of it is an object's */
	{SLOT(0) + 36, 16, R, WORD, VERDICT_OOB_READ, 4, 15, 0}, /* no word */
	{SLOT(6) + 60, 8, R, WORD, VERDICT_UAF_READ, 4, 7, 0},
	{SLOT(1), 8, R, WORD, VERDICT_UAF_READ, 0, 7, 0},
	{SLOT(2) + 60, 8, R, WORD, VERDICT_NONE, 0, 0, 0}, /* aligned down: begins before the object */
	{SLOT(2) + 60, 8, R, NORMAL, VERDICT_UNALLOCATED, 0, 3, 0},
	{SLOT(5), 8, R, WORD, VERDICT_NONE, 0, 0, 0},
	{SLOT(4), 8, R, WORD, VERDICT_UNINIT, 0, 7, 0},
	{SLOT(6) + 36, 8, R, WORD, VERDICT_UNINIT, 0, 3, 0},

	/* typesafe_by_rcu */
	{RCU + 64, 8, R, NORMAL, VERDICT_NONE, 0, 0, 0},
	{RCU + 64, 8, W, NORMAL, VERDICT_NONE, 0, 0, 0},
	{RCU + 64, 8, RW, NORMAL, VERDICT_NONE, 0, 0, 0},
	{RCU + 128, 8, R, NORMAL, VERDICT_UNALLOCATED, 0, 7, 0},
	{RCU + 120, 16, W, NORMAL, VERDICT_UNALLOCATED, 8, 15, 0},
	{RCU, 8, R, NORMAL, VERDICT_UNINIT, 0, 7, 0},

	/* unknown */
	{OLD, 64, R, NORMAL, VERDICT_NONE, 0, 0, 0},
	{OLD + 8, 8, W, NORMAL, VERDICT_NONE, 0, 0, 0},
	{NONE, 8, R, NORMAL, VERDICT_NONE, 0, 0, 0},
	{NONE, 8, W, NORMAL, VERDICT_NONE, 0, 0, 0},
	{WORLD_SIZE, 8, W, NORMAL, VERDICT_NONE, 0, 0, 0},

	/* odd: nothing, and beyond the page, where the rest is the next access */
	{SLOT(1), 0, R, NORMAL, VERDICT_NONE, 0, 0, 0},
	{S + P - 4, 8, R, NORMAL, VERDICT_UNALLOCATED, 0, 3, 0},
	{S + P - 4, UINT32_MAX, W, NORMAL, VERDICT_UNALLOCATED, 0, 3, 0},
};

static void judge(const struct judge_case *c, unsigned enabled, struct judgement *j)
{
	struct judge_access a = {.gpa = {c->gpa},
				 .len = c->len,
				 .read = c->how & R,
				 .write = c->how & W,
				 .use = c->use,
				 .context = c->context};

	judge_access(w.s, w.o, &a, enabled, j);
}

static void accesses(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct judge_case *c = &cases[i];
		struct judgement j;

		judge(c, ALL, &j);
		if (j.verdict != c->verdict || j.first != c->first || j.last != c->last)
			fail_msg("cases[%zu]: %s %u..%u instead of %s %u..%u", i,
				 verdict_class(j.verdict), j.first, j.last,
				 verdict_class(c->verdict), c->first, c->last);
		assert_int_equal(j.write, c->verdict && c->verdict != VERDICT_UNINIT && (c->how & W));
		assert_int_equal(j.has_object, c->verdict != VERDICT_NONE);
	}
}

/* With a verdict switched off there is none, or a lesser one. */
static void disabled_checks_are_silent(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct judgement j;

		judge(&cases[i], ALL & ~VERDICT_BIT(cases[i].verdict), &j);
		if (cases[i].verdict)
			assert_int_not_equal(j.verdict, cases[i].verdict);
		judge(&cases[i], 0, &j);
		assert_int_equal(j.verdict, VERDICT_NONE);
	}
}

static void names_the_object(void **state)
{
	const struct judge_case over = {SLOT(0) + 44, 4, W, NORMAL, VERDICT_OOB_WRITE, 0, 3, 0};
	struct judgement j;

	judge(&over, ALL, &j);
	assert_int_equal(j.verdict, VERDICT_OOB_WRITE);
	assert_int_equal(j.object.start.v, SLOT(0));
	assert_int_equal(j.object.size, 40);
	assert_ptr_equal(j.object.cache, &cache);
}

static void judging_changes_nothing(void **state)
{
	static uint8_t a[2][P], v[2][P];
	struct judgement j;

	shadow_read_a(w.s, GPA(S), a[0], P);
	shadow_read_v(w.s, GPA(S), v[0], P);
	for (size_t i = 0; i < COUNT(cases); i++)
		judge(&cases[i], ALL, &j);
	shadow_read_a(w.s, GPA(S), a[1], P);
	shadow_read_v(w.s, GPA(S), v[1], P);
	assert_memory_equal(a[0], a[1], P);
	assert_memory_equal(v[0], v[1], P);
}

/* A bit-field whose other bits are undefined: one defined bit acquits its byte. */
static void partly_defined_bytes_are_quiet(void **state)
{
	const struct judge_case load = {SLOT(4), 4, R, NORMAL, VERDICT_NONE, 0, 0, 0};
	struct judgement j;

	judge(&load, ALL, &j);
	assert_int_equal(j.verdict, VERDICT_UNINIT);
	shadow_set_v(w.s, GPA(SLOT(4) + 2), 1, 0xfe);
	judge(&load, ALL, &j);
	assert_int_equal(j.verdict, VERDICT_NONE);
}

static const struct {
	enum verdict verdict;
	const char *name;
} names[] = {
	{VERDICT_UNINIT, "uninit-value"},	    {VERDICT_UAF_READ, "slab-use-after-free"},
	{VERDICT_UAF_WRITE, "slab-use-after-free"}, {VERDICT_OOB_READ, "slab-out-of-bounds"},
	{VERDICT_OOB_WRITE, "slab-out-of-bounds"},  {VERDICT_UNALLOCATED, "unallocated-access"},
	{VERDICT_DOUBLE_FREE, "double-free"},	    {VERDICT_INVALID_FREE, "invalid-free"},
	{(enum verdict)UINT32_MAX, "none"},	    {VERDICTS, "none"},
};

static void names_and_severities(void **state)
{
	static const enum verdict order[] = {
		VERDICT_NONE,	  VERDICT_UNINIT,    VERDICT_UNALLOCATED, VERDICT_OOB_READ,
		VERDICT_UAF_READ, VERDICT_UAF_WRITE, VERDICT_DOUBLE_FREE};

	for (size_t i = 0; i < COUNT(names); i++)
		assert_string_equal(verdict_class(names[i].verdict), names[i].name);
	for (size_t i = 1; i < COUNT(order); i++)
		assert_true(verdict_severity(order[i]) > verdict_severity(order[i - 1]));
	assert_int_equal(verdict_severity(VERDICT_OOB_WRITE), verdict_severity(VERDICT_UAF_WRITE));
	assert_int_equal(verdict_severity(VERDICTS), 0);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(accesses),
		WORLD_TEST(disabled_checks_are_silent),
		WORLD_TEST(names_the_object),
		WORLD_TEST(judging_changes_nothing),
		WORLD_TEST(partly_defined_bytes_are_quiet),
		cmocka_unit_test(names_and_severities),
	};

	return test_ram_missing() ?: cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
