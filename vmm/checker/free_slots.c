// SPDX-License-Identifier: GPL-2.0-only
/*
 * free_slots.c: see free_slots.h. A slab has a list of its free slots; a slab that a CPU allocates from has two, the
 * CPU's, and of what others have freed. Slabs with free slots are in their node's list, or in a CPU's. Each free slot
 * holds the next one's address, XORed with a random number of the cache and with its own place's address, bytes in
 * reverse order (CONFIG_SLAB_FREELIST_HARDENED).
 */
#include "free_slots.h"

#define CACHES_MAX 4096u
#define NODES_MAX  64u
#define PAGE	   4096u

/* One cache; left: steps for this one and those behind it. */
struct cache {
	const struct slub_guest *g;
	uint64_t left;
	uint64_t addr, random;
	uint32_t size, object_size, offset; /* bytes; offset: of the next one's address in a free slot */
	uint64_t slab_bytes;
};

static bool read32(const struct slub_guest *g, uint64_t addr, uint32_t *v)
{
	return g->read(g->ctx, addr, v, sizeof(*v)) == sizeof(*v);
}

static uint64_t word(const struct slub_guest *g, uint64_t addr)
{
	uint64_t v;

	return g->read(g->ctx, addr, &v, sizeof(v)) == sizeof(v) ? v : 0;
}

/* False: the guest has more than it can have. */
static bool step(struct cache *k)
{
	if (!k->left)
		return false;
	k->left--;
	return true;
}

/* Behind the slot at addr; false where it cannot be read. */
static bool next_free(const struct cache *k, uint64_t addr, uint64_t *next)
{
	uint64_t at = addr + k->offset;

	if (k->g->read(k->g->ctx, at, next, sizeof(*next)) != sizeof(*next))
		return false;
	if (k->g->layout->random != FREE_SLOTS_NONE)
		*next ^= k->random ^ __builtin_bswap64(at);
	return true;
}

/* All of them lie in the slab, a whole number of slots apart, and they end. Tells of them where found is set. */
static bool follow(struct cache *k, uint64_t base, uint64_t first, bool found)
{
	uint64_t addr = first, most = k->slab_bytes / k->size;

	for (uint64_t n = 0; addr; n++) {
		if (!step(k) || n == most || addr < base || addr - base > k->slab_bytes - k->size ||
		    (addr > first ? addr - first : first - addr) % k->size)
			return false;
		if (found)
			k->g->found(k->g->ctx, addr, k->object_size);
		if (!next_free(k, addr, &addr))
			return false;
	}
	return true;
}

static void slots_of(struct cache *k, uint64_t slab, uint64_t first)
{
	const struct slub_guest *g = k->g;
	uint64_t base = g->direct_map + (slab - g->vmemmap) / g->sizeof_page * PAGE;

	if (slab < g->vmemmap || (slab - g->vmemmap) % g->sizeof_page)
		return;
	if (follow(k, base, first, false))
		follow(k, base, first, true);
}

static void slabs_of_node(struct cache *k, uint64_t head)
{
	const struct slub_layout *at = k->g->layout;
	uint64_t entry = word(k->g, head);

	while (entry && entry != head && step(k)) {
		uint64_t slab = entry - at->slab_list;

		slots_of(k, slab, word(k->g, slab + at->slab_freelist));
		entry = word(k->g, entry);
	}
}

static void slabs_of_nodes(struct cache *k)
{
	const struct slub_layout *at = k->g->layout;

	/* How many there are is not told: behind the last one lies something else. */
	for (unsigned n = 0; n < NODES_MAX; n++) {
		uint64_t head = word(k->g, k->addr + at->node + n * sizeof(head)) + at->partial;
		uint64_t last = word(k->g, head + sizeof(head));

		if (!last || word(k->g, last) != head)
			break;
		slabs_of_node(k, head);
	}
}

static void slabs_of_cpu(struct cache *k, uint64_t cpu)
{
	const struct slub_layout *at = k->g->layout;
	uint64_t slab = word(k->g, cpu + at->cpu_current);

	if (slab) {
		slots_of(k, slab, word(k->g, cpu + at->cpu_freelist));
		slots_of(k, slab, word(k->g, slab + at->slab_freelist)); /* freed by other CPUs */
	}
	if (at->cpu_partial == FREE_SLOTS_NONE)
		return;
	slab = word(k->g, cpu + at->cpu_partial);
	while (slab && step(k)) {
		slots_of(k, slab, word(k->g, slab + at->slab_freelist));
		slab = word(k->g, slab + at->slab_next);
	}
}

static void slabs_of_cpus(struct cache *k)
{
	uint64_t pointer;

	if (k->g->layout->cpu_slab == FREE_SLOTS_NONE)
		return;
	pointer = word(k->g, k->addr + k->g->layout->cpu_slab);
	for (unsigned n = 0; pointer && n < k->g->ncpus; n++)
		if (k->g->percpu[n])
			slabs_of_cpu(k, pointer + k->g->percpu[n]);
}

/* False where it is none: the list's head is not in a cache. */
static bool open_cache(struct cache *k)
{
	const struct slub_layout *at = k->g->layout;
	uint32_t order_objects;

	if (!read32(k->g, k->addr + at->size, &k->size) || !read32(k->g, k->addr + at->object_size, &k->object_size) ||
	    !read32(k->g, k->addr + at->offset, &k->offset) || !read32(k->g, k->addr + at->oo, &order_objects))
		return false;
	k->slab_bytes = (uint64_t)PAGE << (order_objects >> 16 & 15); /* struct kmem_cache_order_objects, OO_SHIFT */
	if (at->random != FREE_SLOTS_NONE)
		k->random = word(k->g, k->addr + at->random);
	return k->object_size && k->size >= k->object_size && k->size <= k->slab_bytes &&
	       k->offset <= k->size - sizeof(uint64_t) && k->size >= sizeof(uint64_t) &&
	       (order_objects & 0xffff) <= k->slab_bytes / k->size;
}

static uint64_t next_cache(const struct slub_guest *g, uint64_t cache)
{
	return word(g, cache + g->layout->list) - g->layout->list;
}

/* How many there are, and the list's head; 0: the list does not come back. */
static unsigned length_of(const struct slub_guest *g, uint64_t cache)
{
	uint64_t at = cache;

	for (unsigned n = 1; n <= CACHES_MAX; n++) {
		at = next_cache(g, at);
		if (at == cache)
			return n;
	}
	return 0;
}

bool free_slots_find(const struct slub_guest *g, uint64_t cache)
{
	struct cache k = { .g = g, .left = g->most, .addr = cache };
	unsigned caches = length_of(g, cache);

	if (caches < 2)
		return false;
	for (; caches; caches--) {
		if (open_cache(&k)) {
			slabs_of_nodes(&k);
			slabs_of_cpus(&k);
		}
		k.addr = next_cache(g, k.addr);
	}
	return true;
}
