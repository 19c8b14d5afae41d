// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine.c: windows. Runs blocks (block.c) and decides whether to go on.
 */
#include <stdlib.h>
#include <string.h>

#include "uop.h"

struct engine *engine_create(const struct engine_ops *ops, void *ctx)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->ops = *ops;
	e->ctx = ctx;
	e->cache = block_cache_create();
	if (!e->cache) {
		free(e);
		return NULL;
	}
	mem_init(e);
	return e;
}

void engine_destroy(struct engine *e)
{
	if (!e)
		return;
	free(e->cache);
	free(e);
}

void uop_leave(struct engine *e, const struct uop *u, enum leave why)
{
	e->leave = why;
	e->rip = uop_rip(e, u);
	e->insns = uop_insns(e);
	for (const struct uop *k = e->block->uop; k->at < u->at; k++)
		e->insns += k[1].at != k->at;
}

void report_use(struct engine *e, const struct uop *u, struct engine_use *use)
{
	struct engine_origin *o = use->origin ? &e->origins[use->origin - e->origins] : NULL;

	if (o && o->reported)
		return;
	if (o)
		o->reported = true;
	use->rip = uop_rip(e, u);
	e->ops.used(e->ctx, use);
}

void report_address(struct engine *e, const struct uop *u, unsigned slot)
{
	struct engine_use use = { .sink = ENGINE_ADDRESS,
				  .value = e->r[slot],
				  .vbits = e->v[slot],
				  .origin = origin_named(e, e->origin[slot]) };

	report_use(e, u, &use);
	e->v[slot] = 0;
}

/* --- Windows --- */

static void load_cpu(struct engine *e, const struct engine_vbits *vbits)
{
	const struct insn_cpu *cpu = e->cpu;

	memcpy(e->r, cpu->gpr, sizeof(cpu->gpr));
	memset(e->v, 0, sizeof(e->v));
	e->r[SLOT_ZERO] = 0;
	e->r[SLOT_FS] = cpu->seg_base[INSN_FS];
	e->r[SLOT_GS] = cpu->seg_base[INSN_GS];
	e->rflags = (uint32_t)(cpu->rflags & ~(uint64_t)FLAGS_STATUS);
	e->rip = cpu->rip;
	e->cc = (struct cc){ .kind = CC_FLAGS,
			     .flags = (uint32_t)cpu->rflags & FLAGS_STATUS,
			     .origin = NO_ORIGIN };
	e->undefined = false;
	if (!vbits)
		return;
	for (unsigned n = 0; n < INSN_GPRS; n++) {
		e->v[n] = vbits->gpr[n];
		e->origin[n] = NO_ORIGIN;
		e->undefined |= e->v[n] != 0;
	}
	e->cc.vflags = (uint32_t)vbits->rflags;
	e->undefined |= e->cc.vflags != 0;
}

void engine_forget(struct engine *e)
{
	mem_forget(e);
}

void engine_forget_range(struct engine *e, uint64_t gpa, uint64_t len)
{
	mem_forget_range(e, gpa, len);
}

void engine_forget_proofs(struct engine *e)
{
	mem_forget_proofs(e);
	block_forget_proofs(e);
}

void engine_sync(struct engine *e)
{
	memcpy(e->cpu->gpr, e->r, sizeof(e->cpu->gpr));
	e->cpu->seg_base[INSN_FS] = e->r[SLOT_FS];
	e->cpu->seg_base[INSN_GS] = e->r[SLOT_GS];
	e->cpu->rflags = e->rflags | cc_flags(&e->cc);
}

void engine_sync_vbits(const struct engine *e, struct engine_vbits *vbits)
{
	memcpy(vbits->gpr, e->v, sizeof(vbits->gpr));
	vbits->rflags = cc_vflags(&e->cc);
}

static void store_cpu(struct engine *e, struct engine_vbits *vbits)
{
	engine_sync(e);
	e->cpu->rip = e->rip;
	if (vbits)
		engine_sync_vbits(e, vbits);
}

/* Back to the functions without V bits, if nothing undefined is left. */
static void settle(struct engine *e)
{
	uint64_t any = e->cc.va | e->cc.vb | e->cc.vflags | e->vector.undefined;

	for (unsigned n = 0; n < INSN_GPRS; n++)
		any |= e->v[n];
	if (any)
		return;
	e->undefined = false;
	e->v[SLOT_T0] = e->v[SLOT_T1] = e->v[SLOT_T2] = 0;
}

static bool cut_short(const struct engine *e, const struct engine_limits *l)
{
	return e->insns + e->reps >= l->insns || (l->stop && *l->stop);
}

/* Undefined bits in the overlay last as long as the window does. */
static uint64_t wait(const struct engine *e, const struct engine_limits *l)
{
	return overlay_empty(e) ? e->wait : l->idle;
}

static bool enough(const struct engine *e, const struct engine_limits *l)
{
	return cut_short(e, l) || (!e->undefined && e->insns - e->last_tracked >= wait(e, l));
}

