// SPDX-License-Identifier: GPL-2.0-only
/*
 * objects.c: what each announcement does to the object table and to the shadow.
 *
 *            A state of the slot                V bits of the slot
 * slab made  unallocated                        undefined (constructor: defined)
 * adopted    unknown                            defined
 * allocated  [0, size) allocated, rest redzone  undefined; defined if zeroed or constructed; kept
 *                                               in a typesafe-by-RCU cache, except the first time
 * freed      freed, the redzone too             undefined; kept if constructed or typesafe-by-RCU
 * ksize      allocated                          new bytes undefined, or defined if zeroed
 * resized    as allocated                       the same
 *
 * Where memory is short, or an announcement was missed, the bytes become unknown or the old record
 * gives way to the new one: never a report on what was not seen. What judge.c makes of the states
 * is not decided here.
 */
#include "objects.h"

#include <stdlib.h>

#include "region.h"

struct objects *objects_create(struct guest_ram *ram, struct shadow *shadow,
			       const struct objects_ops *ops)
{
	struct objects *o = calloc(1, sizeof(*o) + guest_ram_pages(ram) * sizeof(o->page[0]));

	if (!o)
		return NULL;
	o->ram = ram;
	o->shadow = shadow;
	o->ops = *ops;
	o->depot = depot_create(guest_ram_size(ram) / 16);
	if (!o->depot) {
		free(o);
		return NULL;
	}
	return o;
}

void objects_destroy(struct objects *o)
{
	if (!o)
		return;
	for (uint64_t i = 0; i < guest_ram_pages(o->ram); i++)
		if (o->page[i])
			region_destroy(o, o->page[i]);
	depot_destroy(o->depot);
	free(o);
}

/* ------------------------------------------------------------------- regions */

static void region_track(struct objects *o, const struct region *r, enum a_state a, uint8_t v)
{
	if (o->lazy)
		return;
	/* Neither can fail: the range was checked, and uniform pages need no memory. */
	shadow_track(o->shadow, (gpa_t){r->base}, r->len, a);
	shadow_set_v(o->shadow, (gpa_t){r->base}, r->len, v);
	o->ops.track(o->ops.ctx, (gpa_t){r->base}, r->len);
}

/*
 * The next pages from *at on, up to end, that are tracked, or not tracked, all of one region (NULL: of
 * none that has any): *at is behind them then. Returns their bytes, 0 at the end.
 */
static uint64_t next_run(const struct objects *o, uint64_t *at, uint64_t end, bool tracked)
{
	uint64_t start;

	while (*at < end && shadow_tracked(o->shadow, (gpa_t){*at}) != tracked)
		*at += GUEST_PAGE;
	start = *at;
	while (*at < end && shadow_tracked(o->shadow, (gpa_t){*at}) == tracked)
		*at += GUEST_PAGE;
	return *at - start;
}

static void untrack_range(struct objects *o, uint64_t from, uint64_t end)
{
	uint64_t len;

	while ((len = next_run(o, &from, end, true))) {
		shadow_untrack(o->shadow, (gpa_t){from - len}, len);
		o->ops.untrack(o->ops.ctx, (gpa_t){from - len}, len);
	}
}

static void region_untrack(struct objects *o, const struct region *r)
{
	untrack_range(o, r->base, r->base + r->len);
}

static void region_drop(struct objects *o, struct region *r)
{
	o->stats.missed_frees += r->nlive;
	if (r->kind != REGION_GONE)
		region_untrack(o, r);
	region_destroy(o, r);
}

/* Whatever is recorded in the range gives way, as a whole, even where only a part lies there. */
static void drop_range(struct objects *o, gpa_t gpa, uint64_t len)
{
	for (uint64_t off = 0; off < len; off += GUEST_PAGE) {
		struct region *r = region_at(o, (gpa_t){gpa.v + off});

		if (r)
			region_drop(o, r);
	}
}

