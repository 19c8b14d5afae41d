// SPDX-License-Identifier: GPL-2.0-only
/*
 * translate_0f.c: the opcodes behind 0F and 0F 38, and BMI (VEX).
 * Sources: Intel SDM vol. 2, appendix A, and the instructions' operations.
 */
#include "translate_internal.h"

/* The result lies in T0: a register of 2 bytes keeps its upper part. */
static unsigned result_slot(const struct work *w)
{
	return w->size >= 4 ? w->m.reg : (unsigned)SLOT_T0;
}

static void write_result(struct work *w)
{
	if (w->size < 4)
		write_reg(w, w->m.reg, SLOT_T0);
}

static bool jump_near_condition(struct work *w)
{
	int64_t distance;

	if (w->e.opsize_prefix || !parse_imm(w, 4, &distance))
		return false;
	emit(w, &uop_jcc[w->e.opcode & 15], 0, SLOT_ZERO, SLOT_ZERO)->imm =
		(int64_t)next_rip(w) + distance;
	w->t->end = true;
	return true;
}

static bool setcc(struct work *w)
{
	w->size = 1;
	if (!parse_rm(w))
		return false;
	emit(w, &uop_setcc[w->e.opcode & 15], SLOT_T0, SLOT_ZERO, SLOT_ZERO);
	write_rm(w, SLOT_T0, false);
	return true;
}

static bool cmov(struct work *w)
{
	unsigned a;

	if (!parse_rm(w))
		return false;
	a = read_rm(w, SLOT_T0, false);
	emit(w, &uop_cmov[w->e.opcode & 15], SLOT_T0, a, w->m.reg);
	write_reg(w, w->m.reg, SLOT_T0);
	return true;
}

/* B6, B7, BE, BF */
static bool extend_rm(struct work *w)
{
	bool sign = w->e.opcode & 8, word = w->e.opcode & 1;
	unsigned wide = w->size, slot;

	if (!parse_rm(w))
		return false;
	if (is_memory(w) && (sign ? wide == 8 : wide >= 4)) {
		emit_memory(w, sign ? &uop_load_sx[word] : &uop_load[word], w->m.reg);
		return true;
	}
	w->size = word ? 2 : 1;
	slot = read_rm(w, SLOT_T0, false);
	w->size = wide;
	if (!sign) {
		emit_move(w, word ? MOVE_ZX16 : MOVE_ZX8, result_slot(w), slot);
		write_result(w);
	} else if (wide == 8) {
		emit_move(w, word ? MOVE_SX16 : MOVE_SX8, w->m.reg, slot);
	} else {
		emit_move(w, word ? MOVE_SX16 : MOVE_SX8, SLOT_T0, slot);
		write_reg(w, w->m.reg, SLOT_T0);
	}
	return true;
}

/* --- Bits --- */

static bool bit_locked(struct work *w, unsigned op, unsigned source)
{
	static const uint8_t locked[] = { [BIT_SET] = LOCKED_BTS,
					  [BIT_RESET] = LOCKED_BTR,
					  [BIT_COMPLEMENT] = LOCKED_BTC };

	if (op == BIT_TEST)
		return false;
	emit_locked(w, (enum locked_op)locked[op], source);
	return true;
}

/* With a memory operand, the register's offset reaches beyond it: T2 becomes the address. */
static void bit_memory_address(struct work *w)
{
	struct uop *u = emit_memory(w, &uop_lea, SLOT_T2);

	u->size = 8;
	emit(w, &uop_bit_address, SLOT_T2, SLOT_T2, w->m.reg);
	w->m.mem = (struct insn_mem){ .base = SLOT_T2, .index = INSN_NO_REG, .seg = INSN_DS };
}

static bool bit_register_offset(struct work *w, unsigned op)
{
	bool writes = op != BIT_TEST;
	unsigned a;
	struct uop *u;

	if (!parse_rm(w))
		return false;
	if (is_memory(w))
		bit_memory_address(w);
	if (w->e.lock)
		return is_memory(w) && bit_locked(w, op, w->m.reg);
	a = read_rm(w, SLOT_T0, writes);
	u = emit(w, &uop_bit[0], SLOT_T0, a, w->m.reg);
	u->op = (uint8_t)op;
	if (writes)
		write_rm(w, SLOT_T0, true);
	return true;
}

