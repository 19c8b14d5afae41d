// SPDX-License-Identifier: GPL-2.0-only
/*
 * serve.c: KVM_RUN could not resolve a page. Which one, why, and what now?
 *
 * A hidden slab page touched by the kernel is a violation: judged, carried out. Everything else is
 * not our business and made to go on: pages never touched before, pages that stopped being slab
 * without our hearing of it. A fault that nothing explains, again and again, is our own defect and
 * stops the machine with what is needed to find it.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "checker_internal.h"

/*
 * Faults in a row at one instruction with nothing shown in between, and how long they must have gone on: a page
 * that the host is moving elsewhere (compaction) is there for us, and not for KVM, until that is done.
 */
#define NO_PROGRESS    3
#define NO_PROGRESS_NS 2000000000ull
#define MOVING_NS      1000000l /* between two looks */
#define CODE_BYTES  INSN_MAX_BYTES
#define IDT_BYTES   4096
#define TSS_BYTES   104 /* Intel SDM vol. 3A, 8.7: 64-bit TSS */

static gpa_t page_of(gpa_t gpa)
{
	return (gpa_t){ gpa.v & ~(GUEST_PAGE - 1ull) };
}

void release_stale(struct checker *c, gpa_t gpa)
{
	gpa_t page = page_of(gpa);

	c->stats.stale++;
	objects_pages_gone(c->objects, page, GUEST_PAGE);
	if (guest_ram_hidden(c->ram, page)) { /* nothing recorded there */
		shadow_untrack(c->shadow, page, GUEST_PAGE);
		guest_ram_show(c->ram, page, 1);
		c->shown_generation++;
	}
}

void release_all(struct checker *c)
{
	uint64_t pages = guest_ram_pages(c->ram);

	objects_forget_all(c->objects);
	for (uint64_t i = 0; i < pages && guest_ram_hidden_pages(c->ram); i++) {
		gpa_t at = { i * GUEST_PAGE };

		if (at.v >= GUEST_RAM_LOW_END)
			at.v += GUEST_RAM_HIGH - GUEST_RAM_LOW_END;
		if (guest_ram_hidden(c->ram, at))
			release_stale(c, at);
	}
}

/* One page that the CPU needs and the guest mapping may lack. True where something was made right. */
static bool make_present(struct checker *c, const struct vcpu_state *s, gpa_t gpa)
{
	int r;

	if (!guest_ram_contains(c->ram, page_of(gpa), GUEST_PAGE))
		return false;
	if (guest_ram_hidden(c->ram, gpa)) {
		release_stale(c, gpa);
		return true;
	}
	r = guest_ram_populate(c->ram, page_of(gpa), 1);
	if (r < 0)
		c->progress[s->vcpu->index].error = r;
	return r > 0;
}

/* The pages of a guest-virtual range, and the page tables that lead there; rights do not matter. */
static bool present_range(struct checker *c, const struct vcpu_state *s, uint64_t addr, uint32_t len)
{
	struct walk_cpu supervisor = s->walk;
	uint64_t end = addr + len;
	bool any = false;

	supervisor.cpl = 0;
	supervisor.rflags = ~0ull; /* AC: no SMAP */
	while (addr < end) {
		struct walk w;
		enum walk_result r = walk(c->ram, &supervisor, (gva_t){ addr }, WALK_READ, &w);

		for (unsigned n = 0; n < w.ntables; n++)
			any |= make_present(c, s, w.table[n]);
		if (r != WALK_OK)
			break;
		any |= make_present(c, s, w.gpa);
		addr += w.left;
	}
	return any;
}

/* What the CPU reads and writes to deliver an event: descriptor tables, TSS, the stacks in it. */
static bool present_event_delivery(struct checker *c, const struct vcpu_state *s)
{
	const struct kvm_sregs *g = &s->vcpu->run->s.regs.sregs;
	uint64_t stacks[1 + 7], tss[TSS_BYTES / 8 + 1] = { 0 };
	bool any = present_range(c, s, s->insn.gpr[INSN_RSP] - 64, 128);

	if (s->insn.mode != INSN_MODE_64)
		return any;
	any |= present_range(c, s, g->idt.base, IDT_BYTES);
	any |= present_range(c, s, g->gdt.base, g->gdt.limit + 1u);
	any |= present_range(c, s, g->tr.base, TSS_BYTES);
	if (walk_read(c->ram, s->walk.cr3, s->walk.cr4 & (1u << 12), (gva_t){ g->tr.base }, tss,
		      TSS_BYTES) != TSS_BYTES)
		return any;
	memcpy(&stacks[0], (char *)tss + 4, 8);	  /* RSP0 */
	memcpy(&stacks[1], (char *)tss + 36, 56); /* IST1..IST7 */
	for (unsigned n = 0; n < 8; n++)
		if (stacks[n])
			any |= present_range(c, s, stacks[n] - 128, 128);
	return any;
}

