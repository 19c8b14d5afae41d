// SPDX-License-Identifier: GPL-2.0-only
/* main.c: the unit of the made-up kernel by which its source tree is found. */
asm(".text\n.globl _stext\n_stext:\n\tnop");

static __attribute__((noinline, used)) void twin(void)
{
	asm volatile("nop");
}

void outer(void);
void kernel_init(void);
void kernel_init(void)
{
	twin();
	outer();
	asm volatile(".globl here_init\nhere_init:\n\tnop"); /* line 16 */
}
