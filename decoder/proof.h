/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * proof.h: what shows, without a walk, that a linear page still lies where page tables led to: that each entry on the
 * way is what it was.
 */
#ifndef KMC_PROOF_H
#define KMC_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#define PROOF_BELOW 4 /* five levels in all */

struct page_proof {
	uint64_t root_entry;
	struct {
		const uint64_t *slot; /* where there are fewer tables, of a word that never changes */
		uint64_t entry;
	} below[PROOF_BELOW];
	uint16_t root_slot; /* bytes into the highest table */
};

/* root: the highest table, as the host has it. */
static inline bool page_proof_holds(const struct page_proof *p, const uint8_t *root)
{
	uint64_t differ = __atomic_load_n((const uint64_t *)(root + p->root_slot), __ATOMIC_RELAXED) ^ p->root_entry;

#pragma GCC unroll 4
	for (unsigned i = 0; i < PROOF_BELOW; i++)
		differ |= __atomic_load_n(p->below[i].slot, __ATOMIC_RELAXED) ^ p->below[i].entry;
	return !differ;
}

#endif
