/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * free_slots.h: which slots of the guest's slabs are free, by the allocator's own lists (mm/slub.c): for slabs that
 * were filled before anybody announced what becomes of them. What is left in a free slot is nobody's.
 */
#ifndef KMC_FREE_SLOTS_H
#define KMC_FREE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FREE_SLOTS_NONE UINT32_MAX /* the kernel has no such member */

/* Byte offsets. */
struct slub_layout {
	/* struct kmem_cache; random, without CONFIG_SLAB_FREELIST_HARDENED, and cpu_slab may be FREE_SLOTS_NONE */
	uint32_t list, size, object_size, offset, oo, node, random, cpu_slab;
	uint32_t partial;				 /* struct kmem_cache_node */
	uint32_t cpu_freelist, cpu_current, cpu_partial; /* struct kmem_cache_cpu; the last one or FREE_SLOTS_NONE */
	uint32_t slab_list, slab_next, slab_freelist;	 /* struct slab */
};

struct slub_guest {
	void *ctx;
	size_t (*read)(void *ctx, uint64_t addr, void *buf, size_t len); /* linear addresses; the bytes read */
	/* A free slot: its linear address, and the bytes of an object in it. */
	void (*found)(void *ctx, uint64_t addr, uint32_t size);
	const struct slub_layout *layout;
	uint64_t direct_map, vmemmap; /* gva of gpa 0, and of its struct page */
	uint32_t sizeof_page;
	const uint64_t *percpu; /* what is added to a per-CPU pointer */
	unsigned ncpus;
	uint64_t most; /* steps from slot to slot and from slab to slab: more than the guest can need */
};

/*
 * All caches that are in one list with this one (a struct kmem_cache). False: it is in none, being destroyed, say. The
 * guest stands still, perhaps amid a change: lists are followed for a bounded number of steps, and where one is not as
 * it should be, what is there counts as used.
 */
bool free_slots_find(const struct slub_guest *g, uint64_t cache);

#endif