/* Behind the access that was just made. */
static inline void wait_here(struct engine *e)
{
	const struct engine_limits *l = e->limits;
	struct idle_place *p = &e->block->idle;
	uint64_t until;

	e->met = p;
	e->wait = idle_wait(p);
	if (e->wait > l->idle)
		e->wait = l->idle;
	if (e->undefined)
		return;
	until = e->last_tracked + wait(e, l);
	e->until = until < e->most ? until : e->most;
	e->left = (int64_t)(e->until - e->last_tracked);
}

static __attribute__((noinline)) void think(struct engine *e)
{
	idle_think(e->met, e->limits->exit_cost);
	wait_here(e);
}

void engine_met(struct engine *e, uint64_t instructions)
{
	if (e->met && idle_came(e->met, instructions))
		return think(e);
	wait_here(e);
}

/* Blocks start one another for so many instructions, then limits and definedness are looked at again. */
#define CHAIN		256u
#define CHAIN_UNDEFINED 64u

static uint64_t most(const struct engine *e, const struct engine_limits *l)
{
	uint64_t left = l->insns - e->reps, chain = e->insns + (e->undefined ? CHAIN_UNDEFINED : CHAIN);

	return left < chain ? left : chain;
}

static void run(struct engine *e, struct block *b)
{
	uint64_t idle = e->undefined ? UINT64_MAX : e->last_tracked + wait(e, e->limits);

	e->block = b;
	e->most = most(e, e->limits);
	e->until = idle < e->most ? idle : e->most;
	e->left = (int64_t)(e->until - e->insns - b->insns);
	if (e->undefined)
		b->uop->checked(e, b->uop);
	else
		b->uop->fn(e, b->uop);
}

/*
 * Behind a call that was carried out. Its own instructions are one: a window's limit is met at some time. For those
 * that wait it is an access: it has spared as much.
 */
static void return_to(struct engine *e, uint64_t rip)
{
	uint64_t last = e->last_tracked;

	e->rip = rip;
	e->r[INSN_RSP] += sizeof(uint64_t);
	e->last_tracked = ++e->insns;
	if (e->learns)
		engine_met(e, e->insns - last);
}

/*
 * So few instructions outside do not count: a return by way of a thunk, say. What began outside is asked about
 * wherever it comes in.
 */
#define ASK_OUTSIDE 16u

/* e->rip is where the next block begins, whoever has to be asked. False: the window ends. */
static bool may_enter(struct engine *e)
{
	uint64_t back;

	while (engine_asks(e)) {
		if (e->inside) {
			e->inside = false;
			e->outside_since = e->insns;
			return true;
		}
		switch (e->ops.enter(e->ctx, e->rip, &back)) {
		case ENGINE_GO_ON:
			return true;
		case ENGINE_LEAVE:
			e->inside = e->insns - e->outside_since < ASK_OUTSIDE;
			return e->inside || e->undefined;
		case ENGINE_CALLED:
			return_to(e, back);
			if (enough(e, e->limits))
				return false;
		}
	}
	return true;
}

static enum engine_end run_blocks(struct engine *e, const struct engine_limits *l)
{
	for (;;) {
		if (!may_enter(e))
			return ENGINE_OVER;
		struct block *b = block_at(e, e->rip, false);

		if (b && b->insns > 1 && e->insns + e->reps + b->insns > l->insns)
			b = block_at(e, e->rip, true);
		if (!b)
			return ENGINE_HARDWARE;
		run(e, b);
		if (e->leave)
			break;
		e->insns = uop_insns_behind(e);
		if (e->undefined)
			settle(e);
		if (enough(e, l))
			return ENGINE_OVER;
	}
	return e->leave == LEAVE_FAULT ? ENGINE_FAULT :
	       e->leave == LEAVE_OVER ? ENGINE_OVER : ENGINE_HARDWARE;
}

void engine_run(struct engine *e, struct insn_cpu *cpu, const struct engine_limits *limits,
		struct engine_vbits *vbits, struct engine_window *out)
{
	*out = (struct engine_window){ .end = ENGINE_HARDWARE };
	if (cpu->mode != INSN_MODE_64 || (cpu->rflags & FLAG_TF))
		return;
	e->cpu = cpu;
	e->limits = limits;
	e->out = out;
	e->insns = e->reps = e->last_tracked = e->accesses = 0;
	e->leave = LEAVE_NOT;
	e->until = e->most = 0;
	e->left = 0;
	e->inside = cpu->rip - limits->enter_start < limits->enter_end - limits->enter_start;
	e->outside_since = 0ull - ASK_OUTSIDE;
	e->learns = limits->exit_cost;
	e->met = limits->from;
	e->wait = limits->from ? limits->from_wait : limits->idle;
	e->vector.regs = NULL;
	e->vector.undefined = 0;
	e->bases = NULL;
	block_new_window(e);
	overlay_clear(e);
	mem_forget(e);
	load_cpu(e, vbits);
	out->end = run_blocks(e, limits);
	if (e->met && e->learns && !cut_short(e, limits))
		idle_never(e->met, (uint32_t)e->wait, limits->exit_cost);
	out->insns = e->insns;
	out->accesses = e->accesses;
	out->progress |= e->insns != 0;
	store_cpu(e, vbits);
}
