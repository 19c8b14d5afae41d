// SPDX-License-Identifier: GPL-2.0-only
/*
 * agent.c: the guest agent's doorbell and rings (guest-agent/kmc_abi.h).
 *
 * Everything read here is hostile: addresses are translated and bounded once, at the hello; indices
 * and numbers are re-read from the guest and compared with our own copies; what does not fit ends
 * checking for this VM with one line, and the VM goes on.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "checker_internal.h"

#define NAP_NS	     20000ull	   /* between two looks at a gap */
#define GAP_LIMIT_NS 5000000000ull /* a CPU that fills no gap for so long never will */
#define MAX_SLOTS    4096u
#define CR4_LA57     (1u << 12)

_Static_assert(CHECKER_STACK_DEPTH == KMC_STACK_DEPTH, "the option's limit is the record's");

void agent_give_up(struct checker *c, const char *why, ...)
{
	char line[384];
	va_list ap;
	int n;

	if (c->agent.broken)
		return;
	c->agent.broken = true;
	va_start(ap, why);
	vsnprintf(c->agent.error, sizeof(c->agent.error), why, ap);
	va_end(ap);
	n = snprintf(line, sizeof(line),
		     "kmc-vmm: checking has ended for this guest: %s; the guest goes on unchecked\n",
		     c->agent.error);
	machine_write_stderr(c->machine, line, (size_t)n);
}

bool agent_gpa(const struct checker *c, uint64_t addr, uint64_t len, gpa_t *gpa)
{
	if (addr < c->agent.direct_map)
		return false;
	gpa->v = addr - c->agent.direct_map;
	return len && guest_ram_contains(c->ram, *gpa, len);
}

/* The bits and bytes that the agent looks at before it goes on. */
static bool map_waits(struct checker *c, const struct kmc_hello *h)
{
	struct agent *a = &c->agent;
	uint64_t left = h->shown_pages;

	if (left > (uint64_t)KMC_SHOWN_PIECES * KMC_SHOWN_PAGES)
		return false;
	for (unsigned i = 0; left; i++) {
		uint64_t n = left < KMC_SHOWN_PAGES ? left : KMC_SHOWN_PAGES;
		gpa_t at = { h->pages_shown[i] };

		a->shown[i] = !at.v || at.v % sizeof(uint64_t) ?
				      NULL : guest_ram_at(c->ram, at, (n + 63) / 64 * 8);
		if (!a->shown[i])
			return false;
		left -= n;
	}
	a->shown_pages = h->shown_pages;
	a->site_gap = h->site_gap ? guest_ram_at(c->ram, (gpa_t){ h->site_gap }, KMC_SITES) : NULL;
	a->quiet_frees = h->quiet_frees && h->quiet_frees % sizeof(uint64_t) == 0 ?
				 guest_ram_at(c->ram, (gpa_t){ h->quiet_frees }, (1u << KMC_QUIET_BITS) / 8) :
				 NULL;
	return (!h->site_gap || a->site_gap) && (!h->quiet_frees || a->quiet_frees);
}

static bool map_rings(struct checker *c, const struct kmc_hello *h)
{
	uint64_t len = sizeof(struct kmc_ring) + (uint64_t)h->slots * sizeof(struct kmc_record);
	gpa_t at;

	for (unsigned i = 0; i < h->ncpus; i++) {
		at.v = h->ring[i];
		/* 0 is what an unused entry holds. */
		c->agent.ring[i] = !at.v || at.v % sizeof(uint64_t) ?
					   NULL : guest_ram_at(c->ram, at, len);
		if (!c->agent.ring[i])
			return false;
		c->agent.tail[i] = 0;
	}
	at.v = h->symbol_buffer;
	c->agent.symbol_buffer = guest_ram_at(c->ram, at, KMC_SYMBOL_BUFFER);
	return c->agent.symbol_buffer;
}

static const char *hello_problem(const struct kmc_hello *h)
{
	if (h->magic != KMC_ABI_MAGIC)
		return "no hello block there";
	if (h->version != KMC_ABI_VERSION)
		return "it speaks another version of the interface: rebuild it with "
		       "guest-agent/build-agent";
	if (!h->ncpus || h->ncpus > KMC_MAX_CPUS)
		return "impossible number of CPUs";
	if (!h->slots || h->slots > MAX_SLOTS || (h->slots & (h->slots - 1)))
		return "impossible ring size";
	if (h->text_start >= h->text_end || h->direct_map % GUEST_PAGE || !h->sizeof_page ||
	    h->thread_size > 1u << 20)
		return "impossible addresses";
	return NULL;
}

