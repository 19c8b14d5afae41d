// SPDX-License-Identifier: GPL-2.0-only
/*
 * probes.c: the allocator's tracepoints: objects that come and go, pages that leave.
 *
 * Only arguments that all kernels pass at the same place are used. What has no tracepoint is
 * slab.c's.
 */
#include <linux/slab.h>
#include <linux/tracepoint.h>
#include "agent.h"

/* Every function that a kretprobe is on returns here. */
static unsigned long return_trampoline;

/* The real call site where a kretprobe hid it: the frame behind the allocating function. */
static void fix_caller(struct kmc_event *event)
{
	if (return_trampoline && event->caller == return_trampoline)
		event->caller = event->nstack > 2 ? event->stack[2] : 0;
}

/* An event lies on a stack: what is left there must not look like a pointer that somebody keeps. */
static void forget(struct kmc_event *event)
{
	WRITE_ONCE(event->addr, 0);
}

/* waits: the host has consumed it on return. */
static void emit(struct kmc_event *event, bool waits)
{
	if (waits)
		event->flags |= KMC_F_WAITS;
	else
		event->flags &= ~KMC_F_WAITS;
	kmc_emit(event);
	forget(event);
	if (waits)
		kmc_doorbell(KMC_CMD_DRAIN, 0);
}

/* Of a cache whose requested size is not told. */
static unsigned long object_size(const struct kmc_event *event)
{
	if (event->size || !event->cache)
		return event->size;
	return kmem_cache_size((struct kmem_cache *)(unsigned long)event->cache);
}

void kmc_announce_alloc(struct kmc_event *event, const void *p)
{
	struct page *head;
	bool ring;

	if (!kmc_pages_valid(p))
		return;
	head = virt_to_head_page(p);
	event->addr = (unsigned long)p;
	event->page = (unsigned long)head;
	if (PageSlab(head)) {
		ring = kmc_pages_adopt(p, event->cache) ||
		       kmc_wait_alloc(event, p, object_size(event));
	} else {
		/* Some kernels trace a large allocation in two functions, one inside the other. */
		if (kmc_pages_tracked(p))
			return;
		event->type = KMC_LARGE;
		kmc_pages_track(page_address(head), page_size(head));
		ring = true;
	}
	emit(event, ring);
}

/*
 * A slab that is older than the agent is adopted also by a free: from then on the object is known to be
 * freed. Frees of pages that are neither tracked nor a slab's are announced too: that is what a double free
 * of a large object looks like.
 */
void kmc_announce_free(struct kmc_event *event, const void *p)
{
	bool slab, ring;

	if (ZERO_OR_NULL_PTR(p) || !kmc_pages_valid(p))
		return;
	slab = PageSlab(virt_to_head_page(p));
	ring = slab && (kmc_pages_adopt(p, 0) || kmc_wait_free(p));
	event->addr = (unsigned long)p;
	emit(event, ring);
}

static u16 alloc_flags(gfp_t gfp)
{
	return want_init_on_alloc(gfp) ? KMC_F_ZEROED : 0;
}

static void probe_kmalloc(void *data, unsigned long call_site, const void *p, size_t bytes_req,
			  size_t bytes_alloc, gfp_t gfp, int node)
{
	struct kmc_event event;

	if (!kmc_is_active() || IS_ERR_OR_NULL(p) || ZERO_OR_NULL_PTR(p))
		return;
	event = (struct kmc_event){
		.type = KMC_KMALLOC,
		.flags = alloc_flags(gfp),
		.size = bytes_req,
		.slot = bytes_alloc,
		.caller = call_site,
	};
	kmc_stack_here(&event);
	fix_caller(&event);
	kmc_announce_alloc(&event, p);
}

static void probe_cache_alloc(void *data, unsigned long call_site, const void *p,
			      struct kmem_cache *cache, gfp_t gfp, int node)
{
	struct kmc_event event;

	if (!kmc_is_active() || IS_ERR_OR_NULL(p))
		return;
	event = (struct kmc_event){
		.type = KMC_ALLOC,
		.flags = alloc_flags(gfp),
		.cache = (unsigned long)cache,
		.caller = call_site,
	};
	kmc_stack_here(&event);
	fix_caller(&event);
	kmc_announce_alloc(&event, p);
}

