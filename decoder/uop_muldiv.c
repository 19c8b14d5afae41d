// SPDX-License-Identifier: GPL-2.0-only
/*
 * uop_muldiv.c: multiplication and division. A division that raises #DE is left to the hardware.
 * Sources: Intel SDM vol. 2.
 */
#include "uop_alu.h"

static uint64_t cut(const struct uop *u, uint64_t x)
{
	return (x << u->shift) >> u->shift;
}

static int64_t cut_signed(const struct uop *u, uint64_t x)
{
	return (int64_t)(x << u->shift) >> u->shift;
}

/* CF and OF say that the high half carries something; the others follow the low half. */
static void mul_flags(struct engine *e, const struct uop *u, uint64_t low, bool high)
{
	cc_keep(e, u, CC_RESULT, low << u->shift, 0);
	e->cc.flags = high ? FLAG_CF | FLAG_OF : 0;
}

static void mul_flags_checked(struct engine *e, const struct uop *u, uint64_t v, bool undefined,
			      uint32_t origin)
{
	cc_keep_v(e, v << u->shift, 0, undefined ? FLAG_CF | FLAG_OF : 0, 0);
	e->cc.origin = origin;
}

static void do_imul(struct engine *e, const struct uop *u, uint64_t b)
{
	__int128 product = (__int128)cut_signed(u, e->r[u->a]) * cut_signed(u, b);
	uint64_t r = cut(u, (uint64_t)product);

	mul_flags(e, u, r, product != cut_signed(u, r));
	e->r[u->d] = r;
}

/* Of the low half: a defined factor moves the undefined bits of the other one up, or makes it 0. */
static uint64_t v_product(uint64_t a, uint64_t b, uint64_t va, uint64_t vb)
{
	if (va && vb)
		return v_upwards(va | vb);
	if (va)
		return b ? v_upwards(va) << __builtin_ctzll(b) : 0;
	return a ? v_upwards(vb) << __builtin_ctzll(a) : 0;
}

static void do_imul_checked(struct engine *e, const struct uop *u, uint64_t b, uint64_t vb)
{
	uint64_t a = cut(u, e->r[u->a]), va = cut(u, e->v[u->a]);
	uint64_t v = cut(u, v_product(a, cut(u, b), va, cut(u, vb)));
	bool undefined = va || cut(u, vb);
	uint32_t origin = origin_of(e, u->a, u->b);

	do_imul(e, u, b);
	mul_flags_checked(e, u, v, undefined, origin);
	e->v[u->d] = v;
	e->origin[u->d] = origin;
}

static void imul(struct engine *e, const struct uop *u)
{
	do_imul(e, u, e->r[u->b]);
	NEXT(e, u);
}

static void imul_checked(struct engine *e, const struct uop *u)
{
	do_imul_checked(e, u, e->r[u->b], e->v[u->b]);
	NEXT_CHECKED(e, u);
}

static void imul_imm(struct engine *e, const struct uop *u)
{
	do_imul(e, u, (uint64_t)u->imm);
	NEXT(e, u);
}

static void imul_imm_checked(struct engine *e, const struct uop *u)
{
	do_imul_checked(e, u, (uint64_t)u->imm, 0);
	NEXT_CHECKED(e, u);
}

const struct uop_pair uop_imul = { imul, imul_checked, NULL };
const struct uop_pair uop_imul_imm = { imul_imm, imul_imm_checked, NULL };

/* --- rdx:rax; ax for bytes --- */

static void put(uint64_t *slot, uint64_t value, unsigned bits)
{
	uint64_t mask = bits < 32 ? (1ull << bits) - 1 : ~0ull;

	*slot = (*slot & ~mask) | (value & mask);
}

static void put_pair(uint64_t *rax, uint64_t *rdx, uint64_t low, uint64_t high, unsigned bits)
{
	if (bits == 8) {
		put(rax, (low & 0xff) | high << 8, 16);
		return;
	}
	put(rax, low, bits);
	put(rdx, high, bits);
}

static void do_mul(struct engine *e, const struct uop *u)
{
	unsigned bits = 64 - u->shift;
	uint64_t x = e->r[INSN_RAX], y = e->r[u->a], low, high;
	bool carry;

	if (u->op) {
		__int128 p = (__int128)cut_signed(u, x) * cut_signed(u, y);

		low = cut(u, (uint64_t)p);
		high = cut(u, (uint64_t)(p >> bits));
		carry = p != cut_signed(u, low);
	} else {
		unsigned __int128 p = (unsigned __int128)cut(u, x) * cut(u, y);

		low = cut(u, (uint64_t)p);
		high = cut(u, (uint64_t)(p >> bits));
		carry = high != 0;
	}
	mul_flags(e, u, low, carry);
	put_pair(&e->r[INSN_RAX], &e->r[INSN_RDX], low, high, bits);
}

