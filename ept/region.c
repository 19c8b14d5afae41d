// SPDX-License-Identifier: GPL-2.0-only
/*
 * region.c: the records of slabs, large objects, their slots and events, and the memory they take.
 *
 * Slots exist from the first allocation or free in a region on. An event is a copy per slot, two at
 * most, kept as long as the slot tells of it; all of them together stay below a quarter of the
 * guest's memory, and what goes beyond is counted and not recorded.
 *
 * Does not touch the shadow, and does not know what an event means.
 */
#include "region.h"

#include <stdlib.h>
#include <string.h>

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

void event_set(struct objects *o, struct obj_event **slot, const struct obj_event *event)
{
	const unsigned depth = sizeof(event->stack) / sizeof(event->stack[0]);

	if (!event) {
		if (*slot)
			o->event_bytes -= sizeof(**slot);
		give(o, *slot, 1, sizeof(**slot));
		*slot = NULL;
		return;
	}
	if (!*slot && o->event_bytes + sizeof(**slot) <= o->event_limit) {
		*slot = take(o, 1, sizeof(**slot));
		if (*slot)
			o->event_bytes += sizeof(**slot);
	}
	if (!*slot) {
		o->stats.unrecorded_events++;
		return;
	}
	**slot = *event;
	(*slot)->comm[sizeof(event->comm) - 1] = '\0';
	if ((*slot)->nstack > depth)
		(*slot)->nstack = (uint8_t)depth;
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

	for (uint64_t n = 0; n < len / GUEST_PAGE; n++)
		o->page[(uint64_t)i + n] = r;
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
	return r;
}

static void drop_slots(struct objects *o, struct region *r)
{
	for (uint32_t i = 0; r->slots && i < r->nslots; i++) {
		event_set(o, &r->slots[i].allocated, NULL);
		event_set(o, &r->slots[i].freed, NULL);
	}
	give(o, r->slots, r->nslots, sizeof(*r->slots));
	r->slots = NULL;
}

void region_destroy(struct objects *o, struct region *r)
{
	enter(o, r->base, r->len, NULL);
	drop_slots(o, r);
	o->live -= r->nlive;
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
		r->slots[i].state = (uint8_t)r->initial;
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

enum obj_state region_state(const struct region *r, uint32_t index)
{
	return r->slots ? (enum obj_state)r->slots[index].state : r->initial;
}

void region_set_state(struct objects *o, struct region *r, uint32_t index, enum obj_state state)
{
	bool was = r->slots[index].state == OBJ_LIVE, is = state == OBJ_LIVE;

	r->nlive += (uint32_t)is - (uint32_t)was;
	o->live += (uint64_t)is - (uint64_t)was;
	r->slots[index].state = (uint8_t)state;
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
		.allocated = slot ? slot->allocated : NULL,
		.freed = slot ? slot->freed : NULL,
	};
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
