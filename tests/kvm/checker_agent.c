// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_agent.c: an agent that lies. A tiny guest rings the doorbell with what a table says, after
 * the test has put hello block, rings and records into its memory. Whatever they hold, the VMM keeps
 * standing, the guest runs to its end, and checking ends with one line. The good twin is believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent_guest.h"

static struct debuginfo *debuginfo; /* NULL: the guest is described without */
static char said[512];		    /* by debuginfo, last */

static void guest_create(struct guest *g)
{
	const struct checker_config config = { .checks = ~0u, .rules = rules,
					       .debuginfo = debuginfo };

	agent_guest_create(g, &config);
}

/* Boots, waits for its end, and says what the checker thought of the agent. */
static void guest_finish(struct guest *g, const char *expect_error)
{
	const char *error;

	assert_int_equal(machine_run(g->machine), END_RESET);
	error = checker_agent_error(g->checker);
	if (expect_error && (!error || !strstr(error, expect_error)))
		fail_msg("expected \"%s\", got \"%s\"", expect_error, error ? error : "no error");
	if (!expect_error && error)
		fail_msg("an honest agent was refused: %s", error);
	agent_guest_destroy(g);
}

static const struct {
	const char *error;
	uint32_t pfn;
} hellos[] = {
	{ "outside of memory", 0xfffffff },
	{ "no hello block", 3 },
};

struct field_case {
	const char *name, *error;
	size_t offset;
	unsigned bytes;
	uint64_t value;
};

#define FIELD(f) offsetof(struct kmc_hello, f), sizeof(((struct kmc_hello *)0)->f)

static const struct field_case fields[] = {
	{ "version", "another version", FIELD(version), 99 },
	{ "no cpus", "number of CPUs", FIELD(ncpus), 0 },
	{ "many cpus", "number of CPUs", FIELD(ncpus), 65 },
	{ "cpus without rings", "outside of memory", FIELD(ncpus), 2 },
	{ "no slots", "ring size", FIELD(slots), 0 },
	{ "odd slots", "ring size", FIELD(slots), 3 },
	{ "huge slots", "ring size", FIELD(slots), 0x80000000 },
	{ "ring outside", "outside of memory", FIELD(ring[0]), 0xfffffffffffff000ull },
	{ "ring at the end", "outside of memory", FIELD(ring[0]), MEMORY - 64 },
	{ "ring unaligned", "outside of memory", FIELD(ring[0]), RING + 1 },
	{ "buffer outside", "outside of memory", FIELD(symbol_buffer), MEMORY },
	{ "bits missing", "outside of memory", FIELD(shown_pages), 100 },
	{ "bits of too many pages", "outside of memory", FIELD(shown_pages),
	  (uint64_t)KMC_SHOWN_PIECES * KMC_SHOWN_PAGES + 1 },
	{ "bits of frees outside", "outside of memory", FIELD(quiet_frees), MEMORY - 64 },
	{ "bytes of places outside", "outside of memory", FIELD(site_gap), MEMORY - 64 },
	{ "text", "impossible addresses", FIELD(text_end), 0 },
	{ "direct map", "impossible addresses", FIELD(direct_map), 5 },
	{ "stack size", "impossible addresses", FIELD(thread_size), 0xffffffff },
};

static void test_hello(void **state)
{
	struct guest g;

	for (unsigned i = 0; i < sizeof(hellos) / sizeof(hellos[0]); i++) {
		guest_create(&g);
		bell(&g, RING_BELL(KMC_CMD_HELLO, hellos[i].pfn));
		guest_finish(&g, hellos[i].error);
	}
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		guest_create(&g);
		memcpy((char *)g.hello + fields[i].offset, &fields[i].value, fields[i].bytes);
		bell(&g, RING_BELL(KMC_CMD_HELLO, HELLO >> 12));
		bell(&g, RING_BELL(KMC_CMD_DRAIN, 0));
		guest_finish(&g, fields[i].error);
	}
}

/* Without checks nothing can be hidden; the guest runs to its end all the same. */
static void test_unasked(void **state)
{
	const struct checker_config config = { .checks = 0, .rules = rules };
	struct guest g;

	agent_guest_create(&g, &config);
	record(&g, KMC_SLAB, DIRECT_MAP + SLAB, 4096, 64);
	bell(&g, RING_BELL(KMC_CMD_HELLO, HELLO >> 12));
	bell(&g, RING_BELL(KMC_CMD_DRAIN, 0));
	guest_finish(&g, "without checks");
}

static const struct {
	const char *name, *error;
	uint8_t type, nstack;
	uint64_t addr, size, slot;
} records[] = {
	{ "type 0", "impossible type", 0, 0, DIRECT_MAP + SLAB, 4096, 0 },
	{ "type 255", "impossible type", 255, 0, DIRECT_MAP + SLAB, 4096, 0 },
	{ "stack", "impossible type", KMC_FREE, 200, DIRECT_MAP + SLAB, 0, 0 },
	{ "below the direct map", "does not exist", KMC_SLAB, 0, 0x1000, 4096, 0 },
	{ "behind memory", "does not exist", KMC_SLAB, 0, DIRECT_MAP + MEMORY, 4096, 0 },
	{ "over the end", "does not exist", KMC_SLAB, 0, DIRECT_MAP + MEMORY - 4096, 8192, 0 },
	{ "endless", "does not exist", KMC_SLAB, 0, DIRECT_MAP + SLAB, ~0ull, 0 },
	{ "wraps", "does not exist", KMC_KMALLOC, 0, ~0ull, ~0ull, ~0ull },
	{ "empty slab", "does not exist", KMC_SLAB, 0, DIRECT_MAP + SLAB, 0, 0 },
	{ "odd slab", "contradicts", KMC_SLAB, 0, DIRECT_MAP + SLAB + 8, 4096, 0 },
	{ "odd size", "contradicts", KMC_SLAB, 0, DIRECT_MAP + SLAB, 100, 0 },
	{ "odd large", "contradicts", KMC_LARGE, 0, DIRECT_MAP + SLAB + 8, 4096, 4096 },
	{ "slot below size", "contradicts", KMC_LARGE, 0, DIRECT_MAP + SLAB, 8192, 4096 },
	{ "free of nothing", NULL, KMC_FREE, 0, 0x1234, 0, 0 },
	{ "ksize of nothing", NULL, KMC_KSIZE, 0, ~0ull, 0, 0 },
	{ "no slab there", NULL, KMC_RESIZE, 0, DIRECT_MAP + SLAB, 10, 0 },
};

