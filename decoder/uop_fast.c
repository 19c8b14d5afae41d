// SPDX-License-Identifier: GPL-2.0-only
/*
 * uop_fast.c: shorter functions for common cases of what uop_alu.c does, for the time when everything is
 * defined: arithmetic of a register on itself by size, without flags where nobody reads them, and
 * together with the conditional jump behind it. What the uops do is the same.
 */
#include "uop_alu.h"
#include "uop_edge.h"

typedef uint8_t word8;
typedef uint32_t word32;
typedef uint64_t word64;

static inline void keep(struct engine *e, unsigned bits, enum cc_kind kind, uint64_t a, uint64_t b)
{
	e->cc.kind = (uint16_t)kind;
	e->cc.shift = (uint16_t)(64 - bits);
	e->cc.a = a;
	e->cc.b = b;
}

#define TOP_OF(bits, x) ((uint64_t)(x) << (64 - (bits)))

/* The second operand at the top of 64 bits. */
#define RR(bits) TOP_OF(bits, e->r[u->b])
#define RI(bits) ((uint64_t)u->imm)

/* Logic keeps its result and 0, sums keep their operands. */
#define KEEP_add(bits) keep(e, bits, CC_ADD, a, b)
#define KEEP_sub(bits) keep(e, bits, CC_SUB, a, b)
#define KEEP_and(bits) keep(e, bits, CC_SUB, r, 0)
#define KEEP_or(bits)  keep(e, bits, CC_SUB, r, 0)
#define KEEP_xor(bits) keep(e, bits, CC_SUB, r, 0)

#define OP_add +
#define OP_sub -
#define OP_and &
#define OP_or  |
#define OP_xor ^

#define RESULT(op, bits, source)                                                                       \
	unsigned d = u->d;                                                                             \
	uint64_t a = TOP_OF(bits, e->r[d]), b = source(bits), r = a OP_##op b

