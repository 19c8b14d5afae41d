// SPDX-License-Identifier: GPL-2.0-only
/*
 * uop_bmi.c: BMI1 and BMI2. Sources: Intel SDM vol. 2.
 */
#include "uop_alu.h"

static uint64_t deposit(uint64_t x, uint64_t mask)
{
	uint64_t r = 0;

	for (; mask; mask &= mask - 1, x >>= 1)
		if (x & 1)
			r |= mask & -mask;
	return r;
}

static uint64_t extract(uint64_t x, uint64_t mask)
{
	uint64_t r = 0;

	for (unsigned n = 0; mask; mask &= mask - 1, n++)
		if (x & (mask & -mask))
			r |= 1ull << n;
	return r;
}

static uint64_t field(uint64_t x, unsigned start, unsigned len)
{
	if (start > 63)
		return 0;
	x >>= start;
	return len > 63 ? x : x & ((1ull << len) - 1);
}

static uint64_t low(uint64_t x, unsigned n, unsigned bits)
{
	return n < bits ? x & ((1ull << n) - 1) : x;
}

static uint64_t rotate_right(uint64_t x, unsigned n, unsigned bits)
{
	return n ? x >> n | x << (bits - n) : x;
}

/* x and y have bits bits; the result's upper bits are cut off by the caller. */
static uint64_t compute(unsigned op, uint64_t x, uint64_t y, unsigned bits)
{
	unsigned n = y & (bits - 1);

	switch ((enum bmi_op)op) {
	case BMI_ANDN:
		return ~x & y;
	case BMI_BEXTR:
		return field(x, y & 0xff, (y >> 8) & 0xff);
	case BMI_BZHI:
		return low(x, y & 0xff, bits);
	case BMI_BLSR:
		return x & (x - 1);
	case BMI_BLSMSK:
		return x ^ (x - 1);
	case BMI_BLSI:
		return x & -x;
	case BMI_PDEP:
		return deposit(x, y);
	case BMI_PEXT:
		return extract(x, y);
	case BMI_RORX:
		return rotate_right(x, n, bits);
	case BMI_SARX:
		return (uint64_t)((int64_t)(x << (64 - bits)) >> (64 - bits) >> n);
	case BMI_SHLX:
		return x << n;
	case BMI_SHRX:
		return x >> n;
	default:
		return 0;
	}
}

/* CF of those that set it; the shifts and pdep and pext leave all flags alone. */
static bool carries(unsigned op, uint64_t x, uint64_t y, unsigned bits)
{
	switch ((enum bmi_op)op) {
	case BMI_BZHI:
		return (y & 0xff) >= bits;
	case BMI_BLSR:
	case BMI_BLSMSK:
		return x == 0;
	case BMI_BLSI:
		return x != 0;
	default:
		return false;
	}
}

static bool has_flags(unsigned op)
{
	return op <= BMI_BLSI;
}

static void run(struct engine *e, const struct uop *u, uint64_t y)
{
	unsigned bits = 64 - u->shift;
	uint64_t x = (e->r[u->a] << u->shift) >> u->shift, r;

	y = (y << u->shift) >> u->shift;
	r = compute(u->op, x, y, bits) << u->shift;
	if (has_flags(u->op)) {
		cc_keep(e, u, CC_RESULT, r, 0);
		e->cc.flags = carries(u->op, x, y, bits) ? FLAG_CF : 0;
	}
	e->r[u->d] = r >> u->shift;
}

/* Exact for andn and for shifts by a defined count; any undefined bit undefines all of the others. */
static void run_checked(struct engine *e, const struct uop *u, uint64_t y, uint64_t vy)
{
	unsigned bits = 64 - u->shift;
	uint64_t x = e->r[u->a], vx = (e->v[u->a] << u->shift) >> u->shift, v = 0;
	uint32_t origin = vx ? e->origin[u->a] : e->origin[u->b];

	vy = (vy << u->shift) >> u->shift;
	if (u->op == BMI_ANDN)
		v = v_and(~x, y, vx, vy);
	else if (u->op >= BMI_RORX && !(vy & (bits - 1)))
		v = compute(u->op, vx, y, bits);
	else if (vx | vy)
		v = V_ALL;
	run(e, u, y);
	e->v[u->d] = (v << u->shift) >> u->shift;
	e->origin[u->d] = origin;
	if (!has_flags(u->op))
		return;
	cc_keep_v(e, v << u->shift, 0, u->op != BMI_ANDN && (vx | vy) ? FLAG_CF : 0, 0);
	e->cc.origin = origin;
}

static void bmi(struct engine *e, const struct uop *u)
{
	run(e, u, u->op == BMI_RORX ? (uint64_t)u->imm : e->r[u->b]);
	NEXT(e, u);
}

static void bmi_checked(struct engine *e, const struct uop *u)
{
	if (u->op == BMI_RORX)
		run_checked(e, u, (uint64_t)u->imm, 0);
	else
		run_checked(e, u, e->r[u->b], e->v[u->b]);
	NEXT_CHECKED(e, u);
}

const struct uop_pair uop_bmi = { bmi, bmi_checked, NULL };
