/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_program.h: random short programs of what kernels are made of.
 *
 * Addresses are defined except for the last instruction, the use: a jump, a load, or a store to
 * user memory. Flags are only used where the instruction that left them defines them (SDM vol. 2).
 */
#ifndef KMC_TESTS_ENGINE_PROGRAM_H
#define KMC_TESTS_ENGINE_PROGRAM_H

#include "engine_encode.h"
#include "engine_program_vectors.h"

static inline void mov_reg(struct program *p)
{
	unsigned from = some_reg(p);

	p->last = any_reg();
	put_op(p, below(3) ? 8 : 4, 0x8b, p->last, in_reg(from));
}

static inline void mov_imm(struct program *p)
{
	unsigned size = any_size(), reg = any_reg();

	put_op(p, size, 0xc6 | (size > 1), 0, in_reg(reg));
	put_imm(p, size);
}

static inline void load(struct program *p)
{
	unsigned size = any_size();

	p->last = any_reg();
	put_op(p, size, 0x8a | (size > 1), p->last, in_memory(size));
}

static inline void store(struct program *p)
{
	unsigned size = any_size();

	if (below(4)) {
		put_op(p, size, 0x88 | (size > 1), some_reg(p), in_memory(size));
		return;
	}
	put_op(p, size, 0xc6 | (size > 1), 0, in_memory(size));
	put_imm(p, size);
}

static inline void lea(struct program *p)
{
	unsigned base = some_reg(p), index = any_reg(), reg = any_reg();

	p->last = reg;
	if (below(2)) { /* lea disp(base) */
		put_op(p, 8, 0x8d, reg, (struct operand){ true, base, (uint8_t)any_imm() });
		return;
	}
	put_prefixes(p, below(3) ? 8 : 4, 0x8d, reg, index, base);
	put(p, 0x44 | (reg & 7) << 3, 1);
	put(p, below(4) << 6 | (index & 7) << 3 | (base & 7), 1);
	put(p, any_imm(), 1);
}

/* 0 add, 1 or, 2 adc, 3 sbb, 4 and, 5 sub, 6 xor, 7 cmp */
static inline unsigned any_alu(const struct program *p)
{
	static const uint8_t kinds[] = { 0, 0, 0, 0, 1, 1, 1, 4, 4, 4,
					 4, 5, 5, 5, 6, 6, 7, 7, 2, 3 };
	unsigned kind = kinds[below(20)];

	return (kind == 2 || kind == 3) && !(p->flags & CF) ? 0 : kind;
}

static inline void alu_flags(struct program *p, unsigned kind)
{
	p->flags = kind == 1 || kind == 4 || kind == 6 ? STATUS & ~AF : STATUS;
}

static inline void alu_reg(struct program *p)
{
	unsigned size = any_size(), kind = any_alu(p), reg = some_reg(p);
	struct operand o = below(3) ? in_reg(any_reg()) : in_memory(size);

	put_op(p, size, kind << 3 | 2 | (size > 1), reg, o);
	p->last = reg;
	alu_flags(p, kind);
}

static inline void alu_imm(struct program *p)
{
	unsigned size = any_size(), kind = any_alu(p);
	struct operand o = below(4) ? in_reg(some_reg(p)) : in_memory(size);

	if (size > 1 && below(2)) {
		put_op(p, size, 0x83, kind, o);
		put(p, any_imm(), 1);
	} else {
		put_op(p, size, 0x80 | (size > 1), kind, o);
		put_imm(p, size);
	}
	p->last = o.memory ? p->last : o.reg;
	alu_flags(p, kind);
}

static inline void alu_to_memory(struct program *p)
{
	unsigned size = any_size(), kind = any_alu(p);

	put_op(p, size, kind << 3 | (size > 1), some_reg(p), in_memory(size));
	alu_flags(p, kind);
}

