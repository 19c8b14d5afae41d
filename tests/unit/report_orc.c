// SPDX-License-Identifier: GPL-2.0-only
/*
 * report_orc.c: walks over made-up stacks with made-up ORC tables, in the layout of Linux 6.1 and
 * in that of 6.12: every register, every kind of frame, and tables and stacks that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "orc.h"
#include "random64.h"

#define TEXT	   0xffffffff81000000ull
#define TEXT_SIZE  0x10000ull
#define STACK	   0xffffc90000010000ull
#define OTHER	   0xffffc90000050000ull /* a second stack */
#define TABLE_IP   0xffffffff82000000ull
#define TABLE	   0xffffffff82100000ull
#define WORDS	   512
#define ENTRIES	   64
#define ENTRY_SIZE 6
#define TRAMPOLINE (TEXT + 0xf000)
#define FUZZ_WALKS 200000

/* orc_types.h; kinds in the order of 6.12. */
enum { UNDEFINED, PREV_SP, DX, DI, BP, SP, R10, R13, BP_INDIRECT, SP_INDIRECT };
enum { K_UNDEFINED, K_END, K_CALL, K_REGS, K_PARTIAL, K_UNKNOWN };

struct version {
	const char *name;
	bool has_end;
	struct orc_layout layout;
};

/* In bits, as the BTF of these kernels says. */
static const struct version versions[] = {
	{ "6.1",
	  true,
	  { .size = 6,
	    .sp_offset = { 0, 16 },
	    .bp_offset = { 16, 16 },
	    .sp_reg = { 32, 4 },
	    .bp_reg = { 36, 4 },
	    .type = { 40, 2 },
	    .end = { 42, 1 } } },
	{ "6.12",
	  false,
	  { .size = 6,
	    .sp_offset = { 0, 16 },
	    .bp_offset = { 16, 16 },
	    .sp_reg = { 32, 4 },
	    .bp_reg = { 36, 4 },
	    .type = { 40, 3 },
	    .signal = { 43, 1 } } },
};

struct world {
	const struct version *version;
	uint64_t stack[WORDS], other[WORDS];
	int32_t ip[ENTRIES];
	uint8_t entry[ENTRIES][ENTRY_SIZE];
	struct orc_table table;
	uint64_t missing; /* from here on the piece that it lies in cannot be read; 0: all can */
	unsigned reads;
	struct orc_guest guest;
};

struct piece {
	uint64_t addr;
	void *at;
	size_t len;
};

static size_t read_world(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct world *w = ctx;
	const struct piece pieces[] = { { STACK, w->stack, sizeof(w->stack) },
					{ OTHER, w->other, sizeof(w->other) },
					{ TABLE_IP, w->ip, sizeof(w->ip) },
					{ TABLE, w->entry, sizeof(w->entry) } };

	w->reads++;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		uint64_t offset = addr - pieces[i].addr, room = pieces[i].len - offset;

		if (offset >= pieces[i].len)
			continue;
		if (w->missing - pieces[i].addr < pieces[i].len)
			room = w->missing > addr ? w->missing - addr : 0;
		len = len < room ? len : room;
		memcpy(buf, (char *)pieces[i].at + offset, len);
		return len;
	}
	return 0;
}

static bool table_of(void *ctx, uint64_t addr, struct orc_table *t)
{
	struct world *w = ctx;

	*t = w->table;
	return addr - TEXT < TEXT_SIZE;
}

static uint64_t returns(void *ctx, uint64_t addr, uint64_t slot)
{
	return addr == TRAMPOLINE ? TEXT + (slot & 0xfff) : addr;
}

static void world_init(struct world *w, const struct version *v)
{
	memset(w, 0, sizeof(*w));
	w->version = v;
	w->table = (struct orc_table){ .ip = TABLE_IP, .entry = TABLE };
	w->guest = (struct orc_guest){ .ctx = w,
				       .layout = &v->layout,
				       .read = read_world,
				       .table = table_of,
				       .returns = returns };
}

struct fact {
	uint64_t code; /* from TEXT on */
	int sp_reg, sp_offset, bp_reg, bp_offset, kind, signal;
};

