/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * defined.h: how undefinedness travels through arithmetic.
 *
 * Every function takes values and their V bits (1 = undefined) and returns the result's V bits: a bit
 * is defined if it is the same for every choice of the undefined input bits. They are sound (never
 * "defined" when it can change) and, for one operation, exact unless said otherwise. The idea of
 * bounding sums by their least and greatest operands is Memcheck's: Seward and Nethercote, "Using
 * Valgrind to detect undefined value errors with bit-precision", USENIX 2005, section 2.5.
 * Checked by brute force in tests/unit/engine_defined.c.
 */
#ifndef KMC_DEFINED_H
#define KMC_DEFINED_H

#include <stdbool.h>
#include <stdint.h>

#define V_ALL (~0ull)

static inline uint64_t least(uint64_t x, uint64_t v)
{
	return x & ~v;
}

static inline uint64_t greatest(uint64_t x, uint64_t v)
{
	return x | v;
}

static inline int64_t least_signed(uint64_t x, uint64_t v)
{
	return (int64_t)((x & ~v) | (v & 1ull << 63));
}

static inline int64_t greatest_signed(uint64_t x, uint64_t v)
{
	return (int64_t)((x | v) & ~(v & 1ull << 63));
}

static inline uint64_t v_and(uint64_t a, uint64_t b, uint64_t va, uint64_t vb)
{
	return (va | vb) & (a | va) & (b | vb);
}

static inline uint64_t v_or(uint64_t a, uint64_t b, uint64_t va, uint64_t vb)
{
	return (va | vb) & (~a | va) & (~b | vb);
}

/* carry: 0 or the lowest bit of the operands, and its V bit at the same place. */
static inline uint64_t v_add(uint64_t a, uint64_t b, uint64_t va, uint64_t vb, uint64_t carry,
			     uint64_t vcarry)
{
	uint64_t low = least(a, va) + least(b, vb) + least(carry, vcarry);
	uint64_t high = greatest(a, va) + greatest(b, vb) + greatest(carry, vcarry);

	return va | vb | vcarry | (low ^ high);
}

static inline uint64_t v_sub(uint64_t a, uint64_t b, uint64_t va, uint64_t vb, uint64_t borrow,
			     uint64_t vborrow)
{
	uint64_t low = least(a, va) - greatest(b, vb) - greatest(borrow, vborrow);
	uint64_t high = greatest(a, va) - least(b, vb) - least(borrow, vborrow);

	return va | vb | vborrow | (low ^ high);
}

/* All bits from the lowest undefined one upwards. */
static inline uint64_t v_upwards(uint64_t v)
{
	return v | (0 - v);
}

/*
 * Of what x says about its lowest 1: the bits that the choice of its undefined bits can change. Above
 * the lowest defined 1 nothing depends on them.
 */
static inline uint64_t v_lowest_one(uint64_t x, uint64_t v)
{
	uint64_t ones = x & ~v;

	return v_upwards(v) & (ones ^ (ones - 1));
}

/* x & -x, and ~x & (x - 1): a is x in the first, ~x in the second. unit: the operands' lowest bit. */
static inline uint64_t v_and_related(uint64_t a, uint64_t b, uint64_t va, uint64_t vb, bool inverted,
				     uint64_t unit)
{
	return v_and(a, b, va, vb) & v_lowest_one(inverted ? ~a & (0 - unit) : a, va);
}

/* Is it undefined whether a and b are equal? */
static inline bool v_equal(uint64_t a, uint64_t b, uint64_t va, uint64_t vb)
{
	uint64_t v = va | vb;

	return v && ((a ^ b) & ~v) == 0;
}

static inline bool v_below(uint64_t a, uint64_t b, uint64_t va, uint64_t vb)
{
	return (least(a, va) < greatest(b, vb)) != (greatest(a, va) < least(b, vb));
}

static inline bool v_below_equal(uint64_t a, uint64_t b, uint64_t va, uint64_t vb)
{
	return (least(a, va) <= greatest(b, vb)) != (greatest(a, va) <= least(b, vb));
}

static inline bool v_less(uint64_t a, uint64_t b, uint64_t va, uint64_t vb)
{
	return (least_signed(a, va) < greatest_signed(b, vb)) !=
	       (greatest_signed(a, va) < least_signed(b, vb));
}

static inline bool v_less_equal(uint64_t a, uint64_t b, uint64_t va, uint64_t vb)
{
	return (least_signed(a, va) <= greatest_signed(b, vb)) !=
	       (greatest_signed(a, va) <= least_signed(b, vb));
}

#endif
