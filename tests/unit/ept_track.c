// SPDX-License-Identifier: GPL-2.0-only
/*
 * ept_track.c: the policy alone: what an event is worth, how long a budget lasts, what is late, rules, and
 * that places which allocate share what is sampled.
 */
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "track.h"

#define PAGES 64

static struct track *make(const char *mode, uint64_t seed)
{
	struct track *t = track_create(PAGES, seed);
	struct track_params p;
	char err[256];

	assert_non_null(t);
	assert_true(track_parse(mode, &p, err, sizeof(err)));
	track_set(t, &p);
	return t;
}

/* An object of 40 bytes in a slot of 64, of a place of its own. */
static struct track_event event(uint64_t page, const uint64_t *place)
{
	return (struct track_event){.page = page,
				    .pages = 1,
				    .cache = "kmalloc-64",
				    .size = 40,
				    .slot = 64,
				    .stack = place,
				    .frames = 1};
}

static bool alloc_at(struct track *t, uint64_t page, uint64_t place)
{
	struct track_event e = event(page, &place);

	return track_alloc(t, &e);
}

/* ------------------------------------------------------------------------ text */

static const struct {
	const char *text;
	const char *complete; /* NULL: refused */
} texts[] = {
	{"full", "full"},
	{"off", "off"},
	{"budget", "budget:accesses=64,recent=64,frees=wait,first=16"},
	{"budget:accesses=7", "budget:accesses=7,recent=64,frees=wait,first=16"},
	{"budget:recent=0,frees=later", "budget:accesses=64,recent=0,frees=later,first=16"},
	{"budget:accesses=1000000", "budget:accesses=1000000,recent=64,frees=wait,first=16"},
	{"sample", "sample:accesses=128,recent=128,frees=later,share=5"},
	{"sample:share=100,accesses=1", "sample:accesses=1,recent=128,frees=later,share=100"},
	{"", NULL},
	{"ful", NULL},
	{"fully", NULL},
	{"budget:first=7", "budget:accesses=64,recent=64,frees=wait,first=7"},
	{"budget:first=0", "budget:accesses=64,recent=64,frees=wait,first=0"},
	{"budget:first=-1", NULL},
	{"sample:first=4", NULL},
	{"budget:accesses=0", NULL},
	{"budget:accesses=1000001", NULL},
	{"budget:accesses=-1", NULL},
	{"budget:accesses=", NULL},
	{"budget:accesses", NULL},
	{"budget:accesses=7x", NULL},
	{"budget:,", NULL},
	{"budget:share=5", NULL},
	{"budget:frees=now", NULL},
	{"sample:share=0", NULL},
	{"sample:share=101", NULL},
	{"sample:accesses=99999999999999999999", NULL},
	{"full:accesses=1", NULL},
	{"off:accesses=1", NULL},
};

static void modes_as_text(void **state)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct track_params p, again;
		char err[256] = "", out[128];
		bool good = track_parse(texts[i].text, &p, err, sizeof(err));

		print_message("%s\n", texts[i].text);
		assert_int_equal(good, texts[i].complete != NULL);
		assert_int_equal(!*err, good);
		if (!good)
			continue;
		track_format(&p, out, sizeof(out));
		assert_string_equal(out, texts[i].complete);
		assert_true(track_parse(out, &again, err, sizeof(err)));
		assert_memory_equal(&p, &again, sizeof(p));
	}
}

/* --------------------------------------------------------------------- budgets */

/* Accesses until it is over, at most 10000. */
static unsigned lasts(struct track *t, uint64_t page)
{
	for (unsigned n = 1; n <= 10000; n++)
		if (track_spend(t, page) >= TRACK_OVER)
			return n;
	return 0;
}

static void full_has_no_end(void **state)
{
	struct track *t = make("full", 0);

	assert_true(alloc_at(t, 3, 1));
	assert_int_equal(lasts(t, 3), 0);
	assert_false(track_is_over(t, 3));
	track_destroy(t);
}