static void mul(struct engine *e, const struct uop *u)
{
	do_mul(e, u);
	NEXT(e, u);
}

static void mul_checked(struct engine *e, const struct uop *u)
{
	uint64_t v = cut(u, v_upwards(cut(u, e->v[INSN_RAX] | e->v[u->a])));
	uint32_t origin = origin_of(e, INSN_RAX, u->a);

	do_mul(e, u);
	mul_flags_checked(e, u, v, v, origin);
	put_pair(&e->v[INSN_RAX], &e->v[INSN_RDX], v, v ? cut(u, V_ALL) : 0, 64 - u->shift);
	e->origin[INSN_RAX] = e->origin[INSN_RDX] = origin;
	NEXT_CHECKED(e, u);
}

const struct uop_pair uop_mul = { mul, mul_checked, NULL };

static void do_mulx(struct engine *e, const struct uop *u)
{
	unsigned __int128 p = (unsigned __int128)cut(u, e->r[INSN_RDX]) * cut(u, e->r[u->a]);

	e->r[u->b] = cut(u, (uint64_t)p);
	e->r[u->d] = cut(u, (uint64_t)(p >> (64 - u->shift)));
}

static void mulx(struct engine *e, const struct uop *u)
{
	do_mulx(e, u);
	NEXT(e, u);
}

static void mulx_checked(struct engine *e, const struct uop *u)
{
	uint64_t v = cut(u, v_upwards(cut(u, e->v[INSN_RDX] | e->v[u->a])));
	uint32_t origin = origin_of(e, INSN_RDX, u->a);

	do_mulx(e, u);
	e->v[u->b] = v;
	e->v[u->d] = v ? cut(u, V_ALL) : 0;
	e->origin[u->b] = e->origin[u->d] = origin;
	NEXT_CHECKED(e, u);
}

const struct uop_pair uop_mulx = { mulx, mulx_checked, NULL };

static unsigned __int128 dividend(const struct engine *e, const struct uop *u)
{
	unsigned bits = 64 - u->shift;

	if (bits == 8)
		return (uint16_t)e->r[INSN_RAX];
	return (unsigned __int128)cut(u, e->r[INSN_RDX]) << bits | cut(u, e->r[INSN_RAX]);
}

static bool divide_unsigned(struct engine *e, const struct uop *u, uint64_t *q, uint64_t *r)
{
	unsigned __int128 n = dividend(e, u);
	uint64_t d = cut(u, e->r[u->a]);

	if (d == 0 || n / d > cut(u, V_ALL))
		return false;
	*q = (uint64_t)(n / d);
	*r = (uint64_t)(n % d);
	return true;
}

static bool divide_signed(struct engine *e, const struct uop *u, uint64_t *q, uint64_t *r)
{
	unsigned spare = 128 - 2 * (64 - u->shift);
	__int128 n = (__int128)(dividend(e, u) << spare) >> spare, quotient;
	int64_t d = cut_signed(u, e->r[u->a]);

	/* The least dividend of 128 bits has no quotient by -1, and fits in no case. */
	if (d == 0 || (d == -1 && n == (__int128)((unsigned __int128)1 << 127)))
		return false;
	quotient = n / d;
	if (quotient != cut_signed(u, (uint64_t)quotient))
		return false;
	*q = cut(u, (uint64_t)quotient);
	*r = cut(u, (uint64_t)(n % d));
	return true;
}

static bool do_div(struct engine *e, const struct uop *u)
{
	uint64_t q, r;

	if (!(u->op ? divide_signed(e, u, &q, &r) : divide_unsigned(e, u, &q, &r))) {
		uop_leave(e, u, LEAVE_HARDWARE);
		return false;
	}
	put_pair(&e->r[INSN_RAX], &e->r[INSN_RDX], q, r, 64 - u->shift);
	return true;
}

static void div(struct engine *e, const struct uop *u)
{
	if (do_div(e, u))
		NEXT(e, u);
}

/* The flags are undefined by the manual and stay. */
static void div_checked(struct engine *e, const struct uop *u)
{
	uint64_t rdx = 64 - u->shift == 8 ? 0 : e->v[INSN_RDX];
	uint64_t wide = 64 - u->shift == 8 ? e->v[INSN_RAX] & 0xffff : cut(u, e->v[INSN_RAX]);
	uint64_t v = wide | cut(u, rdx) | cut(u, e->v[u->a]) ? cut(u, V_ALL) : 0;
	uint32_t origin = e->v[u->a] ? e->origin[u->a] : origin_of(e, INSN_RAX, INSN_RDX);

	if (!do_div(e, u))
		return;
	put_pair(&e->v[INSN_RAX], &e->v[INSN_RDX], v, v, 64 - u->shift);
	e->origin[INSN_RAX] = e->origin[INSN_RDX] = origin;
	NEXT_CHECKED(e, u);
}

const struct uop_pair uop_div = { div, div_checked, NULL };
