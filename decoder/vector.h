/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vector.h: the vector registers inside the XSAVE area that struct engine_vectors holds, and their
 * V bits. Shared by uop_vector.c and uop_state.c. Source of the layout: Intel SDM vol. 1, 13.4 and
 * 13.5.
 */
#ifndef KMC_VECTOR_H
#define KMC_VECTOR_H

#include <string.h>

#include "uop.h"

/* State components, as bits of XCR0 and XSTATE_BV. */
#define XSTATE_X87	 (1ull << 0)
#define XSTATE_SSE	 (1ull << 1)
#define XSTATE_AVX	 (1ull << 2)
#define XSTATE_ZMM_HI256 (1ull << 6)
#define XSTATE_PKRU	 (1ull << 9)

/* Numbers of those that this layer looks into. */
enum { COMPONENT_AVX = 2, COMPONENT_ZMM_HI256 = 6 };

/* Places in the area. */
enum {
	AREA_FCW = 0,
	AREA_FSW = 2,
	AREA_FTW = 4, /* abridged: a bit a register, 1: not empty */
	AREA_FOP = 6,
	AREA_FIP = 8,
	AREA_FDP = 16,
	AREA_MXCSR = 24,
	AREA_MXCSR_MASK = 28,
	AREA_ST = 32, /* ST0 to ST7, 16 bytes each */
	AREA_XMM = 160,
	AREA_LEGACY_END = 416,
	AREA_XSTATE_BV = 512,
	AREA_XCOMP_BV = 520,
	AREA_HEADER_END = 576,
};

#define XMM_BYTES 16
#define ZMM_HIGH_BYTES 32 /* above the ymm register */

#define MXCSR_INITIAL 0x1f80u
#define FCW_INITIAL   0x037fu

/* The registers are there; else e->leave is set. vex: VEX instructions are enabled, too. */
bool vectors_get(struct engine *e, const struct uop *u, bool vex);

static inline uint64_t *xstate_bv(struct engine_vectors *r)
{
	return (uint64_t *)(r->area + AREA_XSTATE_BV);
}

static inline uint8_t *xmm_at(struct engine_vectors *r, unsigned n)
{
	return r->area + AREA_XMM + n * XMM_BYTES;
}

/* The upper half of a ymm register: only where XCR0 has it. */
static inline uint8_t *ymm_high_at(struct engine_vectors *r, unsigned n)
{
	return r->area + r->component[COMPONENT_AVX].offset + n * XMM_BYTES;
}

static inline uint16_t area16(const struct engine_vectors *r, unsigned at)
{
	uint16_t x;

	memcpy(&x, r->area + at, sizeof(x));
	return x;
}

static inline uint32_t area32(const struct engine_vectors *r, unsigned at)
{
	uint32_t x;

	memcpy(&x, r->area + at, sizeof(x));
	return x;
}

/* CPUs that say 0 mean this (SDM vol. 1, 11.6.6). */
static inline uint32_t mxcsr_mask(const struct engine_vectors *r)
{
	uint32_t mask = area32(r, AREA_MXCSR_MASK);

	return mask ? mask : 0xffbf;
}

static inline bool vector_any(const struct vector *v)
{
	return v->w[0] | v->w[1] | v->w[2] | v->w[3];
}

/* From here on these are register n's V bits. */
static inline void vector_set_v(struct engine *e, unsigned n, const struct vector *v,
				uint32_t origin)
{
	struct vector_file *f = &e->vector;

	f->v[n] = *v;
	f->undefined &= (uint16_t)~(1u << n);
	if (!vector_any(v))
		return;
	f->undefined |= (uint16_t)(1u << n); /* the temporary has no bit */
	f->origin[n] = origin;
	e->undefined = true;
}

#endif
