// SPDX-License-Identifier: GPL-2.0-only
/*
 * uop_vector.c: vector registers: loads, stores, moves and logic, as SSE and as VEX have them.
 *
 * Kernel code seldom uses them: one function serves with and without V bits, and there is no fast
 * path to memory. V bits are exact, bit by bit.
 */
#include "uop_alu.h"
#include "vector.h"

static bool fetch(struct engine *e)
{
	struct vector_file *f = &e->vector;

	f->regs = e->ops.vectors(e->ctx);
	memset(f->v, 0, sizeof(f->v));
	return f->regs;
}

bool vectors_get(struct engine *e, const struct uop *u, bool vex)
{
	const uint64_t avx = XSTATE_SSE | XSTATE_AVX;

	if ((e->vector.regs || fetch(e)) && (!vex || (e->vector.regs->xcr0 & avx) == avx))
		return true;
	uop_leave(e, u, LEAVE_HARDWARE);
	return false;
}

static struct vector value_of(struct engine *e, unsigned n)
{
	struct engine_vectors *r = e->vector.regs;
	struct vector x = { { 0 } };

	if (n == VECTOR_TEMP)
		return e->vector.temp;
	memcpy(x.w, xmm_at(r, n), XMM_BYTES);
	if (r->xcr0 & XSTATE_AVX)
		memcpy(x.w + 2, ymm_high_at(r, n), XMM_BYTES);
	return x;
}

/* VEX instructions clear what is above their operand, up to the longest register there is. */
static void clear_zmm_high(struct engine_vectors *r, unsigned n)
{
	if (*xstate_bv(r) & XSTATE_ZMM_HI256)
		memset(r->area + r->component[COMPONENT_ZMM_HI256].offset + n * ZMM_HIGH_BYTES, 0,
		       ZMM_HIGH_BYTES);
}

static void put(struct engine *e, const struct uop *u, const struct vector *x)
{
	struct engine_vectors *r = e->vector.regs;

	r->dirty = true;
	memcpy(xmm_at(r, u->d), x->w, XMM_BYTES);
	*xstate_bv(r) |= XSTATE_SSE;
	if (!(u->op & VECTOR_VEX))
		return;
	memcpy(ymm_high_at(r, u->d), x->w + 2, XMM_BYTES);
	if (u->size > XMM_BYTES)
		*xstate_bv(r) |= XSTATE_AVX;
	clear_zmm_high(r, u->d);
}

/* --- Memory --- */

static bool is_aligned(const struct uop *u, uint64_t addr)
{
	return !(u->op & VECTOR_ALIGNED) || addr % u->size == 0;
}

/* Misaligned operands of aligned instructions are the hardware's: #GP, or not (MXCSR.MM). */
static bool begin_access(struct engine *e, const struct uop *u, uint64_t addr)
{
	if (!vectors_get(e, u, u->op & VECTOR_VEX))
		return false;
	if (is_aligned(u, addr))
		return true;
	uop_leave(e, u, LEAVE_HARDWARE);
	return false;
}

static void load(struct engine *e, const struct uop *u)
{
	uint64_t addr = uop_address(e, u);
	struct vector x = { { 0 } }, v = { { 0 } };
	uint32_t origin = NO_ORIGIN;

	if (e->undefined)
		uop_defined_address(e, u);
	if (!begin_access(e, u, addr) ||
	    !mem_load_bytes(e, u, addr, u->size, x.w, (uint8_t *)v.w, &origin))
		return;
	e->vector.temp = x;
	vector_set_v(e, VECTOR_TEMP, &v, origin);
	uop_next(e, u);
}

static void store(struct engine *e, const struct uop *u)
{
	uint64_t addr = uop_address(e, u);
	unsigned from = u->op & VECTOR_HIGH ? 8 : 0;
	const uint8_t *v = NULL;
	struct vector x;

	if (e->undefined)
		uop_defined_address(e, u);
	if (!begin_access(e, u, addr))
		return;
	x = value_of(e, u->d);
	if (e->undefined)
		v = (const uint8_t *)e->vector.v[u->d].w + from;
	if (mem_store_bytes(e, u, addr, u->size, (const uint8_t *)x.w + from, v,
			    e->vector.origin[u->d]))
		uop_next(e, u);
}

const struct uop_pair uop_vector_load = { load, load, NULL };
const struct uop_pair uop_vector_store = { store, store, NULL };

/* --- Between registers --- */

/* Which of a's and b's bits become the result's; the same for values and V bits. */
static struct vector combined(enum vector_op op, const struct vector *a, const struct vector *b)
{
	struct vector r = *b;

	switch (op) {
	case VECTOR_LOW32:
		r.w[0] = (a->w[0] & ~0xffffffffull) | (uint32_t)b->w[0];
		r.w[1] = a->w[1];
		break;
	case VECTOR_LOW64:
		r.w[1] = a->w[1];
		break;
	case VECTOR_HIGH64:
		r.w[0] = a->w[0];
		r.w[1] = b->w[0];
		break;
	case VECTOR_HIGH_TO_LOW:
		r.w[0] = b->w[1];
		r.w[1] = a->w[1];
		break;
	case VECTOR_QUAD:
		r.w[1] = 0;
		break;
	default: /* VECTOR_COPY */
		break;
	}
	return r;
}

