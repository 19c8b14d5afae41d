// SPDX-License-Identifier: GPL-2.0-only
/*
 * pages.c: one bit for each page frame: has it been announced to the host?
 *
 * It lets the agent tell the host when such a page leaves the slab allocator, and keeps it silent
 * about all other pages. Memory that is plugged in later is not covered, hence not checked.
 */
#include <linux/kfence.h>
#include <linux/vmalloc.h>
#include "agent.h"

static unsigned long *tracked;
static unsigned long npages;

/* Orders the KMC_ADOPT of a slab before the objects that other CPUs announce in it. */
static DEFINE_RAW_SPINLOCK(adopt_lock);

int kmc_pages_init(void)
{
	npages = ((unsigned long)high_memory - PAGE_OFFSET) >> PAGE_SHIFT;
	tracked = vzalloc(BITS_TO_LONGS(npages) * sizeof(long));
	if (!tracked)
		return -ENOMEM;
	kmc_count_memory(PAGE_ALIGN(BITS_TO_LONGS(npages) * sizeof(long)));
	return 0;
}

/* For good: nobody reads the count any more. */
void kmc_pages_deinit(void)
{
	vfree(tracked);
}

static unsigned long pfn_of(const void *p)
{
	return ((unsigned long)p - PAGE_OFFSET) >> PAGE_SHIFT;
}

unsigned long kmc_pages_number(const void *p)
{
	return pfn_of(p);
}

unsigned long kmc_pages_all(void)
{
	return npages;
}

void kmc_pages_forget_all(void)
{
	bitmap_zero(tracked, npages);
}

bool kmc_pages_valid(const void *p)
{
	return (unsigned long)p >= PAGE_OFFSET && pfn_of(p) < npages && pfn_valid(pfn_of(p)) &&
	       !is_kfence_address(p);
}

bool kmc_pages_tracked(const void *p)
{
	return test_bit(pfn_of(p), tracked);
}

void kmc_pages_track(const void *p, unsigned long size)
{
	unsigned long pfn = pfn_of(p), end = min(pfn + (size >> PAGE_SHIFT), npages);

	for (; pfn < end; pfn++)
		set_bit(pfn, tracked);
}

bool kmc_pages_forget(unsigned long pfn, unsigned long n)
{
	unsigned long end = min(pfn + n, npages);
	bool any = false;

	for (pfn = find_next_bit(tracked, end, pfn); pfn < end;
	     pfn = find_next_bit(tracked, end, pfn + 1)) {
		clear_bit(pfn, tracked);
		any = true;
	}
	return any;
}

bool kmc_pages_adopt(const void *p, u64 cache)
{
	struct page *head = virt_to_head_page(p);
	struct kmc_event event = { .type = KMC_ADOPT, .cache = cache };
	unsigned long irq;
	bool adopt;

	if (kmc_pages_tracked(p))
		return false;
	event.addr = (unsigned long)page_address(head);
	event.size = page_size(head);
	event.page = (unsigned long)head;

	raw_spin_lock_irqsave(&adopt_lock, irq);
	adopt = !kmc_pages_tracked(p);
	if (adopt) {
		kmc_emit(&event);
		/* After the record: who sees the bit draws a later number. */
		smp_mb__before_atomic();
		kmc_pages_track((void *)(unsigned long)event.addr, event.size);
	}
	raw_spin_unlock_irqrestore(&adopt_lock, irq);
	return adopt;
}