static bool whole_pages(const struct objects *o, gpa_t gpa, uint64_t len)
{
	return len && gpa.v % GUEST_PAGE == 0 && len % GUEST_PAGE == 0 &&
	       guest_ram_contains(o->ram, gpa, len);
}

/* ------------------------------------------------------------ hide and show */

void objects_set_lazy(struct objects *o, bool lazy)
{
	o->lazy = lazy;
}

static enum a_state state_of(enum obj_state state)
{
	static const enum a_state states[] = {
		[OBJ_LIVE] = A_ALLOCATED,
		[OBJ_FREED] = A_FREED,
		[OBJ_UNKNOWN] = A_UNKNOWN,
		[OBJ_UNALLOCATED] = A_UNALLOCATED,
	};

	return states[state];
}

/* The states of a page from its first byte on; a slot of 8 bytes has two. */
struct runs {
	unsigned n;
	struct shadow_run run[2 * GUEST_PAGE / REGION_ALIGN + 2];
};

/* The next bytes, up to end, which may lie in front of the page or behind it. */
static void put_run(struct runs *runs, uint64_t page, uint64_t end, enum a_state a)
{
	uint64_t from = page + (runs->n ? runs->run[runs->n - 1].end : 0);

	if (end > page + GUEST_PAGE)
		end = page + GUEST_PAGE;
	if (end <= from)
		return;
	if (!runs->n || runs->run[runs->n - 1].a != a)
		runs->run[runs->n++].a = (uint8_t)a;
	runs->run[runs->n - 1].end = (uint16_t)(end - page);
}

/* A lack of memory leaves it unknown (shadow.h). */
static void page_rebuild(struct objects *o, const struct region *r, uint64_t page)
{
	enum a_state slack = r->kind == REGION_SLAB ? state_of(r->initial) : A_UNKNOWN;
	struct runs runs;
	uint64_t start;
	uint32_t i, end;

	runs.n = 0;
	region_slots_in(r, (gpa_t){page}, &i, &end);
	start = region_slot_start(r, i).v;
	put_run(&runs, page, r->slots && i < end ? start : 0, slack);
	for (; r->slots && i < end; i++, start += r->stride) {
		const struct slot *slot = &r->slots[i];

		if (slot->state == OBJ_LIVE) {
			put_run(&runs, page, start + slot->size, A_ALLOCATED);
			put_run(&runs, page, start + r->stride, A_REDZONE);
		} else {
			put_run(&runs, page, start + r->stride, state_of(slot->state));
		}
	}
	put_run(&runs, page, page + GUEST_PAGE, slack);
	shadow_track_runs(o->shadow, (gpa_t){page}, runs.run, runs.n);
}

void objects_watch(struct objects *o, gpa_t gpa, uint64_t len)
{
	uint64_t at = gpa.v, end = gpa.v + len, run = 0;

	for (; at <= end; at += GUEST_PAGE) {
		const struct region *r = at < end ? region_at(o, (gpa_t){at}) : NULL;

		if (r && r->kind != REGION_GONE && !shadow_tracked(o->shadow, (gpa_t){at})) {
			page_rebuild(o, r, at);
			run += GUEST_PAGE;
		} else if (run) {
			o->ops.track(o->ops.ctx, (gpa_t){at - run}, run);
			run = 0;
		}
	}
}

static void set_fate(struct objects *o, struct slot *slot, enum obj_fate fate)
{
	uint64_t *count[] = {
		[FATE_UNWATCHED] = &o->stats.unwatched,
		[FATE_WATCHED] = &o->stats.watched,
		[FATE_CUT] = &o->stats.cut,
	};

	slot->fate = fate;
	(*count[fate])++;
}

static void page_cut(struct objects *o, const struct region *r, uint64_t page)
{
	uint32_t i, end;

	if (!r->slots)
		return;
	region_slots_in(r, (gpa_t){page}, &i, &end);
	for (; i < end; i++) {
		if (r->slots[i].state != OBJ_LIVE || r->slots[i].fate != FATE_WATCHED)
			continue;
		o->stats.watched--;
		set_fate(o, &r->slots[i], FATE_CUT);
	}
}