static uint64_t linear_rip(const struct vcpu_state *s)
{
	return s->insn.mode == INSN_MODE_64 ? s->insn.rip :
					      s->insn.rip + s->insn.seg_base[INSN_CS];
}

static enum hook_result no_progress(struct checker *c, struct vcpu_state *s, const struct insn *i)
{
	const uint64_t *g = s->insn.gpr;
	int error = c->progress[s->vcpu->index].error;
	char text[400], where[128];

	if (error) {
		snprintf(text, sizeof(text), "the host cannot give the guest a page: %s", strerror(-error));
		machine_stop(c->machine, END_INTERNAL, text);
		return HOOK_STOP;
	}
	if (!symbols_format(c->symbols, s->insn.rip, false, where, sizeof(where)))
		snprintf(where, sizeof(where), "no known function");
	snprintf(text, sizeof(text),
		 "cpu %u cannot go on at %#llx (%s): %s; cr3 %#llx cpl %u rax %#llx rbx %#llx rcx %#llx "
		 "rdx %#llx rsi %#llx rdi %#llx rsp %#llx rbp %#llx; please report this",
		 s->vcpu->index, (unsigned long long)s->insn.rip, where,
		 i ? insn_text(i) : "instruction cannot be read", (unsigned long long)s->walk.cr3,
		 s->walk.cpl, (unsigned long long)g[INSN_RAX], (unsigned long long)g[INSN_RBX],
		 (unsigned long long)g[INSN_RCX], (unsigned long long)g[INSN_RDX],
		 (unsigned long long)g[INSN_RSI], (unsigned long long)g[INSN_RDI],
		 (unsigned long long)g[INSN_RSP], (unsigned long long)g[INSN_RBP]);
	machine_stop(c->machine, END_INTERNAL, text);
	return HOOK_STOP;
}

/* Nothing hidden explains the fault. */
static enum hook_result serve_absent(struct checker *c, struct vcpu_state *s, const struct insn *i,
				     const struct insn_access *a, int n)
{
	struct fault_progress *f = &c->progress[s->vcpu->index];
	const struct timespec nap = { .tv_nsec = MOVING_NS };
	bool any;

	f->error = 0;
	any = present_range(c, s, linear_rip(s), CODE_BYTES);
	for (int k = 0; k < n; k++)
		any |= present_range(c, s, a[k].addr.v, a[k].size);
	if (!any)
		any = present_event_delivery(c, s);
	if (any) {
		c->stats.populated++;
		f->count = 0;
		return HOOK_RETRY;
	}
	c->stats.raced++;
	if (f->rip != s->insn.rip || f->generation != c->shown_generation)
		f->count = 0;
	if (!f->count++)
		f->since = checker_now();
	f->rip = s->insn.rip;
	f->generation = c->shown_generation;
	if (f->count < NO_PROGRESS)
		return HOOK_RETRY;
	if (checker_now() - f->since > NO_PROGRESS_NS)
		return no_progress(c, s, i);
	nanosleep(&nap, NULL);
	return HOOK_RETRY;
}

/* NULL where the bytes cannot be read or are no instruction. */
const struct insn *checker_fetch(struct checker *c, struct vcpu_state *s)
{
	uint8_t code[INSN_MAX_BYTES];
	uint64_t at = linear_rip(s);
	const struct walk_known *known = window_known(c, s, (gva_t){ at }, true, false);
	size_t len = 0;

	if (known && known->host && at % GUEST_PAGE <= GUEST_PAGE - sizeof(code)) {
		memcpy(code, known->host + at % GUEST_PAGE, sizeof(code));
		len = sizeof(code);
	}
	while (len < sizeof(code)) {
		size_t part = sizeof(code) - len;
		struct walk w;
		const void *from;

		if (walk(c->ram, &s->walk, (gva_t){ at + len }, WALK_FETCH, &w) != WALK_OK)
			break;
		if (part > w.left)
			part = w.left;
		from = guest_ram_at(c->ram, w.gpa, part);
		if (!from)
			break;
		memcpy(code + len, from, part);
		len += part;
	}
	return len ? insn_decode(c->decoder, s->insn.mode, code, len) : NULL;
}

static void undecodable(struct checker *c, struct vcpu_state *s, const struct insn *i)
{
	char where[128];

	count_violation(c, &c->stats.undecodable);
	symbols_format(c->symbols, s->insn.rip, false, where, sizeof(where));
	agent_give_up(c, "the accesses of \"%s\" at %s are not known", insn_text(i), where);
	release_all(c);
}

/* Hidden pages touched by something that cannot own slab memory. */
static bool is_stale(const struct vcpu_state *s, const struct piece *p)
{
	return !s->kernel || (int64_t)p->gva.v >= 0;
}

