// SPDX-License-Identifier: GPL-2.0-only
/*
 * emulate_basic.c: the common integer instructions with one memory operand, in 64-bit mode.
 *
 * The operation comes from the opcode bytes, through two tables; the address from insn_accesses(),
 * whose size and direction must agree with the table, else the instruction is not emulated. So is
 * none with LOCK, rep or an operand that crosses a page: what makes those atomic or splits them is
 * the hardware's affair. A status flag that the manual calls undefined keeps its value, but for the
 * AF of and, or, xor and test, which is cleared as real CPUs do, and the flags of long shifts.
 * Sources: Intel SDM vol. 2, the instructions' operations, and appendix A (opcode maps); vol. 1,
 * 3.4.1.1 (upper halves of registers).
 */
#include <string.h>

#include "emulate.h"
#include "insn_internal.h"

#define PAGE	  4096u
#define RFLAGS_CF 0x001u
#define RFLAGS_PF 0x004u
#define RFLAGS_AF 0x010u
#define RFLAGS_ZF 0x040u
#define RFLAGS_SF 0x080u
#define RFLAGS_TF 0x100u
#define RFLAGS_OF 0x800u
#define RFLAGS_AC 0x40000u

#define FLAGS_RESULT (RFLAGS_PF | RFLAGS_ZF | RFLAGS_SF)
#define FLAGS_ALU    (FLAGS_RESULT | RFLAGS_CF | RFLAGS_AF | RFLAGS_OF)

/* One operation: a is the first operand (of two, the destination), b the second. */
struct calc {
	uint64_t a, b;	/* zero-extended */
	uint64_t flags;
	unsigned bytes; /* of the result */
	unsigned from;	/* bytes of the memory operand */
	unsigned cc;	/* condition, where the opcode has one */
};

static unsigned bits(const struct calc *c)
{
	return 8 * c->bytes;
}

static uint64_t top_bit(const struct calc *c, uint64_t value)
{
	return (value >> (bits(c) - 1)) & 1;
}

static int64_t sign_extend(uint64_t value, unsigned bytes)
{
	unsigned shift = 64 - 8 * bytes;

	return (int64_t)(value << shift) >> shift;
}

static void set_flags(struct calc *c, uint64_t which, uint64_t values)
{
	c->flags = (c->flags & ~which) | (values & which);
}

/* PF, ZF and SF. */
static uint64_t result_flags(const struct calc *c, uint64_t result)
{
	uint64_t flags = 0;

	if (!__builtin_parity((unsigned)(result & 0xff)))
		flags |= RFLAGS_PF;
	if ((result & insn_addr_mask(c->bytes)) == 0)
		flags |= RFLAGS_ZF;
	if (top_bit(c, result))
		flags |= RFLAGS_SF;
	return flags;
}

/* carries and overflow have, at the top bit, what CF and OF become. */
static uint64_t arithmetic(struct calc *c, uint64_t result, uint64_t carries, uint64_t overflow)
{
	uint64_t flags = result_flags(c, result);

	flags |= top_bit(c, carries) ? RFLAGS_CF : 0;
	flags |= top_bit(c, overflow) ? RFLAGS_OF : 0;
	flags |= (c->a ^ c->b ^ result) & RFLAGS_AF;
	set_flags(c, FLAGS_ALU, flags);
	return result;
}

static uint64_t add_with(struct calc *c, uint64_t carry)
{
	uint64_t r = c->a + c->b + carry;

	return arithmetic(c, r, (c->a & c->b) | ((c->a | c->b) & ~r), (c->a ^ r) & (c->b ^ r));
}

static uint64_t sub_with(struct calc *c, uint64_t borrow)
{
	uint64_t r = c->a - c->b - borrow;

	return arithmetic(c, r, (~c->a & c->b) | ((~c->a | c->b) & r),
			  (c->a ^ c->b) & (c->a ^ r));
}

static uint64_t logic(struct calc *c, uint64_t result)
{
	set_flags(c, FLAGS_ALU, result_flags(c, result));
	return result;
}

static uint64_t do_add(struct calc *c)
{
	return add_with(c, 0);
}