/* As the compilers of these kernels lay the bit fields out. */
static void put_entry(struct world *w, unsigned i, const struct fact *f)
{
	static const uint8_t old_type[] = { 0, 0, 0, 1, 2, 3 };
	int16_t sp = (int16_t)f->sp_offset, bp = (int16_t)f->bp_offset;
	uint8_t *e = w->entry[i];

	w->ip[i] = (int32_t)(TEXT + f->code - (TABLE_IP + i * sizeof(w->ip[0])));
	memcpy(e, &sp, 2);
	memcpy(e + 2, &bp, 2);
	e[4] = (uint8_t)(f->sp_reg | f->bp_reg << 4);
	if (w->version->has_end)
		e[5] = (uint8_t)(old_type[f->kind] | (f->kind == K_END) << 2);
	else
		e[5] = (uint8_t)((f->kind == K_UNKNOWN ? 5 : f->kind) | f->signal << 3);
}

static void put(struct world *w, const struct fact *f)
{
	put_entry(w, (unsigned)w->table.n++, f);
}

static const struct orc_regs start = { .ip = TEXT + 0x1000,
				       .sp = STACK + 0x100,
				       .bp = STACK + 0x200,
				       .r10 = STACK + 0x300,
				       .r13 = STACK + 0x380,
				       .di = OTHER + 0x40,
				       .dx = OTHER + 0x80 };

/* Every word of the stacks tells where it lies. */
static void fill_stacks(struct world *w)
{
	for (unsigned i = 0; i < WORDS; i++) {
		w->stack[i] = 0x5000000000000000ull + i * 8;
		w->other[i] = 0x6000000000000000ull + i * 8;
	}
}

#define S(offset) (0x5000000000000000ull + (offset))
#define O(offset) (0x6000000000000000ull + (offset))

struct one_step {
	const char *name;
	struct fact fact;
	enum orc_step step;
	uint64_t ip, sp, bp; /* after ORC_CALLER */
};

/* clang-format off */
static const struct one_step steps[] = {
	{ "call, sp", { 0, SP, 16, 0, 0, K_CALL, 0 }, ORC_CALLER,
	  S(0x108), STACK + 0x110, STACK + 0x200 },
	{ "call, bp, bp saved", { 0, BP, 16, PREV_SP, -16, K_CALL, 0 }, ORC_CALLER,
	  S(0x208), STACK + 0x210, S(0x200) },
	{ "call, bp by bp", { 0, SP, 8, BP, -8, K_CALL, 0 }, ORC_CALLER,
	  S(0x100), STACK + 0x108, S(0x1f8) },
	{ "call, r10", { 0, R10, 0, 0, 0, K_CALL, 0 }, ORC_CALLER,
	  S(0x2f8), STACK + 0x300, STACK + 0x200 },
	{ "call, r13", { 0, R13, 0, 0, 0, K_CALL, 0 }, ORC_CALLER,
	  S(0x378), STACK + 0x380, STACK + 0x200 },
	{ "call, rdi", { 0, DI, 0, 0, 0, K_CALL, 0 }, ORC_CALLER,
	  O(0x38), OTHER + 0x40, STACK + 0x200 },
	{ "call, rdx", { 0, DX, 0, 0, 0, K_CALL, 0 }, ORC_CALLER,
	  O(0x78), OTHER + 0x80, STACK + 0x200 },
	{ "thread", { 0, UNDEFINED, 0, 0, 0, K_END, 0 }, ORC_END, 0, 0, 0 },
	{ "undefined", { 0, UNDEFINED, 0, 0, 0, K_UNDEFINED, 0 }, ORC_LOST, 0, 0, 0 },
	{ "unknown kind", { 0, SP, 8, 0, 0, K_UNKNOWN, 0 }, ORC_LOST, 0, 0, 0 },
	{ "no register", { 0, UNDEFINED, 0, 0, 0, K_REGS, 0 }, ORC_LOST, 0, 0, 0 },
	{ "sp is no base", { 0, PREV_SP, 8, 0, 0, K_CALL, 0 }, ORC_LOST, 0, 0, 0 },
	{ "unknown base", { 0, 15, 8, 0, 0, K_CALL, 0 }, ORC_LOST, 0, 0, 0 },
	{ "unknown bp", { 0, SP, 8, R10, 0, K_CALL, 0 }, ORC_LOST, 0, 0, 0 },
	{ "no progress", { 0, SP, 0, 0, 0, K_CALL, 0 }, ORC_LOST, 0, 0, 0 },
	{ "downwards", { 0, SP, -8, 0, 0, K_CALL, 0 }, ORC_LOST, 0, 0, 0 },
	{ "out of the stack", { 0, SP, 32767, 0, 0, K_CALL, 0 }, ORC_LOST, 0, 0, 0 },
	{ "bp out of the stack", { 0, SP, 8, PREV_SP, -32768, K_CALL, 0 }, ORC_LOST, 0, 0, 0 },
};
/* clang-format on */