static inline void test(struct program *p)
{
	unsigned size = any_size(), reg = some_reg(p);

	switch (below(4)) {
	case 0:
	case 1:
		put_op(p, size, 0x84 | (size > 1), reg, in_reg(reg));
		break;
	case 2:
		put_op(p, size, 0x84 | (size > 1), reg, in_reg(any_reg()));
		break;
	default:
		put_op(p, size, 0xf6 | (size > 1), 0, below(2) ? in_reg(reg) : in_memory(size));
		put_imm(p, size);
	}
	p->flags = STATUS & ~AF;
}

/* shl, shr, sar, rol, ror */
static inline void shift(struct program *p)
{
	static const uint8_t kinds[] = { 4, 4, 5, 5, 5, 7, 7, 0, 1 };
	unsigned size = any_size(), kind = kinds[below(9)];
	unsigned count = 1 + below(8 * size - 1), reg = some_reg(p);
	uint64_t sets = CF | (count == 1 ? OF : 0) | (kind >= 4 ? SF | ZF | PF : 0);

	put_op(p, size, 0xc0 | (size > 1), kind, in_reg(reg));
	put(p, count, 1);
	p->last = reg;
	p->flags = (p->flags & ~(CF | OF | (kind >= 4 ? STATUS : 0))) | sets;
}

static inline uint64_t flags_of(unsigned condition)
{
	static const uint16_t of_pair[] = { OF, CF, ZF, CF | ZF, SF, PF, SF | OF, SF | OF | ZF };

	return of_pair[condition >> 1];
}

/* One that the flags can answer: mostly e and ne. There is a test before it where there is none. */
static inline unsigned any_condition(struct program *p)
{
	static const uint8_t conditions[] = { 4, 4, 4, 4, 5, 5, 5, 5, 2, 3, 6, 7, 8, 9, 12, 13, 14,
					      15, 0, 10 };
	unsigned c;

	if (!(p->flags & ~(AF | PF | OF)))
		test(p);
	do
		c = conditions[below(20)];
	while (flags_of(c) & ~p->flags);
	return c;
}

static inline void setcc(struct program *p)
{
	unsigned c = any_condition(p);

	p->last = any_reg();
	put_op(p, 1, 0x0f90 | c, 0, in_reg(p->last));
}

static inline void cmov(struct program *p)
{
	unsigned c = any_condition(p), size = below(2) ? 8 : 4, from = any_reg();

	p->last = some_reg(p);
	put_op(p, size, 0x0f40 | c, p->last, below(3) ? in_reg(from) : in_memory(size));
}

static inline void extend(struct program *p)
{
	static const unsigned opcodes[] = { 0x0fb6, 0x0fb6, 0x0fb7, 0x0fbe, 0x0fbf, 0x63 };
	unsigned opcode = opcodes[below(6)];
	struct operand o = below(2) ? in_reg(some_reg(p)) : in_memory(4);

	p->last = any_reg();
	put_op(p, opcode == 0x63 || !below(3) ? 8 : 4, opcode, p->last, o);
}

/* bt, bts, btr, btc */
static inline void bit_test(struct program *p)
{
	static const uint8_t kinds[] = { 4, 4, 4, 5, 6, 7 };
	unsigned size = below(2) ? 8 : 4, kind = kinds[below(6)], reg = some_reg(p);

	put_op(p, size, 0x0fba, kind, in_reg(reg));
	put(p, below(8 * size), 1);
	p->last = kind == 4 ? p->last : reg;
	p->flags = CF | (p->flags & ZF);
}

static inline void bit_scan(struct program *p)
{
	bool tzcnt = below(2);
	unsigned from = some_reg(p);

	p->last = any_reg();
	put_op(p, below(2) ? 8 : 4, tzcnt ? 0xf30fbc : 0x0fbc, p->last, in_reg(from));
	p->flags = tzcnt ? ZF | CF : ZF;
}

static inline void multiply(struct program *p)
{
	unsigned size = below(2) ? 8 : 4, from = some_reg(p);

	p->last = any_reg();
	if (below(2)) {
		put_op(p, size, 0x0faf, p->last, in_reg(from));
	} else {
		put_op(p, size, 0x6b, p->last, in_reg(from));
		put(p, any_imm(), 1);
	}
	p->flags = CF | OF;
}

