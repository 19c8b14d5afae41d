// SPDX-License-Identifier: GPL-2.0-only
/*
 * checker_control.c: what is reported is changed while the checker runs, what a report does to the
 * machine, looking into the checker; and a pause, or the end, while a vCPU waits for an
 * announcement. The findings are frees of large objects that the tiny guest's agent tells of.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent_guest.h"
#include "checks.h"
#include "inspect.h"
#include "sink_client.h"

#define DOUBLE_FREE VERDICT_BIT(VERDICT_DOUBLE_FREE)
#define WHERE	    (SLAB + 0x10000) /* not touched by the guest */
#define OBJECT	    (DIRECT_MAP + WHERE)
#define CALLER	    0xffffffff81000100ull
#define WAIT_MS	    10000

static struct checker_config config_of(enum on_report on_report)
{
	return (struct checker_config){.checks = ~0u, .rules = rules, .on_report = on_report};
}

/* Allocated, freed, and then freed so many times more, from callers that many bytes apart. */
static void frees(struct guest *g, unsigned bad, unsigned apart)
{
	record(g, KMC_LARGE, OBJECT, 100, 4096);
	record(g, KMC_FREE, OBJECT, 0, 0);
	for (unsigned i = 0; i < bad; i++)
		record(g, KMC_FREE, OBJECT, 0, 0)->caller = CALLER + i * apart;
	bell(g, RING_BELL(KMC_CMD_HELLO, HELLO >> 12));
	bell(g, RING_BELL(KMC_CMD_DRAIN, 0));
}

struct counts {
	uint64_t reports, repeated, suppressed, unshown;
};

static void expect_counts(struct guest *g, struct counts expected)
{
	const struct checker_stats *s = checker_stats(g->checker);

	assert_int_equal(s->reports, expected.reports);
	assert_int_equal(s->repeated, expected.repeated);
	assert_int_equal(s->suppressed, expected.suppressed);
	assert_int_equal(s->unshown, expected.unshown);
}

static void run(struct guest *g, enum machine_end end)
{
	assert_int_equal(machine_run(g->machine), end);
	assert_null(checker_agent_error(g->checker));
}

/* ------------------------------------------------------------- what is reported */

static void switch_checks(struct guest *g, unsigned bits, const char *cache, bool on, bool works)
{
	char err[128] = "";

	assert_int_equal(checker_switch(g->checker, bits, cache, on, err, sizeof(err)),
			 works ? 0 : -1);
	assert_int_equal(!*err, works);
}

static void change_nothing(struct guest *g)
{
}

static void change_every(struct guest *g)
{
	checker_one_shot(g->checker, false);
}

static void change_once(struct guest *g)
{
	checker_one_shot(g->checker, false);
	checker_one_shot(g->checker, true);
}

static void change_off(struct guest *g)
{
	switch_checks(g, DOUBLE_FREE, NULL, false, true);
	assert_int_equal(checker_checks(g->checker) & DOUBLE_FREE, 0);
}

static void change_off_on(struct guest *g)
{
	change_off(g);
	switch_checks(g, DOUBLE_FREE, NULL, true, true);
}

/* The objects have no cache: its name is "". */
static void change_cache_off(struct guest *g)
{
	switch_checks(g, ~0u, "*", false, true);
}

static void change_other_off(struct guest *g)
{
	switch_checks(g, ~0u, "kmalloc-*", false, true);
	switch_checks(g, VERDICT_BIT(VERDICT_UNINIT), "*", false, true);
}

static void change_cache_off_on(struct guest *g)
{
	struct filter_rule rule[2];

	switch_checks(g, ~0u, "*", true, false); /* it is not off */
	switch_checks(g, DOUBLE_FREE | VERDICT_BIT(VERDICT_UNINIT), "*", false, true);
	switch_checks(g, DOUBLE_FREE, "*", true, true);
	assert_int_equal(checker_switched_off(g->checker, rule, 2), 1);
	assert_string_equal(rule[0].cache, "*");
	assert_int_equal(rule[0].off, VERDICT_BIT(VERDICT_UNINIT));
	switch_checks(g, ~0u, "*", true, true);
	assert_int_equal(checker_switched_off(g->checker, rule, 2), 0);
}