static void test_one_step(void **state)
{
	for (size_t v = 0; v < 2; v++) {
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			const struct one_step *c = &steps[i];
			struct orc_walk walk;
			struct world w;

			print_message("%s: %s\n", versions[v].name, c->name);
			world_init(&w, &versions[v]);
			fill_stacks(&w);
			put(&w, &c->fact);
			orc_start(&walk, &w.guest, &start);
			assert_int_equal(orc_next(&walk), c->step);
			if (c->step != ORC_CALLER) { /* it has not moved */
				assert_memory_equal(&walk.regs, &start, sizeof(start));
				continue;
			}
			assert_int_equal(walk.regs.ip, c->ip);
			assert_int_equal(walk.regs.sp, c->sp);
			assert_int_equal(walk.regs.bp, c->bp);
			assert_false(walk.exact);
		}
	}
}

/* Another stack's pointer is on top of this one, or at rbp. */
static void test_stack_switch(void **state)
{
	static const struct fact by_sp = { .sp_reg = SP_INDIRECT, .sp_offset = 8, .kind = K_CALL };
	static const struct fact by_bp = { .sp_reg = BP_INDIRECT, .sp_offset = -8, .kind = K_CALL };

	for (size_t v = 0; v < 2; v++) {
		struct orc_walk walk;
		struct world w;

		world_init(&w, &versions[v]);
		fill_stacks(&w);
		w.stack[0x100 / 8] = OTHER + 0x50;
		put(&w, &by_sp);
		orc_start(&walk, &w.guest, &start);
		assert_int_equal(orc_next(&walk), ORC_CALLER);
		assert_int_equal(walk.regs.sp, OTHER + 0x58);
		assert_int_equal(walk.regs.ip, O(0x50));
		w.stack[0x1f8 / 8] = STACK + 0x20; /* downwards: a switch may */
		put_entry(&w, 0, &by_bp);
		orc_start(&walk, &w.guest, &start);
		assert_int_equal(orc_next(&walk), ORC_CALLER);
		assert_int_equal(walk.regs.sp, STACK + 0x20);
		assert_int_equal(walk.regs.ip, S(0x18));
	}
}

enum {
	PT_R13 = 2,
	PT_BP = 4,
	PT_R10 = 7,
	PT_DX = 12,
	PT_DI = 14,
	PT_IP = 16,
	PT_CS,
	PT_FLAGS,
	PT_SP
};

/* A struct pt_regs at word i of the stack; the iret frame is its end. */
static void put_regs(struct world *w, unsigned i, uint64_t ip, uint64_t cs, uint64_t sp)
{
	w->stack[i + PT_IP] = ip;
	w->stack[i + PT_CS] = cs;
	w->stack[i + PT_SP] = sp;
}

static void test_interrupted(void **state)
{
	static const struct fact regs = {
		.sp_reg = SP, .sp_offset = 0, .kind = K_REGS, .signal = 1
	};
	static const struct fact by_r13 = { .code = 0x2000, .sp_reg = R13, .kind = K_CALL };

	for (size_t v = 0; v < 2; v++) {
		struct orc_walk walk;
		struct world w;

		world_init(&w, &versions[v]);
		fill_stacks(&w);
		put(&w, &regs);
		put(&w, &by_r13);
		put_regs(&w, 0x100 / 8, TEXT + 0x2000, 0x10, OTHER + 8);
		w.stack[0x100 / 8 + PT_R13] = OTHER + 0x100;
		orc_start(&walk, &w.guest, &start);
		assert_int_equal(orc_next(&walk), ORC_CALLER);
		assert_true(walk.exact);
		assert_int_equal(walk.regs.ip,
				 TEXT + 0x2000); /* the entry of this one, not before it */
		assert_int_equal(walk.regs.sp, OTHER + 8);
		assert_int_equal(walk.regs.bp, S(0x100 + 8 * PT_BP));
		assert_int_equal(walk.regs.r10, S(0x100 + 8 * PT_R10));
		assert_int_equal(walk.regs.dx, S(0x100 + 8 * PT_DX));
		assert_int_equal(walk.regs.di, S(0x100 + 8 * PT_DI));
		assert_int_equal(orc_next(&walk), ORC_CALLER);
		assert_false(walk.exact);
		assert_int_equal(walk.regs.ip, O(0xf8));
		/* What was interrupted is user code: the end. */
		put_regs(&w, 0x100 / 8, 0x401000, 0x33, 0x7ffc0000);
		orc_start(&walk, &w.guest, &start);
		assert_int_equal(orc_next(&walk), ORC_END);
	}
}

