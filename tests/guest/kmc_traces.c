// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmc_traces.c: accesses from which the way back to the system call or to the start of the thread
 * leads over another stack, an interrupt, or a return address that a probe has replaced. traces.tsv
 * says what must be on each way.
 *
 * Each context has its own function that reads a freed object; the twin reads it before it is
 * freed.
 */
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include "kmc_access.h"
#include "kmc_test.h"

/* Of no other test: what stays on stacks here must not look like a pointer to what another one leaks. */
#define SIZE 180

struct job {
	struct irq_work irq_work;
	struct tasklet_struct tasklet;
	struct completion done;
	char *object;
	bool bug;
};

/* Each has its own offset: the compiler would make one function of equal ones. */
#define READ_IN(context, offset)                                                                   \
	static noinline void read_in_##context(struct job *j)                                      \
	{                                                                                          \
		unsigned long irq;                                                                 \
                                                                                                   \
		local_irq_save(irq);                                                               \
		if (j->bug)                                                                        \
			kfree(j->object);                                                          \
		cmp4(hidden(j->object) + (offset));                                                \
		if (!j->bug)                                                                       \
			kfree(j->object);                                                          \
		local_irq_restore(irq);                                                            \
	}
READ_IN(interrupt, 8)
READ_IN(softirq, 16)
READ_IN(thread, 24)
READ_IN(constructor, 32)

static bool make_job(struct job *j, bool bug)
{
	j->bug = bug;
	j->object = filled_object(SIZE);
	init_completion(&j->done);
	return j->object;
}

static void on_interrupt(struct irq_work *work)
{
	struct job *j = container_of(work, struct job, irq_work);

	read_in_interrupt(j);
	complete(&j->done);
}

/* The interrupt comes while this function waits for it. */
TEST(trace_interrupt)
{
	struct job j;

	if (!make_job(&j, bug))
		return -ENOMEM;
	init_irq_work(&j.irq_work, on_interrupt);
	irq_work_queue(&j.irq_work);
	while (!completion_done(&j.done))
		cpu_relax();
	irq_work_sync(&j.irq_work);
	return 0;
}

static void on_softirq(struct tasklet_struct *tasklet)
{
	struct job *j = container_of(tasklet, struct job, tasklet);

	read_in_softirq(j);
	complete(&j->done);
}

/* What was raised runs on the interrupt stack, when softirqs are enabled again. */
TEST(trace_softirq)
{
	struct job j;

	if (!make_job(&j, bug))
		return -ENOMEM;
	tasklet_setup(&j.tasklet, on_softirq);
	local_bh_disable();
	tasklet_schedule(&j.tasklet);
	local_bh_enable();
	wait_for_completion(&j.done);
	tasklet_kill(&j.tasklet);
	return 0;
}

static int on_thread(void *data)
{
	struct job *j = data;

	read_in_thread(j);
	complete(&j->done);
	return 0;
}

TEST(trace_thread)
{
	struct job j;
	struct task_struct *task;

	if (!make_job(&j, bug))
		return -ENOMEM;
	task = kthread_run(on_thread, &j, "kmc_thread");
	if (IS_ERR(task))
		return PTR_ERR(task);
	wait_for_completion(&j.done);
	return 0;
}

static struct job *constructing;

static void on_construction(void *object)
{
	struct job *j = xchg(&constructing, NULL);

	memset(object, 0, SIZE);
	if (j)
		read_in_constructor(j);
	barrier();
}

/* The agent has a kretprobe on the function that makes a slab and calls constructors. */
TEST(trace_constructor)
{
	struct kmem_cache *cache = kmem_cache_create(bug ? "kmc_traced" : "kmc_traced_good", SIZE,
						     0, 0, on_construction);
	struct job j;
	void *p;

	if (!cache || !make_job(&j, bug))
		return -ENOMEM;
	constructing = &j;
	p = kmem_cache_alloc(cache, GFP_KERNEL);
	if (p)
		kmem_cache_free(cache, p);
	kmem_cache_destroy(cache);
	return p && !constructing ? 0 : -ENOMEM;
}

static noinline void read_again(const char *p)
{
	cmp4(p + 40);
}

static noinline void read_often(const char *p)
{
	unsigned int i;

	for (i = 0; i < 100; i++)
		read_again(p);
	barrier(); /* no tail call */
}

/* One report for each way that leads to the access, however often it is gone. */
TEST(trace_again)
{
	char *p = filled_object(SIZE);

	if (!p)
		return -ENOMEM;
	if (bug)
		kfree(p);
	read_often(hidden(p));
	read_again(hidden(p));
	if (!bug)
		kfree(p);
	return 0;
}

/*
 * Undefined bytes that go from object to object before they decide something. traces.tsv says where
 * they were copied and created.
 */
#define PATH_SIZE 168

static noinline void carry(void *to, const void *from)
{
	rep_movsb(to, from, PATH_SIZE);
}

static noinline void carry_words(u64 *to, const u64 *from)
{
	unsigned int i;

	for (i = 0; i < PATH_SIZE / sizeof(*to); i++)
		WRITE_ONCE(to[i], READ_ONCE(from[i]));
}

static noinline char *path_start(bool bug, gfp_t flags)
{
	char *p = kmalloc(PATH_SIZE, flags);

	if (p && !bug)
		memset(p, 1, PATH_SIZE);
	return p;
}

TEST(path_twice)
{
	char *a = path_start(bug, GFP_KERNEL), *b = raw_object(PATH_SIZE), *c = raw_object(PATH_SIZE);

	if (a && b && c) {
		carry(b, a);
		kfree(a);
		a = NULL;
		carry_words((u64 *)c, (const u64 *)b);
		cmp4(hidden(c) + 48);
	}
	kfree(a);
	kfree(b);
	kfree(c);
	return 0;
}

/* Where they come from is another object by then: its owner has nothing to do with them. */
TEST(path_gone)
{
	char *to = raw_object(PATH_SIZE), *from, *next = NULL;
	unsigned long irq;

	local_irq_save(irq);
	from = path_start(bug, GFP_ATOMIC);
	if (to && from) {
		carry(to, from);
		kfree(from);
		next = kmalloc(PATH_SIZE, GFP_ATOMIC);
	}
	local_irq_restore(irq);
	if (next && from == next)
		cmp4(hidden(to) + 56);
	kfree(to);
	kfree(next);
	return 0;
}

/* clang-format off */
#define PAIRS(X) \
	X(trace_interrupt) X(trace_softirq) X(trace_thread) X(trace_constructor) X(trace_again) \
	X(path_twice) X(path_gone)
/* clang-format on */

static const struct test_entry entries[] = { PAIRS(GOOD_ENTRY) PAIRS(BUG_ENTRY) };

const struct test_table trace_tests = { entries, ARRAY_SIZE(entries) };
