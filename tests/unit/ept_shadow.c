// SPDX-License-Identifier: GPL-2.0-only
/*
 * ept_shadow.c: tests of ept/shadow.c and shadow_page.c.
 *
 * The heart of it: random operations on the shadow and on a naive model of two bytes a byte,
 * compared byte by byte. The model knows nothing of the compact forms.
 */
#include "ept_ram.h"

#include <errno.h>
#include <stdlib.h>

#include "ept_calloc.h"
#include "shadow.h"
#include "random64.h"

#define P     GUEST_PAGE
#define PAGES 8u
#define BYTES (PAGES * P)

struct model {
	uint8_t a[BYTES], v[BYTES];
	bool tracked[PAGES];
};

static uint64_t seed;

static uint32_t rnd(uint32_t below)
{
	return (uint32_t)((random64_next(&seed) >> 32) % below);
}

/* ---------------------------------------------------------------- random model */

static void model_put(struct model *m, uint8_t *array, uint32_t i, uint8_t value)
{
	if (m->tracked[i / P])
		array[i] = value;
}

static void compare(const struct shadow *s, const struct model *m, uint64_t base, uint32_t off,
		    uint32_t n)
{
	static uint8_t a[BYTES], v[BYTES];

	shadow_read_a(s, GPA(base + off), a, n);
	shadow_read_v(s, GPA(base + off), v, n);
	assert_memory_equal(a, m->a + off, n);
	assert_memory_equal(v, m->v + off, n);
}

/* Lengths as the guest has them: mostly small, sometimes a slot, a page, several pages. */
static uint32_t random_range(uint32_t *off)
{
	uint32_t n;

	switch (rnd(8)) {
	case 0:
		n = rnd(BYTES + 1);
		break;
	case 1:
		n = P * (1 + rnd(3));
		break;
	case 2:
	case 3:
		n = 8 * (1 + rnd(64));
		break;
	default:
		n = rnd(72);
	}
	*off = rnd(BYTES - n + 1);
	if (rnd(2))
		*off -= *off % (n >= P ? P : 8);
	return n;
}

static uint8_t random_v(void)
{
	return rnd(4) ? (rnd(2) ? V_UNDEFINED : V_DEFINED) : (uint8_t)rnd(256);
}

static void op_set_a(struct shadow *s, struct model *m, uint64_t base)
{
	uint32_t off, n = random_range(&off);
	enum a_state a = (enum a_state)(A_UNKNOWN + rnd(A_STATES - A_UNKNOWN));

	assert_int_equal(shadow_set_a(s, GPA(base + off), n, a), 0);
	for (uint32_t i = off; i < off + n; i++)
		model_put(m, m->a, i, (uint8_t)a);
}

/* As the object table does it: the only form that the packed A states are made for. */
static void op_object(struct shadow *s, struct model *m, uint64_t base)
{
	uint32_t slot = 8 * (1 + rnd(128)), size = 1 + rnd(slot);
	uint32_t off = rnd(BYTES - slot) / 8 * 8;

	enum a_state a = rnd(4) ? A_ALLOCATED : (enum a_state)(A_UNKNOWN + rnd(A_STATES - A_UNKNOWN));
	enum shadow_fill fill = rnd(3);

	if (!rnd(8)) {
		off -= off % P;
		slot = P;
		size = rnd(2) ? P : size;
	}
	if (rnd(2)) {
		assert_int_equal(shadow_set_slot(s, GPA(base + off), slot, size, a, fill), 0);
		for (uint32_t i = 0; i < slot && fill != SHADOW_KEEP; i++)
			model_put(m, m->v, off + i, fill == SHADOW_DEFINED ? V_DEFINED : V_UNDEFINED);
	} else {
		assert_int_equal(shadow_set_a(s, GPA(base + off), slot, A_REDZONE), 0);
		assert_int_equal(shadow_set_a(s, GPA(base + off), size, a), 0);
	}
	for (uint32_t i = 0; i < slot; i++)
		model_put(m, m->a, off + i, i < size ? a : A_REDZONE);
}

static void op_set_v(struct shadow *s, struct model *m, uint64_t base)
{
	uint32_t off, n = random_range(&off);
	uint8_t v = random_v();

	assert_int_equal(shadow_set_v(s, GPA(base + off), n, v), 0);
	for (uint32_t i = off; i < off + n; i++)
		model_put(m, m->v, i, v);
}

