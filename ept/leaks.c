// SPDX-License-Identifier: GPL-2.0-only
/*
 * leaks.c: marks what is reached, from the roots on, and hands out the rest: first the leaks that no
 * other leak points to, each with what hangs on it, then what is left, which are rings.
 *
 * Each object passes through the work list at most twice: when it is reached, or, where it is not, when it
 * is counted as hanging on another.
 */
#include "leaks.h"

#include <errno.h>
#include <stdlib.h>

#include "region.h"

/* struct slot.mark */
enum mark {
	MARK_NONE,	 /* not reached so far */
	MARK_REACHED,
	MARK_REFERENCED, /* not reached; another such object points to it */
	MARK_COUNTED,	 /* not reached; handed out, or counted as indirect */
};

struct work {
	struct region *region;
	uint32_t index;
};

struct search {
	struct objects *o;
	const struct leaks_config *config;
	struct leaks_stats *stats;
	struct work *work;
	size_t n, room;
	bool no_memory;
};

static bool is_object(const struct region *r, uint32_t index)
{
	const struct slot *slot = &r->slots[index];

	return slot->state == OBJ_LIVE && slot->allocated.known;
}

static uint64_t size_of(const struct region *r, uint32_t index)
{
	return r->slots[index].size ? r->slots[index].size : r->stride;
}

/* Words that may be pointers. */
struct words {
	const uint64_t *word;
	size_t n;
	bool in_memory;
	uint64_t gpa; /* of the first, where in_memory */
};

/* Left over from the memory's former owner. */
static bool is_undefined(const struct search *s, const struct words *w, size_t i)
{
	uint64_t v = 0;

	if (w->in_memory)
		shadow_read_v(s->o->shadow, (gpa_t){ w->gpa + 8 * i }, (uint8_t *)&v, sizeof(v));
	return v == ~0ull;
}

/* The object that word i points into; NULL where there is none. */
static struct slot *target(const struct search *s, const struct words *w, size_t i, struct work *at)
{
	uint64_t word = w->word[i];
	gpa_t gpa = { word - s->config->direct_map };
	struct region *r;
	uint32_t offset;

	if (word < s->config->direct_map)
		return NULL;
	r = region_at(s->o, gpa);
	if (!r || !r->slots || !region_slot(r, gpa, &at->index, &offset) || !is_object(r, at->index) ||
	    is_undefined(s, w, i))
		return NULL;
	at->region = r;
	return &r->slots[at->index];
}

static void push(struct search *s, const struct work *at)
{
	struct work *more;

	if (s->n == s->room) {
		s->room = s->room ? 2 * s->room : 1024;
		more = realloc(s->work, s->room * sizeof(*more));
		if (!more) {
			s->no_memory = true;
			return;
		}
		s->work = more;
	}
	s->work[s->n++] = *at;
}

static void reach_words(struct search *s, const struct words *w)
{
	struct work at;

	for (size_t i = 0; i < w->n && !s->no_memory; i++) {
		struct slot *slot = target(s, w, i, &at);

		if (!slot || slot->mark == MARK_REACHED)
			continue;
		slot->mark = MARK_REACHED;
		push(s, &at);
	}
}

/* The aligned words in [gpa, gpa + len). */
static struct words words_at(const struct search *s, uint64_t gpa, uint64_t len)
{
	uint64_t start = (gpa + 7) & ~7ull, end = (gpa + len) & ~7ull;
	struct words w = { .in_memory = true, .gpa = start };

	if (end > start)
		w.word = guest_ram_at(s->o->ram, (gpa_t){ start }, end - start);
	if (w.word)
		w.n = (end - start) / 8;
	return w;
}

static struct words words_of(const struct search *s, const struct work *at)
{
	return words_at(s, region_slot_start(at->region, at->index).v, size_of(at->region, at->index));
}

static void reach_through(struct search *s)
{
	while (s->n && !s->no_memory) {
		struct work at = s->work[--s->n];
		struct words w = words_of(s, &at);

		reach_words(s, &w);
	}
}

static void reach_used(struct search *s, uint64_t gpa, uint64_t end)
{
	struct words w = words_at(s, gpa, end - gpa);

	reach_words(s, &w);
	reach_through(s);
}

