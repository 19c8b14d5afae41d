/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kmc_init.h: the program that runs first in the guest (init.c), embedded in the host's. Used by
 * vmm/initramfs.c, which puts it at /kmc/init.
 */
#ifndef KMC_INIT_H
#define KMC_INIT_H

extern const unsigned char kmc_init_start[], kmc_init_end[];

#endif