static inline void unary(struct program *p)
{
	static const struct {
		uint8_t opcode, digit;
		uint16_t sets;
	} kinds[] = { { 0xfe, 0, STATUS & ~CF }, { 0xfe, 1, STATUS & ~CF },
		      { 0xf6, 2, 0 }, { 0xf6, 3, STATUS } };
	unsigned size = any_size(), k = below(4);
	struct operand o = below(6) ? in_reg(some_reg(p)) : in_memory(size);

	put_op(p, size, kinds[k].opcode | (size > 1), kinds[k].digit, o);
	p->last = o.memory ? p->last : o.reg;
	p->flags |= kinds[k].sets;
}

/* In 64-bit mode without REX: ah, ch, dh. */
static inline void high_byte(struct program *p)
{
	unsigned high = 4 + below(3), low = below(3);

	switch (below(3)) {
	case 0:
		put_op(p, 4, 0x0fb6, p->last = below(3), in_reg(high));
		break;
	case 1:
		put_op(p, 1, 0x8a, high, in_reg(low));
		break;
	default:
		put_op(p, 1, any_alu(p) << 3 | 2, high, in_reg(low));
		p->flags &= CF | SF | ZF | PF;
	}
}

/* By cl: where the count is 0 the flags stay. */
static inline void shift_by_cl(struct program *p)
{
	static const uint8_t kinds[] = { 4, 5, 7, 0, 1 };
	unsigned kind = below(5), reg = some_reg(p);

	if (below(3)) {
		put_op(p, below(2) ? 8 : 4, 0xd3, kinds[kind], in_reg(reg));
		p->flags &= kind < 3 ? CF | SF | ZF | PF : STATUS & ~OF;
	} else { /* shld, shrd */
		put_op(p, below(2) ? 8 : 4, below(2) ? 0x0fa5 : 0x0fad, any_reg(), in_reg(reg));
		p->flags &= CF | SF | ZF | PF;
	}
	p->last = reg;
}

/* shld, shrd by a constant; rcl, rcr by one */
static inline void shift_through(struct program *p)
{
	unsigned reg = some_reg(p);

	if (below(2)) {
		put_op(p, below(2) ? 8 : 4, below(2) ? 0x0fa4 : 0x0fac, any_reg(), in_reg(reg));
		put(p, 2 + below(30), 1);
		p->flags = CF | SF | ZF | PF;
	} else if (p->flags & CF) {
		put_op(p, any_size() == 8 ? 8 : 4, 0xd1, 2 + below(2), in_reg(reg));
		p->flags |= OF;
	}
	p->last = reg;
}

static inline void bit_by_reg(struct program *p)
{
	static const unsigned opcodes[] = { 0x0fa3, 0x0fab, 0x0fb3, 0x0fbb };
	unsigned reg = some_reg(p);

	put_op(p, below(2) ? 8 : 4, opcodes[below(4)], any_reg(), in_reg(reg));
	p->last = reg;
	p->flags = CF | (p->flags & ZF);
}

/* bsr, lzcnt, popcnt */
static inline void scan_more(struct program *p)
{
	static const struct {
		unsigned opcode;
		uint16_t sets;
	} kinds[] = { { 0x0fbd, ZF }, { 0xf30fbd, ZF | CF }, { 0xf30fb8, STATUS } };
	unsigned k = below(3), from = some_reg(p);

	p->last = any_reg();
	put_op(p, below(2) ? 8 : 4, kinds[k].opcode, p->last, in_reg(from));
	p->flags = kinds[k].sets;
}

static inline void exchange_pair(struct program *p)
{
	struct operand o = in_memory(8);

	o.disp &= 0xf8;
	if (below(2))
		put(p, 0xf0, 1);
	put_op(p, 4, 0x0fc7, 1, o);
	p->flags |= ZF;
	p->last = below(2) ? INSN_RAX : INSN_RDX;
}

