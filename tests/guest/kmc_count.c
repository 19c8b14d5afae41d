// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmc_count.c: two threads on two CPUs access the same objects a known number of times, so that a
 * checker can be asked whether it saw every byte (tests/run-guest-count).
 *
 * The objects are of the cache kmc_count, which nobody else uses: one for each thread, one for
 * both. Each fills two pages, and "crossing" forms access both at once. Prints how often each form
 * was done, how many bytes all of them read and wrote, and whether what the locked ones added up to
 * is right.
 *
 * Run with insmod kmc_bugs.ko run=count iterations=N.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "kmc_access.h"
#include "kmc_test.h"

#undef pr_fmt
#define pr_fmt(fmt) "kmc_bugs: " fmt

static unsigned int iterations = 1000;
module_param(iterations, uint, 0444);
MODULE_PARM_DESC(iterations, "of each thread of run=count (default 1000)");

#define THREADS	    2
#define OBJECT_SIZE (2 * PAGE_SIZE)
#define SELDOM	    64 /* forms that are slow to observe are done once in so many iterations */

/* Offsets in an object. */
#define PLAIN	   0
#define COUNTED	   64  /* u32, by lock inc */
#define ADDED	   72  /* u64, by lock xadd */
#define EXCHANGED  80
#define MISALIGNED 97  /* u32, by lock inc; within a cache line, or the host may object */
#define STRING	   256 /* up to 512 */
#define CROSSING   (PAGE_SIZE - 3)
#define MIDDLE	   (PAGE_SIZE - 64)

struct place {
	char *own, *shared;
};

static void load(const struct place *p)
{
	u64 value;

	asm volatile("movq (%1), %0" : "=r"(value) : "r"(p->shared + PLAIN) : "memory");
}

static void store(const struct place *p)
{
	store8(p->shared + PLAIN);
}

static void add(const struct place *p)
{
	asm volatile("addq $1, (%0)" : : "r"(p->own + PLAIN) : "cc", "memory");
}

static void locked_inc(const struct place *p)
{
	locked_inc4(p->shared + COUNTED);
}

static void locked_xadd(const struct place *p)
{
	u64 one = 1;

	asm volatile("lock xaddq %0, (%1)" : "+r"(one) : "r"(p->shared + ADDED) : "cc", "memory");
}

static void exchange(const struct place *p)
{
	u64 value = 1;

	asm volatile("xchgq %0, (%1)" : "+r"(value) : "r"(p->shared + EXCHANGED) : "memory");
}

/* It may find another value; it is a read and a write all the same. */
static void compare_exchange(const struct place *p)
{
	u64 old = 1, new = 2;

	asm volatile("lock cmpxchgq %2, (%1)"
		     : "+a"(old)
		     : "r"(p->shared + EXCHANGED), "r"(new)
		     : "cc", "memory");
}

static void locked_misaligned(const struct place *p)
{
	locked_inc4(p->shared + MISALIGNED);
}

static void rep_store(const struct place *p)
{
	rep_stosb(p->own + STRING, 1, 100);
}

static void rep_copy(const struct place *p)
{
	rep_movsb(p->own + STRING, p->shared + STRING, 100);
}

static void rep_copy_crossing(const struct place *p)
{
	rep_movsq(p->shared + MIDDLE, p->own + MIDDLE - 4, 16);
}

static void load_crossing(const struct place *p)
{
	cmp8(p->shared + CROSSING);
}

static void store_crossing(const struct place *p)
{
	store8(p->shared + CROSSING);
}

static void sse_load(const struct place *p)
{
	kernel_fpu_begin();
	cmp16(p->shared + STRING);
	kernel_fpu_end();
}

static void sse_store(const struct place *p)
{
	kernel_fpu_begin();
	store16(p->shared + STRING);
	kernel_fpu_end();
}