static void budget_ends(void **state)
{
	struct track *t = make("budget:accesses=10,recent=20", 0);
	struct track_event freed = event(3, NULL);

	assert_true(alloc_at(t, 3, 1));
	assert_int_equal(lasts(t, 3), 10);
	assert_true(track_is_over(t, 3));
	assert_int_equal(track_spend(t, 3), TRACK_BEYOND);
	assert_true(alloc_at(t, 3, 1));
	assert_false(track_is_over(t, 3));
	for (int i = 0; i < 5; i++)
		assert_int_equal(track_spend(t, 3), TRACK_GOES_ON);
	assert_true(alloc_at(t, 3, 1)); /* filled up, not added */
	assert_int_equal(lasts(t, 3), 10);
	freed.stack = NULL;
	assert_true(track_free(t, &freed));
	assert_true(alloc_at(t, 3, 1)); /* less than what is there */
	assert_int_equal(lasts(t, 3), 20);
	assert_true(track_is_over(t, 4)); /* another page */
	track_destroy(t);
}

static void what_tells_nothing(void **state)
{
	struct track *t = make("budget:recent=0", 0);
	uint64_t place = 1;
	struct track_event e = event(3, &place);

	e.defined = true;
	assert_true(track_alloc(t, &e)); /* the redzone */
	e.size = e.slot;
	assert_false(track_alloc(t, &e));
	e.defined = false;
	assert_true(track_alloc(t, &e)); /* undefined bytes */
	assert_false(track_free(t, &e));
	track_destroy(t);
}

/* A defined object that fills its slot, beside one that is nobody's: for a short while, and nobody asks. */
static void beside_a_free_slot(void **state)
{
	struct track *t = make("budget", 0);
	uint64_t place = 1;
	struct track_event e = event(3, &place);

	e.size = e.slot;
	e.defined = e.exposed = true;
	assert_true(track_alloc(t, &e));
	assert_false(e.useless);
	assert_int_equal(lasts(t, 3), 15);
	e.exposed = false;
	assert_false(track_alloc(t, &e));
	assert_true(e.useless);
	track_destroy(t);
	t = make("budget:accesses=4", 0);
	e.exposed = true;
	assert_true(track_alloc(t, &e));
	assert_int_equal(lasts(t, 3), 4);
	track_destroy(t);
}

/* Only undefined bytes: whether there are any left is asked now and then. */
static void looks_for_undefined_bytes(void **state)
{
	struct track *t = make("budget:accesses=64", 0);
	uint64_t place = 1;
	struct track_event e = event(3, &place);
	unsigned looks = 0;

	e.size = e.slot;
	assert_true(track_alloc(t, &e));
	for (int i = 0; i < 63; i++)
		looks += track_spend(t, 3) == TRACK_LOOK;
	assert_int_equal(looks, 4);
	assert_int_equal(track_spend(t, 3), TRACK_OVER);
	assert_true(track_alloc(t, &e));
	track_spend_all(t, 3);
	assert_true(track_is_over(t, 3));
	assert_true(alloc_at(t, 3, 1)); /* with a redzone: never asked */
	for (int i = 0; i < 63; i++)
		assert_int_equal(track_spend(t, 3), TRACK_GOES_ON);
	track_shown(t, 3, 1);
	assert_true(track_is_over(t, 3));
	assert_true(track_alloc(t, &e)); /* what kept it hidden is forgotten */
	assert_int_equal(track_spend(t, 3), TRACK_LOOK);
	track_destroy(t);
}

static void all_pages_of_an_object(void **state)
{
	struct track *t = make("budget:accesses=5", 0);
	uint64_t place = 1;
	struct track_event e = event(PAGES - 2, &place);

	e.pages = 3; /* one of them beyond the end */
	assert_true(track_alloc(t, &e));
	assert_int_equal(lasts(t, PAGES - 2), 5);
	assert_int_equal(lasts(t, PAGES - 1), 5);
	assert_int_equal(track_spend(t, PAGES), TRACK_GOES_ON);
	track_destroy(t);
}

