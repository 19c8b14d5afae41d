// SPDX-License-Identifier: GPL-2.0-only
/*
 * translate_vector.c: moves and logic of vector registers, the xsave family, and the few x87 and
 * MMX instructions that kernels use when they switch tasks. Sources: Intel SDM vol. 2, the
 * instructions' encodings, and 2.3 (VEX).
 */
#include "translate_internal.h"

/* How an opcode's operands are used. "rm" is the r/m operand, "reg" the other one. */
enum shape {
	LOAD,	      /* reg = rm, whole */
	STORE,	      /* rm = reg, whole */
	LOGIC,	      /* reg = (VEX.vvvv or reg) op rm */
	SCALAR_LOAD,  /* of a register: the rest stays (VEX: from vvvv); of memory: it becomes 0 */
	SCALAR_STORE,
	LOW_LOAD,     /* 8 bytes; from a register they are its upper ones */
	HIGH_LOAD,    /* 8 bytes into the upper ones */
	HIGH_STORE,
	LOW_STORE,
	FROM_GPR,
	TO_GPR,
	QUAD_LOAD,    /* 8 bytes, with 0 above */
	QUAD_STORE,
};

#define MEM	0x1u /* rm must be memory */
#define ALIGNED 0x2u

static const struct vector_form {
	uint8_t map, opcode, prefix;
	uint8_t shape; /* enum shape */
	uint8_t what;  /* of LOGIC: enum vector_op; of SCALAR: bytes; else MEM, ALIGNED */
} forms[] = {
	{ 1, 0x10, 0x00, LOAD, 0 },		/* movups */
	{ 1, 0x10, 0x66, LOAD, 0 },		/* movupd */
	{ 1, 0x10, 0xf3, SCALAR_LOAD, 4 },	/* movss */
	{ 1, 0x10, 0xf2, SCALAR_LOAD, 8 },	/* movsd */
	{ 1, 0x11, 0x00, STORE, 0 },
	{ 1, 0x11, 0x66, STORE, 0 },
	{ 1, 0x11, 0xf3, SCALAR_STORE, 4 },
	{ 1, 0x11, 0xf2, SCALAR_STORE, 8 },
	{ 1, 0x12, 0x00, LOW_LOAD, 0 },		/* movlps, movhlps */
	{ 1, 0x12, 0x66, LOW_LOAD, MEM },	/* movlpd */
	{ 1, 0x13, 0x00, LOW_STORE, MEM },
	{ 1, 0x13, 0x66, LOW_STORE, MEM },
	{ 1, 0x16, 0x00, HIGH_LOAD, 0 },	/* movhps, movlhps */
	{ 1, 0x16, 0x66, HIGH_LOAD, MEM },	/* movhpd */
	{ 1, 0x17, 0x00, HIGH_STORE, MEM },
	{ 1, 0x17, 0x66, HIGH_STORE, MEM },
	{ 1, 0x28, 0x00, LOAD, ALIGNED },	/* movaps */
	{ 1, 0x28, 0x66, LOAD, ALIGNED },	/* movapd */
	{ 1, 0x29, 0x00, STORE, ALIGNED },
	{ 1, 0x29, 0x66, STORE, ALIGNED },
	{ 1, 0x2b, 0x00, STORE, ALIGNED | MEM }, /* movntps */
	{ 1, 0x2b, 0x66, STORE, ALIGNED | MEM }, /* movntpd */
	{ 1, 0x54, 0x00, LOGIC, VECTOR_AND },	/* andps */
	{ 1, 0x54, 0x66, LOGIC, VECTOR_AND },
	{ 1, 0x55, 0x00, LOGIC, VECTOR_ANDN },	/* andnps */
	{ 1, 0x55, 0x66, LOGIC, VECTOR_ANDN },
	{ 1, 0x56, 0x00, LOGIC, VECTOR_OR },	/* orps */
	{ 1, 0x56, 0x66, LOGIC, VECTOR_OR },
	{ 1, 0x57, 0x00, LOGIC, VECTOR_XOR },	/* xorps */
	{ 1, 0x57, 0x66, LOGIC, VECTOR_XOR },
	{ 1, 0x6e, 0x66, FROM_GPR, 0 },		/* movd, movq */
	{ 1, 0x6f, 0x66, LOAD, ALIGNED },	/* movdqa */
	{ 1, 0x6f, 0xf3, LOAD, 0 },		/* movdqu */
	{ 1, 0x7e, 0x66, TO_GPR, 0 },
	{ 1, 0x7e, 0xf3, QUAD_LOAD, 0 },	/* movq */
	{ 1, 0x7f, 0x66, STORE, ALIGNED },
	{ 1, 0x7f, 0xf3, STORE, 0 },
	{ 1, 0xd6, 0x66, QUAD_STORE, 0 },	/* movq */
	{ 1, 0xdb, 0x66, LOGIC, VECTOR_AND },	/* pand */
	{ 1, 0xdf, 0x66, LOGIC, VECTOR_ANDN },	/* pandn */
	{ 1, 0xe7, 0x66, STORE, ALIGNED | MEM }, /* movntdq */
	{ 1, 0xeb, 0x66, LOGIC, VECTOR_OR },	/* por */
	{ 1, 0xef, 0x66, LOGIC, VECTOR_XOR },	/* pxor */
	{ 1, 0xf0, 0xf2, LOAD, MEM },		/* lddqu */
	{ 2, 0x2a, 0x66, LOAD, ALIGNED | MEM },	/* movntdqa */
};