static void op_write_v(struct shadow *s, struct model *m, uint64_t base)
{
	static uint8_t v[BYTES];
	uint32_t off, n = random_range(&off);
	bool whole = rnd(2);

	for (uint32_t i = 0; i < n; i++)
		v[i] = whole ? (rnd(3) ? V_DEFINED : V_UNDEFINED) : random_v();
	assert_int_equal(shadow_write_v(s, GPA(base + off), v, n), 0);
	for (uint32_t i = 0; i < n; i++)
		model_put(m, m->v, off + i, v[i]);
}

/* The functions for a held page, against the same model. */
static void op_held(struct shadow *s, struct model *m, uint64_t base)
{
	uint8_t v[64], want[64];
	uint32_t n = 1 + rnd(sizeof(v)), page = rnd(PAGES), off = page * P + rnd(P - n + 1);
	bool legal = true, undefined = false, define = rnd(2);
	uint64_t held = base / P + page; /* its index: it is in the low memory */

	for (uint32_t i = 0; i < n; i++) {
		uint8_t a = m->a[off + i];

		want[i] = a == A_ALLOCATED ? m->v[off + i] : V_DEFINED;
		legal &= a == A_ALLOCATED || a == A_UNKNOWN || a == A_UNTRACKED;
	}
	shadow_hold(s, held);
	assert_int_equal(shadow_held_look(s, held, off % P, n, NULL), legal);
	assert_int_equal(shadow_held_look(s, held, off % P, n, v), legal);
	assert_memory_equal(v, want, n);
	for (uint32_t i = page * P; i < page * P + P; i++)
		undefined |= m->a[i] == A_ALLOCATED && m->v[i] != V_DEFINED;
	assert_int_equal(shadow_held_undefined(s, held), undefined);
	for (uint32_t i = 0; i < n; i++) {
		v[i] = define ? V_DEFINED : random_v();
		model_put(m, m->v, off + i, v[i]);
	}
	assert_int_equal(shadow_held_write_v(s, held, off % P, define ? NULL : v, n), 0);
	shadow_drop(s, held);
}

static void op_track_runs(struct shadow *s, struct model *m, uint64_t base)
{
	uint32_t page = rnd(PAGES), at = page * P, n = 0, unit = rnd(4) ? 8 : 1;
	struct shadow_run run[64];
	enum a_state a = A_UNKNOWN;

	for (; at < page * P + P; n++) {
		uint32_t len = n + 1 == COUNT(run) ? P : unit * (1 + rnd(512 / unit));

		/* Mostly as slots are: an object and its redzone. */
		if (a == A_ALLOCATED && rnd(4)) {
			a = A_REDZONE;
			len = 64 - (at - page * P) % 64;
		} else {
			a = (enum a_state)(A_UNKNOWN + rnd(A_STATES - A_UNKNOWN));
			len += a == A_ALLOCATED ? rnd(8) : 0;
		}
		if (len > page * P + P - at)
			len = page * P + P - at;
		memset(m->a + at, (int)a, len);
		at += len;
		run[n] = (struct shadow_run){(uint16_t)(at - page * P), (uint8_t)a};
	}
	run[n - 1].end = P;
	memset(m->v + page * P, V_DEFINED, P);
	m->tracked[page] = true;
	assert_int_equal(shadow_track_runs(s, GPA(base + page * P), run, n), 0);
}

static void op_track(struct shadow *s, struct model *m, uint64_t base)
{
	enum a_state a = (enum a_state)(A_UNKNOWN + rnd(A_STATES - A_UNKNOWN));
	uint32_t page = rnd(PAGES);
	bool track = rnd(4);

	if (track)
		assert_int_equal(shadow_track(s, GPA(base + page * P), P, a), 0);
	else
		shadow_untrack(s, GPA(base + page * P), P);
	m->tracked[page] = track;
	memset(m->a + page * P, track ? (int)a : A_UNTRACKED, P);
	memset(m->v + page * P, V_DEFINED, P);
}

static void (*const ops[])(struct shadow *s, struct model *m, uint64_t base) = {
	op_set_a, op_object, op_object, op_set_v, op_write_v, op_write_v, op_held,
};