static void agent_hello(struct checker *c, const struct vcpu *vcpu, uint32_t pfn)
{
	gpa_t at = { (uint64_t)pfn * GUEST_PAGE };
	struct agent *a = &c->agent;
	struct kmc_hello h;
	const char *problem;

	if (a->on || a->broken)
		return;
	if (!c->tracks) { /* and its memory may be plain */
		agent_give_up(c, "it was started without checks");
		return;
	}
	a->shared = guest_ram_at(c->ram, at, GUEST_PAGE);
	if (!a->shared) {
		agent_give_up(c, "the agent's hello block lies outside of memory");
		return;
	}
	memcpy(&h, a->shared, sizeof(h));
	problem = hello_problem(&h);
	if (!problem && (!map_rings(c, &h) || !map_waits(c, &h)))
		problem = "its rings lie outside of memory";
	if (problem) {
		agent_give_up(c, "the agent cannot be used: %s", problem);
		return;
	}
	a->direct_map = h.direct_map;
	a->text_start = h.text_start, a->text_end = h.text_end;
	a->cr3 = h.cr3, a->current_task = h.current_task;
	a->btf_start = h.btf_start, a->btf_end = h.btf_end;
	a->module_start = h.module_start, a->module_end = h.module_end;
	a->own_start = h.agent_start, a->own_end = h.agent_end;
	a->vmemmap_start = h.vmemmap_start, a->sizeof_page = h.sizeof_page;
	a->slots = h.slots, a->ncpus = h.ncpus;
	a->typesafe_flag = h.slab_typesafe_by_rcu;
	a->task_pid = h.task_pid, a->task_tgid = h.task_tgid, a->task_comm = h.task_comm;
	a->task_stack = h.task_stack, a->thread_size = h.thread_size;
	announce_set(a, &h);
	a->la57 = vcpu->run->s.regs.sregs.cr4 & CR4_LA57;
	a->next = 1;
	a->on = true;
	a->shared->stack_depth = c->config.stack_depth + 1;
	tracking_begin(c);
	symbols_set_text(c->symbols, h.text_start, h.text_end);
	trace_know_kernel(c, h.notes_start, h.notes_end);
}

void agent_apply(struct checker *c, const struct kmc_record *r, unsigned cpu)
{
	struct agent *a = &c->agent;

	c->stats.records++;
	if (a->listening)
		record_apply(c, r, cpu);
	/* Only now: a window that finds nothing pending relies on the shadow (agent_pending). */
	__atomic_store_n(&a->next, a->next + 1, __ATOMIC_RELEASE);
}

/* Consumes one ring's next record if it is the one that is due. */
static bool consume(struct checker *c, unsigned i)
{
	struct agent *a = &c->agent;
	struct kmc_ring *ring = a->ring[i];
	uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
	struct kmc_record *slot = &ring->record[a->tail[i] & (a->slots - 1)];
	struct kmc_record r;

	if (head == a->tail[i])
		return false;
	if (head - a->tail[i] > a->slots) {
		agent_give_up(c, "ring %u holds more records than it has room for", i);
		return false;
	}
	if (__atomic_load_n(&slot->seq, __ATOMIC_ACQUIRE) != a->next)
		return false;
	memcpy(&r, slot, sizeof(r));
	a->tail[i]++;
	__atomic_store_n(&ring->tail, a->tail[i], __ATOMIC_RELEASE);
	if (r.flags & KMC_F_WAITS || !a->has_clock[i])
		announce_learn_clock(c, &r, i);
	agent_apply(c, &r, i);
	return true;
}

/* All that is there in order. */
static void consume_ready(struct checker *c)
{
	struct agent *a = &c->agent;
	bool any = true;

	while (any && !a->broken) {
		any = false;
		for (unsigned i = 0; i < a->ncpus && !a->broken; i++)
			while (!a->broken && consume(c, i))
				any = true;
	}
}

/* True while another CPU has drawn a number and its record is not there yet. */
static bool gap_open(const struct checker *c, unsigned cpu)
{
	const struct agent *a = &c->agent;

	if (a->broken || __atomic_load_n(&a->shared->seq, __ATOMIC_ACQUIRE) < a->next)
		return false;
	/* Our own unfinished record: the fault came in the middle of it, waiting would never end. */
	return !(cpu < a->ncpus && __atomic_load_n(&a->ring[cpu]->busy, __ATOMIC_ACQUIRE));
}