static const struct vector_form *find_form(const struct work *w)
{
	for (size_t n = 0; n < sizeof(forms) / sizeof(forms[0]); n++)
		if (forms[n].opcode == w->e.opcode && forms[n].map == w->e.map &&
		    forms[n].prefix == w->e.prefix)
			return &forms[n];
	return NULL;
}

static bool is_vex(const struct work *w)
{
	return w->e.scheme == INSN_VEX;
}

static uint8_t vex_flag(const struct work *w)
{
	return is_vex(w) ? VECTOR_VEX : 0;
}

/* --- Uops --- */

static void emit_load(struct work *w, unsigned size, bool aligned)
{
	struct uop *u = emit_memory(w, &uop_vector_load, VECTOR_TEMP);

	u->size = (uint8_t)size;
	u->op = vex_flag(w) | (aligned ? VECTOR_ALIGNED : 0);
}

static void emit_store(struct work *w, unsigned size, unsigned flags)
{
	struct uop *u = emit_memory(w, &uop_vector_store, w->m.reg);

	u->size = (uint8_t)size;
	u->op = (uint8_t)(vex_flag(w) | flags);
}

static void emit_vector(struct work *w, enum vector_op op, unsigned size, unsigned d, unsigned a,
			unsigned b)
{
	struct uop *u = emit(w, &uop_vector, d, a, b);

	u->size = (uint8_t)size;
	u->op = (uint8_t)(op | vex_flag(w));
}

/* The r/m operand: its own register, or the temporary. */
static unsigned read_vector(struct work *w, unsigned size, bool aligned)
{
	if (!is_memory(w))
		return w->m.rm;
	emit_load(w, size, aligned);
	return VECTOR_TEMP;
}

/* The first source: VEX.vvvv, or the destination. */
static unsigned first_source(const struct work *w)
{
	return is_vex(w) ? vex_register(w) : w->m.reg;
}

/* --- Shapes --- */

/* VEX.vvvv names no register. */
static bool one_source(const struct work *w)
{
	return !is_vex(w) || vex_register(w) == 0;
}

static bool whole_move(struct work *w, const struct vector_form *f, unsigned bytes)
{
	bool aligned = f->what & ALIGNED;

	if (!one_source(w))
		return false;
	if (f->shape == LOAD)
		emit_vector(w, VECTOR_COPY, bytes, w->m.reg, w->m.reg,
			    read_vector(w, bytes, aligned));
	else if (is_memory(w))
		emit_store(w, bytes, aligned ? VECTOR_ALIGNED : 0);
	else
		emit_vector(w, VECTOR_COPY, bytes, w->m.rm, w->m.rm, w->m.reg);
	return true;
}

/*
 * Legacy instructions want their operand aligned. A register with itself may need no value of it.
 */
static bool logic(struct work *w, enum vector_op op, unsigned bytes)
{
	unsigned a = first_source(w), b = read_vector(w, bytes, !is_vex(w));

	if (a == b && (op == VECTOR_XOR || op == VECTOR_ANDN))
		op = VECTOR_CLEAR;
	emit_vector(w, op, bytes, w->m.reg, a, b);
	return true;
}

