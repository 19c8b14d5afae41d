/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uop_alu.h: the tables of uop functions, by what they do. Included by the translators and by the files
 * that define them.
 */
#ifndef KMC_UOP_ALU_H
#define KMC_UOP_ALU_H

#include "uop.h"
#include "uop_arith.h"

struct uop_forms;
struct uop_pair {
	uop_fn *fn, *checked;
	const struct uop_forms *forms; /* NULL: none; and flags may matter to it */
};

/* Shorter functions in place of fn for common cases, see translate_fast.c. NULL: none. */
/* Neither kind can leave or call back, so nobody looks at the flags while it runs. */
#define UOP_KEEPS_FLAGS 0x1u /* it reads and writes no flag, or it has .quiet, which does not */
#define UOP_SETS_FLAGS	0x2u /* all of them, without reading one */
#define UOP_IN_PLACE	0x4u /* the forms are for d = d op b */
struct uop_forms {
	uint8_t flags;
	/* Of an address: base and displacement only; with an index; both without a segment's base. */
	uop_fn *base, *index;
	/* By log2 of the bytes, which shift says: as it is; where nobody reads the flags; with uop_jcc. */
	uop_fn *self[4], *quiet[4], *jump[4][16];
};

/* uop_fast.c, uop_alu.c */
extern const struct uop_forms uop_add_RR, uop_add_RI, uop_sub_RR, uop_sub_RI, uop_and_RR, uop_and_RI;
extern const struct uop_forms uop_or_RR, uop_or_RI, uop_xor_RR, uop_xor_RI;
extern const struct uop_forms uop_cmp_RR, uop_cmp_RI, uop_test_RR, uop_test_RI;
extern const struct uop_forms uop_keeps_flags;

/* d = a op b, or a op imm; the immediate is shifted already. */
extern const struct uop_pair uop_alu[ALUS][2];

/* d = a & b, where b = -a, or a = ~x and b = x - 1. op: 0, 1. The kernel's word-at-a-time masks. */
extern const struct uop_pair uop_and_related;

enum unary_op { UNARY_ZERO, UNARY_SPREAD_CARRY, UNARY_INC, UNARY_DEC, UNARY_NOT, UNARIES };
extern const struct uop_pair uop_unary[UNARIES]; /* d = op a; ZERO and SPREAD_CARRY read nothing */

enum move_op {
	MOVE_REG,
	MOVE_ZX8, MOVE_ZX16, MOVE_ZX32, MOVE_SX8, MOVE_SX16, MOVE_SX32, /* d is 64 bits */
	MOVE_INSERT8, MOVE_INSERT16, MOVE_INSERT_HIGH8, /* the rest of d stays */
	MOVE_HIGH8,
	MOVE_SWAP16, MOVE_SWAP32, MOVE_SWAP64,
	MOVE_SIGN16, MOVE_SIGN32, MOVE_SIGN64, /* 0 or all ones */
	MOVE_IMMEDIATE,
	MOVES
};
extern const struct uop_pair uop_move[MOVES]; /* d = op a */

/* uop_bits.c */
enum shift_op { /* as in ModRM's digit */
	SHIFT_ROL, SHIFT_ROR, SHIFT_RCL, SHIFT_RCR, SHIFT_SHL, SHIFT_SHR, SHIFT_SAL, SHIFT_SAR, SHIFTS
};
/* d = a shifted by imm (not 0, already masked), or by the low bits of slot b. op says how. */
extern const struct uop_pair uop_shift[2];
extern const struct uop_pair uop_shift_immediate[SHIFTS]; /* fast; of RCL and RCR fn is NULL */
/* shld and shrd: d = a, filled from T1, by imm or by slot b. op: 0 left, 1 right. */
extern const struct uop_pair uop_double_shift[2];

enum bit_op { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT, BITS };
/* CF = bit b (or imm) of a; d = a with it changed. op: enum bit_op. size: bytes. */
extern const struct uop_pair uop_bit[2];
extern const struct uop_pair uop_bit_address; /* d = address + bytes to the word of bit offset b */

enum scan_op { SCAN_BSF, SCAN_BSR, SCAN_TZCNT, SCAN_LZCNT, SCAN_POPCNT, SCANS };
extern const struct uop_pair uop_scan; /* d = op a; op: enum scan_op */

enum bmi_op { BMI_ANDN, BMI_BEXTR, BMI_BZHI, BMI_BLSR, BMI_BLSMSK, BMI_BLSI, BMI_PDEP, BMI_PEXT,
	      BMI_RORX, BMI_SARX, BMI_SHLX, BMI_SHRX, BMIS };
extern const struct uop_pair uop_bmi; /* d = a op b (or imm); op: enum bmi_op */

/* uop_muldiv.c */
extern const struct uop_pair uop_imul;	   /* d = a * b */
extern const struct uop_pair uop_imul_imm; /* d = a * imm, not shifted */
extern const struct uop_pair uop_mul;	   /* rdx:rax = rax * a; op: 1 signed */
extern const struct uop_pair uop_clock;	   /* rdx:rax = the time-stamp counter; op: rcx = TSC_AUX */
extern const struct uop_pair uop_read_base;  /* d = a, SLOT_FS or SLOT_GS */
extern const struct uop_pair uop_write_base; /* d, SLOT_FS or SLOT_GS, = a */
extern const struct uop_pair uop_swapgs;
extern const struct uop_pair uop_selector; /* d = the selector in segment register imm */
extern const struct uop_pair uop_mulx;	   /* d:b = rdx * a */
extern const struct uop_pair uop_div;	   /* rdx:rax / a; op: 1 signed. May leave */

