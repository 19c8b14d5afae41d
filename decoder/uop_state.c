// SPDX-License-Identifier: GPL-2.0-only
/*
 * uop_state.c: xsave and its kin: registers to memory and back, a component at a time.
 *
 * Of what CPUs are free to do: XINUSE is XSTATE_BV of the registers' own area; xsaveopt and xsaves
 * do not use the modified optimization. Whatever would not be carried out plainly (alignment, a
 * header that is not valid, supervisor state) is for the hardware. Sources: Intel SDM vol. 1, 13.4
 * to 13.12, and vol. 2.
 *
 * V bits travel between memory and the 16 registers of SSE and AVX; the other components' count as
 * defined. The header's decide what is loaded.
 */
#include "uop_alu.h"
#include "vector.h"

#define FEATURE_XSAVEOPT 0x1u
#define FEATURE_XSAVEC	 0x2u
#define FEATURE_XSAVES	 0x8u

#define COMPACTED (1ull << 63) /* in XCOMP_BV */
#define FXSAVE_BYTES 512
#define HEADER_BYTES 64
#define MAX_RANGES   (ENGINE_COMPONENTS + 3)

/* Bytes that lie together both in the operand and in the standard form. */
struct range {
	uint32_t at;   /* in the operand */
	uint32_t from; /* in the standard form */
	uint32_t len;
};

/* One instruction in the making. Bytes and V bits have the places of the standard form. */
struct state {
	const struct uop *u;
	struct engine_vectors *r;
	enum state_op op;
	uint64_t addr, rfbm;
	uint64_t xstate_bv, xcomp_bv; /* of the header */
	uint32_t place[ENGINE_COMPONENTS]; /* of components in the operand; 0: none */
	struct range range[MAX_RANGES];
	unsigned n;
	uint32_t origin;
	uint8_t bytes[ENGINE_XSAVE_AREA], v[ENGINE_XSAVE_AREA];
};

static bool is_fx(enum state_op op)
{
	return op == STATE_FXSAVE || op == STATE_FXRSTOR;
}

static bool is_restore(enum state_op op)
{
	return op == STATE_FXRSTOR || op == STATE_XRSTOR || op == STATE_XRSTORS;
}

static uint32_t needed_features(enum state_op op)
{
	static const uint8_t needed[] = { [STATE_XSAVEOPT] = FEATURE_XSAVEOPT,
					  [STATE_XSAVEC] = FEATURE_XSAVEC,
					  [STATE_XSAVES] = FEATURE_XSAVES,
					  [STATE_XRSTORS] = FEATURE_XSAVES };

	return needed[op];
}

/* False: for the hardware. */
static bool begin(struct engine *e, struct state *s)
{
	uint64_t mask = (uint32_t)e->r[INSN_RAX] | e->r[INSN_RDX] << 32;
	bool supervisor = s->op == STATE_XSAVES || s->op == STATE_XRSTORS;
	uint32_t needed = needed_features(s->op);

	s->r = e->vector.regs;
	s->addr = uop_address(e, s->u);
	s->rfbm = is_fx(s->op) ? XSTATE_X87 | XSTATE_SSE : mask & s->r->xcr0;
	if ((s->r->features & needed) != needed || s->addr % (is_fx(s->op) ? 16 : 64))
		return false;
	return !supervisor || !(mask & s->r->xss);
}

/* --- Where things are --- */

static void add(struct state *s, uint32_t at, uint32_t from, uint32_t len)
{
	struct range *last = s->n ? &s->range[s->n - 1] : NULL;

	if (last && last->at + last->len == at && last->from + last->len == from)
		last->len += len;
	else
		s->range[s->n++] = (struct range){ at, from, len };
}

