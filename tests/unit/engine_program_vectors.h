/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_program_vectors.h: vector instructions for random programs (engine_program.h).
 */
#ifndef KMC_TESTS_ENGINE_PROGRAM_VECTORS_H
#define KMC_TESTS_ENGINE_PROGRAM_VECTORS_H

#include "engine_encode.h"

/*
 * Vector registers: a few, so that what one instruction leaves is what the next one takes. They are
 * all 0 at first, so mostly something is loaded.
 */
static inline unsigned any_vector(void)
{
	static const uint8_t data[] = { 1, 1, 1, 2, 2, 9 };

	return data[below(6)];
}

/* In A, B or the stack; aligned for instructions that want it. */
static inline struct operand vector_memory(unsigned size, bool aligned)
{
	struct operand o = in_memory(1);

	o.disp = (uint8_t)(below(3) ? below(2) * 8 : below(AREA_SIZE + 1 - size));
	if (aligned)
		o.disp &= (uint8_t)~(size - 1);
	return o;
}

static inline void vector_load(struct program *p)
{
	static const struct {
		unsigned opcode;
		uint8_t size;
		bool aligned;
	} kinds[] = {
		{ 0xf30f6f, 16, false }, { 0x0f10, 16, false }, { 0x0f28, 16, true },
		{ 0xf30f7e, 8, false },	 { 0x660f6e, 4, false }, { 0x0f12, 8, false },
		{ 0x0f16, 8, false },	 { 0xf30f10, 4, false }, { 0xf20f10, 8, false },
	};
	unsigned k = below(2) ? below(2) : below(9);

	put_op(p, 4, kinds[k].opcode, any_vector(), vector_memory(kinds[k].size, kinds[k].aligned));
}

static inline void vector_store(struct program *p)
{
	static const struct {
		unsigned opcode;
		uint8_t size;
		bool aligned;
	} kinds[] = {
		{ 0xf30f7f, 16, false }, { 0x0f11, 16, false }, { 0x0f29, 16, true },
		{ 0x660fd6, 8, false },	 { 0x660f7e, 4, false }, { 0x0f13, 8, false },
		{ 0x0f17, 8, false },	 { 0xf30f11, 4, false }, { 0x660fe7, 16, true },
	};
	unsigned k = below(2) ? below(2) : below(9);

	put_op(p, 4, kinds[k].opcode, any_vector(), vector_memory(kinds[k].size, kinds[k].aligned));
}

/* and, andn, or, xor, with a register or with memory */
static inline void vector_logic(struct program *p)
{
	static const unsigned opcodes[] = { 0x660fdb, 0x660fdf, 0x660feb, 0x660fef, 0x0f54, 0x0f55,
					    0x0f56, 0x0f57 };
	struct operand o = below(2) ? vector_memory(16, true) : in_reg(any_vector());

	put_op(p, 4, opcodes[below(8)], any_vector(), o);
}

/* Copies of all or of parts. */
static inline void vector_register(struct program *p)
{
	static const unsigned opcodes[] = { 0x0f10, 0x0f28, 0xf30f10, 0xf20f10, 0x0f12, 0x0f16,
					    0xf30f7e };

	put_op(p, 4, opcodes[below(7)], any_vector(), in_reg(any_vector()));
}

/* The same with VEX, in 128 or 256 bits, and vzeroupper. vvvv of moves is 0. */
static inline void vector_vex(struct program *p)
{
	static const struct {
		uint8_t opcode, pp;
		bool logic;
	} kinds[] = { { 0x6f, 2, false }, { 0x10, 0, false }, { 0xdb, 1, true }, { 0xdf, 1, true },
		      { 0xeb, 1, true },  { 0xef, 1, true },  { 0x57, 0, true } };
	unsigned k = below(7), from = below(2) * 4;

	if (below(12) == 0) {
		p->at = p->len;
		put(p, 0x77f8c5, 3);
		p->insns++;
		return;
	}
	put_vex(p, 4, kinds[k].pp | from, 1, kinds[k].opcode, any_vector(),
		kinds[k].logic ? any_vector() : 0, any_vector());
}

/* vmovdqu of 32 bytes */
static inline void vector_wide(struct program *p)
{
	struct operand o = vector_memory(32, false);
	unsigned reg = any_vector();

	p->at = p->len;
	put(p, 0xc5 | (reg < 8 ? 0xfe : 0x7e) << 8, 2);
	put(p, below(2) ? 0x6f : 0x7f, 1);
	put(p, 0x40 | (reg & 7) << 3 | (o.reg & 7), 1);
	if (o.reg == INSN_RSP)
		put(p, 0x24, 1);
	put(p, o.disp, 1);
	p->insns++;
}

static inline void vector_and_gpr(struct program *p)
{
	unsigned size = below(3) ? 8 : 4;

	if (below(2)) {
		put(p, 0x66, 1);
		put_op(p, size, 0x0f6e, any_vector(), in_reg(some_reg(p)));
		return;
	}
	p->last = any_reg();
	put(p, 0x66, 1);
	put_op(p, size, 0x0f7e, any_vector(), in_reg(p->last));
}

static inline void vector(struct program *p)
{
	static void (*const some[])(struct program *p) = { vector_load, vector_load, vector_store,
							   vector_logic, vector_logic,
							   vector_register, vector_vex,
							   vector_wide, vector_wide,
							   vector_and_gpr, vector_and_gpr };

	some[below(sizeof(some) / sizeof(some[0]))](p);
}

#endif
