// SPDX-License-Identifier: GPL-2.0-only
/*
 * carry.c: carries out an instruction that touches hidden pages.
 *
 * Common instructions are emulated on the view; everything else is stepped on the hardware with its
 * pages shown and the other vCPUs held, so that nobody else passes through the open pages unseen.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "checker_internal.h"
#include "step.h"

#define EMULATE_BYTES (64u * 1024) /* between two looks at the guest's interrupts */
#define STEP_LONG_NS  50000000ull  /* a step takes microseconds; a handler may take for ever */

/* What the emulator's callbacks need, and what they found. */
struct emulation {
	struct checker *c;
	struct vcpu_state *s;
	const struct insn *insn;
	uint8_t how; /* of the instruction's one operand; 0: each access is a whole of its own */
	bool not_ram;
	gva_t fault_addr;
	uint32_t fault_error;
};

static bool translate(struct emulation *e, gva_t addr, uint32_t len, uint8_t how, bool set_ad,
		      struct piece *p)
{
	unsigned flags = how & INSN_WRITE ? WALK_WRITE : WALK_READ;
	struct walk w;

	if (walk(e->c->ram, &e->s->walk, addr, flags | (set_ad ? WALK_SET_AD : 0), &w) == WALK_PF) {
		e->fault_addr = addr;
		e->fault_error = w.error_code;
		return false;
	}
	*p = (struct piece){ .gpa = w.gpa, .gva = addr, .len = len, .size = len, .how = how };
	p->ram = w.left >= len && guest_ram_contains(e->c->ram, p->gpa, len);
	p->hidden = p->ram && guest_ram_hidden(e->c->ram, p->gpa);
	e->not_ram = !p->ram;
	return p->ram;
}

/* Translates, judges, and returns where the bytes are. NULL: noted in e, nothing happened. */
static void *reach(struct emulation *e, gva_t addr, uint32_t len, uint8_t how, gpa_t *gpa)
{
	struct piece p;

	if (!translate(e, addr, len, how, true, &p))
		return NULL;
	if (e->how)
		p.how = e->how;
	/* The write of a read-modify-write was judged with its read. */
	if (p.hidden && !(how == INSN_WRITE && (p.how & INSN_READ)))
		check_piece(e->c, e->s, e->insn, &p);
	*gpa = p.gpa;
	return guest_ram_at(e->c->ram, p.gpa, len);
}

static int mem_probe(void *ctx, gva_t addr, uint32_t len, bool write)
{
	struct piece p;

	return !translate(ctx, addr, len, write ? INSN_WRITE : INSN_READ, false, &p);
}

/* An aligned register's worth of guest memory moves in one piece, as other CPUs expect. */
static void load_bytes(void *to, const void *from, uint32_t len)
{
	uint64_t v;

	switch ((uintptr_t)from % len ? 0 : len) {
	case 2:
		v = __atomic_load_n((const uint16_t *)from, __ATOMIC_RELAXED);
		break;
	case 4:
		v = __atomic_load_n((const uint32_t *)from, __ATOMIC_RELAXED);
		break;
	case 8:
		v = __atomic_load_n((const uint64_t *)from, __ATOMIC_RELAXED);
		break;
	default:
		memcpy(to, from, len);
		return;
	}
	memcpy(to, &v, len);
}

static void store_bytes(void *to, const void *from, uint32_t len)
{
	uint64_t v = 0;

	if (len > sizeof(v)) {
		memcpy(to, from, len);
		return;
	}
	memcpy(&v, from, len);
	switch ((uintptr_t)to % len ? 0 : len) {
	case 2:
		__atomic_store_n((uint16_t *)to, (uint16_t)v, __ATOMIC_RELAXED);
		break;
	case 4:
		__atomic_store_n((uint32_t *)to, (uint32_t)v, __ATOMIC_RELAXED);
		break;
	case 8:
		__atomic_store_n((uint64_t *)to, v, __ATOMIC_RELAXED);
		break;
	default:
		memcpy(to, &v, len);
	}
}

static int mem_read(void *ctx, gva_t addr, void *buf, uint32_t len)
{
	gpa_t gpa;
	const void *from = reach(ctx, addr, len, INSN_READ, &gpa);

	if (!from)
		return 1;
	load_bytes(buf, from, len);
	return 0;
}

static int mem_write(void *ctx, gva_t addr, const void *buf, uint32_t len)
{
	gpa_t gpa;
	void *to = reach(ctx, addr, len, INSN_WRITE, &gpa);

	if (!to)
		return 1;
	store_bytes(to, buf, len);
	return 0;
}

static int mem_copy(void *ctx, gva_t dst, gva_t src, uint32_t len)
{
	struct emulation *e = ctx;
	gpa_t from_gpa, to_gpa;
	const void *from;
	void *to;

	if (mem_probe(ctx, dst, len, true))
		return 1; /* before the source is touched: nothing of this call may be done */
	from = reach(e, src, len, INSN_READ, &from_gpa);
	to = from ? reach(e, dst, len, INSN_WRITE, &to_gpa) : NULL;
	if (!to)
		return 1;
	memmove(to, from, len);
	shadow_copy_v(e->c->shadow, to_gpa, from_gpa, len);
	return 0;
}

static int mem_fill(void *ctx, gva_t dst, uint64_t pattern, uint32_t unit, uint32_t len)
{
	gpa_t gpa;
	uint8_t *to = reach(ctx, dst, len, INSN_WRITE, &gpa);

	if (!to)
		return 1;
	for (uint32_t i = 0; i < len; i += unit)
		memcpy(to + i, &pattern, unit);
	return 0;
}

