// SPDX-License-Identifier: GPL-2.0-only
/*
 * region.c: the records of slabs, large objects, their slots and events, and the memory they take.
 *
 * Slots exist from the first allocation or free in a region on, and tell of two events at most. Who and
 * when is in the slot; call traces and names are in the depot.
 *
 * Does not touch the shadow, and does not know what an event means.
 */
#include "region.h"

#include "pool.h"
#include <stdlib.h>

static void *take(struct objects *o, size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p)
		o->bytes += n * size;
	return p;
}

static void give(struct objects *o, void *p, size_t n, size_t size)
{
	if (p)
		o->bytes -= n * size;
	free(p);
}

/* -------------------------------------------------------------------- events */

void mark_set(struct objects *o, struct obj_mark *mark, const struct obj_event *event)
{
	*mark = (struct obj_mark){ .known = event != NULL };
	if (!event)
		return;
	mark->trace = objects_put_trace(o, event->stack, event->nstack);
	mark->pid = event->pid & ((1u << 22) - 1);
	mark->cpu = event->cpu & 127u;
	mark->name = depot_put_name(o->depot, event->comm) & DEPOT_NAMES;
	mark->time = event->time / 1000 & ((1ull << 44) - 1);
}

uint32_t objects_put_trace(struct objects *o, const uint64_t *frames, unsigned n)
{
	uint32_t trace = depot_put(o->depot, frames, n < DEPOT_FRAMES ? n : DEPOT_FRAMES);

	if (n && !trace)
		o->stats.unrecorded_traces++;
	return trace;
}

unsigned objects_get_trace(const struct objects *o, uint32_t trace, uint64_t frames[OBJ_FRAMES])
{
	return depot_get(o->depot, trace, frames);
}

bool objects_event(const struct objects *o, const struct obj_mark *mark, struct obj_event *event)
{
	if (!mark->known)
		return false;
	/* The cast: gcc multiplies 44 bits as 44 bits. */
	*event = (struct obj_event){
		.time = (uint64_t)mark->time * 1000, .pid = mark->pid, .cpu = mark->cpu};
	depot_get_name(o->depot, mark->name, event->comm);
	event->nstack = (uint8_t)depot_get(o->depot, mark->trace, event->stack);
	return true;
}

/* ------------------------------------------------------------------- regions */

struct region *region_at(const struct objects *o, gpa_t gpa)
{
	int64_t i = guest_ram_page_index(o->ram, gpa);

	return i < 0 ? NULL : o->page[i];
}

static void enter(struct objects *o, uint64_t base, uint64_t len, struct region *r)
{
	int64_t i = guest_ram_page_index(o->ram, (gpa_t){base});
	uint64_t before = o->npages;

	for (uint64_t n = 0; n < len / GUEST_PAGE; n++)
		o->page[(uint64_t)i + n] = r;
	o->npages += r ? len / GUEST_PAGE : -(len / GUEST_PAGE);
	if (before < POOL_LARGE_TABLE && o->npages >= POOL_LARGE_TABLE)
		pool_make_huge(o->page, guest_ram_pages(o->ram) * sizeof(o->page[0]));
}

struct region *region_create(struct objects *o, enum region_kind kind, gpa_t base, uint64_t len)
{
	struct region *r = take(o, 1, sizeof(*r));

	if (!r)
		return NULL;
	r->kind = kind;
	r->base = base.v;
	r->len = len;
	enter(o, r->base, r->len, r);
	o->known += len;
	return r;
}

static void drop_slots(struct objects *o, struct region *r)
{
	give(o, r->slots, r->nslots, sizeof(*r->slots));
	r->slots = NULL;
}

void region_destroy(struct objects *o, struct region *r)
{
	enter(o, r->base, r->len, NULL);
	drop_slots(o, r);
	o->live -= r->nlive;
	if (r->kind != REGION_GONE)
		o->known -= r->len;
	give(o, r, 1, sizeof(*r));
}

/* --------------------------------------------------------------------- slots */

bool region_set_geometry(struct region *r, uint64_t first, uint64_t stride)
{
	if (first > r->len || stride < REGION_ALIGN || stride > r->len - first)
		return false;
	r->first = (uint32_t)first;
	r->stride = (uint32_t)stride;
	r->nslots = (uint32_t)((r->len - first) / stride);
	return true;
}

bool region_make_slots(struct objects *o, struct region *r)
{
	if (r->slots)
		return true;
	r->slots = take(o, r->nslots, sizeof(*r->slots));
	for (uint32_t i = 0; r->slots && i < r->nslots; i++)
		r->slots[i].state = r->initial;
	return r->slots != NULL;
}

bool region_slot(const struct region *r, gpa_t gpa, uint32_t *index, uint32_t *off)
{
	uint64_t at = gpa.v - r->base;

	if (!r->stride || at < r->first || (at - r->first) / r->stride >= r->nslots)
		return false;
	*index = (uint32_t)((at - r->first) / r->stride);
	*off = (uint32_t)((at - r->first) % r->stride);
	return true;
}

gpa_t region_slot_start(const struct region *r, uint32_t index)
{
	return (gpa_t){r->base + r->first + (uint64_t)index * r->stride};
}

void region_slots_in(const struct region *r, gpa_t gpa, uint32_t *first, uint32_t *end)
{
	uint64_t from = gpa.v - r->base, to = from + GUEST_PAGE;

	*first = *end = 0;
	if (!r->stride || to <= r->first)
		return;
	*first = from > r->first ? (uint32_t)((from - r->first) / r->stride) : 0;
	*end = (uint32_t)((to - r->first + r->stride - 1) / r->stride);
	if (*end > r->nslots)
		*end = r->nslots;
}

enum obj_state region_state(const struct region *r, uint32_t index)
{
	return r->slots ? (enum obj_state)r->slots[index].state : r->initial;
}

void region_set_state(struct objects *o, struct region *r, uint32_t index, enum obj_state state)
{
	bool was = r->slots[index].state == OBJ_LIVE, is = state == OBJ_LIVE;

	r->nlive += (uint32_t)is - (uint32_t)was;
	o->live += (uint64_t)is - (uint64_t)was;
	r->slots[index].state = state;
}

/* -------------------------------------------------------------- descriptions */

/* The size of an object of which no allocation was seen. */
static uint64_t usual_size(const struct region *r)
{
	uint32_t size = r->cache ? r->cache->object_size : 0;

	return size && size < r->stride ? size : r->stride;
}

void region_describe(const struct region *r, uint32_t index, struct object *obj)
{
	const struct slot *slot = r->slots ? &r->slots[index] : NULL;

	*obj = (struct object){
		.start = region_slot_start(r, index),
		.size = slot && slot->size ? slot->size : usual_size(r),
		.slot = r->stride,
		.state = region_state(r, index),
		.large = r->kind != REGION_SLAB,
		.cache = r->cache,
	};
	if (slot) {
		obj->allocated = slot->allocated;
		obj->freed = slot->freed;
	}
}

void region_describe_slack(const struct region *r, gpa_t gpa, struct object *obj)
{
	uint64_t end = r->first + (uint64_t)r->nslots * r->stride;
	bool before = gpa.v - r->base < r->first;
	uint64_t start = before ? 0 : end;

	*obj = (struct object){
		.start = {r->base + start},
		.slot = before ? r->first : r->len - end,
		.state = r->initial,
		.cache = r->cache,
	};
}
