// SPDX-License-Identifier: GPL-2.0-only
/*
 * translate.c: one instruction to uops: what all translators use. 64-bit mode, 64-bit addresses.
 */
#include <string.h>

#include "translate_internal.h"

/* --- Parsing --- */

bool parse_rm(struct work *w)
{
	if (insn_parse_modrm(INSN_MODE_64, w->bytes, w->len, &w->e, &w->m))
		return false;
	w->end = w->m.end;
	return !is_memory(w) || w->e.addrsize == 8;
}

bool parse_imm(struct work *w, unsigned bytes, int64_t *imm)
{
	uint64_t value = 0;

	if (w->end + bytes > w->len)
		return false;
	memcpy(&value, w->bytes + w->end, bytes);
	*imm = (int64_t)(value << (64 - 8 * bytes)) >> (64 - 8 * bytes);
	w->end += bytes;
	return true;
}

uint64_t next_rip(const struct work *w)
{
	return w->t->rip + w->t->at + w->end;
}

/* --- Emitting --- */

void new_value(struct translation *t, unsigned slot)
{
	t->value[slot] = (struct slot_value){ .number = ++t->numbers };
}

void forget_values(struct work *w)
{
	for (unsigned slot = 0; slot < SLOTS; slot++)
		new_value(w->t, slot);
}

void relate(struct work *w, unsigned d, struct slot_value a, enum value_form form)
{
	if (form == VALUE_ITSELF)
		w->t->value[d] = a;
	else if (a.form == VALUE_ITSELF)
		w->t->value[d] = (struct slot_value){ a.number, (uint8_t)form, shift_of(w->size) };
}

struct uop *emit(struct work *w, const struct uop_pair *pair, unsigned d, unsigned a, unsigned b)
{
	struct uop *u = &w->t->uop[w->t->n];

	w->t->pair[w->t->n++] = pair;
	new_value(w->t, d);
	*u = (struct uop){ .fn = pair->fn,
			   .checked = pair->checked,
			   .d = (uint8_t)d,
			   .a = (uint8_t)a,
			   .b = (uint8_t)b,
			   .seg = SLOT_ZERO,
			   .shift = shift_of(w->size),
			   .size = (uint8_t)w->size,
			   .at = (uint8_t)w->t->at };
	return u;
}

void emit_move(struct work *w, enum move_op op, unsigned d, unsigned a)
{
	struct slot_value value = w->t->value[a];

	emit(w, &uop_move[op], d, a, SLOT_ZERO);
	if (op == MOVE_REG)
		relate(w, d, value, VALUE_ITSELF);
}

void emit_immediate(struct work *w, unsigned d, int64_t imm)
{
	emit(w, &uop_move[MOVE_IMMEDIATE], d, SLOT_ZERO, SLOT_ZERO)->imm = imm;
}

struct uop *emit_memory(struct work *w, const struct uop_pair *pair, unsigned d)
{
	const struct insn_mem *mem = &w->m.mem;
	struct uop *u = emit(w, pair, d, SLOT_ZERO, SLOT_ZERO);

	u->shift = 0;
	u->imm = mem->disp;
	if (mem->base == INSN_RIP_REG)
		u->imm += (int64_t)next_rip(w);
	else if (mem->base != INSN_NO_REG)
		u->a = (uint8_t)mem->base;
	if (mem->index != INSN_NO_REG) {
		u->b = (uint8_t)mem->index;
		u->shift = mem->shift;
	}
	if (mem->seg == INSN_FS)
		u->seg = SLOT_FS;
	else if (mem->seg == INSN_GS)
		u->seg = SLOT_GS;
	return u;
}

/* ah, ch, dh and bh have the numbers 4 to 7. */
static bool is_high_byte(const struct work *w, unsigned reg)
{
	return w->size == 1 && !w->rex && reg >= INSN_RSP && reg <= INSN_RDI;
}

unsigned read_reg(struct work *w, unsigned reg, unsigned temp)
{
	if (!is_high_byte(w, reg))
		return reg;
	emit_move(w, MOVE_HIGH8, temp, reg - 4);
	return temp;
}

void write_reg(struct work *w, unsigned reg, unsigned temp)
{
	static const uint8_t move[] = { [1] = MOVE_INSERT8,
					[2] = MOVE_INSERT16,
					[4] = MOVE_ZX32,
					[8] = MOVE_REG };

	if (is_high_byte(w, reg))
		emit_move(w, MOVE_INSERT_HIGH8, reg - 4, temp);
	else
		emit_move(w, move[w->size], reg, temp);
}

unsigned read_rm(struct work *w, unsigned temp, bool write)
{
	if (!is_memory(w))
		return read_reg(w, w->m.rm, temp);
	emit_memory(w, write ? &uop_load_rmw[log2_of(w->size)] : &uop_load[log2_of(w->size)], temp);
	return temp;
}

void write_rm(struct work *w, unsigned temp, bool was_read)
{
	if (!is_memory(w))
		write_reg(w, w->m.rm, temp);
	else
		emit_memory(w, was_read ? &uop_store_rmw[log2_of(w->size)] :
					  &uop_store[log2_of(w->size)], temp);
}

