/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * site_name.h: what a place that allocates is called: the same in all VMs with the same kernel,
 * wherever KASLR and the order of loading have put its functions. Used by vmm/checker/site_table.c.
 */
#ifndef KMC_SITE_NAME_H
#define KMC_SITE_NAME_H

#include <stdint.h>

#include "symbols.h"

#define SITE_NAME 256

struct site_name {
	/* Of the names, offsets and modules of its frames, up to where an interrupt came in. */
	uint64_t id;
	/* "kernfs_fop_open+0x1c0 < vfs_open+0x2e < do_open+0xa1": no helpers of allocators. */
	char name[SITE_NAME];
};

/* stack: return addresses, the innermost one first. */
void site_name(struct symbols *s, const uint64_t *stack, unsigned frames, struct site_name *out);

#endif
