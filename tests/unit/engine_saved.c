// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_saved.c: V bits that go into memory with xsave and come back with xrstor.
 *
 * What the bytes are is engine_native.c's affair. rbx points to A, where values come from; rsi to
 * B, where the state is; all components are asked for unless said otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine_world.h"

#define XMM	  160
#define LEGACY	  416
#define XSTATE_BV 512
#define AVX	  576
#define AVX_END	  832

/* movdqu (%rbx),%xmm1 */
#define LOAD	  "\xf3\x0f\x6f\x0b"
/* vmovdqu (%rbx),%ymm1 */
#define LOAD_WIDE "\xc5\xfe\x6f\x0b"
/* xsave64 (%rsi); xsaveopt64; xsavec64; xsaves64; xrstor64; fxsave64; fxrstor64 */
#define SAVE	  "\x48\x0f\xae\x26"
#define SAVEOPT	  "\x48\x0f\xae\x36"
#define SAVEC	  "\x48\x0f\xc7\x26"
#define SAVES	  "\x48\x0f\xc7\x2e"
#define RESTORE	  "\x48\x0f\xae\x2e"
#define RESTORES  "\x48\x0f\xc7\x1e"
#define FXSAVE	  "\x48\x0f\xae\x06"
#define FXRSTOR	  "\x48\x0f\xae\x0e"
/* movq %xmm1,%rax; test $1,%al; je .+2 */
#define BRANCH	  "\x66\x48\x0f\x7e\xc8\xa8\x01\x74\x00"

/* B undefined; A defined except for what the caller says. */
static struct world *start(const char *code, size_t len, uint64_t va)
{
	struct world *w = malloc(sizeof(*w));

	assert_non_null(w);
	assert_true(world_init(w));
	world_code(w, (const uint8_t *)code, len);
	world_point(w->cpu.gpr);
	w->cpu.gpr[INSN_RAX] = w->cpu.gpr[INSN_RDX] = UINT64_MAX;
	w->cpu.rflags = 2;
	memcpy(w->v[A], &va, sizeof(va));
	memset(w->v[B], 0xff, sizeof(w->v[B]));
	memset(w->bytes[B] + LEGACY, 0xa5, sizeof(w->bytes[B]) - LEGACY);
	memset(w->bytes[B] + XSTATE_BV, 0, AVX - XSTATE_BV);
	return w;
}

#define START(code, va) start(code, sizeof(code) - 1, va)

static void run(struct world *w)
{
	world_run(w, 64);
	assert_null(w->broken);
	assert_int_equal(w->window.end, ENGINE_HARDWARE);
	assert_true(w->cpu.rip > world_page[CODE_PAGE].addr);
	assert_int_equal(w->bytes[CODE_PAGE][w->cpu.rip % ENGINE_PAGE], 0xf4); /* the hlt behind */
}

static void end(struct world *w)
{
	engine_destroy(w->e);
	free(w);
}

static void assert_v(const struct world *w, unsigned from, unsigned to, uint8_t v)
{
	for (unsigned n = from; n < to; n++)
		if (w->v[B][n] != v)
			fail_msg("byte %u: V %#x instead of %#x", n, w->v[B][n], v);
}

/* Registers that nobody loaded anything undefined into are the user's. */
static void test_saved_is_defined(void **state)
{
	struct world *w = START(LOAD SAVE, 0xf0);

	run(w);
	assert_v(w, 0, XMM + 16, 0);
	assert_int_equal(w->v[B][XMM + 16], 0xf0);
	assert_v(w, XMM + 17, LEGACY, 0);
	assert_v(w, LEGACY, XSTATE_BV, 0xff); /* not written */
	assert_int_equal(w->v[B][XSTATE_BV], 0xff & ~7); /* XCR0 has no others */
	assert_v(w, XSTATE_BV + 1, AVX, 0xff);
	assert_v(w, AVX, AVX_END, 0);
	assert_v(w, AVX_END, ENGINE_PAGE, 0xff);
	assert_int_equal(w->uses, 0);
	end(w);
}

static void test_upper_half(void **state)
{
	struct world *w = START(LOAD_WIDE SAVEOPT, 0);

	w->v[A][0x1f] = 0x80;
	run(w);
	assert_v(w, AVX, AVX + 16 + 15, 0);
	assert_int_equal(w->v[B][AVX + 16 + 15], 0x80);
	assert_v(w, AVX + 32, AVX_END, 0);
	end(w);
}

/* What is in its initial configuration is not written. */
static void test_init_optimization(void **state)
{
	struct world *w = START(LOAD SAVEOPT, 0);

	run(w);
	assert_v(w, XMM, LEGACY, 0);
	assert_v(w, AVX, AVX_END, 0xff);
	assert_int_equal(w->bytes[B][AVX], 0xa5);
	assert_int_equal(w->bytes[B][XSTATE_BV], 2);
	end(w);
}

