// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmc_load.c: the background of run=recall: threads that allocate, use and free objects of the same
 * caches, correctly. What they do to the page of a bug is counted, the allocator's accesses
 * included.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include "kmc_recall.h"

#undef pr_fmt
#define pr_fmt(fmt) "kmc_bugs: " fmt

#define THREADS 2
#define OBJECTS 48 /* of each thread */
#define AT_ONCE 4  /* things done between two pauses */

/* Here, not on a stack: nobody looks for them there. */
static struct loader {
	struct rnd_state random;
	struct completion ended;
	char *object[OBJECTS];
	struct recall_cache *from[OBJECTS]; /* NULL: kmalloc */
	unsigned int size[OBJECTS];
	unsigned int allocations, uses;
} loaders[THREADS];
static unsigned int started;
static bool ending;

static void *watched;
static atomic_t counted;

void recall_watch(const void *page)
{
	atomic_set(&counted, 0);
	WRITE_ONCE(watched, recall_page(page));
}

unsigned int recall_watched(void)
{
	return atomic_read(&counted);
}

void recall_note(const void *p)
{
	if (READ_ONCE(watched) == recall_page(p))
		atomic_inc(&counted);
}

void recall_fill(char *p, size_t n)
{
	while (n) {
		size_t len = min3(n, (size_t)1024, PAGE_SIZE - offset_in_page(p));

		rep_stosb(p, 0x5a, len);
		recall_note(p);
		p += len;
		n -= len;
	}
}

static __always_inline void load(const void *p, unsigned int bytes)
{
	switch (bytes) {
	case 1:
		READ_ONCE(*(const u8 *)p);
		break;
	case 4:
		READ_ONCE(*(const u32 *)p);
		break;
	default:
		READ_ONCE(*(const u64 *)p);
	}
}

static __always_inline void store(void *p, unsigned int bytes)
{
	switch (bytes) {
	case 1:
		WRITE_ONCE(*(u8 *)p, 1);
		break;
	case 4:
		WRITE_ONCE(*(u32 *)p, 1);
		break;
	default:
		WRITE_ONCE(*(u64 *)p, 1);
	}
}

void recall_touch(struct rnd_state *random, char *p, unsigned int n)
{
	static const unsigned int sizes[] = { 1, 4, 8 };
	u32 coin = prandom_u32_state(random);
	unsigned int bytes = sizes[coin % 3];

	if (bytes > n)
		bytes = 1;
	p += prandom_u32_state(random) % (n - bytes + 1);
	if (recall_page(p) != recall_page(p + bytes - 1))
		bytes = 1;
	recall_note(p);
	if (coin & 0x100)
		store(p, bytes);
	else
		load(p, bytes);
}

static bool make(struct loader *l, unsigned int i)
{
	u32 which = prandom_u32_state(&l->random) % (RECALL_CACHES + 1);
	struct recall_cache *from = which < RECALL_CACHES ? &recall_caches[which] : NULL;
	gfp_t flags = GFP_KERNEL | (which & 1 ? __GFP_ZERO : 0);

	l->from[i] = from;
	l->size[i] = from ? from->size : 100 + prandom_u32_state(&l->random) % 8000;
	if (!from) {
		l->object[i] = kmalloc(l->size[i], flags);
	} else if (down_read_trylock(&from->gate)) {
		l->object[i] = kmem_cache_alloc(from->cache, flags);
		up_read(&from->gate);
	}
	if (!l->object[i])
		return false;
	recall_note(l->object[i] + recall_pointer(l->size[i]));
	recall_fill(l->object[i], l->size[i]);
	l->allocations++;
	return true;
}

static void end(struct loader *l, unsigned int i)
{
	recall_note(l->object[i] + recall_pointer(l->size[i]));
	if (l->from[i])
		kmem_cache_free(l->from[i]->cache, l->object[i]);
	else
		kfree(l->object[i]);
	l->object[i] = NULL;
}

static void use(struct loader *l, unsigned int i)
{
	unsigned int n;

	for (n = 0; n < 6; n++)
		recall_touch(&l->random, l->object[i], l->size[i]);
	l->uses++;
}

static void work(struct loader *l)
{
	unsigned int i = prandom_u32_state(&l->random) % OBJECTS;

	if (!l->object[i] && !make(l, i))
		return;
	if (prandom_u32_state(&l->random) % 4)
		use(l, i);
	else
		end(l, i);
}

static int loader_main(void *data)
{
	struct loader *l = data;
	unsigned int i;

	while (!READ_ONCE(ending)) {
		for (i = 0; i < AT_ONCE; i++)
			work(l);
		usleep_range(1000, 3000);
	}
	for (i = 0; i < OBJECTS; i++)
		if (l->object[i])
			end(l, i);
	complete(&l->ended);
	return 0;
}

int recall_load_begin(u32 seed)
{
	struct task_struct *task;

	for (; started < THREADS; started++) {
		struct loader *l = &loaders[started];

		prandom_seed_state(&l->random, seed + started);
		init_completion(&l->ended);
		task = kthread_run(loader_main, l, "kmc_load/%u", started);
		if (IS_ERR(task))
			return PTR_ERR(task);
	}
	return 0;
}

void recall_load_end(void)
{
	unsigned int i, allocations = 0, uses = 0;

	WRITE_ONCE(ending, true);
	for (i = 0; i < started; i++) {
		wait_for_completion(&loaders[i].ended);
		allocations += loaders[i].allocations;
		uses += loaders[i].uses;
	}
	pr_info("recall: background: %u allocations, %u uses\n", allocations, uses);
}