static enum emu_result emulate_any(struct emulation *e, const struct emu_memory *memory,
				   const struct pieces *p)
{
	enum insn_string string = insn_string(e->insn);

	if (string == INSN_MOVS || string == INSN_STOS)
		return emu_string(e->insn, &e->s->insn, memory, EMULATE_BYTES);
	if (p->n != 1)
		return EMU_UNSUPPORTED;
	e->how = p->piece[0].how;
	return emu_basic(e->insn, &e->s->insn, memory);
}

/* CARRY_DONE, CARRY_RETRY, or CARRY_STEP with nothing done. */
static enum carry_result emulate(struct checker *c, struct vcpu_state *s, const struct insn *i,
				 const struct pieces *p)
{
	struct emulation e = { .c = c, .s = s, .insn = i };
	const struct emu_memory memory = { .ctx = &e,
					   .probe = mem_probe,
					   .read = mem_read,
					   .write = mem_write,
					   .copy = mem_copy,
					   .fill = mem_fill };
	uint64_t rcx = s->insn.gpr[INSN_RCX];

	switch (emulate_any(&e, &memory, p)) {
	case EMU_DONE:
	case EMU_PARTIAL:
		break;
	case EMU_FAULT:
		if (!e.not_ram) {
			vcpu_inject_page_fault(c, s, e.fault_addr, e.fault_error);
			return CARRY_RETRY;
		}
		/* Device memory: what was done so far counts, the next element is for hardware. */
		if (rcx == s->insn.gpr[INSN_RCX])
			return CARRY_STEP;
		break;
	case EMU_UNSUPPORTED:
		return CARRY_STEP;
	}
	vcpu_state_retire(s);
	c->stats.emulated++;
	return CARRY_DONE;
}

static void show_pieces(struct checker *c, const struct pieces *p)
{
	for (unsigned n = 0; n < p->n; n++)
		if (p->piece[n].hidden)
			guest_ram_show(c->ram, (gpa_t){ p->piece[n].gpa.v & ~(GUEST_PAGE - 1ull) }, 1);
}

static void hide_pieces(struct checker *c, const struct pieces *p)
{
	for (unsigned n = 0; n < p->n; n++)
		if (p->piece[n].hidden && shadow_tracked(c->shadow, p->piece[n].gpa))
			guest_ram_hide(c->ram, (gpa_t){ p->piece[n].gpa.v & ~(GUEST_PAGE - 1ull) }, 1);
}

/* Pages of the instruction that the guest has simply not touched before. */
static bool populate_pieces(struct checker *c, const struct pieces *p)
{
	bool any = false;

	for (unsigned n = 0; n < p->n; n++)
		if (p->piece[n].ram && !p->piece[n].hidden)
			any |= guest_ram_populate(
				c->ram, (gpa_t){ p->piece[n].gpa.v & ~(GUEST_PAGE - 1ull) }, 1) > 0;
	return any;
}

/* Runs until the step is over. false: it ended in an exception handler or the machine stops. */
static bool step_run(struct checker *c, struct vcpu_state *s, const struct insn *i,
		     const struct pieces *p)
{
	struct vcpu *vcpu = s->vcpu;
	uint64_t rip = s->insn.rip;

	for (;;) {
		int r = vcpu_run(vcpu);

		if (r == 0 && vcpu->run->exit_reason == KVM_EXIT_DEBUG)
			return true;
		if (r == 0)
			vcpu_dispatch(vcpu);
		else if (r == -EFAULT && populate_pieces(c, p))
			continue;
		else if (r != -EINTR)
			return false; /* the next fault at this address is served from the start */
		if (machine_ending(c->machine))
			return false;
		if (r == -EINTR && vcpu->run->s.regs.regs.rip != rip &&
		    vcpu->run->s.regs.regs.rip != rip + insn_length(i)) {
			c->stats.overruns++;
			return false;
		}
	}
}

static enum carry_result step(struct checker *c, struct vcpu_state *s, const struct insn *i,
			      const struct pieces *p)
{
	uint64_t began = checker_now();
	int r;

	machine_hold_others(s->vcpu);
	show_pieces(c, p);
	r = step_arm(s->vcpu->fd);
	if (r == 0) {
		atomic_store(&c->step_began, began);
		atomic_store(&c->stepping, s->vcpu);
		if (step_run(c, s, i, p))
			c->stats.stepped++;
		atomic_store(&c->stepping, NULL);
		step_disarm(s->vcpu->fd);
	}
	hide_pieces(c, p);
	machine_release(s->vcpu);
	c->stats.hold_ns += checker_now() - began;
	if (r < 0) {
		char text[128];

		snprintf(text, sizeof(text), "KVM_SET_GUEST_DEBUG: %s", strerror(-r));
		machine_stop(c->machine, END_INTERNAL, text);
		return CARRY_STOP;
	}
	return CARRY_DONE;
}

enum carry_result carry_out(struct checker *c, struct vcpu_state *s, const struct insn *i,
			    const struct pieces *p)
{
	enum carry_result r = emulate(c, s, i, p);

	if (r != CARRY_STEP)
		return r;
	for (unsigned n = 0; n < p->n; n++)
		if (p->piece[n].hidden)
			check_piece(c, s, i, &p->piece[n]);
	return step(c, s, i, p);
}

/* Kicks a vCPU whose step does not end: its instruction raised an exception we did not foresee. */
void *carry_watchdog(void *ctx)
{
	const struct timespec nap = { .tv_nsec = (long)STEP_LONG_NS / 2 };
	struct checker *c = ctx;

	while (!atomic_load(&c->watchdog_stop)) {
		struct vcpu *vcpu = atomic_load(&c->stepping);

		if (vcpu && checker_now() - atomic_load(&c->step_began) > STEP_LONG_NS)
			machine_kick(vcpu);
		nanosleep(&nap, NULL);
	}
	return NULL;
}
