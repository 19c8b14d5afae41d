/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * call.S: calls a function that was found by name.
 *
 * With CONFIG_X86_KERNEL_IBT the kernel removes the ENDBR of every function whose address it does
 * not take itself, and an indirect call to such a function is a #CP on a CPU with IBT. A return is
 * not checked, so we get there the way a retpoline does: by returning to the target.
 */
#include <linux/linkage.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>

	.text
/* unsigned long kmc_call(fn, a, b, c, d) */
SYM_FUNC_START(kmc_call)
	push	%rdi
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	mov	%r8, %rcx
	UNWIND_HINT_FUNC
	RET
SYM_FUNC_END(kmc_call)
	.section .note.GNU-stack, "", @progbits
