// SPDX-License-Identifier: GPL-2.0-only
/*
 * track.c: budgets of pages, and what an allocation or a free is worth. What sampling chooses is
 * track_sites.c's, how a mode is written down track_parse.c's.
 *
 * What an event can tell: an allocation its undefined bytes, and the redzone behind it; a free that the
 * slot is used on. An object without either, a zeroed one that fills its slot say, is no reason; beside
 * a slot that is nobody's it is one, for a short while: docs/decisions/0015-what-recall-counts.md.
 */
#include "track.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "track_sites.h"

#define BESIDE 15u /* accesses for what lies beside an object: none of those looks for undefined bytes */

struct track {
	struct track_map map;
	struct track_params p;
	struct sites *sites;
	struct track_rule rule[TRACK_RULES];
	unsigned nrules;
	uint64_t npages;
	struct track_page page[];
};
_Static_assert(offsetof(struct track, map) == 0, "track.h looks into it");

struct track *track_create(uint64_t pages, uint64_t seed)
{
	struct track *t = calloc(1, sizeof(*t) + pages * sizeof(t->page[0]));

	if (!t)
		return NULL;
	t->npages = pages;
	t->map.page = t->page;
	t->sites = sites_create(seed);
	if (t->sites)
		return t;
	free(t);
	return NULL;
}

void track_destroy(struct track *t)
{
	if (!t)
		return;
	sites_destroy(t->sites);
	free(t);
}

void track_set(struct track *t, const struct track_params *p)
{
	t->p = *p;
	atomic_store(&t->map.limited, p->mode == TRACK_BUDGET || p->mode == TRACK_SAMPLE);
}

/* Any thread. */
static bool track_limited(const struct track *t)
{
	return atomic_load_explicit(&t->map.limited, memory_order_relaxed);
}

const struct track_params *track_params(const struct track *t)
{
	return &t->p;
}

/* --------------------------------------------------------------------- rules */

bool track_add_rule(struct track *t, const struct track_rule *rule)
{
	if (t->nrules == TRACK_RULES || rule->min > rule->max || !rule->rate || rule->rate > 100 ||
	    rule->accesses > TRACK_ACCESSES_MAX)
		return false;
	memmove(t->rule + 1, t->rule, t->nrules * sizeof(*rule));
	t->rule[0] = *rule;
	t->nrules++;
	return true;
}

void track_clear_rules(struct track *t)
{
	t->nrules = 0;
}

unsigned track_rules(const struct track *t, const struct track_rule **out)
{
	*out = t->rule;
	return t->nrules;
}

static bool is_cache_out(const struct track_rule *r)
{
	return r->exclude && !r->site[0] && !r->min && r->max == UINT64_MAX;
}

bool track_cache_out(const struct track *t, const char *cache)
{
	for (unsigned n = 0; n < t->nrules; n++)
		if (!fnmatch(t->rule[n].cache, cache, 0))
			return is_cache_out(&t->rule[n]);
	return false;
}

/* A free has no trace of its allocation: left_out says what rules with sites made of that. */
static const struct track_rule *rule_for(const struct track *t, const struct track_event *e)
{
	for (unsigned n = 0; n < t->nrules; n++) {
		const struct track_rule *r = &t->rule[n];

		if (e->size < r->min || e->size > r->max || fnmatch(r->cache, e->cache, 0))
			continue;
		if (!r->site[0] ||
		    (e->stack && e->in_trace && e->in_trace(e->ctx, e->stack, e->frames, r->site)))
			return r;
	}
	return NULL;
}

/* -------------------------------------------------------------------- budgets */

static void fill(struct track *t, const struct track_event *e, uint32_t accesses, bool more)
{
	for (uint64_t n = e->page; n < e->page + e->pages && n < t->npages; n++) {
		struct track_page *page = &t->page[n];

		if (more)
			atomic_store(&page->more, true);
		if (atomic_load(&page->left) < accesses)
			atomic_store(&page->left, accesses);
	}
}

/* The mode does not take every allocation. */
static bool chooses(const struct track *t)
{
	return t->p.mode == TRACK_SAMPLE || (t->p.mode == TRACK_BUDGET && t->p.first);
}

static bool choose(struct track *t, const struct track_event *e, struct site *site)
{
	return !chooses(t) || !site || e->waits ||
	       sites_choose(t->sites, site, track_gap_hash(e), &t->p);
}