/* a jump behind it by ZF, both ways: the others are rare. */
#define ARITHMETIC(op, bits, source)                                                                   \
	static void op##bits##source(struct engine *e, const struct uop *u)                            \
	{                                                                                              \
		RESULT(op, bits, source);                                                              \
                                                                                                       \
		KEEP_##op(bits);                                                                       \
		e->r[d] = r >> (64 - (bits));                                                          \
		NEXT(e, u);                                                                            \
	}                                                                                              \
	static void op##bits##source##_quiet(struct engine *e, const struct uop *u)                    \
	{                                                                                              \
		unsigned d = u->d;                                                                     \
		uint64_t b = source(bits) >> (64 - (bits));                                            \
                                                                                                       \
		e->r[d] = (word##bits)(e->r[d] OP_##op b);                                             \
		NEXT(e, u);                                                                            \
	}                                                                                              \
	static void op##bits##source##_jz(struct engine *e, const struct uop *u)                       \
	{                                                                                              \
		RESULT(op, bits, source);                                                              \
                                                                                                       \
		KEEP_##op(bits);                                                                       \
		e->r[d] = r >> (64 - (bits));                                                          \
		u++;                                                                                   \
		GOTO_IF(e, u, r == 0);                                                                 \
	}                                                                                              \
	static void op##bits##source##_jnz(struct engine *e, const struct uop *u)                      \
	{                                                                                              \
		RESULT(op, bits, source);                                                              \
                                                                                                       \
		KEEP_##op(bits);                                                                       \
		e->r[d] = r >> (64 - (bits));                                                          \
		u++;                                                                                   \
		GOTO_IF(e, u, r != 0);                                                                 \
	}

#define FORMS(op, source)                                                                              \
	ARITHMETIC(op, 32, source)                                                                     \
	ARITHMETIC(op, 64, source)                                                                     \
	const struct uop_forms uop_##op##_##source = {                                                 \
		.flags = UOP_SETS_FLAGS | UOP_IN_PLACE,                                                \
		.self = { [2] = op##32##source, [3] = op##64##source },                                \
		.quiet = { [2] = op##32##source##_quiet, [3] = op##64##source##_quiet },               \
		.jump = { [2] = { [4] = op##32##source##_jz, [5] = op##32##source##_jnz },             \
			  [3] = { [4] = op##64##source##_jz, [5] = op##64##source##_jnz } },           \
	};

FORMS(add, RR)
FORMS(add, RI)
FORMS(sub, RR)
FORMS(sub, RI)
FORMS(and, RR)
FORMS(and, RI)
FORMS(or, RR)
FORMS(or, RI)
FORMS(xor, RR)
FORMS(xor, RI)

/* --- Comparisons --- */

#define COMPARE_JUMP(bits, source, number, taken)                                                      \
	static void cmp##bits##source##_j##number(struct engine *e, const struct uop *u)               \
	{                                                                                              \
		uint64_t a = TOP_OF(bits, e->r[u->a]), b = source(bits);                               \
                                                                                                       \
		keep(e, bits, CC_SUB, a, b);                                                           \
		u++;                                                                                   \
		GOTO_IF(e, u, taken);                                                                  \
	}

#define COMPARE(bits, source)                                                                          \
	static void cmp##bits##source(struct engine *e, const struct uop *u)                           \
	{                                                                                              \
		uint64_t a = TOP_OF(bits, e->r[u->a]), b = source(bits);                               \
                                                                                                       \
		keep(e, bits, CC_SUB, a, b);                                                           \
		NEXT(e, u);                                                                            \
	}                                                                                              \
	COMPARE_JUMP(bits, source, 2, a < b)                                                           \
	COMPARE_JUMP(bits, source, 3, a >= b)                                                          \
	COMPARE_JUMP(bits, source, 4, a == b)                                                          \
	COMPARE_JUMP(bits, source, 5, a != b)                                                          \
	COMPARE_JUMP(bits, source, 6, a <= b)                                                          \
	COMPARE_JUMP(bits, source, 7, a > b)                                                           \
	COMPARE_JUMP(bits, source, 8, (int64_t)(a - b) < 0)                                            \
	COMPARE_JUMP(bits, source, 9, (int64_t)(a - b) >= 0)                                           \
	COMPARE_JUMP(bits, source, c, (int64_t)a < (int64_t)b)                                         \
	COMPARE_JUMP(bits, source, d, (int64_t)a >= (int64_t)b)                                        \
	COMPARE_JUMP(bits, source, e, (int64_t)a <= (int64_t)b)                                        \
	COMPARE_JUMP(bits, source, f, (int64_t)a > (int64_t)b)

#define COMPARE_JUMPS(bits, source)                                                                    \
	{ [0x2] = cmp##bits##source##_j2, [0x3] = cmp##bits##source##_j3,                              \
	  [0x4] = cmp##bits##source##_j4, [0x5] = cmp##bits##source##_j5,                              \
	  [0x6] = cmp##bits##source##_j6, [0x7] = cmp##bits##source##_j7,                              \
	  [0x8] = cmp##bits##source##_j8, [0x9] = cmp##bits##source##_j9,                              \
	  [0xc] = cmp##bits##source##_jc, [0xd] = cmp##bits##source##_jd,                              \
	  [0xe] = cmp##bits##source##_je, [0xf] = cmp##bits##source##_jf }

#define COMPARE_FORMS(source)                                                                          \
	COMPARE(8, source)                                                                             \
	COMPARE(32, source)                                                                            \
	COMPARE(64, source)                                                                            \
	const struct uop_forms uop_cmp_##source = {                                                    \
		.flags = UOP_SETS_FLAGS,                                                               \
		.self = { [0] = cmp8##source, [2] = cmp32##source, [3] = cmp64##source },              \
		.jump = { [0] = COMPARE_JUMPS(8, source), [2] = COMPARE_JUMPS(32, source),             \
			  [3] = COMPARE_JUMPS(64, source) },                                           \
	};

COMPARE_FORMS(RR)
COMPARE_FORMS(RI)

#define TEST(bits, source)                                                                             \
	static void test##bits##source(struct engine *e, const struct uop *u)                          \
	{                                                                                              \
		keep(e, bits, CC_SUB, TOP_OF(bits, e->r[u->a]) & source(bits), 0);                     \
		NEXT(e, u);                                                                            \
	}                                                                                              \
	static void test##bits##source##_jz(struct engine *e, const struct uop *u)                     \
	{                                                                                              \
		uint64_t r = TOP_OF(bits, e->r[u->a]) & source(bits);                                  \
                                                                                                       \
		keep(e, bits, CC_SUB, r, 0);                                                           \
		u++;                                                                                   \
		GOTO_IF(e, u, r == 0);                                                                 \
	}                                                                                              \
	static void test##bits##source##_jnz(struct engine *e, const struct uop *u)                    \
	{                                                                                              \
		uint64_t r = TOP_OF(bits, e->r[u->a]) & source(bits);                                  \
                                                                                                       \
		keep(e, bits, CC_SUB, r, 0);                                                           \
		u++;                                                                                   \
		GOTO_IF(e, u, r != 0);                                                                 \
	}

#define TEST_FORMS(source)                                                                             \
	TEST(8, source)                                                                                \
	TEST(32, source)                                                                               \
	TEST(64, source)                                                                               \
	const struct uop_forms uop_test_##source = {                                                   \
		.flags = UOP_SETS_FLAGS,                                                               \
		.self = { [0] = test8##source, [2] = test32##source, [3] = test64##source },           \
		.jump = { [0] = { [4] = test8##source##_jz, [5] = test8##source##_jnz },               \
			  [2] = { [4] = test32##source##_jz, [5] = test32##source##_jnz },             \
			  [3] = { [4] = test64##source##_jz, [5] = test64##source##_jnz } },           \
	};

TEST_FORMS(RR)
TEST_FORMS(RI)
