// SPDX-License-Identifier: GPL-2.0-only
/*
 * uop_bits.c: shifts, rotates, single bits, bit scans and BMI.
 *
 * Shifts move V bits as they move bits, so the same function does both. Flags that the manual leaves
 * undefined are kept or are what follows from the result. Sources: Intel SDM vol. 2.
 */
#include "uop_alu.h"

struct shifted {
	uint64_t result;
	unsigned cf, of; /* 0 or 1 */
};

static uint64_t low_bits(unsigned bits)
{
	return ~0ull >> (64 - bits);
}

static uint64_t sign_extended(uint64_t x, unsigned bits)
{
	return (uint64_t)((int64_t)(x << (64 - bits)) >> (64 - bits));
}

static uint64_t shift_left(uint64_t x, unsigned n)
{
	return n < 64 ? x << n : 0;
}

static uint64_t shift_right(uint64_t x, unsigned n)
{
	return n < 64 ? x >> n : 0;
}

static unsigned bit_of(uint64_t x, unsigned n)
{
	return n < 64 ? (x >> n) & 1 : 0;
}

/* n bits through the carry to the left; x has bits bits. */
static struct shifted rotate_carry(uint64_t x, unsigned bits, unsigned n, unsigned cf)
{
	for (; n; n--) {
		unsigned out = bit_of(x, bits - 1);

		x = ((x << 1) | cf) & low_bits(bits);
		cf = out;
	}
	return (struct shifted){ x, cf, bit_of(x, bits - 1) ^ cf };
}

/* x has bits bits, the others are 0. n is not 0 and masked to 5 or 6 bits. */
static struct shifted shift(unsigned op, uint64_t x, unsigned bits, unsigned n, unsigned cf)
{
	struct shifted s = { 0 };
	unsigned top = bits - 1, turn = n % bits;

	switch ((enum shift_op)op) {
	case SHIFT_ROL:
		s.result = ((x << turn) | shift_right(x, bits - turn)) & low_bits(bits);
		s.cf = s.result & 1;
		s.of = bit_of(s.result, top) ^ s.cf;
		break;
	case SHIFT_ROR:
		s.result = ((x >> turn) | shift_left(x, bits - turn)) & low_bits(bits);
		s.cf = bit_of(s.result, top);
		s.of = s.cf ^ bit_of(s.result, top - 1);
		break;
	case SHIFT_RCL:
		return rotate_carry(x, bits, n % (bits + 1), cf);
	case SHIFT_RCR:
		s = rotate_carry(x, bits, bits + 1 - n % (bits + 1), cf);
		s.of = bit_of(s.result, top) ^ bit_of(s.result, top - 1);
		break;
	case SHIFT_SHR:
		s.result = shift_right(x, n);
		s.cf = bit_of(x, n - 1);
		s.of = bit_of(x, top);
		break;
	case SHIFT_SAR:
		x = sign_extended(x, bits);
		s.result = (uint64_t)((int64_t)x >> n) & low_bits(bits);
		s.cf = bit_of(x, n - 1);
		break;
	default:
		s.result = shift_left(x, n) & low_bits(bits);
		s.cf = n <= bits ? bit_of(x, bits - n) : 0;
		s.of = bit_of(s.result, top) ^ s.cf;
	}
	return s;
}

static bool is_rotate(unsigned op)
{
	return op < SHIFT_SHL;
}

static uint32_t shift_flags(const struct shifted *s)
{
	return (s->cf ? FLAG_CF : 0) | (s->of ? FLAG_OF : 0);
}

/* Rotates leave ZF, SF, PF and AF alone. */
static void keep_shift_flags(struct engine *e, const struct uop *u, const struct shifted *s)
{
	uint32_t flags = shift_flags(s);

	if (is_rotate(u->op)) {
		flags |= cc_flags(&e->cc) & ~(FLAG_CF | FLAG_OF);
		e->cc.kind = CC_FLAGS;
	} else {
		cc_keep(e, u, CC_RESULT, s->result << u->shift, 0);
	}
	e->cc.flags = flags;
}

static unsigned count_of(const struct uop *u, uint64_t count)
{
	return count & (u->shift ? 31 : 63);
}

static void do_shift(struct engine *e, const struct uop *u, unsigned n)
{
	uint64_t x = (e->r[u->a] << u->shift) >> u->shift;
	struct shifted s;

	if (!n) {
		e->r[u->d] = x;
		return;
	}
	s = shift(u->op, x, 64 - u->shift, n, cc_carry(&e->cc));
	keep_shift_flags(e, u, &s);
	e->r[u->d] = s.result;
}