/* BA /4 to /7 */
static bool bit_immediate(struct work *w)
{
	int64_t offset;
	unsigned op, a;
	struct uop *u;

	if (!parse_rm(w) || (w->m.reg & 7) < 4 || !parse_imm(w, 1, &offset))
		return false;
	op = (w->m.reg & 7) - 4;
	if (w->e.lock) {
		if (!is_memory(w))
			return false;
		emit_immediate(w, SLOT_T0, offset);
		return bit_locked(w, op, SLOT_T0);
	}
	a = read_rm(w, SLOT_T0, op != BIT_TEST);
	u = emit(w, &uop_bit[1], SLOT_T0, a, SLOT_ZERO);
	u->op = (uint8_t)op;
	u->imm = offset;
	if (op != BIT_TEST)
		write_rm(w, SLOT_T0, true);
	return true;
}

static bool scan(struct work *w, enum scan_op op)
{
	unsigned a, d;

	if (!parse_rm(w))
		return false;
	a = read_rm(w, SLOT_T1, false);
	d = result_slot(w);
	if (d == SLOT_T0)
		emit_move(w, MOVE_REG, SLOT_T0, w->m.reg);
	emit(w, &uop_scan, d, a, SLOT_ZERO)->op = (uint8_t)op;
	write_result(w);
	return true;
}

/* BC, BD, B8: F3 makes tzcnt, lzcnt, popcnt of them. */
static bool scan_any(struct work *w)
{
	bool f3 = w->e.rep == 0xf3;

	if (w->e.rep == 0xf2)
		return false;
	switch (w->e.opcode) {
	case 0xb8:
		return f3 && scan(w, SCAN_POPCNT);
	case 0xbc:
		return scan(w, f3 ? SCAN_TZCNT : SCAN_BSF);
	default:
		return scan(w, f3 ? SCAN_LZCNT : SCAN_BSR);
	}
}

/* A4, A5, AC, AD */
static bool double_shift(struct work *w)
{
	bool by_cl = w->e.opcode & 1;
	int64_t count = 0;
	unsigned a, d;
	struct uop *u;

	if (!parse_rm(w) || (!by_cl && !parse_imm(w, 1, &count)))
		return false;
	a = read_rm(w, SLOT_T0, true);
	d = !is_memory(w) && w->size >= 4 ? w->m.rm : (unsigned)SLOT_T0;
	emit_move(w, MOVE_REG, SLOT_T1, w->m.reg);
	u = emit(w, &uop_double_shift[!by_cl], d, a, INSN_RCX);
	u->imm = count;
	u->op = w->e.opcode >= 0xac;
	if (d == SLOT_T0)
		write_rm(w, SLOT_T0, true);
	return true;
}

static bool imul(struct work *w)
{
	unsigned d = w->size >= 4 ? 0 : SLOT_T0;

	if (!parse_rm(w))
		return false;
	if (!d)
		d = w->m.reg;
	emit(w, &uop_imul, d, w->m.reg, read_rm(w, SLOT_T0, false));
	write_result(w);
	return true;
}

static bool bswap(struct work *w)
{
	unsigned reg = (w->e.opcode & 7) | (w->e.rex & INSN_REX_B ? 8 : 0);

	if (w->size == 2)
		return false;
	emit_move(w, w->size == 8 ? MOVE_SWAP64 : MOVE_SWAP32, reg, reg);
	return true;
}

/* --- cmpxchg, xadd --- */

/*
 * Without LOCK it is a load and a store. With a register as first operand it is for the hardware: CPUs
 * differ in what becomes of that register's upper half, and nobody uses it.
 */
