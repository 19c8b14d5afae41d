// SPDX-License-Identifier: GPL-2.0-only
/*
 * slab.c: what the slab allocator does without a tracepoint: new slabs, bulk allocation and bulk
 * free, ksize and krealloc in place. Each is a kprobe or kretprobe on a function found by name;
 * where a kernel has none of the names, the feature is missing from kmc_hello.flags and the host
 * makes do.
 *
 * A kretprobe takes the call trace at the entry of the function, where the stack is still its own.
 */
#include <linux/kprobes.h>
#include <linux/slab.h>
#include "agent.h"

#define BULK_TOGETHER 16

/* Code that calls a probed function for its own purposes. */
static struct code_range {
	unsigned long start, end;
} bulk_alloc, krealloc_code;

static bool is_within(const struct code_range *range, unsigned long addr)
{
	return addr >= range->start && addr < range->end;
}

static void count_misses(void);

/* allocate_slab(cache, gfp, node) returns the slab, which is laid over its first struct page. */
struct new_slab {
	unsigned long cache;
};

static int new_slab_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct new_slab *call = (void *)ri->data;

	call->cache = regs->di;
	return 0;
}

static int new_slab_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct new_slab *call = (void *)ri->data;
	struct page *page = (struct page *)regs_return_value(regs);
	struct kmc_event event;
	bool wait;

	count_misses();
	if (!kmc_is_active() || !page || !kmc_pages_valid(page_address(page)))
		return 0;
	event = (struct kmc_event){
		.type = KMC_SLAB,
		.addr = (unsigned long)page_address(page),
		.size = page_size(page),
		.cache = call->cache,
		.page = (unsigned long)page,
	};
	wait = kmc_wait_slab(page_address(page), event.size);
	kmc_emit(&event);
	kmc_pages_track(page_address(page), event.size);
	if (wait)
		kmc_doorbell(KMC_CMD_DRAIN, 0);
	return 0;
}

/* kmem_cache_alloc_bulk(cache, gfp, n, array) returns the number of objects, n or 0. */
struct bulk_alloc {
	void **array;
	struct kmc_event event;
};

static int bulk_alloc_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct bulk_alloc *call = (void *)ri->data;

	call->array = (void **)regs->cx;
	call->event = (struct kmc_event){
		.type = KMC_ALLOC,
		.flags = KMC_F_BULK | (want_init_on_alloc(regs->si) ? KMC_F_ZEROED : 0),
		.cache = regs->di,
		.caller = *(unsigned long *)regs->sp,
	};
	kmc_stack_regs(&call->event, regs);
	return 0;
}

/*
 * The array may lie in a hidden page itself (a maple tree's nodes): read some at a time, or each of them is an
 * exit of its own.
 */
static void announce_each(void **array, unsigned long n, struct kmc_event *event,
			  void (*announce)(struct kmc_event *event, const void *p))
{
	void *some[BULK_TOGETHER];
	unsigned long i, k, now;

	for (i = 0; i < n; i += now) {
		now = min_t(unsigned long, n - i, BULK_TOGETHER);
		memcpy(some, array + i, now * sizeof(some[0]));
		for (k = 0; k < now; k++)
			announce(event, some[k]);
	}
}

static int bulk_alloc_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct bulk_alloc *call = (void *)ri->data;
	unsigned long n = regs_return_value(regs) & U32_MAX;

	count_misses();
	if (kmc_is_active())
		announce_each(call->array, n, &call->event, kmc_announce_alloc);
	return 0;
}

/* kmem_cache_free_bulk(cache, n, array); kfree_bulk() is the same with no cache. */
static int bulk_free_entry(struct kprobe *kp, struct pt_regs *regs)
{
	void **array = (void **)regs->dx;
	unsigned long n = regs->si, caller = *(unsigned long *)regs->sp;
	struct kmc_event event;

	count_misses();
	/* A bulk allocation gives back what it never handed out and we never announced. */
	if (!kmc_is_active() || is_within(&bulk_alloc, caller))
		return 0;
	event = (struct kmc_event){ .type = KMC_FREE, .flags = KMC_F_BULK, .caller = caller };
	kmc_stack_regs(&event, regs);
	announce_each(array, n, &event, kmc_announce_free);
	return 0;
}

/*
 * __ksize(object): what ksize() and kfree_sensitive() ask before they use the whole slot. krealloc()
 * asks as well, only to know how much there is to copy: the slack does not become its caller's.
 */
static int ksize_entry(struct kprobe *kp, struct pt_regs *regs)
{
	const void *p = (const void *)regs->di;
	unsigned long caller = *(unsigned long *)regs->sp;
	struct kmc_event event;

	count_misses();
	if (!kmc_is_active() || ZERO_OR_NULL_PTR(p) || !kmc_pages_valid(p) || !kmc_pages_tracked(p))
		return 0;
	if (is_within(&krealloc_code, caller))
		return 0;
	event = (struct kmc_event){
		.type = KMC_KSIZE,
		.addr = (unsigned long)p,
		.caller = caller,
	};
	kmc_stack_regs(&event, regs);
	kmc_emit(&event);
	return 0;
}

