/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * insn_internal.h: what the decoder's own files share. Included by decoder/ only, and by its tests
 * where they compare the address parser with Capstone's.
 *
 * The way of an instruction: insn_parse.c reads prefixes, opcode and ModRM; insn_extra.c knows the
 * instructions that Capstone does not; all others are recognised by Capstone (insn.c) and get their
 * accesses from the table in insn_fixups.c; insn_access.c turns that and registers into addresses.
 */
#ifndef KMC_INSN_INTERNAL_H
#define KMC_INSN_INTERNAL_H

#include "insn.h"

#define INSN_NO_REG  (-1)
#define INSN_RIP_REG INSN_GPRS /* base of rip-relative operands */

/* One explicit memory operand, registers not yet filled in. */
struct insn_mem {
	int64_t disp;
	int8_t base;  /* enum insn_gpr, INSN_RIP_REG or INSN_NO_REG */
	int8_t index; /* enum insn_gpr or INSN_NO_REG */
	uint8_t shift; /* of the index */
	uint8_t seg;   /* enum insn_seg */
};

enum insn_scheme {
	INSN_LEGACY = 1,
	INSN_VEX = 2,
	INSN_EVEX = 4,
	INSN_XOP = 8,
};

#define INSN_REX_W 8u
#define INSN_REX_R 4u
#define INSN_REX_X 2u
#define INSN_REX_B 1u

/* Everything up to the ModRM byte. */
struct insn_encoding {
	uint8_t scheme;	   /* enum insn_scheme */
	uint8_t map;	   /* 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A, 8..: XOP */
	uint8_t opcode;
	uint8_t prefix;	   /* mandatory prefix: 0, 0x66, 0xf2 or 0xf3 */
	uint8_t rep;	   /* the last of 0xf2 and 0xf3, or 0 */
	uint8_t rex;	   /* INSN_REX_*, from wherever the scheme keeps them */
	uint8_t vector;	   /* bytes of a vector register: 16, 32, 64; 0 unless VEX, EVEX or XOP */
	uint8_t seg;	   /* override that counts in this mode, INSN_SEGS: none */
	uint8_t opsize;	   /* operand size in bytes: 2, 4, 8 */
	uint8_t addrsize;  /* address size in bytes: 2, 4, 8 */
	uint8_t modrm_at;  /* offset of the byte behind the opcode */
	bool opsize_prefix, lock;
	bool masked;	   /* EVEX with an opmask */
	bool broadcast;	   /* EVEX.b: with a memory operand, one element */
};

/* 0, or -1 where bytes end first or the prefixes alone fill an instruction. */
int insn_parse(enum insn_mode mode, const uint8_t *bytes, size_t len, struct insn_encoding *e);

struct insn_modrm {
	uint8_t mod, reg, rm;  /* reg and rm with their REX bits */
	uint8_t end;	       /* offset behind displacement */
	bool disp8;	       /* EVEX scales it by the operand's size */
	struct insn_mem mem;   /* where mod != 3 */
};

/* For opcodes that have a ModRM byte. 0, or -1 where bytes end first. */
int insn_parse_modrm(enum insn_mode mode, const uint8_t *bytes, size_t len,
		     const struct insn_encoding *e, struct insn_modrm *m);

/* What an instruction does with memory. M_: with the explicit operand; the others imply theirs. */
enum insn_form {
	M_DEFAULT,  /* no rule */
	M_UNKNOWN,  /* not known exactly */
	M_NONE,	    /* nothing, even if it has an operand */
	M_TOUCH,    /* one byte is translated and checked as for a load, its value is not used */
	M_READ,
	M_WRITE,
	M_RW,
	M_MOVE,	    /* as destination written, as source read */
	M_ALU,	    /* as destination read and written, as source read */
	M_BT,	    /* as M_READ; a register bit offset moves the address */
	M_BTX,	    /* as M_RW; a register bit offset moves the address */
	X_PUSH,	    /* explicit operand, if any, is read, then the slot written */
	X_POP,
	X_CALL,
	X_RET,
	X_PUSHA,
	X_POPA,
	X_ENTER,
	X_LEAVE,
	X_IRET,
	X_FAR_CALL,
	X_FAR_RET,
	X_STACK64,  /* 64 bytes are read from the stack */
	X_XLAT,
	X_STRING,
	X_TOUCH_RAX, /* M_TOUCH of seg:[rax] */
	X_TOUCH_RM,  /* M_TOUCH of seg:[register named by rm] */
	X_WRITE_RAX, /* 64 bytes written at rax rounded down */
	X_MOVE64,    /* 64 bytes read from the operand, written to es:[register named by reg] */
	INSN_FORMS
};