/* OF follows from CF and the two top bits of the result or, of shr, of the operand. */
static void do_shift_checked(struct engine *e, const struct uop *u, unsigned n)
{
	unsigned bits = 64 - u->shift;
	uint64_t v = (e->v[u->a] << u->shift) >> u->shift;
	uint32_t vold = cc_vflags(&e->cc), vflags = 0;
	uint32_t origin = v ? e->origin[u->a] : e->cc.origin;
	struct shifted s;

	do_shift(e, u, n);
	e->origin[u->d] = origin;
	e->v[u->d] = v;
	if (!n)
		return;
	s = shift(u->op, v, bits, n, vold & FLAG_CF);
	e->v[u->d] = s.result;
	if (s.cf)
		vflags |= FLAG_CF | FLAG_OF;
	if ((s.result | v) >> (bits - 2))
		vflags |= FLAG_OF;
	if (is_rotate(u->op))
		cc_keep_v(e, 0, 0, vflags | (vold & ~(FLAG_CF | FLAG_OF)), 0);
	else
		cc_keep_v(e, s.result << u->shift, 0, vflags, 0);
	e->cc.origin = origin;
}

static void shift_imm(struct engine *e, const struct uop *u)
{
	do_shift(e, u, (unsigned)u->imm);
	NEXT(e, u);
}

static void shift_imm_checked(struct engine *e, const struct uop *u)
{
	do_shift_checked(e, u, (unsigned)u->imm);
	NEXT_CHECKED(e, u);
}

static void shift_slot(struct engine *e, const struct uop *u)
{
	do_shift(e, u, count_of(u, e->r[u->b]));
	NEXT(e, u);
}

/* The result of an operation with an undefined count, or the like: nothing is known. */
static void all_undefined(struct engine *e, const struct uop *u, uint32_t origin)
{
	e->v[u->d] = V_ALL << u->shift >> u->shift;
	e->origin[u->d] = origin;
	cc_set_flags(&e->cc, cc_flags(&e->cc), FLAGS_STATUS);
	e->cc.origin = origin;
}

static void shift_slot_checked(struct engine *e, const struct uop *u)
{
	uint32_t origin = e->origin[u->b];
	bool undefined = count_of(u, e->v[u->b]);

	do_shift_checked(e, u, count_of(u, e->r[u->b]));
	if (undefined)
		all_undefined(e, u, origin);
	NEXT_CHECKED(e, u);
}

const struct uop_pair uop_shift[2] = { { shift_slot, shift_slot_checked, NULL },
				       { shift_imm, shift_imm_checked, NULL } };

/* --- By a constant smaller than the operand: shl, shr, sar; where nobody reads flags, rol and ror --- */

/* What is read comes first: a store could change *u, for all the compiler knows. */
static inline void do_shl(struct engine *e, const struct uop *u)
{
	unsigned n = (unsigned)u->imm, shift = u->shift, d = u->d;
	uint64_t x = e->r[u->a] << shift;
	uint64_t r = x << n;
	uint32_t cf = (uint32_t)(x >> (64 - n)) & 1;

	cc_keep(e, u, CC_RESULT, r, 0);
	e->cc.flags = cf | (cf != r >> 63 ? FLAG_OF : 0);
	e->r[d] = r >> shift;
}

static inline void do_shr(struct engine *e, const struct uop *u)
{
	unsigned n = (unsigned)u->imm, shift = u->shift, d = u->d;
	uint64_t x = (e->r[u->a] << shift) >> shift;
	uint64_t r = x >> n;

	cc_keep(e, u, CC_RESULT, r << shift, 0);
	e->cc.flags = ((uint32_t)(x >> (n - 1)) & 1) | (x >> (63 - shift) ? FLAG_OF : 0);
	e->r[d] = r;
}

static inline void do_sar(struct engine *e, const struct uop *u)
{
	unsigned n = (unsigned)u->imm, shift = u->shift, d = u->d;
	int64_t x = (int64_t)(e->r[u->a] << shift) >> shift;
	uint64_t r = (uint64_t)(x >> n) << shift;

	cc_keep(e, u, CC_RESULT, r, 0);
	e->cc.flags = (uint32_t)(x >> (n - 1)) & 1;
	e->r[d] = r >> shift;
}

static inline uint64_t quiet_shl(uint64_t x, unsigned n, unsigned shift)
{
	return x << shift << n >> shift;
}

static inline uint64_t quiet_shr(uint64_t x, unsigned n, unsigned shift)
{
	return x << shift >> shift >> n;
}