/* Only what the CPU pushed: rbp and the others are still those of the frame. */
static void test_interrupted_partly(void **state)
{
	static const struct fact partial = {
		.sp_reg = SP, .sp_offset = 8, .kind = K_PARTIAL, .signal = 1
	};
	static const struct fact by_r10 = { .code = 0x2000, .sp_reg = R10, .kind = K_CALL };

	for (size_t v = 0; v < 2; v++) {
		struct orc_walk walk;
		struct world w;

		world_init(&w, &versions[v]);
		fill_stacks(&w);
		put(&w, &partial);
		put(&w, &by_r10);
		put_regs(&w, 0x108 / 8 - PT_IP, TEXT + 0x2000, 0x10, STACK + 0x208);
		orc_start(&walk, &w.guest, &start);
		assert_int_equal(orc_next(&walk), ORC_CALLER);
		assert_true(walk.exact);
		assert_int_equal(walk.regs.sp, STACK + 0x208);
		assert_int_equal(walk.regs.bp, start.bp);
		assert_int_equal(orc_next(&walk), ORC_CALLER);
		assert_int_equal(walk.regs.ip, S(0x2f8));
		put_regs(&w, 0x108 / 8 - PT_IP, 0x401000, 0x33, 0);
		orc_start(&walk, &w.guest, &start);
		assert_int_equal(orc_next(&walk), ORC_END);
	}
}

/* Behind a call nobody knows what r10 was. */
static void test_register_is_gone(void **state)
{
	static const struct fact facts[] = {
		{ .code = 0x1000, .sp_reg = SP, .sp_offset = 8, .kind = K_CALL },
		{ .code = 0x2000, .sp_reg = R10, .kind = K_CALL },
	};

	for (size_t v = 0; v < 2; v++) {
		struct orc_walk walk;
		struct world w;

		world_init(&w, &versions[v]);
		put(&w, &facts[0]);
		put(&w, &facts[1]);
		w.stack[0x100 / 8] = TEXT + 0x2010;
		orc_start(&walk, &w.guest, &start);
		assert_int_equal(orc_next(&walk), ORC_CALLER);
		assert_int_equal(orc_next(&walk), ORC_LOST);
		assert_int_equal(walk.regs.ip, TEXT + 0x2010);
	}
}

/* Whole chain: a leaf, a frame with rbp, an interrupt on its own stack, user mode. */
static void test_chain(void **state)
{
	static const struct fact facts[] = {
		{ .code = 0x1000, .sp_reg = SP, .sp_offset = 8, .kind = K_CALL },
		{ .code = 0x2000,
		  .sp_reg = BP,
		  .sp_offset = 16,
		  .bp_reg = PREV_SP,
		  .bp_offset = -16,
		  .kind = K_CALL },
		{ .code = 0x3000, .sp_reg = SP_INDIRECT, .sp_offset = 8, .kind = K_CALL },
		{ .code = 0x4000, .sp_reg = SP, .sp_offset = 0, .kind = K_REGS, .signal = 1 },
		{ .code = 0x5000, .sp_reg = SP, .sp_offset = 24, .kind = K_CALL },
		{ .code = 0x6000, .sp_reg = SP, .sp_offset = 0, .kind = K_PARTIAL, .signal = 1 },
	};
	static const struct {
		uint64_t ip;
		bool exact;
	} want[] = { { TEXT + 0x2004, false },
		     { TEXT + 0x3004, false },
		     { TEXT + 0x4004, false },
		     { TEXT + 0x5000, true },
		     { TEXT + 0x6004, false } };

	for (size_t v = 0; v < 2; v++) {
		struct orc_walk walk;
		struct world w;

		world_init(&w, &versions[v]);
		for (size_t i = 0; i < 6; i++)
			put(&w, &facts[i]);
		w.stack[0x100 / 8] = TEXT + 0x2004;
		w.stack[0x208 / 8] = TEXT + 0x3004;
		w.stack[0x210 / 8] = OTHER + 0x80;
		w.other[0x80 / 8] = TEXT + 0x4004;
		w.other[0x88 / 8 + PT_IP] =
			TEXT + 0x5000; /* exact: 0x4fff would be another function */
		w.other[0x88 / 8 + PT_SP] = OTHER + 0x800;
		w.other[0x810 / 8] = TEXT + 0x6004;
		w.other[0x818 / 8 + 1] = 0x33;
		orc_start(&walk, &w.guest, &start);
		for (size_t i = 0; i < 5; i++) {
			assert_int_equal(orc_next(&walk), ORC_CALLER);
			assert_int_equal(walk.regs.ip, want[i].ip);
			assert_int_equal(walk.exact, want[i].exact);
		}
		assert_int_equal(orc_next(&walk), ORC_END);
	}
}

