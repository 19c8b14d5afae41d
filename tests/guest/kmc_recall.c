// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmc_recall.c: bugs of all kinds at random times and places, to measure how many of them a checker
 * finds (tests/run-guest-recall). What run N is follows from seed + N alone; when what happens,
 * from the load too.
 *
 * A run allocates an object, frees it if its kind says so, and makes one bad access or free, each
 * in a context of its own: this task, a thread or a work item on any CPU, an interrupt. In between
 * it accesses other, legal bytes of the same page a random number of times, and waits. What comes
 * before the bad access on its page is counted and logged, the background's accesses included.
 *
 * Each bug is truly one: undefined bytes are fresh ones; a freed object stays free, because others
 * allocate nothing from its cache meanwhile, and others in its slab keep that; bytes out of bounds
 * are slack, which nobody owns, or a slot that was never allocated. None of them does harm, as in
 * kmc_objects.c. Small objects are of private caches, so that nobody's accesses to their pages go
 * uncounted.
 *
 * Run with insmod kmc_bugs.ko run=recall seed=S runs=N.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/workqueue.h>
#include "kmc_recall.h"
#include "kmc_test.h"

#undef pr_fmt
#define pr_fmt(fmt) "kmc_bugs: " fmt

static unsigned int seed = 1, number = 200;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the first run of run=recall (default 1)");
module_param_named(runs, number, uint, 0444);
MODULE_PARM_DESC(runs, "how many, at most 512 (default 200)");

struct recall_cache recall_caches[RECALL_CACHES] = {
	{ "kmc_recall_24", 24, 8 },	 { "kmc_recall_36", 36, 8 },
	{ "kmc_recall_60", 60, 64 },	 { "kmc_recall_100", 100, 8 },
	{ "kmc_recall_192", 192, 8 },	 { "kmc_recall_200", 200, 256 },
	{ "kmc_recall_697", 697, 8 },	 { "kmc_recall_1000", 1000, 8 },
	{ "kmc_recall_2085", 2085, 32 }, { "kmc_recall_6000", 6000, 8 },
};

/* How a run's object is filled when it is new. */
enum fill { RAW, FILLED, ZEROED };

static int make_cache(struct recall_cache *c)
{
	c->cache = private_cache(c->name, c->size, c->align);
	init_rwsem(&c->gate);
	return c->cache ? 0 : -ENOMEM;
}

/* ---- what a run is ---- */

static bool fits(const struct recall_kind *kind, unsigned int size, unsigned int slot)
{
	switch (kind->place) {
	case BEHIND:
	case BEFORE:
		return size < slot;
	case WHOLE: /* a few in each slab, whoever frees them */
		return slot <= PAGE_SIZE / 4;
	default:
		return true;
	}
}

/* By kmalloc: only what has pages of its own. */
static void choose_large(struct recall_run *r)
{
	r->from = NULL;
	r->size = 2049 + recall_random(r, 18000);
	if (r->size % 8 == 0)
		r->size--;
	r->slot = r->size <= 8192 ? roundup_pow_of_two(r->size) : PAGE_ALIGN(r->size);
}

static void choose_object(struct recall_run *r)
{
	const struct recall_kind *kind = r->kind;

	if ((kind->place == INSIDE || kind->place == BEHIND) && kind->event == ON_ALLOCATED &&
	    !recall_random(r, 4)) {
		choose_large(r);
		return;
	}
	do {
		r->from = &recall_caches[recall_random(r, RECALL_CACHES)];
		r->size = r->from->size;
		r->slot = ALIGN(r->size, r->from->align);
	} while (!fits(kind, r->size, r->slot));
}

/* 0 to 1022; of each power of two as many. */
static unsigned int choose_touches(struct recall_run *r)
{
	unsigned int about = 1u << recall_random(r, 10);

	return about - 1 + recall_random(r, about);
}

