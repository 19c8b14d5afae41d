// SPDX-License-Identifier: GPL-2.0-only
/*
 * uop_alu.c: moves between registers and the basic arithmetic, on registers and immediates.
 */
#include "uop_alu.h"
#include "uop_arith.h"

/* --- Arithmetic: add, or, adc, sbb, and, sub, xor; cmp and test, which keep no result --- */

#define slow __attribute__((noinline))

/* Then the checked functions do what the others do. The flags also stay defined. */
static inline bool all_defined(const struct engine *e, const struct uop *u)
{
	return !(e->v[u->a] | e->v[u->b] | e->cc.va | e->cc.vb | e->cc.vflags);
}

#define ALU_REGISTERS(name, store)                                                             \
	static slow void name##_undefined(struct engine *e, const struct uop *u, uint64_t b,   \
					  uint64_t vb)                                         \
	{                                                                                      \
		uint32_t origin = origin_of(e, u->a, u->b);                                    \
		uint64_t v;                                                                    \
		uint64_t r = vop_##name(e, u, e->r[u->a] << u->shift, b, e->v[u->a] << u->shift, vb, \
					&v);                                                   \
                                                                                               \
		e->cc.origin = origin;                                                         \
		if (store) {                                                                   \
			e->r[u->d] = r >> u->shift;                                            \
			e->v[u->d] = v >> u->shift;                                            \
			e->origin[u->d] = origin;                                              \
		}                                                                              \
	}                                                                                      \
	static inline void name##_any_checked(struct engine *e, const struct uop *u, uint64_t b, \
					      uint64_t vb)                                     \
	{                                                                                      \
		uint64_t r;                                                                    \
                                                                                               \
		if (!all_defined(e, u))                                                        \
			return name##_undefined(e, u, b, vb);                                  \
		r = op_##name(e, u, e->r[u->a] << u->shift, b);                                \
		if (store) {                                                                   \
			e->r[u->d] = r >> u->shift;                                            \
			e->v[u->d] = 0;                                                        \
		}                                                                              \
	}                                                                                      \
	static void name##_rr(struct engine *e, const struct uop *u)                           \
	{                                                                                      \
		uint64_t r = op_##name(e, u, e->r[u->a] << u->shift, e->r[u->b] << u->shift);  \
                                                                                               \
		if (store)                                                                     \
			e->r[u->d] = r >> u->shift;                                            \
		NEXT(e, u);                                                                    \
	}                                                                                      \
	static void name##_rr_checked(struct engine *e, const struct uop *u)                   \
	{                                                                                      \
		name##_any_checked(e, u, e->r[u->b] << u->shift, e->v[u->b] << u->shift);      \
		NEXT_CHECKED(e, u);                                                            \
	}

#define ALU_FUNCTIONS(name, store)                                                             \
	ALU_REGISTERS(name, store)                                                             \
	static void name##_ri(struct engine *e, const struct uop *u)                           \
	{                                                                                      \
		uint64_t r = op_##name(e, u, e->r[u->a] << u->shift, (uint64_t)u->imm);        \
                                                                                               \
		if (store)                                                                     \
			e->r[u->d] = r >> u->shift;                                            \
		NEXT(e, u);                                                                    \
	}                                                                                      \
	static void name##_ri_checked(struct engine *e, const struct uop *u)                   \
	{                                                                                      \
		name##_any_checked(e, u, (uint64_t)u->imm, 0);                                 \
		NEXT_CHECKED(e, u);                                                            \
	}

ALU_FUNCTIONS(add, true)
ALU_FUNCTIONS(or, true)
ALU_FUNCTIONS(adc, true)
ALU_FUNCTIONS(sbb, true)
ALU_FUNCTIONS(and, true)
ALU_FUNCTIONS(sub, true)
ALU_FUNCTIONS(xor, true)
ALU_FUNCTIONS(cmp, false)
ALU_FUNCTIONS(test, false)
ALU_REGISTERS(and_related, true)