static inline uint64_t quiet_sar(uint64_t x, unsigned n, unsigned shift)
{
	return (uint64_t)((int64_t)(x << shift) >> shift >> n) << shift >> shift;
}

static inline uint64_t quiet_rol(uint64_t x, unsigned n, unsigned shift)
{
	x = x << shift >> shift;
	return (x << n | x >> (64 - shift - n)) << shift >> shift;
}

static inline uint64_t quiet_ror(uint64_t x, unsigned n, unsigned shift)
{
	return quiet_rol(x, 64 - shift - n, shift);
}

#define SHIFT_FAST(name)                                                                               \
	static void name##_fast(struct engine *e, const struct uop *u)                                 \
	{                                                                                              \
		do_##name(e, u);                                                                       \
		NEXT(e, u);                                                                            \
	}                                                                                              \
	static void name##_fast_checked(struct engine *e, const struct uop *u)                         \
	{                                                                                              \
		if (e->v[u->a])                                                                        \
			return shift_imm_checked(e, u);                                                \
		do_##name(e, u);                                                                       \
		cc_keep_v(e, 0, 0, 0, 0);                                                              \
		e->v[u->d] = 0;                                                                        \
		NEXT_CHECKED(e, u);                                                                    \
	}

#define SHIFT_QUIET(name, bits)                                                                        \
	static void name##_quiet##bits(struct engine *e, const struct uop *u)                          \
	{                                                                                              \
		e->r[u->d] = quiet_##name(e->r[u->a], (unsigned)u->imm, 64 - bits);                    \
		NEXT(e, u);                                                                            \
	}

#define SHIFT_FORMS(name, effect)                                                                      \
	SHIFT_QUIET(name, 32)                                                                          \
	SHIFT_QUIET(name, 64)                                                                          \
	static const struct uop_forms name##_forms = {                                                 \
		.flags = effect, .quiet = { [2] = name##_quiet32, [3] = name##_quiet64 }       \
	};

SHIFT_FORMS(shl, UOP_SETS_FLAGS)
SHIFT_FORMS(shr, UOP_SETS_FLAGS)
SHIFT_FORMS(sar, UOP_SETS_FLAGS)
SHIFT_FORMS(rol, UOP_KEEPS_FLAGS)
SHIFT_FORMS(ror, UOP_KEEPS_FLAGS)
SHIFT_FAST(shl)
SHIFT_FAST(shr)
SHIFT_FAST(sar)

const struct uop_pair uop_shift_immediate[SHIFTS] = {
	[SHIFT_ROL] = { shift_imm, shift_imm_checked, &rol_forms },
	[SHIFT_ROR] = { shift_imm, shift_imm_checked, &ror_forms },
	[SHIFT_SHL] = { shl_fast, shl_fast_checked, &shl_forms },
	[SHIFT_SAL] = { shl_fast, shl_fast_checked, &shl_forms },
	[SHIFT_SHR] = { shr_fast, shr_fast_checked, &shr_forms },
	[SHIFT_SAR] = { sar_fast, sar_fast_checked, &sar_forms },
};

/* --- shld, shrd --- */

static struct shifted double_shift(bool right, uint64_t x, uint64_t from, unsigned bits, unsigned n)
{
	struct shifted s;

	if (right) {
		s.result = ((x >> n) | shift_left(from, bits - n)) & low_bits(bits);
		s.cf = bit_of(x, n - 1);
	} else {
		s.result = ((x << n) | shift_right(from, bits - n)) & low_bits(bits);
		s.cf = bit_of(x, bits - n);
	}
	s.of = bit_of(s.result ^ x, bits - 1);
	return s;
}

/* Of 16-bit operands with a count beyond 16 the result is undefined: that is for the hardware. */
static bool do_double_shift(struct engine *e, const struct uop *u, unsigned n)
{
	unsigned bits = 64 - u->shift;
	uint64_t x = (e->r[u->a] << u->shift) >> u->shift;
	uint64_t from = (e->r[SLOT_T1] << u->shift) >> u->shift;
	struct shifted s;

	if (n > bits) {
		uop_leave(e, u, LEAVE_HARDWARE);
		return false;
	}
	if (n) {
		s = double_shift(u->op, x, from, bits, n);
		cc_keep(e, u, CC_RESULT, s.result << u->shift, 0);
		e->cc.flags = shift_flags(&s);
		x = s.result;
	}
	e->r[u->d] = x;
	return true;
}