void objects_unwatch(struct objects *o, gpa_t gpa, uint64_t len)
{
	for (uint64_t at = gpa.v; at < gpa.v + len; at += GUEST_PAGE) {
		const struct region *r = region_at(o, (gpa_t){at});

		if (r && shadow_tracked(o->shadow, (gpa_t){at}))
			page_cut(o, r, at);
	}
	untrack_range(o, gpa.v, gpa.v + len);
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const gpa_t *)a)->v, y = ((const gpa_t *)b)->v;

	return (x > y) - (x < y);
}

void objects_unwatch_pages(struct objects *o, gpa_t *page, unsigned n)
{
	unsigned first = 0;

	qsort(page, n, sizeof(*page), by_address);
	for (unsigned i = 1; i <= n; i++) {
		if (i < n && page[i].v - page[i - 1].v <= GUEST_PAGE)
			continue;
		objects_unwatch(o, page[first], page[i - 1].v - page[first].v + GUEST_PAGE);
		first = i;
	}
}

void objects_watch_all(struct objects *o)
{
	for (uint64_t i = 0; i < guest_ram_pages(o->ram); i++)
		if (o->page[i])
			objects_watch(o, (gpa_t){o->page[i]->base}, o->page[i]->len);
}

void objects_forget_all(struct objects *o)
{
	for (uint64_t i = 0; i < guest_ram_pages(o->ram); i++) {
		struct region *r = o->page[i];

		if (!r)
			continue;
		if (r->kind != REGION_GONE)
			region_untrack(o, r);
		region_destroy(o, r);
	}
}

static uint64_t page_down(uint64_t addr)
{
	return addr & ~(GUEST_PAGE - 1ull);
}

/* True if every page of the slot is hidden then. */
static bool slot_watch(struct objects *o, gpa_t start, uint64_t stride, struct obj_change *change)
{
	uint64_t from = page_down(start.v), end = page_down(start.v + stride - 1) + GUEST_PAGE;

	if (!o->ops.wants || o->ops.wants(o->ops.ctx, change))
		objects_watch(o, (gpa_t){from}, end - from);
	while (from < end && shadow_tracked(o->shadow, (gpa_t){from}))
		from += GUEST_PAGE;
	return from == end;
}

/* ------------------------------------------------------------- slabs, pages */

static bool cache_fits(const struct obj_cache *cache, uint64_t len)
{
	if (!cache || !cache->slot_size)
		return true;
	return cache->slot_size >= REGION_ALIGN && cache->object_size <= cache->slot_size &&
	       cache->first <= len && cache->slot_size <= len - cache->first;
}

/* The slots made so far, from a guess, are not those of the cache. */
static bool guessed_wrong(const struct region *r, const struct obj_cache *cache)
{
	return r->slots && cache && cache->slot_size &&
	       (cache->slot_size != r->stride || cache->first != r->first);
}

static void slab_set_cache(struct region *r, const struct obj_cache *cache)
{
	r->cache = cache;
	if (cache && cache->slot_size && !r->slots)
		region_set_geometry(r, cache->first, cache->slot_size);
}

