/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uop_arith.h: the eight basic operations of x86 and their V bits, for registers (uop_alu.c) and for
 * locked memory (uop_locked.c). Operands and results at the top of 64 bits, see struct cc.
 */
#ifndef KMC_UOP_ARITH_H
#define KMC_UOP_ARITH_H

#include "defined.h"
#include "uop.h"

#define TOP (1ull << 63)

enum alu_op { /* as in bits 3 to 5 of the opcode */
	ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP, ALU_TEST, ALUS
};

static inline uint64_t cc_keep(struct engine *e, const struct uop *u, enum cc_kind kind, uint64_t a,
			       uint64_t b)
{
	e->cc.kind = kind;
	e->cc.shift = u->shift;
	e->cc.a = a;
	e->cc.b = b;
	return a;
}

static inline uint64_t op_add(struct engine *e, const struct uop *u, uint64_t a, uint64_t b)
{
	cc_keep(e, u, CC_ADD, a, b);
	return a + b;
}

static inline uint64_t op_sub(struct engine *e, const struct uop *u, uint64_t a, uint64_t b)
{
	cc_keep(e, u, CC_SUB, a, b);
	return a - b;
}

static inline uint64_t op_and(struct engine *e, const struct uop *u, uint64_t a, uint64_t b)
{
	return cc_keep(e, u, CC_SUB, a & b, 0);
}

static inline uint64_t op_or(struct engine *e, const struct uop *u, uint64_t a, uint64_t b)
{
	return cc_keep(e, u, CC_SUB, a | b, 0);
}

static inline uint64_t op_xor(struct engine *e, const struct uop *u, uint64_t a, uint64_t b)
{
	return cc_keep(e, u, CC_SUB, a ^ b, 0);
}

/* carries: as FLAG_CF would be for each bit. */
static inline uint64_t with_carry(struct engine *e, const struct uop *u, uint64_t r, uint64_t carries,
				  uint64_t overflow, uint64_t half)
{
	cc_keep(e, u, CC_RESULT, r, 0);
	e->cc.flags = (uint32_t)(carries >> 63) | (overflow & TOP ? FLAG_OF : 0) |
		      ((uint32_t)(half >> u->shift) & FLAG_AF);
	return r;
}

/* CF alone is short. */
static inline uint32_t cc_carry(const struct cc *c)
{
	if (c->kind == CC_SUB)
		return c->a < c->b;
	return c->kind == CC_ADD ? c->a + c->b < c->a : c->flags & FLAG_CF;
}

static inline uint64_t carry_in(const struct engine *e, const struct uop *u)
{
	return (uint64_t)cc_carry(&e->cc) << u->shift;
}

static inline uint64_t op_adc(struct engine *e, const struct uop *u, uint64_t a, uint64_t b)
{
	uint64_t r = a + b + carry_in(e, u);

	return with_carry(e, u, r, (a & b) | ((a | b) & ~r), (a ^ r) & (b ^ r), a ^ b ^ r);
}

static inline uint64_t op_sbb(struct engine *e, const struct uop *u, uint64_t a, uint64_t b)
{
	uint64_t r = a - b - carry_in(e, u);

	return with_carry(e, u, r, (~a & b) | ((~a | b) & r), (a ^ b) & (a ^ r), a ^ b ^ r);
}

#define op_cmp		op_sub
#define op_test		op_and
#define op_and_related	op_and

/*
 * The same with V bits: called instead of op_*(), returns the result and its V bits in *v. Keeps the
 * V bits of the flags in e->cc.
 */
static inline uint64_t cc_keep_v(struct engine *e, uint64_t va, uint64_t vb, uint32_t vflags,
				 uint64_t result)
{
	e->cc.va = va;
	e->cc.vb = vb;
	e->cc.vflags = vflags;
	return result;
}

static inline uint64_t vop_add(struct engine *e, const struct uop *u, uint64_t a, uint64_t b,
			       uint64_t va, uint64_t vb, uint64_t *v)
{
	*v = v_add(a, b, va, vb, 0, 0);
	return cc_keep_v(e, va, vb, 0, op_add(e, u, a, b));
}

static inline uint64_t vop_sub(struct engine *e, const struct uop *u, uint64_t a, uint64_t b,
			       uint64_t va, uint64_t vb, uint64_t *v)
{
	*v = v_sub(a, b, va, vb, 0, 0);
	return cc_keep_v(e, va, vb, 0, op_sub(e, u, a, b));
}

static inline uint64_t vop_and(struct engine *e, const struct uop *u, uint64_t a, uint64_t b,
			       uint64_t va, uint64_t vb, uint64_t *v)
{
	*v = v_and(a, b, va, vb);
	return cc_keep_v(e, *v, 0, 0, op_and(e, u, a, b));
}

/* op: 1 where a is the inverted value, see v_and_related(). */
static inline uint64_t vop_and_related(struct engine *e, const struct uop *u, uint64_t a, uint64_t b,
				       uint64_t va, uint64_t vb, uint64_t *v)
{
	*v = v_and_related(a, b, va, vb, u->op, 1ull << u->shift);
	return cc_keep_v(e, *v, 0, 0, op_and(e, u, a, b));
}

static inline uint64_t vop_or(struct engine *e, const struct uop *u, uint64_t a, uint64_t b,
			      uint64_t va, uint64_t vb, uint64_t *v)
{
	*v = v_or(a, b, va, vb);
	return cc_keep_v(e, *v, 0, 0, op_or(e, u, a, b));
}

static inline uint64_t vop_xor(struct engine *e, const struct uop *u, uint64_t a, uint64_t b,
			       uint64_t va, uint64_t vb, uint64_t *v)
{
	*v = va | vb;
	return cc_keep_v(e, *v, 0, 0, op_xor(e, u, a, b));
}

/* CF, OF and AF of a sum with carry: those that the V bits of operands and result reach. */
static inline uint32_t carry_vflags(const struct uop *u, uint64_t v, uint64_t va, uint64_t vb)
{
	uint64_t any = v | va | vb;

	return (any & TOP ? FLAG_OF : 0) | (any ? FLAG_CF : 0) |
	       ((uint32_t)(any >> u->shift) & FLAG_AF);
}

static inline uint64_t vop_adc(struct engine *e, const struct uop *u, uint64_t a, uint64_t b,
			       uint64_t va, uint64_t vb, uint64_t *v)
{
	uint64_t vcarry = (uint64_t)(cc_vflags(&e->cc) & FLAG_CF) << u->shift;

	*v = v_add(a, b, va, vb, carry_in(e, u), vcarry);
	return cc_keep_v(e, *v, 0, carry_vflags(u, *v, va, vb), op_adc(e, u, a, b));
}

static inline uint64_t vop_sbb(struct engine *e, const struct uop *u, uint64_t a, uint64_t b,
			       uint64_t va, uint64_t vb, uint64_t *v)
{
	uint64_t vcarry = (uint64_t)(cc_vflags(&e->cc) & FLAG_CF) << u->shift;

	*v = v_sub(a, b, va, vb, carry_in(e, u), vcarry);
	return cc_keep_v(e, *v, 0, carry_vflags(u, *v, va, vb), op_sbb(e, u, a, b));
}

#define vop_cmp	 vop_sub
#define vop_test vop_and

/* Where an undefined result of a and b came from; if of neither, of the carry. */
static inline uint32_t origin_of(const struct engine *e, unsigned a, unsigned b)
{
	return e->v[a] ? e->origin[a] : e->v[b] ? e->origin[b] : e->cc.origin;
}

#endif