/* read, written: bytes. */
static const struct form {
	const char *name;
	void (*access)(const struct place *p);
	unsigned int read, written, every;
} forms[] = {
	{ "load", load, 8, 0, 1 },
	{ "store", store, 0, 8, 1 },
	{ "add", add, 8, 8, 1 },
	{ "locked_inc", locked_inc, 4, 4, 1 },
	{ "locked_xadd", locked_xadd, 8, 8, 1 },
	{ "exchange", exchange, 8, 8, 1 },
	{ "compare_exchange", compare_exchange, 8, 8, 1 },
	{ "rep_store", rep_store, 0, 100, 1 },
	{ "rep_copy", rep_copy, 100, 100, 1 },
	{ "rep_copy_crossing", rep_copy_crossing, 128, 128, 1 },
	{ "load_crossing", load_crossing, 8, 0, 1 },
	{ "store_crossing", store_crossing, 0, 8, 1 },
	{ "locked_misaligned", locked_misaligned, 4, 4, SELDOM },
	{ "sse_load", sse_load, 16, 0, SELDOM },
	{ "sse_store", sse_store, 0, 16, SELDOM },
};

struct worker {
	struct place place;
	u64 done[ARRAY_SIZE(forms)];
	struct completion ended;
};

/* Here, not on a stack or in a slab: nothing but the objects is to be counted. */
static struct worker workers[THREADS];
static char *objects[THREADS + 1];
static atomic_t absent = ATOMIC_INIT(THREADS);

static void work(struct worker *w, unsigned int i)
{
	unsigned int f;

	for (f = 0; f < ARRAY_SIZE(forms); f++) {
		if (i % forms[f].every)
			continue;
		forms[f].access(&w->place);
		w->done[f]++;
	}
}

/* All begin at the same time. */
static int worker_main(void *data)
{
	struct worker *w = data;
	unsigned int i;

	atomic_dec(&absent);
	while (atomic_read(&absent) > 0)
		cond_resched();
	for (i = 0; i < iterations; i++) {
		work(w, i);
		cond_resched();
	}
	complete(&w->ended);
	return 0;
}

static int __init make_objects(void)
{
	struct kmem_cache *cache = kmem_cache_create("kmc_count", OBJECT_SIZE, PAGE_SIZE, 0, NULL);
	unsigned int i;

	for (i = 0; cache && i < ARRAY_SIZE(objects); i++) {
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		if (!objects[i])
			return -ENOMEM;
		rep_stosb(objects[i], 0, OBJECT_SIZE);
	}
	return cache ? 0 : -ENOMEM;
}

static int __init run_workers(void)
{
	struct task_struct *task[THREADS];
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		workers[i].place = (struct place){ objects[i], objects[THREADS] };
		init_completion(&workers[i].ended);
		task[i] = kthread_create(worker_main, &workers[i], "kmc_count/%u", i);
		if (IS_ERR(task[i]))
			return PTR_ERR(task[i]); /* a woken one waits for ever; the test fails */
		kthread_bind(task[i], i % num_online_cpus());
		wake_up_process(task[i]);
	}
	for (i = 0; i < THREADS; i++)
		wait_for_completion(&workers[i].ended);
	return 0;
}

static u64 __init done_of(void (*access)(const struct place *p))
{
	unsigned int f = 0, i;
	u64 sum = 0;

	while (forms[f].access != access)
		f++;
	for (i = 0; i < THREADS; i++)
		sum += workers[i].done[f];
	return sum;
}

/* Reads 16 bytes. */
static bool __init locked_sums_are_right(void)
{
	char *p = objects[THREADS];
	u32 counted = READ_ONCE(*(u32 *)(p + COUNTED));
	u64 added = READ_ONCE(*(u64 *)(p + ADDED));
	u32 misaligned = READ_ONCE(*(u32 *)(p + MISALIGNED));

	return counted == (u32)done_of(locked_inc) && added == done_of(locked_xadd) &&
	       misaligned == (u32)done_of(locked_misaligned);
}

int __init run_count(void)
{
	u64 read = 16, written = ARRAY_SIZE(objects) * OBJECT_SIZE;
	int err = make_objects();
	unsigned int f;

	err = err ?: run_workers();
	if (err)
		return err;
	for (f = 0; f < ARRAY_SIZE(forms); f++) {
		u64 n = done_of(forms[f].access);

		pr_info("count: %llu %s\n", n, forms[f].name);
		read += n * forms[f].read;
		written += n * forms[f].written;
	}
	pr_info("count: locked sums are %s\n", locked_sums_are_right() ? "right" : "wrong");
	pr_info("count: %llu bytes read, %llu bytes written\n", read, written);
	return 0;
}
