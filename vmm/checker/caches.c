// SPDX-License-Identifier: GPL-2.0-only
/*
 * caches.c: the guest's struct kmem_cache and struct page, read from its memory with offsets from its own
 * BTF, so that neither the agent nor we know the kernel's version.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/btf.h>

#include "checker_internal.h"

#define BTF_LIMIT    (64u << 20)
#define CACHE_LIMIT  4096u
#define CACHE_BUCKETS 256u

struct cache_node {
	struct obj_cache cache;
	struct cache_node *next; /* in the bucket; a replaced cache stays for its objects */
};

/* Byte offsets of the members that are read. */
struct layout {
	uint32_t name, object_size, size, flags, ctor, red_left_pad;
	uint32_t slab_cache; /* in struct slab, which overlays struct page */
	uint32_t refcount, compound_head; /* in struct page */
};

struct caches {
	struct cache_node *bucket[CACHE_BUCKETS];
	unsigned n;
	bool tried, usable;
	struct layout at;
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

/* Finds a member, also inside anonymous structs and unions. */
static bool member_offset(const struct btf *btf, const struct btf_type *t, const char *name,
			  uint32_t base, unsigned depth, uint32_t *offset)
{
	const struct btf_member *m = btf_members(t);

	for (unsigned i = 0; i < btf_vlen(t); i++) {
		const char *n = btf__name_by_offset(btf, m[i].name_off);
		uint32_t at = base + btf_member_bit_offset(t, i) / 8;
		const struct btf_type *sub;

		if (n && !strcmp(n, name)) {
			*offset = at;
			return true;
		}
		if ((n && *n) || depth > 4)
			continue;
		sub = btf__type_by_id(btf, (uint32_t)btf__resolve_type(btf, m[i].type));
		if (sub && btf_is_composite(sub) &&
		    member_offset(btf, sub, name, at, depth + 1, offset))
			return true;
	}
	return false;
}

static bool struct_member(const struct btf *btf, const char *type, const char *name, uint32_t *offset)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);

	return id > 0 && member_offset(btf, btf__type_by_id(btf, (uint32_t)id), name, 0, 0, offset);
}

static bool layout_read(struct layout *at, const struct btf *btf)
{
	if (!struct_member(btf, "kmem_cache", "red_left_pad", &at->red_left_pad))
		at->red_left_pad = UINT32_MAX; /* CONFIG_SLUB_DEBUG=n: objects start at 0 */
	return struct_member(btf, "kmem_cache", "name", &at->name) &&
	       struct_member(btf, "kmem_cache", "object_size", &at->object_size) &&
	       struct_member(btf, "kmem_cache", "size", &at->size) &&
	       struct_member(btf, "kmem_cache", "flags", &at->flags) &&
	       struct_member(btf, "kmem_cache", "ctor", &at->ctor) &&
	       struct_member(btf, "slab", "slab_cache", &at->slab_cache) &&
	       struct_member(btf, "page", "_refcount", &at->refcount) &&
	       struct_member(btf, "page", "compound_head", &at->compound_head);
}

/* Once, at the first cache: needs the hello block's addresses. */
static void btf_load(struct checker *c, struct caches *k)
{
	uint64_t len = c->agent.btf_end - c->agent.btf_start;
	struct btf *btf = NULL;
	void *raw;

	k->tried = true;
	if (!c->agent.btf_start || c->agent.btf_end <= c->agent.btf_start || len > BTF_LIMIT)
		return;
	raw = malloc(len);
	if (raw && checker_guest_read(c, c->agent.btf_start, raw, len) == len)
		btf = btf__new(raw, (uint32_t)len);
	free(raw);
	if (!btf)
		return;
	k->usable = layout_read(&k->at, btf);
	btf__free(btf);
}

static bool read32(struct checker *c, uint64_t addr, uint32_t *v)
{
	return checker_guest_read(c, addr, v, sizeof(*v)) == sizeof(*v);
}

static void read_name(struct checker *c, uint64_t addr, struct obj_cache *cache)
{
	size_t n = checker_guest_read(c, addr, cache->name, sizeof(cache->name) - 1);

	cache->name[n] = '\0';
	for (char *p = cache->name; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

static bool cache_read(struct checker *c, uint64_t addr, struct obj_cache *cache)
{
	const struct layout *at = &c->caches->at;
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

	if (!kmem_cache)
		return NULL;
	if (!k->tried)
		btf_load(c, k);
	if (!k->usable)
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
	uint64_t kmem_cache;

	if (!page)
		return NULL;
	if (!c->caches->tried)
		btf_load(c, c->caches);
	if (!c->caches->usable || checker_guest_read(c, page + c->caches->at.slab_cache, &kmem_cache,
					     sizeof(kmem_cache)) != sizeof(kmem_cache))
		return NULL;
	return caches_get(c, kmem_cache, false);
}

/*
 * A free page has no references, whether the buddy allocator or a CPU's list has it; nor have the later
 * pages of a compound page, which are marked by bit 0 of compound_head (include/linux/page-flags.h).
 */
bool caches_page_in_use(struct checker *c, gpa_t page)
{
	const struct layout *at = &c->caches->at;
	uint64_t s = c->agent.vmemmap_start + page.v / GUEST_PAGE * c->agent.sizeof_page, head;
	uint32_t refcount;

	if (!c->caches->usable || !read32(c, s + at->refcount, &refcount) ||
	    checker_guest_read(c, s + at->compound_head, &head, sizeof(head)) != sizeof(head))
		return true;
	return refcount || (head & 1);
}