/* Both made of one value: a as the given form, b as the other, by operations of this size. */
static bool are(const struct work *w, unsigned a, enum value_form fa, unsigned b, enum value_form fb)
{
	const struct slot_value *x = &w->t->value[a], *y = &w->t->value[b];
	uint8_t shift = shift_of(w->size);

	return x->number == y->number && x->form == fa && y->form == fb &&
	       (fa == VALUE_ITSELF || x->shift == shift) && y->shift == shift;
}

static bool emit_and_related(struct work *w, unsigned d, unsigned a, unsigned b)
{
	bool inverted = are(w, a, VALUE_INVERTED, b, VALUE_LESS_ONE);

	if (!inverted && !are(w, a, VALUE_ITSELF, b, VALUE_NEGATED))
		return false;
	emit(w, &uop_and_related, d, a, b)->op = inverted;
	return true;
}

void emit_alu(struct work *w, enum alu_op op, unsigned d, unsigned a, unsigned b)
{
	struct slot_value value = w->t->value[b];

	if (a == b && (op == ALU_XOR || op == ALU_SUB)) {
		emit(w, &uop_unary[UNARY_ZERO], d, a, b);
	} else if (a == b && op == ALU_SBB) {
		emit(w, &uop_unary[UNARY_SPREAD_CARRY], d, a, b);
	} else if (op != ALU_AND || !(emit_and_related(w, d, a, b) || emit_and_related(w, d, b, a))) {
		emit(w, &uop_alu[op][0], d, a, b);
		if (op == ALU_SUB && a == SLOT_ZERO)
			relate(w, d, value, VALUE_NEGATED);
	}
}

void emit_alu_imm(struct work *w, enum alu_op op, unsigned d, unsigned a, int64_t imm)
{
	struct slot_value value = w->t->value[a];

	emit(w, &uop_alu[op][1], d, a, SLOT_ZERO)->imm = (int64_t)((uint64_t)imm << shift_of(w->size));
	if ((op == ALU_ADD && imm == -1) || (op == ALU_SUB && imm == 1))
		relate(w, d, value, VALUE_LESS_ONE);
}

void emit_locked(struct work *w, enum locked_op op, unsigned source)
{
	bool indexed = w->m.mem.index != INSN_NO_REG;
	struct uop *u;

	/* uop_locked needs both shifts: the address goes to a temporary if it has an index. */
	if (indexed) {
		emit_memory(w, &uop_lea, SLOT_T2)->size = 8;
		u = emit(w, &uop_locked, source, SLOT_T2, SLOT_ZERO);
	} else {
		u = emit_memory(w, &uop_locked, source);
	}
	u->shift = w->size <= 8 ? shift_of(w->size) : 0;
	u->op = (uint8_t)op;
	forget_values(w);
}

void emit_jump(struct work *w, int64_t distance)
{
	emit(w, &uop_jump, 0, SLOT_ZERO, SLOT_ZERO)->imm = (int64_t)next_rip(w) + distance;
	w->t->end = true;
}

/* A REX prefix stands directly before the opcode; no legacy prefix looks like one. */
static bool has_rex(const struct work *w)
{
	unsigned opcode_at = w->e.modrm_at - (w->e.map == 0 ? 1u : w->e.map == 1 ? 2u : 3u);

	return opcode_at > 0 && (w->bytes[opcode_at - 1] & 0xf0) == 0x40;
}

static bool translate_any(struct work *w)
{
	if (w->e.scheme == INSN_VEX)
		return translate_vex(w);
	if (w->e.scheme != INSN_LEGACY)
		return false;
	w->rex = has_rex(w);
	switch (w->e.map) {
	case 0:
		return translate_one_byte(w);
	case 1:
		return translate_0f(w);
	case 2:
		return translate_0f38(w);
	default:
		return false;
	}
}

/* At the start of a block: each slot a value of its own. */
static void begin_values(struct translation *t)
{
#define OWN(n) { .number = (n) + 1 }, { .number = (n) + 2 }
	static const struct slot_value own[] = { OWN(0),  OWN(2),  OWN(4),  OWN(6),  OWN(8), OWN(10),
						 OWN(12), OWN(14), OWN(16), OWN(18), OWN(20) };
#undef OWN

	_Static_assert(sizeof(own) == sizeof(t->value), "one for each slot");
	memcpy(t->value, own, sizeof(own));
	t->numbers = SLOTS;
}

bool translate(struct translation *t, const uint8_t *bytes, size_t len)
{
	struct work w = { .t = t, .bytes = bytes, .len = len };
	unsigned n = t->n;

	if (n + INSN_UOPS + 1 > BLOCK_UOPS || insn_parse(INSN_MODE_64, bytes, len, &w.e))
		return false;
	w.end = w.e.modrm_at;
	w.size = w.e.opsize;
	t->shadow = false;
	if (!t->numbers)
		begin_values(t);
	if (!translate_any(&w)) {
		t->n = n;
		t->end = false;
		return false;
	}
	t->length = w.end;
	return true;
}