static bool cmpxchg(struct work *w)
{
	unsigned source;

	if (!parse_rm(w) || !is_memory(w))
		return false;
	source = read_reg(w, w->m.reg, SLOT_T1);
	if (w->e.lock) {
		emit_locked(w, LOCKED_CMPXCHG, source);
		return true;
	}
	read_rm(w, SLOT_T0, true);
	emit(w, &uop_alu[ALU_CMP][0], SLOT_T0, INSN_RAX, SLOT_T0);
	emit_move(w, w->size == 4 ? MOVE_ZX32 : MOVE_REG, SLOT_T2, SLOT_T0);
	/* Equal: memory = source. Else rax = memory, and only then its upper half is cleared. */
	emit(w, &uop_cmov[4], SLOT_T0, source, SLOT_T0);
	emit(w, &uop_cmov[4], SLOT_T1, INSN_RAX, SLOT_T2);
	write_rm(w, SLOT_T0, true);
	if (w->size == 4)
		emit_move(w, MOVE_REG, INSN_RAX, SLOT_T1);
	else
		write_reg(w, INSN_RAX, SLOT_T1);
	return true;
}

static bool xadd(struct work *w)
{
	unsigned source, a;

	if (!parse_rm(w))
		return false;
	source = read_reg(w, w->m.reg, SLOT_T1);
	if (w->e.lock) {
		if (!is_memory(w))
			return false;
		emit_locked(w, LOCKED_XADD, source);
		write_reg(w, w->m.reg, SLOT_T0);
		return true;
	}
	a = read_rm(w, SLOT_T0, true);
	emit_move(w, MOVE_REG, SLOT_T2, a);
	emit(w, &uop_alu[ALU_ADD][0], SLOT_T0, a, source);
	/* A memory operand's address may use the register that is written. */
	if (is_memory(w))
		write_rm(w, SLOT_T0, true);
	write_reg(w, w->m.reg, SLOT_T2);
	if (!is_memory(w))
		write_rm(w, SLOT_T0, false);
	return true;
}

/* C7 /1 */
static bool cmpxchg_pair(struct work *w)
{
	if (!parse_rm(w) || !is_memory(w) || (w->m.reg & 7) != 1 || w->e.rep || w->e.opsize_prefix)
		return false;
	w->size = w->size == 8 ? 16 : 8;
	emit_locked(w, w->e.lock ? LOCKED_CMPXCHG_PAIR : LOCKED_CMPXCHG_PAIR_PLAIN, SLOT_ZERO);
	return true;
}

/* --- What changes nothing --- */

/* 1F, 0D, 18: nop and prefetch name memory and do not touch it. */
static bool nop_rm(struct work *w)
{
	return parse_rm(w) && (w->e.opcode != 0x18 || is_memory(w));
}

/* F3 0F 1E FA and FB; the others of that opcode are for shadow stacks. */
static bool endbr(struct work *w)
{
	return w->e.rep == 0xf3 && parse_rm(w) && !is_memory(w) && (w->m.reg & 7) == 7 &&
	       ((w->m.rm & 7) == 2 || (w->m.rm & 7) == 3);
}

static bool fence(struct work *w)
{
	if (!parse_rm(w) || is_memory(w) || (w->m.reg & 7) < 5 || w->e.rep || w->e.opsize_prefix)
		return false;
	emit(w, &uop_fence, 0, SLOT_ZERO, SLOT_ZERO);
	return true;
}

/* 0F 01 CA and CB */
static bool clac_stac(struct work *w)
{
	enum flag_op op = FLAGOP_CLAC;

	if (!parse_rm(w) || is_memory(w) || w->e.rep || w->e.opsize_prefix || (w->m.reg & 7) != 1)
		return false;
	if ((w->m.rm & 7) == 3)
		op = FLAGOP_STAC;
	else if ((w->m.rm & 7) != 2)
		return false;
	emit(w, &uop_flag[op], SLOT_T0, SLOT_ZERO, SLOT_ZERO);
	return true;
}

/* 0F 31: rdtsc; 0F 01 F9: rdtscp. */
static bool read_clock(struct work *w)
{
	bool aux = w->e.opcode == 0x01;

	if (w->e.rep || w->e.opsize_prefix)
		return false;
	if (aux && (!parse_rm(w) || is_memory(w) || (w->m.reg & 7) != 7 || (w->m.rm & 7) != 1))
		return false;
	emit(w, &uop_clock, SLOT_T0, SLOT_ZERO, SLOT_ZERO)->op = aux;
	forget_values(w);
	return true;
}