static const struct {
	const char *name;
	void (*change)(struct guest *g);
	unsigned bad, apart;
	struct counts expected;
} cases[] = {
	{"once a place", change_nothing, 3, 0, {.reports = 1, .repeated = 2}},
	{"places are told apart", change_nothing, 3, 16, {.reports = 3}},
	{"every time", change_every, 3, 0, {.reports = 3}},
	{"once again", change_once, 3, 0, {.reports = 1, .repeated = 2}},
	{"off", change_off, 3, 0, {.reports = 0}},
	{"on again", change_off_on, 3, 0, {.reports = 1, .repeated = 2}},
	{"cache off", change_cache_off, 3, 0, {.reports = 0}},
	{"another one off", change_other_off, 3, 0, {.reports = 1, .repeated = 2}},
	{"cache on again", change_cache_off_on, 3, 0, {.reports = 1, .repeated = 2}},
};

static void test_changes(void **state)
{
	const struct checker_config config = config_of(ON_REPORT_CONTINUE);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest g;

		print_message("%s\n", cases[i].name);
		agent_guest_create(&g, &config);
		frees(&g, cases[i].bad, cases[i].apart);
		cases[i].change(&g);
		run(&g, END_RESET);
		expect_counts(&g, cases[i].expected);
		agent_guest_destroy(&g);
	}
}

static void test_limits_of_changes(void **state)
{
	struct checker_config config = config_of(ON_REPORT_CONTINUE);
	char name[80];
	struct guest g;

	agent_guest_create(&g, &config);
	memset(name, 'x', sizeof(name));
	name[64] = '\0';
	switch_checks(&g, ~0u, name, false, false);
	for (int i = 0; i < FILTER_RULES; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		switch_checks(&g, ~0u, name, false, true);
	}
	switch_checks(&g, ~0u, "one more", false, false);
	switch_checks(&g, ~0u, "c0", false, true); /* is there already */
	agent_guest_destroy(&g);
	config.checks = 0;
	agent_guest_create(&g, &config);
	switch_checks(&g, ~0u, NULL, true, false); /* nothing is tracked */
	agent_guest_destroy(&g);
}

static void test_limit(void **state)
{
	struct checker_config config = config_of(ON_REPORT_CONTINUE);
	struct guest g;

	config.max_reports = 2;
	agent_guest_create(&g, &config);
	frees(&g, 5, 16);
	run(&g, END_RESET);
	expect_counts(&g, (struct counts){.reports = 2, .unshown = 3});
	agent_guest_destroy(&g);
}

static void test_suppressed(void **state)
{
	struct checker_config config = config_of(ON_REPORT_EXIT);
	char err[128];
	struct guest g;

	config.suppressions = suppress_create();
	assert_int_equal(suppress_add(config.suppressions, "double-free", NULL, NULL, NULL, err,
				      sizeof(err)),
			 0);
	agent_guest_create(&g, &config);
	frees(&g, 2, 16);
	run(&g, END_RESET); /* what is suppressed ends nothing */
	expect_counts(&g, (struct counts){.suppressed = 2});
	agent_guest_destroy(&g);
	suppress_destroy(config.suppressions);
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		unsigned bits;
	} names[] = {
		{"free", DOUBLE_FREE | VERDICT_BIT(VERDICT_INVALID_FREE)},
		{"double-free", DOUBLE_FREE},
		{"slab-use-after-free",
		 VERDICT_BIT(VERDICT_UAF_READ) | VERDICT_BIT(VERDICT_UAF_WRITE)},
		{"none", 0},
		{"all", VERDICT_BIT(VERDICTS) - VERDICT_BIT(VERDICT_NONE + 1)},
	};
	unsigned bits;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_true(checks_by_name(names[i].name, strlen(names[i].name), &bits));
		assert_int_equal(bits, names[i].bits);
	}
	assert_false(checks_by_name("fre", 3, &bits));
	assert_false(checks_by_name("", 0, &bits));
	assert_true(checks_by_name("free,x", 4, &bits));
}

/* --------------------------------------------------- what a report does to the VM */

