// SPDX-License-Identifier: GPL-2.0-only
/* blob.c: the finished kmc-init as read-only data. KMC_INIT_FILE is its path, from CMake. */
#include "kmc_init.h"

__asm__(".pushsection .rodata\n"
	".global kmc_init_start, kmc_init_end\n"
	".balign 16\n"
	"kmc_init_start:\n"
	".incbin \"" KMC_INIT_FILE "\"\n"
	"kmc_init_end:\n"
	".popsection\n");