/* F3 REX.W 0F AE /0 to /3: rdfsbase, rdgsbase, wrfsbase, wrgsbase. */
static bool segment_base(struct work *w)
{
	unsigned base;

	if (!parse_rm(w) || is_memory(w) || (w->m.reg & 7) > 3 || w->e.rep != 0xf3 || w->size != 8 || w->e.opsize_prefix)
		return false;
	base = w->m.reg & 1 ? SLOT_GS : SLOT_FS;
	if (w->m.reg & 2)
		emit(w, &uop_write_base, base, w->m.rm, SLOT_ZERO);
	else
		emit(w, &uop_read_base, w->m.rm, base, SLOT_ZERO);
	return true;
}

/* 0F 01 F8 */
static bool swap_gs(struct work *w)
{
	if (!parse_rm(w) || is_memory(w) || (w->m.reg & 7) != 7 || (w->m.rm & 7) != 0 || w->e.rep || w->e.opsize_prefix)
		return false;
	emit(w, &uop_swapgs, SLOT_GS, SLOT_ZERO, SLOT_ZERO);
	return true;
}

static bool movnti(struct work *w)
{
	if (!parse_rm(w) || !is_memory(w) || w->size == 2)
		return false;
	write_rm(w, w->m.reg, false);
	return true;
}

/* Opcodes that take a LOCK prefix, or refuse it themselves. */
static bool translate_lockable(struct work *w)
{
	switch (w->e.opcode) {
	case 0xab:
		return bit_register_offset(w, BIT_SET);
	case 0xb3:
		return bit_register_offset(w, BIT_RESET);
	case 0xbb:
		return bit_register_offset(w, BIT_COMPLEMENT);
	case 0xba:
		return bit_immediate(w);
	case 0xb0:
	case 0xc0:
		w->size = 1;
		return w->e.opcode == 0xb0 ? cmpxchg(w) : xadd(w);
	case 0xb1:
		return cmpxchg(w);
	case 0xc1:
		return xadd(w);
	case 0xc7:
		return cmpxchg_pair(w);
	default:
		return false;
	}
}

static bool translate_plain(struct work *w)
{
	switch (w->e.opcode) {
	case 0x40 ... 0x4f:
		return cmov(w);
	case 0x90 ... 0x9f:
		return setcc(w);
	case 0xa3:
		return bit_register_offset(w, BIT_TEST);
	case 0xa4:
	case 0xa5:
	case 0xac:
	case 0xad:
		return double_shift(w);
	case 0xaf:
		return imul(w);
	case 0xb6:
	case 0xb7:
	case 0xbe:
	case 0xbf:
		return extend_rm(w);
	case 0xc3:
		return movnti(w);
	case 0xc8 ... 0xcf:
		return bswap(w);
	default:
		return false;
	}
}

bool translate_0f(struct work *w)
{
	if (!w->e.rep && translate_lockable(w))
		return true;
	if (w->e.lock)
		return false;
	switch (w->e.opcode) {
	case 0x01:
		return clac_stac(w) || read_clock(w) || swap_gs(w);
	case 0x31:
		return read_clock(w);
	case 0x0d:
	case 0x18:
	case 0x1f:
		return nop_rm(w);
	case 0x1e:
		return endbr(w);
	case 0x77:
		return translate_x87(w);
	case 0x80 ... 0x8f:
		return jump_near_condition(w);
	case 0xae:
		return fence(w) || segment_base(w) || translate_state(w);
	case 0xc7:
		return translate_state(w);
	case 0xb8:
	case 0xbc:
	case 0xbd:
		return scan_any(w);
	default:
		return (!w->e.rep && translate_plain(w)) || translate_vector(w);
	}
}

