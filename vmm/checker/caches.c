// SPDX-License-Identifier: GPL-2.0-only
/*
 * caches.c: the guest's struct kmem_cache and struct page, read from its memory with the offsets of layout.c.
 */
#include <stdlib.h>
#include <string.h>

#include "checker_internal.h"

#define CACHE_LIMIT  4096u
#define CACHE_BUCKETS 256u

struct cache_node {
	struct obj_cache cache;
	struct cache_node *next; /* in the bucket; a replaced cache stays for its objects */
};

struct caches {
	struct cache_node *bucket[CACHE_BUCKETS];
	unsigned n;
};

struct caches *caches_create(void)
{
	return calloc(1, sizeof(struct caches));
}

void caches_destroy(struct caches *k)
{
	if (!k)
		return;
	for (unsigned i = 0; i < CACHE_BUCKETS; i++) {
		while (k->bucket[i]) {
			struct cache_node *next = k->bucket[i]->next;

			free(k->bucket[i]);
			k->bucket[i] = next;
		}
	}
	free(k);
}

static bool read32(struct checker *c, uint64_t addr, uint32_t *v)
{
	return checker_guest_read(c, addr, v, sizeof(*v)) == sizeof(*v);
}

static void read_name(struct checker *c, uint64_t addr, struct obj_cache *cache)
{
	size_t n = checker_guest_read(c, addr, cache->name, sizeof(cache->name) - 1);
	size_t len = strnlen(cache->name, n);

	/* What lies behind it in the guest is no part of the cache: it changes, and the cache does not. */
	memset(cache->name + len, 0, sizeof(cache->name) - len);
	for (char *p = cache->name; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

static bool cache_read(struct checker *c, uint64_t addr, struct obj_cache *cache)
{
	const struct cache_layout *at = &layout_get(c)->cache;
	uint32_t flags;
	uint64_t name, ctor;

	memset(cache, 0, sizeof(*cache));
	cache->id = addr;
	if (!read32(c, addr + at->object_size, &cache->object_size) ||
	    !read32(c, addr + at->size, &cache->slot_size) ||
	    !read32(c, addr + at->flags, &flags) ||
	    checker_guest_read(c, addr + at->name, &name, sizeof(name)) != sizeof(name) ||
	    checker_guest_read(c, addr + at->ctor, &ctor, sizeof(ctor)) != sizeof(ctor))
		return false;
	if (at->red_left_pad != UINT32_MAX && !read32(c, addr + at->red_left_pad, &cache->first))
		return false;
	if (!cache->object_size || cache->slot_size < cache->object_size)
		return false;
	cache->typesafe_by_rcu = flags & c->agent.typesafe_flag;
	cache->constructor = ctor;
	read_name(c, name, cache);
	return true;
}

const struct obj_cache *caches_get(struct checker *c, uint64_t kmem_cache, bool refresh)
{
	struct caches *k = c->caches;
	struct cache_node **bucket = &k->bucket[(kmem_cache >> 6) % CACHE_BUCKETS], *n;
	struct obj_cache now;

	if (!kmem_cache || !layout_get(c)->has_cache)
		return NULL;
	for (n = *bucket; n && n->cache.id != kmem_cache; n = n->next)
		;
	if (n && !refresh)
		return &n->cache;
	if (!cache_read(c, kmem_cache, &now))
		return NULL;
	if (n && !memcmp(&n->cache, &now, sizeof(now)))
		return &n->cache;
	if (k->n >= CACHE_LIMIT || !(n = calloc(1, sizeof(*n))))
		return NULL;
	n->cache = now;
	n->next = *bucket;
	*bucket = n;
	k->n++;
	return &n->cache;
}

const struct obj_cache *caches_of_page(struct checker *c, uint64_t page)
{
	const struct layout *l = layout_get(c);
	uint64_t kmem_cache;

	if (!page || !l->has_cache || checker_guest_read(c, page + l->cache.slab_cache, &kmem_cache,
							 sizeof(kmem_cache)) != sizeof(kmem_cache))
		return NULL;
	return caches_get(c, kmem_cache, false);
}

void caches_until(const struct checker *c, bool (*done)(void *ctx, uint64_t kmem_cache), void *ctx)
{
	for (unsigned i = 0; i < CACHE_BUCKETS; i++)
		for (const struct cache_node *n = c->caches->bucket[i]; n; n = n->next)
			if (done(ctx, n->cache.id))
				return;
}

/*
 * A free page has no references, whether the buddy allocator or a CPU's list has it; nor have the later
 * pages of a compound page, which are marked by bit 0 of compound_head (include/linux/page-flags.h).
 */
bool caches_page_in_use(struct checker *c, gpa_t page)
{
	const struct page_layout *at = &layout_get(c)->page;
	uint64_t s = c->agent.vmemmap_start + page.v / GUEST_PAGE * c->agent.sizeof_page, head;
	uint32_t refcount;

	if (!layout_get(c)->has_page || !read32(c, s + at->refcount, &refcount) ||
	    checker_guest_read(c, s + at->compound_head, &head, sizeof(head)) != sizeof(head))
		return true;
	return refcount || (head & 1);
}
