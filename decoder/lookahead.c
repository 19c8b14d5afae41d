// SPDX-License-Identifier: GPL-2.0-only
/*
 * lookahead.c: abstract interpretation of V bits over a few instructions.
 *
 * A V bit of 1 means undefined, as in Memcheck. Memory is always defined, except for what the load
 * itself reads. Values are unknown, except where the code itself loads a constant. Flags are kept
 * as the eight conditions of the hardware's condition codes, so that js after a test depends on the
 * sign bit only.
 * Sources: Intel SDM vol. 2; J. Seward, N. Nethercote, "Using Valgrind to detect undefined value
 * errors with bit-precision", 2005.
 */
#include <capstone/capstone.h>
#include <string.h>

#include "insn_internal.h"
#include "lookahead.h"

/* Conditions by condition code / 2: each stands for itself and its negation. */
#define C_O    0x01u
#define C_B    0x02u
#define C_E    0x04u
#define C_BE   0x08u
#define C_S    0x10u
#define C_P    0x20u
#define C_L    0x40u
#define C_LE   0x80u
#define C_ALL  0xffu

enum step { STEP_NEXT, STEP_END, STEP_BRANCH, STEP_ADDRESS };

struct walk {
	const struct insn *i;
	const cs_insn *c;
	const cs_x86 *x;
	size_t at;		  /* of the instruction, in code */
	size_t next;
	size_t len;
	uint64_t v[INSN_GPRS];
	uint64_t constant[INSN_GPRS]; /* value, where the bit in known is set */
	uint16_t known;
	uint8_t flags;		  /* undefined conditions */
	uint64_t loaded;	  /* V bits of memory operands: of the load, later 0 */
};

/* Part of a general register. */
struct part {
	uint8_t gpr, shift, width; /* bits; width 0: no general register */
};