static bool do_double_shift_checked(struct engine *e, const struct uop *u, unsigned n)
{
	unsigned bits = 64 - u->shift;
	uint64_t v = (e->v[u->a] << u->shift) >> u->shift;
	uint64_t vfrom = (e->v[SLOT_T1] << u->shift) >> u->shift;
	uint32_t origin = origin_of(e, u->a, SLOT_T1);
	struct shifted s;

	if (!do_double_shift(e, u, n))
		return false;
	if (n) {
		s = double_shift(u->op, v, vfrom, bits, n);
		cc_keep_v(e, s.result << u->shift, 0,
			  (s.cf ? FLAG_CF : 0) | ((s.result | v) >> (bits - 1) ? FLAG_OF : 0), 0);
		e->cc.origin = origin;
		v = s.result;
	}
	e->v[u->d] = v;
	e->origin[u->d] = origin;
	return true;
}

static void double_slot(struct engine *e, const struct uop *u)
{
	if (do_double_shift(e, u, count_of(u, e->r[u->b])))
		NEXT(e, u);
}

static void double_slot_checked(struct engine *e, const struct uop *u)
{
	uint32_t origin = e->origin[u->b];
	bool undefined = count_of(u, e->v[u->b]);

	if (!do_double_shift_checked(e, u, count_of(u, e->r[u->b])))
		return;
	if (undefined)
		all_undefined(e, u, origin);
	NEXT_CHECKED(e, u);
}

static void double_imm(struct engine *e, const struct uop *u)
{
	if (do_double_shift(e, u, count_of(u, (uint64_t)u->imm)))
		NEXT(e, u);
}

static void double_imm_checked(struct engine *e, const struct uop *u)
{
	if (do_double_shift_checked(e, u, count_of(u, (uint64_t)u->imm)))
		NEXT_CHECKED(e, u);
}

const struct uop_pair uop_double_shift[2] = { { double_slot, double_slot_checked, NULL },
					      { double_imm, double_imm_checked, NULL } };

/* --- Single bits --- */

static void do_bit(struct engine *e, const struct uop *u, uint64_t offset)
{
	unsigned n = offset & (63 - u->shift);
	uint64_t x = e->r[u->a], bit = 1ull << n;

	cc_set_flags(&e->cc, (cc_flags(&e->cc) & ~FLAG_CF) | ((x >> n) & 1), e->cc.vflags);
	if (u->op == BIT_SET)
		x |= bit;
	else if (u->op == BIT_RESET)
		x &= ~bit;
	else if (u->op == BIT_COMPLEMENT)
		x ^= bit;
	if (u->op != BIT_TEST)
		e->r[u->d] = (x << u->shift) >> u->shift;
}

static void do_bit_checked(struct engine *e, const struct uop *u, uint64_t offset, uint64_t voffset)
{
	unsigned mask = 63 - u->shift, n = offset & mask;
	uint32_t vflags = cc_vflags(&e->cc) & ~FLAG_CF;
	uint64_t v = (e->v[u->a] << u->shift) >> u->shift;
	uint32_t origin = v ? e->origin[u->a] : voffset ? e->origin[u->b] : e->cc.origin;
	bool undefined = voffset & mask;

	do_bit(e, u, offset);
	if (undefined || ((v >> n) & 1))
		vflags |= FLAG_CF;
	e->cc.vflags = vflags;
	e->cc.origin = origin;
	if (u->op == BIT_TEST)
		return;
	if (u->op != BIT_COMPLEMENT)
		v &= ~(1ull << n);
	e->v[u->d] = undefined ? low_bits(64 - u->shift) : v;
	e->origin[u->d] = origin;
}

static void bit_slot(struct engine *e, const struct uop *u)
{
	do_bit(e, u, e->r[u->b]);
	NEXT(e, u);
}

static void bit_slot_checked(struct engine *e, const struct uop *u)
{
	do_bit_checked(e, u, e->r[u->b], e->v[u->b]);
	NEXT_CHECKED(e, u);
}

static void bit_imm(struct engine *e, const struct uop *u)
{
	do_bit(e, u, (uint64_t)u->imm);
	NEXT(e, u);
}

static void bit_imm_checked(struct engine *e, const struct uop *u)
{
	do_bit_checked(e, u, (uint64_t)u->imm, 0);
	NEXT_CHECKED(e, u);
}

const struct uop_pair uop_bit[2] = { { bit_slot, bit_slot_checked, NULL },
				     { bit_imm, bit_imm_checked, NULL } };

/* A bit offset in a register reaches beyond the operand: it is signed, and counts whole operands. */
static void bit_address(struct engine *e, const struct uop *u)
{
	int64_t offset = (int64_t)(e->r[u->b] << u->shift) >> u->shift;

	e->r[u->d] = e->r[u->a] + (uint64_t)((offset >> 3) & -(int64_t)u->size);
	NEXT(e, u);
}

