// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmc_caches.c: what is known of a cache's slabs must last while memory around struct kmem_cache
 * changes.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "kmc_access.h"
#include "kmc_test.h"

/* With its end it fills a slot of kmalloc-16, so that another object begins right behind it. */
#define NAME	   "kmc_fifteen_let"
#define NAME_SLOT  16
#define NEIGHBOURS 512 /* before it and behind it: two slabs and more */
#define SIZE	   1000
#define OBJECTS	   64 /* more than two slabs have */

static char *neighbour[2 * NEIGHBOURS];
static char *object[OBJECTS];
static unsigned int nobjects;

static int make_neighbours(unsigned int first)
{
	unsigned int i;

	for (i = first; i < first + NEIGHBOURS; i++) {
		neighbour[i] = kmalloc(NAME_SLOT, GFP_KERNEL);
		if (!neighbour[i])
			return -ENOMEM;
	}
	return 0;
}

static void fill_neighbours(char c)
{
	unsigned int i;

	for (i = 0; i < 2 * NEIGHBOURS; i++)
		memset(neighbour[i], c, NAME_SLOT);
}

static bool is_in(const struct page *slab, const void *p)
{
	return virt_to_head_page(p) == slab;
}

/* Objects, all of them filled, until one is in the slab (or is not). */
static int allocate_until(struct kmem_cache *cache, const struct page *slab, bool in)
{
	char *p;

	do {
		if (nobjects == OBJECTS)
			return -ENOSPC;
		p = kmem_cache_alloc(cache, GFP_KERNEL);
		if (!p)
			return -ENOMEM;
		memset(p, 0x5a, SIZE);
		object[nobjects++] = p;
	} while (is_in(slab, p) != in);
	return 0;
}

/*
 * The neighbours change, then there is a second slab; two objects of the first one are freed, and
 * one of them is allocated anew. The other one is still known to be free.
 */
static __always_inline int use_two_slabs(struct kmem_cache *cache, bool bug)
{
	struct page *slab;
	char *freed[2], *again;
	int err;

	fill_neighbours(1);
	freed[0] = kmem_cache_alloc(cache, GFP_KERNEL);
	if (!freed[0])
		return -ENOMEM;
	fill_neighbours(2);
	slab = virt_to_head_page(freed[0]);
	err = allocate_until(cache, slab, false);
	kmem_cache_free(cache, freed[0]);
	if (err || nobjects < 2)
		return err ?: -ENOSPC;
	freed[1] = object[0];
	object[0] = object[--nobjects];
	kmem_cache_free(cache, freed[1]);
	err = allocate_until(cache, slab, true);
	if (err)
		return err;
	again = object[nobjects - 1];
	cmp4(hidden(bug ? freed[again == freed[0]] : again) + 8);
	return 0;
}

TEST(uaf_read_old_slab)
{
	struct kmem_cache *cache = NULL;
	unsigned int i;
	int err;

	nobjects = 0;
	err = make_neighbours(0);
	if (!err) {
		cache = private_cache(NAME, SIZE, 8);
		err = cache ? make_neighbours(NEIGHBOURS) : -ENOMEM;
	}
	if (!err) {
		migrate_disable(); /* each CPU takes objects from a slab of its own */
		err = use_two_slabs(cache, bug);
		migrate_enable();
	}
	for (i = 0; i < nobjects; i++)
		kmem_cache_free(cache, object[i]);
	memset(object, 0, sizeof(object)); /* what is leaked later may lie there, and would be reached */
	kmem_cache_destroy(cache);
	for (i = 0; i < 2 * NEIGHBOURS; i++) {
		kfree(neighbour[i]);
		neighbour[i] = NULL;
	}
	return err;
}

static const struct test_entry entries[] = { GOOD_ENTRY(uaf_read_old_slab) BUG_ENTRY(
	uaf_read_old_slab) };

const struct test_table cache_tests = { entries, ARRAY_SIZE(entries) };