/* krealloc(object, size, gfp) returns object where the new size fits into its slot. */
static int krealloc_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct kmc_event *event = (void *)ri->data;

	*event = (struct kmc_event){
		.type = KMC_RESIZE,
		.flags = want_init_on_alloc(regs->dx) ? KMC_F_ZEROED : 0,
		.addr = regs->di,
		.size = regs->si,
		.caller = *(unsigned long *)regs->sp,
	};
	kmc_stack_regs(event, regs);
	return 0;
}

static int krealloc_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct kmc_event *event = (void *)ri->data;
	const void *p = (const void *)regs_return_value(regs);

	count_misses();
	if (!kmc_is_active() || ZERO_OR_NULL_PTR(p) || event->addr != (unsigned long)p)
		return 0;
	if (kmc_pages_valid(p) && kmc_pages_tracked(p))
		kmc_emit(event);
	return 0;
}

enum { NEW_SLAB, BULK_ALLOC, BULK_FREE, KSIZE, KREALLOC, SITES };

/* Either kp or rp is used: an entry handler alone, or a pair. */
static struct site {
	const char *names[2];
	kprobe_pre_handler_t pre;
	kretprobe_handler_t entry, ret;
	size_t data_size;
	bool placed;
	struct kprobe kp;
	struct kretprobe rp;
} sites[SITES] = {
	/* clang-format off */
	[NEW_SLAB] = {
		.names = { "allocate_slab" },
		.entry = new_slab_entry,
		.ret = new_slab_return,
		.data_size = sizeof(struct new_slab),
	},
	[BULK_ALLOC] = {
		.names = { "kmem_cache_alloc_bulk_noprof", "kmem_cache_alloc_bulk" },
		.entry = bulk_alloc_entry,
		.ret = bulk_alloc_return,
		.data_size = sizeof(struct bulk_alloc),
	},
	[BULK_FREE] = { .names = { "kmem_cache_free_bulk" }, .pre = bulk_free_entry },
	[KSIZE] = { .names = { "__ksize" }, .pre = ksize_entry },
	[KREALLOC] = {
		.names = { "krealloc_noprof", "krealloc" },
		.entry = krealloc_entry,
		.ret = krealloc_return,
		.data_size = sizeof(struct kmc_event),
	},
	/* clang-format on */
};

/* Calls that a probe did not see; the host is told the running total. */
static void count_misses(void)
{
	unsigned long misses = 0;
	unsigned int i;

	for (i = 0; i < SITES; i++)
		misses += sites[i].kp.nmissed + sites[i].rp.nmissed + sites[i].rp.kp.nmissed;
	WRITE_ONCE(kmc_hello->slab_probe_misses, misses);
}

/* Of a kretprobe, one for each call at a time; kmalloc() rounds up. */
static long instances_bytes(const struct site *s)
{
	return (long)s->rp.maxactive * roundup_pow_of_two(sizeof(struct kretprobe_instance) + s->data_size);
}

static int place_at(struct site *s, const char *name)
{
	int err;

	if (s->pre) {
		s->kp = (struct kprobe){ .symbol_name = name, .pre_handler = s->pre };
		return register_kprobe(&s->kp);
	}
	s->rp = (struct kretprobe){
		.kp.symbol_name = name,
		.entry_handler = s->entry,
		.handler = s->ret,
		.data_size = s->data_size,
		.maxactive = 4 * nr_cpu_ids + 64,
	};
	err = register_kretprobe(&s->rp);
	if (!err)
		kmc_count_memory(instances_bytes(s));
	return err;
}

static void place(struct site *s)
{
	unsigned int i;
	int err = -ENOENT;

	for (i = 0; i < ARRAY_SIZE(s->names) && s->names[i] && !s->placed; i++) {
		err = place_at(s, s->names[i]);
		s->placed = !err;
	}
	if (!s->placed)
		pr_warn("no probe on %s: error %d\n", s->names[0], err);
}

static void remove(struct site *s)
{
	if (!s->placed)
		return;
	if (s->pre) {
		unregister_kprobe(&s->kp);
	} else {
		unregister_kretprobe(&s->rp);
		kmc_count_memory(-instances_bytes(s));
	}
	s->placed = false;
}

static struct code_range code_of(const struct site *s)
{
	struct code_range range = {};

	if (s->placed) {
		range.start = kmc_lookup(s->rp.kp.symbol_name);
		range.end = range.start + kmc_symbol_size(range.start);
	}
	return range;
}

u32 kmc_slab_init(void)
{
	u32 flags = 0;
	unsigned int i;

	for (i = 0; i < SITES; i++)
		place(&sites[i]);
	bulk_alloc = code_of(&sites[BULK_ALLOC]);
	krealloc_code = code_of(&sites[KREALLOC]);

	if (sites[NEW_SLAB].placed)
		flags |= KMC_HELLO_SLAB_PROBES;
	if (sites[BULK_ALLOC].placed && sites[BULK_FREE].placed)
		flags |= KMC_HELLO_BULK_PROBES;
	if (sites[KSIZE].placed)
		flags |= KMC_HELLO_KSIZE_PROBE;
	if (sites[KREALLOC].placed)
		flags |= KMC_HELLO_KREALLOC_PROBE;
	return flags;
}

void kmc_slab_deinit(void)
{
	unsigned int i;

	for (i = 0; i < SITES; i++)
		remove(&sites[i]);
}
