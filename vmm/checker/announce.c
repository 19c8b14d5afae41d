// SPDX-License-Identifier: GPL-2.0-only
/*
 * announce.c: what the agent would announce, announced by the host.
 *
 * A window that comes to one of the agent's probes stands where the guest would walk its stack, write a record,
 * and often ring the doorbell: one exit, and another one at the next access to what was announced. So the
 * host does the probe's work itself, from the probe's arguments, and the window goes on behind the call. What
 * comes out is the record that the agent would have written, with the next number; it is applied at once.
 *
 * What is not plain is left to the agent: memory that is in no slab that was announced, or a record of this CPU
 * that is not finished.
 */
#include <string.h>

#include "checker_internal.h"

void announce_set(struct agent *a, const struct kmc_hello *h)
{
	memcpy(a->traced, h->traced, sizeof(a->traced));
	a->return_trampoline = h->return_trampoline;
	a->preempt_count = h->preempt_count;
	a->in_nmi = h->in_nmi, a->in_hardirq = h->in_hardirq, a->in_softirq = h->in_softirq;
	a->gfp_zero = h->gfp_zero;
	memset(a->has_clock, 0, sizeof(a->has_clock));
}

/*
 * The least that the guest's clock is ahead of ours: a record is read some time after its clock was. So the time
 * of an announcement of ours is between those of the agent's before and behind it on this CPU.
 */
void announce_learn_clock(struct checker *c, const struct kmc_record *r, unsigned cpu)
{
	int64_t ahead = (int64_t)(r->time - checker_guest_time(c));
	struct agent *a = &c->agent;

	if (!a->has_clock[cpu] || ahead > a->clock[cpu])
		a->clock[cpu] = ahead;
	a->has_clock[cpu] = true;
}

/* The tracepoint whose probe is at rip, or KMC_TRACED. */
static enum kmc_traced_by probe_at(const struct agent *a, uint64_t rip)
{
	unsigned n = 0;

	while (n < KMC_TRACED && a->traced[n].probe != rip)
		n++;
	return n;
}

bool announce_knows(const struct checker *c, uint64_t rip)
{
	return rip && probe_at(&c->agent, rip) != KMC_TRACED;
}

/* The arguments behind the probe's own, as tracepoints of all kernels have them. */
static void fill_arguments(const struct checker *c, const struct vcpu_state *s, enum kmc_traced_by by,
			   struct kmc_record *r)
{
	const uint64_t *gpr = s->insn.gpr;
	uint64_t gfp = 0;

	r->caller = gpr[INSN_RSI];
	r->addr = gpr[INSN_RDX];
	switch (by) {
	case KMC_TRACED_KMALLOC: /* bytes_req, bytes_alloc, gfp_flags */
		r->type = KMC_KMALLOC;
		r->size = gpr[INSN_RCX];
		r->slot = gpr[INSN_R8];
		gfp = gpr[INSN_R9];
		break;
	case KMC_TRACED_ALLOC: /* s, gfp_flags */
		r->type = KMC_ALLOC;
		r->cache = gpr[INSN_RCX];
		gfp = gpr[INSN_R8];
		break;
	default:
		r->type = KMC_FREE;
	}
	if (gfp & c->agent.gfp_zero)
		r->flags |= KMC_F_ZEROED;
}

/* As checker_guest_read(), all or nothing; mostly of pages that windows of this vCPU have been to. */
static bool read_near(struct checker *c, const struct vcpu_state *s, uint64_t addr, void *buf, size_t len)
{
	const struct walk_known *k = window_known(c, s, (gva_t){ addr }, false, false);

	if (!k || !k->host || addr % GUEST_PAGE + len > GUEST_PAGE)
		return checker_guest_read(c, addr, buf, len) == len;
	memcpy(buf, k->host + addr % GUEST_PAGE, len);
	return true;
}

static bool fill_task(struct checker *c, const struct vcpu_state *s, uint64_t task, struct kmc_record *r)
{
	const struct agent *a = &c->agent;
	uint32_t count;

	if (!read_near(c, s, s->insn.seg_base[INSN_GS] + a->preempt_count, &count, sizeof(count)))
		return false;
	if (count & a->in_nmi)
		memcpy(r->comm, "<nmi>", sizeof("<nmi>"));
	else if (count & a->in_hardirq)
		memcpy(r->comm, "<hardirq>", sizeof("<hardirq>"));
	else if (count & a->in_softirq)
		memcpy(r->comm, "<softirq>", sizeof("<softirq>"));
	else
		return read_near(c, s, task + a->task_pid, &r->pid, sizeof(r->pid)) &&
		       read_near(c, s, task + a->task_comm, r->comm, sizeof(r->comm));
	return true;
}

