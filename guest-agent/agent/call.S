/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * call.S: calls a function that was found by name, and tells a function its own frame.
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

/* void kmc_here(struct kmc_frame *frame) */
SYM_FUNC_START(kmc_here)
	mov	(%rsp), %rax
	lea	8(%rsp), %rdx
	mov	%rax, (%rdi)
	mov	%rdx, 8(%rdi)
	mov	%rbp, 16(%rdi)
	RET
SYM_FUNC_END(kmc_here)
	.section .note.GNU-stack, "", @progbits