/* In 6.12 a frame that is a function's may say that what it returns to was not calling. */
static void test_signal_field(void **state)
{
	static const struct fact fact = {
		.sp_reg = SP, .sp_offset = 8, .kind = K_CALL, .signal = 1
	};
	struct orc_walk walk;
	struct world w;

	world_init(&w, &versions[1]);
	put(&w, &fact);
	w.stack[0x100 / 8] = TEXT + 0x2000;
	orc_start(&walk, &w.guest, &start);
	assert_int_equal(orc_next(&walk), ORC_CALLER);
	assert_true(walk.exact);
}

static void test_replaced_return_address(void **state)
{
	static const struct fact fact = { .sp_reg = SP, .sp_offset = 8, .kind = K_CALL };
	struct orc_walk walk;
	struct world w;

	world_init(&w, &versions[0]);
	put(&w, &fact);
	w.stack[0x100 / 8] = TRAMPOLINE;
	orc_start(&walk, &w.guest, &start);
	assert_int_equal(orc_next(&walk), ORC_CALLER);
	assert_int_equal(walk.regs.ip, TEXT + 0x100);
}

/* Which of the entries counts: each puts the caller at its own place. */
static void test_search(void **state)
{
	static const struct {
		uint64_t ip;
		bool is_return;
		int entry; /* -1: none */
	} cases[] = {
		{ 0x0fff, false, -1 }, { 0x1000, false, 0 }, { 0x1000, true, -1 },
		{ 0x1001, true, 0 },   { 0x1fff, false, 0 }, { 0x2000, true, 0 },
		{ 0x2000, false, 2 },  { 0x2500, false, 2 }, { 0x3000, false, 3 },
		{ 0xffff, false, 3 },
	};
	static const uint64_t code[] = { 0x1000, 0x2000, 0x2000, 0x3000 };
	struct world w;

	world_init(&w, &versions[1]);
	for (int i = 0; i < 4; i++)
		put(&w, &(struct fact){ .code = code[i],
					.sp_reg = SP,
					.sp_offset = 8 * (i + 1),
					.kind = K_CALL });
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct orc_regs regs = start;
		struct orc_walk walk;

		regs.ip = TEXT + cases[i].ip;
		orc_start(&walk, &w.guest, &regs);
		walk.exact = !cases[i].is_return;
		assert_int_equal(orc_next(&walk), cases[i].entry < 0 ? ORC_LOST : ORC_CALLER);
		if (cases[i].entry >= 0)
			assert_int_equal(walk.regs.sp,
					 start.sp + 8 * (uint64_t)(cases[i].entry + 1));
	}
}

static void test_no_table(void **state)
{
	static const struct fact fact = { .sp_reg = SP, .sp_offset = 8, .kind = K_CALL };
	struct orc_regs regs = start;
	struct orc_walk walk;
	struct world w;

	world_init(&w, &versions[1]);
	orc_start(&walk, &w.guest, &start); /* an empty one */
	assert_int_equal(orc_next(&walk), ORC_LOST);
	put(&w, &fact);
	regs.ip = TEXT + TEXT_SIZE;
	orc_start(&walk, &w.guest, &regs);
	assert_int_equal(orc_next(&walk), ORC_LOST);
	w.table.n = (uint64_t)ORC_ENTRIES_MAX + 1;
	orc_start(&walk, &w.guest, &start);
	assert_int_equal(orc_next(&walk), ORC_LOST);
	w.table.n = ORC_ENTRIES_MAX; /* but most of it is not there */
	orc_start(&walk, &w.guest, &start);
	assert_int_equal(orc_next(&walk), ORC_LOST);
	w.table = (struct orc_table){ .ip = UINT64_MAX - 1, .entry = UINT64_MAX - 1, .n = 1 };
	orc_start(&walk, &w.guest, &start);
	assert_int_equal(orc_next(&walk), ORC_LOST);
}