static bool scalar_move(struct work *w, const struct vector_form *f)
{
	enum vector_op op = f->what == 4 ? VECTOR_LOW32 : VECTOR_LOW64;

	if (is_memory(w) && !one_source(w))
		return false;
	if (f->shape == SCALAR_LOAD && is_memory(w))
		emit_vector(w, VECTOR_COPY, 16, w->m.reg, w->m.reg, read_vector(w, f->what, false));
	else if (f->shape == SCALAR_LOAD)
		emit_vector(w, op, 16, w->m.reg, first_source(w), w->m.rm);
	else if (is_memory(w))
		emit_store(w, f->what, 0);
	else
		emit_vector(w, op, 16, w->m.rm, is_vex(w) ? vex_register(w) : w->m.rm, w->m.reg);
	return true;
}

static bool half_move(struct work *w, const struct vector_form *f)
{
	enum vector_op op = f->shape == HIGH_LOAD ? VECTOR_HIGH64 :
			    is_memory(w) ? VECTOR_LOW64 : VECTOR_HIGH_TO_LOW;

	if (f->shape == LOW_LOAD || f->shape == HIGH_LOAD) {
		emit_vector(w, op, 16, w->m.reg, first_source(w), read_vector(w, 8, false));
		return true;
	}
	if (!one_source(w))
		return false;
	emit_store(w, 8, f->shape == HIGH_STORE ? VECTOR_HIGH : 0);
	return true;
}

static unsigned gpr_bytes(const struct work *w)
{
	return w->e.rex & INSN_REX_W ? 8 : 4;
}

static bool from_gpr(struct work *w)
{
	unsigned bytes = gpr_bytes(w);
	struct uop *u;

	if (!one_source(w))
		return false;
	if (is_memory(w)) {
		emit_load(w, bytes, false);
	} else {
		u = emit(w, &uop_vector_from_gpr, VECTOR_TEMP, w->m.rm, SLOT_ZERO);
		u->size = (uint8_t)bytes;
		u->op = vex_flag(w);
	}
	emit_vector(w, VECTOR_COPY, 16, w->m.reg, w->m.reg, VECTOR_TEMP);
	return true;
}

static bool to_gpr(struct work *w)
{
	unsigned bytes = gpr_bytes(w);
	struct uop *u;

	if (!one_source(w))
		return false;
	if (is_memory(w)) {
		emit_store(w, bytes, 0);
		return true;
	}
	u = emit(w, &uop_vector_to_gpr, w->m.rm, w->m.reg, SLOT_ZERO);
	u->size = (uint8_t)bytes;
	u->op = vex_flag(w);
	return true;
}

static bool quad_move(struct work *w, const struct vector_form *f)
{
	if (!one_source(w))
		return false;
	if (f->shape == QUAD_LOAD)
		emit_vector(w, VECTOR_QUAD, 16, w->m.reg, w->m.reg, read_vector(w, 8, false));
	else if (is_memory(w))
		emit_store(w, 8, 0);
	else
		emit_vector(w, VECTOR_QUAD, 16, w->m.rm, w->m.rm, w->m.reg);
	return true;
}

static bool may_be_256(const struct vector_form *f)
{
	return f->shape == LOAD || f->shape == STORE || f->shape == LOGIC;
}

static bool is_scalar(const struct vector_form *f)
{
	return f->shape == SCALAR_LOAD || f->shape == SCALAR_STORE; /* VEX.L means nothing */
}

static bool must_be_memory(const struct vector_form *f)
{
	return f->shape != LOGIC && !is_scalar(f) && (f->what & MEM);
}

static bool translate_form(struct work *w, const struct vector_form *f)
{
	unsigned bytes = is_vex(w) ? w->e.vector : 16;

	switch ((enum shape)f->shape) {
	case LOAD:
	case STORE:
		return whole_move(w, f, bytes);
	case LOGIC:
		return logic(w, (enum vector_op)f->what, bytes);
	case SCALAR_LOAD:
	case SCALAR_STORE:
		return scalar_move(w, f);
	case LOW_LOAD:
	case HIGH_LOAD:
	case LOW_STORE:
	case HIGH_STORE:
		return half_move(w, f);
	case FROM_GPR:
		return from_gpr(w);
	case TO_GPR:
		return to_gpr(w);
	default:
		return quad_move(w, f);
	}
}

