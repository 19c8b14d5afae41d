// SPDX-License-Identifier: GPL-2.0-only
/* guest_call.c: see guest_call.h. */
#include "guest_call.h"

__asm__(".pushsection .text\n.globl guest_return\nguest_return: hlt\n.popsection");

struct insn_cpu guest_call(uint64_t stack[GUEST_STACK], uintptr_t fn, uintptr_t a, uint64_t b, uint64_t c)
{
	uint64_t *top = &stack[GUEST_STACK / 2];

	*top = GUEST_RETURN;
	return (struct insn_cpu){ .mode = INSN_MODE_64,
				  .rflags = 2,
				  .rip = fn,
				  .gpr = { [INSN_RDI] = a,
					   [INSN_RSI] = b,
					   [INSN_RDX] = c,
					   [INSN_RSP] = (uintptr_t)top } };
}