static uint64_t do_adc(struct calc *c)
{
	return add_with(c, c->flags & RFLAGS_CF);
}

static uint64_t do_sub(struct calc *c)
{
	return sub_with(c, 0);
}

static uint64_t do_sbb(struct calc *c)
{
	return sub_with(c, c->flags & RFLAGS_CF);
}

static uint64_t do_and(struct calc *c)
{
	return logic(c, c->a & c->b);
}

static uint64_t do_or(struct calc *c)
{
	return logic(c, c->a | c->b);
}

static uint64_t do_xor(struct calc *c)
{
	return logic(c, c->a ^ c->b);
}

static uint64_t keep_carry(struct calc *c, uint64_t (*run)(struct calc *c))
{
	uint64_t carry = c->flags & RFLAGS_CF;
	uint64_t result;

	c->b = 1;
	result = run(c);
	set_flags(c, RFLAGS_CF, carry);
	return result;
}

static uint64_t do_inc(struct calc *c)
{
	return keep_carry(c, do_add);
}

static uint64_t do_dec(struct calc *c)
{
	return keep_carry(c, do_sub);
}

static uint64_t do_not(struct calc *c)
{
	return ~c->a;
}

static uint64_t do_neg(struct calc *c)
{
	c->b = c->a;
	c->a = 0;
	return do_sub(c);
}

static uint64_t do_mov(struct calc *c)
{
	return c->b;
}

static uint64_t do_movsx(struct calc *c)
{
	return (uint64_t)sign_extend(c->b, c->from);
}

static uint64_t do_movbe(struct calc *c)
{
	return __builtin_bswap64(c->b) >> (64 - bits(c));
}

/* SDM vol. 1, appendix B. */
static bool condition(const struct calc *c)
{
	bool less = !(c->flags & RFLAGS_SF) != !(c->flags & RFLAGS_OF);
	const bool holds[8] = {
		c->flags & RFLAGS_OF,
		c->flags & RFLAGS_CF,
		c->flags & RFLAGS_ZF,
		c->flags & (RFLAGS_CF | RFLAGS_ZF),
		c->flags & RFLAGS_SF,
		c->flags & RFLAGS_PF,
		less,
		less || (c->flags & RFLAGS_ZF),
	};

	return holds[(c->cc >> 1) & 7] != (bool)(c->cc & 1);
}

static uint64_t do_cmov(struct calc *c)
{
	return condition(c) ? c->b : c->a;
}

static uint64_t do_set(struct calc *c)
{
	return condition(c);
}

/* The bit that bt and its kin name; CF becomes its old value. */
static uint64_t select_bit(struct calc *c)
{
	uint64_t bit = 1ull << (c->b & (bits(c) - 1));

	set_flags(c, RFLAGS_CF, c->a & bit ? RFLAGS_CF : 0);
	return bit;
}

static uint64_t do_bts(struct calc *c)
{
	uint64_t bit = select_bit(c);

	return c->a | bit;
}

static uint64_t do_btr(struct calc *c)
{
	uint64_t bit = select_bit(c);

	return c->a & ~bit;
}

static uint64_t do_btc(struct calc *c)
{
	uint64_t bit = select_bit(c);

	return c->a ^ bit;
}

static uint64_t do_imul(struct calc *c)
{
	int64_t product;
	bool lost = __builtin_mul_overflow(sign_extend(c->a, c->bytes),
					   sign_extend(c->b, c->bytes), &product);

	lost |= sign_extend((uint64_t)product, c->bytes) != product;
	set_flags(c, RFLAGS_CF | RFLAGS_OF, lost ? RFLAGS_CF | RFLAGS_OF : 0);
	return (uint64_t)product;
}

static unsigned shift_count(const struct calc *c)
{
	return c->b & (c->bytes == 8 ? 63 : 31);
}

/* last: the last bit shifted out; overflow: what OF is after a shift by one. */
static uint64_t shifted(struct calc *c, uint64_t result, uint64_t last, bool overflow)
{
	uint64_t flags = result_flags(c, result);

	flags |= last & 1 ? RFLAGS_CF : 0;
	flags |= overflow ? RFLAGS_OF : 0;
	set_flags(c, FLAGS_RESULT | RFLAGS_CF | RFLAGS_OF, flags);
	return result;
}

