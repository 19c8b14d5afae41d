// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring.c: one ring of records per CPU, as kmc_abi.h lays them out.
 *
 * A record is complete before its number is drawn, and between the number and the new head nothing
 * is touched but the ring: a page hidden by the host there would make the host wait for itself.
 */
#include <linux/gfp.h>
#include <linux/irq_work.h>
#include <linux/sched/clock.h>
#include "agent.h"

#define SLOTS_MAX  512
#define SLOTS_MIN  32
#define RINGS_SIZE (512 * 1024) /* bytes of records, all rings together */

static struct kmc_ring *rings[KMC_MAX_CPUS];
static unsigned int slots;

/* Set while this CPU is in kmc_emit(), with interrupts off: only an NMI can find it set. */
static DEFINE_PER_CPU(bool, emitting);

/* Printing must wait until no lock of the allocator is held. */
static void complain(struct irq_work *work)
{
	pr_warn("the host no longer drains the rings: nothing is checked from now on\n");
}

static DEFINE_IRQ_WORK(complaint, complain);

static size_t ring_bytes(void)
{
	return sizeof(struct kmc_ring) + slots * sizeof(struct kmc_record);
}

int kmc_rings_init(void)
{
	unsigned int cpu;

	slots = SLOTS_MAX;
	while (slots > SLOTS_MIN && nr_cpu_ids * slots * sizeof(struct kmc_record) > RINGS_SIZE)
		slots /= 2;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++) {
		rings[cpu] = kmc_alloc(ring_bytes());
		if (!rings[cpu])
			return -ENOMEM;
		kmc_hello->ring[cpu] = virt_to_phys(rings[cpu]);
	}
	kmc_hello->ncpus = nr_cpu_ids;
	kmc_hello->slots = slots;
	return 0;
}

void kmc_rings_deinit(void)
{
	unsigned int cpu;

	irq_work_sync(&complaint);
	for (cpu = 0; cpu < KMC_MAX_CPUS; cpu++)
		kmc_free(rings[cpu], ring_bytes());
}

/* Who does it. Interrupts belong to nobody: pid 0 and the kind of context as the name. */
static void fill_task(struct kmc_record *r)
{
	if (in_task()) {
		r->pid = current->pid;
		memcpy(r->comm, current->comm, sizeof(r->comm));
		return;
	}
	r->pid = 0;
	memset(r->comm, 0, sizeof(r->comm));
	if (in_nmi())
		memcpy(r->comm, "<nmi>", sizeof("<nmi>"));
	else if (in_hardirq())
		memcpy(r->comm, "<hardirq>", sizeof("<hardirq>"));
	else
		memcpy(r->comm, "<softirq>", sizeof("<softirq>"));
}

static void fill_record(struct kmc_record *r, const struct kmc_event *e)
{
	r->addr = e->addr;
	r->size = e->size;
	r->slot = e->slot;
	r->cache = e->cache;
	r->page = e->page;
	r->time = local_clock();
	r->type = e->type;
	r->nstack = e->nstack;
	r->flags = e->flags;
	r->caller = e->caller;
	memcpy(r->stack, e->stack, e->nstack * sizeof(r->stack[0]));
	fill_task(r);
}

/* True if there is room for one record. */
static bool make_room(struct kmc_ring *ring)
{
	/* Pairs with the host's release of tail: it has read what we are about to overwrite. */
	if (ring->head - smp_load_acquire(&ring->tail) < slots)
		return true;
	kmc_doorbell(KMC_CMD_DRAIN, 0);
	if (ring->head - smp_load_acquire(&ring->tail) < slots)
		return true;
	WRITE_ONCE(kmc_active, false);
	irq_work_queue(&complaint);
	return false;
}

void kmc_emit(const struct kmc_event *event)
{
	struct kmc_record *r;
	struct kmc_ring *ring;
	unsigned long irq;
	u64 seq;

	local_irq_save(irq);
	if (__this_cpu_read(emitting))
		goto out;
	__this_cpu_write(emitting, true);
	ring = rings[raw_smp_processor_id()];
	if (!make_room(ring))
		goto done;

	r = &ring->record[ring->head & (slots - 1)];
	WRITE_ONCE(r->seq, 0);
	fill_record(r, event);

	WRITE_ONCE(ring->busy, 1);
	/* A full barrier: busy is seen before the number is missed. */
	seq = atomic64_inc_return((atomic64_t *)&kmc_hello->seq);
	smp_store_release(&r->seq, seq);
	smp_store_release(&ring->head, ring->head + 1);
	smp_store_release(&ring->busy, 0);
done:
	__this_cpu_write(emitting, false);
out:
	local_irq_restore(irq);
}