static void bit_address_checked(struct engine *e, const struct uop *u)
{
	int64_t offset = (int64_t)(e->r[u->b] << u->shift) >> u->shift;
	uint64_t beyond = e->v[u->b] << u->shift >> u->shift & ~(8ull * u->size - 1);
	uint32_t origin = origin_of(e, u->a, u->b);

	e->v[u->d] = e->v[u->a] | (beyond ? V_ALL : 0);
	e->origin[u->d] = origin;
	e->r[u->d] = e->r[u->a] + (uint64_t)((offset >> 3) & -(int64_t)u->size);
	NEXT_CHECKED(e, u);
}

const struct uop_pair uop_bit_address = { bit_address, bit_address_checked, NULL };

/* --- Scans --- */

static void scan_flags(struct engine *e, uint32_t flags)
{
	uint32_t vflags = e->cc.vflags;

	cc_set_flags(&e->cc, flags, vflags);
}

/* bsf and bsr of 0 leave the destination as it was. */
static void do_scan(struct engine *e, const struct uop *u)
{
	unsigned bits = 64 - u->shift;
	uint64_t x = (e->r[u->a] << u->shift) >> u->shift, r = 0;
	uint32_t flags = cc_flags(&e->cc);

	switch ((enum scan_op)u->op) {
	case SCAN_BSF:
	case SCAN_BSR:
		flags = (flags & ~FLAG_ZF) | (x ? 0 : FLAG_ZF);
		scan_flags(e, flags);
		if (!x)
			return;
		r = u->op == SCAN_BSF ? (unsigned)__builtin_ctzll(x) :
					63u - (unsigned)__builtin_clzll(x);
		break;
	case SCAN_TZCNT:
	case SCAN_LZCNT:
		r = bits;
		if (x)
			r = u->op == SCAN_TZCNT ? (unsigned)__builtin_ctzll(x) :
						  (unsigned)__builtin_clzll(x << u->shift);
		flags &= ~(FLAG_CF | FLAG_ZF);
		scan_flags(e, flags | (x ? 0 : FLAG_CF) | (r ? 0 : FLAG_ZF));
		break;
	default:
		r = (unsigned)__builtin_popcountll(x);
		scan_flags(e, r ? 0 : FLAG_ZF);
	}
	e->r[u->d] = r;
}

static void scan(struct engine *e, const struct uop *u)
{
	do_scan(e, u);
	NEXT(e, u);
}

/* A defined 1 that comes before every undefined bit settles the matter. */
static bool scan_settled(unsigned op, uint64_t x, uint64_t v)
{
	uint64_t ones = x & ~v;

	if (!ones || op == SCAN_POPCNT)
		return false;
	if (op == SCAN_BSF || op == SCAN_TZCNT)
		return __builtin_ctzll(ones) < __builtin_ctzll(v);
	return __builtin_clzll(ones) < __builtin_clzll(v);
}

static void scan_checked(struct engine *e, const struct uop *u)
{
	uint64_t x = (e->r[u->a] << u->shift) >> u->shift;
	uint64_t v = (e->v[u->a] << u->shift) >> u->shift;
	uint64_t vold = e->v[u->d], result = V_ALL >> 57;
	uint32_t origin = e->origin[u->a];
	bool keeps = !x && (u->op == SCAN_BSF || u->op == SCAN_BSR);
	uint32_t vflags = cc_vflags(&e->cc);
	uint32_t changed = u->op <= SCAN_BSR ? FLAG_ZF :
			   u->op == SCAN_POPCNT ? FLAGS_STATUS : FLAG_ZF | FLAG_CF;

	do_scan(e, u);
	vflags &= ~changed;
	if (v && !scan_settled(u->op, x, v)) {
		/* Some defined 1: bsf and bsr find something, tzcnt and lzcnt are below the width. */
		bool nonzero = x & ~v;
		uint32_t open = u->op <= SCAN_BSR ? 0 : FLAG_ZF;

		vflags |= changed & (nonzero ? open : FLAG_ZF | FLAG_CF);
		e->v[u->d] = nonzero || u->op > SCAN_BSR ? result : result | V_ALL;
		e->origin[u->d] = origin;
		e->cc.origin = origin;
	} else if (keeps) {
		e->v[u->d] = vold;
	} else {
		e->v[u->d] = 0;
	}
	e->cc.vflags = vflags;
	NEXT_CHECKED(e, u);
}

const struct uop_pair uop_scan = { scan, scan_checked, NULL };