/* xchg, xadd, cmpxchg; also locked arithmetic */
static inline void exchange(struct program *p)
{
	static const unsigned opcodes[] = { 0x86, 0x0fc0, 0x0fb0 };
	unsigned size = any_size(), k = below(4), reg = some_reg(p);
	struct operand o = k < 2 && below(2) ? in_reg(any_reg()) : in_memory(size);

	o.disp &= (uint8_t)~(size - 1); /* else for the hardware, as cmpxchg of a register */
	if (o.memory && (k == 3 || below(2)))
		put(p, 0xf0, 1);
	if (k < 3)
		put_op(p, size, opcodes[k] | (size > 1), reg, o);
	else
		put_op(p, size, any_alu(p) % 7 << 3 | (size > 1), reg, o);
	p->flags = k == 0 ? p->flags : STATUS & ~AF;
}

/* cltq, cwtl; cqto, cltd; bswap; one-operand mul and imul */
static inline void implied(struct program *p)
{
	unsigned size = below(2) ? 8 : 4, k = below(4), reg = some_reg(p);

	if (k == 3) {
		put_op(p, size, 0xf7, 4 + below(2), in_reg(reg));
		p->flags = CF | OF;
		p->last = below(2) ? INSN_RAX : INSN_RDX;
		return;
	}
	put_prefixes(p, size, k == 0 ? 0x98 : k == 1 ? 0x99 : 0x0fc8 | (reg & 7), 0, 0,
		     k == 2 ? reg : 0);
	p->last = k == 0 ? INSN_RAX : k == 1 ? INSN_RDX : reg;
}

static inline void stack(struct program *p)
{
	bool push = below(2);
	unsigned reg = push ? some_reg(p) : any_reg();

	put_prefixes(p, 4, (push ? 0x50 : 0x58) | (reg & 7), 0, 0, reg);
	p->last = reg;
}

static inline void bmi(struct program *p)
{
	static const struct {
		uint8_t pp, map, opcode, digit;
		uint16_t sets;
	} kinds[] = {
		{ 0, 2, 0xf2, 0, CF | OF | SF | ZF }, /* andn */
		{ 0, 2, 0xf7, 0, CF | OF | ZF },      /* bextr */
		{ 0, 2, 0xf5, 0, CF | OF | SF | ZF }, /* bzhi */
		{ 0, 2, 0xf3, 1, CF | OF | SF | ZF }, /* blsr */
		{ 0, 2, 0xf3, 2, CF | OF | SF | ZF }, /* blsmsk */
		{ 0, 2, 0xf3, 3, CF | OF | SF | ZF }, /* blsi */
		{ 3, 2, 0xf5, 0, 0 },		      /* pdep */
		{ 2, 2, 0xf5, 0, 0 },		      /* pext */
		{ 1, 2, 0xf7, 0, 0 },		      /* shlx */
		{ 2, 2, 0xf7, 0, 0 },		      /* sarx */
		{ 3, 2, 0xf7, 0, 0 },		      /* shrx */
		{ 3, 2, 0xf6, 0, 0 },		      /* mulx */
		{ 3, 3, 0xf0, 0, 0 },		      /* rorx */
	};
	unsigned k = below(sizeof(kinds) / sizeof(kinds[0])), from = some_reg(p), reg = any_reg();
	unsigned other = kinds[k].map == 3 ? 0 : any_reg();

	if (kinds[k].digit)
		put_vex(p, 4 + 4 * below(2), 0, 2, kinds[k].opcode, kinds[k].digit, reg, from);
	else
		put_vex(p, 4 + 4 * below(2), kinds[k].pp, kinds[k].map, kinds[k].opcode, reg, other,
			from);
	if (kinds[k].map == 3)
		put(p, below(64), 1);
	p->last = reg;
	p->flags = kinds[k].sets ? kinds[k].sets : p->flags;
}

/* clc, stc, cmc, lahf, sahf */
static inline void flag(struct program *p)
{
	static const uint8_t opcodes[] = { 0xf8, 0xf9, 0xf5, 0x9f, 0x9e };
	unsigned k = below(5);

	if (k == 2 && !(p->flags & CF))
		k = 0;
	if (k == 3 && (p->flags & (STATUS & ~OF)) != (STATUS & ~OF))
		k = 1;
	put_prefixes(p, 4, opcodes[k], 0, 0, 0);
	p->flags |= k == 4 ? STATUS & ~OF : k < 3 ? CF : 0;
}

