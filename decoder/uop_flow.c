// SPDX-License-Identifier: GPL-2.0-only
/*
 * uop_flow.c: conditions, jumps, and what acts on flags directly. A jump ends its block: it goes on with
 * the block that this edge led to the last time, or says where the guest goes on and returns to engine.c.
 */
#include "uop_alu.h"
#include "uop_edge.h"

/* SDM vol. 1, appendix B; number: bits 1 to 3 of the opcode, without the negation. */
static bool holds(const struct engine *e, unsigned number)
{
	uint32_t f = cc_flags(&e->cc);
	bool less = !(f & FLAG_SF) != !(f & FLAG_OF);

	switch (number) {
	case 0:
		return f & FLAG_OF;
	case 1:
		return f & FLAG_CF;
	case 2:
		return f & FLAG_ZF;
	case 3:
		return f & (FLAG_CF | FLAG_ZF);
	case 4:
		return f & FLAG_SF;
	case 5:
		return f & FLAG_PF;
	case 6:
		return less;
	default:
		return less || (f & FLAG_ZF);
	}
}

/* The common case, a comparison, is decided from its operands. */
static inline bool is_quick(const struct engine *e, unsigned cc)
{
	return e->cc.kind == CC_SUB && cc >> 1 != 0 && cc >> 1 != 5;
}

static inline bool quick_condition(const struct engine *e, unsigned cc)
{
	uint64_t a = e->cc.a, b = e->cc.b;
	bool yes;

	switch (cc >> 1) {
	case 1:
		yes = a < b;
		break;
	case 2:
		yes = a == b;
		break;
	case 3:
		yes = a <= b;
		break;
	case 4:
		yes = (int64_t)(a - b) < 0;
		break;
	case 6:
		yes = (int64_t)a < (int64_t)b;
		break;
	default:
		yes = (int64_t)a <= (int64_t)b;
	}
	return yes != (cc & 1);
}

static inline bool condition(const struct engine *e, unsigned cc)
{
	return is_quick(e, cc) ? quick_condition(e, cc) : holds(e, cc >> 1) != (cc & 1);
}

void report_branch(struct engine *e, const struct uop *u)
{
	struct engine_use use = { .sink = ENGINE_BRANCH,
				  .value = cc_flags(&e->cc),
				  .vbits = cc_vflags(&e->cc),
				  .origin = origin_named(e, e->cc.origin) };

	report_use(e, u, &use);
	cc_define(&e->cc);
}

static void branch(struct engine *e, const struct uop *u, bool taken)
{
	GOTO_IF(e, u, taken);
}

static void branch_checked(struct engine *e, const struct uop *u, bool taken)
{
	GOTO_IF_CHECKED(e, u, taken);
}

/* Jumps by what is not a comparison's, or not defined. */
static __attribute__((noinline)) void jump_if(struct engine *e, const struct uop *u, unsigned cc)
{
	branch(e, u, holds(e, cc >> 1) != (cc & 1));
}

static __attribute__((noinline)) void jump_if_checked(struct engine *e, const struct uop *u, unsigned cc)
{
	if (cc_undefined(&e->cc, cc))
		report_branch(e, u);
	branch_checked(e, u, condition(e, cc));
}

/* d = a if taken, else b. With an undefined condition the bits that are equal in both stay defined. */
static void choose_checked(struct engine *e, const struct uop *u, bool taken, bool undefined)
{
	unsigned from = taken ? u->a : u->b;
	uint64_t v = e->v[from];
	uint32_t origin = e->origin[from];

	if (undefined) {
		uint64_t differ = e->r[u->a] ^ e->r[u->b];

		v = e->v[u->a] | e->v[u->b] | differ;
		origin = differ ? e->cc.origin : origin_of(e, u->a, u->b);
	}
	e->r[u->d] = e->r[from];
	e->v[u->d] = v;
	e->origin[u->d] = origin;
}