bool track_alloc(struct track *t, struct track_event *e)
{
	struct site *site = sites_meet(t->sites, track_site_hash(e->stack, e->frames));
	const struct track_rule *rule = rule_for(t, e);
	uint32_t accesses = rule && rule->accesses ? rule->accesses : t->p.accesses;
	bool redzone = e->size < e->slot;
	bool ruled_out = rule && (rule->exclude || !sites_coin(t->sites, rule->rate));

	sites_wear(t->sites, track_gap_hash(e));
	e->site = site ? sites_number(t->sites, site) : TRACK_SITES;
	e->new_site = site && site->seen == 1;
	e->cache_out = rule && is_cache_out(rule);
	e->useless = ruled_out || (e->defined && !redzone && !e->exposed);
	if (e->defined && !redzone && accesses > BESIDE)
		accesses = BESIDE;
	/* Where its page is hidden already its free must not prolong that, or a busy page stays so. */
	e->left_out = ruled_out || !choose(t, e, site);
	if (t->p.mode == TRACK_OFF || e->left_out)
		return false;
	if (t->p.mode != TRACK_FULL && e->useless)
		return false;
	if (site)
		sites_chosen(t->sites, site);
	fill(t, e, accesses, redzone);
	return true;
}

bool track_free(struct track *t, const struct track_event *e)
{
	const struct track_rule *rule = rule_for(t, e);
	uint32_t accesses = rule && rule->accesses ? rule->accesses : t->p.recent;

	if (t->p.mode == TRACK_OFF || e->left_out || (rule && rule->exclude))
		return false;
	if (t->p.mode == TRACK_FULL)
		return true;
	if (!accesses)
		return false;
	fill(t, e, accesses, true);
	return true;
}

void track_refill(struct track *t, uint64_t page, uint64_t n)
{
	const struct track_event e = {.page = page, .pages = n};

	fill(t, &e, t->p.accesses, true);
}

enum track_spent track_spend(struct track *t, uint64_t n)
{
	struct track_page *page = &t->page[n];
	uint32_t left;

	if (!track_limited(t) || n >= t->npages)
		return TRACK_GOES_ON;
	left = atomic_load_explicit(&page->left, memory_order_relaxed);
	do
		if (!left)
			return TRACK_BEYOND;
	while (!atomic_compare_exchange_weak(&page->left, &left, left - 1));
	if (left == 1)
		return TRACK_OVER;
	if (left % TRACK_LOOK_EVERY == 0 && !atomic_load_explicit(&page->more, memory_order_relaxed))
		return TRACK_LOOK;
	return TRACK_GOES_ON;
}

void track_spend_all(struct track *t, uint64_t page)
{
	atomic_store(&t->page[page].left, 0);
}

bool track_is_over(const struct track *t, uint64_t page)
{
	return track_limited(t) && page < t->npages && !atomic_load(&t->page[page].left);
}

/* ------------------------------------------------------------- late, and sites */

void track_hidden(struct track *t, uint64_t page, uint64_t n, uint64_t number)
{
	for (; n && page < t->npages; page++, n--)
		t->page[page].late = number;
}

void track_shown(struct track *t, uint64_t page, uint64_t n)
{
	for (; n && page < t->npages; page++, n--) {
		atomic_store(&t->page[page].left, 0);
		atomic_store(&t->page[page].more, false);
	}
}

bool track_late(const struct track *t, uint64_t page, uint64_t n, uint64_t number)
{
	for (; n && page < t->npages; page++, n--)
		if (number <= t->page[page].late)
			return true;
	return false;
}

static uint64_t hash_trace(uint64_t hash, const uint64_t *stack, unsigned frames)
{
	for (unsigned n = 0; n < frames; n++)
		hash = (hash ^ stack[n]) * 0x100000001b3ull;
	hash ^= hash >> 29;
	return hash ? hash : 1;
}

uint64_t track_site_hash(const uint64_t *stack, unsigned frames)
{
	return hash_trace(0xcbf29ce484222325ull, stack, frames);
}

/* The guest's agent computes the same (guest-agent/agent/wait.c). */
uint64_t track_gap_hash(const struct track_event *e)
{
	return hash_trace(0xcbf29ce484222325ull ^ e->what, e->stack, e->frames);
}

unsigned track_gap(struct track *t, const struct track_event *e)
{
	const struct site *site = sites_find(t->sites, track_site_hash(e->stack, e->frames));

	if (!chooses(t) || !site)
		return 0;
	return sites_gap(t->sites, site, track_gap_hash(e), &t->p, UINT8_MAX);
}

bool track_site(const struct track *t, unsigned n, uint64_t *seen, uint64_t *chosen)
{
	const struct site *site = sites_by_number(t->sites, n);

	if (!site)
		return false;
	*seen = site->seen;
	*chosen = site->chosen;
	return true;
}

void track_get_stats(const struct track *t, struct track_stats *stats)
{
	sites_get_stats(t->sites, stats);
}
