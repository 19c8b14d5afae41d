// SPDX-License-Identifier: GPL-2.0-only
/*
 * uop_x87.c: control of the x87 unit and MXCSR, and the one x87 load that the kernel uses: it puts
 * known values into the last instruction's pointers before user registers come back (fnclex, emms,
 * fild). No V bits: what is loaded here is used by nobody.
 *
 * Sources: Intel SDM vol. 1, chapter 8; vol. 2, the instructions; vol. 3A, 12.2 (emms). An
 * exception that is pending or would come up is the hardware's.
 */
#include "uop_alu.h"
#include "vector.h"

#define FSW_EXCEPTIONS 0x80ffu /* with ES, SF and B */
#define FSW_ES	       0x0080u
#define FSW_C1	       0x0200u
#define FSW_TOP	       0x3800u
#define TOP_SHIFT      11
#define ST_BYTES       16
#define ST_EXPONENT    8 /* offset of sign and exponent in a register */
#define BIAS	       16383

static void put16(struct engine_vectors *r, unsigned at, unsigned x)
{
	uint16_t bits = (uint16_t)x;

	memcpy(r->area + at, &bits, sizeof(bits));
}

static void changed(struct engine_vectors *r)
{
	*xstate_bv(r) |= XSTATE_X87;
	r->dirty = true;
}

/* The area has the registers in the order of the stack: a new top renames them. */
static void set_top(struct engine_vectors *r, unsigned top)
{
	unsigned fsw = area16(r, AREA_FSW), by = (top - (fsw >> TOP_SHIFT)) & 7;
	uint8_t old[8 * ST_BYTES];

	memcpy(old, r->area + AREA_ST, sizeof(old));
	for (unsigned n = 0; n < 8; n++)
		memcpy(r->area + AREA_ST + n * ST_BYTES, old + (n + by) % 8 * ST_BYTES, ST_BYTES);
	put16(r, AREA_FSW, (fsw & ~FSW_TOP) | top << TOP_SHIFT);
}

static void fnclex(struct engine_vectors *r)
{
	put16(r, AREA_FSW, area16(r, AREA_FSW) & ~FSW_EXCEPTIONS);
}

static void emms(struct engine_vectors *r)
{
	set_top(r, 0);
	r->area[AREA_FTW] = 0;
}

static void fninit(struct engine_vectors *r)
{
	set_top(r, 0);
	memset(r->area, 0, AREA_MXCSR);
	put16(r, AREA_FCW, FCW_INITIAL);
}

static void put_integer(uint8_t *st, int32_t value)
{
	uint64_t mantissa = value < 0 ? 0 - (uint64_t)(int64_t)value : (uint64_t)value;
	uint16_t exponent = 0;

	if (mantissa) {
		unsigned shift = (unsigned)__builtin_clzll(mantissa);

		mantissa <<= shift;
		exponent = (uint16_t)((BIAS + 63 - shift) | (value < 0 ? 0x8000 : 0));
	}
	memset(st, 0, ST_BYTES);
	memcpy(st, &mantissa, sizeof(mantissa));
	memcpy(st + ST_EXPONENT, &exponent, sizeof(exponent));
}

/* False: the register is not empty. */
static bool fild(struct engine *e, const struct uop *u, struct engine_vectors *r)
{
	unsigned top = ((area16(r, AREA_FSW) >> TOP_SHIFT) - 1u) & 7;
	uint64_t rip = uop_rip(e, u);

	if (r->area[AREA_FTW] & 1u << top)
		return false;
	set_top(r, top);
	put16(r, AREA_FSW, area16(r, AREA_FSW) & ~FSW_C1);
	r->area[AREA_FTW] |= (uint8_t)(1u << top);
	put_integer(r->area + AREA_ST, (int32_t)e->r[u->a]);
	put16(r, AREA_FOP, 3u << 8 | (uint8_t)u->imm); /* DB without its upper 5 bits, ModRM */
	memcpy(r->area + AREA_FIP, &rip, sizeof(rip));
	memcpy(r->area + AREA_FDP, &e->r[u->b], sizeof(e->r[u->b]));
	return true;
}

/* False: not valid. */
static bool ldmxcsr(struct engine_vectors *r, uint32_t value)
{
	if (value & ~mxcsr_mask(r))
		return false;
	memcpy(r->area + AREA_MXCSR, &value, sizeof(value));
	r->dirty = true;
	return true;
}

/* False: for the hardware, nothing has changed. */
static bool control(struct engine *e, const struct uop *u, struct engine_vectors *r)
{
	bool pending = area16(r, AREA_FSW) & FSW_ES;

	switch ((enum x87_op)u->op) {
	case X87_STMXCSR:
		e->r[u->d] = area32(r, AREA_MXCSR);
		e->v[u->d] = 0;
		return true;
	case X87_LDMXCSR:
		return ldmxcsr(r, (uint32_t)e->r[u->a]);
	case X87_FWAIT:
		return !pending;
	case X87_FNCLEX:
		fnclex(r);
		break;
	case X87_FNINIT:
		fninit(r);
		break;
	case X87_EMMS:
		if (pending)
			return false;
		emms(r);
		break;
	default:
		if (pending || !fild(e, u, r))
			return false;
	}
	changed(r);
	return true;
}

static void x87(struct engine *e, const struct uop *u)
{
	if (!vectors_get(e, u, false))
		return;
	if (control(e, u, e->vector.regs))
		uop_next(e, u);
	else
		uop_leave(e, u, LEAVE_HARDWARE);
}

const struct uop_pair uop_x87 = { x87, x87, NULL };