/* The first of the unused ranges that ends behind gpa. */
static size_t unused_from(const struct leaks_config *config, uint64_t gpa)
{
	size_t low = 0, high = config->nunused;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (config->unused[middle].end > gpa)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void reach_range(struct search *s, uint64_t gpa, uint64_t len)
{
	const struct leaks_range *unused = s->config->unused;
	uint64_t end = gpa + len;

	for (size_t n = unused_from(s->config, gpa); n < s->config->nunused && unused[n].gpa < end && gpa < end; n++) {
		if (unused[n].gpa > gpa)
			reach_used(s, gpa, unused[n].gpa);
		gpa = unused[n].end;
	}
	if (gpa < end)
		reach_used(s, gpa, end);
}

/* ------------------------------------------------------------- all of memory */

static void begin_slots(struct search *s, struct region *r)
{
	for (uint32_t i = 0; i < r->nslots; i++) {
		r->slots[i].mark = MARK_NONE;
		if (!is_object(r, i))
			continue;
		s->stats->objects++;
		s->stats->bytes += size_of(r, i);
	}
}

/* Objects of which no allocation was seen may hold anything. */
static bool is_young(const struct search *s, const struct region *r, uint32_t index)
{
	return is_object(r, index) && r->slots[index].allocated.time > s->config->newest / 1000;
}

static void reach_object(struct search *s, struct region *r, uint32_t index)
{
	if (r->slots[index].mark == MARK_REACHED)
		return;
	r->slots[index].mark = MARK_REACHED;
	push(s, &(struct work){ r, index });
	reach_through(s);
}

static void reach_region(struct search *s, struct region *r)
{
	if (!r->slots && r->initial == OBJ_UNKNOWN)
		reach_range(s, r->base, r->len);
	for (uint32_t i = 0; r->slots && i < r->nslots; i++)
		if (r->slots[i].state == OBJ_UNKNOWN ||
		    (r->slots[i].state == OBJ_LIVE && !is_object(r, i)))
			reach_range(s, region_slot_start(r, i).v, r->stride);
		else if (is_young(s, r, i))
			reach_object(s, r, i);
}

/* Calls fn once for each region, and page for each page without one. */
static void each_part(struct search *s, void (*fn)(struct search *s, struct region *r),
		      void (*page)(struct search *s, gpa_t gpa))
{
	struct guest_ram_range range[2];
	int n = guest_ram_ranges(s->o->ram, range);

	for (int i = 0; i < n; i++)
		for (uint64_t off = 0; off < range[i].len; off += GUEST_PAGE) {
			gpa_t gpa = { range[i].base.v + off };
			struct region *r = region_at(s->o, gpa);

			if (r && r->kind != REGION_GONE) {
				if (gpa.v == r->base)
					fn(s, r);
			} else if (page) {
				page(s, gpa);
			}
		}
}

static void begin_region(struct search *s, struct region *r)
{
	if (r->slots)
		begin_slots(s, r);
}

static void reach_page(struct search *s, gpa_t page)
{
	uint32_t dead = s->config->dead(s->config->ctx, page);

	if (dead < GUEST_PAGE)
		reach_range(s, page.v + dead, GUEST_PAGE - dead);
}

/* ---------------------------------------------------------------- what is left */

static void refer(struct search *s, const struct work *from)
{
	struct words w = words_of(s, from);
	struct work at;

	for (size_t i = 0; i < w.n; i++) {
		struct slot *slot = target(s, &w, i, &at);

		if (slot && slot->mark == MARK_NONE && slot != &from->region->slots[from->index])
			slot->mark = MARK_REFERENCED;
	}
}

static void refer_from_region(struct search *s, struct region *r)
{
	for (uint32_t i = 0; r->slots && i < r->nslots; i++) {
		if (!is_object(r, i) || r->slots[i].mark == MARK_REACHED)
			continue;
		s->stats->lost_objects++;
		s->stats->lost_bytes += size_of(r, i);
		refer(s, &(struct work){ r, i });
	}
}

/* Takes what hangs on the objects of the work list out of the search. */
static void count_through(struct search *s, uint64_t *objects, uint64_t *bytes)
{
	while (s->n && !s->no_memory) {
		struct work from = s->work[--s->n], at;
		struct words w = words_of(s, &from);

		for (size_t i = 0; i < w.n && !s->no_memory; i++) {
			struct slot *slot = target(s, &w, i, &at);

			if (!slot || slot->mark == MARK_REACHED || slot->mark == MARK_COUNTED)
				continue;
			slot->mark = MARK_COUNTED;
			*objects += 1;
			*bytes += size_of(at.region, at.index);
			push(s, &at);
		}
	}
}

static void hand_out(struct search *s, struct region *r, uint32_t index)
{
	struct work at = { r, index };
	uint64_t objects = 0, bytes = 0;
	struct object object;

	r->slots[index].mark = MARK_COUNTED;
	push(s, &at);
	count_through(s, &objects, &bytes);
	if (s->no_memory)
		return;
	region_describe(r, index, &object);
	s->config->found(s->config->ctx, &object, objects, bytes);
}

static void hand_out_marked(struct search *s, struct region *r, enum mark mark)
{
	for (uint32_t i = 0; r->slots && i < r->nslots && !s->no_memory; i++)
		if (is_object(r, i) && r->slots[i].mark == mark)
			hand_out(s, r, i);
}

static void hand_out_direct(struct search *s, struct region *r)
{
	hand_out_marked(s, r, MARK_NONE);
}

static void hand_out_rings(struct search *s, struct region *r)
{
	hand_out_marked(s, r, MARK_REFERENCED);
}

int leaks_find(struct objects *o, const struct leaks_config *config, struct leaks_stats *stats)
{
	struct search s = { .o = o, .config = config, .stats = stats };
	struct words given = { .word = config->words, .n = config->nwords };

	*stats = (struct leaks_stats){ 0 };
	if (!objects_live(o))
		return 0;
	each_part(&s, begin_region, NULL);
	reach_words(&s, &given);
	reach_through(&s);
	each_part(&s, reach_region, reach_page);
	if (!s.no_memory) {
		each_part(&s, refer_from_region, NULL);
		each_part(&s, hand_out_direct, NULL);
		each_part(&s, hand_out_rings, NULL);
	}
	free(s.work);
	return s.no_memory ? -ENOMEM : 0;
}