enum obj_verdict objects_slab(struct objects *o, gpa_t gpa, uint64_t len,
			      const struct obj_cache *cache, bool fresh)
{
	struct region *r;
	bool defined;

	if (!whole_pages(o, gpa, len) || len > REGION_MAX || !cache_fits(cache, len))
		return OBJ_HOSTILE;
	r = region_at(o, gpa);
	if (r && r->kind == REGION_SLAB && r->base == gpa.v && r->len == len &&
	    (!cache || !r->cache || cache == r->cache)) {
		if (r->cache)
			return OBJ_OK;
		if (!guessed_wrong(r, cache)) {
			slab_set_cache(r, cache);
			return OBJ_OK;
		}
		fresh = false;
	}
	o->stats.remade += !fresh && r && r->kind == REGION_SLAB;
	defined = !fresh || (cache && cache->constructor);
	drop_range(o, gpa, len);
	r = region_create(o, REGION_SLAB, gpa, len);
	if (!r)
		return OBJ_NO_MEMORY; /* not tracked; its objects will be in no known slab */
	r->initial = fresh ? OBJ_UNALLOCATED : OBJ_UNKNOWN;
	slab_set_cache(r, cache);
	region_track(o, r, fresh ? A_UNALLOCATED : A_UNKNOWN, defined ? V_DEFINED : V_UNDEFINED);
	return OBJ_OK;
}

enum obj_verdict objects_pages_gone(struct objects *o, gpa_t gpa, uint64_t len)
{
	if (!whole_pages(o, gpa, len))
		return OBJ_HOSTILE;
	for (uint64_t off = 0; off < len; off += GUEST_PAGE) {
		struct region *r = region_at(o, (gpa_t){gpa.v + off});

		if (!r || r->kind == REGION_GONE)
			continue;
		if (r->kind == REGION_LARGE && region_state(r, 0) == OBJ_FREED) {
			region_untrack(o, r);
			r->kind = REGION_GONE;
			o->known -= r->len;
		} else {
			region_drop(o, r);
		}
	}
	return OBJ_OK;
}

enum obj_verdict objects_unwatched_slab(struct objects *o, gpa_t gpa, uint64_t len)
{
	if (!whole_pages(o, gpa, len))
		return OBJ_HOSTILE;
	drop_range(o, gpa, len);
	return OBJ_OK;
}

/* --------------------------------------------------------------- allocations */

/* The V bits of a slot survive its being handed out. */
static bool content_survives(const struct region *r, enum obj_state before)
{
	return r->cache && r->cache->typesafe_by_rcu && before != OBJ_UNALLOCATED;
}

static bool is_nobodys(const struct region *r, uint32_t i)
{
	enum obj_state state = i < r->nslots ? region_state(r, i) : OBJ_UNKNOWN;

	return state == OBJ_FREED || state == OBJ_UNALLOCATED;
}

static enum obj_verdict slot_alloc(struct objects *o, struct region *r, uint32_t i, uint64_t size,
				   const struct obj_alloc *a)
{
	bool defined = a->zeroed || (r->cache && r->cache->constructor);
	enum obj_state before = region_state(r, i);
	gpa_t start = region_slot_start(r, i);
	struct slot *slot = &r->slots[i];
	struct obj_change change = {.large = a->large,
				    .defined = defined,
				    .exposed = is_nobodys(r, i + 1) || (i && is_nobodys(r, i - 1)),
				    .start = start,
				    .size = size,
				    .slot = r->stride,
				    .cache = r->cache,
				    .event = a->event};
	bool watched = slot_watch(o, start, r->stride, &change);

	if (before == OBJ_LIVE)
		o->stats.missed_frees++;
	set_fate(o, slot, watched && !a->late ? FATE_WATCHED : FATE_UNWATCHED);
	slot->left_out = change.left_out;
	defined |= a->late;
	region_set_state(o, r, i, OBJ_LIVE);
	slot->size = (uint32_t)size;
	slot->zeroed = a->zeroed;
	mark_set(o, &slot->freed, NULL);
	mark_set(o, &slot->allocated, a->event);
	return shadow_set_slot(o->shadow, start, r->stride, size, A_ALLOCATED,
			       defined			     ? SHADOW_DEFINED :
			       content_survives(r, before) ? SHADOW_KEEP :
							     SHADOW_UNDEFINED) ?
		       OBJ_NO_MEMORY :
		       OBJ_OK;
}

/* An allocation that the table will not know. */
static enum obj_verdict unrecorded(struct objects *o, enum obj_verdict verdict)
{
	if (verdict != OBJ_HOSTILE)
		o->stats.unwatched++;
	return verdict;
}