/* VEX 77: vzeroupper, with L vzeroall. */
static bool zero(struct work *w)
{
	if (w->e.map != 1 || w->e.prefix || vex_register(w))
		return false;
	emit(w, &uop_vector_zero, 0, SLOT_ZERO, SLOT_ZERO)->size = w->e.vector;
	return true;
}

bool translate_vector(struct work *w)
{
	const struct vector_form *f = find_form(w);

	w->size = 8; /* of what emit() makes of it: the uops have their own */
	if (w->e.lock)
		return false;
	if (is_vex(w) && w->e.opcode == 0x77)
		return zero(w);
	if (!f || !parse_rm(w) || (must_be_memory(f) && !is_memory(w)))
		return false;
	if (is_vex(w) && w->e.opsize_prefix)
		return false;
	if (is_vex(w) && w->e.vector != 16 && !may_be_256(f) && !is_scalar(f))
		return false;
	return translate_form(w, f);
}

/* --- Saved state, x87, MXCSR --- */

static bool emit_x87(struct work *w, enum x87_op op, unsigned slot)
{
	emit(w, &uop_x87, slot, slot, SLOT_T1)->op = (uint8_t)op;
	return true;
}

static bool mxcsr(struct work *w, enum x87_op op)
{
	w->size = 4;
	if (op == X87_LDMXCSR)
		emit_x87(w, op, read_rm(w, SLOT_T0, false));
	else {
		emit_x87(w, op, SLOT_T0);
		write_rm(w, SLOT_T0, false);
	}
	return true;
}

static bool state(struct work *w, enum state_op op)
{
	struct uop *u = emit_memory(w, &uop_state, 0);

	u->op = (uint8_t)op;
	u->size = (uint8_t)gpr_bytes(w);
	return true;
}

/* 0F AE and 0F C7, without prefixes. */
bool translate_state(struct work *w)
{
	if (!parse_rm(w) || !is_memory(w) || w->e.prefix || w->e.lock)
		return false;
	switch (w->e.opcode << 4 | (w->m.reg & 7)) {
	case 0xae2:
		return mxcsr(w, X87_LDMXCSR);
	case 0xae3:
		return mxcsr(w, X87_STMXCSR);
	case 0xae0:
		return state(w, STATE_FXSAVE);
	case 0xae1:
		return state(w, STATE_FXRSTOR);
	case 0xae4:
		return state(w, STATE_XSAVE);
	case 0xae5:
		return state(w, STATE_XRSTOR);
	case 0xae6:
		return state(w, STATE_XSAVEOPT);
	case 0xc73:
		return state(w, STATE_XRSTORS);
	case 0xc74:
		return state(w, STATE_XSAVEC);
	case 0xc75:
		return state(w, STATE_XSAVES);
	default:
		return false;
	}
}

/* DB /0: fild m32. FDP is the operand's offset in its segment. */
static bool fild(struct work *w)
{
	struct uop *u;

	w->size = 4;
	u = emit_memory(w, &uop_lea, SLOT_T1);
	u->seg = SLOT_ZERO;
	u->size = 8;
	emit_x87(w, X87_FILD, read_rm(w, SLOT_T0, false));
	w->t->uop[w->t->n - 1].imm = w->bytes[w->e.modrm_at];
	return true;
}

/* 9B; DB E2, DB E3, DB /0; 0F 77 */
bool translate_x87(struct work *w)
{
	if (w->e.prefix || w->e.lock)
		return false;
	if (w->e.opcode == 0x9b)
		return emit_x87(w, X87_FWAIT, SLOT_T0);
	if (w->e.opcode == 0x77)
		return emit_x87(w, X87_EMMS, SLOT_T0);
	if (!parse_rm(w))
		return false;
	if (is_memory(w))
		return (w->m.reg & 7) == 0 && fild(w);
	if ((w->m.reg & 7) != 4)
		return false;
	if ((w->m.rm & 7) == 2)
		return emit_x87(w, X87_FNCLEX, SLOT_T0);
	return (w->m.rm & 7) == 3 && emit_x87(w, X87_FNINIT, SLOT_T0);
}
