// SPDX-License-Identifier: GPL-2.0-only
/*
 * layout.c: where the guest's structures have the members that we read, by the guest's own BTF, so
 * that neither the agent nor we know the kernel's version. Read once, at the first need.
 */
#include <stdlib.h>
#include <string.h>
#include <bpf/btf.h>

#include "checker_internal.h"

#define BTF_LIMIT (64u << 20)
#define NESTING	  4 /* of anonymous structs and unions */

struct member {
	uint32_t bit, width; /* width 0: not a bit field */
};

/* Finds a member, also inside anonymous structs and unions. */
static bool find_member(const struct btf *btf, const struct btf_type *t, const char *name,
			uint32_t base, unsigned depth, struct member *out)
{
	const struct btf_member *m = btf_members(t);

	for (unsigned i = 0; i < btf_vlen(t); i++) {
		const char *n = btf__name_by_offset(btf, m[i].name_off);
		uint32_t at = base + btf_member_bit_offset(t, i);
		const struct btf_type *sub;

		if (n && !strcmp(n, name)) {
			*out = (struct member){ at, btf_member_bitfield_size(t, i) };
			return true;
		}
		if ((n && *n) || depth > NESTING)
			continue;
		sub = btf__type_by_id(btf, (uint32_t)btf__resolve_type(btf, m[i].type));
		if (sub && btf_is_composite(sub) && find_member(btf, sub, name, at, depth + 1, out))
			return true;
	}
	return false;
}

static const struct btf_type *find_struct(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);

	return id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
}

static bool offset_of(const struct btf *btf, const char *type, const char *name, uint32_t *offset)
{
	const struct btf_type *t = find_struct(btf, type);
	struct member m;

	if (!t || !find_member(btf, t, name, 0, 0, &m))
		return false;
	*offset = m.bit / 8;
	return true;
}

static bool cache_layout(const struct btf *btf, struct cache_layout *at)
{
	if (!offset_of(btf, "kmem_cache", "red_left_pad", &at->red_left_pad))
		at->red_left_pad = UINT32_MAX; /* CONFIG_SLUB_DEBUG=n: objects start at 0 */
	return offset_of(btf, "kmem_cache", "name", &at->name) &&
	       offset_of(btf, "kmem_cache", "object_size", &at->object_size) &&
	       offset_of(btf, "kmem_cache", "size", &at->size) &&
	       offset_of(btf, "kmem_cache", "flags", &at->flags) &&
	       offset_of(btf, "kmem_cache", "ctor", &at->ctor) &&
	       offset_of(btf, "slab", "slab_cache", &at->slab_cache);
}

static uint32_t offset_or_none(const struct btf *btf, const char *type, const char *name)
{
	uint32_t offset;

	return offset_of(btf, type, name, &offset) ? offset : FREE_SLOTS_NONE;
}

/* CPUs have slabs of their own in kernels that have struct kmem_cache_cpu. */
static bool slub_layout(const struct btf *btf, struct slub_layout *at)
{
	at->random = offset_or_none(btf, "kmem_cache", "random");
	at->cpu_partial = offset_or_none(btf, "kmem_cache_cpu", "partial");
	at->slab_next = offset_or_none(btf, "slab", "next");
	if (at->slab_next == FREE_SLOTS_NONE)
		at->cpu_partial = FREE_SLOTS_NONE;
	if (!offset_of(btf, "kmem_cache", "cpu_slab", &at->cpu_slab) ||
	    !offset_of(btf, "kmem_cache_cpu", "freelist", &at->cpu_freelist) ||
	    !offset_of(btf, "kmem_cache_cpu", "slab", &at->cpu_current))
		at->cpu_slab = FREE_SLOTS_NONE;
	return offset_of(btf, "kmem_cache", "list", &at->list) && offset_of(btf, "kmem_cache", "size", &at->size) &&
	       offset_of(btf, "kmem_cache", "object_size", &at->object_size) &&
	       offset_of(btf, "kmem_cache", "offset", &at->offset) && offset_of(btf, "kmem_cache", "oo", &at->oo) &&
	       offset_of(btf, "kmem_cache", "node", &at->node) &&
	       offset_of(btf, "kmem_cache_node", "partial", &at->partial) &&
	       offset_of(btf, "slab", "slab_list", &at->slab_list) &&
	       offset_of(btf, "slab", "freelist", &at->slab_freelist);
}

