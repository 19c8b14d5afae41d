// SPDX-License-Identifier: GPL-2.0-only
/*
 * translate_one.c: one-byte opcodes to uops.
 * Sources: Intel SDM vol. 2, appendix A (opcode maps), and the instructions' operations.
 */
#include "translate_internal.h"

static bool no_store(enum alu_op op)
{
	return op == ALU_CMP || op == ALU_TEST;
}

/* The result of arithmetic into register reg. */
static void alu_to_reg(struct work *w, enum alu_op op, unsigned reg, unsigned source)
{
	unsigned a = read_reg(w, reg, SLOT_T1);

	if (no_store(op) || w->size >= 4) {
		emit_alu(w, op, reg, a, source);
		return;
	}
	emit_alu(w, op, SLOT_T1, a, source);
	write_reg(w, reg, SLOT_T1);
}

/* op r/m, source; source is a slot other than T0. */
static bool alu_to_rm(struct work *w, enum alu_op op, unsigned source)
{
	if (!is_memory(w)) {
		if (w->e.lock)
			return false;
		alu_to_reg(w, op, w->m.rm, source);
		return true;
	}
	if (w->e.lock) {
		if (no_store(op))
			return false;
		emit_locked(w, (enum locked_op)op, source);
		return true;
	}
	read_rm(w, SLOT_T0, !no_store(op));
	emit_alu(w, op, SLOT_T0, SLOT_T0, source);
	if (!no_store(op))
		write_rm(w, SLOT_T0, true);
	return true;
}

/* Where the address of a locked operation needs T2, and a destination like ah T1. */
static unsigned read_source(struct work *w)
{
	return read_reg(w, w->m.reg, is_memory(w) ? SLOT_T1 : SLOT_T2);
}

static bool alu_imm(struct work *w, enum alu_op op, int64_t imm)
{
	bool store = !no_store(op);
	unsigned a;

	if (w->e.lock) {
		if (!is_memory(w) || !store)
			return false;
		emit_immediate(w, SLOT_T0, imm);
		emit_locked(w, (enum locked_op)op, SLOT_T0);
		return true;
	}
	a = read_rm(w, SLOT_T0, store);
	if (!store || (!is_memory(w) && w->size >= 4)) {
		emit_alu_imm(w, op, a, a, imm);
		return true;
	}
	emit_alu_imm(w, op, SLOT_T0, a, imm);
	write_rm(w, SLOT_T0, true);
	return true;
}

static bool lock_refused(const struct work *w)
{
	return w->e.lock;
}

/* 00 to 3F: add, or, adc, sbb, and, sub, xor, cmp. */
static bool alu_block(struct work *w)
{
	enum alu_op op = (enum alu_op)(w->e.opcode >> 3 & 7);
	int64_t imm;

	switch (w->e.opcode & 7) {
	case 0:
	case 1:
		return parse_rm(w) && alu_to_rm(w, op, read_source(w));
	case 2:
	case 3:
		if (!parse_rm(w) || lock_refused(w))
			return false;
		alu_to_reg(w, op, w->m.reg, read_rm(w, SLOT_T0, false));
		return true;
	case 4:
	case 5:
		if (!parse_imm(w, w->size < 4 ? w->size : 4, &imm) || lock_refused(w))
			return false;
		w->m.mod = 3;
		w->m.rm = INSN_RAX;
		return alu_imm(w, op, imm);
	default:
		return false;
	}
}

/* 80, 81, 83 */
static bool alu_group(struct work *w)
{
	int64_t imm;

	return parse_rm(w) &&
	       parse_imm(w, w->e.opcode == 0x83 || w->size == 1 ? 1 : w->size == 2 ? 2 : 4, &imm) &&
	       alu_imm(w, (enum alu_op)(w->m.reg & 7), imm);
}

static bool test_rm(struct work *w)
{
	return parse_rm(w) && alu_to_rm(w, ALU_TEST, read_source(w));
}

static bool test_imm(struct work *w)
{
	int64_t imm;

	return parse_imm(w, w->size < 4 ? w->size : 4, &imm) && alu_imm(w, ALU_TEST, imm);
}