/* The registers' own area has them. */
static bool has_components(const struct engine_vectors *r, uint64_t components)
{
	for (unsigned n = 2; n < ENGINE_COMPONENTS; n++) {
		const struct engine_component *c = &r->component[n];

		if ((components & 1ull << n) && (!c->size || c->offset < AREA_HEADER_END ||
						 c->offset + c->size > ENGINE_XSAVE_AREA))
			return false;
	}
	return true;
}

static void place_standard(struct state *s)
{
	for (unsigned n = 2; n < ENGINE_COMPONENTS; n++)
		s->place[n] = s->r->component[n].offset;
}

/* Those of XCOMP_BV one behind the other. False: they do not fit. */
static bool place_compacted(struct state *s)
{
	uint32_t at = AREA_HEADER_END;

	for (unsigned n = 2; n < ENGINE_COMPONENTS; n++) {
		const struct engine_component *c = &s->r->component[n];

		if (!(s->xcomp_bv & 1ull << n))
			continue;
		if (c->aligned)
			at = (at + 63) & ~63u;
		s->place[n] = at;
		at += c->size;
		if (!c->size || at > ENGINE_XSAVE_AREA)
			return false;
	}
	return true;
}

/* False: for the hardware. */
static bool place(struct state *s)
{
	if (s->xcomp_bv & COMPACTED)
		return has_components(s->r, s->rfbm) && place_compacted(s);
	place_standard(s);
	return has_components(s->r, s->rfbm);
}

/* Legacy registers, then the others; mxcsr by itself, for it belongs to no component alone. */
static void add_components(struct state *s, uint64_t components, bool mxcsr)
{
	if (components & XSTATE_X87)
		add(s, 0, 0, AREA_MXCSR);
	if (mxcsr)
		add(s, AREA_MXCSR, AREA_MXCSR, AREA_ST - AREA_MXCSR);
	if (components & XSTATE_X87)
		add(s, AREA_ST, AREA_ST, AREA_XMM - AREA_ST);
	if (components & XSTATE_SSE)
		add(s, AREA_XMM, AREA_XMM, AREA_LEGACY_END - AREA_XMM);
	for (unsigned n = 2; n < ENGINE_COMPONENTS; n++)
		if (components & 1ull << n)
			add(s, s->place[n], s->r->component[n].offset, s->r->component[n].size);
}

/*
 * Nothing has changed yet: all pages can be reached, or e->leave is set. CPUs also touch parts of
 * the legacy region and the header that they do not need.
 */
static bool probe(struct engine *e, const struct state *s, unsigned how)
{
	if (!mem_probe(e, s->u, s->addr, is_fx(s->op) ? FXSAVE_BYTES : AREA_HEADER_END, how))
		return false;
	for (unsigned n = 0; n < s->n; n++)
		if (!mem_probe(e, s->u, s->addr + s->range[n].at, s->range[n].len, how))
			return false;
	return true;
}

static bool leave_to_hardware(struct engine *e, const struct state *s)
{
	uop_leave(e, s->u, LEAVE_HARDWARE);
	return false;
}

/* V bits of the registers as if they were saved in the standard form. */
static void v_to_area(const struct engine *e, struct state *s)
{
	bool avx = s->r->xcr0 & XSTATE_AVX;

	memset(s->v, 0, sizeof(s->v));
	s->origin = NO_ORIGIN;
	for (unsigned n = 0; n < VECTOR_TEMP; n++) {
		if (!(e->vector.undefined & 1u << n))
			continue;
		memcpy(s->v + AREA_XMM + n * XMM_BYTES, e->vector.v[n].w, XMM_BYTES);
		if (avx)
			memcpy(s->v + s->r->component[COMPONENT_AVX].offset + n * XMM_BYTES,
			       e->vector.v[n].w + 2, XMM_BYTES);
		s->origin = e->vector.origin[n];
	}
}

/* --- Saving --- */

static void clear_selectors(uint8_t *area)
{
	memset(area + AREA_FIP + 4, 0, 4);
	memset(area + AREA_FDP + 4, 0, 4);
}