/* What the window will look at first. */
static void prefetch(const struct checker *c, gpa_t gpa)
{
	for (enum obj_prefetch what = OBJ_PREFETCH_ENTRY; what <= OBJ_PREFETCH_SLOT; what++)
		objects_prefetch(c->objects, gpa, what);
	__builtin_prefetch(guest_ram_at(c->ram, gpa, 1));
}

static enum hook_result serve(struct checker *c, struct vcpu_state *s, bool may_step);

static enum hook_result serve_hidden(struct checker *c, struct vcpu_state *s, const struct insn *i,
				     const struct pieces *p, bool may_step)
{
	bool stale = false;

	for (unsigned n = 0; n < p->n; n++) {
		prefetch(c, p->piece[n].gpa);
		if (p->piece[n].hidden && (c->agent.broken || is_stale(s, &p->piece[n]))) {
			release_stale(c, p->piece[n].gpa);
			stale = true;
		}
	}
	if (stale)
		return HOOK_RETRY;
	c->progress[s->vcpu->index].count = 0;
	if (p->fault && insn_string(i) != INSN_MOVS && insn_string(i) != INSN_STOS) {
		vcpu_inject_page_fault(s, p->fault_addr, p->fault_error);
		count_violation(c, &c->stats.injected);
		return HOOK_RETRY;
	}
	if (!may_step)
		return window_run(c, s) == CARRY_STEP ? serve(c, s, true) : HOOK_RETRY;
	return carry_step(c, s, i, p) == CARRY_STOP ? HOOK_STOP : HOOK_RETRY;
}

/* may_step: the engine has declined the instruction. */
static enum hook_result serve(struct checker *c, struct vcpu_state *s, bool may_step)
{
	struct insn_access a[INSN_MAX_ACCESS];
	const struct insn *i;
	struct pieces p;
	int n;

	if (vcpu_event_pending(s->vcpu))
		return serve_absent(c, s, NULL, NULL, 0);
	i = checker_fetch(c, s);
	if (!i)
		return serve_absent(c, s, NULL, NULL, 0);
	n = insn_accesses(i, &s->insn, a);
	if (n < 0) {
		if (guest_ram_hidden_pages(c->ram)) {
			undecodable(c, s, i);
			return HOOK_RETRY;
		}
		return serve_absent(c, s, i, NULL, 0);
	}
	access_split(c, s, a, (unsigned)n, &p);
	if (p.has_stale_table) {
		release_stale(c, p.stale_table);
		return HOOK_RETRY;
	}
	return p.hidden ? serve_hidden(c, s, i, &p, may_step) : serve_absent(c, s, i, a, n);
}

enum hook_result serve_fault(void *ctx, struct vcpu *vcpu)
{
	struct checker *c = ctx;
	enum hook_result result;
	struct vcpu_state s;
	uint64_t began;

	pthread_mutex_lock(&c->lock);
	began = checker_now();
	checker_defer(c);
	c->stats.faults++;
	vcpu_state_load(c, vcpu, &s);
	agent_drain(c, vcpu->index);
	result = serve(c, &s, false);
	checker_settle(c);
	c->stats.fault_ns += checker_now() - began;
	pthread_mutex_unlock(&c->lock);
	return result;
}

/* The same access where KVM emulates the guest: the address comes with it, KVM finishes the rest. */
enum hook_result serve_mmio(void *ctx, struct vcpu *vcpu)
{
	struct checker *c = ctx;
	struct kvm_run *run = vcpu->run;
	gpa_t gpa = { run->mmio.phys_addr };
	void *bytes = guest_ram_at(c->ram, gpa, run->mmio.len);
	bool steps = checker_steps(c, vcpu);
	struct vcpu_state s;
	const struct insn *i;

	if (!bytes)
		return HOOK_PASS;
	if (!steps) {
		pthread_mutex_lock(&c->lock);
		agent_drain(c, vcpu->index);
	}
	c->stats.mmio++;
	if (guest_ram_hidden(c->ram, gpa)) {
		struct piece p = { .gpa = gpa,
				   .gva = { c->agent.direct_map + gpa.v },
				   .len = run->mmio.len,
				   .size = run->mmio.len,
				   .how = run->mmio.is_write ? INSN_WRITE : INSN_READ,
				   .ram = true,
				   .hidden = true };

		count_violation(c, &c->stats.by_kvm);
		vcpu_state_load(c, vcpu, &s);
		i = checker_fetch(c, &s);
		if (i && s.kernel)
			check_piece(c, &s, i, &p);
	} else {
		guest_ram_populate(c->ram, page_of(gpa), 1);
	}
	if (run->mmio.is_write)
		memcpy(bytes, run->mmio.data, run->mmio.len);
	else
		memcpy(run->mmio.data, bytes, run->mmio.len);
	if (!steps) {
		tracking_end(c, &gpa, 1);
		pthread_mutex_unlock(&c->lock);
	}
	return HOOK_RETRY;
}