void objects_unplaced(struct objects *o)
{
	o->stats.unplaced++;
	unrecorded(o, OBJ_OK);
}

/* No memory for the slots: the slab is tracked on, but nothing in it is known. */
static enum obj_verdict slab_give_up(struct objects *o, struct region *r)
{
	uint64_t at = r->base, len;

	r->initial = OBJ_UNKNOWN;
	while ((len = next_run(o, &at, r->base + r->len, true)))
		shadow_track(o->shadow, (gpa_t){at - len}, len, A_UNKNOWN);
	return OBJ_NO_MEMORY;
}

static enum obj_verdict alloc_large(struct objects *o, const struct obj_alloc *a)
{
	uint64_t len = a->slot > a->size ? a->slot : a->size;
	struct region *r;

	if (!a->size || len > REGION_MAX)
		return OBJ_HOSTILE;
	len = (len + GUEST_PAGE - 1) / GUEST_PAGE * GUEST_PAGE;
	if (!whole_pages(o, a->addr, len))
		return OBJ_HOSTILE;
	drop_range(o, a->addr, len);
	r = region_create(o, REGION_LARGE, a->addr, len);
	if (!r)
		return unrecorded(o, OBJ_NO_MEMORY);
	r->initial = OBJ_UNALLOCATED;
	r->cache = a->cache;
	region_set_geometry(r, 0, len);
	if (!region_make_slots(o, r)) {
		region_destroy(o, r);
		return unrecorded(o, OBJ_NO_MEMORY);
	}
	region_track(o, r, A_UNKNOWN, V_DEFINED);
	return slot_alloc(o, r, 0, a->size, a);
}

/*
 * The slab of a small object, with its geometry known. NULL with OBJ_OK where the object can have
 * no record: in no known slab, or of unknown size.
 */
static enum obj_verdict slab_of(struct objects *o, const struct obj_alloc *a, struct region **out)
{
	struct region *r = region_at(o, a->addr);
	enum obj_verdict err;

	*out = NULL;
	if (r && r->kind == REGION_SLAB && a->cache && a->cache != r->cache) {
		/* Its cache was unknown, or the slab was given back and made anew unnoticed. */
		err = objects_slab(o, (gpa_t){r->base}, r->len, a->cache, false);
		if (err)
			return unrecorded(o, err);
		r = region_at(o, a->addr);
	}
	if (!r || r->kind != REGION_SLAB || (!r->stride && !a->slot)) {
		objects_unplaced(o);
		return OBJ_OK;
	}
	if (!r->stride && !region_set_geometry(r, r->cache ? r->cache->first : 0, a->slot))
		return OBJ_HOSTILE;
	*out = r;
	return OBJ_OK;
}

enum obj_verdict objects_alloc(struct objects *o, const struct obj_alloc *a)
{
	struct region *r;
	uint32_t i, off;
	uint64_t size;
	enum obj_verdict err;

	if (!guest_ram_contains(o->ram, a->addr, a->size ? a->size : 1) ||
	    (a->slot && a->size > a->slot) || a->slot > REGION_MAX)
		return OBJ_HOSTILE;
	if (a->large)
		return alloc_large(o, a);
	err = slab_of(o, a, &r);
	if (err || !r)
		return err;
	size = a->size;
	if (!size)
		size = r->cache && r->cache->object_size ? r->cache->object_size : r->stride;
	if (size > r->stride || !region_slot(r, a->addr, &i, &off) || off)
		return OBJ_HOSTILE;
	if (!region_make_slots(o, r))
		return unrecorded(o, slab_give_up(o, r));
	return slot_alloc(o, r, i, size, a);
}

/* --------------------------------------------------------------------- frees */

