/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * translate_internal.h: what the translators share: the instruction at hand, and how operands become
 * uops. A value lies in a slot; its bits above the operand's size may be anything, and every uop that
 * cares cuts them off.
 */
#ifndef KMC_TRANSLATE_INTERNAL_H
#define KMC_TRANSLATE_INTERNAL_H

#include "uop_alu.h"

#define INSN_UOPS 12 /* at most, of one instruction */

struct work {
	struct translation *t;
	const uint8_t *bytes;
	size_t len;
	struct insn_encoding e;
	struct insn_modrm m; /* valid after parse_rm() */
	unsigned end;	     /* offset behind what has been parsed */
	unsigned size;	     /* bytes of the operation */
	bool rex;	     /* a REX prefix, even an empty one, hides ah to bh */
};

/* All return false where the bytes end first, or an address is not for the engine. */
bool parse_rm(struct work *w);
bool parse_imm(struct work *w, unsigned bytes, int64_t *imm); /* sign-extended */

static inline bool is_memory(const struct work *w)
{
	return w->m.mod != 3;
}

static inline uint8_t shift_of(unsigned bytes)
{
	return (uint8_t)(64 - 8 * bytes);
}

static inline unsigned log2_of(unsigned bytes)
{
	return (unsigned)__builtin_ctz(bytes);
}

/* d holds a new value from then on; of a uop that writes other slots too: forget_values(). */
struct uop *emit(struct work *w, const struct uop_pair *pair, unsigned d, unsigned a, unsigned b);
void new_value(struct translation *t, unsigned slot);
void forget_values(struct work *w);
/* d holds a function of what a held before. */
void relate(struct work *w, unsigned d, struct slot_value a, enum value_form form);
void emit_move(struct work *w, enum move_op op, unsigned d, unsigned a);
void emit_immediate(struct work *w, unsigned d, int64_t imm);
/* A uop whose address is the instruction's memory operand. */
struct uop *emit_memory(struct work *w, const struct uop_pair *pair, unsigned d);

/* The slot that has register reg's value: its own, or temp for ah to bh. */
unsigned read_reg(struct work *w, unsigned reg, unsigned temp);
/* Register reg = temp, as an operand of w->size bytes. */
void write_reg(struct work *w, unsigned reg, unsigned temp);
/* The r/m operand: its own slot, or temp. write: a write of the same operand follows. */
unsigned read_rm(struct work *w, unsigned temp, bool write);
void write_rm(struct work *w, unsigned temp, bool was_read);

/* d = a op b, or a op imm. */
void emit_alu(struct work *w, enum alu_op op, unsigned d, unsigned a, unsigned b);
void emit_alu_imm(struct work *w, enum alu_op op, unsigned d, unsigned a, int64_t imm);
void emit_locked(struct work *w, enum locked_op op, unsigned source);
void emit_jump(struct work *w, int64_t distance);
uint64_t next_rip(const struct work *w);

/* translate_one.c */
bool translate_one_byte(struct work *w);

/* translate_flow.c: the stack, calls and jumps. */
bool translate_flow(struct work *w);
bool translate_flow_rm(struct work *w, unsigned digit); /* FF: digit of ModRM, which is parsed */
void emit_push(struct work *w, unsigned slot);

/* translate_0f.c: two- and three-byte opcodes, and VEX. */
bool translate_0f(struct work *w);
bool translate_0f38(struct work *w);
bool translate_vex(struct work *w);
unsigned vex_register(const struct work *w); /* that VEX.vvvv names */

/* translate_vector.c: any opcode of 0F, 0F 38 and VEX; those that it knows are nobody else's. */
bool translate_vector(struct work *w);
bool translate_state(struct work *w);
bool translate_x87(struct work *w);

#endif