/* F0, F1: movbe; with F2 they are crc32. 2A: movntdqa. */
bool translate_0f38(struct work *w)
{
	static const uint8_t swap[] = { [2] = MOVE_SWAP16, [4] = MOVE_SWAP32, [8] = MOVE_SWAP64 };

	if (w->e.opcode == 0x2a)
		return translate_vector(w);
	if ((w->e.opcode & 0xfe) != 0xf0 || w->e.rep || w->e.lock || !parse_rm(w) || !is_memory(w))
		return false;
	if (w->e.opcode == 0xf0) {
		read_rm(w, SLOT_T0, false);
		emit_move(w, (enum move_op)swap[w->size], SLOT_T0, SLOT_T0);
		write_reg(w, w->m.reg, SLOT_T0);
	} else {
		emit_move(w, (enum move_op)swap[w->size], SLOT_T0, w->m.reg);
		write_rm(w, SLOT_T0, false);
	}
	return true;
}

/* --- VEX --- */

/* It is in the last byte before the opcode, whether the prefix has two bytes or three. */
unsigned vex_register(const struct work *w)
{
	return (unsigned)(~w->bytes[w->e.modrm_at - 2] >> 3) & 15;
}

static bool bmi(struct work *w, enum bmi_op op, unsigned d, unsigned a, unsigned b)
{
	emit(w, &uop_bmi, d, a, b)->op = (uint8_t)op;
	return true;
}

/* F3 /1 to /3 */
static bool bmi_lowest_bit(struct work *w, unsigned rm)
{
	static const uint8_t op[] = { [1] = BMI_BLSR, [2] = BMI_BLSMSK, [3] = BMI_BLSI };
	unsigned digit = w->m.reg & 7;

	return !w->e.prefix && digit >= 1 && digit <= 3 &&
	       bmi(w, (enum bmi_op)op[digit], vex_register(w), rm, SLOT_ZERO);
}

static bool mulx(struct work *w, unsigned rm)
{
	emit(w, &uop_mulx, w->m.reg, rm, vex_register(w));
	forget_values(w);
	return true;
}

static bool rorx(struct work *w)
{
	int64_t count;
	unsigned rm;

	if (w->e.map != 3 || w->e.prefix != 0xf2 || !parse_rm(w) || !parse_imm(w, 1, &count))
		return false;
	rm = read_rm(w, SLOT_T0, false);
	bmi(w, BMI_RORX, w->m.reg, rm, SLOT_ZERO);
	w->t->uop[w->t->n - 1].imm = count;
	return true;
}

bool translate_vex(struct work *w)
{
	unsigned v, rm;

	if (w->e.lock || w->e.rep)
		return false;
	if (w->e.map == 1 || (w->e.map == 2 && w->e.opcode == 0x2a))
		return translate_vector(w);
	if (w->e.vector != 16)
		return false;
	if (w->e.opcode == 0xf0)
		return rorx(w);
	if (w->e.map != 2 || w->e.opcode < 0xf2 || w->e.opcode > 0xf7 || !parse_rm(w))
		return false;
	v = vex_register(w);
	rm = read_rm(w, SLOT_T0, false);
	switch (w->e.opcode << 8 | w->e.prefix) {
	case 0xf200:
		return bmi(w, BMI_ANDN, w->m.reg, v, rm);
	case 0xf300:
		return bmi_lowest_bit(w, rm);
	case 0xf500:
		return bmi(w, BMI_BZHI, w->m.reg, rm, v);
	case 0xf5f2:
		return bmi(w, BMI_PDEP, w->m.reg, v, rm);
	case 0xf5f3:
		return bmi(w, BMI_PEXT, w->m.reg, v, rm);
	case 0xf6f2:
		return mulx(w, rm);
	case 0xf700:
		return bmi(w, BMI_BEXTR, w->m.reg, rm, v);
	case 0xf766:
		return bmi(w, BMI_SHLX, w->m.reg, rm, v);
	case 0xf7f2:
		return bmi(w, BMI_SHRX, w->m.reg, rm, v);
	case 0xf7f3:
		return bmi(w, BMI_SARX, w->m.reg, rm, v);
	default:
		return false;
	}
}