#define CONDITION(n)                                                                                  \
	static void jcc##n(struct engine *e, const struct uop *u)                                     \
	{                                                                                              \
		if (!is_quick(e, 0x##n))                                                              \
			return jump_if(e, u, 0x##n);                                                  \
		GOTO_IF(e, u, quick_condition(e, 0x##n));                                               \
	}                                                                                              \
	static void jcc##n##_checked(struct engine *e, const struct uop *u)                           \
	{                                                                                              \
		if (!is_quick(e, 0x##n) || (e->cc.va | e->cc.vb | e->cc.vflags))                      \
			return jump_if_checked(e, u, 0x##n);                                          \
		GOTO_IF_CHECKED(e, u, quick_condition(e, 0x##n));                                          \
	}                                                                                              \
	static void setcc##n(struct engine *e, const struct uop *u)                                   \
	{                                                                                              \
		e->r[u->d] = condition(e, 0x##n);                                                     \
		NEXT(e, u);                                                                            \
	}                                                                                              \
	static void setcc##n##_checked(struct engine *e, const struct uop *u)                         \
	{                                                                                              \
		e->r[u->d] = condition(e, 0x##n);                                                     \
		e->v[u->d] = cc_undefined(&e->cc, 0x##n);                                             \
		e->origin[u->d] = e->cc.origin;                                                        \
		NEXT_CHECKED(e, u);                                                                    \
	}                                                                                              \
	static void cmov##n(struct engine *e, const struct uop *u)                                    \
	{                                                                                              \
		e->r[u->d] = condition(e, 0x##n) ? e->r[u->a] : e->r[u->b];                           \
		NEXT(e, u);                                                                            \
	}                                                                                              \
	static void cmov##n##_checked(struct engine *e, const struct uop *u)                          \
	{                                                                                              \
		choose_checked(e, u, condition(e, 0x##n), cc_undefined(&e->cc, 0x##n));              \
		NEXT_CHECKED(e, u);                                                                    \
	}

CONDITION(0)
CONDITION(1)
CONDITION(2)
CONDITION(3)
CONDITION(4)
CONDITION(5)
CONDITION(6)
CONDITION(7)
CONDITION(8)
CONDITION(9)
CONDITION(a)
CONDITION(b)
CONDITION(c)
CONDITION(d)
CONDITION(e)
CONDITION(f)

#define PAIR(name) { name, name##_checked, NULL }
#define SIXTEEN(name)                                                                          \
	{ PAIR(name##0), PAIR(name##1), PAIR(name##2), PAIR(name##3), PAIR(name##4), PAIR(name##5),    \
	  PAIR(name##6), PAIR(name##7), PAIR(name##8), PAIR(name##9), PAIR(name##a), PAIR(name##b),    \
	  PAIR(name##c), PAIR(name##d), PAIR(name##e), PAIR(name##f) }

const struct uop_pair uop_jcc[16] = SIXTEEN(jcc);
const struct uop_pair uop_setcc[16] = SIXTEEN(setcc);
const struct uop_pair uop_cmov[16] = SIXTEEN(cmov);

/* --- Jumps --- */

static void jump(struct engine *e, const struct uop *u)
{
	GOTO(e, u);
}

static void jump_checked(struct engine *e, const struct uop *u)
{
	GOTO_CHECKED(e, u);
}

const struct uop_pair uop_jump = PAIR(jump);

static void end(struct engine *e, const struct uop *u)
{
	FALL(e, u);
}

static void end_checked(struct engine *e, const struct uop *u)
{
	FALL_CHECKED(e, u);
}

const struct uop_pair uop_end = PAIR(end);

static void jump_slot(struct engine *e, const struct uop *u)
{
	uint64_t to = e->r[u->a];

	e->rip = to;
	if (e->block->next[1]->rip == to)
		GO_ON(e, u, 1, fn, uop_target);
	uop_target(e, u);
}

static __attribute__((noinline)) void report_target(struct engine *e, const struct uop *u)
{
	struct engine_use use = { .sink = ENGINE_BRANCH,
				  .value = e->r[u->a],
				  .vbits = e->v[u->a],
				  .origin = origin_named(e, e->origin[u->a]) };

	report_use(e, u, &use);
	e->v[u->a] = 0;
}

static void jump_slot_checked(struct engine *e, const struct uop *u)
{
	uint64_t to = e->r[u->a];

	if (e->v[u->a])
		report_target(e, u);
	e->rip = to;
	if (e->block->next[1]->rip == to)
		GO_ON(e, u, 1, checked, uop_target_checked);
	uop_target_checked(e, u);
}

const struct uop_pair uop_jump_slot = PAIR(jump_slot);

static uint64_t counter_mask(const struct uop *u)
{
	return u->size == 8 ? ~0ull : 0xffffffff;
}

static bool loops(struct engine *e, const struct uop *u)
{
	bool zf = cc_flags(&e->cc) & FLAG_ZF;

	if (u->op == 3)
		return !(e->r[INSN_RCX] & counter_mask(u));
	e->r[INSN_RCX] = (e->r[INSN_RCX] - 1) & counter_mask(u);
	return e->r[INSN_RCX] && (u->op == 2 || zf == u->op);
}

static void loop(struct engine *e, const struct uop *u)
{
	branch(e, u, loops(e, u));
}

static void report_counter(struct engine *e, const struct uop *u)
{
	struct engine_use use = { .sink = ENGINE_BRANCH,
				  .value = e->r[INSN_RCX],
				  .vbits = e->v[INSN_RCX],
				  .origin = origin_named(e, e->origin[INSN_RCX]) };

	report_use(e, u, &use);
	e->v[INSN_RCX] = 0;
}

static void loop_checked(struct engine *e, const struct uop *u)
{
	uint64_t r = e->r[INSN_RCX] & counter_mask(u), v = e->v[INSN_RCX] & counter_mask(u);

	if (u->op == 3 ? v_equal(r, 0, v, 0) : v != 0)
		report_counter(e, u);
	if (u->op < 2 && cc_undefined(&e->cc, 4))
		report_branch(e, u);
	branch_checked(e, u, loops(e, u));
}

const struct uop_pair uop_loop = PAIR(loop);

static void read_clock(struct engine *e, const struct uop *u)
{
	uint32_t aux = 0;
	uint64_t tsc;

	if (!e->ops.clock || !e->ops.clock(e->ctx, &tsc, u->op ? &aux : NULL)) {
		uop_leave(e, u, LEAVE_HARDWARE);
		return;
	}
	e->r[INSN_RAX] = (uint32_t)tsc;
	e->r[INSN_RDX] = tsc >> 32;
	e->v[INSN_RAX] = e->v[INSN_RDX] = 0;
	if (u->op) {
		e->r[INSN_RCX] = aux;
		e->v[INSN_RCX] = 0;
	}
	uop_next(e, u);
}

#define read_clock_checked read_clock
const struct uop_pair uop_clock = PAIR(read_clock);

/* The bases of segments, asked for when a window first needs them. */
static struct engine_bases *bases(struct engine *e)
{
	if (!e->bases && e->ops.bases)
		e->bases = e->ops.bases(e->ctx);
	return e->bases;
}

static void read_base(struct engine *e, const struct uop *u)
{
	if (!bases(e)) {
		uop_leave(e, u, LEAVE_HARDWARE);
		return;
	}
	e->r[u->d] = e->r[u->a];
	e->v[u->d] = 0;
	uop_next(e, u);
}

#define read_base_checked read_base
const struct uop_pair uop_read_base = PAIR(read_base);

/* With 4-level paging. Where there are five levels some are left to the hardware that it need not be. */
static bool is_canonical(uint64_t addr)
{
	return (uint64_t)((int64_t)(addr << 16) >> 16) == addr;
}

static void write_base(struct engine *e, const struct uop *u)
{
	if (!is_canonical(e->r[u->a]) || e->v[u->a] || !bases(e)) {
		uop_leave(e, u, LEAVE_HARDWARE);
		return;
	}
	e->r[u->d] = e->r[u->a];
	e->bases->dirty = true;
	uop_next(e, u);
}

#define write_base_checked write_base
const struct uop_pair uop_write_base = PAIR(write_base);

/* In a context switch, where the others are as well. On the way to user mode the window would end right behind it. */
static void swapgs(struct engine *e, const struct uop *u)
{
	uint64_t gs = e->r[SLOT_GS];

	if (!e->bases) {
		uop_leave(e, u, LEAVE_HARDWARE);
		return;
	}
	e->r[SLOT_GS] = e->bases->kernel_gs;
	e->bases->kernel_gs = gs;
	e->bases->dirty = true;
	uop_next(e, u);
}

#define swapgs_checked swapgs
const struct uop_pair uop_swapgs = PAIR(swapgs);

static void selector(struct engine *e, const struct uop *u)
{
	e->r[u->d] = e->cpu->selector[u->imm];
	NEXT(e, u);
}

static void selector_checked(struct engine *e, const struct uop *u)
{
	e->r[u->d] = e->cpu->selector[u->imm];
	e->v[u->d] = 0;
	NEXT_CHECKED(e, u);
}

const struct uop_pair uop_selector = PAIR(selector);

static void hardware(struct engine *e, const struct uop *u)
{
	uop_leave(e, u, LEAVE_HARDWARE);
}

#define hardware_checked hardware
const struct uop_pair uop_hardware = PAIR(hardware);

/* The hardware does it; what leaves the guest is judged before. */
static void output_checked(struct engine *e, const struct uop *u)
{
	uint64_t mask = ~0ull >> (64 - 8 * u->size);

	if (e->v[INSN_RAX] & mask) {
		struct engine_use use = { .sink = ENGINE_OUTPUT,
					  .value = e->r[INSN_RAX] & mask,
					  .vbits = e->v[INSN_RAX] & mask,
					  .origin = origin_named(e, e->origin[INSN_RAX]),
					  .addr = { u->op ? (uint64_t)u->imm : (uint16_t)e->r[INSN_RDX] } };

		report_use(e, u, &use);
	}
	hardware(e, u);
}

const struct uop_pair uop_output = { hardware, output_checked, NULL };

/* --- Flags --- */

static void change(struct engine *e, uint32_t clear, uint32_t set, uint32_t flip, uint32_t define)
{
	uint32_t vflags = cc_vflags(&e->cc) & ~define;

	cc_set_flags(&e->cc, ((cc_flags(&e->cc) & ~clear) | set) ^ flip, vflags);
}

#define FLAG_FUNCTIONS(name, action)                                                                   \
	static void name(struct engine *e, const struct uop *u)                                        \
	{                                                                                              \
		action;                                                                                \
		NEXT(e, u);                                                                            \
	}                                                                                              \
	static void name##_checked(struct engine *e, const struct uop *u)                              \
	{                                                                                              \
		action;                                                                                \
		NEXT_CHECKED(e, u);                                                                    \
	}

/* What user code's pages allow changes with AC (SMAP). */
static void set_ac(struct engine *e, bool set)
{
	e->rflags = set ? e->rflags | FLAG_AC : e->rflags & ~FLAG_AC;
	e->cpu->rflags = e->rflags;
	mem_forget_user(e);
}

FLAG_FUNCTIONS(clc, change(e, FLAG_CF, 0, 0, FLAG_CF))
FLAG_FUNCTIONS(stc, change(e, 0, FLAG_CF, 0, FLAG_CF))
FLAG_FUNCTIONS(cmc, change(e, 0, 0, FLAG_CF, 0))
FLAG_FUNCTIONS(cld, e->rflags &= ~FLAG_DF)
FLAG_FUNCTIONS(std, e->rflags |= FLAG_DF)
FLAG_FUNCTIONS(cli, e->rflags &= ~FLAG_IF)
FLAG_FUNCTIONS(sti, e->rflags |= FLAG_IF)
FLAG_FUNCTIONS(stac, set_ac(e, true))
FLAG_FUNCTIONS(clac, set_ac(e, false))
FLAG_FUNCTIONS(fence, __atomic_thread_fence(__ATOMIC_SEQ_CST))

#define AH_FLAGS (FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF | FLAG_CF)

static void lahf(struct engine *e, const struct uop *u)
{
	uint64_t ah = (cc_flags(&e->cc) & AH_FLAGS) | 2;

	e->r[INSN_RAX] = (e->r[INSN_RAX] & ~0xff00ull) | ah << 8;
	NEXT(e, u);
}

static void lahf_checked(struct engine *e, const struct uop *u)
{
	uint64_t ah = (cc_flags(&e->cc) & AH_FLAGS) | 2, v = cc_vflags(&e->cc) & AH_FLAGS;

	e->r[INSN_RAX] = (e->r[INSN_RAX] & ~0xff00ull) | ah << 8;
	e->v[INSN_RAX] = (e->v[INSN_RAX] & ~0xff00ull) | v << 8;
	if (v)
		e->origin[INSN_RAX] = e->cc.origin;
	NEXT_CHECKED(e, u);
}

static void do_sahf(struct engine *e)
{
	uint32_t ah = (uint32_t)(e->r[INSN_RAX] >> 8) & AH_FLAGS;
	uint32_t v = (uint32_t)(e->v[INSN_RAX] >> 8) & AH_FLAGS;
	uint32_t vold = cc_vflags(&e->cc) & FLAG_OF;

	cc_set_flags(&e->cc, (cc_flags(&e->cc) & FLAG_OF) | ah, v | vold);
	if (v)
		e->cc.origin = e->origin[INSN_RAX];
}

FLAG_FUNCTIONS(sahf, do_sahf(e))

/* As pushf stores them: without RF and VM (SDM vol. 2, PUSHF). */
static void get(struct engine *e, const struct uop *u)
{
	e->r[u->d] = (e->rflags | cc_flags(&e->cc)) & ~0x30000u;
	NEXT(e, u);
}

static void get_checked(struct engine *e, const struct uop *u)
{
	e->r[u->d] = (e->rflags | cc_flags(&e->cc)) & ~0x30000u;
	e->v[u->d] = cc_vflags(&e->cc);
	e->origin[u->d] = e->cc.origin;
	NEXT_CHECKED(e, u);
}

const struct uop_pair uop_flag[FLAGOPS] = {
	[FLAGOP_CLC] = PAIR(clc),   [FLAGOP_STC] = PAIR(stc),	[FLAGOP_CMC] = PAIR(cmc),
	[FLAGOP_CLD] = PAIR(cld),   [FLAGOP_STD] = PAIR(std),	[FLAGOP_LAHF] = PAIR(lahf),
	[FLAGOP_SAHF] = PAIR(sahf), [FLAGOP_GET] = PAIR(get),	[FLAGOP_CLI] = PAIR(cli),
	[FLAGOP_STI] = PAIR(sti),   [FLAGOP_CLAC] = PAIR(clac), [FLAGOP_STAC] = PAIR(stac),
};

const struct uop_pair uop_fence = PAIR(fence);
