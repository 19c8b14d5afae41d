// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_forget.c: pages that become tracked in a window, or no longer are; and what is reached anew: they, and with
 * AC user pages, and nothing else. What is proved is not reached anew in later windows. A copy between two pages that
 * are remembered in one place is one access, too.
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

#define REP_MOVSB  "\xf3\xa4"
#define LOAD_LAST  "\x8b\x47\xfc" /* mov -4(%rdi),%eax */
#define COPY_BYTES 64
#define SAME_PLACE 0x200000ull /* bytes between pages that share a place: see TLB_ENTRIES */

/* From A to OTHER, or the other way round. */
static struct world *same_place(bool from_a)
{
	struct world *w = START(LOAD_A REP_MOVSB LOAD_LAST HLT);
	uint64_t a = world_page[A].addr + 100, far = world_page[OTHER].addr + a % SAME_PLACE;

	w->cpu.gpr[INSN_RSI] = from_a ? a : far;
	w->cpu.gpr[INSN_RDI] = from_a ? far : a;
	w->cpu.gpr[INSN_RCX] = COPY_BYTES;
	for (unsigned n = 0; n < COPY_BYTES; n++)
		w->bytes[from_a ? A : OTHER][(from_a ? a : far) % ENGINE_PAGE + n] = (uint8_t)(n + 1);
	return w;
}

static void check_copied(struct world *w, unsigned to, uint64_t accesses)
{
	for (unsigned n = 0; n < COPY_BYTES; n++)
		assert_int_equal(w->bytes[to][100 + n], n + 1);
	assert_int_equal(w->cpu.gpr[INSN_RCX], 0);
	assert_int_equal(w->window.accesses, accesses);
}

static void test_copied_from(void **state)
{
	struct world *w = same_place(true);

	w->v[A][100 + COPY_BYTES - 1] = 0x81;
	world_run(w, 1000);
	check_copied(w, OTHER, 1 + 1);
	assert_int_equal(w->vbits.gpr[INSN_RAX], 0x81000000);
	end(w);
}

static void test_copied_to(void **state)
{
	struct world *w = same_place(false);

	memset(w->v[A], 0xff, ENGINE_PAGE);
	world_run(w, 1000);
	check_copied(w, A, 1 + 1 + 1);
	assert_int_equal(w->vbits.gpr[INSN_RAX], 0);
	for (unsigned n = 0; n < ENGINE_PAGE; n++)
		assert_int_equal(w->v[A][n], n < 100 || n >= 100 + COPY_BYTES ? 0xff : 0);
	end(w);
}

/* The same memory at both addresses: what one element writes a later one reads. */
static void test_copied_on(void **state)
{
	struct world *w = START(LOAD_A REP_MOVSB HLT);
	uint64_t other = world_page[OTHER].addr;

	w->cpu.gpr[INSN_RSI] = other;
	w->cpu.gpr[INSN_RDI] = other + SAME_PLACE + 1;
	w->cpu.gpr[INSN_RCX] = COPY_BYTES;
	w->bytes[OTHER][0] = 7;
	world_run(w, 1000);
	for (unsigned n = 0; n <= COPY_BYTES; n++)
		assert_int_equal(w->bytes[OTHER][n], 7);
	end(w);
}

/* How often OTHER is asked for by a window that loads from it, and stores to it. Others are asked for each time. */
static unsigned asked(struct world *w)
{
	unsigned before[PAGES];

	memcpy(before, w->reached, sizeof(before));
	world_run(w, 64);
	assert_int_equal(w->reached[A], before[A] + 1);
	assert_int_equal(w->reached[USER], before[USER] + 1);
	return w->reached[OTHER] - before[OTHER];
}

#define STORE_OTHER "\x44\x89\x04\x25\x00\x00\x60\xff" /* mov %r8d,-0xa00000 */

static void test_proved(void **state)
{
	struct world *w = START(LOAD_OTHER STORE_OTHER LOAD_A LOAD_USER HLT);
	unsigned n;

	w->proves = true;
	assert_int_equal(asked(w), 1);
	for (n = 0; n < 3; n++)
		assert_int_equal(asked(w), 0);
	/* Either entry has changed, and changed back without a window that has seen it; rights. */
	w->table[OTHER]++;
	assert_int_equal(asked(w), 1);
	assert_int_equal(asked(w), 0);
	w->further[OTHER]++;
	assert_int_equal(asked(w), 1);
	w->further[OTHER]++, w->further[OTHER]--;
	assert_int_equal(asked(w), 0);
	engine_forget_proofs(w->e);
	assert_int_equal(asked(w), 1);
	assert_int_equal(asked(w), 0);
	end(w);
}

/* Hidden and shown between windows: the proof holds, and the accesses to it are seen or not. */
static void test_proved_tracked(void **state)
{
	struct world *w = START(LOAD_OTHER STORE_OTHER LOAD_A LOAD_USER HLT);

	w->proves = true;
	assert_int_equal(asked(w), 1);
	assert_int_equal(w->window.accesses, 1);
	w->tracking[OTHER] = w->flipped[OTHER] = true;
	w->v[OTHER][0] = 0x80;
	assert_int_equal(asked(w), 0);
	assert_int_equal(w->window.accesses, 3);
	assert_int_equal(w->vbits.gpr[INSN_R8], 0x80);
	w->tracking[OTHER] = w->flipped[OTHER] = false;
	assert_int_equal(asked(w), 0);
	assert_int_equal(w->window.accesses, 1);
	assert_int_equal(w->vbits.gpr[INSN_R8], 0);
	end(w);
}

#define LOAD_CODE  "\x44\x8b\x04\x25\x00\x08\x00\x81" /* mov -0x7efff800,%r8d */
#define STORE_CODE "\x44\x89\x04\x25\x00\x08\x00\x81"

/* To read is not to write: the dirty bit may not be set yet. Asked for both, and by the third window for nothing. */
static void test_proved_for_writing(void **state)
{
	struct world *w = START(LOAD_CODE STORE_CODE HLT);

	unsigned asked[3];

	w->proves = true;
	for (unsigned n = 0; n < 3; n++) {
		world_run(w, 64);
		assert_int_equal(w->window.insns, 2);
		asked[n] = w->reached[CODE_PAGE];
	}
	assert_true(asked[0] > 2);
	assert_int_equal(asked[2], asked[1]);
	end(w);
}

#define PUSH "\x50" /* push %rax */
#define POP  "\x59" /* pop %rcx */

/* A, which is not proved, shares its place with STACK. */
static void test_proof_displaced(void **state)
{
	struct world *w = START(PUSH LOAD_A POP HLT);

	w->proves = true;
	for (unsigned n = 1; n < 4; n++) {
		w->cpu.gpr[INSN_RAX] = n;
		world_run(w, 64);
		assert_int_equal(w->cpu.gpr[INSN_RCX], n);
		assert_int_equal(w->reached[A], n);
		assert_int_equal(w->reached[STACK], n + 1);
	}
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_itself),
		cmocka_unit_test(test_often),
		cmocka_unit_test(test_proved),
		cmocka_unit_test(test_proved_tracked),
		cmocka_unit_test(test_proved_for_writing),
		cmocka_unit_test(test_proof_displaced),
		cmocka_unit_test(test_copied_from),
		cmocka_unit_test(test_copied_to),
		cmocka_unit_test(test_copied_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