static uint64_t in_use(const struct state *s)
{
	uint64_t bits = *xstate_bv(s->r);

	if (s->op >= STATE_XSAVEC && area32(s->r, AREA_MXCSR) != MXCSR_INITIAL)
		bits |= XSTATE_SSE;
	return bits & s->rfbm;
}

/* What is written of the components, and where. False: for the hardware. */
static bool plan_save(struct state *s)
{
	bool compact = s->op >= STATE_XSAVEC;
	uint64_t saved = s->op == STATE_XSAVE || is_fx(s->op) ? s->rfbm : in_use(s);
	bool mxcsr = compact ? saved & XSTATE_SSE : s->rfbm & (XSTATE_SSE | XSTATE_AVX);

	s->xcomp_bv = compact ? s->rfbm | COMPACTED : 0;
	if (!place(s))
		return false;
	add_components(s, saved, mxcsr);
	return true;
}

static bool store_ranges(struct engine *e, const struct state *s)
{
	for (unsigned n = 0; n < s->n; n++) {
		const struct range *k = &s->range[n];

		if (!mem_store_bytes(e, s->u, s->addr + k->at, k->len, s->bytes + k->from,
				     e->vector.undefined ? s->v + k->from : NULL, s->origin))
			return false;
	}
	return true;
}

/* XSTATE_BV keeps the bits of what was not asked for. */
static bool update_header(struct engine *e, struct state *s)
{
	const unsigned how = ENGINE_READ | ENGINE_WRITE;
	uint32_t origin = NO_ORIGIN;
	uint64_t at = s->addr + AREA_XSTATE_BV, old, v;

	if (!mem_load(e, s->u, at, 8, how, &old, &v, &origin))
		return false;
	return mem_store(e, s->u, at, 8, how, (old & ~s->rfbm) | in_use(s), v & ~s->rfbm, origin);
}

static bool write_header(struct engine *e, struct state *s)
{
	uint64_t header[2] = { in_use(s), s->xcomp_bv };

	return mem_store_bytes(e, s->u, s->addr + AREA_XSTATE_BV, sizeof(header), header, NULL,
			       NO_ORIGIN);
}

static bool save(struct engine *e, struct state *s)
{
	bool compact = s->op >= STATE_XSAVEC;

	if (!plan_save(s))
		return leave_to_hardware(e, s);
	if (!probe(e, s, ENGINE_READ | ENGINE_WRITE))
		return false;
	memcpy(s->bytes, s->r->area, sizeof(s->bytes));
	if (s->u->size == 4)
		clear_selectors(s->bytes);
	if (e->vector.undefined)
		v_to_area(e, s);
	if (!store_ranges(e, s))
		return false;
	return is_fx(s->op) || (compact ? write_header(e, s) : update_header(e, s));
}

/* --- Restoring --- */

static bool load_ranges(struct engine *e, struct state *s)
{
	for (unsigned n = 0; n < s->n; n++) {
		const struct range *k = &s->range[n];

		if (!mem_load_bytes(e, s->u, s->addr + k->at, k->len, s->bytes + k->from,
				    s->v + k->from, &s->origin))
			return false;
	}
	return true;
}

/* Of the header's undefined bits anything may follow. */
static void report_header(struct engine *e, const struct state *s, const uint64_t *header,
			  const uint64_t *v, uint32_t origin)
{
	for (unsigned n = 0; n < HEADER_BYTES / 8; n++) {
		struct engine_use use = { .sink = ENGINE_BRANCH,
					  .value = header[n],
					  .vbits = v[n],
					  .origin = origin_named(e, origin) };

		if (v[n])
			report_use(e, s->u, &use);
	}
}