static bool page_layout(const struct btf *btf, struct page_layout *at)
{
	return offset_of(btf, "page", "_refcount", &at->refcount) &&
	       offset_of(btf, "page", "compound_head", &at->compound_head);
}

/* The fields of one byte or two that are no bit fields are s16 (sp_offset, bp_offset). */
static struct orc_field orc_field(const struct btf *btf, const struct btf_type *t, const char *name)
{
	struct member m;

	if (!find_member(btf, t, name, 0, 0, &m))
		return (struct orc_field){ 0 };
	return (struct orc_field){ m.bit, m.width ? m.width : 16 };
}

static bool orc_layout(const struct btf *btf, struct orc_layout *l)
{
	const struct btf_type *t = find_struct(btf, "orc_entry");

	if (!t)
		return false;
	*l = (struct orc_layout){
		.size = t->size,
		.sp_offset = orc_field(btf, t, "sp_offset"),
		.bp_offset = orc_field(btf, t, "bp_offset"),
		.sp_reg = orc_field(btf, t, "sp_reg"),
		.bp_reg = orc_field(btf, t, "bp_reg"),
		.type = orc_field(btf, t, "type"),
		.end = orc_field(btf, t, "end"),
		.signal = orc_field(btf, t, "signal"),
	};
	return orc_layout_valid(l);
}

static bool rethook_layout(const struct btf *btf, struct rethook_layout *at)
{
	return offset_of(btf, "task_struct", "rethooks", &at->task_rethooks) &&
	       offset_of(btf, "rethook_node", "llist", &at->llist) &&
	       offset_of(btf, "rethook_node", "ret_addr", &at->ret_addr) &&
	       offset_of(btf, "rethook_node", "frame", &at->frame);
}

static bool task_layout(const struct btf *btf, struct task_layout *at)
{
	uint32_t thread, sp;

	if (!offset_of(btf, "task_struct", "tasks", &at->tasks) ||
	    !offset_of(btf, "task_struct", "group_leader", &at->group_leader) ||
	    !offset_of(btf, "task_struct", "signal", &at->signal) ||
	    !offset_of(btf, "task_struct", "thread_node", &at->thread_node) ||
	    !offset_of(btf, "signal_struct", "thread_head", &at->thread_head) ||
	    !offset_of(btf, "task_struct", "thread", &thread) || !offset_of(btf, "thread_struct", "sp", &sp))
		return false;
	at->sp = thread + sp;
	return true;
}

static struct btf *btf_load(struct checker *c)
{
	uint64_t len = c->agent.btf_end - c->agent.btf_start;
	struct btf *btf = NULL;
	void *raw;

	if (!c->agent.btf_start || c->agent.btf_end <= c->agent.btf_start || len > BTF_LIMIT)
		return NULL;
	raw = malloc(len);
	if (raw && checker_guest_read(c, c->agent.btf_start, raw, len) == len)
		btf = btf__new(raw, (uint32_t)len);
	free(raw);
	return btf;
}

const struct layout *layout_get(struct checker *c)
{
	struct layout *l = &c->layout;
	struct btf *btf;

	if (l->tried)
		return l;
	l->tried = true;
	btf = btf_load(c);
	if (!btf)
		return l;
	l->has_cache = cache_layout(btf, &l->cache);
	l->has_page = page_layout(btf, &l->page);
	l->has_orc = orc_layout(btf, &l->orc);
	l->has_rethook = rethook_layout(btf, &l->rethook);
	l->has_tasks = task_layout(btf, &l->task);
	l->has_slub = slub_layout(btf, &l->slub);
	btf__free(btf);
	return l;
}