/* 86, 87: with memory always atomic. */
static bool xchg_rm(struct work *w)
{
	unsigned a, b;

	if (!parse_rm(w))
		return false;
	if (is_memory(w)) {
		emit_locked(w, LOCKED_XCHG, read_reg(w, w->m.reg, SLOT_T1));
		write_reg(w, w->m.reg, SLOT_T0);
		return true;
	}
	if (lock_refused(w))
		return false;
	a = read_reg(w, w->m.rm, SLOT_T0);
	b = read_reg(w, w->m.reg, SLOT_T1);
	if (a < SLOT_T0)
		emit_move(w, MOVE_REG, SLOT_T0, a);
	if (b < SLOT_T0)
		emit_move(w, MOVE_REG, SLOT_T1, b);
	write_reg(w, w->m.rm, SLOT_T1);
	write_reg(w, w->m.reg, SLOT_T0);
	return true;
}

/* 91 to 97; 90 without REX.B is nop. */
static bool xchg_rax(struct work *w)
{
	unsigned reg = (w->e.opcode & 7) | (w->e.rex & INSN_REX_B ? 8 : 0);

	if (reg == INSN_RAX)
		return true;
	emit_move(w, MOVE_REG, SLOT_T0, INSN_RAX);
	emit_move(w, MOVE_REG, SLOT_T1, reg);
	write_reg(w, INSN_RAX, SLOT_T1);
	write_reg(w, reg, SLOT_T0);
	return true;
}

/* 88 to 8B */
static bool mov_rm(struct work *w)
{
	if (!parse_rm(w))
		return false;
	if (w->e.opcode & 2) {
		if (is_memory(w) && w->size >= 4)
			emit_memory(w, &uop_load[log2_of(w->size)], w->m.reg);
		else
			write_reg(w, w->m.reg, read_rm(w, SLOT_T0, false));
	} else {
		write_rm(w, read_reg(w, w->m.reg, SLOT_T0), false);
	}
	return true;
}

/* 8C: in memory always two bytes; zeros in the rest of a register of four or eight. */
static bool mov_from_segment(struct work *w)
{
	if (!parse_rm(w) || w->m.reg >= INSN_SEGS)
		return false;
	if (is_memory(w))
		w->size = 2;
	emit(w, &uop_selector, SLOT_T0, SLOT_ZERO, SLOT_ZERO)->imm = (int64_t)w->m.reg;
	write_rm(w, SLOT_T0, false);
	return true;
}

/* A0 to A3: an absolute address of 8 bytes. */
static bool mov_absolute(struct work *w)
{
	int64_t address;

	if (w->e.addrsize != 8 || !parse_imm(w, 8, &address))
		return false;
	w->m = (struct insn_modrm){ .mem = { .disp = address,
					     .base = INSN_NO_REG,
					     .index = INSN_NO_REG,
					     .seg = w->e.seg == INSN_SEGS ? INSN_DS : w->e.seg } };
	if (w->e.opcode & 2)
		write_rm(w, INSN_RAX, false);
	else
		write_reg(w, INSN_RAX, read_rm(w, SLOT_T0, false));
	return true;
}

/* B0 to BF: the only immediate of 8 bytes. */
static bool mov_imm(struct work *w)
{
	unsigned reg = (w->e.opcode & 7) | (w->e.rex & INSN_REX_B ? 8 : 0);
	int64_t imm;

	if (!parse_imm(w, w->size, &imm))
		return false;
	if (w->size >= 4) {
		emit_immediate(w, reg, w->size == 4 ? (int64_t)(uint32_t)imm : imm);
		return true;
	}
	emit_immediate(w, SLOT_T0, imm);
	write_reg(w, reg, SLOT_T0);
	return true;
}

/* C6, C7 /0 */
static bool mov_rm_imm(struct work *w)
{
	int64_t imm;

	if (!parse_rm(w) || (w->m.reg & 7) != 0 || !parse_imm(w, w->size < 4 ? w->size : 4, &imm))
		return false;
	emit_immediate(w, SLOT_T0, imm);
	write_rm(w, SLOT_T0, false);
	return true;
}

