// SPDX-License-Identifier: GPL-2.0-only
/*
 * wait.c: what the host wants, which it may change at any time: whether there are probes at all, and
 * when the guest has to wait for the host (kmc_hello.wants, pages_shown, site_gap, quiet_frees in kmc_abi.h).
 *
 * The host believes nothing of what is decided here but KMC_F_WAITS; what is a moment old here costs an
 * exit, or the host does not use what it could not see from the beginning.
 */
#include <linux/gfp.h>
#include <linux/workqueue.h>
#include "agent.h"

#define LOOK_EVERY HZ
#define QUIET_BYTES ((1u << KMC_QUIET_BITS) / 8)

static unsigned long *shown[KMC_SHOWN_PIECES];
static u8 *site_gap;
static unsigned long *quiet_frees;
static bool attached, started;
static u32 again; /* KMC_WANT_AGAIN when the probes were placed; 0 when the host is greeted */

static void look(struct work_struct *work);
static DECLARE_DELAYED_WORK(looking, look);

static u32 wants(void)
{
	return READ_ONCE(kmc_hello->wants);
}

bool kmc_wait_any(void)
{
	return !(wants() & KMC_WANT_NOTHING);
}

/* Bytes of a piece's bitmap. */
static size_t piece_bytes(unsigned int piece)
{
	unsigned long first = (unsigned long)piece * KMC_SHOWN_PAGES;
	unsigned long n = min_t(unsigned long, kmc_pages_all() - first, KMC_SHOWN_PAGES);

	return BITS_TO_LONGS(n) * sizeof(long);
}

static unsigned int pieces(void)
{
	return min_t(unsigned long, DIV_ROUND_UP(kmc_pages_all(), KMC_SHOWN_PAGES),
		     KMC_SHOWN_PIECES);
}

int kmc_wait_init(void)
{
	unsigned int i;

	for (i = 0; i < pieces(); i++) {
		shown[i] = kmc_alloc(piece_bytes(i));
		if (!shown[i])
			return -ENOMEM;
		kmc_hello->pages_shown[i] = virt_to_phys(shown[i]);
	}
	kmc_hello->shown_pages = min_t(unsigned long, kmc_pages_all(),
				       (unsigned long)KMC_SHOWN_PIECES * KMC_SHOWN_PAGES);
	site_gap = kmc_alloc(KMC_SITES);
	if (!site_gap)
		return -ENOMEM;
	kmc_hello->site_gap = virt_to_phys(site_gap);
	quiet_frees = alloc_pages_exact(QUIET_BYTES, GFP_KERNEL | __GFP_ZERO);
	if (!quiet_frees)
		return -ENOMEM;
	kmc_hello->quiet_frees = virt_to_phys(quiet_frees);
	return 0;
}

/* Takes the probes away, or places them, as the host wants it. */
static void follow(void)
{
	u32 now = wants();
	bool want = !(now & KMC_WANT_NOTHING);

	if (attached && (!want || (now & KMC_WANT_AGAIN) != again)) {
		kmc_detach();
		attached = false;
	}
	again = now & KMC_WANT_AGAIN;
	if (!attached && want)
		attached = !kmc_attach();
}

static void look(struct work_struct *work)
{
	follow();
	schedule_delayed_work(&looking, round_jiffies_relative(LOOK_EVERY));
}

/* The probes are placed. */
void kmc_wait_start(void)
{
	attached = started = true;
	follow();
	schedule_delayed_work(&looking, round_jiffies_relative(LOOK_EVERY));
}

void kmc_wait_stop(void)
{
	if (started)
		cancel_delayed_work_sync(&looking);
	started = false;
}

void kmc_wait_deinit(void)
{
	unsigned int i;

	for (i = 0; i < KMC_SHOWN_PIECES; i++) {
		kmc_free(shown[i], piece_bytes(i));
		shown[i] = NULL;
	}
	kmc_free(site_gap, KMC_SITES);
	site_gap = NULL;
	if (quiet_frees)
		free_pages_exact(quiet_frees, QUIET_BYTES);
	quiet_frees = NULL;
}

static bool is_shown(unsigned long pfn)
{
	if (pfn >= kmc_hello->shown_pages)
		return true;
	return test_bit(pfn % KMC_SHOWN_PAGES, shown[pfn / KMC_SHOWN_PAGES]);
}

bool kmc_wait_slab(const void *p, unsigned long size)
{
	unsigned long pfn = kmc_pages_number(p), end = pfn + (size >> PAGE_SHIFT);

	if (!(wants() & KMC_WANT_SHOWN))
		return true;
	for (; pfn < end && pfn < kmc_hello->shown_pages; pfn++)
		set_bit(pfn % KMC_SHOWN_PAGES, shown[pfn / KMC_SHOWN_PAGES]);
	return false;
}

/* The host computes the same (ept/track.c): FNV-1a over the frames, begun with what is allocated. */
static unsigned int site_hash(const struct kmc_event *event)
{
	u64 hash = 0xcbf29ce484222325ull ^ event->cache ^ event->slot;
	unsigned int i;

	if (!event->nstack && event->caller)
		hash = (hash ^ event->caller) * 0x100000001b3ull;
	for (i = 0; i < event->nstack; i++)
		hash = (hash ^ event->stack[i]) * 0x100000001b3ull;
	hash ^= hash >> 29;
	return hash % KMC_SITES;
}

/* Lost updates between CPUs do no harm: the host draws the next number. */
static bool site_waits(const struct kmc_event *event)
{
	u8 *gap, left;

	if (!(wants() & KMC_WANT_SITES))
		return true;
	gap = &site_gap[site_hash(event)];
	left = READ_ONCE(*gap);
	if (left)
		WRITE_ONCE(*gap, left - 1);
	return !left;
}

bool kmc_wait_alloc(const struct kmc_event *event, const void *p, unsigned long size)
{
	unsigned long pfn = kmc_pages_number(p);
	unsigned long last = kmc_pages_number((const char *)p + (size ? size - 1 : 0));

	for (; pfn <= last; pfn++)
		if (is_shown(pfn))
			return site_waits(event);
	return false;
}

bool kmc_wait_free(const void *p)
{
	return (wants() & KMC_WANT_FREES) && is_shown(kmc_pages_number(p)) &&
	       !test_bit(KMC_QUIET(__pa(p)), quiet_frees);
}