static void test_exit(void **state)
{
	const struct checker_config config = config_of(ON_REPORT_EXIT);
	struct guest g;

	agent_guest_create(&g, &config);
	frees(&g, 3, 16);
	run(&g, END_REPORT);
	expect_counts(&g, (struct counts){.reports = 1, .unshown = 2});
	agent_guest_destroy(&g);
}

/* A guest without an IDT dies of the NMI; tests/lab/boots has kernels that panic. */
static void test_panic(void **state)
{
	const struct checker_config config = config_of(ON_REPORT_PANIC);
	struct guest g;

	agent_guest_create(&g, &config);
	frees(&g, 3, 16);
	run(&g, END_CRASH);
	expect_counts(&g, (struct counts){.reports = 1, .unshown = 2});
	agent_guest_destroy(&g);
}

struct looked {
	struct guest *g;
	const char *failed;
	struct checker_object object;
	struct checker_bytes bytes;
	struct checker_stats stats;
	struct checker_gauges now;
	uint64_t objects;
	int bad_read;
	char err[128];
};

static void *look_while_paused(void *arg)
{
	struct looked *l = arg;
	struct machine *m = l->g->machine;
	struct checker *c = l->g->checker;

	for (int i = 0; i < WAIT_MS && !machine_paused(m); i++)
		usleep(1000);
	if (machine_wait_paused(m, WAIT_MS))
		l->failed = "a report did not pause the machine";
	checker_look(c, &l->stats, &l->now);
	l->objects = checker_objects(c, "*", &l->object, 1);
	if (checker_read(c, WHERE + 8192 - 8, true, 64, &l->bytes, l->err, sizeof(l->err)))
		l->failed = l->err;
	l->bad_read = checker_read(c, MEMORY, true, 64, &(struct checker_bytes){0}, l->err,
				   sizeof(l->err));
	machine_resume(m);
	return NULL;
}

/* The second object is live: it has 100 bytes, and two pages. */
static void test_look(void **state)
{
	const struct checker_config config = config_of(ON_REPORT_PAUSE);
	struct looked l = {0};
	struct kmc_record *r;
	pthread_t thread;
	struct guest g;

	agent_guest_create(&g, &config);
	r = record(&g, KMC_LARGE, OBJECT + 8192, 100, 8192);
	r->pid = 77;
	strcpy(r->comm, "a task");
	frees(&g, 1, 0);
	memset(guest_at(&g, WHERE + 8192, 4), 0x5a, 4);
	l.g = &g;
	assert_int_equal(pthread_create(&thread, NULL, look_while_paused, &l), 0);
	run(&g, END_RESET);
	pthread_join(thread, NULL);
	if (l.failed)
		fail_msg("%s", l.failed);
	assert_int_equal(l.stats.reports, 1);
	assert_int_equal(l.now.tracked_pages, 3);
	assert_int_equal(l.now.hidden_pages, 3);
	assert_int_equal(l.now.live_objects, 1);
	assert_int_equal(l.now.exec_status, -1);
	assert_int_equal(l.objects, 1);
	assert_int_equal(l.object.addr, OBJECT + 8192);
	assert_int_equal(l.object.size, 100);
	assert_int_equal(l.object.slot, 8192);
	assert_true(l.object.large && l.object.has_event);
	assert_int_equal(l.object.allocated.pid, 77);
	assert_string_equal(l.object.allocated.comm, "a task");
	assert_int_equal(l.bytes.len, 64);
	assert_int_equal(l.bytes.gpa, WHERE + 8192 - 8);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(l.bytes.a[i], i < 8 ? A_UNTRACKED : A_ALLOCATED);
		assert_int_equal(l.bytes.v[i], i < 8 ? V_DEFINED : V_UNDEFINED);
		assert_int_equal(l.bytes.value[i], i >= 8 && i < 12 ? 0x5a : 0);
	}
	assert_int_equal(l.bad_read, -1);
	assert_non_null(strstr(l.err, "no memory"));
	agent_guest_destroy(&g);
}

#define RESUMES 50

struct reader {
	struct machine *machine;
	unsigned told, late;
};

static void resume_at_once(void *ctx, const char *text, size_t len)
{
	struct reader *r = ctx;

	r->told++;
	r->late += !machine_paused(r->machine);
	machine_resume(r->machine);
}