static void test_records(void **state)
{
	for (unsigned i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		struct kmc_record *r;
		struct guest g;

		print_message("record: %s\n", records[i].name);
		guest_create(&g);
		r = record(&g, records[i].type, records[i].addr, records[i].size, records[i].slot);
		r->nstack = records[i].nstack;
		bell(&g, RING_BELL(KMC_CMD_HELLO, HELLO >> 12));
		bell(&g, RING_BELL(KMC_CMD_DRAIN, 0));
		guest_finish(&g, records[i].error);
	}
}

static void test_ring_indices(void **state)
{
	struct guest g;

	guest_create(&g);
	g.ring->head = ~0ull; /* more than fit */
	g.hello->seq = 1;
	bell(&g, RING_BELL(KMC_CMD_HELLO, HELLO >> 12));
	bell(&g, RING_BELL(KMC_CMD_DRAIN, 0));
	guest_finish(&g, "more records than");

	guest_create(&g); /* a number is drawn and never used */
	g.hello->seq = 7;
	bell(&g, RING_BELL(KMC_CMD_HELLO, HELLO >> 12));
	bell(&g, RING_BELL(KMC_CMD_DRAIN, 0));
	guest_finish(&g, "never came");
}

static void test_symbols(void **state)
{
	struct guest g;

	guest_create(&g);
	bell(&g, RING_BELL(KMC_CMD_HELLO, HELLO >> 12));
	bell(&g, RING_BELL(KMC_CMD_SYMBOLS, KMC_SYMBOL_BUFFER + 1));
	guest_finish(&g, "symbols are malformed");

	guest_create(&g);
	bell(&g, RING_BELL(KMC_CMD_SYMBOLS, 10)); /* before the hello */
	guest_finish(&g, "symbols are malformed");
}

static void say(void *ctx, const char *line)
{
	snprintf(said, sizeof(said), "%s", line);
}

/*
 * Notes that are nowhere, or no notes: no kernel is known by them, and a file that might be it is not
 * used. This program is the file.
 */
static void test_notes(void **state)
{
	static const struct {
		uint64_t start, end, cr3;
	} cases[] = {
		{ 0, 0, 0 },
		{ 0x1234, 0x2234, 0 },
		{ ~0ull, 0, 0 },
		{ 0, ~0ull, 0 },
		{ DIRECT_MAP, ~0ull, HELLO },
		{ DIRECT_MAP + MEMORY - 8, DIRECT_MAP + MEMORY + 8, ~0ull },
	};
	static const char *const self = "/proc/self/exe";
	const struct debuginfo_config config = { .paths = &self, .npaths = 1, .say = say };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char err[256];
		struct guest g;

		assert_int_equal(debuginfo_open(&config, &debuginfo, err, sizeof(err)), 0);
		said[0] = '\0';
		guest_create(&g);
		g.hello->notes_start = cases[i].start;
		g.hello->notes_end = cases[i].end;
		g.hello->cr3 = cases[i].cr3;
		bell(&g, RING_BELL(KMC_CMD_HELLO, HELLO >> 12));
		guest_finish(&g, NULL);
		assert_non_null(strstr(said, "does not tell its build ID"));
		debuginfo_close(debuginfo);
		debuginfo = NULL;
	}
}

/* The good twin: a slab is announced and hidden, the guest's access to it is seen. */
static void test_honest(void **state)
{
	const struct checker_stats *s;
	struct guest g;

	guest_create(&g);
	record(&g, KMC_LARGE, DIRECT_MAP + SLAB, 100, 4096);
	bell(&g, RING_BELL(KMC_CMD_HELLO, HELLO >> 12));
	bell(&g, RING_BELL(KMC_CMD_DRAIN, 0));
	assert_int_equal(machine_run(g.machine), END_RESET);
	assert_null(checker_agent_error(g.checker));
	assert_true(checker_agent_seen(g.checker));
	s = checker_stats(g.checker);
	assert_int_equal(s->records, 1);
	assert_int_equal(s->hidden_peak, 1);
	/* Touched by its identity address: no slab pointer, so the tracking is given up as stale,
	 * unless KVM emulates the guest and hands us the access itself. */
	assert_int_equal(s->violations + s->stale, 1);
	agent_guest_destroy(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),	 cmocka_unit_test(test_unasked),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_ring_indices), cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_notes),	 cmocka_unit_test(test_honest),
	};

	return tiny_kernel_runs() ? cmocka_run_group_tests(tests, rules_setup, rules_teardown) : 77;
}
