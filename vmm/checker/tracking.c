// SPDX-License-Identifier: GPL-2.0-only
/*
 * tracking.c: what ept/track.c decides, carried out: pages are hidden and shown, the agent is told for
 * which of them it must wait, and the mode and its rules are changed while the guest runs.
 *
 * Whether the stores to a new object were all seen is known from its announcement: the guest waited for
 * it (KMC_F_WAITS), or its number was drawn after the page had been hidden, since when nothing has shown
 * it. Otherwise its bytes count as defined.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "checker_internal.h"
#include "sandbox.h"

#define PICK_NS	 1000000l  /* between two looks at what was announced, while frees do not wait */
#define SLEEP_NS 50000000l /* at most, and to the next look whether that is so */
#define AGAIN	 (KMC_WANT_AGAIN & -KMC_WANT_AGAIN)

int tracking_init(struct checker *c, char *err, size_t errlen)
{
	struct track_rule rule;

	c->track = track_create(guest_ram_pages(c->ram), c->config.seed);
	if (!c->track) {
		snprintf(err, errlen, "out of memory");
		return -1;
	}
	for (unsigned n = rules_track_count(c->config.rules); n--;) {
		rules_track(c->config.rules, n, &rule);
		track_add_rule(c->track, &rule);
	}
	track_set(c->track, &c->config.track);
	return 0;
}

/* ------------------------------------------------------------------ the agent */

/* Pages are hidden when their slab is announced; otherwise when something happens on them. */
static bool hides_at_once(const struct checker *c)
{
	const struct track_rule *rules;

	return track_params(c->track)->mode == TRACK_FULL && !track_rules(c->track, &rules);
}

/* Tells the agent. again: it is to begin anew. */
static void set_wants(struct checker *c, bool again)
{
	const struct track_params *p = track_params(c->track);
	struct kmc_hello *shared = c->agent.shared;
	uint32_t now;

	objects_set_lazy(c->objects, !hides_at_once(c));
	if (!c->agent.on)
		return;
	now = __atomic_load_n(&shared->wants, __ATOMIC_RELAXED) & KMC_WANT_AGAIN;
	if (again)
		now = (now + AGAIN) & KMC_WANT_AGAIN;
	if (p->mode == TRACK_OFF)
		now |= KMC_WANT_NOTHING;
	if (!hides_at_once(c))
		now |= KMC_WANT_SHOWN | KMC_WANT_SITES;
	if (p->frees_wait && p->recent)
		now |= KMC_WANT_FREES;
	__atomic_store_n(&shared->wants, now, __ATOMIC_RELEASE);
}

void tracking_begin(struct checker *c)
{
	c->agent.listening = track_params(c->track)->mode != TRACK_OFF;
	set_wants(c, false);
}

void tracking_listen(struct checker *c, bool placed)
{
	c->agent.listening = placed && track_params(c->track)->mode != TRACK_OFF;
}

/* The guest's bits: for the agent only, never read here. */
static void set_shown(struct checker *c, gpa_t gpa, uint64_t pages, bool shown)
{
	uint64_t n = gpa.v / GUEST_PAGE, end = n + pages, next;

	end = end < c->agent.shown_pages ? end : c->agent.shown_pages;
	for (; n < end; n = next) { /* a word at a time */
		uint64_t *word = &c->agent.shown[n / KMC_SHOWN_PAGES][n % KMC_SHOWN_PAGES / 64], bits;

		next = (n / 64 + 1) * 64 < end ? (n / 64 + 1) * 64 : end;
		bits = ~0ull >> (64 - (next - n)) << n % 64;
		if (shown)
			__atomic_fetch_or(word, bits, __ATOMIC_RELEASE);
		else
			__atomic_fetch_and(word, ~bits, __ATOMIC_RELEASE);
	}
}

static uint64_t index_of(const struct checker *c, gpa_t gpa)
{
	return (uint64_t)guest_ram_page_index(c->ram, gpa);
}

void tracking_hidden(struct checker *c, gpa_t gpa, uint64_t pages)
{
	if (!c->agent.on)
		return;
	track_hidden(c->track, index_of(c, gpa), pages,
		     __atomic_load_n(&c->agent.shared->seq, __ATOMIC_ACQUIRE));
	/* Only now: who finds them hidden draws a later number. */
	set_shown(c, gpa, pages, false);
}