static bool fill_stack(struct checker *c, const struct vcpu_state *s, uint64_t task, struct kmc_record *r)
{
	unsigned most = c->config.stack_depth < KMC_STACK_DEPTH ? c->config.stack_depth : KMC_STACK_DEPTH;

	if (!most)
		return true;
	if (!layout_get(c)->has_orc)
		return false;
	r->nstack = (uint8_t)trace_announced(c, s, task, r->stack, most);
	/* The real call site where a kretprobe hid it: the frame behind the allocating function. */
	if (r->caller == c->agent.return_trampoline)
		r->caller = r->nstack > 2 ? r->stack[2] : 0;
	return true;
}

/* As the agent decides it: wait.c there. */
static bool is_shown(const struct agent *a, uint64_t pfn)
{
	return pfn >= a->shown_pages ||
	       (a->shown[pfn / KMC_SHOWN_PAGES][pfn % KMC_SHOWN_PAGES / 64] >> pfn % 64 & 1);
}

static bool alloc_waits(struct checker *c, const struct kmc_record *r, gpa_t gpa, uint64_t size, uint32_t wants)
{
	uint64_t pfn = gpa.v / GUEST_PAGE, last = (gpa.v + (size ? size - 1 : 0)) / GUEST_PAGE;
	const struct track_event event = { .what = r->cache ^ r->slot,
					   .stack = r->nstack ? r->stack : &r->caller,
					   .frames = r->nstack ? r->nstack : r->caller != 0 };
	uint8_t *gap, left;

	while (pfn <= last && !is_shown(&c->agent, pfn))
		pfn++;
	if (pfn > last)
		return false;
	if (!(wants & KMC_WANT_SITES) || !c->agent.site_gap)
		return true;
	gap = &c->agent.site_gap[track_gap_hash(&event) % KMC_SITES];
	left = __atomic_load_n(gap, __ATOMIC_RELAXED);
	if (left)
		__atomic_store_n(gap, (uint8_t)(left - 1), __ATOMIC_RELAXED);
	return !left;
}

static bool free_waits(const struct checker *c, gpa_t gpa, uint32_t wants)
{
	const struct agent *a = &c->agent;
	uint32_t n = KMC_QUIET(gpa.v);

	return (wants & KMC_WANT_FREES) && is_shown(a, gpa.v / GUEST_PAGE) &&
	       !(a->quiet_frees && (a->quiet_frees[n / 64] >> n % 64 & 1));
}

static void fill_waits(struct checker *c, gpa_t gpa, const struct obj_cache *cache, struct kmc_record *r)
{
	uint32_t wants = __atomic_load_n(&c->agent.shared->wants, __ATOMIC_RELAXED);
	uint64_t size = r->size;

	if (r->type == KMC_ALLOC && cache)
		size = cache->object_size;
	if (r->type == KMC_FREE ? free_waits(c, gpa, wants) : alloc_waits(c, r, gpa, size, wants))
		r->flags |= KMC_F_WAITS;
}

/* The number behind all that were announced, for everything else has been consumed. */
static bool draw(struct checker *c, struct kmc_record *r)
{
	uint64_t last = c->agent.next - 1;

	r->seq = last + 1;
	return __atomic_compare_exchange_n(&c->agent.shared->seq, &last, last + 1, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED);
}

static bool may_announce(const struct checker *c, unsigned cpu)
{
	const struct agent *a = &c->agent;

	return a->on && !a->broken && a->listening && cpu < a->ncpus && a->has_clock[cpu] &&
	       !__atomic_load_n(&a->ring[cpu]->busy, __ATOMIC_ACQUIRE);
}

bool announce(struct checker *c, const struct vcpu_state *s, uint64_t *back)
{
	enum kmc_traced_by by = probe_at(&c->agent, s->insn.rip);
	unsigned cpu = s->vcpu->index;
	struct kmc_record r = { .seq = 0 };
	const struct obj_cache *cache;
	uint64_t task;
	gpa_t gpa;

	agent_drain(c, cpu);
	if (by == KMC_TRACED || !may_announce(c, cpu))
		return false;
	fill_arguments(c, s, by, &r);
	if (!agent_gpa(c, r.addr, r.size ? r.size : 1, &gpa))
		return false;
	objects_prefetch(c->objects, gpa, OBJ_PREFETCH_ENTRY);
	if (!read_near(c, s, s->insn.gpr[INSN_RSP], back, sizeof(*back)) ||
	    !read_near(c, s, s->insn.seg_base[INSN_GS] + c->agent.current_task, &task, sizeof(task)))
		return false;
	objects_prefetch(c->objects, gpa, OBJ_PREFETCH_PAGE);
	if (!task || !fill_task(c, s, task, &r) || !objects_slab_at(c->objects, gpa, &cache))
		return false;
	objects_prefetch(c->objects, gpa, OBJ_PREFETCH_SLOT);
	if (!fill_stack(c, s, task, &r) || !draw(c, &r))
		return false;
	r.time = checker_guest_time(c) + (uint64_t)c->agent.clock[cpu];
	fill_waits(c, gpa, cache, &r);
	c->stats.announced++;
	agent_apply(c, &r, cpu);
	return true;
}
