// SPDX-License-Identifier: GPL-2.0-only
/*
 * orc.c: one step up a kernel stack: finds the entry of a code address, and by it the caller's
 * registers.
 *
 * A table is searched where it lies, with some twenty reads of four bytes: copying the kernel's
 * (three megabytes) would cost more than all reports of a run.
 */
#include "orc.h"

#include <string.h>

/* How an entry finds the caller's stack pointer, and its rbp (orc_types.h, ORC_REG_*). */
enum reg {
	REG_UNDEFINED = 0,
	REG_PREV_SP = 1,
	REG_DX = 2,
	REG_DI = 3,
	REG_BP = 4,
	REG_SP = 5,
	REG_R10 = 6,
	REG_R13 = 7,
	REG_BP_INDIRECT = 8,
	REG_SP_INDIRECT = 9,
};

/* What lies at the stack pointer that was found. */
enum kind {
	KIND_UNDEFINED,	   /* nobody knows */
	KIND_END_OF_STACK, /* nothing: a thread begins here */
	KIND_CALL,	   /* in front of it: a return address */
	KIND_REGS,	   /* a struct pt_regs */
	KIND_REGS_PARTIAL, /* its last five words, as the CPU pushes them */
	KINDS
};


/* struct pt_regs, in words (arch/x86/include/asm/ptrace.h). */
enum pt_regs {
	PT_R13 = 2,
	PT_BP = 4,
	PT_R10 = 7,
	PT_DX = 12,
	PT_DI = 14,
	PT_IRET = 16, /* rip, cs, rflags, rsp, ss */
	PT_WORDS = 21,
};
#define IRET_WORDS 5
#define CS_RPL	   3u

static bool field_valid(const struct orc_layout *l, const struct orc_field *f, unsigned max)
{
	return f->width <= max && f->bit <= 8 * l->size && f->width <= 8 * l->size - f->bit;
}

bool orc_layout_valid(const struct orc_layout *l)
{
	return l->size && l->size <= ORC_ENTRY_MAX && l->sp_offset.width && l->bp_offset.width &&
	       l->sp_reg.width && l->bp_reg.width && l->type.width &&
	       field_valid(l, &l->sp_offset, 32) && field_valid(l, &l->bp_offset, 32) &&
	       field_valid(l, &l->sp_reg, 8) && field_valid(l, &l->bp_reg, 8) &&
	       field_valid(l, &l->type, 8) && field_valid(l, &l->end, 8) &&
	       field_valid(l, &l->signal, 8);
}

static uint32_t field(const uint8_t *raw, const struct orc_field *f)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < f->width; i++) {
		unsigned bit = f->bit + i;

		v |= (uint32_t)(raw[bit / 8] >> bit % 8 & 1) << i;
	}
	return v;
}

static int32_t signed_field(const uint8_t *raw, const struct orc_field *f)
{
	return (int32_t)(field(raw, f) << (32 - f->width)) >> (32 - f->width);
}

/* With a field "end" types begin with CALL, and an entry without sp says which end it is. */
static enum kind kind_of(const struct orc_layout *l, const uint8_t *raw, unsigned sp_reg)
{
	uint32_t type = field(raw, &l->type);

	if (l->end.width) {
		if (sp_reg == REG_UNDEFINED)
			return field(raw, &l->end) ? KIND_END_OF_STACK : KIND_UNDEFINED;
		type += KIND_CALL;
	}
	return type < KINDS ? (enum kind)type : KIND_UNDEFINED;
}

/* signal: the frame that is found is not at a call. */
static void decode(const struct orc_layout *l, const uint8_t *raw, struct orc_known *e)
{
	e->sp_offset = signed_field(raw, &l->sp_offset);
	e->bp_offset = signed_field(raw, &l->bp_offset);
	e->sp_reg = (uint8_t)field(raw, &l->sp_reg);
	e->bp_reg = (uint8_t)field(raw, &l->bp_reg);
	e->kind = (uint8_t)kind_of(l, raw, e->sp_reg);
	e->signal = l->signal.width ? field(raw, &l->signal) != 0 : e->kind != KIND_CALL;
}

static inline bool get(const struct orc_walk *w, uint64_t addr, void *buf, size_t len)
{
	const struct orc_near *near = w->guest->near;

	if (!near || !near->host || addr - near->page > ORC_PAGE - len)
		return w->guest->read(w->guest->ctx, addr, buf, len) == len;
	memcpy(buf, near->host + (addr - near->page), len);
	return true;
}

