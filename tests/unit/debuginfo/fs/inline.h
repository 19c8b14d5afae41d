/* SPDX-License-Identifier: GPL-2.0-only */
/* inline.h: for the kernel and the module that report_debuginfo.c makes; HERE() is an address in a line. */
#define HERE(name)     asm volatile(".globl " #name "\n" #name ":\n\tnop")
#define ALWAYS_INLINED static inline __attribute__((always_inline))

ALWAYS_INLINED void inner(void)
{
	HERE(here_inner); /* line 8 */
}

ALWAYS_INLINED void middle(void)
{
	HERE(here_middle); /* line 13 */
	inner();	   /* line 14 */
}