static void random_operations(uint64_t start, uint32_t n)
{
	static struct model m;
	struct guest_ram *ram = test_ram(2 * MIB);
	struct shadow *s = shadow_create(ram);
	const uint64_t base = 5 * P;

	seed = start;
	memset(&m, 0, sizeof(m));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t off = rnd(BYTES - 64);

		if (!rnd(300))
			(rnd(2) ? op_track_runs : op_track)(s, &m, base);
		else
			ops[rnd(COUNT(ops))](s, &m, base);
		compare(s, &m, base, off, rnd(65));
		if (!(i % 64))
			compare(s, &m, base, 0, BYTES);
	}
	compare(s, &m, base, 0, BYTES);
	shadow_untrack(s, GPA(0), 2 * MIB);
	assert_int_equal(shadow_bytes(s), 0);
	assert_int_equal(shadow_tracked_bytes(s), 0);
	shadow_destroy(s);
	guest_ram_destroy(ram);
}

static void agrees_with_the_model(void **state)
{
	for (uint64_t i = 1; i <= 8; i++)
		random_operations(i * 0x9e3779b97f4a7c15ull, 16000);
}

/* ------------------------------------------------------------------ properties */

struct fixture {
	struct guest_ram *ram;
	struct shadow *s;
};

static struct fixture setup_pages(uint32_t n, enum a_state a)
{
	struct fixture f = {.ram = test_ram(2 * MIB)};

	f.s = shadow_create(f.ram);
	assert_non_null(f.s);
	assert_int_equal(shadow_track(f.s, GPA(0), n * P, a), 0);
	return f;
}

static void teardown(struct fixture *f)
{
	shadow_destroy(f->s);
	guest_ram_destroy(f->ram);
}

static uint8_t a_at(struct shadow *s, uint64_t gpa)
{
	uint8_t a;

	shadow_read_a(s, GPA(gpa), &a, 1);
	return a;
}

static uint8_t v_at(struct shadow *s, uint64_t gpa)
{
	uint8_t v;

	shadow_read_v(s, GPA(gpa), &v, 1);
	return v;
}

static void uniform_pages_keep_no_arrays(void **state)
{
	struct fixture f = setup_pages(4, A_UNALLOCATED);
	const uint64_t least = 4 * sizeof(void *);

	assert_int_equal(shadow_tracked_bytes(f.s), 4 * P);
	assert_int_equal(shadow_bytes(f.s), least);
	shadow_set_a(f.s, GPA(0), 4 * P, A_FREED);
	shadow_set_v(f.s, GPA(0), 4 * P, V_UNDEFINED);
	assert_int_equal(shadow_bytes(f.s), least);

	/* Not the same any more, and back to it piece by piece. */
	shadow_set_a(f.s, GPA(64), 64, A_ALLOCATED);
	shadow_set_v(f.s, GPA(64), 13, V_DEFINED);
	shadow_set_v(f.s, GPA(77), 1, 0x0f);
	assert_true(shadow_bytes(f.s) > least);
	for (int i = 0; i < 8; i++)
		shadow_set_a(f.s, GPA(64 + 8 * i), 8, A_FREED);
	for (int i = 0; i < 16; i++)
		shadow_set_v(f.s, GPA(64 * i), 64, V_UNDEFINED);
	assert_int_equal(shadow_bytes(f.s), least);
	assert_int_equal(v_at(f.s, 70), V_UNDEFINED);

	/* Any byte pattern of A, and back. */
	for (int i = 0; i < 8; i++)
		shadow_set_a(f.s, GPA(i), 1, (enum a_state)(A_UNKNOWN + i % 5));
	assert_true(shadow_bytes(f.s) > P);
	shadow_set_a(f.s, GPA(0), 8, A_FREED);
	assert_int_equal(shadow_bytes(f.s), least);

	/* Stores that define the last undefined byte. */
	for (uint32_t i = 0; i < P; i += 8)
		shadow_write_v(f.s, GPA(i), (uint8_t[8]){0}, 8);
	assert_int_equal(shadow_bytes(f.s), least);
	teardown(&f);
}

/* All granules alike, and yet no single state. */
static void page_of_split_granules(void **state)
{
	struct fixture f = setup_pages(1, A_UNALLOCATED);

	shadow_set_a(f.s, GPA(0), P, A_REDZONE);
	for (uint32_t at = 0; at < P; at += 8)
		shadow_set_a(f.s, GPA(at), 5, A_ALLOCATED);
	for (uint32_t at = 0; at < P; at++)
		assert_int_equal(a_at(f.s, at), at % 8 < 5 ? A_ALLOCATED : A_REDZONE);
	assert_true(shadow_bytes(f.s) < P / 4);
	teardown(&f);
}

