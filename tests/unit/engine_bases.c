// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine_bases.c: rdfsbase, wrfsbase and so on, and swapgs: what they do to registers and bases, and when they are
 * left to the hardware. And mov from segment registers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine_world.h"

#define RDFS_RAX "\xf3\x48\x0f\xae\xc0"
#define RDGS_R9	 "\xf3\x49\x0f\xae\xc9"
#define WRFS_RDX "\xf3\x48\x0f\xae\xd2"
#define WRGS_RBP "\xf3\x48\x0f\xae\xdd"
#define RDFS_EAX "\xf3\x0f\xae\xc0"
#define SWAPGS	 "\x0f\x01\xf8"
#define HLT	 "\xf4"
/* mov %fs:(8),%r8; mov %gs:(8),%r10 */
#define LOAD_FS "\x64\x4c\x8b\x04\x25\x08\x00\x00\x00"
#define LOAD_GS "\x65\x4c\x8b\x14\x25\x08\x00\x00\x00"
/* mov (%rbx),%edx */
#define LOAD_EDX "\x8b\x13"

static const uint64_t user_fs = 0x00007fab00000000, user_gs = 0x00007fcd00000000;

static struct world *start(const char *code, size_t len)
{
	struct world *w = world_start((const uint8_t *)code, len);

	w->cpu.seg_base[INSN_FS] = user_fs;
	w->cpu.seg_base[INSN_GS] = world_page[STACK].addr;
	w->bases.kernel_gs = user_gs;
	w->has_bases = true;
	return w;
}

#define START(code) start(code, sizeof(code) - 1)

static void end(struct world *w)
{
	assert_null(w->broken);
	engine_destroy(w->e);
	free(w);
}

/* The window ends at that byte of the code, at an instruction for the hardware. */
static void run_to(struct world *w, uint64_t offset)
{
	world_run(w, 64);
	assert_int_equal(w->window.end, ENGINE_HARDWARE);
	assert_int_equal(w->cpu.rip, world_page[CODE_PAGE].addr + offset);
}

/* As a context switch has them: what was the user's is read, and what will be is written. */
static void test_switch(void **state)
{
	struct world *w = START(RDFS_RAX SWAPGS RDGS_R9 SWAPGS WRFS_RDX SWAPGS WRGS_RBP SWAPGS LOAD_FS LOAD_GS HLT);

	w->cpu.gpr[INSN_RDX] = world_page[B].addr;
	w->cpu.gpr[INSN_RBP] = user_gs + 0x1000;
	memcpy(w->bytes[B] + 8, "of new FS", 8);
	memcpy(w->bytes[STACK] + 8, "of my GS", 8);
	run_to(w, 4 * 5 + 4 * 3 + 2 * 9);
	assert_int_equal(w->window.insns, 10);
	assert_int_equal(w->cpu.gpr[INSN_RAX], user_fs);
	assert_int_equal(w->cpu.gpr[INSN_R9], user_gs);
	assert_memory_equal(&w->cpu.gpr[INSN_R8], "of new F", 8);
	assert_memory_equal(&w->cpu.gpr[INSN_R10], "of my GS", 8);
	assert_int_equal(w->cpu.seg_base[INSN_FS], world_page[B].addr);
	assert_int_equal(w->cpu.seg_base[INSN_GS], world_page[STACK].addr);
	assert_int_equal(w->bases.kernel_gs, user_gs + 0x1000);
	assert_true(w->bases.dirty);
	end(w);
}

/* To read is no change; what is read is defined, whatever the register held before. */
static void test_read(void **state)
{
	struct world *w = START(LOAD_EDX "\x89\xd0" RDFS_RAX HLT); /* mov %edx,%eax */

	w->v[A][0] = 1;
	run_to(w, 9);
	assert_int_equal(w->cpu.gpr[INSN_RAX], user_fs);
	assert_int_equal(w->vbits.gpr[INSN_RAX], 0);
	assert_int_equal(w->vbits.gpr[INSN_RDX], 1);
	assert_false(w->bases.dirty);
	end(w);
}