#define ALU_PAIRS(name) { { name##_rr, name##_rr_checked, NULL }, { name##_ri, name##_ri_checked, NULL } }
#define ALU_FORMS(name)                                                                                \
	{ { name##_rr, name##_rr_checked, &uop_##name##_RR },                                          \
	  { name##_ri, name##_ri_checked, &uop_##name##_RI } }

const struct uop_pair uop_alu[ALUS][2] = {
	[ALU_ADD] = ALU_FORMS(add), [ALU_OR] = ALU_FORMS(or),	[ALU_ADC] = ALU_PAIRS(adc),
	[ALU_SBB] = ALU_PAIRS(sbb), [ALU_AND] = ALU_FORMS(and), [ALU_SUB] = ALU_FORMS(sub),
	[ALU_XOR] = ALU_FORMS(xor), [ALU_CMP] = ALU_FORMS(cmp), [ALU_TEST] = ALU_FORMS(test),
};

const struct uop_pair uop_and_related = { and_related_rr, and_related_rr_checked, NULL };

/* --- One operand --- */

static void zero(struct engine *e, const struct uop *u)
{
	e->r[u->d] = 0;
	cc_keep(e, u, CC_SUB, 0, 0);
	NEXT(e, u);
}

static void zero_quiet(struct engine *e, const struct uop *u)
{
	e->r[u->d] = 0;
	NEXT(e, u);
}

static void zero_checked(struct engine *e, const struct uop *u)
{
	e->r[u->d] = 0;
	e->v[u->d] = 0;
	cc_keep_v(e, 0, 0, 0, cc_keep(e, u, CC_SUB, 0, 0));
	NEXT_CHECKED(e, u);
}

/* sbb of a register with itself spreads the carry, whatever the register is. */
static void spread_carry(struct engine *e, const struct uop *u)
{
	e->r[u->d] = op_sbb(e, u, 0, 0) >> u->shift;
	NEXT(e, u);
}

static void spread_carry_checked(struct engine *e, const struct uop *u)
{
	bool undefined = cc_vflags(&e->cc) & FLAG_CF;
	uint64_t v = undefined ? V_ALL << u->shift : 0;

	e->r[u->d] = op_sbb(e, u, 0, 0) >> u->shift;
	cc_keep_v(e, v, 0, undefined ? FLAG_CF | FLAG_AF : 0, 0);
	e->v[u->d] = v >> u->shift;
	e->origin[u->d] = e->cc.origin;
	NEXT_CHECKED(e, u);
}

static inline void step_by_one(struct engine *e, const struct uop *u, bool up)
{
	uint32_t carry = cc_carry(&e->cc);
	unsigned d = u->d;
	uint64_t a = e->r[u->a] << u->shift, one = 1ull << u->shift;
	uint64_t r = up ? a + one : a - one;

	with_carry(e, u, r, 0, up ? ~a & r : a & ~r, a ^ one ^ r);
	e->cc.flags |= carry;
	e->r[d] = r >> u->shift;
}

static void step_by_one_checked(struct engine *e, const struct uop *u, bool up)
{
	uint32_t carry = cc_vflags(&e->cc) & FLAG_CF;
	uint64_t a = e->r[u->a] << u->shift, va = e->v[u->a] << u->shift, one = 1ull << u->shift;
	uint64_t v = up ? v_add(a, one, va, 0, 0, 0) : v_sub(a, one, va, 0, 0, 0);
	uint32_t origin = va ? e->origin[u->a] : e->cc.origin;

	step_by_one(e, u, up);
	cc_keep_v(e, v, 0, (carry_vflags(u, v, va, 0) & ~FLAG_CF) | carry, 0);
	e->cc.origin = origin;
	e->v[u->d] = v >> u->shift;
	e->origin[u->d] = origin;
}

static void inc(struct engine *e, const struct uop *u)
{
	step_by_one(e, u, true);
	NEXT(e, u);
}

static void inc_checked(struct engine *e, const struct uop *u)
{
	step_by_one_checked(e, u, true);
	NEXT_CHECKED(e, u);
}

static void dec(struct engine *e, const struct uop *u)
{
	step_by_one(e, u, false);
	NEXT(e, u);
}

static void dec_checked(struct engine *e, const struct uop *u)
{
	step_by_one_checked(e, u, false);
	NEXT_CHECKED(e, u);
}

/* Where nobody reads the flags the carry need not be kept. */
static void inc_quiet(struct engine *e, const struct uop *u)
{
	e->r[u->d] = (e->r[u->a] + 1) << u->shift >> u->shift;
	NEXT(e, u);
}

static void dec_quiet(struct engine *e, const struct uop *u)
{
	e->r[u->d] = (e->r[u->a] - 1) << u->shift >> u->shift;
	NEXT(e, u);
}

static const struct uop_forms inc_forms = {
	.flags = UOP_KEEPS_FLAGS,
	.quiet = { inc_quiet, inc_quiet, inc_quiet, inc_quiet },
};
static const struct uop_forms dec_forms = {
	.flags = UOP_KEEPS_FLAGS,
	.quiet = { dec_quiet, dec_quiet, dec_quiet, dec_quiet },
};

static void not(struct engine *e, const struct uop *u)
{
	e->r[u->d] = (~e->r[u->a] << u->shift) >> u->shift;
	NEXT(e, u);
}

static void not_checked(struct engine *e, const struct uop *u)
{
	e->r[u->d] = (~e->r[u->a] << u->shift) >> u->shift;
	e->v[u->d] = (e->v[u->a] << u->shift) >> u->shift;
	e->origin[u->d] = e->origin[u->a];
	NEXT_CHECKED(e, u);
}

const struct uop_forms uop_keeps_flags = { .flags = UOP_KEEPS_FLAGS };
static const struct uop_forms zero_forms = {
	.flags = UOP_SETS_FLAGS,
	.quiet = { zero_quiet, zero_quiet, zero_quiet, zero_quiet },
};

const struct uop_pair uop_unary[UNARIES] = {
	[UNARY_ZERO] = { zero, zero_checked, &zero_forms },
	[UNARY_SPREAD_CARRY] = { spread_carry, spread_carry_checked, NULL },
	[UNARY_INC] = { inc, inc_checked, &inc_forms },
	[UNARY_DEC] = { dec, dec_checked, &dec_forms },
	[UNARY_NOT] = { not, not_checked, &uop_keeps_flags },
};

/* --- Moves --- */

/* x: the source's value; d: the destination's old value. The same expression moves the V bits. */
#define MOVE_FUNCTIONS(name, expression)                                                               \
	static inline uint64_t move_##name(uint64_t x, uint64_t d)                                     \
	{                                                                                              \
		(void)d;                                                                               \
		return expression;                                                                     \
	}                                                                                              \
	static void name(struct engine *e, const struct uop *u)                                        \
	{                                                                                              \
		e->r[u->d] = move_##name(e->r[u->a], e->r[u->d]);                                      \
		NEXT(e, u);                                                                            \
	}                                                                                              \
	static void name##_checked(struct engine *e, const struct uop *u)                              \
	{                                                                                              \
		if (e->v[u->a])                                                                        \
			e->origin[u->d] = e->origin[u->a];                                             \
		e->r[u->d] = move_##name(e->r[u->a], e->r[u->d]);                                      \
		e->v[u->d] = move_##name(e->v[u->a], e->v[u->d]);                                      \
		NEXT_CHECKED(e, u);                                                                    \
	}

MOVE_FUNCTIONS(reg, x)
MOVE_FUNCTIONS(zx8, (uint8_t)x)
MOVE_FUNCTIONS(zx16, (uint16_t)x)
MOVE_FUNCTIONS(zx32, (uint32_t)x)
MOVE_FUNCTIONS(sx8, (uint64_t)(int8_t)x)
MOVE_FUNCTIONS(sx16, (uint64_t)(int16_t)x)
MOVE_FUNCTIONS(sx32, (uint64_t)(int32_t)x)
MOVE_FUNCTIONS(insert8, (d & ~0xffull) | (x & 0xff))
MOVE_FUNCTIONS(insert16, (d & ~0xffffull) | (x & 0xffff))
MOVE_FUNCTIONS(high8, (x >> 8) & 0xff)
MOVE_FUNCTIONS(insert_high8, (d & ~0xff00ull) | (x & 0xff) << 8)
MOVE_FUNCTIONS(swap16, __builtin_bswap16((uint16_t)x))
MOVE_FUNCTIONS(swap32, __builtin_bswap32((uint32_t)x))
MOVE_FUNCTIONS(swap64, __builtin_bswap64(x))
MOVE_FUNCTIONS(sign16, (uint64_t)((int64_t)(x << 48) >> 63))
MOVE_FUNCTIONS(sign32, (uint64_t)((int64_t)(x << 32) >> 63))
MOVE_FUNCTIONS(sign64, (uint64_t)((int64_t)x >> 63))

static void immediate(struct engine *e, const struct uop *u)
{
	e->r[u->d] = (uint64_t)u->imm;
	NEXT(e, u);
}

static void immediate_checked(struct engine *e, const struct uop *u)
{
	e->r[u->d] = (uint64_t)u->imm;
	e->v[u->d] = 0;
	NEXT_CHECKED(e, u);
}

#define MOVE_PAIR(name) { name, name##_checked, &uop_keeps_flags }

const struct uop_pair uop_move[MOVES] = {
	[MOVE_REG] = MOVE_PAIR(reg),
	[MOVE_ZX8] = MOVE_PAIR(zx8),
	[MOVE_ZX16] = MOVE_PAIR(zx16),
	[MOVE_ZX32] = MOVE_PAIR(zx32),
	[MOVE_SX8] = MOVE_PAIR(sx8),
	[MOVE_SX16] = MOVE_PAIR(sx16),
	[MOVE_SX32] = MOVE_PAIR(sx32),
	[MOVE_INSERT8] = MOVE_PAIR(insert8),
	[MOVE_INSERT16] = MOVE_PAIR(insert16),
	[MOVE_HIGH8] = MOVE_PAIR(high8),
	[MOVE_INSERT_HIGH8] = MOVE_PAIR(insert_high8),
	[MOVE_SWAP16] = MOVE_PAIR(swap16),
	[MOVE_SWAP32] = MOVE_PAIR(swap32),
	[MOVE_SWAP64] = MOVE_PAIR(swap64),
	[MOVE_SIGN16] = MOVE_PAIR(sign16),
	[MOVE_SIGN32] = MOVE_PAIR(sign32),
	[MOVE_SIGN64] = MOVE_PAIR(sign64),
	[MOVE_IMMEDIATE] = MOVE_PAIR(immediate),
};