/* Entries that lead round and round: the walk ends, and soon. */
static void test_loops(void **state)
{
	static const struct fact loops[] = {
		{ .code = 0x1000, .sp_reg = SP_INDIRECT, .sp_offset = 0, .kind = K_CALL },
		{ .code = 0x1000, .sp_reg = SP, .sp_offset = 0, .kind = K_REGS, .signal = 1 },
		{ .code = 0x1000, .sp_reg = SP, .sp_offset = 0, .kind = K_PARTIAL, .signal = 1 },
	};

	for (size_t v = 0; v < 2; v++) {
		for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
			struct orc_regs regs = start;
			unsigned frames = 0;
			struct orc_walk walk;
			struct world w;

			world_init(&w, &versions[v]);
			put(&w, &loops[i]);
			regs.sp = STACK + 0x208;
			for (unsigned n = 0; n < WORDS; n++)
				w.stack[n] = STACK + 0x208; /* also what rsp becomes */
			w.stack[0x200 / 8] = TEXT + 0x1001;
			w.stack[0x208 / 8 + (i == 1 ? PT_IP : 0)] =
				i ? TEXT + 0x1001 : STACK + 0x208;
			w.stack[0x208 / 8 + (i == 1 ? PT_CS : 1)] = i ? 0x10 : 0;
			orc_start(&walk, &w.guest, &regs);
			while (orc_next(&walk) == ORC_CALLER) {
				assert_int_equal(walk.regs.sp, STACK + 0x208);
				frames++;
			}
			assert_int_equal(frames, ORC_STEPS);
		}
	}
}

/* Stack and tables end anywhere: the step is done or not done, and never by halves. */
static void test_truncated(void **state)
{
	static const struct fact facts[] = {
		{ .code = 0x1000, .sp_reg = SP, .sp_offset = 0, .kind = K_REGS, .signal = 1 },
		{ .code = 0x1000, .sp_reg = SP, .sp_offset = 0, .kind = K_PARTIAL, .signal = 1 },
		{ .code = 0x1000,
		  .sp_reg = BP,
		  .sp_offset = -0xf0,
		  .bp_reg = PREV_SP,
		  .bp_offset = 160,
		  .kind = K_CALL },
	};
	static const struct {
		uint64_t from, needed[3]; /* bytes from there on, for each fact */
	} ends[] = { { STACK + 0x100, { 168, 40, 184 } },
		     { TABLE_IP, { 4, 4, 4 } },
		     { TABLE, { 6, 6, 6 } } };

	for (size_t f = 0; f < 3; f++) {
		for (size_t e = 0; e < 3; e++) {
			for (uint64_t have = 0; have < 200; have++) {
				struct orc_walk walk;
				struct world w;

				world_init(&w, &versions[1]);
				fill_stacks(&w);
				put(&w, &facts[f]);
				w.missing = ends[e].from + have;
				w.stack[0x100 / 8 + (f ? 1 : PT_CS)] = 0x10;
				orc_start(&walk, &w.guest, &start);
				assert_int_equal(orc_next(&walk),
						 have >= ends[e].needed[f] ? ORC_CALLER : ORC_LOST);
			}
		}
	}
}

static void test_layouts(void **state)
{
	static const struct orc_field bad[] = { { 48, 1 }, { 47, 2 },	      { UINT32_MAX, 8 },
						{ 0, 33 }, { 1, UINT32_MAX }, { 0, 0 } };
	struct orc_layout l = versions[0].layout;
	struct orc_field *const field[] = { &l.sp_offset, &l.bp_offset, &l.sp_reg, &l.bp_reg,
					    &l.type,	  &l.end,	&l.signal };

	assert_true(orc_layout_valid(&versions[0].layout));
	assert_true(orc_layout_valid(&versions[1].layout));
	for (size_t f = 0; f < sizeof(field) / sizeof(field[0]); f++) {
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			bool optional = field[f] == &l.end || field[f] == &l.signal;

			l = versions[0].layout;
			*field[f] = bad[i];
			assert_int_equal(orc_layout_valid(&l), !bad[i].width && optional);
		}
	}
	l = versions[0].layout;
	l.size = ORC_ENTRY_MAX + 1;
	assert_false(orc_layout_valid(&l));
	l.size = 0;
	assert_false(orc_layout_valid(&l));
}