/* The window may end between two. */
static void test_swapped(void **state)
{
	struct world *w = START(RDFS_RAX SWAPGS HLT);

	run_to(w, 8);
	assert_int_equal(w->cpu.seg_base[INSN_GS], user_gs);
	assert_int_equal(w->bases.kernel_gs, world_page[STACK].addr);
	assert_true(w->bases.dirty);
	end(w);
}

/* mov %es,%ax; mov %cs,%ecx; mov %ss,%r9; mov %ds,(%rbx); mov %fs,%dx; mov %gs,%esi */
#define SELECTORS "\x66\x8c\xc0" "\x8c\xc9" "\x49\x8c\xd1" "\x8c\x1b" "\x66\x8c\xe2" "\x8c\xee"

/* Each is another; two bytes are written to memory, and what is read is defined. */
static void test_selectors(void **state)
{
	struct world *w = START(LOAD_EDX "\x89\xd6" SELECTORS LOAD_EDX HLT); /* mov %edx,%esi */
	static const uint64_t old = 0x1122334455667788;

	w->v[A][0] = w->v[A][1] = w->v[A][3] = 1;
	memcpy(w->bytes[A], &old, sizeof(old));
	for (unsigned n = 0; n < INSN_SEGS; n++)
		w->cpu.selector[n] = (uint16_t)(0xa001 + n);
	w->cpu.gpr[INSN_RAX] = w->cpu.gpr[INSN_RCX] = w->cpu.gpr[INSN_R9] = old;
	run_to(w, 4 + 3 + 2 + 3 + 2 + 3 + 2 + 2);
	assert_int_equal(w->cpu.gpr[INSN_RAX], (old & ~0xffffull) | 0xa001);
	assert_int_equal(w->cpu.gpr[INSN_RCX], 0xa002);
	assert_int_equal(w->cpu.gpr[INSN_R9], 0xa003);
	assert_int_equal(w->cpu.gpr[INSN_RDX], 0x5566a004);
	assert_int_equal(w->cpu.gpr[INSN_RSI], 0xa006);
	assert_int_equal(w->vbits.gpr[INSN_RSI], 0);
	assert_int_equal(w->vbits.gpr[INSN_RDX], 0x01000000);
	assert_int_equal(w->v[A][0] | w->v[A][1], 0);
	end(w);
}

/* There are six. */
static void test_no_selector(void **state)
{
	struct world *w = START("\x8c\xf0" HLT);

	world_run(w, 64);
	assert_int_equal(w->window.end, ENGINE_HARDWARE);
	assert_int_equal(w->window.insns, 0);
	end(w);
}

static void assert_left(struct world *w, uint64_t offset)
{
	run_to(w, offset);
	assert_int_equal(w->cpu.seg_base[INSN_FS], user_fs);
	assert_int_equal(w->cpu.seg_base[INSN_GS], world_page[STACK].addr);
	assert_int_equal(w->bases.kernel_gs, user_gs);
	assert_false(w->bases.dirty);
	end(w);
}

static void test_left(void **state)
{
	static const char *const codes[] = { RDFS_RAX, RDGS_R9, WRFS_RDX, WRGS_RBP, SWAPGS };
	struct world *w;

	for (size_t n = 0; n < sizeof(codes) / sizeof(codes[0]); n++) {
		w = start(codes[n], strlen(codes[n]));
		w->has_bases = false;
		assert_left(w, 0);
	}
	assert_left(START(RDFS_EAX), 0); /* 32 bits */
	assert_left(START(SWAPGS), 0);	 /* on the way out */
	w = START(WRFS_RDX);		 /* #GP(0) */
	w->cpu.gpr[INSN_RDX] = 0x0000800000000000;
	assert_left(w, 0);
	w = START(LOAD_EDX WRFS_RDX); /* undefined */
	w->v[A][0] = 1;
	assert_left(w, 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_switch),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_swapped),
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_no_selector),
		cmocka_unit_test(test_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