/* uop_memory.c. Index by log2 of the bytes. */
extern const struct uop_pair uop_load[4], uop_load_rmw[4], uop_load_sx[3], uop_store[4];
extern const struct uop_pair uop_store_rmw[4];
extern const struct uop_pair uop_lea;
extern const struct uop_pair uop_push, uop_pop; /* d; 8 bytes */
uop_fn uop_call; /* of an immediate that is pushed by the next uop, with a jump behind that */
uop_fn uop_push_run, uop_pop_run; /* fn of the first of so many (size) behind one another; none of d is rsp */

/* uop_flow.c */
extern const struct uop_pair uop_jcc[16], uop_setcc[16], uop_cmov[16];
extern const struct uop_pair uop_jump;	    /* to imm; ends the block */
extern const struct uop_pair uop_jump_slot; /* to a */
extern const struct uop_pair uop_loop;	    /* op: 0 loopne, 1 loope, 2 loop, 3 jrcxz; size: of rcx */
extern const struct uop_pair uop_end;	    /* of a block that goes on at imm */
extern const struct uop_pair uop_hardware;  /* leaves: the instruction is not for the engine */
extern const struct uop_pair uop_output;    /* the same for out; op: 1 the port is imm, 0 it is dx */
enum flag_op { FLAGOP_CLC, FLAGOP_STC, FLAGOP_CMC, FLAGOP_CLD, FLAGOP_STD, FLAGOP_LAHF, FLAGOP_SAHF,
	       FLAGOP_GET, FLAGOP_CLI, FLAGOP_STI, FLAGOP_CLAC, FLAGOP_STAC, FLAGOPS };
extern const struct uop_pair uop_flag[FLAGOPS]; /* GET: d = rflags as pushf stores them */
extern const struct uop_pair uop_fence;

/* uop_string.c. op: enum insn_string; size: bytes of an element; shift: enum insn_rep; seg: of rsi */
extern const struct uop_pair uop_string;

/* uop_vector.c. op: flags, and of uop_vector one of enum vector_op. size: bytes of the operand. */
#define VECTOR_OP      0x0fu
#define VECTOR_VEX     0x10u /* bits above the operand become 0; else they stay */
#define VECTOR_ALIGNED 0x20u /* of memory: to size, or it is for the hardware */
#define VECTOR_HIGH    0x40u /* of a store: 8 bytes from the register's byte 8 on */
extern const struct uop_pair uop_vector_load;  /* VECTOR_TEMP = memory, with 0 above */
extern const struct uop_pair uop_vector_store; /* memory = register d */
enum vector_op {
	VECTOR_COPY,	    /* d = b */
	VECTOR_QUAD,	    /* d = b's lowest 8 bytes, with 0 above */
	VECTOR_LOW32,	    /* d = a, with b's lowest 4 bytes */
	VECTOR_LOW64,	    /* d = a, with b's lowest 8 bytes */
	VECTOR_HIGH64,	    /* d = a, with b's lowest 8 bytes in its bytes 8 to 15 */
	VECTOR_HIGH_TO_LOW, /* d = a, with b's bytes 8 to 15 in its lowest 8 */
	VECTOR_AND, VECTOR_ANDN, VECTOR_OR, VECTOR_XOR, VECTOR_CLEAR
};
extern const struct uop_pair uop_vector;
/* VECTOR_TEMP = slot a, slot d = register a: size 4 or 8 */
extern const struct uop_pair uop_vector_from_gpr, uop_vector_to_gpr;
extern const struct uop_pair uop_vector_zero; /* size 16: vzeroupper; 32: vzeroall */

/* uop_state.c. At uop_address(); size: 8 with REX.W, else 4. */
enum state_op { STATE_FXSAVE, STATE_FXRSTOR, STATE_XSAVE, STATE_XRSTOR, STATE_XSAVEOPT,
		STATE_XSAVEC, STATE_XSAVES, STATE_XRSTORS };
extern const struct uop_pair uop_state; /* op: enum state_op */
enum x87_op { X87_FNCLEX, X87_FNINIT, X87_EMMS, X87_FWAIT, X87_FILD, X87_LDMXCSR, X87_STMXCSR };
/* op: enum x87_op. FILD: of a, from address b, ModRM is imm; LDMXCSR: of a; STMXCSR: to d */
extern const struct uop_pair uop_x87;

/* uop_locked.c. Read-modify-write of memory at uop_address(), atomic. size: bytes. */
enum locked_op { /* the first ALUS are enum alu_op: memory op= d */
	LOCKED_XCHG = ALUS, LOCKED_XADD, LOCKED_CMPXCHG, LOCKED_CMPXCHG_PAIR,
	LOCKED_CMPXCHG_PAIR_PLAIN, /* without LOCK */
	LOCKED_INC, LOCKED_DEC,
	LOCKED_NOT, LOCKED_NEG, LOCKED_BTS, LOCKED_BTR, LOCKED_BTC
};
extern const struct uop_pair uop_locked; /* op: enum locked_op; d: source register or temporary */

#endif
