/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stacks.h: which bytes of the guest's kernel stacks are left over, while the guest stands still.
 */
#ifndef KMC_STACKS_H
#define KMC_STACKS_H

#include "checker_internal.h"

struct stacks;

/* Looks at all tasks. Under checker.lock. NULL: out of memory. */
struct stacks *stacks_create(struct checker *c);
void stacks_destroy(struct stacks *s);

/* How many bytes at the start of the page lie below their task's stack pointer. 0 for other pages. */
uint32_t stacks_dead(const struct stacks *s, gpa_t page);

#endif