static struct vector logic(enum vector_op op, const struct vector *a, const struct vector *b)
{
	struct vector r = { { 0 } };

	for (unsigned n = 0; n < 4; n++) {
		uint64_t x = a->w[n], y = b->w[n];

		r.w[n] = op == VECTOR_AND ? x & y : op == VECTOR_ANDN ? ~x & y :
			 op == VECTOR_OR ? x | y : op == VECTOR_XOR ? x ^ y : 0;
	}
	return r;
}

static struct vector logic_v(enum vector_op op, const struct vector *a, const struct vector *b,
			     const struct vector *va, const struct vector *vb)
{
	struct vector r = { { 0 } };

	for (unsigned n = 0; n < 4; n++) {
		uint64_t x = op == VECTOR_ANDN ? ~a->w[n] : a->w[n];

		if (op == VECTOR_AND || op == VECTOR_ANDN)
			r.w[n] = v_and(x, b->w[n], va->w[n], vb->w[n]);
		else if (op == VECTOR_OR)
			r.w[n] = v_or(x, b->w[n], va->w[n], vb->w[n]);
		else if (op == VECTOR_XOR)
			r.w[n] = va->w[n] | vb->w[n];
	}
	return r;
}

static bool is_logic(enum vector_op op)
{
	return op >= VECTOR_AND;
}

/* Above the operand: 0 with VEX, else as in old. */
static void limit(const struct uop *u, struct vector *x, const struct vector *old)
{
	if (u->size > XMM_BYTES)
		return;
	x->w[2] = u->op & VECTOR_VEX ? 0 : old->w[2];
	x->w[3] = u->op & VECTOR_VEX ? 0 : old->w[3];
}

static void combine(struct engine *e, const struct uop *u)
{
	enum vector_op op = (enum vector_op)(u->op & VECTOR_OP);
	const struct vector *v = e->vector.v;
	const uint32_t *origin = e->vector.origin;
	struct vector a, b, r, bits;

	if (!vectors_get(e, u, u->op & VECTOR_VEX))
		return;
	a = value_of(e, u->a);
	b = value_of(e, u->b);
	r = is_logic(op) ? logic(op, &a, &b) : combined(op, &a, &b);
	limit(u, &r, &r);
	put(e, u, &r);
	if (e->undefined) {
		bits = is_logic(op) ? logic_v(op, &a, &b, &v[u->a], &v[u->b]) :
				      combined(op, &v[u->a], &v[u->b]);
		limit(u, &bits, &v[u->d]);
		vector_set_v(e, u->d, &bits, vector_any(&v[u->b]) ? origin[u->b] : origin[u->a]);
	}
	uop_next(e, u);
}

const struct uop_pair uop_vector = { combine, combine, NULL };

/* --- From and to general registers --- */

static uint64_t gpr_mask(const struct uop *u)
{
	return u->size == 8 ? V_ALL : 0xffffffff;
}

static void from_gpr(struct engine *e, const struct uop *u)
{
	struct vector v = { { 0 } };

	if (!vectors_get(e, u, u->op & VECTOR_VEX))
		return;
	e->vector.temp = (struct vector){ { e->r[u->a] & gpr_mask(u) } };
	v.w[0] = e->v[u->a] & gpr_mask(u);
	vector_set_v(e, VECTOR_TEMP, &v, e->origin[u->a]);
	uop_next(e, u);
}

static void to_gpr(struct engine *e, const struct uop *u)
{
	if (!vectors_get(e, u, u->op & VECTOR_VEX))
		return;
	e->r[u->d] = value_of(e, u->a).w[0] & gpr_mask(u);
	if (e->undefined) {
		e->v[u->d] = e->vector.v[u->a].w[0] & gpr_mask(u);
		e->origin[u->d] = e->vector.origin[u->a];
	}
	uop_next(e, u);
}

const struct uop_pair uop_vector_from_gpr = { from_gpr, from_gpr, NULL };
const struct uop_pair uop_vector_to_gpr = { to_gpr, to_gpr, NULL };

/* --- vzeroupper, vzeroall --- */

/* All of a component becomes 0, which is its initial configuration. */
static void clear_component(struct engine_vectors *r, unsigned n)
{
	if (*xstate_bv(r) & 1ull << n)
		memset(r->area + r->component[n].offset, 0, r->component[n].size);
	*xstate_bv(r) &= ~(1ull << n);
}

static void zero(struct engine *e, const struct uop *u)
{
	bool all = u->size > XMM_BYTES;
	struct engine_vectors *r;

	if (!vectors_get(e, u, true))
		return;
	r = e->vector.regs;
	r->dirty = true;
	clear_component(r, COMPONENT_AVX);
	clear_component(r, COMPONENT_ZMM_HI256);
	if (all)
		memset(xmm_at(r, 0), 0, INSN_GPRS * XMM_BYTES);
	for (unsigned n = 0; e->undefined && n < VECTOR_TEMP; n++) {
		struct vector v = e->vector.v[n];

		v.w[2] = v.w[3] = 0;
		if (all)
			v.w[0] = v.w[1] = 0;
		vector_set_v(e, n, &v, e->vector.origin[n]);
	}
	uop_next(e, u);
}

const struct uop_pair uop_vector_zero = { zero, zero, NULL };
