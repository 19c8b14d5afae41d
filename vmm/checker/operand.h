/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * operand.h: the memory operand in the text of an instruction. Used by values.c and tests.
 */
#ifndef KMC_OPERAND_H
#define KMC_OPERAND_H

#include <stdbool.h>
#include <stddef.h>

/*
 * From text in AT&T syntax, as insn_text() gives it: "movl 8(%rdi), %eax" has "8(%rdi)". Of two
 * memory operands (movs) write selects the second one, else the first. "" where there is none, as
 * for push, pop and ret, and for cmps, which reads both.
 */
void operand_text(const char *insn, bool write, char *out, size_t size);

#endif