static void late_until_hidden(void **state)
{
	struct track *t = make("budget", 0);

	track_hidden(t, 3, 2, 100);
	assert_true(track_late(t, 3, 1, 99));
	assert_true(track_late(t, 3, 1, 100));
	assert_false(track_late(t, 3, 2, 101));
	assert_false(track_late(t, 5, 1, 1));
	track_hidden(t, 4, 1, 200);
	assert_false(track_late(t, 3, 1, 101));
	assert_true(track_late(t, 3, 2, 101));
	track_destroy(t);
}

/* ----------------------------------------------------------------------- rules */

static bool trace_of_kstrdup(void *ctx, const uint64_t *stack, unsigned frames, const char *pattern)
{
	return stack[0] == 7 && !fnmatch(pattern, "kstrdup", 0);
}

static struct track_rule rule_of(const char *cache, const char *site, uint64_t min, uint64_t max)
{
	struct track_rule r = {.min = min, .max = max, .rate = 100};

	snprintf(r.cache, sizeof(r.cache), "%s", cache);
	snprintf(r.site, sizeof(r.site), "%s", site);
	return r;
}

static bool asks(struct track *t, const char *cache, uint64_t size, uint64_t place)
{
	struct track_event e = event(3, &place);

	e.cache = cache;
	e.size = size;
	e.in_trace = trace_of_kstrdup;
	return track_alloc(t, &e);
}

static void rules_by_cache_size_and_site(void **state)
{
	struct track *t = make("budget", 0);
	struct track_rule all = rule_of("*", "", 0, UINT64_MAX);
	struct track_rule big = rule_of("kmalloc-*", "", 100, 200);
	struct track_rule dentry = rule_of("dentry", "", 0, UINT64_MAX);
	struct track_rule kstrdup = rule_of("*", "kstr*", 0, UINT64_MAX);
	const struct track_rule *now;
	struct track_event freed = event(3, NULL);

	all.exclude = kstrdup.exclude = true;
	big.accesses = 5;
	assert_true(track_add_rule(t, &all));
	assert_true(track_add_rule(t, &big));
	assert_true(track_add_rule(t, &dentry));
	assert_true(track_add_rule(t, &kstrdup));
	assert_int_equal(track_rules(t, &now), 4);
	assert_string_equal(now[0].site, "kstr*");
	assert_true(asks(t, "dentry", 192, 1));
	assert_false(asks(t, "dentry", 192, 7));
	assert_false(asks(t, "kmalloc-64", 40, 1));
	assert_false(asks(t, "kmalloc-256", 201, 1));
	track_shown(t, 3, 1);
	assert_true(asks(t, "kmalloc-256", 200, 1));
	assert_int_equal(lasts(t, 3), 5);
	assert_false(track_free(t, &freed)); /* kmalloc-64 */
	freed.cache = "dentry";
	assert_true(track_free(t, &freed));
	freed.left_out = true;
	assert_false(track_free(t, &freed));
	track_clear_rules(t);
	assert_true(asks(t, "kmalloc-64", 40, 7));
	track_destroy(t);
}

static void rules_have_limits(void **state)
{
	struct track *t = make("budget", 0);
	struct track_rule r = rule_of("*", "", 2, 1);

	assert_false(track_add_rule(t, &r));
	r.max = 2;
	r.rate = 101;
	assert_false(track_add_rule(t, &r));
	r.rate = 0;
	assert_false(track_add_rule(t, &r));
	r.rate = 1;
	for (int i = 0; i < TRACK_RULES; i++)
		assert_true(track_add_rule(t, &r));
	assert_false(track_add_rule(t, &r));
	track_destroy(t);
}