static int choose(struct recall_run *r)
{
	u32 weight = 0, k;

	for (k = 0; k < RECALL_KINDS; k++)
		weight += recall_kinds[k].weight;
	weight = recall_random(r, weight);
	for (k = 0; weight >= recall_kinds[k].weight; k++)
		weight -= recall_kinds[k].weight;
	r->kind = &recall_kinds[k];
	choose_object(r);
	r->bytes = r->kind->bytes ?: 1u << recall_random(r, 4);
	r->fill = recall_random(r, 3);
	r->touches = choose_touches(r);
	r->delay_us = (1u << recall_random(r, 15)) - 1;
	r->least_mates = recall_random(r, 8);
	if (r->kind->place != NEIGHBOUR && r->kind->place != WHOLE)
		return 0;
	snprintf(r->own.name, sizeof(r->own.name), "kmc_own_%u", r->number);
	r->own.size = r->size;
	r->own.align = r->from->align;
	r->from = &r->own;
	r->least_mates = r->kind->place == WHOLE;
	return make_cache(&r->own);
}

/* ---- in which context ---- */

struct errand {
	void (*fn)(struct recall_run *r);
	struct recall_run *run;
	struct work_struct work;
	struct irq_work irq_work;
	struct completion done;
};

static void run_errand(struct errand *e)
{
	e->fn(e->run);
	complete(&e->done);
}

static int on_thread(void *data)
{
	run_errand(data);
	return 0;
}

static void on_work(struct work_struct *work)
{
	run_errand(container_of(work, struct errand, work));
}

static void on_interrupt(struct irq_work *work)
{
	run_errand(container_of(work, struct errand, irq_work));
}

static void by_task(struct errand *e, int cpu)
{
	run_errand(e);
}

static void by_thread(struct errand *e, int cpu)
{
	struct task_struct *task = kthread_create(on_thread, e, "kmc_recall");

	if (IS_ERR(task)) {
		run_errand(e);
		return;
	}
	kthread_bind(task, cpu);
	wake_up_process(task);
}

static void by_work(struct errand *e, int cpu)
{
	queue_work_on(cpu, system_wq, &e->work);
}

static void by_interrupt(struct errand *e, int cpu)
{
	irq_work_queue(&e->irq_work);
}

/* Each part of a run where chance wants it. */
static void somewhere(struct recall_run *r, void (*fn)(struct recall_run *r))
{
	static void (*const contexts[])(struct errand * e, int cpu) = { by_task, by_thread, by_work,
									by_interrupt };
	static struct errand e;

	e.fn = fn;
	e.run = r;
	INIT_WORK(&e.work, on_work);
	init_irq_work(&e.irq_work, on_interrupt);
	init_completion(&e.done);
	contexts[recall_random(r, ARRAY_SIZE(contexts))](&e, recall_random(r, num_online_cpus()));
	wait_for_completion(&e.done);
	flush_work(&e.work);
	irq_work_sync(&e.irq_work);
}

/* ---- the object ---- */

static bool same_slab(const void *a, const void *b)
{
	return virt_to_head_page(a) == virt_to_head_page(b);
}

static bool has_mate_in_slab(const struct recall_run *r)
{
	unsigned int n;

	for (n = 0; n < r->nmates; n++)
		if (same_slab(r->mate[n], r->object))
			return true;
	return false;
}

/* Is it where the bug can be? */
static bool is_suitable(const struct recall_run *r)
{
	if (r->nmates < r->least_mates)
		return false;
	if (r->kind->place == BEFORE)
		return same_slab(r->object, r->object - r->slot);
	if (r->kind->event == ON_FREED)
		return has_mate_in_slab(r);
	return true;
}

static void *allocate(const struct recall_run *r)
{
	gfp_t flags = GFP_ATOMIC | (r->fill == ZEROED && !r->kind->undefined ? __GFP_ZERO : 0);

	return r->from ? kmem_cache_alloc(r->from->cache, flags) : kmalloc(r->size, flags);
}

