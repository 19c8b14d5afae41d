/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ept_world.h: guest memory, shadow and object table for a test, and what the table asked to be
 * tracked and untracked.
 */
#ifndef EPT_WORLD_H
#define EPT_WORLD_H

#include "ept_ram.h"
#include "depot.h"
#include "objects.h"

#define P	   GUEST_PAGE
#define WORLD_SIZE (8 * MIB)

struct world {
	struct guest_ram *ram;
	struct shadow *s;
	struct objects *o;
	uint8_t hidden[WORLD_SIZE / GUEST_PAGE]; /* by page: tracked for the caller */
	unsigned tracks, untracks;		 /* calls */
};

static inline void world_track(void *ctx, gpa_t gpa, uint64_t len)
{
	struct world *w = ctx;

	w->tracks++;
	for (uint64_t i = gpa.v / P; i < (gpa.v + len) / P; i++) {
		assert_int_equal(w->hidden[i], 0);
		w->hidden[i] = 1;
	}
}

static inline void world_untrack(void *ctx, gpa_t gpa, uint64_t len)
{
	struct world *w = ctx;

	w->untracks++;
	for (uint64_t i = gpa.v / P; i < (gpa.v + len) / P; i++) {
		assert_int_equal(w->hidden[i], 1);
		w->hidden[i] = 0;
	}
}

static inline void world_init(struct world *w)
{
	struct objects_ops ops = {w, world_track, world_untrack, NULL};

	memset(w, 0, sizeof(*w));
	w->ram = test_ram(WORLD_SIZE);
	w->s = shadow_create(w->ram);
	assert_non_null(w->s);
	w->o = objects_create(w->ram, w->s, &ops);
	assert_non_null(w->o);
}

/* The caller's idea of what is tracked must be the shadow's. */
static inline void world_check(struct world *w)
{
	for (uint64_t i = 0; i < WORLD_SIZE / P; i++)
		assert_int_equal(w->hidden[i], shadow_tracked(w->s, GPA(i * P)));
}

static inline void world_deinit(struct world *w)
{
	world_check(w);
	objects_destroy(w->o);
	shadow_destroy(w->s);
	guest_ram_destroy(w->ram);
}

/* True if [gpa, gpa+n) has this state and these V bits throughout. */
static inline bool bytes_are(const struct world *w, uint64_t gpa, uint32_t n, enum a_state a,
			     uint8_t v)
{
	uint8_t got_a, got_v;

	for (uint32_t i = 0; i < n; i++) {
		shadow_read_a(w->s, GPA(gpa + i), &got_a, 1);
		shadow_read_v(w->s, GPA(gpa + i), &got_v, 1);
		if (got_a != a || got_v != v) {
			print_message("byte %u of %#llx: A %u V %#x\n", i, (unsigned long long)gpa,
				      got_a, got_v);
			return false;
		}
	}
	return true;
}

static inline enum obj_verdict alloc_of(struct world *w, uint64_t addr, uint64_t size,
					uint64_t slot, const struct obj_cache *cache)
{
	struct obj_alloc a = {.addr = {addr}, .size = size, .slot = slot, .cache = cache};

	return objects_alloc(w->o, &a);
}

static inline enum obj_verdict free_of(struct world *w, uint64_t addr)
{
	struct object obj;

	return objects_free(w->o, GPA(addr), NULL, &obj);
}

#endif
