/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_encode.h: a program that grows by instructions, and their random operands.
 */
#ifndef KMC_TESTS_ENGINE_ENCODE_H
#define KMC_TESTS_ENGINE_ENCODE_H

#include "engine_world.h"
#include "random64.h"

#define MAX_CODE 128
#define AREA_SIZE 64 /* bytes of each page that programs access */

enum use_kind { USE_BRANCH, USE_ADDRESS, USE_LEAK, USE_JUMP, USES };

struct program {
	uint8_t code[MAX_CODE];
	unsigned len, insns;
	unsigned at;	/* where the last instruction is */
	uint64_t flags; /* those that have an architectural value */
	unsigned last;	/* register written last */
	unsigned first; /* word of A that is loaded first; or 8: none */
	unsigned words; /* of A that are likely to be accessed */
	enum use_kind kind;
	unsigned base, index; /* of the use; index rsp: none */
};

struct operand {
	bool memory;
	unsigned reg; /* or base */
	uint8_t disp;
};

static uint64_t seed;

static inline uint64_t rnd(void)
{
	return random64_next(&seed);
}

static inline unsigned below(unsigned n)
{
	return (unsigned)((rnd() >> 32) * n >> 32);
}

static inline void put(struct program *p, uint64_t value, unsigned bytes)
{
	for (unsigned k = 0; k < bytes; k++)
		p->code[p->len++] = (uint8_t)(value >> 8 * k);
}

/* 8-bit registers are al to bl, or r8b to r15b; 4 to 7 are ah to bh. */
static inline void put_prefixes(struct program *p, unsigned size, unsigned opcode, unsigned reg,
				unsigned index, unsigned base)
{
	unsigned rex = 0x40 | (size == 8) << 3 | reg >> 3 << 2 | index >> 3 << 1 | base >> 3;

	p->at = p->len;
	if (size == 2)
		put(p, 0x66, 1);
	if (opcode >> 16)
		put(p, opcode >> 16, 1);
	if (rex != 0x40)
		put(p, rex, 1);
	if (opcode >> 8 & 0xff)
		put(p, opcode >> 8, 1);
	put(p, opcode, 1);
	p->insns++;
}

/* opcode: 0xPPMMOO, that is a prefix, 0x0f and the opcode itself. */
static inline void put_op(struct program *p, unsigned size, unsigned opcode, unsigned reg,
			  struct operand o)
{
	put_prefixes(p, size, opcode, reg, 0, o.reg);
	put(p, (o.memory ? 0x40 : 0xc0) | (reg & 7) << 3 | (o.reg & 7), 1);
	if (o.memory && o.reg == INSN_RSP)
		put(p, 0x24, 1);
	if (o.memory)
		put(p, o.disp, 1);
}

static inline struct operand in_reg(unsigned reg)
{
	return (struct operand){ .reg = reg };
}

static inline unsigned any_reg(void)
{
	static const uint8_t data[] = { INSN_RAX, INSN_RCX, INSN_RDX, INSN_R8 };

	return data[below(4)];
}

/* Code mostly goes on with what it just has computed. */
static inline unsigned some_reg(const struct program *p)
{
	return below(4) ? p->last : any_reg();
}

static inline struct operand in_memory(unsigned size)
{
	static const uint8_t base[] = { INSN_RBX, INSN_RBX, INSN_RBX, INSN_RSI, INSN_RSP,
					INSN_RSP };
	unsigned disp = below(10) ? below(2) * 8 + below(8 / size) * size
				  : below(AREA_SIZE + 1 - size);

	return (struct operand){ true, base[below(6)], (uint8_t)disp };
}

static inline unsigned any_size(void)
{
	static const uint8_t sizes[] = { 8, 8, 8, 8, 4, 4, 4, 4, 4, 1, 1, 2 };

	return sizes[below(12)];
}

static inline uint64_t any_imm(void)
{
	static const uint64_t common[] = { 0, 1, 2, 3, 4, 7, 8, 0xf, 0x10, 0x3f, 0x40, 0x80, 0xff,
					   0x100, 0xfff, 0xff00, 0x7fffffff, -1ull, -2ull, -4ull,
					   -8ull, -16ull, -4096ull };

	return below(8) ? common[below(sizeof(common) / sizeof(common[0]))] : rnd();
}

static inline void put_imm(struct program *p, unsigned size)
{
	put(p, any_imm(), size == 8 ? 4 : size);
}

/* pp, map, opcode: as VEX has them (SDM vol. 2, 2.3.5). vvvv is v, or digit is in ModRM's reg. */
static inline void put_vex(struct program *p, unsigned size, unsigned pp, unsigned map,
			   unsigned opcode, unsigned reg, unsigned v, unsigned rm)
{
	p->at = p->len;
	put(p, 0xc4, 1);
	put(p, (~reg >> 3 & 1) << 7 | 1 << 6 | (~rm >> 3 & 1) << 5 | map, 1);
	put(p, (size == 8) << 7 | (~v & 15) << 3 | pp, 1);
	put(p, opcode, 1);
	put(p, 0xc0 | (reg & 7) << 3 | (rm & 7), 1);
	p->insns++;
}

#endif