static void rates_choose(void **state)
{
	struct track *t = make("full", 5);
	struct track_rule r = rule_of("*", "", 0, UINT64_MAX);
	unsigned n = 0;

	r.rate = 10;
	track_add_rule(t, &r);
	for (int i = 0; i < 10000; i++)
		n += alloc_at(t, 3, 1);
	assert_in_range(n, 900, 1100);
	track_destroy(t);
}

/* -------------------------------------------------------------------- sampling */

/* Ten rare places, ten allocations each, among 10,000 each of two busy ones. */
struct sampled {
	unsigned rare, busy[2];
};

static struct sampled sample(const char *mode, uint64_t seed)
{
	struct track *t = make(mode, seed);
	struct track_stats stats;
	struct sampled s = {0};

	for (unsigned i = 0; i < 10000; i++) {
		s.busy[0] += alloc_at(t, 1, 1000);
		s.busy[1] += alloc_at(t, 2, 2000);
		if (i % 100 == 99)
			s.rare += alloc_at(t, 3, 3000 + i / 1000);
	}
	track_get_stats(t, &stats);
	assert_int_equal(stats.sites, 12);
	assert_int_equal(stats.sites_watched, 12);
	assert_int_equal(stats.sites_lost, 0);
	track_destroy(t);
	return s;
}

static void places_share(void **state)
{
	struct sampled s = sample("sample:share=5", 1);
	struct sampled all = sample("sample:share=100", 1);

	/* 1005 of 20,100 shared by 12: 84 each, but only 10 are needed for the rare ones. */
	print_message("rare %u of 100, busy %u and %u\n", s.rare, s.busy[0], s.busy[1]);
	assert_int_equal(s.rare, 100);
	assert_in_range(s.busy[0], 40, 500);
	assert_in_range(s.busy[1], 40, 500);
	assert_int_equal(all.rare, 100);
	assert_true(all.busy[0] > 2 * s.busy[0]);
}

/* With a budget a place is looked at so many times, and then ever less, but never not at all. */
static void places_wear_off(void **state)
{
	const unsigned first = 50, rounds = 20000;
	struct track *t = make("budget:first=50", 1), *all = make("budget:first=0", 1);
	unsigned chosen = 0, late = 0;

	for (unsigned i = 0; i < rounds; i++) {
		bool is = alloc_at(t, 1, 1000);

		assert_true(is || i >= first);
		assert_true(alloc_at(all, 1, 1000));
		chosen += is;
		late += is && i >= rounds / 2;
	}
	/* 50 (1 + ln(20000/50)), and 50 ln(2) */
	assert_in_range(chosen, 250, 450);
	assert_in_range(late, 10, 70);
	for (unsigned i = 0; i < first; i++)
		assert_true(alloc_at(t, 1, 2000));
	track_destroy(t);
	track_destroy(all);
}

static void what_is_chosen(struct track *t, uint8_t *chosen, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		chosen[i] = alloc_at(t, 1, 1000 + i % 50 / 49);
}

static void seeds_choose_others(void **state)
{
	struct track *t[3] = {make("sample", 1), make("sample", 1), make("sample", 2)};
	uint8_t chosen[3][4000];

	for (int i = 0; i < 3; i++) {
		what_is_chosen(t[i], chosen[i], sizeof(chosen[i]));
		track_destroy(t[i]);
	}
	assert_memory_equal(chosen[0], chosen[1], sizeof(chosen[0]));
	assert_memory_not_equal(chosen[0], chosen[2], sizeof(chosen[0]));
}

/* One call trace that allocates from several caches: none wears off for another one. */
static void caches_wear_off_alone(void **state)
{
	struct track *t = make("budget:first=5", 1);
	uint64_t place = 1000;
	struct track_event e = event(1, &place);

	for (int i = 0; i < 1000; i++)
		alloc_at(t, 1, place);
	for (e.what = 1; e.what < 100; e.what++)
		for (int i = 0; i < 5; i++)
			assert_true(track_alloc(t, &e));
	track_destroy(t);
}

