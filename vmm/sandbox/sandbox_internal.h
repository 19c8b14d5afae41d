/* SPDX-License-Identifier: GPL-2.0-only */
/* sandbox_internal.h: what the files of vmm/sandbox/ share. */
#ifndef KMC_SANDBOX_INTERNAL_H
#define KMC_SANDBOX_INTERNAL_H

#include <linux/filter.h>

#include "sandbox.h"

/* sandbox_rules.c: the filter of a kind, malloc()ed. 0 or a negative errno. */
int sandbox_compile(enum sandbox_kind kind, bool reads_files, struct sock_fprog *out);

/* sandbox_trap.c: 0 or a negative errno. */
int sandbox_trap_init(const struct sandbox_config *config);
void sandbox_trap_thread(enum sandbox_kind kind); /* from now on this thread's traps are heard */

const char *sandbox_kind_name(enum sandbox_kind kind);

#endif