static bool get64(const struct orc_walk *w, uint64_t addr, uint64_t *v)
{
	return get(w, addr, v, sizeof(*v));
}

/* Index of the last entry that begins at or below addr. */
static bool search(const struct orc_walk *w, const struct orc_table *t, uint64_t addr,
		   uint64_t *index)
{
	uint64_t lo = 0, hi = t->n;

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2, at = t->ip + mid * sizeof(int32_t);
		int32_t relative;

		if (!get(w, at, &relative, sizeof(relative)))
			return false;
		if (at + (uint64_t)(int64_t)relative <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	*index = lo - 1;
	return lo;
}

static bool look_up(const struct orc_walk *w, uint64_t addr, struct orc_known *e)
{
	const struct orc_layout *l = w->guest->layout;
	uint8_t raw[ORC_ENTRY_MAX];
	struct orc_table t;
	uint64_t index;

	if (!w->guest->table(w->guest->ctx, addr, &t) || t.n > ORC_ENTRIES_MAX ||
	    !search(w, &t, addr, &index) || !get(w, t.entry + index * l->size, raw, l->size))
		return false;
	decode(l, raw, e);
	e->addr = addr;
	return true;
}

/* The code whose entry counts: a call may be the last thing that a function does. */
static uint64_t code_of(const struct orc_walk *w)
{
	return w->exact ? w->regs.ip : w->regs.ip - 1;
}

static struct orc_known *place_of(const struct orc_walk *w, uint64_t addr)
{
	struct orc_memory *m = w->guest->memory;

	return m ? &m->known[(addr ^ addr >> 10) % ORC_KNOWN] : NULL;
}

static bool find(const struct orc_walk *w, struct orc_known *e)
{
	uint64_t addr = code_of(w);
	struct orc_known *k = place_of(w, addr);

	if (!k)
		return look_up(w, addr, e);
	if (k->addr != addr && !look_up(w, addr, k))
		return false;
	*e = *k;
	return true;
}

/* Where a function realigns its stack, and in entry code: only before anything was called. */
static bool find_sp_in_register(const struct orc_walk *w, unsigned reg, uint64_t *sp)
{
	switch (reg) {
	case REG_R10:
		*sp = w->regs.r10;
		return w->full;
	case REG_R13:
		*sp = w->regs.r13;
		return w->full;
	case REG_DI:
		*sp = w->regs.di;
		return w->full;
	case REG_DX:
		*sp = w->regs.dx;
		return w->full;
	}
	return false;
}

/* The caller's stack pointer, or for registers on the stack where they lie. */
static bool find_sp(const struct orc_walk *w, const struct orc_known *e, uint64_t *sp)
{
	const struct orc_regs *r = &w->regs;

	switch (e->sp_reg) {
	case REG_SP:
		*sp = r->sp + (uint64_t)e->sp_offset;
		return true;
	case REG_BP:
		*sp = r->bp + (uint64_t)e->sp_offset;
		return true;
	case REG_SP_INDIRECT: /* another stack's pointer is on top of this one: */
		if (!get64(w, r->sp, sp))
			return false;
		*sp += (uint64_t)e->sp_offset;
		return true;
	case REG_BP_INDIRECT:
		return get64(w, r->bp + (uint64_t)e->sp_offset, sp);
	}
	return find_sp_in_register(w, e->sp_reg, sp);
}

static enum orc_step to_caller(const struct orc_walk *w, uint64_t sp, struct orc_walk *next)
{
	uint64_t slot = sp - sizeof(uint64_t);

	if (!get64(w, slot, &next->regs.ip))
		return ORC_LOST;
	next->regs.ip = w->guest->returns(w->guest->ctx, next->regs.ip, slot);
	next->regs.sp = sp;
	next->full = false;
	return ORC_CALLER;
}

static enum orc_step to_iret_frame(const uint64_t *iret, struct orc_walk *next)
{
	next->regs.ip = iret[0];
	next->regs.sp = iret[3];
	return iret[1] & CS_RPL ? ORC_END : ORC_CALLER;
}

static enum orc_step to_interrupted(const struct orc_walk *w, uint64_t at, struct orc_walk *next)
{
	uint64_t pt[PT_WORDS];

	if (!get(w, at, pt, sizeof(pt)))
		return ORC_LOST;
	next->regs.bp = pt[PT_BP];
	next->regs.r10 = pt[PT_R10], next->regs.r13 = pt[PT_R13];
	next->regs.di = pt[PT_DI], next->regs.dx = pt[PT_DX];
	next->full = true;
	return to_iret_frame(pt + PT_IRET, next);
}

/* The other registers are not saved yet, or restored already: they are as in this frame. */
static enum orc_step to_partly_saved(const struct orc_walk *w, uint64_t at, struct orc_walk *next)
{
	uint64_t iret[IRET_WORDS];

	return get(w, at, iret, sizeof(iret)) ? to_iret_frame(iret, next) : ORC_LOST;
}

/* rbp of the caller; what the registers on the stack said stays where the entry says nothing. */
static bool find_bp(const struct orc_walk *w, const struct orc_known *e, uint64_t sp, uint64_t *bp)
{
	switch (e->bp_reg) {
	case REG_UNDEFINED:
		return true;
	case REG_PREV_SP:
		return get64(w, sp + (uint64_t)e->bp_offset, bp);
	case REG_BP:
		return get64(w, w->regs.bp + (uint64_t)e->bp_offset, bp);
	}
	return false;
}

void orc_start(struct orc_walk *w, const struct orc_guest *guest, const struct orc_regs *regs)
{
	*w = (struct orc_walk){ .guest = guest, .regs = *regs, .exact = true, .full = true };
}

/* A caller's frame lies above; only where stacks are switched it may lie anywhere. */
static bool plausible(const struct orc_walk *w, const struct orc_known *e, const struct orc_walk *next)
{
	return e->kind != KIND_CALL || e->sp_reg == REG_SP_INDIRECT ||
	       e->sp_reg == REG_BP_INDIRECT || next->regs.sp > w->regs.sp;
}

/* Nearly all frames: of a function that was called, found by what is remembered, rsp or rbp. False: nothing was done. */
static bool to_plain_caller(struct orc_walk *w)
{
	const uint64_t addr = code_of(w);
	const struct orc_known *e = place_of(w, addr);
	uint64_t sp, ip, bp = w->regs.bp;

	if (!e || e->addr != addr || e->kind != KIND_CALL || (e->sp_reg != REG_SP && e->sp_reg != REG_BP))
		return false;
	sp = (e->sp_reg == REG_SP ? w->regs.sp : w->regs.bp) + (uint64_t)(int64_t)e->sp_offset;
	if (sp <= w->regs.sp || w->steps >= ORC_STEPS || !get64(w, sp - sizeof(ip), &ip))
		return false;
	if (e->bp_reg == REG_PREV_SP ? !get64(w, sp + (uint64_t)(int64_t)e->bp_offset, &bp) :
				       e->bp_reg != REG_UNDEFINED)
		return false;
	w->regs.ip = w->guest->returns(w->guest->ctx, ip, sp - sizeof(ip));
	w->regs.sp = sp;
	w->regs.bp = bp;
	w->exact = e->signal;
	w->full = false;
	w->steps++;
	return true;
}

static enum orc_step to_next(struct orc_walk *w)
{
	static enum orc_step (*const move[KINDS])(const struct orc_walk *, uint64_t,
						  struct orc_walk *) = {
		[KIND_CALL] = to_caller,
		[KIND_REGS] = to_interrupted,
		[KIND_REGS_PARTIAL] = to_partly_saved,
	};
	struct orc_walk next = *w;
	enum orc_step step;
	struct orc_known e;
	uint64_t sp;

	if (++next.steps > ORC_STEPS || !find(w, &e))
		return ORC_LOST;
	if (e.kind == KIND_END_OF_STACK)
		return ORC_END;
	if (!move[e.kind] || !find_sp(w, &e, &sp))
		return ORC_LOST;
	next.exact = e.signal;
	step = move[e.kind](w, sp, &next);
	if (step != ORC_CALLER)
		return step;
	if (!find_bp(w, &e, sp, &next.regs.bp) || !plausible(w, &e, &next))
		return ORC_LOST;
	*w = next;
	return ORC_CALLER;
}

enum orc_step orc_next(struct orc_walk *w)
{
	return to_plain_caller(w) ? ORC_CALLER : to_next(w);
}