static enum obj_verdict slot_free(struct objects *o, struct region *r, uint32_t i,
				  const struct obj_event *event)
{
	bool keeps = r->cache && (r->cache->constructor || r->cache->typesafe_by_rcu);
	gpa_t start = region_slot_start(r, i);

	if (!region_make_slots(o, r))
		return slab_give_up(o, r);
	slot_watch(o, start, r->stride,
		   &(struct obj_change){.frees = true,
					.large = r->kind != REGION_SLAB,
					.start = start,
					.size = r->slots[i].size,
					.slot = r->stride,
					.cache = r->cache,
					.event = event,
					.left_out = r->slots[i].left_out});
	region_set_state(o, r, i, OBJ_FREED);
	mark_set(o, &r->slots[i].freed, event);
	return shadow_set_slot(o->shadow, start, r->stride, r->stride, A_FREED,
			       keeps ? SHADOW_KEEP : SHADOW_UNDEFINED) ?
		       OBJ_NO_MEMORY :
		       OBJ_OK;
}

/* What a free of the first byte of a slot is, and of any other byte. */
static const struct {
	bool frees;
	enum obj_verdict start, inner;
} free_rules[] = {
	[OBJ_LIVE] = {true, OBJ_OK, OBJ_INVALID_FREE},
	[OBJ_FREED] = {false, OBJ_DOUBLE_FREE, OBJ_INVALID_FREE},
	[OBJ_UNKNOWN] = {true, OBJ_OK, OBJ_OK},
	[OBJ_UNALLOCATED] = {false, OBJ_INVALID_FREE, OBJ_INVALID_FREE},
};

enum obj_verdict objects_free(struct objects *o, gpa_t addr, const struct obj_event *event,
			      struct object *obj)
{
	struct region *r = region_at(o, addr);
	enum obj_state state;
	uint32_t i, off;

	*obj = (struct object){.state = OBJ_UNKNOWN};
	if (!r || !r->stride)
		return OBJ_OK;
	if (!region_slot(r, addr, &i, &off)) {
		region_describe_slack(r, addr, obj);
		return r->initial == OBJ_UNALLOCATED ? OBJ_INVALID_FREE : OBJ_OK;
	}
	region_describe(r, i, obj);
	if (r->kind == REGION_GONE) /* another owner's inner pointer is none of our business */
		return off ? OBJ_OK : OBJ_DOUBLE_FREE;
	state = region_state(r, i);
	if (off)
		return free_rules[state].inner;
	return free_rules[state].frees ? slot_free(o, r, i, event) : free_rules[state].start;
}

/* -------------------------------------------------------------- size changes */

static int set_both(struct objects *o, gpa_t start, uint64_t from, uint64_t to, enum a_state a,
		    uint8_t v)
{
	gpa_t gpa = {start.v + from};
	int err = shadow_set_a(o->shadow, gpa, to - from, a);

	return shadow_set_v(o->shadow, gpa, to - from, v) ?: err;
}

/* The live object that starts at addr. */
static struct region *live_at(const struct objects *o, gpa_t addr, uint32_t *i)
{
	struct region *r = region_at(o, addr);
	uint32_t off;

	if (!r || r->kind == REGION_GONE || !region_slot(r, addr, i, &off) || off ||
	    region_state(r, *i) != OBJ_LIVE)
		return NULL;
	return r;
}

static enum obj_verdict set_size(struct objects *o, struct region *r, uint32_t i, uint64_t size,
				 bool defined)
{
	gpa_t start = region_slot_start(r, i);
	uint64_t old = r->slots[i].size;
	int err = 0;

	r->slots[i].size = (uint32_t)size;
	if (size > old)
		err = set_both(o, start, old, size, A_ALLOCATED, defined ? V_DEFINED : V_UNDEFINED);
	else if (size < old)
		err = set_both(o, start, size, old, A_REDZONE, V_UNDEFINED);
	return err ? OBJ_NO_MEMORY : OBJ_OK;
}

enum obj_verdict objects_ksize(struct objects *o, gpa_t addr, bool defined)
{
	uint32_t i;
	struct region *r = live_at(o, addr, &i);