static uint64_t do_shl(struct calc *c)
{
	unsigned n = shift_count(c);
	uint64_t last;

	if (n == 0)
		return c->a;
	last = n <= bits(c) ? c->a >> (bits(c) - n) : 0;
	return shifted(c, c->a << n, last, top_bit(c, c->a << n) != (last & 1));
}

static uint64_t do_shr(struct calc *c)
{
	unsigned n = shift_count(c);

	if (n == 0)
		return c->a;
	return shifted(c, c->a >> n, c->a >> (n - 1), top_bit(c, c->a));
}

static uint64_t do_sar(struct calc *c)
{
	int64_t value = sign_extend(c->a, c->bytes);
	unsigned n = shift_count(c);

	if (n == 0)
		return c->a;
	return shifted(c, (uint64_t)(value >> n), (uint64_t)(value >> (n - 1)), false);
}

enum operation {
	OP_NONE, OP_ADD, OP_OR, OP_ADC, OP_SBB, OP_AND, OP_SUB, OP_XOR, OP_CMP, OP_TEST, OP_INC,
	OP_DEC, OP_NOT, OP_NEG, OP_MOV, OP_MOVZX, OP_MOVSX, OP_MOVBE, OP_CMOV, OP_SET, OP_BT,
	OP_BTS, OP_BTR, OP_BTC, OP_IMUL, OP_SHL, OP_SHR, OP_SAR,
	/* Opcodes whose ModRM says which: rows of groups[] */
	OP_GROUPS, GROUP_ALU = OP_GROUPS, GROUP_SHIFT, GROUP_MOV, GROUP_TEST, GROUP_UNARY,
	GROUP_INC, GROUP_BT, OP_END
};

struct operation_rule {
	uint64_t (*run)(struct calc *c);
	bool old;   /* uses what the destination held */
	bool store; /* writes the destination */
	bool widen; /* the register has the operand size, whatever the memory operand's is */
};

static const struct operation_rule operations[OP_GROUPS] = {
	[OP_ADD] = { do_add, true, true, false },
	[OP_OR] = { do_or, true, true, false },
	[OP_ADC] = { do_adc, true, true, false },
	[OP_SBB] = { do_sbb, true, true, false },
	[OP_AND] = { do_and, true, true, false },
	[OP_SUB] = { do_sub, true, true, false },
	[OP_XOR] = { do_xor, true, true, false },
	[OP_CMP] = { do_sub, true, false, false },
	[OP_TEST] = { do_and, true, false, false },
	[OP_INC] = { do_inc, true, true, false },
	[OP_DEC] = { do_dec, true, true, false },
	[OP_NOT] = { do_not, true, true, false },
	[OP_NEG] = { do_neg, true, true, false },
	[OP_MOV] = { do_mov, false, true, false },
	[OP_MOVZX] = { do_mov, false, true, true },
	[OP_MOVSX] = { do_movsx, false, true, true },
	[OP_MOVBE] = { do_movbe, false, true, false },
	[OP_CMOV] = { do_cmov, true, true, false },
	[OP_SET] = { do_set, false, true, false },
	[OP_BT] = { select_bit, true, false, false },
	[OP_BTS] = { do_bts, true, true, false },
	[OP_BTR] = { do_btr, true, true, false },
	[OP_BTC] = { do_btc, true, true, false },
	[OP_IMUL] = { do_imul, true, true, false },
	[OP_SHL] = { do_shl, true, true, false },
	[OP_SHR] = { do_shr, true, true, false },
	[OP_SAR] = { do_sar, true, true, false },
};