/* Otherwise a reader's "resume" may come before the pause, which nobody ends then. */
static void test_paused_before_told(void **state)
{
	for (unsigned i = 0; i < RESUMES; i++) {
		struct checker_config config = config_of(ON_REPORT_PAUSE);
		struct reader reader = {0};
		const struct sink_config sink = {.vm = "vm-1", .text = resume_at_once, .text_ctx = &reader};
		struct guest g;

		config.sink = sink_start(&sink);
		agent_guest_create(&g, &config);
		reader.machine = g.machine;
		frees(&g, 1, 0);
		run(&g, END_RESET);
		sink_destroy(config.sink);
		assert_int_equal(reader.told, 1);
		assert_int_equal(reader.late, 0);
		agent_guest_destroy(&g);
	}
}

/* ------------------------------------------------- a vCPU waits for an announcement */

/* A number is drawn and its record is not there yet. */
static void open_gap(struct guest *g)
{
	bell(g, RING_BELL(KMC_CMD_HELLO, HELLO >> 12));
	bell(g, RING_BELL(KMC_CMD_DRAIN, 0));
	g->hello->seq = 1;
}

static uint64_t gap_waits(struct guest *g)
{
	struct checker_stats stats;
	struct checker_gauges now;

	checker_look(g->checker, &stats, &now);
	return stats.gap_waits;
}

static void *pause_in_gap(void *arg)
{
	struct looked *l = arg;
	struct machine *m = l->g->machine;

	for (int i = 0; i < WAIT_MS && !gap_waits(l->g); i++)
		usleep(1000);
	machine_pause(m);
	if (machine_wait_paused(m, WAIT_MS))
		l->failed = "a vCPU that waits for an announcement holds up a pause";
	sleep(6); /* longer than an announcement may be late */
	if (checker_agent_error(l->g->checker))
		l->failed = "checking was given up during a pause";
	machine_resume(m);
	usleep(100000);
	record(l->g, KMC_LARGE, OBJECT, 100, 4096);
	return NULL;
}

static void test_pause_in_gap(void **state)
{
	const struct checker_config config = config_of(ON_REPORT_CONTINUE);
	struct looked l = {0};
	pthread_t thread;
	struct guest g;

	agent_guest_create(&g, &config);
	open_gap(&g);
	l.g = &g;
	assert_int_equal(pthread_create(&thread, NULL, pause_in_gap, &l), 0);
	run(&g, END_RESET);
	pthread_join(thread, NULL);
	if (l.failed)
		fail_msg("%s", l.failed);
	assert_int_equal(checker_stats(g.checker)->records, 1);
	agent_guest_destroy(&g);
}

static void *stop_in_gap(void *arg)
{
	struct guest *g = arg;

	for (int i = 0; i < WAIT_MS && !gap_waits(g); i++)
		usleep(1000);
	machine_stop(g->machine, END_OPERATOR, "done");
	return NULL;
}

static time_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* The end does not wait until the announcement is too late, and that is no fault of the agent. */
static void test_stop_in_gap(void **state)
{
	const struct checker_config config = config_of(ON_REPORT_CONTINUE);
	time_t begin = seconds();
	pthread_t thread;
	struct guest g;

	agent_guest_create(&g, &config);
	open_gap(&g);
	assert_int_equal(pthread_create(&thread, NULL, stop_in_gap, &g), 0);
	run(&g, END_OPERATOR);
	pthread_join(thread, NULL);
	assert_true(seconds() - begin < 4);
	agent_guest_destroy(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),	     cmocka_unit_test(test_limits_of_changes),
		cmocka_unit_test(test_limit),	     cmocka_unit_test(test_suppressed),
		cmocka_unit_test(test_names),	     cmocka_unit_test(test_exit),
		cmocka_unit_test(test_panic),	     cmocka_unit_test(test_look),
		cmocka_unit_test(test_pause_in_gap), cmocka_unit_test(test_stop_in_gap),
		cmocka_unit_test(test_paused_before_told),
	};

	return tiny_kernel_runs() ? cmocka_run_group_tests(tests, rules_setup, rules_teardown) : 77;
}