void tracking_shown(struct checker *c, gpa_t gpa, uint64_t pages)
{
	track_shown(c->track, index_of(c, gpa), pages);
	if (c->agent.on && !hides_at_once(c))
		set_shown(c, gpa, pages, true);
}

/* ------------------------------------------------------------- what is announced */

static gpa_t page_of(gpa_t gpa)
{
	return (gpa_t){ gpa.v & ~(GUEST_PAGE - 1ull) };
}

static uint64_t pages_of(gpa_t gpa, uint64_t len)
{
	return (gpa.v % GUEST_PAGE + (len ? len : 1) + GUEST_PAGE - 1) / GUEST_PAGE;
}

bool tracking_late(struct checker *c, const struct kmc_record *r, gpa_t gpa, uint64_t len)
{
	uint64_t pages = pages_of(gpa, len);

	if (r->flags & KMC_F_WAITS)
		return false;
	for (uint64_t n = 0; n < pages; n++)
		if (!shadow_tracked(c->shadow, (gpa_t){ gpa.v + n * GUEST_PAGE }))
			return true;
	if (!track_late(c->track, index_of(c, gpa), pages, r->seq))
		return false;
	c->stats.late++;
	return true;
}

static bool in_trace(void *ctx, const uint64_t *stack, unsigned frames, const char *pattern)
{
	struct checker *c = ctx;
	char function[128];

	for (unsigned n = 0; n < frames; n++)
		if (symbols_function(c->symbols, stack[n] - 1, function, sizeof(function)) &&
		    !fnmatch(pattern, function, 0))
			return true;
	return false;
}

static struct track_event event_of(struct checker *c, const struct obj_change *change)
{
	return (struct track_event){ .page = index_of(c, change->start),
				     .pages = pages_of(change->start, change->slot),
				     .cache = change->cache ? change->cache->name : "",
				     .size = change->size,
				     .slot = change->slot,
				     .defined = change->defined,
				     .exposed = change->exposed,
				     .waits = c->record && c->record->flags & KMC_F_WAITS,
				     .left_out = change->left_out,
				     .ctx = c,
				     .in_trace = in_trace };
}

/* How many allocations at this place the agent need not wait for. */
static void set_gap(struct checker *c, const struct track_event *e)
{
	unsigned gap = e->useless ? UINT8_MAX : track_gap(c->track, e);
	uint8_t *at;

	/* One that did not wait counted down, unless its page was hidden. */
	if (!c->agent.site_gap || hides_at_once(c) || (gap && !e->waits))
		return;
	at = &c->agent.site_gap[track_gap_hash(e) % KMC_SITES];
	__atomic_store_n(at, (uint8_t)gap, __ATOMIC_RELAXED);
}

/* Need the free of what was allocated there wait? Where objects share a bit, the last one decides. */
static void set_quiet(struct checker *c, gpa_t start, bool quiet)
{
	uint32_t n = KMC_QUIET(start.v);
	uint64_t bit = 1ull << n % 64;

	if (!c->agent.quiet_frees || hides_at_once(c))
		return;
	if (quiet)
		__atomic_fetch_or(&c->agent.quiet_frees[n / 64], bit, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&c->agent.quiet_frees[n / 64], ~bit, __ATOMIC_RELAXED);
}

bool tracking_wants(void *ctx, struct obj_change *change)
{
	struct checker *c = ctx;
	struct track_event e = event_of(c, change);
	bool wants;

	/* The pages of a large object leave with it. */
	if (change->frees)
		return !change->large && track_free(c->track, &e);
	e.stack = change->event->stack;
	e.frames = change->event->nstack;
	e.what = c->record ? c->record->cache ^ c->record->slot : 0;
	wants = track_alloc(c->track, &e);
	change->left_out = e.left_out;
	if (c->sites && e.new_site)
		site_table_meet(c->sites, e.site, c->symbols, e.stack, e.frames);
	set_gap(c, &e);
	set_quiet(c, change->start, e.left_out);
	if (e.cache_out && e.waits) /* there was no such rule when its slab was made */
		set_shown(c, page_of(change->start), e.pages, false);
	return wants;
}

void tracking_slab(struct checker *c, const struct obj_cache *cache, gpa_t gpa, uint64_t len)
{
	if (track_cache_out(c->track, cache ? cache->name : ""))
		set_shown(c, gpa, len / GUEST_PAGE, false);
}

/* -------------------------------------------------------------------- budgets */