/* The bits of XSTATE_BV that are not asked for stay what they were. */
static void test_kept_header(void **state)
{
	struct world *w = START(SAVE, 0);

	w->cpu.gpr[INSN_RAX] = 3;
	w->cpu.gpr[INSN_RDX] = 0;
	run(w);
	assert_int_equal(w->v[B][XSTATE_BV], 0xfc);
	assert_v(w, XSTATE_BV + 1, AVX, 0xff);
	assert_v(w, AVX, AVX_END, 0xff);
	end(w);
}

static void check_compacted(const char *code, size_t len)
{
	struct world *w = start(code, len, 1);

	run(w);
	assert_int_equal(w->v[B][XMM + 16], 1);
	assert_v(w, XSTATE_BV, XSTATE_BV + 16, 0);
	assert_v(w, XSTATE_BV + 16, AVX, 0xff);
	assert_int_equal(w->bytes[B][XSTATE_BV], 2);
	assert_int_equal(w->bytes[B][XSTATE_BV + 8], 7);
	assert_int_equal(w->bytes[B][XSTATE_BV + 15], 0x80);
	end(w);
}

static void test_compacted(void **state)
{
	check_compacted(LOAD SAVEC, sizeof(LOAD SAVEC) - 1);
	check_compacted(LOAD SAVES, sizeof(LOAD SAVES) - 1);
}

/* A header, and an xmm1 whose V bits are va. */
static struct world *start_restore(const char *code, size_t len, uint64_t bv, uint64_t xcomp,
				   uint64_t va)
{
	struct world *w = start(code, len, 0);

	memset(w->v[B], 0, sizeof(w->v[B]));
	memcpy(w->bytes[B] + XSTATE_BV, &bv, sizeof(bv));
	memcpy(w->bytes[B] + XSTATE_BV + 8, &xcomp, sizeof(xcomp));
	memset(w->bytes[B] + AVX, 0, AVX_END - AVX);
	memcpy(w->v[B] + XMM + 16, &va, sizeof(va));
	return w;
}

#define START_RESTORE(code, bv, xcomp, va) start_restore(code, sizeof(code) - 1, bv, xcomp, va)

/* PKRU, and a made-up component in front of it that is not aligned. */
static void give_pkru(struct world *w)
{
	w->initial.xcr0 = 0x20f;
	w->initial.component[3] = (struct engine_component){ 832, 8, false };
	w->initial.component[9] = (struct engine_component){ 840, 8, true };
	w->initial.area[XSTATE_BV] = 8;
	w->initial.area[XSTATE_BV + 1] = 2;
	memset(w->initial.area + 832, 0x33, 8);
	memset(w->initial.area + 840, 0x99, 4);
}

/* In the compacted form components follow one another, some at the next multiple of 64. */
static void test_aligned_component(void **state)
{
	struct world *saved = START(SAVEC, 0), *restored = START_RESTORE(RESTORE SAVE, 0, 0, 0);
	uint64_t header[2] = { 0x208, 1ull << 63 | 0x20f };

	give_pkru(saved);
	run(saved);
	assert_memory_equal(saved->bytes[B] + XSTATE_BV, header, sizeof(header));
	assert_v(saved, AVX, AVX_END, 0xff);
	assert_v(saved, 832, 840, 0);
	assert_v(saved, 840, 896, 0xff);
	assert_v(saved, 896, 904, 0);
	assert_memory_equal(saved->bytes[B] + 832, saved->initial.area + 832, 8);
	assert_memory_equal(saved->bytes[B] + 896, saved->initial.area + 840, 8);

	give_pkru(restored);
	memcpy(restored->bytes[B], saved->bytes[B], ENGINE_PAGE);
	restored->bytes[B][832] = 0x44;
	restored->bytes[B][896] = 0xaa;
	run(restored);
	assert_int_equal(restored->vectors.area[832], 0x44);
	assert_int_equal(restored->vectors.area[840], 0xaa);
	assert_true(restored->vectors.dirty);
	end(saved);
	end(restored);
}

/* PKRU decides what user pages allow: they are asked for again. */
static void test_pkru(void **state)
{
	/* mov (%rdi),%ecx; xrstor64 (%rsi); mov (%rdi),%ecx */
	static const char code[] = "\x8b\x0f" RESTORE "\x8b\x0f";
	struct world *with = START_RESTORE(code, 0, 0, 0), *without = START_RESTORE(code, 0, 0, 0);

	give_pkru(with);
	run(with);
	assert_int_equal(with->reached[USER], 2);
	give_pkru(without);
	without->cpu.gpr[INSN_RAX] = 7;
	without->cpu.gpr[INSN_RDX] = 0;
	run(without);
	assert_int_equal(without->reached[USER], 1);
	end(with);
	end(without);
}

