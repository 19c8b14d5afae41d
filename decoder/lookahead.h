/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lookahead.h: whether undefined bits that are about to be loaded soon decide something.
 *
 * Used by vmm/checker/ and tests. Reads instruction bytes only: no register values, no memory, and
 * never the taken side of a conditional branch. 64-bit mode only.
 */
#ifndef KMC_LOOKAHEAD_H
#define KMC_LOOKAHEAD_H

#include "insn.h"

#define INSN_FATE_INSNS 24  /* instructions that are looked at behind the load */
#define INSN_FATE_BYTES 128 /* bytes of code behind the load that can be useful */

enum insn_fate {
	INSN_FATE_UNSEEN,  /* copied, masked away, stored, or out of sight */
	INSN_FATE_BRANCH,  /* a conditional jump, setcc or cmov depends on them */
	INSN_FATE_ADDRESS, /* a memory operand or a branch target depends on them */
};

/*
 * What becomes of undefined bits that load is about to read: V bits are carried through load and
 * the straight-line code that follows. Errs on the side of UNSEEN: what is not known exactly counts
 * as defined. Of and, or and test with a register whose value is not known from the code, only
 * operands that are undefined in whole bytes stay undefined: such a mask often selects other bits.
 *
 * undefined: the undefined bits of the size (1 to 8) bytes that are read, bit 0 the lowest bit of
 * the first byte. code: len bytes that follow the load. load may be overwritten.
 */
enum insn_fate insn_value_fate(struct insn_decoder *d, enum insn_mode mode, const struct insn *load,
			       const uint8_t *code, size_t len, uint64_t undefined, unsigned size);

#endif