static bool movsxd(struct work *w)
{
	unsigned slot, wide = w->size;

	if (!parse_rm(w) || w->size == 2)
		return false;
	w->size = 4;
	if (is_memory(w)) {
		emit_memory(w, wide == 8 ? &uop_load_sx[2] : &uop_load[2], w->m.reg);
		return true;
	}
	slot = read_rm(w, SLOT_T0, false);
	emit_move(w, wide == 8 ? MOVE_SX32 : MOVE_ZX32, w->m.reg, slot);
	return true;
}

static bool lea(struct work *w)
{
	struct slot_value value = { 0 };
	struct uop *u;

	if (!parse_rm(w) || !is_memory(w))
		return false;
	value = w->m.mem.base >= 0 && w->m.mem.base < INSN_GPRS ? w->t->value[w->m.mem.base] : value;
	u = emit_memory(w, &uop_lea, w->size == 2 ? SLOT_T0 : w->m.reg);
	u->seg = SLOT_ZERO;
	if (u->a != SLOT_ZERO && u->b == SLOT_ZERO && u->imm == -1 && w->size >= 4)
		relate(w, u->d, value, VALUE_LESS_ONE);
	if (w->size == 2)
		write_reg(w, w->m.reg, SLOT_T0);
	return true;
}

/* --- Groups --- */

/* C0, C1, D0 to D3 */
static bool shift_group(struct work *w)
{
	unsigned op, a, d = SLOT_T0;
	bool by_cl = (w->e.opcode & 0xfe) == 0xd2;
	const struct uop_pair *pair = &uop_shift[!by_cl];
	int64_t count = 1;
	struct uop *u;

	if (!parse_rm(w))
		return false;
	if (w->e.opcode < 0xd0 && !parse_imm(w, 1, &count))
		return false;
	op = w->m.reg & 7;
	count &= w->size == 8 ? 63 : 31;
	a = read_rm(w, SLOT_T0, true);
	if (!is_memory(w) && w->size >= 4)
		d = a;
	if (!by_cl && count && count < 8 * w->size && uop_shift_immediate[op].fn)
		pair = &uop_shift_immediate[op];
	u = emit(w, pair, d, a, INSN_RCX);
	u->imm = count;
	u->op = (uint8_t)op;
	if (d == SLOT_T0)
		write_rm(w, SLOT_T0, true);
	return true;
}

static void emit_unary(struct work *w, const struct uop_pair *pair, unsigned a, enum value_form form)
{
	unsigned d = !is_memory(w) && w->size >= 4 ? w->m.rm : SLOT_T0;
	struct slot_value value = w->t->value[a];

	emit(w, pair, d, a, SLOT_ZERO);
	if (form != VALUE_ITSELF)
		relate(w, d, value, form);
	if (d == SLOT_T0)
		write_rm(w, SLOT_T0, true);
}

static void emit_negation(struct work *w, unsigned a)
{
	unsigned d = !is_memory(w) && w->size >= 4 ? w->m.rm : SLOT_T0;

	emit_alu(w, ALU_SUB, d, SLOT_ZERO, a);
	if (d == SLOT_T0)
		write_rm(w, SLOT_T0, true);
}

/* not, neg, inc, dec */
static bool one_operand(struct work *w, enum locked_op locked)
{
	unsigned a;

	if (w->e.lock) {
		if (!is_memory(w))
			return false;
		emit_locked(w, locked, SLOT_ZERO);
		return true;
	}
	a = read_rm(w, SLOT_T0, true);
	if (locked == LOCKED_NOT)
		emit_unary(w, &uop_unary[UNARY_NOT], a, VALUE_INVERTED);
	else if (locked == LOCKED_NEG)
		emit_negation(w, a);
	else if (locked == LOCKED_INC)
		emit_unary(w, &uop_unary[UNARY_INC], a, VALUE_ITSELF);
	else
		emit_unary(w, &uop_unary[UNARY_DEC], a, VALUE_LESS_ONE);
	return true;
}

