/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory_use.h: what one more VM costs of the host's memory beside the guest's own: this process's
 * anonymous memory and page tables. Not in it: the program and its libraries, which are there once
 * for all VMs, the guest's memory, and what KVM and qemu-nbd have.
 */
#ifndef KMC_MEMORY_USE_H
#define KMC_MEMORY_USE_H

#include <stdint.h>

struct guest_ram;

int memory_use_open(void);	       /* a descriptor: later nothing can be opened. -1: no /proc */
/* At this moment; 0: not known. Any thread, one at a time. */
uint64_t memory_use_bytes(int status, const struct guest_ram *ram);

#endif
