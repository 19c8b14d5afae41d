/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * track.h: the policy: which pages are worth hiding, and for how long. Decides; never hides a page, and
 * knows no KVM. Used by vmm/checker/track*.c.
 *
 * full    every page with tracked objects, always
 * budget  a page on which something was allocated or freed, for so many accesses; of a call trace
 *         that allocates much from a cache ever fewer of its allocations, unless first=0
 * sample  the same, but only for some of the allocations, so that every place that allocates is looked at
 *         equally long: a rare one always, a busy one seldom
 * off     nothing, and nothing is announced
 *
 * Pages are numbers, as guest_ram_page_index() has them. The caller holds the checker's lock, except for
 * track_spend(), which any thread may call.
 */
#ifndef KMC_TRACK_H
#define KMC_TRACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum track_mode { TRACK_FULL, TRACK_BUDGET, TRACK_SAMPLE, TRACK_OFF, TRACK_MODES };

struct track_params {
	enum track_mode mode;
	uint32_t accesses; /* to a page, counted from each allocation on it that can tell something */
	uint32_t recent;   /* the same from each free on it; 0: frees hide nothing */
	uint32_t share;	   /* sample: percent of all allocations, 1..100 */
	uint32_t first;	   /* budget: so many of a trace and a cache before one of m is chosen by chance; 0: all */
	bool frees_wait;   /* a free waits until its page is hidden; else that happens a little later */
};
#define TRACK_ACCESSES_MAX 1000000u

/*
 * "full", "budget:accesses=64,recent=64,frees=wait,first=16", "sample:share=5,accesses=128", "off": what is
 * left out has the mode's usual value. False with one line in err.
 */
bool track_parse(const char *text, struct track_params *out, char *err, size_t errlen);
/* The same text again, complete. */
void track_format(const struct track_params *p, char *out, size_t size);

/* The first rule that fits an allocation decides. */
struct track_rule {
	char cache[64];	    /* shell wildcard; "*": any, also no cache */
	char site[64];	    /* of a function in the allocation's call trace; "": any */
	uint64_t min, max;  /* requested bytes */
	bool exclude;	    /* never hidden for it */
	uint32_t accesses;  /* instead of track_params.accesses and recent; 0: not */
	uint32_t rate;	    /* percent of such allocations, 1..100 */
};
#define TRACK_RULES 64

struct track;

/* seed: what is sampled, and what a rate below 100 chooses. NULL: no memory. */
struct track *track_create(uint64_t pages, uint64_t seed);
void track_destroy(struct track *t);

/* What is hidden meanwhile is the caller's business; see track_refill(). */
void track_set(struct track *t, const struct track_params *p);
const struct track_params *track_params(const struct track *t);
/* In front of those there are. False: there is no room, or no such rule. */
bool track_add_rule(struct track *t, const struct track_rule *rule);
void track_clear_rules(struct track *t);
unsigned track_rules(const struct track *t, const struct track_rule **out);

/* An allocation or a free, as struct obj_change has it. */
struct track_event {
	uint64_t page;	/* the first one of its slot */
	uint64_t pages;
	const char *cache; /* "" unknown */
	uint64_t size, slot;
	const uint64_t *stack; /* of the allocation; NULL at a free */
	unsigned frames;
	uint64_t what; /* with a budget: tells apart what one call trace allocates, its cache say; 0: unknown */
	bool defined, exposed; /* as obj_change */
	bool waits;    /* the guest waits for the page to be hidden: it was asked to */
	bool left_out; /* as obj_change: not chosen; an allocation fills it in, as what follows */
	bool useless;  /* not worth hiding, nor would others of this place be */
	bool cache_out; /* and of all others of its cache */
	unsigned site;	/* number of the place, below TRACK_SITES; TRACK_SITES: no room for it */
	bool new_site;	/* it was not met before */
	/* Does a function of the call trace match? */
	void *ctx;
	bool (*in_trace)(void *ctx, const uint64_t *stack, unsigned frames, const char *pattern);
};
/* True: its pages are to be hidden, if they are not; their budget is filled. */
bool track_alloc(struct track *t, struct track_event *e);
bool track_free(struct track *t, const struct track_event *e);

/*
 * After pages have been hidden. number: of the last announcement that was begun by then: one that is not
 * later, and for which the guest did not wait, may have been made when the page was still shown.
 */
void track_hidden(struct track *t, uint64_t page, uint64_t n, uint64_t number);
/* The announcement came too late to know what has been stored since. The pages are hidden. */
bool track_late(const struct track *t, uint64_t page, uint64_t n, uint64_t number);
/* After they have been shown. */
void track_shown(struct track *t, uint64_t page, uint64_t n);
/* Hidden pages get as much budget as an allocation gives. */
void track_refill(struct track *t, uint64_t page, uint64_t n);

/* An access to a hidden page. */
enum track_spent {
	TRACK_GOES_ON,
	TRACK_LOOK, /* only undefined bytes of live objects keep it hidden: if there is none, show it */
	TRACK_OVER, /* that was the last one */
	TRACK_BEYOND,
};
enum track_spent track_spend(struct track *t, uint64_t page);

/* What every struct track begins with; for the inline function below only. */
struct track_map {
	atomic_bool limited; /* the mode has budgets */
	struct track_page *page;
};

struct track_page {
	uint64_t late; /* announcements up to this number may be older than the page's being hidden */
	_Atomic uint32_t left; /* accesses */
	/* More than undefined bytes keeps it hidden: a redzone, a freed slot. */
	atomic_bool more;
};

#define TRACK_LOOK_EVERY 16u /* accesses between two looks for undefined bytes */

/*
 * The same where that plainly is TRACK_GOES_ON. False: nothing was counted, track_spend() has to be asked. The page is
 * one of those there are.
 */
static inline bool track_spend_plainly(struct track *t, uint64_t page)
{
	struct track_map *m = (struct track_map *)t;
	uint32_t left;

	if (!atomic_load_explicit(&m->limited, memory_order_relaxed))
		return true;
	left = atomic_load_explicit(&m->page[page].left, memory_order_relaxed);
	return left > 1 && left % TRACK_LOOK_EVERY &&
	       atomic_compare_exchange_strong(&m->page[page].left, &left, left - 1);
}
/* The caller found no undefined byte. */
void track_spend_all(struct track *t, uint64_t page);
bool track_is_over(const struct track *t, uint64_t page);

/* Every allocation of this cache is left out. */
bool track_cache_out(const struct track *t, const char *cache);

/*
 * How many of the following allocations like this one need not wait, at most 255. Those are like it that have
 * the same hash of the trace and of what is allocated, KMC_SITES of them are told apart (kmc_abi.h).
 */
unsigned track_gap(struct track *t, const struct track_event *e);
uint64_t track_gap_hash(const struct track_event *e);
uint64_t track_site_hash(const uint64_t *stack, unsigned frames);

#define TRACK_SITES 65536u
/* What became of the allocations of place n < TRACK_SITES. False: there is no such place. */
bool track_site(const struct track *t, unsigned n, uint64_t *seen, uint64_t *chosen);

struct track_stats {
	uint64_t sites, sites_watched; /* places that allocated; of them, with an allocation that was chosen */
	uint64_t sites_lost;	       /* allocations of places that no room was left for */
};
void track_get_stats(const struct track *t, struct track_stats *stats);

#endif