static void untracked_bytes_swallow_writes(void **state)
{
	struct fixture f = setup_pages(1, A_ALLOCATED);

	assert_int_equal(shadow_set_v(f.s, GPA(P - 4), 8, V_UNDEFINED), 0);
	assert_int_equal(shadow_set_a(f.s, GPA(P - 4), 8, A_FREED), 0);
	assert_int_equal(v_at(f.s, P - 1), V_UNDEFINED);
	assert_int_equal(a_at(f.s, P - 1), A_FREED);
	assert_int_equal(v_at(f.s, P), V_DEFINED);
	assert_int_equal(a_at(f.s, P), A_UNTRACKED);
	assert_true(shadow_tracked(f.s, GPA(P - 1)));
	assert_false(shadow_tracked(f.s, GPA(P)));
	assert_false(shadow_tracked(f.s, GPA(UINT64_MAX)));
	teardown(&f);
}

static void tracking_again_starts_afresh(void **state)
{
	struct fixture f = setup_pages(1, A_ALLOCATED);

	shadow_set_v(f.s, GPA(3), 5, V_UNDEFINED);
	assert_int_equal(shadow_track(f.s, GPA(0), P, A_UNKNOWN), 0);
	assert_int_equal(v_at(f.s, 4), V_DEFINED);
	assert_int_equal(a_at(f.s, 4), A_UNKNOWN);
	assert_int_equal(shadow_tracked_bytes(f.s), P);
	teardown(&f);
}

static void hostile_ranges(void **state)
{
	struct fixture f = setup_pages(2, A_ALLOCATED);
	uint8_t out[16];

	assert_int_equal(shadow_track(f.s, GPA(1), P, A_FREED), -EINVAL);
	assert_int_equal(shadow_track(f.s, GPA(0), P + 1, A_FREED), -EINVAL);
	assert_int_equal(shadow_track(f.s, GPA(2 * MIB), P, A_FREED), -EINVAL);
	assert_int_equal(shadow_track(f.s, GPA(0), UINT64_MAX - P + 1, A_FREED), -EINVAL);
	assert_int_equal(shadow_track(f.s, GPA(0), P, A_UNTRACKED), -EINVAL);
	assert_int_equal(shadow_track(f.s, GPA(0), P, A_STATES), -EINVAL);
	assert_int_equal(shadow_set_a(f.s, GPA(0), 8, A_UNTRACKED), -EINVAL);
	assert_int_equal(a_at(f.s, 0), A_ALLOCATED);

	/* As long as they can be, and over the end of the address space. */
	assert_int_equal(shadow_set_v(f.s, GPA(P), UINT64_MAX, V_UNDEFINED), 0);
	assert_int_equal(v_at(f.s, P - 1), V_DEFINED);
	assert_int_equal(v_at(f.s, P), V_UNDEFINED);
	shadow_untrack(f.s, GPA(UINT64_MAX - 7), 8);
	memset(out, 0xee, sizeof(out));
	shadow_read_a(f.s, GPA(2 * MIB - 8), out, sizeof(out));
	assert_int_equal(out[15], A_UNTRACKED);
	teardown(&f);
}

static void crosses_the_hole_without_mixing_it_up(void **state)
{
	struct fixture f = {.ram = test_ram(GUEST_RAM_LOW_END + 4 * MIB)};
	uint8_t out[2];

	f.s = shadow_create(f.ram);
	shadow_track(f.s, GPA(GUEST_RAM_LOW_END - P), P, A_ALLOCATED);
	shadow_track(f.s, GPA(GUEST_RAM_HIGH), P, A_FREED);
	assert_int_equal(shadow_track(f.s, GPA(GUEST_RAM_LOW_END - P), 2 * P, A_FREED), -EINVAL);
	shadow_read_a(f.s, GPA(GUEST_RAM_LOW_END - 1), out, 2);
	assert_int_equal(out[0], A_ALLOCATED);
	assert_int_equal(out[1], A_UNTRACKED);
	shadow_read_a(f.s, GPA(GUEST_RAM_HIGH - 1), out, 2);
	assert_int_equal(out[0], A_UNTRACKED);
	assert_int_equal(out[1], A_FREED);
	shadow_set_v(f.s, GPA(0), GUEST_RAM_HIGH + 1, V_UNDEFINED);
	assert_int_equal(v_at(f.s, GUEST_RAM_LOW_END - 1), V_UNDEFINED);
	assert_int_equal(v_at(f.s, GUEST_RAM_HIGH), V_UNDEFINED);
	assert_int_equal(v_at(f.s, GUEST_RAM_HIGH + 1), V_DEFINED);
	teardown(&f);
}

static int no_memory_set_a(struct shadow *s)
{
	return shadow_set_a(s, GPA(16), 8, A_FREED);
}

