// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_forget.c: pages that become tracked in a window, or no longer are; and what is reached anew: they, and with
 * AC user pages, and nothing else.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine_world.h"

#define LOAD_A	   "\x8b\x13" /* mov (%rbx),%edx */
#define LOAD_B	   "\x8b\x06" /* mov (%rsi),%eax */
#define LOAD_OTHER "\x44\x8b\x04\x25\x00\x00\x60\xff" /* mov -0xa00000,%r8d */
#define LOAD_USER  "\x44\x8b\x0f" /* mov (%rdi),%r9d */
#define STAC	   "\x0f\x01\xcb"
#define CLAC	   "\x0f\x01\xca"
#define AGAIN	   "\xff\xc9\x75" /* dec %ecx; jnz, its distance follows */
#define HLT	   "\xf4"

#define START(code) world_start((const uint8_t *)(code), sizeof(code) - 1)

static void end(struct world *w)
{
	assert_int_equal(w->window.end, ENGINE_HARDWARE);
	assert_null(w->broken);
	engine_destroy(w->e);
	free(w);
}

static void test_shown(void **state)
{
	struct world *w = START(LOAD_B LOAD_OTHER LOAD_A LOAD_B LOAD_OTHER LOAD_A HLT);

	w->flip = B, w->flips = 1;
	world_run(w, 64);
	assert_int_equal(w->window.accesses, 3);
	assert_int_equal(w->reached[A], 1);
	assert_int_equal(w->reached[B], 2);
	assert_int_equal(w->reached[OTHER], 1);
	end(w);
}

/* The V bits that the page has then are seen. */
static void test_hidden(void **state)
{
	struct world *w = START(LOAD_OTHER LOAD_B LOAD_A LOAD_OTHER LOAD_B HLT);

	w->v[OTHER][0] = 0x80;
	w->flip = OTHER, w->flips = 1;
	world_run(w, 64);
	assert_int_equal(w->window.accesses, 4);
	assert_int_equal(w->vbits.gpr[INSN_R8], 0x80);
	assert_int_equal(w->reached[A], 1);
	assert_int_equal(w->reached[B], 1);
	assert_int_equal(w->reached[OTHER], 2);
	end(w);
}

/* Its own page, by the access that is being made. */
static void test_itself(void **state)
{
	struct world *w = START(LOAD_A LOAD_A HLT);

	w->flip = A, w->flips = 1;
	w->v[A][0] = 1;
	world_run(w, 64);
	assert_int_equal(w->window.accesses, 1);
	assert_int_equal(w->reached[A], 2);
	assert_int_equal(w->vbits.gpr[INSN_RDX], 0);
	end(w);
}

/* More often than there is room for pages. */
static void test_often(void **state)
{
	struct world *w = START(LOAD_A LOAD_B STAC LOAD_USER CLAC LOAD_OTHER AGAIN "\xe7" HLT);

	w->cpu.gpr[INSN_RCX] = 1000;
	w->flip = B, w->flips = UINT_MAX;
	world_run(w, 8 * 1000 + 1);
	assert_int_equal(w->window.insns, 8 * 1000);
	assert_int_equal(w->window.accesses, 1000 + 999);
	assert_int_equal(w->reached[USER], 1000);
	assert_int_equal(w->reached[A], 1);
	assert_int_equal(w->reached[B], 1000);
	assert_int_equal(w->reached[OTHER], 1);
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_itself),
		cmocka_unit_test(test_often),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
