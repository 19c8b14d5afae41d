// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmc_main.c: runs the tests of kmc_bugs.ko: memory errors for a checker to find, one function a
 * bug, and for each a good twin that differs only in not being one. expectations.tsv says what must
 * be reported for each; good functions must stay silent. The tests are in kmc_objects.c,
 * kmc_defined.c, kmc_traces.c, kmc_leaks.c and kmc_caches.c.
 *
 * Run with insmod kmc_bugs.ko run=NAME,...: all, good, bad, demo (what run-demo shows), a test
 * (both of its functions) or a function. Or with run=count, see kmc_count.c; run=recall, see kmc_recall.c.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "kmc_test.h"

#undef pr_fmt
#define pr_fmt(fmt) "kmc_bugs: " fmt

static char *run[16] = { "all" };
static int runs = 1;
module_param_array(run, charp, &runs, 0444);
MODULE_PARM_DESC(run, "all, good, bad, demo, names of tests or functions (default all); or count, recall");

static const struct test_table *const tables[] = { &object_tests, &cache_tests, &defined_tests,
						   &trace_tests, &leak_tests };

noinline void *raw_object(size_t size)
{
	return kmalloc(size, GFP_ATOMIC);
}

noinline void *filled_object(size_t size)
{
	void *p = kmalloc(size, GFP_ATOMIC);

	if (p)
		memset(p, 0x5a, size);
	return hidden(p);
}

/* What run-demo shows: one test of each verdict. */
static const char *const demo[] = {
	"uninit_dword",	   "uaf_read_qword",   "uaf_write_word",    "oob_read_byte",
	"oob_write_dword", "unallocated_read", "double_free_kfree", "invalid_free_kfree",
	"leak_put",	   "leak_chain",
};

static bool is_called(const struct test_entry *e, const char *name)
{
	if (!strcmp(name, "all"))
		return true;
	if (!strcmp(name, "good") || !strcmp(name, "bad"))
		return e->bug == !strcmp(name, "bad");
	if (!strcmp(name, "demo"))
		return match_string(demo, ARRAY_SIZE(demo), e->test) >= 0;
	return !strcmp(name, e->test) || !strcmp(name, e->function);
}

static bool is_wanted(const struct test_entry *e)
{
	int i;

	for (i = 0; i < runs; i++)
		if (is_called(e, run[i]))
			return true;
	return false;
}

static void run_entry(const struct test_entry *e)
{
	int err;

	pr_info("%s begin\n", e->function);
	err = e->run();
	if (err == -EOPNOTSUPP)
		pr_info("%s skipped: this CPU has no such instruction\n", e->function);
	else if (err)
		pr_err("%s failed: error %d\n", e->function, err);
	pr_info("%s end\n", e->function);
}

/* Returns how many were run. */
static unsigned int run_entries(bool bugs)
{
	unsigned int t, i, n = 0;

	for (t = 0; t < ARRAY_SIZE(tables); t++) {
		for (i = 0; i < tables[t]->n; i++) {
			const struct test_entry *e = &tables[t]->entries[i];

			if (e->bug != bugs || !is_wanted(e))
				continue;
			run_entry(e);
			n++;
		}
	}
	return n;
}

static int __init kmc_bugs_init(void)
{
	unsigned int n;
	int err;

	if (!strcmp(run[0], "count"))
		return run_count();
	if (!strcmp(run[0], "recall"))
		return run_recall();
	err = make_object_caches();
	if (err)
		return err;
	n = run_entries(false);
	n += run_entries(true);
	pr_info("%u functions run\n", n);
	if (!n)
		pr_err("no test has a name given with run=\n");
	return 0;
}

module_init(kmc_bugs_init);
MODULE_DESCRIPTION("Memory errors for kmc-vmm to find");
MODULE_LICENSE("GPL");