static int no_memory_set_a_bytes(struct shadow *s)
{
	return shadow_set_a(s, GPA(17), 1, A_FREED);
}

static int no_memory_set_v(struct shadow *s)
{
	return shadow_set_v(s, GPA(16), 8, V_UNDEFINED);
}

static int no_memory_exact(struct shadow *s)
{
	return shadow_write_v(s, GPA(16), (uint8_t[2]){1, 2}, 2);
}

/* However early memory runs out: unknown and defined, or done as asked. */
static const struct {
	int (*change)(struct shadow *s);
	long callocs; /* that a success needs */
} short_of_memory[] = {
	{no_memory_set_a, 1},	    /* the page */
	{no_memory_set_a_bytes, 2}, /* the byte array as well */
	{no_memory_set_v, 2},	    /* the page, the bitmap */
	{no_memory_exact, 4},	    /* the block and the table of blocks as well */
};

static void no_memory_makes_unknown(void **state)
{
	for (size_t i = 0; i < COUNT(short_of_memory); i++) {
		for (long n = 0; n <= short_of_memory[i].callocs; n++) {
			struct fixture f = setup_pages(2, A_ALLOCATED);
			bool enough = n == short_of_memory[i].callocs;
			int err;

			calloc_left = n;
			err = short_of_memory[i].change(f.s);
			calloc_left = -1;
			assert_int_equal(err, enough ? 0 : -ENOMEM);
			if (!enough) {
				assert_int_equal(a_at(f.s, 17), A_UNKNOWN);
				assert_int_equal(v_at(f.s, 17), V_DEFINED);
				assert_int_equal(shadow_bytes(f.s), 2 * sizeof(void *));
			}
			assert_int_equal(a_at(f.s, P), A_ALLOCATED);
			teardown(&f);
		}
	}
}

/* ---------------------------------------------------------------------- figure */

/* Slab sizes as a running kernel has them, with their share of the pages. */
static const struct {
	uint32_t slot, size, pages;
} mix[] = {
	{8, 6, 1},	  {16, 11, 2},	   {32, 27, 4},	    {64, 57, 10},  {96, 72, 3},
	{128, 110, 8},	  {192, 192, 20},  {256, 200, 6},   {512, 400, 6}, {600, 600, 20},
	{1024, 1000, 10}, {2048, 1500, 6}, {4096, 4096, 4},
};

static void page_of_objects(struct shadow *s, uint64_t page, uint32_t slot, uint32_t size)
{
	for (uint64_t at = page; at + slot <= page + P; at += slot) {
		bool live = rnd(10) < 8;

		shadow_set_a(s, GPA(at), slot, live ? A_REDZONE : A_FREED);
		if (!live)
			continue;
		shadow_set_a(s, GPA(at), size, A_ALLOCATED);
		/* Half of the live objects were never written to their end. */
		shadow_set_v(s, GPA(at), rnd(2) ? size : size / 2, V_DEFINED);
	}
}

static void typical_contents_take_a_quarter_at_most(void **state)
{
	uint32_t pages = 0;
	struct fixture f;
	double ratio;

	for (size_t i = 0; i < COUNT(mix); i++)
		pages += mix[i].pages;
	seed = 42;
	f = setup_pages(pages, A_UNALLOCATED);
	shadow_set_v(f.s, GPA(0), pages * P, V_UNDEFINED);
	pages = 0;
	for (size_t i = 0; i < COUNT(mix); i++)
		for (uint32_t n = 0; n < mix[i].pages; n++)
			page_of_objects(f.s, (uint64_t)pages++ * P, mix[i].slot, mix[i].size);
	ratio = (double)shadow_bytes(f.s) / (double)shadow_tracked_bytes(f.s);
	print_message("shadow: %.3f host bytes per tracked byte\n", ratio);
	assert_true(ratio <= 0.25);
	assert_true(ratio > 0.01);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_model),
		cmocka_unit_test(uniform_pages_keep_no_arrays),
		cmocka_unit_test(page_of_split_granules),
		cmocka_unit_test(untracked_bytes_swallow_writes),
		cmocka_unit_test(tracking_again_starts_afresh),
		cmocka_unit_test(hostile_ranges),
		cmocka_unit_test(crosses_the_hole_without_mixing_it_up),
		cmocka_unit_test(no_memory_makes_unknown),
		cmocka_unit_test(typical_contents_take_a_quarter_at_most),
	};

	return test_ram_missing() ?: cmocka_run_group_tests_name("shadow", tests, NULL, NULL);
}