/* Seen less often: here so that no V bits of theirs are wrong. */
static inline void seldom(struct program *p)
{
	static void (*const some[])(struct program *p) = { high_byte, shift_by_cl, shift_through,
							   bit_by_reg, scan_more, exchange, implied,
							   exchange_pair, stack, bmi, flag };

	some[below(sizeof(some) / sizeof(some[0]))](p);
}

static inline void put_something(struct program *p)
{
	static const struct {
		unsigned weight;
		void (*put)(struct program *p);
	} mix[] = {
		{ 12, mov_reg }, { 5, mov_imm }, { 22, load }, { 10, store }, { 7, lea },
		{ 10, alu_reg }, { 14, alu_imm }, { 4, alu_to_memory }, { 4, test }, { 8, shift },
		{ 3, setcc }, { 3, cmov }, { 9, extend }, { 3, bit_test }, { 2, bit_scan },
		{ 1, multiply }, { 6, unary },
	};
	unsigned k = 0, total = 0, n;

	while (k < sizeof(mix) / sizeof(mix[0]))
		total += mix[k++].weight;
	n = below(total);
	for (k = 0; n >= mix[k].weight; k++)
		n -= mix[k].weight;
	mix[k].put(p);
}

static inline void put_branch(struct program *p)
{
	unsigned c;

	if (below(3))
		test(p);
	c = any_condition(p);
	p->at = p->len;
	put(p, 0x70 | c, 1);
	put(p, 0x20, 1);
	p->insns++;
}

/* mov disp(base,index,4) or disp(base) to r15d */
static inline void put_address(struct program *p)
{
	p->base = some_reg(p);
	p->index = INSN_RSP;
	if (below(2)) {
		put_op(p, 4, 0x8b, INSN_R15, (struct operand){ true, p->base, 8 });
		return;
	}
	p->index = some_reg(p);
	p->base = INSN_RBX;
	put_prefixes(p, 4, 0x8b, INSN_R15, p->index, p->base);
	put(p, 0x44 | 7 << 3, 1);
	put(p, 2 << 6 | (p->index & 7) << 3 | p->base, 1);
	put(p, 8, 1);
}

static inline void put_use(struct program *p)
{
	static const uint8_t kinds[] = { USE_BRANCH, USE_BRANCH, USE_BRANCH, USE_BRANCH, USE_BRANCH,
					 USE_BRANCH, USE_ADDRESS, USE_ADDRESS, USE_LEAK,
					 USE_JUMP };
	unsigned size;

	p->kind = kinds[below(10)];
	switch (p->kind) {
	case USE_BRANCH:
		put_branch(p);
		break;
	case USE_ADDRESS:
		put_address(p);
		break;
	case USE_LEAK:
		size = any_size();
		put_op(p, size, 0x88 | (size > 1), some_reg(p),
		       (struct operand){ true, INSN_RDI, 0 });
		break;
	default:
		p->base = some_reg(p);
		put_op(p, 4, 0xff, 4, in_reg(p->base));
	}
}

enum taste { COMMON, ODD, VECTORS };

/* Mostly something undefined is loaded first. Else than COMMON: half of it what is seldom seen. */
static inline void program_make(struct program *p, enum taste taste)
{
	unsigned n = 1 + below(taste == VECTORS ? 9 : 6);

	memset(p, 0, sizeof(*p));
	p->flags = STATUS;
	p->last = any_reg();
	p->words = taste == VECTORS ? 6 : 2;
	p->first = below(4) ? below(2) : 8;
	if (p->first < 8)
		put_op(p, 8, 0x8b, p->last,
		       (struct operand){ true, INSN_RBX, (uint8_t)(p->first * 8) });
	while (p->insns + 1 < n) {
		if (taste == ODD && below(2))
			seldom(p);
		else if (taste == VECTORS && below(4))
			vector(p);
		else
			put_something(p);
	}
	put_use(p);
}

#endif
