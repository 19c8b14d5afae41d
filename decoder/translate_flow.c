// SPDX-License-Identifier: GPL-2.0-only
/*
 * translate_flow.c: one-byte opcodes of the stack, calls and jumps to uops.
 * Sources: Intel SDM vol. 2, appendix A (opcode maps), and the instructions' operations.
 */
#include "translate_internal.h"

void emit_push(struct work *w, unsigned slot)
{
	emit(w, &uop_push, slot, SLOT_ZERO, SLOT_ZERO);
	new_value(w->t, INSN_RSP);
}

static void emit_pop(struct work *w, unsigned slot)
{
	emit(w, &uop_pop, slot, SLOT_ZERO, SLOT_ZERO);
	new_value(w->t, INSN_RSP);
}

/* d = base + imm, no flags. */
static void emit_add(struct work *w, unsigned d, unsigned base, int64_t imm)
{
	struct uop *u = emit(w, &uop_lea, d, base, SLOT_ZERO);

	u->imm = imm;
	u->size = 8;
	u->shift = 0;
}

static bool push_pop_reg(struct work *w)
{
	unsigned reg = (w->e.opcode & 7) | (w->e.rex & INSN_REX_B ? 8 : 0);

	if (w->e.opcode < 0x58)
		emit_push(w, reg);
	else
		emit_pop(w, reg);
	return true;
}

static bool push_imm(struct work *w)
{
	int64_t imm;

	if (!parse_imm(w, w->e.opcode == 0x6a ? 1 : 4, &imm))
		return false;
	emit_immediate(w, SLOT_T0, imm);
	emit_push(w, SLOT_T0);
	return true;
}

/* 8F /0: the address is computed with the new rsp. */
static bool pop_rm(struct work *w)
{
	struct uop *u;

	if (!parse_rm(w) || (w->m.reg & 7) != 0)
		return false;
	if (!is_memory(w)) {
		emit_pop(w, w->m.rm);
		return true;
	}
	w->size = 8;
	u = emit(w, &uop_load[3], SLOT_T0, INSN_RSP, SLOT_ZERO);
	u->shift = 0;
	u = emit_memory(w, &uop_store[3], SLOT_T0);
	if (u->a == INSN_RSP)
		u->imm += 8;
	emit_add(w, INSN_RSP, INSN_RSP, 8);
	return true;
}

static bool leave_frame(struct work *w)
{
	emit(w, &uop_load[3], SLOT_T0, INSN_RBP, SLOT_ZERO)->shift = 0;
	emit_add(w, INSN_RSP, INSN_RBP, 8);
	emit_move(w, MOVE_REG, INSN_RBP, SLOT_T0);
	return true;
}

static void emit_jump_slot(struct work *w, unsigned slot)
{
	emit(w, &uop_jump_slot, 0, slot, SLOT_ZERO);
	w->t->end = true;
}

static bool call_relative(struct work *w)
{
	int64_t distance;

	if (!parse_imm(w, 4, &distance))
		return false;
	emit_immediate(w, SLOT_T0, (int64_t)next_rip(w));
	emit_push(w, SLOT_T0);
	emit_jump(w, distance);
	return true;
}

static bool jump_relative(struct work *w)
{
	int64_t distance;

	if (!parse_imm(w, w->e.opcode == 0xeb ? 1 : 4, &distance))
		return false;
	emit_jump(w, distance);
	return true;
}

static bool jump_short_condition(struct work *w)
{
	int64_t distance;

	if (!parse_imm(w, 1, &distance))
		return false;
	emit(w, &uop_jcc[w->e.opcode & 15], 0, SLOT_ZERO, SLOT_ZERO)->imm =
		(int64_t)next_rip(w) + distance;
	w->t->end = true;
	return true;
}

static bool loop(struct work *w)
{
	int64_t distance;
	struct uop *u;

	if (!parse_imm(w, 1, &distance))
		return false;
	u = emit(w, &uop_loop, 0, SLOT_ZERO, SLOT_ZERO);
	u->imm = (int64_t)next_rip(w) + distance;
	u->op = w->e.opcode & 3;
	u->size = w->e.addrsize;
	w->t->end = true;
	return true;
}

static bool ret(struct work *w)
{
	int64_t bytes = 0;

	if (w->e.opcode == 0xc2 && !parse_imm(w, 2, &bytes))
		return false;
	emit_pop(w, SLOT_T0);
	if (bytes)
		emit_add(w, INSN_RSP, INSN_RSP, bytes & 0xffff);
	emit_jump_slot(w, SLOT_T0);
	return true;
}

static bool call_rm(struct work *w)
{
	unsigned target = read_rm(w, SLOT_T1, false);

	if (target != SLOT_T1)
		emit_move(w, MOVE_REG, SLOT_T1, target);
	emit_immediate(w, SLOT_T0, (int64_t)next_rip(w));
	emit_push(w, SLOT_T0);
	emit_jump_slot(w, SLOT_T1);
	return true;
}

bool translate_flow_rm(struct work *w, unsigned digit)
{
	w->size = 8;
	switch (digit) {
	case 2:
		return call_rm(w);
	case 4:
		emit_jump_slot(w, read_rm(w, SLOT_T0, false));
		return true;
	case 6:
		emit_push(w, read_rm(w, SLOT_T0, false));
		return true;
	default:
		return false;
	}
}

bool translate_flow(struct work *w)
{
	if (w->e.opsize_prefix)
		return false;
	switch (w->e.opcode) {
	case 0x50 ... 0x5f:
		return push_pop_reg(w);
	case 0x68:
	case 0x6a:
		return push_imm(w);
	case 0x70 ... 0x7f:
		return jump_short_condition(w);
	case 0x8f:
		return pop_rm(w);
	case 0xc2:
	case 0xc3:
		return ret(w);
	case 0xc9:
		return leave_frame(w);
	case 0xe0 ... 0xe3:
		return loop(w);
	case 0xe8:
		return call_relative(w);
	case 0xe9:
	case 0xeb:
		return jump_relative(w);
	default:
		return false;
	}
}
