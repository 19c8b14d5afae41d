// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_track.c: what is announced to the checker in each mode of --track: which pages it hides, whether
 * it believes that it has seen every store to a new object, and what it tells the agent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent_guest.h"
#include "inspect.h"

#define WHERE  (SLAB + 0x10000) /* not touched by the guest */
#define OBJECT (DIRECT_MAP + WHERE)
#define BITS   (SLAB + 0x20000)
#define GAPS   (SLAB + 0x30000)
#define QUIET  (SLAB + 0x40000)
#define PAGES  (MEMORY / 4096)

static void create(struct guest *g, const char *mode)
{
	struct checker_config config = {.checks = ~0u, .rules = rules};
	char err[256];

	assert_true(track_parse(mode, &config.track, err, sizeof(err)));
	agent_guest_create(g, &config);
	g->hello->shown_pages = PAGES;
	g->hello->pages_shown[0] = BITS;
	g->hello->site_gap = GAPS;
	g->hello->quiet_frees = QUIET;
	bell(g, RING_BELL(KMC_CMD_HELLO, HELLO >> 12));
}

static void run(struct guest *g)
{
	bell(g, RING_BELL(KMC_CMD_DRAIN, 0));
	assert_int_equal(machine_run(g->machine), END_RESET);
	assert_null(checker_agent_error(g->checker));
}

static bool is_shown(struct guest *g, uint64_t gpa)
{
	const uint8_t *bits = guest_at(g, BITS, PAGES / 8);

	return bits[gpa / 4096 / 8] >> (gpa / 4096 % 8) & 1;
}

static const struct {
	const char *mode;
	bool waits, zeroed;
	uint64_t hidden, watched, unwatched;
	uint8_t v; /* of the object's bytes */
	uint32_t wants;
} cases[] = {
	{"full", true, false, 1, 1, 0, V_UNDEFINED, 0},
	{"full", false, false, 1, 0, 1, V_DEFINED, 0},
	{"budget", true, false, 1, 1, 0, V_UNDEFINED,
	 KMC_WANT_SHOWN | KMC_WANT_SITES | KMC_WANT_FREES},
	{"budget:frees=later", false, false, 1, 0, 1, V_DEFINED, KMC_WANT_SHOWN | KMC_WANT_SITES},
	{"budget:recent=0", true, true, 1, 1, 0, V_DEFINED, KMC_WANT_SHOWN | KMC_WANT_SITES},
	{"sample", true, false, 1, 1, 0, V_UNDEFINED, KMC_WANT_SHOWN | KMC_WANT_SITES},
	{"off", true, false, 0, 0, 0, V_DEFINED,
	 KMC_WANT_NOTHING | KMC_WANT_SHOWN | KMC_WANT_SITES},
};

static uint64_t hidden(struct guest *g)
{
	struct checker_stats stats;
	struct checker_gauges now;

	checker_look(g->checker, &stats, &now);
	return now.hidden_pages;
}

static void allocations(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct checker_stats stats;
		struct checker_gauges now;
		struct checker_bytes bytes;
		struct kmc_record *r;
		struct guest g;
		char err[256];

		print_message("%s\n", cases[i].mode);
		create(&g, cases[i].mode);
		r = record(&g, KMC_LARGE, OBJECT, 100, 4096);
		r->flags = (cases[i].waits ? KMC_F_WAITS : 0) | (cases[i].zeroed ? KMC_F_ZEROED : 0);
		run(&g);
		checker_look(g.checker, &stats, &now);
		assert_int_equal(now.hidden_pages, cases[i].hidden);
		assert_int_equal(stats.watched, cases[i].watched);
		assert_int_equal(stats.unwatched, cases[i].unwatched);
		assert_int_equal(stats.objects, cases[i].watched + cases[i].unwatched);
		assert_int_equal(g.hello->wants, cases[i].wants);
		assert_false(is_shown(&g, WHERE));
		assert_int_equal(checker_read(g.checker, WHERE, true, 101, &bytes, err, sizeof(err)),
				 0);
		assert_int_equal(bytes.v[0], cases[i].v);
		assert_int_equal(bytes.v[99], cases[i].v);
		assert_int_equal(bytes.a[100], cases[i].hidden ? A_REDZONE : A_UNTRACKED);
		agent_guest_destroy(&g);
	}
}

static bool is_quiet(struct guest *g, uint64_t gpa)
{
	const uint8_t *bits = guest_at(g, QUIET, (1u << KMC_QUIET_BITS) / 8);

	return bits[KMC_QUIET(gpa) / 8] >> (KMC_QUIET(gpa) % 8) & 1;
}

/* Of a place that has made one object the next are not chosen, nearly: their frees need not wait. */
static void quiet_frees(void **state)
{
	const unsigned objects = 16;
	unsigned quiet = 0;
	struct guest g;

	create(&g, "budget:first=1");
	for (unsigned n = 0; n < objects; n++)
		record(&g, KMC_LARGE, OBJECT + n * 4096, 100, 4096)->flags = 0; /* who waits is chosen */
	run(&g);
	assert_false(is_quiet(&g, WHERE));
	for (unsigned n = 0; n < objects; n++)
		quiet += is_quiet(&g, WHERE + n * 4096);
	assert_in_range(quiet, objects / 2, objects - 1);
	assert_int_equal(hidden(&g), objects - quiet);
	agent_guest_destroy(&g);
}

static void change(struct guest *g, const char *mode)
{
	struct track_params p;
	char err[256];

	assert_true(track_parse(mode, &p, err, sizeof(err)));
	assert_int_equal(checker_track(g->checker, &p, err, sizeof(err)), 0);
}

static void changed_while_it_runs(void **state)
{
	struct track_rule rule = {.cache = "*", .exclude = true, .max = UINT64_MAX, .rate = 100};
	struct track_rule now[TRACK_RULES];
	struct track_params p;
	struct guest g;
	char err[256];
	uint32_t wants;

	create(&g, "budget");
	assert_int_equal(checker_track_rule(g.checker, &rule, err, sizeof(err)), 0);
	record(&g, KMC_LARGE, OBJECT, 100, 4096);
	run(&g);
	assert_int_equal(hidden(&g), 0); /* the rule */
	assert_int_equal(checker_tracking(g.checker, &p, now), 1);
	assert_string_equal(now[0].cache, "*");
	assert_int_equal(checker_track_rule(g.checker, NULL, err, sizeof(err)), 0);
	assert_int_equal(checker_tracking(g.checker, &p, now), 0);
	change(&g, "full");
	assert_int_equal(hidden(&g), 1);
	assert_int_equal(g.hello->wants, 0);
	change(&g, "sample");
	assert_int_equal(hidden(&g), 1);
	change(&g, "off");
	assert_int_equal(hidden(&g), 0);
	assert_true(is_shown(&g, WHERE));
	wants = g.hello->wants;
	assert_true(wants & KMC_WANT_NOTHING);
	change(&g, "full"); /* what there was is forgotten, and the agent begins anew */
	assert_int_equal(hidden(&g), 0);
	assert_false(g.hello->wants & KMC_WANT_NOTHING);
	assert_true((g.hello->wants ^ wants) & KMC_WANT_AGAIN);
	agent_guest_destroy(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocations),
		cmocka_unit_test(quiet_frees),
		cmocka_unit_test(changed_while_it_runs),
	};

	return tiny_kernel_runs() ? cmocka_run_group_tests(tests, rules_setup, rules_teardown) : 77;
}