#define OLD_REG(n, r64, r32, r16, r8) \
	[X86_REG_##r64] = { n, 0, 64 }, [X86_REG_##r32] = { n, 0, 32 }, \
	[X86_REG_##r16] = { n, 0, 16 }, [X86_REG_##r8] = { n, 0, 8 }
#define NEW_REG(n, name) OLD_REG(n, name, name##D, name##W, name##B)
static const struct part parts[X86_REG_ENDING] = {
	OLD_REG(INSN_RAX, RAX, EAX, AX, AL), OLD_REG(INSN_RCX, RCX, ECX, CX, CL),
	OLD_REG(INSN_RDX, RDX, EDX, DX, DL), OLD_REG(INSN_RBX, RBX, EBX, BX, BL),
	OLD_REG(INSN_RSP, RSP, ESP, SP, SPL), OLD_REG(INSN_RBP, RBP, EBP, BP, BPL),
	OLD_REG(INSN_RSI, RSI, ESI, SI, SIL), OLD_REG(INSN_RDI, RDI, EDI, DI, DIL),
	NEW_REG(INSN_R8, R8), NEW_REG(INSN_R9, R9),
	NEW_REG(INSN_R10, R10), NEW_REG(INSN_R11, R11),
	NEW_REG(INSN_R12, R12), NEW_REG(INSN_R13, R13),
	NEW_REG(INSN_R14, R14), NEW_REG(INSN_R15, R15),
	[X86_REG_AH] = { INSN_RAX, 8, 8 }, [X86_REG_CH] = { INSN_RCX, 8, 8 },
	[X86_REG_DH] = { INSN_RDX, 8, 8 }, [X86_REG_BH] = { INSN_RBX, 8, 8 },
};

static uint64_t low_bits(unsigned width)
{
	return width >= 64 ? UINT64_MAX : (1ull << width) - 1;
}

static uint64_t sign_bit(unsigned width)
{
	return 1ull << (width - 1);
}

/* Sums: a carry may go as far up as there are bits. */
static uint64_t smear(uint64_t v)
{
	return v | (0 - v);
}

static struct part part_of(unsigned reg)
{
	return reg < X86_REG_ENDING ? parts[reg] : (struct part){ 0 };
}

static const cs_x86_op *operand(const struct walk *w, unsigned k)
{
	static const cs_x86_op none = { .type = X86_OP_INVALID, .size = 8 };

	return k < w->x->op_count ? &w->x->operands[k] : &none;
}

/* In bits, 8 to 64. */
static unsigned width_of(const cs_x86_op *op)
{
	struct part p = op->type == X86_OP_REG ? part_of(op->reg) : (struct part){ 0 };

	if (p.width)
		return p.width;
	return op->size >= 1 && op->size <= 8 ? op->size * 8u : 64;
}

static uint64_t get(const struct walk *w, const cs_x86_op *op)
{
	struct part p;

	if (op->type == X86_OP_MEM)
		return w->loaded & low_bits(width_of(op));
	if (op->type != X86_OP_REG)
		return 0;
	p = part_of(op->reg);
	return p.width ? w->v[p.gpr] >> p.shift & low_bits(p.width) : 0;
}

/* Writes of 32 bits clear the upper half, shorter ones keep the rest (SDM vol. 1, 3.4.1.1). */
static void put_part(struct walk *w, struct part p, uint64_t v)
{
	uint64_t mask = low_bits(p.width) << p.shift;

	if (!p.width)
		return;
	w->known &= (uint16_t)~(1u << p.gpr);
	if (p.width >= 32)
		w->v[p.gpr] = v & mask;
	else
		w->v[p.gpr] = (w->v[p.gpr] & ~mask) | (v << p.shift & mask);
}

static void put(struct walk *w, const cs_x86_op *op, uint64_t v)
{
	if (op->type == X86_OP_REG)
		put_part(w, part_of(op->reg), v);
}

static void put_gpr(struct walk *w, unsigned gpr, unsigned width, uint64_t v)
{
	put_part(w, (struct part){ (uint8_t)gpr, 0, (uint8_t)width }, v);
}

/* An immediate, or a register that was loaded with one. */
static bool constant(const struct walk *w, const cs_x86_op *op, unsigned width, uint64_t *value)
{
	struct part p;

	if (op->type == X86_OP_IMM) {
		*value = (uint64_t)op->imm & low_bits(width);
		return true;
	}
	if (op->type != X86_OP_REG)
		return false;
	p = part_of(op->reg);
	if (!p.width || !(w->known >> p.gpr & 1))
		return false;
	*value = w->constant[p.gpr] >> p.shift & low_bits(width);
	return true;
}

static bool same_register(const struct walk *w)
{
	const cs_x86_op *a = operand(w, 0), *b = operand(w, 1);

	return a->type == X86_OP_REG && b->type == X86_OP_REG && a->reg == b->reg;
}

/* Flags of a result without carry and overflow; set: its bits that are known to be 1. */
static uint8_t result_flags(uint64_t v, unsigned width, bool set)
{
	uint8_t flags = v & 0xff ? C_P : 0;

	if (v && !set)
		flags |= C_E | C_BE | C_LE;
	if (v & sign_bit(width))
		flags |= C_S | C_L | (set ? C_LE : 0);
	return flags;
}

static uint64_t signed_spread(uint64_t v, unsigned from)
{
	return v & sign_bit(from) ? v | ~low_bits(from) : v;
}

/* Moves */

static enum step do_mov(struct walk *w)
{
	const cs_x86_op *to = operand(w, 0), *from = operand(w, 1);
	struct part p = to->type == X86_OP_REG ? part_of(to->reg) : (struct part){ 0 };

	put(w, to, get(w, from));
	if (p.width >= 32 && from->type == X86_OP_IMM) {
		w->constant[p.gpr] = (uint64_t)from->imm & low_bits(p.width);
		w->known |= (uint16_t)(1u << p.gpr);
	}
	return STEP_NEXT;
}

static enum step do_movsx(struct walk *w)
{
	const cs_x86_op *from = operand(w, 1);

	put(w, operand(w, 0), signed_spread(get(w, from), width_of(from)));
	return STEP_NEXT;
}

static uint64_t swap_bytes(uint64_t v, unsigned width)
{
	return __builtin_bswap64(v) >> (64 - width);
}

/* movbe, and bswap of its only operand */
static enum step do_bswap(struct walk *w)
{
	const cs_x86_op *from = operand(w, w->x->op_count - 1u);

	put(w, operand(w, 0), swap_bytes(get(w, from), width_of(from)));
	return STEP_NEXT;
}

static enum step do_cbw(struct walk *w)
{
	unsigned width = w->i->opsize * 8u;

	put_gpr(w, INSN_RAX, width,
		signed_spread(w->v[INSN_RAX] & low_bits(width / 2), width / 2));
	return STEP_NEXT;
}

static enum step do_cwd(struct walk *w)
{
	unsigned width = w->i->opsize * 8u;

	put_gpr(w, INSN_RDX, width, w->v[INSN_RAX] & sign_bit(width) ? UINT64_MAX : 0);
	return STEP_NEXT;
}

static enum step do_xchg(struct walk *w)
{
	uint64_t a = get(w, operand(w, 0)), b = get(w, operand(w, 1));

	put(w, operand(w, 0), b);
	put(w, operand(w, 1), a);
	return STEP_NEXT;
}

static enum step do_pop(struct walk *w)
{
	put(w, operand(w, 0), w->loaded);
	return STEP_NEXT;
}

static enum step do_nothing(struct walk *w)
{
	return STEP_NEXT;
}

/* Logic */

/*
 * What and (or, with ones) leaves of the undefined bits of a when the other operand is b: all that
 * a known b does not force.
 */
static uint64_t masked(const struct walk *w, uint64_t v, const cs_x86_op *b, unsigned width,
		       bool ones)
{
	uint64_t value, byte = 0xff;

	if (constant(w, b, width, &value))
		return v & (ones ? ~value : value);
	for (unsigned k = 0; k < width / 8; k++, byte <<= 8)
		if ((v & byte) && (v & byte) != byte)
			return 0;
	return v;
}

static uint64_t and_or(const struct walk *w, bool ones)
{
	const cs_x86_op *a = operand(w, 0), *b = operand(w, 1);
	unsigned width = width_of(a);
	uint64_t va = get(w, a), vb = get(w, b);

	if (same_register(w))
		return va;
	/* Both undefined in a place: no known value is involved there. */
	return (va & vb) | masked(w, va & ~vb, b, width, ones) |
	       masked(w, vb & ~va, a, width, ones);
}

static enum step do_and(struct walk *w)
{
	uint64_t v = and_or(w, false);

	w->flags = result_flags(v, width_of(operand(w, 0)), false);
	put(w, operand(w, 0), v);
	return STEP_NEXT;
}

static enum step do_test(struct walk *w)
{
	w->flags = result_flags(and_or(w, false), width_of(operand(w, 0)), false);
	return STEP_NEXT;
}

static enum step do_or(struct walk *w)
{
	unsigned width = width_of(operand(w, 0));
	uint64_t v = and_or(w, true), value = 0;

	constant(w, operand(w, 1), width, &value);
	w->flags = result_flags(v, width, value != 0);
	put(w, operand(w, 0), v);
	return STEP_NEXT;
}

static enum step do_xor(struct walk *w)
{
	const cs_x86_op *a = operand(w, 0);
	uint64_t v = same_register(w) ? 0 : get(w, a) | get(w, operand(w, 1));
	struct part p = a->type == X86_OP_REG ? part_of(a->reg) : (struct part){ 0 };

	w->flags = result_flags(v, width_of(a), false);
	put(w, a, v);
	if (same_register(w) && p.width >= 32) {
		w->constant[p.gpr] = 0;
		w->known |= (uint16_t)(1u << p.gpr);
	}
	return STEP_NEXT;
}

static enum step do_not(struct walk *w)
{
	put(w, operand(w, 0), get(w, operand(w, 0)));
	return STEP_NEXT;
}

/* Arithmetic */

/* A known operand that ends in zeros lets the bits there through, without carry. */
static uint64_t sum(const struct walk *w, uint64_t v, const cs_x86_op *b, unsigned width,
		    uint8_t *flags)
{
	uint64_t value, through = 0, carried;

	if (constant(w, b, width, &value))
		through = value ? (value & (0 - value)) - 1 : UINT64_MAX;
	carried = smear(v & ~through) & low_bits(width);
	v = (v & through) | carried;
	*flags = carried ? C_ALL : result_flags(v, width, false);
	return v;
}

static enum step do_add(struct walk *w)
{
	const cs_x86_op *a = operand(w, 0), *b = operand(w, 1);

	put(w, a, sum(w, get(w, a) | get(w, b), b, width_of(a), &w->flags));
	return STEP_NEXT;
}

static enum step do_sub(struct walk *w)
{
	return same_register(w) ? do_xor(w) : do_add(w);
}

/* adc and sbb; sbb of a register with itself is the carry in every bit. */
static enum step do_sbb(struct walk *w)
{
	const cs_x86_op *a = operand(w, 0);
	unsigned width = width_of(a);
	bool same = same_register(w) && w->c->id == X86_INS_SBB;
	uint64_t v = same ? 0 : get(w, a) | get(w, operand(w, 1));

	v = smear(v | (w->flags & C_B ? 1 : 0)) & low_bits(width);
	w->flags = v ? C_ALL : 0;
	put(w, a, v);
	return STEP_NEXT;
}

/* inc and dec keep the carry, neg does not. */
static enum step do_inc(struct walk *w)
{
	const cs_x86_op *a = operand(w, 0);
	uint64_t v = smear(get(w, a)) & low_bits(width_of(a));
	bool neg = w->c->id == X86_INS_NEG;
	uint8_t carry = !neg && (w->flags & C_B) ? C_B | C_BE : 0;

	w->flags = (v ? C_ALL & ~(neg ? 0 : C_B) : 0) | carry;
	put(w, a, v);
	return STEP_NEXT;
}

static enum step do_xadd(struct walk *w)
{
	const cs_x86_op *a = operand(w, 0), *b = operand(w, 1);
	uint64_t old = get(w, a), v = smear(old | get(w, b)) & low_bits(width_of(a));

	w->flags = v ? C_ALL : 0;
	put(w, b, old);
	put(w, a, v);
	return STEP_NEXT;
}

/*
 * x < value and x <= value depend on the upper bits of x only, if value has all zeros or all ones
 * as far up as x is undefined: compilers test bit fields like that. Signed: with sign bits flipped.
 */
static uint8_t ordered(uint64_t v, uint64_t value, unsigned width)
{
	uint64_t below = low_bits(64 - (unsigned)__builtin_clzll(v));
	uint64_t flipped = value ^ sign_bit(width);
	uint8_t flags = 0;

	flags |= (value & below) == 0 ? C_B : 0;
	flags |= (value & below) == below ? C_BE : 0;
	flags |= (flipped & below) == 0 ? C_L : 0;
	flags |= (flipped & below) == below ? C_LE : 0;
	return flags;
}

static enum step do_cmp(struct walk *w)
{
	const cs_x86_op *a = operand(w, 0), *b = operand(w, 1);
	unsigned width = width_of(a);
	uint64_t v = get(w, a) | get(w, b), value;

	w->flags = v && !same_register(w) ? C_ALL : 0;
	if (!w->flags || get(w, b) || !constant(w, b, width, &value))
		return STEP_NEXT;
	w->flags &= (uint8_t)~ordered(v, value, width);
	if (value == 0)
		w->flags &= result_flags(v, width, false);
	return STEP_NEXT;
}

static enum step do_cmpxchg(struct walk *w)
{
	const cs_x86_op *a = operand(w, 0);
	unsigned width = width_of(a);

	w->flags = get(w, a) | (w->v[INSN_RAX] & low_bits(width)) ? C_ALL : 0;
	put_gpr(w, INSN_RAX, width, 0);
	put(w, a, 0);
	return STEP_NEXT;
}

/* With one operand: rdx:rax, whose bits are not followed. */
static enum step do_imul(struct walk *w)
{
	unsigned count = w->x->op_count;
	uint64_t v = get(w, operand(w, 1));

	if (count < 2)
		return STEP_END;
	if (count == 2)
		v |= get(w, operand(w, 0));
	put(w, operand(w, 0), smear(v));
	w->flags = 0;
	return STEP_NEXT;
}

/* No access: registers of the operand are only numbers here. */
static enum step do_lea(struct walk *w)
{
	const struct insn_mem *m = &w->i->mem;
	bool base = m->base != INSN_NO_REG, index = m->index != INSN_NO_REG;
	uint64_t v = 0;

	if (!w->i->has_mem)
		return STEP_END;
	if (base && m->base < INSN_GPRS)
		v = w->v[m->base];
	if (index)
		v |= w->v[m->index] << m->shift;
	if ((base && index) || m->disp)
		v = smear(v);
	put(w, operand(w, 0), v & low_bits(w->i->addrsize * 8u));
	return STEP_NEXT;
}

/* Shifts */

static uint64_t shifted(unsigned id, uint64_t v, unsigned n, unsigned width)
{
	uint64_t mask = low_bits(width);
	unsigned turn = n % width;

	switch (id) {
	case X86_INS_SHL:
	case X86_INS_SAL:
		return n < 64 ? v << n & mask : 0;
	case X86_INS_SHR:
		return n < 64 ? v >> n : 0;
	case X86_INS_SAR:
		return (uint64_t)((int64_t)signed_spread(v, width) >> n) & mask;
	case X86_INS_ROR:
		turn = (width - turn) % width;
		/* fallthrough */
	default:
		return turn ? (v << turn | v >> (width - turn)) & mask : v;
	}
}

/* The bit that leaves last becomes the carry. */
static bool carries_undefined(unsigned id, uint64_t v, unsigned n, unsigned width)
{
	bool left = id == X86_INS_SHL || id == X86_INS_SAL || id == X86_INS_ROL;
	unsigned at = left ? width - n % width : n - 1;

	if (id == X86_INS_ROL || id == X86_INS_ROR)
		at %= width;
	else if (n > width)
		return false;
	return v >> (at < width ? at : 0) & 1;
}

static enum step do_shift(struct walk *w)
{
	const cs_x86_op *a = operand(w, 0), *b = operand(w, 1);
	unsigned width = width_of(a), id = w->c->id;
	uint64_t v = get(w, a), n = 1;
	bool carry;

	if (w->x->op_count > 1 && !constant(w, b, 8, &n)) {
		put(w, a, 0);
		w->flags = 0;
		return STEP_NEXT;
	}
	n &= width == 64 ? 63 : 31;
	if (n == 0) {
		put(w, a, v);
		return STEP_NEXT;
	}
	carry = carries_undefined(id, v, (unsigned)n, width);
	v = shifted(id, v, (unsigned)n, width);
	if (id != X86_INS_ROL && id != X86_INS_ROR)
		w->flags = result_flags(v, width, false) & (C_E | C_S | C_P | C_BE);
	w->flags = (uint8_t)((w->flags & ~C_B) | (carry ? C_B | C_BE : 0));
	put(w, a, v);
	return STEP_NEXT;
}

/* bt and its kin set the carry only. */
static enum step do_bt(struct walk *w)
{
	const cs_x86_op *a = operand(w, 0), *b = operand(w, 1);
	unsigned width = width_of(a);
	uint64_t v = get(w, a), bit = low_bits(width), at;
	bool undefined = get(w, b) != 0 || v == bit;

	if (constant(w, b, 8, &at)) {
		bit = 1ull << (at % width);
		undefined = v & bit;
		if (w->c->id == X86_INS_BTS || w->c->id == X86_INS_BTR)
			v &= ~bit;
	} else if (w->c->id != X86_INS_BT && v != bit) {
		v = 0;
	}
	w->flags = (uint8_t)((w->flags & ~(C_B | C_BE)) | (w->flags & C_E ? C_BE : 0));
	w->flags |= undefined ? C_B | C_BE : 0;
	if (w->c->id != X86_INS_BT)
		put(w, a, v);
	return STEP_NEXT;
}

/* Control */

/* Into calls nothing is followed. */
static enum step do_jmp(struct walk *w)
{
	const cs_x86_op *to = operand(w, 0);
	int64_t target;

	if (to->type != X86_OP_IMM || w->c->id == X86_INS_CALL)
		return get(w, to) ? STEP_ADDRESS : STEP_END;
	if (__builtin_add_overflow(to->imm, (int64_t)w->at, &target) || target < 0 ||
	    (uint64_t)target >= w->len)
		return STEP_END;
	w->next = (size_t)target;
	return STEP_NEXT;
}

static enum step do_end(struct walk *w)
{
	return STEP_END;
}

/* jrcxz, loop, loope and loopne; the count's width is the address size. */
static enum step do_loop(struct walk *w)
{
	bool flags = w->c->id == X86_INS_LOOPE || w->c->id == X86_INS_LOOPNE;

	if (w->v[INSN_RCX] & low_bits(w->i->addrsize * 8u))
		return STEP_BRANCH;
	return flags && (w->flags & C_E) ? STEP_BRANCH : STEP_NEXT;
}

#define CONDITIONAL(name, condition) \
	static enum step do_##name(struct walk *w) \
	{ \
		return on_condition(w, condition); \
	}

/* jcc, setcc, cmovcc: only the last has two operands. */
static enum step on_condition(struct walk *w, uint8_t condition)
{
	if (w->flags & condition)
		return STEP_BRANCH;
	if (w->x->op_count == 2)
		put(w, operand(w, 0), get(w, operand(w, 0)) | get(w, operand(w, 1)));
	else if (operand(w, 0)->type == X86_OP_REG)
		put(w, operand(w, 0), 0);
	return STEP_NEXT;
}

CONDITIONAL(o, C_O) CONDITIONAL(b, C_B)
CONDITIONAL(e, C_E) CONDITIONAL(be, C_BE)
CONDITIONAL(s, C_S) CONDITIONAL(p, C_P)
CONDITIONAL(l, C_L) CONDITIONAL(le, C_LE)

#define CC(cc, fn) \
	[X86_INS_J##cc] = do_##fn, [X86_INS_SET##cc] = do_##fn, [X86_INS_CMOV##cc] = do_##fn

static enum step (*const transfer[X86_INS_ENDING])(struct walk *w) = {
	CC(O, o), CC(NO, o), CC(B, b), CC(AE, b), CC(E, e), CC(NE, e), CC(BE, be), CC(A, be),
	CC(S, s), CC(NS, s), CC(P, p), CC(NP, p), CC(L, l), CC(GE, l), CC(LE, le), CC(G, le),
	[X86_INS_MOV] = do_mov, [X86_INS_MOVABS] = do_mov, [X86_INS_MOVZX] = do_mov,
	[X86_INS_MOVSX] = do_movsx, [X86_INS_MOVSXD] = do_movsx, [X86_INS_MOVBE] = do_bswap,
	[X86_INS_BSWAP] = do_bswap, [X86_INS_CBW] = do_cbw, [X86_INS_CWDE] = do_cbw,
	[X86_INS_CDQE] = do_cbw, [X86_INS_CWD] = do_cwd, [X86_INS_CDQ] = do_cwd,
	[X86_INS_CQO] = do_cwd, [X86_INS_XCHG] = do_xchg, [X86_INS_PUSH] = do_nothing,
	[X86_INS_POP] = do_pop, [X86_INS_NOP] = do_nothing, [X86_INS_PAUSE] = do_nothing,
	[X86_INS_LFENCE] = do_nothing, [X86_INS_SFENCE] = do_nothing,
	[X86_INS_MFENCE] = do_nothing, [X86_INS_PREFETCHT0] = do_nothing,
	[X86_INS_PREFETCHW] = do_nothing, [X86_INS_AND] = do_and, [X86_INS_TEST] = do_test,
	[X86_INS_OR] = do_or, [X86_INS_XOR] = do_xor, [X86_INS_NOT] = do_not,
	[X86_INS_ADD] = do_add, [X86_INS_SUB] = do_sub, [X86_INS_ADC] = do_sbb,
	[X86_INS_SBB] = do_sbb, [X86_INS_INC] = do_inc, [X86_INS_DEC] = do_inc,
	[X86_INS_NEG] = do_inc, [X86_INS_XADD] = do_xadd, [X86_INS_CMP] = do_cmp,
	[X86_INS_CMPXCHG] = do_cmpxchg, [X86_INS_IMUL] = do_imul, [X86_INS_LEA] = do_lea,
	[X86_INS_SHL] = do_shift, [X86_INS_SAL] = do_shift, [X86_INS_SHR] = do_shift,
	[X86_INS_SAR] = do_shift, [X86_INS_ROL] = do_shift, [X86_INS_ROR] = do_shift,
	[X86_INS_BT] = do_bt, [X86_INS_BTS] = do_bt, [X86_INS_BTR] = do_bt, [X86_INS_BTC] = do_bt,
	[X86_INS_JMP] = do_jmp, [X86_INS_CALL] = do_jmp, [X86_INS_JRCXZ] = do_loop,
	[X86_INS_JECXZ] = do_loop, [X86_INS_LOOP] = do_loop, [X86_INS_LOOPE] = do_loop,
	[X86_INS_LOOPNE] = do_loop, [X86_INS_RET] = do_end, [X86_INS_RETF] = do_end,
	[X86_INS_RETFQ] = do_end, [X86_INS_IRET] = do_end, [X86_INS_IRETD] = do_end,
	[X86_INS_IRETQ] = do_end, [X86_INS_LCALL] = do_end, [X86_INS_LJMP] = do_end,
	[X86_INS_INT] = do_end, [X86_INS_INT1] = do_end, [X86_INS_INT3] = do_end,
	[X86_INS_HLT] = do_end, [X86_INS_UD2] = do_end, [X86_INS_SYSCALL] = do_end,
	[X86_INS_SYSRET] = do_end, [X86_INS_SYSENTER] = do_end, [X86_INS_SYSEXIT] = do_end,
};

/* Everything it writes is taken to be defined, and flags whether or not it writes them. */
static enum step define_written(struct walk *w)
{
	uint16_t regs[INSN_MAX_REGS];
	int count = insn_written(w->i, w->c, regs);

	if (count < 0)
		return STEP_END;
	for (int k = 0; k < count; k++)
		put_part(w, part_of(regs[k]), 0);
	for (unsigned k = 0; k < w->x->op_count; k++)
		put(w, operand(w, k), 0);
	w->flags = 0;
	return STEP_NEXT;
}

static enum step do_string(struct walk *w)
{
	unsigned width = w->i->opsize * 8u;
	uint64_t v = w->loaded;

	switch (w->i->string) {
	case INSN_LODS:
		put_gpr(w, INSN_RAX, width, v);
		break;
	case INSN_SCAS:
		v |= w->v[INSN_RAX];
		/* fallthrough */
	case INSN_CMPS:
		w->flags = v & low_bits(width) ? C_ALL : 0;
		break;
	default:
		break;
	}
	return STEP_NEXT;
}

/* Registers that an instruction addresses memory with and that no operand names. */
static uint64_t implied_address(const struct walk *w)
{
	uint64_t count = w->i->rep != INSN_NO_REP ? w->v[INSN_RCX] : 0;
	uint64_t si = w->v[INSN_RSI], di = w->v[INSN_RDI];

	switch (w->i->form) {
	case X_STRING:
		if (w->i->string == INSN_LODS || w->i->string == INSN_OUTS)
			return si | count;
		if (w->i->string == INSN_MOVS || w->i->string == INSN_CMPS)
			return si | di | count;
		return di | count;
	case X_XLAT:
		return w->v[INSN_RBX] | (w->v[INSN_RAX] & 0xff);
	case X_PUSH:
	case X_POP:
	case X_CALL:
	case X_RET:
		return w->v[INSN_RSP];
	case X_LEAVE:
		return w->v[INSN_RBP];
	default:
		return 0;
	}
}

static bool address_undefined(const struct walk *w)
{
	const struct insn_mem *m = &w->i->mem;
	uint64_t v = implied_address(w);

	if (w->i->has_mem && w->i->form != M_NONE) {
		if (m->base >= 0 && m->base < INSN_GPRS)
			v |= w->v[m->base];
		if (m->index >= 0)
			v |= w->v[m->index];
		if (w->i->bit_reg >= 0)
			v |= w->v[w->i->bit_reg] & low_bits(w->i->opsize * 8u);
	}
	return v & low_bits(w->i->addrsize * 8u);
}

static enum step step(struct walk *w, const struct insn *i)
{
	w->i = i;
	w->next = w->at + i->length;
	/* An index may be a vector register there. */
	if (i->form == M_UNKNOWN)
		return STEP_END;
	if (address_undefined(w))
		return STEP_ADDRESS;
	if (i->form == X_STRING)
		return do_string(w);
	w->c = insn_capstone(i);
	if (!w->c || w->c->id >= X86_INS_ENDING)
		return STEP_END;
	w->x = &w->c->detail->x86;
	return transfer[w->c->id] ? transfer[w->c->id](w) : define_written(w);
}

static bool all_defined(const struct walk *w)
{
	uint64_t v = w->flags;

	for (unsigned k = 0; k < INSN_GPRS; k++)
		v |= w->v[k];
	return v == 0;
}

static enum insn_fate follow(struct insn_decoder *d, struct walk *w, const uint8_t *code)
{
	static const enum insn_fate fates[] = { [STEP_END] = INSN_FATE_UNSEEN,
						[STEP_BRANCH] = INSN_FATE_BRANCH,
						[STEP_ADDRESS] = INSN_FATE_ADDRESS };
	const struct insn *i;
	enum step s;

	for (unsigned n = 0; n < INSN_FATE_INSNS && w->at < w->len && !all_defined(w); n++) {
		i = insn_decode(d, INSN_MODE_64, code + w->at, w->len - w->at);
		if (!i)
			break;
		s = step(w, i);
		if (s != STEP_NEXT)
			return fates[s];
		w->at = w->next;
	}
	return INSN_FATE_UNSEEN;
}

enum insn_fate insn_value_fate(struct insn_decoder *d, enum insn_mode mode, const struct insn *load,
			       const uint8_t *code, size_t len, uint64_t undefined, unsigned size)
{
	struct walk w = { .len = len < INSN_FATE_BYTES ? len : INSN_FATE_BYTES };
	enum step s;

	if (mode != INSN_MODE_64 || load->mode != INSN_MODE_64 || size < 1 || size > 8)
		return INSN_FATE_UNSEEN;
	w.loaded = undefined & low_bits(size * 8);
	s = step(&w, load);
	if (s == STEP_ADDRESS || s == STEP_BRANCH)
		return s == STEP_ADDRESS ? INSN_FATE_ADDRESS : INSN_FATE_BRANCH;
	if (s == STEP_END)
		return INSN_FATE_UNSEEN;
	w.loaded = 0;
	w.at = 0;
	return follow(d, &w, code);
}
