// SPDX-License-Identifier: GPL-2.0-only
/* inode.c: a unit of the made-up kernel, and all of the made-up module. */
#include "inline.h"

/* Also in main.c: nobody can tell the two by their name. */
static __attribute__((noinline, used)) void twin(void)
{
	asm volatile("nop\n\tnop");
}

void outer(void);
void outer(void)
{
	HERE(here_outer); /* line 14 */
	middle();	  /* line 15 */
	twin();
}

__attribute__((section(".init.text"))) void start(void);
__attribute__((section(".init.text"))) void start(void)
{
	HERE(here_start); /* line 22 */
}

static const char modinfo[] __attribute__((used, section(".modinfo"))) = "license=GPL\0name=sample_mod";