/* F6, F7 */
static bool unary_group(struct work *w)
{
	const struct uop_pair *pair;

	if (!parse_rm(w))
		return false;
	switch (w->m.reg & 7) {
	case 0:
	case 1:
		return test_imm(w);
	case 2:
		return one_operand(w, LOCKED_NOT);
	case 3:
		return one_operand(w, LOCKED_NEG);
	}
	if (lock_refused(w))
		return false;
	pair = (w->m.reg & 7) < 6 ? &uop_mul : &uop_div;
	emit(w, pair, 0, read_rm(w, SLOT_T0, false), SLOT_ZERO)->op = w->m.reg & 1;
	forget_values(w);
	return true;
}

/* FE, FF */
static bool inc_group(struct work *w)
{
	unsigned digit;

	if (!parse_rm(w))
		return false;
	digit = w->m.reg & 7;
	if (digit < 2)
		return one_operand(w, digit ? LOCKED_DEC : LOCKED_INC);
	if (w->e.opcode == 0xfe || lock_refused(w) || w->e.opsize_prefix)
		return false;
	return translate_flow_rm(w, digit);
}

static bool imul_imm(struct work *w)
{
	unsigned a, d;
	int64_t imm;

	if (!parse_rm(w) || !parse_imm(w, w->e.opcode == 0x6b ? 1 : w->size == 2 ? 2 : 4, &imm))
		return false;
	a = read_rm(w, SLOT_T0, false);
	d = w->size == 2 ? SLOT_T0 : w->m.reg;
	emit(w, &uop_imul_imm, d, a, SLOT_ZERO)->imm = imm;
	if (d == SLOT_T0)
		write_reg(w, w->m.reg, SLOT_T0);
	return true;
}

/* 98: cbw, cwde, cdqe. 99: cwd, cdq, cqo. */
static bool extend(struct work *w)
{
	static const uint8_t widen[] = { [2] = MOVE_SX8, [4] = MOVE_SX16, [8] = MOVE_SX32 };
	static const uint8_t sign[] = { [2] = MOVE_SIGN16, [4] = MOVE_SIGN32, [8] = MOVE_SIGN64 };

	if (w->e.opcode == 0x98) {
		emit_move(w, widen[w->size], SLOT_T0, INSN_RAX);
		write_reg(w, INSN_RAX, SLOT_T0);
	} else {
		emit_move(w, sign[w->size], SLOT_T0, INSN_RAX);
		write_reg(w, INSN_RDX, SLOT_T0);
	}
	return true;
}

static bool string(struct work *w, enum insn_string op)
{
	struct uop *u;

	if (w->e.addrsize != 8)
		return false;
	u = emit(w, &uop_string, 0, SLOT_ZERO, SLOT_ZERO);
	u->op = (uint8_t)op;
	u->seg = w->e.seg == INSN_FS ? SLOT_FS : w->e.seg == INSN_GS ? SLOT_GS : SLOT_ZERO;
	u->shift = w->e.rep == 0 ? INSN_NO_REP : INSN_REP;
	if (w->e.rep == 0xf2 && (op == INSN_SCAS || op == INSN_CMPS))
		u->shift = INSN_REPNE;
	forget_values(w);
	return true;
}

/* E6, E7, EE, EF */
static bool output(struct work *w)
{
	bool immediate = w->e.opcode < 0xee;
	int64_t port = 0;
	struct uop *u;

	if (immediate && !parse_imm(w, 1, &port))
		return false;
	if (w->size == 8)
		w->size = 4;
	u = emit(w, &uop_output, SLOT_T0, SLOT_ZERO, SLOT_ZERO);
	u->op = immediate;
	u->imm = (uint8_t)port;
	w->t->end = true;
	return true;
}

static bool flag(struct work *w, enum flag_op op)
{
	emit(w, &uop_flag[op], SLOT_T0, SLOT_ZERO, SLOT_ZERO);
	new_value(w->t, INSN_RAX); /* lahf */
	return true;
}

static bool pushf(struct work *w)
{
	if (w->e.opsize_prefix)
		return false;
	flag(w, FLAGOP_GET);
	emit_push(w, SLOT_T0);
	return true;
}