/* The slot beside it. */
static char *neighbour(const struct recall_run *r)
{
	const char *end = page_address(virt_to_head_page(r->object)) +
			  page_size(virt_to_head_page(r->object));

	return r->object + 2 * r->slot <= end ? r->object + r->slot : r->object - r->slot;
}

static bool is_crossing(const char *p, unsigned int bytes)
{
	return recall_page(p) != recall_page(p + bytes - 1);
}

/* Anywhere in n bytes at p, within a page, and not where the allocator's pointer is if that
 * matters. */
static char *choose_bytes(struct recall_run *r, char *p, unsigned int n, bool keep_pointer)
{
	unsigned int pointer = recall_pointer(r->size), at;

	do
		at = recall_random(r, n - r->bytes + 1);
	while (is_crossing(p + at, r->bytes) ||
	       (keep_pointer && at + r->bytes > pointer && at < pointer + sizeof(void *)));
	return p + at;
}

/* From the last access that has a bad byte behind the object on. Slots end at multiples of 8. */
static char *choose_behind(struct recall_run *r)
{
	char *p;

	do
		p = r->object + r->slot - r->bytes - recall_random(r, r->slot - r->size);
	while (is_crossing(p, r->bytes));
	return p;
}

/* The last bytes of the slot before it are slack, whoever has that one. */
static char *choose_before(struct recall_run *r)
{
	char *p = r->object - 1 - recall_random(r, min(r->bytes, r->slot - r->size));

	if (is_crossing(p, r->bytes))
		r->bytes = 1;
	return p;
}

static char *choose_bad(struct recall_run *r)
{
	switch (r->kind->place) {
	case INSIDE:
		return choose_bytes(r, r->object, r->size, r->kind->event == ON_FREED);
	case BEHIND:
		return choose_behind(r);
	case BEFORE:
		return choose_before(r);
	case NEIGHBOUR:
		return choose_bytes(r, neighbour(r), r->slot, true);
	default:
		return r->kind->event == ON_FREED ? r->object : r->object + sizeof(void *);
	}
}

static void fill_object(struct recall_run *r)
{
	if (r->fill != FILLED)
		return;
	if (!r->kind->undefined) {
		recall_fill(r->object, r->size);
		return;
	}
	recall_fill(r->object, r->bad - r->object);
	recall_fill(r->bad + r->bytes, r->object + r->size - r->bad - r->bytes);
}

/* The last one of several. Those of a bad free must be in one slab: nobody else is let in between.
 */
static void make_object(struct recall_run *r)
{
	preempt_disable();
	for (;;) {
		r->object = hidden(allocate(r));
		if (!r->object || is_suitable(r) || r->nmates == MATES)
			break;
		recall_fill(r->object, r->size);
		r->mate[r->nmates++] = r->object;
	}
	if (r->object) {
		r->bad = choose_bad(r);
		recall_watch(r->bad);
		fill_object(r);
	}
	preempt_enable();
}

/* The allocator writes its pointer behind the announcement. */
static void free_object(struct recall_run *r)
{
	recall_watch(r->bad);
	recall_note(r->object + recall_pointer(r->size));
	kmem_cache_free(r->from->cache, r->object);
}

/* ---- between the event and the bug ---- */

struct legal {
	char *p;
	unsigned int n;
};

/* The part of n bytes at p that is in the bug's page, if there is one. */
static unsigned int add_legal(const struct recall_run *r, struct legal *legal, unsigned int n,
			      char *p, long len)
{
	char *page = recall_page(r->bad), *end = min(p + len, page + PAGE_SIZE);

	p = max(p, page);
	if (p < end)
		legal[n++] = (struct legal){ p, end - p };
	return n;
}