static uint64_t random_word(void)
{
	switch (random64() % 10) {
	case 0:
		return STACK + random64() % sizeof(((struct world *)0)->stack);
	case 1:
		return OTHER + random64() % sizeof(((struct world *)0)->other);
	case 2:
		return random64();
	case 3:
		return 0x10;
	}
	return TEXT + random64() % TEXT_SIZE;
}

static void random_entry(struct world *w, unsigned i)
{
	const struct fact f = { .code = i * TEXT_SIZE / ENTRIES,
				.sp_reg = random64() % 2 ? SP : (int)(random64() % 12),
				.sp_offset = (int)(random64() % 64) * 8 - 64,
				.bp_reg = random64() % 2 ? UNDEFINED : (int)(random64() % 6),
				.bp_offset = -16,
				.kind = random64() % 2 ? K_CALL : (int)(random64() % 6),
				.signal = (int)(random64() % 2) };

	put_entry(w, i, &f);
	if (random64() % 8 == 0)
		w->ip[i] = (int32_t)random64();
	for (unsigned k = 0; k < ENTRY_SIZE && random64() % 8 == 0; k++)
		w->entry[i][k] = (uint8_t)random64();
}

static void random_world(struct world *w)
{
	world_init(w, &versions[random64() % 2]);
	for (unsigned i = 0; i < WORDS; i++) {
		w->stack[i] = random_word();
		w->other[i] = random_word();
	}
	w->table.n = random64() % 8 ? ENTRIES : random64() % (ENTRIES + 1);
	for (unsigned i = 0; i < ENTRIES; i++)
		random_entry(w, i);
}

/* The same walk, frame by frame, with what earlier ones have left in memory, and the stack at hand. */
static void walk_by_memory(const struct world *w, const struct orc_regs *regs, struct orc_memory *memory)
{
	const struct orc_near near = { .page = STACK, .host = (const uint8_t *)w->stack };
	struct orc_guest guest = w->guest;
	struct orc_walk anew, by_memory;
	enum orc_step step;

	guest.memory = memory;
	guest.near = &near;
	orc_start(&anew, &w->guest, regs);
	orc_start(&by_memory, &guest, regs);
	do {
		step = orc_next(&anew);
		assert_int_equal(orc_next(&by_memory), step);
		assert_memory_equal(&by_memory.regs, &anew.regs, sizeof(anew.regs));
		assert_int_equal(by_memory.exact, anew.exact);
		assert_int_equal(by_memory.full, anew.full);
		assert_int_equal(by_memory.steps, anew.steps);
	} while (step == ORC_CALLER);
}

/* Random tables, some of them out of order, over random stacks. */
static void test_fuzz(void **state)
{
	static struct orc_memory memory;
	static struct world w;
	uint64_t frames = 0;

	for (unsigned n = 0; n < FUZZ_WALKS; n++) {
		struct orc_regs regs = { .ip = TEXT + random64() % TEXT_SIZE,
					 .sp = STACK + random64() % WORDS * 8,
					 .bp = random_word(),
					 .r10 = random_word(),
					 .r13 = random_word(),
					 .di = random_word(),
					 .dx = random_word() };
		struct orc_walk walk;
		unsigned here = 0;

		if (n % 64 == 0) {
			random_world(&w);
			memset(&memory, 0, sizeof(memory));
		}
		w.reads = 0;
		orc_start(&walk, &w.guest, &regs);
		while (orc_next(&walk) == ORC_CALLER)
			here++;
		assert_true(here <= ORC_STEPS);
		assert_true(w.reads <= ORC_STEPS * 16);
		walk_by_memory(&w, &regs, &memory);
		frames += here;
	}
	assert_true(frames > FUZZ_WALKS / 8); /* they do get somewhere */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_step),
		cmocka_unit_test(test_stack_switch),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_interrupted_partly),
		cmocka_unit_test(test_register_is_gone),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_signal_field),
		cmocka_unit_test(test_replaced_return_address),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_no_table),
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