static const uint8_t groups[OP_END - OP_GROUPS][8] = {
	[GROUP_ALU - OP_GROUPS] = { OP_ADD, OP_OR, OP_ADC, OP_SBB, OP_AND, OP_SUB, OP_XOR,
				    OP_CMP },
	[GROUP_SHIFT - OP_GROUPS] = { [4] = OP_SHL, [5] = OP_SHR, [7] = OP_SAR },
	[GROUP_MOV - OP_GROUPS] = { [0] = OP_MOV },
	/* One opcode, but only test has an immediate: looked up twice. */
	[GROUP_TEST - OP_GROUPS] = { [0] = OP_TEST },
	[GROUP_UNARY - OP_GROUPS] = { [2] = OP_NOT, [3] = OP_NEG },
	[GROUP_INC - OP_GROUPS] = { [0] = OP_INC, [1] = OP_DEC },
	[GROUP_BT - OP_GROUPS] = { [4] = OP_BT, [5] = OP_BTS, [6] = OP_BTR, [7] = OP_BTC },
};

/* Where an operand is. */
enum place { NOWHERE, MEM, REG, ACC, IMM, IMM8, ONE, CL };

/* SIZE_OP: the operand size. Others are bytes. */
enum { SIZE_OP = 0 };

/* Where neither dst nor src is memory, memory is the first of three operands. */
struct form {
	uint8_t op; /* enum operation; OP_NONE: not emulated */
	uint8_t dst, src; /* enum place */
	uint8_t size; /* bytes of the memory operand */
};

#define PAIR(opcode, op, dst, src) \
	[opcode] = { op, dst, src, 1 }, [(opcode) + 1] = { op, dst, src, SIZE_OP }
#define ALU(opcode, op) PAIR(opcode, op, MEM, REG), PAIR((opcode) + 2, op, REG, MEM)
#define CONDITIONS(opcode, ...) [opcode ... (opcode) + 15] = { __VA_ARGS__ }

static const struct form forms[3][256] = {
	[0] = {
		ALU(0x00, OP_ADD),
		ALU(0x08, OP_OR),
		ALU(0x10, OP_ADC),
		ALU(0x18, OP_SBB),
		ALU(0x20, OP_AND),
		ALU(0x28, OP_SUB),
		ALU(0x30, OP_XOR),
		ALU(0x38, OP_CMP),
		[0x63] = { OP_MOVSX, REG, MEM, 4 },
		[0x69] = { OP_IMUL, REG, IMM, SIZE_OP },
		[0x6b] = { OP_IMUL, REG, IMM8, SIZE_OP },
		PAIR(0x80, GROUP_ALU, MEM, IMM),
		[0x83] = { GROUP_ALU, MEM, IMM8, SIZE_OP },
		PAIR(0x84, OP_TEST, MEM, REG),
		PAIR(0x88, OP_MOV, MEM, REG),
		PAIR(0x8a, OP_MOV, REG, MEM),
		PAIR(0xa0, OP_MOV, ACC, MEM),
		PAIR(0xa2, OP_MOV, MEM, ACC),
		PAIR(0xc0, GROUP_SHIFT, MEM, IMM8),
		PAIR(0xc6, GROUP_MOV, MEM, IMM),
		PAIR(0xd0, GROUP_SHIFT, MEM, ONE),
		PAIR(0xd2, GROUP_SHIFT, MEM, CL),
		PAIR(0xf6, GROUP_TEST, MEM, IMM),
		PAIR(0xfe, GROUP_INC, MEM, NOWHERE),
	},
	[1] = {
		CONDITIONS(0x40, OP_CMOV, REG, MEM, SIZE_OP),
		CONDITIONS(0x90, OP_SET, MEM, NOWHERE, 1),
		[0xa3] = { OP_BT, MEM, REG, SIZE_OP },
		[0xab] = { OP_BTS, MEM, REG, SIZE_OP },
		[0xaf] = { OP_IMUL, REG, MEM, SIZE_OP },
		[0xb3] = { OP_BTR, MEM, REG, SIZE_OP },
		[0xb6] = { OP_MOVZX, REG, MEM, 1 },
		[0xb7] = { OP_MOVZX, REG, MEM, 2 },
		[0xba] = { GROUP_BT, MEM, IMM8, SIZE_OP },
		[0xbb] = { OP_BTC, MEM, REG, SIZE_OP },
		[0xbe] = { OP_MOVSX, REG, MEM, 1 },
		[0xbf] = { OP_MOVSX, REG, MEM, 2 },
		[0xc3] = { OP_MOV, MEM, REG, SIZE_OP }, /* movnti */
	},
	[2] = {
		[0xf0] = { OP_MOVBE, REG, MEM, SIZE_OP },
		[0xf1] = { OP_MOVBE, MEM, REG, SIZE_OP },
	},
};