/* Bytes that may be accessed. */
static unsigned int legal_bytes(const struct recall_run *r, struct legal *legal)
{
	unsigned int n = 0, i;

	if (r->kind->event == ON_ALLOCATED && r->kind->undefined) {
		n = add_legal(r, legal, n, r->object, r->bad - r->object);
		n = add_legal(r, legal, n, r->bad + r->bytes,
			      r->object + r->size - r->bad - r->bytes);
	} else if (r->kind->event == ON_ALLOCATED) {
		n = add_legal(r, legal, n, r->object, r->size);
	}
	for (i = 0; i < r->nmates; i++)
		n = add_legal(r, legal, n, r->mate[i], r->size);
	return n;
}

static void pause_for(unsigned int us)
{
	if (in_interrupt() || irqs_disabled() || us < 100)
		udelay(min(us, 200u));
	else
		usleep_range(us, us + 100);
}

static void approach(struct recall_run *r)
{
	static struct legal legal[MATES + 2];
	unsigned int n = legal_bytes(r, legal), i, pause = recall_random(r, r->touches + 1);

	for (i = 0; i <= r->touches; i++) {
		if (i == pause)
			pause_for(r->delay_us);
		if (n && i < r->touches) {
			const struct legal *at = &legal[recall_random(r, n)];

			recall_touch(&r->random, at->p, at->n);
		}
	}
}

static void strike(struct recall_run *r)
{
	approach(r);
	r->accesses = recall_watched();
	recall_strike(r);
	recall_watch(NULL);
}

/* ---- a run ---- */

/* What a bad free leaves allocated is no leak; its cache is not used again. */
static void *left_over[RECALL_RUNS_MAX];

static void clean_up(struct recall_run *r)
{
	unsigned int n;

	if (r->kind->place == WHOLE) {
		if (r->kind->event == ON_ALLOCATED) {
			WRITE_ONCE(left_over[r->number], r->object);
			kmem_cache_free(r->from->cache, r->mate[0]);
		}
		return;
	}
	if (r->kind->event == ON_ALLOCATED && r->from)
		kmem_cache_free(r->from->cache, r->object);
	else if (r->kind->event == ON_ALLOCATED)
		kfree(r->object);
	for (n = 0; n < r->nmates; n++) {
		if (r->from)
			kmem_cache_free(r->from->cache, r->mate[n]);
		else
			kfree(r->mate[n]);
	}
	kmem_cache_destroy(r->own.cache);
}

static void tell(const struct recall_run *r)
{
	static const char *const fills[] = { "raw", "filled", "zeroed" };

	pr_info("recall: %u %s %px %u after %u size %u slot %u %s, wait %u us\n", r->number,
		r->kind->name, r->bad, r->bytes, r->accesses, r->size, r->slot, fills[r->fill],
		r->delay_us);
}

static int run_one(struct recall_run *r)
{
	int err = choose(r);

	if (err)
		return err;
	somewhere(r, make_object);
	if (!r->object || !is_suitable(r))
		return -ENOMEM;
	if (r->kind->event == ON_FREED) {
		down_write(&r->from->gate);
		somewhere(r, free_object);
	}
	somewhere(r, strike);
	if (r->kind->event == ON_FREED)
		up_write(&r->from->gate);
	clean_up(r);
	tell(r);
	return 0;
}

static int run_all(void)
{
	static struct recall_run r;
	unsigned int n;
	int err = 0;

	for (n = 0; n < number && !err; n++) {
		memset(&r, 0, sizeof(r));
		r.number = n;
		prandom_seed_state(&r.random, seed + n);
		err = run_one(&r);
		cond_resched();
	}
	return err;
}

int run_recall(void)
{
	unsigned int n;
	int err = number <= RECALL_RUNS_MAX ? recall_strike_init() : -EINVAL;

	for (n = 0; n < RECALL_CACHES && !err; n++)
		err = make_cache(&recall_caches[n]);
	err = err ?: recall_load_begin(seed);
	if (err)
		return err;
	err = run_all();
	recall_load_end();
	if (err)
		pr_err("recall: a run failed: error %d\n", err);
	else
		pr_info("recall: %u runs made, from seed %u on\n", number, seed);
	return 0;
}