/* kfree and kmem_cache_free: what follows the pointer differs between kernels and is not needed. */
static void probe_free(void *data, unsigned long call_site, const void *p)
{
	struct kmc_event event;

	if (!kmc_is_active() || ZERO_OR_NULL_PTR(p))
		return;
	event = (struct kmc_event){ .type = KMC_FREE, .caller = call_site };
	kmc_stack_here(&event);
	fix_caller(&event);
	kmc_announce_free(&event, p);
}

/* Comes before anybody else can get the pages, so the record's number is early enough. */
static void probe_page_free(void *data, struct page *page, unsigned int order)
{
	struct kmc_event event;

	if (!kmc_is_active() || !kmc_pages_forget(page_to_pfn(page), 1ul << order))
		return;
	event = (struct kmc_event){
		.type = KMC_PAGES,
		.addr = (unsigned long)page_address(page),
		.size = PAGE_SIZE << order,
		.page = (unsigned long)page,
	};
	kmc_emit(&event);
}

/* The first ones as in enum kmc_traced_by. */
static struct {
	const char *name;
	void *probe;
	struct tracepoint *tp;
	bool registered;
} points[] = {
	{ "kmalloc", probe_kmalloc },
	{ "kmem_cache_alloc", probe_cache_alloc },
	{ "kfree", probe_free },
	{ "kmem_cache_free", probe_free },
	{ "mm_page_free", probe_page_free },
};

static void match_point(struct tracepoint *tp, void *unused)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(points); i++)
		if (!strcmp(tp->name, points[i].name))
			points[i].tp = tp;
}

/* Is the u32 at this offset of the per-CPU area preempt_count()? */
static bool is_preempt_count(unsigned long offset)
{
	u32 __percpu *count = (u32 __percpu *)offset;
	unsigned long irq;
	bool same;

	local_irq_save(irq);
	same = (raw_cpu_read(*count) & ~PREEMPT_NEED_RESCHED) == preempt_count();
	__preempt_count_add(1);
	same &= (raw_cpu_read(*count) & ~PREEMPT_NEED_RESCHED) == preempt_count();
	__preempt_count_sub(1);
	local_irq_restore(irq);
	return same;
}

/* A variable of its own, or a member of a struct, as with find_current_offset(). */
static unsigned long find_preempt_count(void)
{
	static const char *const names[] = { "__preempt_count", "pcpu_hot" };
	unsigned long start, offset;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		start = kmc_lookup(names[i]);
		for (offset = start; start && offset < start + SMP_CACHE_BYTES; offset += sizeof(u32))
			if (start < (unsigned long)TASK_SIZE && is_preempt_count(offset))
				return offset;
	}
	return 0;
}

void kmc_probes_describe(struct kmc_hello *h)
{
	unsigned int i;

	h->return_trampoline = return_trampoline;
	h->gfp_zero = (__force u32)__GFP_ZERO;
	h->in_nmi = NMI_MASK;
	h->in_hardirq = HARDIRQ_MASK;
	h->in_softirq = SOFTIRQ_OFFSET;
	h->preempt_count = find_preempt_count();
	/* A kernel that clears everything; one whose soft interrupts are threads, and count elsewhere. */
	if (!h->preempt_count || want_init_on_alloc(0) || IS_ENABLED(CONFIG_PREEMPT_RT))
		return;
	for (i = 0; i < KMC_TRACED; i++)
		h->traced[i].probe = (unsigned long)points[i].probe;
}

int kmc_probes_init(void)
{
	unsigned int i;
	int err;

	return_trampoline = kmc_lookup("arch_rethook_trampoline");
	if (!return_trampoline)
		return_trampoline = kmc_lookup("__kretprobe_trampoline");

	for_each_kernel_tracepoint(match_point, NULL);
	for (i = 0; i < ARRAY_SIZE(points); i++) {
		err = points[i].tp ? tracepoint_probe_register(points[i].tp, points[i].probe, NULL)
				   : -ENOENT;
		if (err) {
			pr_err("tracepoint %s: error %d\n", points[i].name, err);
			return err;
		}
		points[i].registered = true;
	}
	return 0;
}

void kmc_probes_deinit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(points); i++)
		if (points[i].registered) {
			tracepoint_probe_unregister(points[i].tp, points[i].probe, NULL);
			points[i].registered = false;
		}
	tracepoint_synchronize_unregister();
}