/* One emu_basic call. */
struct work {
	const struct insn *insn;
	struct insn_cpu *cpu;
	const struct emu_memory *mem;
	struct form form;
	const struct operation_rule *rule;
	gva_t addr;
	uint8_t reg;	   /* ModRM's, with its REX bit */
	uint8_t imm_bytes;
	bool rex;	   /* a REX prefix, even one without bits, hides ah to bh */
	bool reads, writes; /* memory */
	struct calc calc;
};

static bool is_moffs(const struct insn_encoding *e)
{
	return e->map == 0 && (e->opcode & 0xfc) == 0xa0;
}

static void resolve_group(struct form *f, uint8_t digit)
{
	uint8_t group = f->op;

	if (group < OP_GROUPS)
		return;
	f->op = groups[group - OP_GROUPS][digit & 7];
	if (f->op == OP_NONE && group == GROUP_TEST) {
		f->op = groups[GROUP_UNARY - OP_GROUPS][digit & 7];
		f->src = NOWHERE;
	}
}

/* A REX prefix stands directly before the opcode; no legacy prefix looks like one. */
static bool has_rex(const struct insn *i, const struct insn_encoding *e)
{
	unsigned opcode_at = e->modrm_at - (e->map + 1u);

	return opcode_at > 0 && (i->bytes[opcode_at - 1] & 0xf0) == 0x40;
}

/* Which form it is, and its sizes; end: offset of the immediate. */
static bool find_form(struct work *w, const struct insn_encoding *e, unsigned *end)
{
	struct insn_modrm m = { .end = (uint8_t)(e->modrm_at + e->addrsize) };

	if (e->scheme != INSN_LEGACY || e->map > 2)
		return false;
	w->form = forms[e->map][e->opcode];
	if (w->form.op == OP_NONE)
		return false;
	if (!is_moffs(e) &&
	    insn_parse_modrm(INSN_MODE_64, w->insn->bytes, w->insn->length, e, &m))
		return false;
	resolve_group(&w->form, m.reg);
	w->reg = m.reg;
	*end = m.end;
	return w->form.op != OP_NONE;
}

static void set_sizes(struct work *w, const struct insn_encoding *e)
{
	struct calc *c = &w->calc;

	w->rule = &operations[w->form.op];
	c->from = w->form.size == SIZE_OP ? e->opsize : w->form.size;
	c->bytes = w->rule->widen ? e->opsize : c->from;
	c->cc = e->opcode & 15;
	c->flags = w->cpu->rflags;
	if (w->form.src == IMM)
		w->imm_bytes = (uint8_t)(c->bytes < 4 ? c->bytes : 4);
	else if (w->form.src == IMM8)
		w->imm_bytes = 1;
	w->writes = w->form.dst == MEM && w->rule->store;
	w->reads = w->form.dst != MEM || w->rule->old;
}

static bool parse(struct work *w)
{
	const struct insn *i = w->insn;
	struct insn_encoding e;
	unsigned end;

	if (insn_parse(INSN_MODE_64, i->bytes, i->length, &e) || e.lock || e.rep)
		return false;
	if (!find_form(w, &e, &end))
		return false;
	set_sizes(w, &e);
	w->rex = has_rex(i, &e);
	/* What movsxd reads with 66, and whether movnti exists, depends on the CPU. */
	if (e.opsize == 2 && ((e.map == 0 && e.opcode == 0x63) || (e.map == 1 && e.opcode == 0xc3)))
		return false;
	return end + w->imm_bytes == i->length;
}