	return r ? set_size(o, r, i, r->stride, defined || r->slots[i].zeroed) : OBJ_OK;
}

enum obj_verdict objects_resize(struct objects *o, gpa_t addr, uint64_t size, bool defined)
{
	uint32_t i;
	struct region *r = live_at(o, addr, &i);

	if (!r)
		return OBJ_OK;
	if (!size || size > r->stride)
		return OBJ_HOSTILE;
	return set_size(o, r, i, size, defined);
}

/* ------------------------------------------------------------------- queries */

bool objects_find(const struct objects *o, gpa_t gpa, struct object *obj)
{
	const struct region *r = region_at(o, gpa);
	uint32_t i, off;

	if (!r || r->kind == REGION_GONE)
		return false;
	if (region_slot(r, gpa, &i, &off))
		region_describe(r, i, obj);
	else
		region_describe_slack(r, gpa, obj);
	return true;
}

bool objects_slab_at(const struct objects *o, gpa_t gpa, const struct obj_cache **cache)
{
	const struct region *r = region_at(o, gpa);

	if (!r || r->kind != REGION_SLAB)
		return false;
	*cache = r->cache;
	return true;
}

static void prefetch_slots(const struct region *r, gpa_t gpa)
{
	uint32_t i, off;

	if (!r || !r->slots || !region_slot(r, gpa, &i, &off))
		return;
	__builtin_prefetch(&r->slots[i ? i - 1 : i]);
	__builtin_prefetch(&r->slots[i], 1);
	__builtin_prefetch(&r->slots[i + 1 < r->nslots ? i + 1 : i]);
}

void objects_prefetch(const struct objects *o, gpa_t gpa, enum obj_prefetch what)
{
	int64_t i = guest_ram_page_index(o->ram, gpa);

	if (i < 0)
		return;
	switch (what) {
	case OBJ_PREFETCH_ENTRY:
		__builtin_prefetch(&o->page[i]);
		shadow_prefetch_entry(o->shadow, gpa);
		break;
	case OBJ_PREFETCH_PAGE:
		__builtin_prefetch(o->page[i]);
		__builtin_prefetch(o->page[i] ? &o->page[i]->slots : NULL); /* often in the next line */
		shadow_prefetch_page(o->shadow, gpa);
		break;
	case OBJ_PREFETCH_SLOT:
		prefetch_slots(o->page[i], gpa);
		shadow_prefetch_v(o->shadow, gpa);
		break;
	}
}

static bool region_each_live(const struct region *r,
			     bool (*each)(void *ctx, const struct object *obj), void *ctx)
{
	struct object obj;

	for (uint32_t i = 0; r->nlive && i < r->nslots; i++) {
		if (region_state(r, i) != OBJ_LIVE)
			continue;
		region_describe(r, i, &obj);
		if (!each(ctx, &obj))
			return false;
	}
	return true;
}

void objects_each_live(const struct objects *o, bool (*each)(void *ctx, const struct object *obj),
		       void *ctx)
{
	const struct region *last = NULL;

	for (uint64_t n = 0; n < guest_ram_pages(o->ram); n++) {
		const struct region *r = o->page[n];

		if (!r || r == last || r->kind == REGION_GONE)
			continue;
		if (!region_each_live(r, each, ctx))
			return;
		last = r;
	}
}

/* 8: the entry of a page in the table. */
uint64_t objects_bytes(const struct objects *o)
{
	return o->bytes + depot_bytes(o->depot) +
	       o->known / GUEST_PAGE * sizeof(o->page[0]);
}

uint64_t objects_known_bytes(const struct objects *o)
{
	return o->known;
}

uint64_t objects_live(const struct objects *o)
{
	return o->live;
}

void objects_get_stats(const struct objects *o, struct objects_stats *stats)
{
	*stats = o->stats;
	stats->traces = depot_traces(o->depot);
}

uint64_t objects_missed_frees(const struct objects *o)
{
	return o->stats.missed_frees;
}
