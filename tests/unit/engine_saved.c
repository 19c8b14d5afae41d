// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_saved.c: V bits that go into memory with xsave and come back with xrstor.
 *
 * What the bytes are is engine_native.c's affair. rbx points to A, where values come from; rsi to B,
 * where the state is; all components are asked for unless said otherwise.
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

static void test_fxsave(void **state)
{
	struct world *w = START(LOAD FXSAVE, 0x8000);

	run(w);
	assert_int_equal(w->v[B][XMM + 17], 0x80);
	assert_v(w, XMM + 18, LEGACY, 0);
	assert_v(w, LEGACY, ENGINE_PAGE, 0xff);
	end(w);
}

/* A header, and an xmm1 whose V bits are va. */
static struct world *start_restore(const char *code, size_t len, uint64_t bv, uint64_t xcomp, uint64_t va)
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
	w->v[B][XSTATE_BV + 24] = 0xff; /* means nothing in the standard form */
	run(w);
	assert_int_equal(w->uses, 1);
	assert_int_equal(w->use[0].sink, ENGINE_BRANCH);
	assert_int_equal(w->use[0].vbits, 4);
	assert_int_equal(w->origin[0].addr.v, world_page[B].addr + XSTATE_BV);
	end(w);
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
		cmocka_unit_test(test_fxsave),
		cmocka_unit_test(test_restored),
		cmocka_unit_test(test_restored_defined),
		cmocka_unit_test(test_undefined_header),
		cmocka_unit_test(test_undefined_mask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
