/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_vectors.h: x87 and vector registers of both sides: random ones, loaded and saved natively
 * by XRSTOR and XSAVE (engine_forms.S), and their comparison.
 *
 * Included by engine_native.c only.
 */
#ifndef KMC_ENGINE_VECTORS_H
#define KMC_ENGINE_VECTORS_H

#include <cpuid.h>

#include "engine.h"
#include "engine_forms.h"

#define X87 0x1ull
#define SSE 0x2ull

enum { NATIVE_IN, NATIVE_OUT, NATIVE_NORMAL };

/*
 * What native_run() loads before and saves behind the form, if native_has_state; and the program's
 * own.
 */
extern uint8_t native_state[3][ENGINE_XSAVE_AREA];
extern uint8_t native_has_state;
/* Loads in, all of it, and saves the components of mask to out, compact or not. */
void native_convert(const void *in, void *out, uint64_t mask, int compact);
void native_save(void *out); /* all that is there now */

static struct engine_vectors layout; /* of this CPU; the area is not used */

static inline uint64_t native_xcr0(void)
{
	uint32_t low, high;

	asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

/* Of the standard form with all components that there are. */
static inline uint32_t native_xsave_size(void)
{
	uint32_t size = 576;

	for (unsigned n = 2; n < ENGINE_COMPONENTS; n++)
		if (layout.component[n].offset + layout.component[n].size > size)
			size = layout.component[n].offset + layout.component[n].size;
	return size;
}

/* Also saves the program's own registers. */
static inline void vectors_setup(void)
{
	uint32_t a, b, c, d;

	layout.xcr0 = native_xcr0();
	for (unsigned n = 2; n < ENGINE_COMPONENTS; n++) {
		if (!(layout.xcr0 >> n & 1) || !__get_cpuid_count(0xd, n, &a, &b, &c, &d))
			continue;
		layout.component[n] = (struct engine_component){ b, a, c & 2 };
	}
	if (__get_cpuid_count(0xd, 1, &a, &b, &c, &d))
		layout.features = a | 8; /* xsaves is compared with xsavec */
	native_save(native_state[NATIVE_NORMAL]);
}

static inline uint64_t *header_of(uint8_t *area)
{
	return (uint64_t *)(area + 512);
}

static inline void put32(uint8_t *at, uint32_t x)
{
	memcpy(at, &x, sizeof(x));
}

static inline void put16(uint8_t *at, uint16_t x)
{
	memcpy(at, &x, sizeof(x));
}

static inline void fill(uint8_t *at, size_t bytes)
{
	for (size_t k = 0; k + 8 <= bytes; k += 8) {
		uint64_t x = below(8) ? rnd() : 0;

		memcpy(at + k, &x, sizeof(x));
	}
}

/* Canonical with any kind of paging: CPUs keep no other. */
static inline void random_pointer(uint8_t *at)
{
	int64_t x = (int64_t)(rnd() << 17) >> 17;

	memcpy(at, &x, sizeof(x));
}

/* pending: perhaps an x87 exception that is not masked. */
static inline void random_x87(uint8_t *area, const struct form *f, bool pending)
{
	fill(area, 8);
	random_pointer(area + 8);
	random_pointer(area + 16);
	fill(area + 32, 128);
	put16(area, (uint16_t)(pending ? rnd() : 0x37f));
	put16(area + 2, (uint16_t)(rnd() & (pending ? 0xffff : 0x7f00)));
	if (has(f, 'q') && !pending)
		area[4] = (uint8_t)rnd() & ~(uint8_t)(1u << (((area[3] >> 3) - 1) & 7));
}

static inline uint32_t random_mxcsr(void)
{
	return below(2) ? 0x1f80 : (uint32_t)rnd() & 0xffbf;
}

/* An area in the standard form that XRSTOR takes. */
static inline void random_area(uint8_t *area, const struct form *f, bool pending)
{
	memset(area, 0, ENGINE_XSAVE_AREA);
	random_x87(area, f, pending);
	put32(area + 24, random_mxcsr());
	fill(area + 160, 256);
	for (unsigned n = 2; n < ENGINE_COMPONENTS; n++)
		fill(area + layout.component[n].offset, layout.component[n].size);
	*header_of(area) = layout.xcr0 & (below(2) ? UINT64_MAX : rnd());
}

/* What both sides start with: as the CPU itself saves it. */
static inline void random_vectors(struct engine_vectors *v, const struct form *f, bool pending)
{
	static uint8_t area[ENGINE_XSAVE_AREA] __attribute__((aligned(64)));

	*v = layout;
	random_area(area, f, pending);
	native_convert(area, v->area, UINT64_MAX, false);
	memcpy(native_state[NATIVE_IN], v->area, sizeof(v->area));
}

/* The CPU says again that these components are in use. */
static inline bool vectors_steady(void)
{
	static uint8_t area[ENGINE_XSAVE_AREA] __attribute__((aligned(64)));

	native_convert(native_state[NATIVE_IN], area, UINT64_MAX, false);
	return *header_of(area) == *header_of(native_state[NATIVE_IN]);
}

/* An operand for a form that restores: saved by the CPU, then with bits that it should not mind. */
static inline void make_saved(uint8_t *at, const struct form *f, bool pending)
{
	static uint8_t area[ENGINE_XSAVE_AREA] __attribute__((aligned(64)));
	static uint8_t saved[ENGINE_XSAVE_AREA] __attribute__((aligned(64)));
	bool compact = has(f, 'C');
	size_t bytes = has(f, 'z') ? native_xsave_size() : 512;

	random_area(area, f, pending);
	memcpy(saved, at, bytes);
	memset(saved + 512, 0, 64);
	native_convert(area, saved, has(f, 'z') ? rnd() | (below(2) ? UINT64_MAX : 0) : 3, compact);
	put32(saved + 24, random_mxcsr());
	if (below(4) == 0)
		random_x87(saved, f, pending);
	memcpy(at, saved, bytes);
}

/* A component that has its initial configuration is all 0, but for FCW. */
static inline void normalise(uint8_t *area)
{
	uint64_t bv = *header_of(area);

	if (!(bv & X87)) {
		memset(area, 0, 24);
		memset(area + 32, 0, 128);
		put16(area, 0x37f);
	}
	if (!(bv & SSE))
		memset(area + 160, 0, 256);
	for (unsigned n = 2; n < ENGINE_COMPONENTS; n++)
		if (!(bv >> n & 1))
			memset(area + layout.component[n].offset, 0, layout.component[n].size);
}

/*
 * The last x87 instruction's opcode and pointers, after others than those: AMD's CPUs know them
 * only while an exception is pending (APM vol. 2, 11.4.4), and then save and restore 0.
 */
static inline bool keeps_pointers(const struct form *f, const uint8_t *area)
{
	static const uint8_t none[18];

	return !has(f, 'q') && memcmp(area + 6, none, sizeof(none)) != 0;
}

/*
 * A CPU brings the pointers into canonical form, of 48 or 57 bits, when it loads them. So does the one
 * that the engine's registers are put back into.
 */
static inline bool same_pointers(const uint8_t *native, const uint8_t *engine)
{
	static uint8_t loaded[ENGINE_XSAVE_AREA] __attribute__((aligned(64)));

	if (memcmp(native + 6, engine + 6, 18) == 0)
		return true;
	native_convert(engine, loaded, UINT64_MAX, false);
	return memcmp(native + 6, loaded + 6, 18) == 0;
}

/* NULL, or what differs. */
static inline const char *compare_vectors(const struct form *f, struct engine_vectors *v)
{
	uint8_t *native = native_state[NATIVE_OUT];

	normalise(native);
	normalise(v->area);
	if (memcmp(native, v->area, 6) != 0)
		return "x87 control";
	if (keeps_pointers(f, native) && !same_pointers(native, v->area))
		return "x87 pointers";
	if (memcmp(native + 24, v->area + 24, 4) != 0)
		return "MXCSR";
	if (memcmp(native + 32, v->area + 32, 128) != 0)
		return "x87 registers";
	if (memcmp(native + 160, v->area + 160, 256) != 0)
		return "xmm registers";
	for (unsigned n = 2; n < ENGINE_COMPONENTS; n++)
		if (memcmp(native + layout.component[n].offset,
			   v->area + layout.component[n].offset, layout.component[n].size) != 0)
			return n == 2 ? "ymm registers" : "other vector registers";
	return NULL;
}

#endif