/* Nobody listens any more: empty the rings so that the agent does not wait for room. */
static void discard(struct checker *c)
{
	for (unsigned i = 0; i < c->agent.ncpus; i++) {
		struct kmc_ring *ring = c->agent.ring[i];

		__atomic_store_n(&ring->tail, __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE),
				 __ATOMIC_RELEASE);
	}
}

void agent_catch_up(struct checker *c)
{
	if (c->agent.on && !c->agent.broken)
		consume_ready(c);
}

/*
 * Lets the CPU that fills the gap do so. A pause may have caught it: then this one has to give way,
 * and nobody is late. True where that happened.
 */
static bool nap(struct checker *c, unsigned cpu)
{
	struct vcpu *vcpu = machine_vcpu(c->machine, cpu);
	const struct timespec ns = { .tv_nsec = NAP_NS };
	bool paused;

	pthread_mutex_unlock(&c->lock);
	nanosleep(&ns, NULL);
	paused = vcpu ? machine_park(vcpu) : machine_park_device(c->machine);
	pthread_mutex_lock(&c->lock);
	return paused;
}

void agent_drain(struct checker *c, unsigned cpu)
{
	uint64_t since = 0, next = 0;

	if (!c->agent.on)
		return;
	if (c->agent.broken) {
		discard(c);
		return;
	}
	c->stats.probe_misses = __atomic_load_n(&c->agent.shared->slab_probe_misses,
						__ATOMIC_RELAXED);
	consume_ready(c);
	while (gap_open(c, cpu)) {
		if (!since || next != c->agent.next) {
			since = checker_now();
			next = c->agent.next;
			c->stats.gap_waits++;
		} else if (checker_now() - since > GAP_LIMIT_NS) {
			agent_give_up(c, "announcement %llu never came",
				      (unsigned long long)c->agent.next);
			return;
		}
		if (nap(c, cpu))
			since = 0;
		/* Nobody will fill it, and what is judged without it is not to be believed. */
		if (machine_ending(c->machine))
			c->agent.broken = true;
		if (!c->agent.on)
			return;
		consume_ready(c);
	}
}

void agent_drain_device(struct checker *c)
{
	agent_drain(c, MAX_CPUS);
}

static void feed_symbols(struct checker *c, uint32_t len)
{
	memset(&c->orc, 0, sizeof(c->orc)); /* a module's code may lie where another's was */
	if (!c->agent.on || len > KMC_SYMBOL_BUFFER ||
	    symbols_feed(c->symbols, c->agent.symbol_buffer, len) < 0)
		agent_give_up(c, "the agent's symbols are malformed");
}

enum hook_result agent_doorbell(void *ctx, struct vcpu *vcpu, bool write, uint32_t *value)
{
	enum hook_result result = HOOK_RETRY;
	struct checker *c = ctx;
	struct bell *bell = &c->bell[vcpu->index];
	uint32_t argument;

	if (!write) {
		*value = KMC_ABI_MAGIC;
		return HOOK_RETRY;
	}
	if (checker_steps(c, vcpu)) {
		agent_give_up(c, "the agent rings with an instruction that has to be stepped");
		return HOOK_RETRY;
	}
	argument = *value >> KMC_CMD_BITS;
	pthread_mutex_lock(&c->lock);
	checker_defer(c);
	c->stats.doorbells++;
	switch (*value & ((1u << KMC_CMD_BITS) - 1)) {
	case KMC_CMD_HELLO:
		agent_hello(c, vcpu, argument);
		break;
	case KMC_CMD_DRAIN:
		agent_drain(c, vcpu->index);
		if (bell->waits && window_pays_behind(c, bell, vcpu->index))
			result = HOOK_BEHIND;
		break;
	case KMC_CMD_SYMBOLS:
		feed_symbols(c, argument);
		break;
	case KMC_CMD_PANIC:
		machine_guest_panics(c->machine, PANIC_EVENT_PANICKED);
		break;
	case KMC_CMD_BYE:
		agent_drain(c, vcpu->index);
		release_all(c);
		c->agent.on = false; /* a new agent may say hello */
		break;
	case KMC_CMD_PROBES:
		agent_drain(c, vcpu->index);
		tracking_listen(c, argument);
		break;
	case KMC_CMD_EXIT:
		c->exec_status = (int)(argument & 0xff);
		break;
	}
	bell->waits = false;
	if (result != HOOK_BEHIND)
		checker_settle(c);
	pthread_mutex_unlock(&c->lock);
	return result;
}