/* Size of the explicit operand where Capstone's is not to be used. 1..64 mean themselves. */
enum insn_size {
	SZ_CAPSTONE = 0,
	SZ_OP = 65, /* operand size */
	SZ_STACK,   /* one stack slot */
	SZ_NATIVE,  /* 8 in 64-bit mode, else 4 */
	SZ_REXW,    /* 8 with REX.W, else 4 */
	SZ_VECTOR,  /* of a vector register */
	SZ_UNPACK,  /* half an MMX register, or a whole XMM register */
	SZ_MASK1,   /* opmask moves: word or, with W, quadword */
	SZ_MASK2,   /* byte or, with W, doubleword */
	SZ_TABLE,   /* descriptor table register: 10 in 64-bit mode, else 6 */
	SZ_FAR,	    /* selector and offset */
	SZ_BOUND,   /* twice the operand size */
	SZ_FENV,    /* x87 environment */
	SZ_FSAVE,   /* x87 state */
	SZ_FXSAVE,  /* 512 */
	SZ_XSAVE,   /* insn_cpu.xsave_size */
};

struct insn_rule {
	uint8_t form; /* enum insn_form */
	uint8_t size; /* enum insn_size */
	uint8_t use;  /* enum insn_use; of M_ALU: where memory is the destination */
	bool plain;   /* insn_is_plain_move() */
};

struct insn {
	struct insn_decoder *owner; /* NULL: this cache slot is empty */
	const char *name;
	struct insn_mem mem;
	uint8_t bytes[INSN_MAX_BYTES];
	uint8_t length;
	uint8_t mode;	   /* enum insn_mode */
	uint8_t form;	   /* enum insn_form, M_MOVE and M_ALU resolved */
	uint8_t use;	   /* enum insn_use */
	bool plain;
	bool locked;
	bool extra;	   /* Capstone reads something else in these bytes */
	bool has_mem;	   /* mem is valid */
	bool xsave;	   /* operand size comes from insn_cpu.xsave_size */
	uint8_t string;	   /* enum insn_string */
	uint8_t rep;	   /* enum insn_rep */
	uint8_t opsize;	   /* bytes; of string instructions: of one element */
	uint8_t addrsize;  /* bytes */
	uint8_t stacksize; /* bytes of one stack slot */
	uint8_t seg;	   /* segment of implicit sources: override or DS */
	int8_t bit_reg;	   /* register bit offset of bt and its kin, INSN_NO_REG otherwise */
	uint8_t reg, rm;   /* ModRM's, where X_MOVE64 and X_TOUCH_RM need them */
	uint16_t size;	   /* bytes of the explicit operand */
};

/* insn_fixups.c: what Capstone's instruction id means. NULL: no rule, the caller has a default. */
const struct insn_rule *insn_fixup(unsigned capstone_id);

/* insn_extra.c: true and *i complete where Capstone lacks or misreads the instruction. */
bool insn_extra(const uint8_t *bytes, size_t len, const struct insn_encoding *e, struct insn *i);
/* The same for any VEX or EVEX instruction that names no memory. */
bool insn_extra_registers(const uint8_t *bytes, size_t len, const struct insn_encoding *e,
			  struct insn *i);

/* insn.c: fills in what follows from the rule; capstone_size may be 0. */
void insn_apply_rule(struct insn *i, const struct insn_rule *rule, const struct insn_encoding *e,
		     unsigned capstone_size);

/* insn_access.c: addresses. */
uint64_t insn_addr_mask(unsigned bytes);
gva_t insn_linear(const struct insn_cpu *cpu, unsigned seg, uint64_t offset);

#endif