static enum track_spent look_for_undefined(struct checker *c, uint64_t page)
{
	if (shadow_held_undefined(c->shadow, page))
		return TRACK_GOES_ON;
	track_spend_all(c->track, page);
	return TRACK_OVER;
}

enum track_spent tracking_spend(struct checker *c, uint64_t page)
{
	enum track_spent spent = track_spend(c->track, page);

	return spent == TRACK_LOOK ? look_for_undefined(c, page) : spent;
}

void tracking_end(struct checker *c, gpa_t *gpa, unsigned n)
{
	unsigned over = 0;

	for (unsigned i = 0; i < n; i++)
		if (shadow_tracked(c->shadow, gpa[i]) && track_is_over(c->track, index_of(c, gpa[i])))
			gpa[over++] = page_of(gpa[i]);
	objects_unwatch_pages(c->objects, gpa, over);
}

/* True where frees are picked up here, and there may have been some. */
static bool pick(struct checker *c)
{
	const struct track_params *p = track_params(c->track);
	bool picks;

	if (!agent_pending(c))
		return false;
	pthread_mutex_lock(&c->lock);
	picks = (p->mode == TRACK_BUDGET || p->mode == TRACK_SAMPLE) && !p->frees_wait;
	if (picks && !machine_ending(c->machine))
		agent_catch_up(c);
	pthread_mutex_unlock(&c->lock);
	return picks;
}

void *tracking_picker(void *ctx)
{
	struct timespec nap = { .tv_nsec = SLEEP_NS };
	struct checker *c = ctx;

	sandbox_thread(SANDBOX_CHECKER);
	while (!atomic_load(&c->watchdog_stop)) {
		if (pick(c))
			nap.tv_nsec = PICK_NS;
		else if (nap.tv_nsec < SLEEP_NS)
			nap.tv_nsec *= 2;
		nanosleep(&nap, NULL);
	}
	return NULL;
}

/* ------------------------------------------------------------- while it runs */

static void refill(struct checker *c)
{
	for (uint64_t i = 0; i < guest_ram_pages(c->ram); i++)
		track_refill(c->track, i, 1);
}

/* What there is follows the new policy. */
static void apply(struct checker *c, enum track_mode before)
{
	enum track_mode now = track_params(c->track)->mode;

	set_wants(c, before == TRACK_OFF && now != TRACK_OFF);
	if (now == TRACK_OFF) {
		c->agent.listening = false;
		objects_forget_all(c->objects);
	} else if (hides_at_once(c)) {
		objects_watch_all(c->objects);
	} else if (before == TRACK_FULL) {
		refill(c);
	}
}

static const char *problem_with(const struct checker *c)
{
	if (!c->tracks)
		return "nothing is tracked in this VM: start it without --checks none";
	return c->agent.broken ? "checking has ended for this guest" : NULL;
}

int checker_track(struct checker *c, const struct track_params *p, char *err, size_t errlen)
{
	enum track_mode before;
	const char *problem;

	pthread_mutex_lock(&c->lock);
	problem = problem_with(c);
	if (!problem) {
		agent_catch_up(c);
		before = track_params(c->track)->mode;
		track_set(c->track, p);
		apply(c, before);
	}
	pthread_mutex_unlock(&c->lock);
	if (problem)
		snprintf(err, errlen, "%s", problem);
	return problem ? -1 : 0;
}

int checker_track_rule(struct checker *c, const struct track_rule *rule, char *err, size_t errlen)
{
	const char *problem;

	pthread_mutex_lock(&c->lock);
	problem = problem_with(c);
	if (!problem && !rule)
		track_clear_rules(c->track);
	else if (!problem && !track_add_rule(c->track, rule))
		problem = "there is no room for another rule: clear them";
	if (!problem)
		apply(c, track_params(c->track)->mode);
	pthread_mutex_unlock(&c->lock);
	if (problem)
		snprintf(err, errlen, "%s", problem);
	return problem ? -1 : 0;
}

unsigned checker_tracking(struct checker *c, struct track_params *p, struct track_rule *rules)
{
	const struct track_rule *now;
	unsigned n;

	pthread_mutex_lock(&c->lock);
	*p = *track_params(c->track);
	n = track_rules(c->track, &now);
	memcpy(rules, now, n * sizeof(*rules));
	pthread_mutex_unlock(&c->lock);
	return n;
}