static void test_fxsave(void **state)
{
	struct world *w = START(LOAD FXSAVE, 0x8000);

	run(w);
	assert_int_equal(w->v[B][XMM + 17], 0x80);
	assert_v(w, XMM + 18, LEGACY, 0);
	assert_v(w, LEGACY, ENGINE_PAGE, 0xff);
	end(w);
}

/* Loading undefined registers is silent; what is done with them is not. */
static void test_restored(void **state)
{
	static const uint64_t compacted = 1ull << 63 | 7;
	struct world *all[] = {
		START_RESTORE(RESTORE BRANCH, 7, 0, 1),
		START_RESTORE(RESTORE BRANCH, 7, compacted, 1),
		START_RESTORE(RESTORES BRANCH, 7, compacted, 1),
		START_RESTORE(FXRSTOR BRANCH, 0, 0, 1),
	};

	for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
		run(all[n]);
		assert_int_equal(all[n]->uses, 1);
		assert_int_equal(all[n]->use[0].sink, ENGINE_BRANCH);
		assert_true(all[n]->origin[0].addr.v - world_page[B].addr <= XMM + 16);
		end(all[n]);
	}
}

/* The good twins: other bits, and registers that are initialised instead of loaded. */
static void test_restored_defined(void **state)
{
	struct world *all[] = {
		START_RESTORE(RESTORE BRANCH, 7, 0, 2),
		START_RESTORE(RESTORE BRANCH, 5, 0, 1),
		START_RESTORE(LOAD RESTORE BRANCH, 7, 0, 0),
		START_RESTORE(LOAD RESTORE BRANCH, 0, 0, 0),
	};

	for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
		all[n]->v[A][0] = 1;
		run(all[n]);
		assert_int_equal(all[n]->uses, 0);
		end(all[n]);
	}
}

/* The header decides what is loaded. */
static void test_undefined_header(void **state)
{
	struct world *w = START_RESTORE(RESTORE, 7, 0, 0);

	w->v[B][XSTATE_BV] = 4;
	run(w);
	assert_int_equal(w->uses, 1);
	assert_int_equal(w->use[0].sink, ENGINE_BRANCH);
	assert_int_equal(w->use[0].vbits, 4);
	assert_int_equal(w->origin[0].addr.v, world_page[B].addr + XSTATE_BV);
	end(w);
}

/* Its good twin: in the standard form these bytes mean nothing. */
static void test_undefined_rest_of_header(void **state)
{
	struct world *w = START_RESTORE(RESTORE, 7, 0, 0);

	memset(w->v[B] + XSTATE_BV + 24, 0xff, AVX - XSTATE_BV - 24);
	run(w);
	assert_int_equal(w->uses, 0);
	end(w);
}

static void test_restored_upper_half(void **state)
{
	/* vmovdqu %ymm1,(%rbx) */
	struct world *w = START_RESTORE(RESTORE "\xc5\xfe\x7f\x0b", 7, 0, 2);

	w->v[B][AVX + 16] = 0x40;
	run(w);
	assert_int_equal(w->v[A][0], 2);
	assert_int_equal(w->v[A][16], 0x40);
	assert_int_equal(w->v[A][17], 0);
	end(w);
}

/* xsaves with supervisor state, and what the CPU does not have, are for the hardware. */
static void test_not_plain(void **state)
{
	struct world *all[] = { START(SAVES, 0), START(SAVEC, 0), START(SAVEOPT, 0),
				START(SAVE, 0) };

	all[0]->initial.xss = 1 << 11;
	all[1]->initial.features = 0xd;
	all[2]->initial.features = 0xe;
	all[3]->cpu.gpr[INSN_RSI] += 32;
	for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
		world_run(all[n], 64);
		assert_int_equal(all[n]->window.end, ENGINE_HARDWARE);
		assert_false(all[n]->window.progress);
		assert_int_equal(all[n]->window.accesses, 0);
		end(all[n]);
	}
}

/* Which components: undefined, too. */
static void test_undefined_mask(void **state)
{
	struct world *w = START(SAVE, 0);

	w->vbits.gpr[INSN_RAX] = 1;
	run(w);
	assert_int_equal(w->uses, 1);
	end(w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_saved_is_defined),
		cmocka_unit_test(test_upper_half),
		cmocka_unit_test(test_init_optimization),
		cmocka_unit_test(test_kept_header),
		cmocka_unit_test(test_compacted),
		cmocka_unit_test(test_aligned_component),
		cmocka_unit_test(test_pkru),
		cmocka_unit_test(test_fxsave),
		cmocka_unit_test(test_restored),
		cmocka_unit_test(test_restored_defined),
		cmocka_unit_test(test_undefined_header),
		cmocka_unit_test(test_undefined_rest_of_header),
		cmocka_unit_test(test_restored_upper_half),
		cmocka_unit_test(test_not_plain),
		cmocka_unit_test(test_undefined_mask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