/* False where the operand is not just what the table says, or is for the hardware. */
static bool find_operand(struct work *w)
{
	struct insn_access a[INSN_MAX_ACCESS];
	unsigned how = (w->reads ? INSN_READ : 0) | (w->writes ? INSN_WRITE : 0);

	if (insn_accesses(w->insn, w->cpu, a) != 1 || a[0].implicit || a[0].how != how ||
	    a[0].size != w->calc.from)
		return false;
	w->addr = a[0].addr;
	/* It may have to raise an alignment check. */
	if ((w->cpu->rflags & RFLAGS_AC) && (w->addr.v & (a[0].size - 1)))
		return false;
	return (w->addr.v & (PAGE - 1)) + a[0].size <= PAGE;
}

/* ah, ch, dh and bh have the numbers 4 to 7. */
static bool is_high_byte(const struct work *w, uint8_t reg)
{
	return w->calc.bytes == 1 && !w->rex && reg >= INSN_RSP && reg <= INSN_RDI;
}

static uint64_t get_reg(const struct work *w, uint8_t reg)
{
	if (is_high_byte(w, reg))
		return (w->cpu->gpr[reg - 4] >> 8) & 0xff;
	return w->cpu->gpr[reg] & insn_addr_mask(w->calc.bytes);
}

static void set_reg(struct work *w, uint8_t reg, uint64_t value)
{
	uint64_t mask = insn_addr_mask(w->calc.bytes);
	uint64_t *gpr = &w->cpu->gpr[reg];

	if (is_high_byte(w, reg)) {
		gpr = &w->cpu->gpr[reg - 4];
		*gpr = (*gpr & ~0xff00ull) | (value & 0xff) << 8;
	} else if (w->calc.bytes >= 4) {
		*gpr = value & mask;
	} else {
		*gpr = (*gpr & ~mask) | (value & mask);
	}
}

/* Sign-extended, then as wide as the operation. */
static uint64_t immediate(const struct work *w)
{
	uint64_t value = 0;

	memcpy(&value, w->insn->bytes + w->insn->length - w->imm_bytes, w->imm_bytes);
	return (uint64_t)sign_extend(value, w->imm_bytes) & insn_addr_mask(w->calc.bytes);
}

static uint64_t operand(const struct work *w, uint8_t place, uint64_t memory)
{
	switch (place) {
	case MEM:
		return memory;
	case REG:
		return get_reg(w, w->reg);
	case ACC:
		return get_reg(w, INSN_RAX);
	case IMM:
	case IMM8:
		return immediate(w);
	case ONE:
		return 1;
	case CL:
		return w->cpu->gpr[INSN_RCX] & 0xff;
	default:
		return 0;
	}
}

static uint8_t first_place(const struct form *f)
{
	return f->dst != MEM && f->src != MEM ? MEM : f->dst;
}

/* Faults come before anything is changed. */
static enum emu_result run(struct work *w)
{
	const struct emu_memory *mem = w->mem;
	unsigned size = w->calc.from;
	uint64_t memory = 0, result;

	if (w->reads && w->writes && mem->probe(mem->ctx, w->addr, size, true))
		return EMU_FAULT;
	if (w->reads && mem->read(mem->ctx, w->addr, &memory, size))
		return EMU_FAULT;
	w->calc.a = operand(w, first_place(&w->form), memory);
	w->calc.b = operand(w, w->form.src, memory);
	result = w->rule->run(&w->calc);
	if (w->writes && mem->write(mem->ctx, w->addr, &result, size))
		return EMU_FAULT;
	if (w->form.dst != MEM && w->rule->store)
		set_reg(w, w->form.dst == ACC ? INSN_RAX : w->reg, result);
	w->cpu->rflags = w->calc.flags;
	w->cpu->rip += w->insn->length;
	return EMU_DONE;
}

enum emu_result emu_basic(const struct insn *i, struct insn_cpu *cpu, const struct emu_memory *mem)
{
	struct work w = { .insn = i, .cpu = cpu, .mem = mem };

	if (i->mode != INSN_MODE_64 || cpu->mode != INSN_MODE_64 || (cpu->rflags & RFLAGS_TF))
		return EMU_UNSUPPORTED;
	if (!parse(&w) || !find_operand(&w))
		return EMU_UNSUPPORTED;
	return run(&w);
}