/* Opcodes that take a LOCK prefix, or refuse it themselves. */
static bool translate_lockable(struct work *w)
{
	switch (w->e.opcode) {
	case 0x80:
	case 0x81:
	case 0x83:
		return alu_group(w);
	case 0x86:
	case 0x87:
		return xchg_rm(w);
	case 0xf6:
	case 0xf7:
		return unary_group(w);
	case 0xfe:
	case 0xff:
		return inc_group(w);
	default:
		return w->e.opcode < 0x40 && alu_block(w);
	}
}

static bool translate_string(struct work *w)
{
	switch (w->e.opcode & 0xfe) {
	case 0xa4:
		return string(w, INSN_MOVS);
	case 0xa6:
		return string(w, INSN_CMPS);
	case 0xaa:
		return string(w, INSN_STOS);
	case 0xac:
		return string(w, INSN_LODS);
	case 0xae:
		return string(w, INSN_SCAS);
	default:
		return false;
	}
}

static bool translate_flag(struct work *w)
{
	switch (w->e.opcode) {
	case 0x9c:
		return pushf(w);
	case 0x9e:
		return flag(w, FLAGOP_SAHF);
	case 0x9f:
		return flag(w, FLAGOP_LAHF);
	case 0xf5:
		return flag(w, FLAGOP_CMC);
	case 0xf8:
		return flag(w, FLAGOP_CLC);
	case 0xf9:
		return flag(w, FLAGOP_STC);
	case 0xfa:
		return flag(w, FLAGOP_CLI);
	case 0xfb:
		w->t->shadow = true;
		return flag(w, FLAGOP_STI);
	case 0xfc:
		return flag(w, FLAGOP_CLD);
	case 0xfd:
		return flag(w, FLAGOP_STD);
	default:
		return false;
	}
}

static bool translate_plain(struct work *w)
{
	switch (w->e.opcode) {
	case 0x63:
		return movsxd(w);
	case 0x69:
	case 0x6b:
		return imul_imm(w);
	case 0x84:
	case 0x85:
		return test_rm(w);
	case 0x88 ... 0x8b:
		return mov_rm(w);
	case 0x8c:
		return mov_from_segment(w);
	case 0x8d:
		return lea(w);
	case 0x90 ... 0x97:
		return xchg_rax(w);
	case 0x98:
	case 0x99:
		return extend(w);
	case 0x9b:
	case 0xdb:
		return translate_x87(w);
	case 0xa0 ... 0xa3:
		return mov_absolute(w);
	case 0xa8:
	case 0xa9:
		w->m = (struct insn_modrm){ .mod = 3, .rm = INSN_RAX };
		return test_imm(w);
	case 0xb0 ... 0xbf:
		return mov_imm(w);
	case 0xc0:
	case 0xc1:
	case 0xd0 ... 0xd3:
		return shift_group(w);
	case 0xc6:
	case 0xc7:
		return mov_rm_imm(w);
	case 0xe6:
	case 0xe7:
	case 0xee:
	case 0xef:
		return output(w);
	default:
		return false;
	}
}

/* rep means nothing to ret, call and jumps (f2: bnd); to others it may be another instruction. */
static bool rep_is_ignored(const struct work *w)
{
	uint8_t o = w->e.opcode;

	return o == 0xc2 || o == 0xc3 || o == 0xe8 || o == 0xe9 || (o >= 0x70 && o < 0x80);
}

bool translate_one_byte(struct work *w)
{
	uint8_t o = w->e.opcode;

	if (!(o & 1) && o != 0x8c && (o < 0x40 || (o >= 0x80 && (o & 0xf0) != 0x90 && !(o >= 0xb8 && o <= 0xbf))))
		w->size = 1;
	if (o >= 0xb0 && o <= 0xb7)
		w->size = 1;
	if (!w->e.rep && translate_lockable(w))
		return true;
	if (w->e.lock)
		return false;
	if (translate_string(w))
		return true;
	if (w->e.rep && !rep_is_ignored(w))
		return false;
	return translate_flow(w) || translate_flag(w) || translate_plain(w);
}