/* SDM vol. 1, 13.8.1 and 13.12: else #GP. */
static bool header_is_valid(const struct state *s, const uint64_t *header)
{
	uint64_t allowed = s->r->xcr0, rest = 0;
	bool compact = s->xcomp_bv & COMPACTED;

	if (s->op == STATE_XRSTORS && !compact)
		return false;
	if (s->op == STATE_XRSTORS)
		allowed |= s->r->xss;
	if (!compact)
		return !(s->xstate_bv & ~allowed) && !header[1] && !header[2];
	for (unsigned n = 2; n < HEADER_BYTES / 8; n++)
		rest |= header[n];
	return (s->r->features & FEATURE_XSAVEC) && !rest &&
	       !(s->xcomp_bv & ~allowed & ~COMPACTED) && !(s->xstate_bv & ~s->xcomp_bv) &&
	       !(s->xstate_bv & COMPACTED);
}

static bool read_header(struct engine *e, struct state *s)
{
	uint64_t header[HEADER_BYTES / 8], v[HEADER_BYTES / 8];
	uint32_t origin = NO_ORIGIN;

	if (is_fx(s->op)) {
		s->xstate_bv = s->rfbm;
		return true;
	}
	if (!mem_load_bytes(e, s->u, s->addr + AREA_XSTATE_BV, HEADER_BYTES, header, (uint8_t *)v,
			    &origin))
		return false;
	s->xstate_bv = header[0];
	s->xcomp_bv = header[1];
	if (!(s->xcomp_bv & COMPACTED))
		memset(v + 3, 0, sizeof(v) - 3 * sizeof(v[0]));
	report_header(e, s, header, v, origin);
	return header_is_valid(s, header) || leave_to_hardware(e, s);
}

/* MXCSR goes with SSE; in the standard form also with AVX, and whatever XSTATE_BV says. */
static bool loads_mxcsr(const struct state *s)
{
	if (s->xcomp_bv & COMPACTED)
		return s->rfbm & s->xstate_bv & XSTATE_SSE;
	return s->rfbm & (XSTATE_SSE | XSTATE_AVX);
}

static bool plan_restore(struct state *s)
{
	if (!place(s))
		return false;
	add_components(s, s->rfbm & s->xstate_bv, loads_mxcsr(s));
	return true;
}

/* What registers cannot hold is not loaded; ES and B follow from the rest (SDM vol. 1, 8.1.3). */
static void clean_x87(uint8_t *area, bool wide)
{
	uint16_t fcw, fsw, fop;

	memcpy(&fcw, area + AREA_FCW, 2);
	memcpy(&fsw, area + AREA_FSW, 2);
	memcpy(&fop, area + AREA_FOP, 2);
	fcw = (fcw & 0x1f3f) | 0x40;
	fsw = (fsw & 0x7f7f) | (fsw & ~fcw & 0x3f ? 0x8080 : 0);
	fop &= 0x7ff;
	memcpy(area + AREA_FCW, &fcw, 2);
	memcpy(area + AREA_FSW, &fsw, 2);
	memcpy(area + AREA_FOP, &fop, 2);
	area[AREA_FTW + 1] = 0;
	for (unsigned n = 0; n < 8; n++)
		memset(area + AREA_ST + n * 16 + 10, 0, 6);
	if (!wide)
		clear_selectors(area);
}

static void put_component(struct state *s, unsigned n)
{
	uint32_t from = s->r->component[n].offset, len = s->r->component[n].size;

	if (s->xstate_bv & 1ull << n)
		memcpy(s->r->area + from, s->bytes + from, len);
	else
		memset(s->r->area + from, 0, len);
}

static void put_x87(struct state *s)
{
	const uint16_t fcw = FCW_INITIAL;
	uint8_t *area = s->r->area;

	if (s->xstate_bv & XSTATE_X87) {
		memcpy(area, s->bytes, AREA_MXCSR);
		memcpy(area + AREA_ST, s->bytes + AREA_ST, AREA_XMM - AREA_ST);
		clean_x87(area, s->u->size == 8);
		return;
	}
	memset(area, 0, AREA_MXCSR);
	memset(area + AREA_ST, 0, AREA_XMM - AREA_ST);
	memcpy(area, &fcw, sizeof(fcw));
}