/* The agent waits where it was told to: then the allocation is chosen. */
static void gaps_follow_the_choice(void **state)
{
	struct track *t = make("sample:share=1", 3);
	uint64_t busy = 1, rare = 2, unknown = 3;
	struct track_event e = event(1, &busy);

	for (int i = 0; i < 10000; i++)
		alloc_at(t, 1, busy);
	for (int i = 0; i < 100; i++)
		alloc_at(t, 1, rare);
	assert_true(track_gap(t, &e) > 0);
	e.stack = &unknown;
	assert_int_equal(track_gap(t, &e), 0);
	e.stack = &busy;
	e.waits = true;
	assert_true(track_alloc(t, &e));
	track_destroy(t);
}

/* An object that was not chosen may lie in a page that is hidden for another one: it ends as that does. */
static void frees_follow_the_choice(void **state)
{
	struct track *t = make("sample:share=1,accesses=10,recent=10", 3);
	uint64_t busy = 1;
	unsigned hides = 0;

	for (int i = 0; i < 10000; i++) {
		struct track_event e = event(1, &busy);
		bool chosen = track_alloc(t, &e);

		assert_int_equal(track_free(t, &e), chosen);
		hides += chosen;
		assert_int_equal(lasts(t, 1), chosen ? 10 : 1);
		track_shown(t, 1, 1);
	}
	assert_in_range(hides, 4, 500);
	track_destroy(t);
}

/* Windows ask the short way first. With a redzone, and with undefined bytes only, that are looked for. */
static void the_short_way_says_the_same(void **state)
{
	static const char *const modes[] = {"full", "budget", "budget:accesses=33", "sample"};

	for (unsigned k = 0; k < 2 * sizeof(modes) / sizeof(modes[0]); k++) {
		struct track *t = make(modes[k / 2], 0), *plain = make(modes[k / 2], 0);
		struct track_event e = event(3, &(uint64_t){4096});
		struct track_event same;
		unsigned plainly = 0;

		e.size = k % 2 ? e.slot : e.size;
		same = e;
		assert_int_equal(track_alloc(t, &e), track_alloc(plain, &same));
		for (unsigned n = 0; n < 200; n++) {
			bool counted = track_spend_plainly(plain, 3);

			plainly += counted;
			assert_int_equal(counted ? TRACK_GOES_ON : track_spend(plain, 3), track_spend(t, 3));
			assert_int_equal(track_is_over(plain, 3), track_is_over(t, 3));
		}
		assert_in_range(plainly, 30, 200);
		track_destroy(t);
		track_destroy(plain);
	}
}

/* A guest may make up places: none more than there is room for, and nothing breaks. */
static void too_many_places(void **state)
{
	struct track *t = make("sample", 0);
	struct track_stats stats;

	for (uint64_t i = 1; i < 100000; i++)
		alloc_at(t, 1, i << 12);
	track_get_stats(t, &stats);
	assert_true(stats.sites <= 65536 && stats.sites_lost > 0);
	assert_int_equal(stats.sites + stats.sites_lost >= 99999, 1);
	track_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes_as_text),
		cmocka_unit_test(full_has_no_end),
		cmocka_unit_test(budget_ends),
		cmocka_unit_test(what_tells_nothing),
		cmocka_unit_test(beside_a_free_slot),
		cmocka_unit_test(looks_for_undefined_bytes),
		cmocka_unit_test(all_pages_of_an_object),
		cmocka_unit_test(late_until_hidden),
		cmocka_unit_test(rules_by_cache_size_and_site),
		cmocka_unit_test(rules_have_limits),
		cmocka_unit_test(rates_choose),
		cmocka_unit_test(places_share),
		cmocka_unit_test(places_wear_off),
		cmocka_unit_test(caches_wear_off_alone),
		cmocka_unit_test(seeds_choose_others),
		cmocka_unit_test(gaps_follow_the_choice),
		cmocka_unit_test(frees_follow_the_choice),
		cmocka_unit_test(the_short_way_says_the_same),
		cmocka_unit_test(too_many_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
