// SPDX-License-Identifier: GPL-2.0-only
/* record.c: one record of the agent, checked and applied to the object table. */
#include <string.h>

#include "checker_internal.h"

#define BELL_FRAMES 4 /* of a call trace, that tell what follows an announcement */

struct applied {
	struct checker *c;
	const struct kmc_record *r;
	unsigned cpu;
	gpa_t gpa;
	struct obj_event event;
};

/*
 * The clocks of two CPUs may differ by milliseconds (sched_clock() on an unstable TSC), but the records' order
 * is the true one: each has a time of its own, in the microseconds of struct obj_mark.
 */
static uint64_t time_of(struct checker *c, const struct kmc_record *r)
{
	uint64_t us = r->time / 1000, last = c->announced / 1000;

	if (us <= last)
		us = last + 1;
	c->announced = us * 1000;
	return us * 1000;
}

static void event_fill(struct applied *a)
{
	const struct kmc_record *r = a->r;
	struct obj_event *e = &a->event;

	memset(e, 0, sizeof(*e));
	e->time = time_of(a->c, r);
	e->pid = r->pid;
	e->cpu = a->cpu;
	memcpy(e->comm, r->comm, sizeof(r->comm));
	e->nstack = r->nstack;
	memcpy(e->stack, r->stack, r->nstack * sizeof(r->stack[0]));
	if (!e->nstack && r->caller) {
		e->stack[0] = r->caller;
		e->nstack = 1;
	}
}

static enum obj_verdict apply_slab(struct applied *a)
{
	const struct obj_cache *cache = caches_get(a->c, a->r->cache, true);
	enum obj_verdict v;

	if (!cache)
		cache = caches_of_page(a->c, a->r->page);
	if (cache && rules_match_cache(a->c->config.rules, "untracked", cache->name)) {
		a->c->stats.unwatched_slabs++;
		return objects_unwatched_slab(a->c->objects, a->gpa, a->r->size);
	}
	v = objects_slab(a->c->objects, a->gpa, a->r->size, cache, a->r->type == KMC_SLAB);
	if (v == OBJ_OK)
		tracking_slab(a->c, cache, a->gpa, a->r->size);
	if (v == OBJ_OK)
		counted_begin(a->c, cache, a->gpa, a->r->size);
	return v;
}

static enum obj_verdict apply_alloc(struct applied *a)
{
	const struct kmc_record *r = a->r;
	struct obj_alloc alloc = { .addr = a->gpa,
				   .size = r->size,
				   .slot = r->slot,
				   .zeroed = r->flags & KMC_F_ZEROED,
				   .large = r->type == KMC_LARGE,
				   .event = &a->event };
	struct object known;

	a->c->stats.objects++;
	if (r->cache)
		alloc.cache = caches_get(a->c, r->cache, false);
	else if (!alloc.large && objects_find(a->c->objects, a->gpa, &known))
		alloc.cache = known.cache;
	if (r->type == KMC_ALLOC) {
		if (!alloc.cache || !alloc.cache->object_size) {
			objects_unplaced(a->c->objects);
			return OBJ_OK;
		}
		alloc.size = alloc.cache->object_size;
		alloc.slot = alloc.cache->slot_size;
	}
	alloc.late = tracking_late(a->c, r, a->gpa, alloc.size);
	return objects_alloc(a->c->objects, &alloc);
}

static enum obj_verdict apply_free(struct applied *a)
{
	struct object object;
	enum obj_verdict v = objects_free(a->c->objects, a->gpa, &a->event, &object);

	if (v == OBJ_DOUBLE_FREE || v == OBJ_INVALID_FREE)
		describe_free(a->c, a->r, a->cpu, a->gpa,
			      v == OBJ_DOUBLE_FREE ? VERDICT_DOUBLE_FREE : VERDICT_INVALID_FREE,
			      &object);
	return v;
}

static enum obj_verdict apply_ksize(struct applied *a)
{
	struct object object;
	bool late = objects_find(a->c->objects, a->gpa, &object) &&
		    tracking_late(a->c, a->r, a->gpa, object.slot);

	return objects_ksize(a->c->objects, a->gpa, late);
}

static enum obj_verdict apply_resize(struct applied *a)
{
	bool late = tracking_late(a->c, a->r, a->gpa, a->r->size);

	return objects_resize(a->c->objects, a->gpa, a->r->size,
			      late || a->r->flags & KMC_F_ZEROED);
}

static enum obj_verdict apply_pages(struct applied *a)
{
	return objects_pages_gone(a->c->objects, a->gpa, a->r->size);
}

/* What must lie in memory for the record to be possible: the sized ones their size, others a byte. */
static const struct {
	enum obj_verdict (*apply)(struct applied *a);
	bool sized;
} kinds[KMC_RECORD_TYPES] = {
	[KMC_SLAB] = { apply_slab, true },     [KMC_ADOPT] = { apply_slab, true },
	[KMC_ALLOC] = { apply_alloc, false },  [KMC_KMALLOC] = { apply_alloc, true },
	[KMC_LARGE] = { apply_alloc, true },   [KMC_FREE] = { apply_free, false },
	[KMC_KSIZE] = { apply_ksize, false },  [KMC_RESIZE] = { apply_resize, true },
	[KMC_PAGES] = { apply_pages, true },
};

/* What the guest does behind such an announcement is mostly the same for one call trace. */
static void note_bell(struct bell *b, const struct kmc_record *r, gpa_t gpa)
{
	uint64_t place = r->type + 1;

	for (unsigned n = 0; n < r->nstack && n < BELL_FRAMES; n++)
		place = (place ^ r->stack[n]) * 0x9e3779b97f4a7c15ull;
	*b = (struct bell){ .waits = true, .gpa = gpa, .place = place };
}

void record_apply(struct checker *c, const struct kmc_record *r, unsigned cpu)
{
	struct applied a = { .c = c, .r = r, .cpu = cpu };

	if (r->type >= KMC_RECORD_TYPES || !kinds[r->type].apply || r->nstack > KMC_STACK_DEPTH) {
		agent_give_up(c, "announcement %llu has an impossible type",
			      (unsigned long long)r->seq);
		return;
	}
	if (!agent_gpa(c, r->addr, kinds[r->type].sized ? r->size : 1, &a.gpa)) {
		/* A wild pointer given to kfree() is the guest's bug, not the agent's. */
		if (r->type != KMC_FREE && r->type != KMC_KSIZE)
			agent_give_up(c, "announcement %llu names memory that does not exist",
				      (unsigned long long)r->seq);
		return;
	}
	objects_prefetch(c->objects, a.gpa, OBJ_PREFETCH_PAGE);
	event_fill(&a);
	objects_prefetch(c->objects, a.gpa, OBJ_PREFETCH_SLOT);
	c->record = r;
	if (kinds[r->type].apply(&a) == OBJ_HOSTILE)
		agent_give_up(c, "announcement %llu (type %u, address %#llx, size %llu) contradicts "
			      "the ones before it", (unsigned long long)r->seq, r->type,
			      (unsigned long long)r->addr, (unsigned long long)r->size);
	c->record = NULL;
	if (r->flags & KMC_F_WAITS)
		note_bell(&c->bell[cpu], r, a.gpa);
}