static void put_sse(struct state *s)
{
	uint8_t *at = s->r->area + AREA_XMM;

	if (s->xstate_bv & XSTATE_SSE)
		memcpy(at, s->bytes + AREA_XMM, AREA_LEGACY_END - AREA_XMM);
	else
		memset(at, 0, AREA_LEGACY_END - AREA_XMM);
}

static void put_mxcsr(struct state *s)
{
	const uint32_t initial = MXCSR_INITIAL;

	if (loads_mxcsr(s))
		memcpy(s->r->area + AREA_MXCSR, s->bytes + AREA_MXCSR, sizeof(initial));
	else if (s->rfbm & XSTATE_SSE)
		memcpy(s->r->area + AREA_MXCSR, &initial, sizeof(initial));
}

/* Of the parts that were loaded; those of the others are defined now, or stay. */
static void put_v(struct engine *e, const struct state *s)
{
	uint32_t avx = s->r->component[COMPONENT_AVX].offset;

	for (unsigned n = 0; n < VECTOR_TEMP; n++) {
		struct vector v = e->vector.v[n];

		if (s->rfbm & XSTATE_SSE)
			memcpy(v.w, s->v + AREA_XMM + n * XMM_BYTES, XMM_BYTES);
		if (s->rfbm & XSTATE_AVX)
			memcpy(v.w + 2, s->v + avx + n * XMM_BYTES, XMM_BYTES);
		if (e->undefined || vector_any(&v))
			vector_set_v(e, n, &v, s->origin ? s->origin : e->vector.origin[n]);
	}
}

static void put_all(struct engine *e, struct state *s)
{
	struct engine_vectors *r = s->r;

	if (s->rfbm & XSTATE_X87)
		put_x87(s);
	put_mxcsr(s);
	if (s->rfbm & XSTATE_SSE)
		put_sse(s);
	for (unsigned n = 2; n < ENGINE_COMPONENTS; n++)
		if (s->rfbm & 1ull << n)
			put_component(s, n);
	*xstate_bv(r) = (*xstate_bv(r) & ~s->rfbm) | (s->rfbm & s->xstate_bv);
	r->dirty = true;
	put_v(e, s);
	if (s->rfbm & XSTATE_PKRU)
		mem_forget_user(e);
}

static bool restore(struct engine *e, struct state *s)
{
	uint32_t mxcsr = 0;

	if (!read_header(e, s))
		return false;
	if (!plan_restore(s))
		return leave_to_hardware(e, s);
	memset(s->v, 0, sizeof(s->v));
	s->origin = NO_ORIGIN;
	if (!probe(e, s, ENGINE_READ) || !load_ranges(e, s))
		return false;
	if (loads_mxcsr(s))
		memcpy(&mxcsr, s->bytes + AREA_MXCSR, sizeof(mxcsr));
	if (mxcsr & ~mxcsr_mask(s->r))
		return leave_to_hardware(e, s);
	put_all(e, s);
	return true;
}

static void report_operands(struct engine *e, const struct uop *u)
{
	uop_defined_address(e, u);
	if (is_fx((enum state_op)u->op))
		return;
	if (e->v[INSN_RAX])
		report_address(e, u, INSN_RAX);
	if (e->v[INSN_RDX])
		report_address(e, u, INSN_RDX);
}

static void state(struct engine *e, const struct uop *u)
{
	struct state s = { .u = u, .op = (enum state_op)u->op };
	bool done;

	if (e->undefined)
		report_operands(e, u);
	if (!vectors_get(e, u, false))
		return;
	if (!begin(e, &s)) {
		leave_to_hardware(e, &s);
		return;
	}
	done = is_restore(s.op) ? restore(e, &s) : save(e, &s);
	if (done)
		uop_next(e, u);
}

const struct uop_pair uop_state = { state, state, NULL };
