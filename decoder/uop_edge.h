/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uop_edge.h: from a block to the next one.
 */
#ifndef KMC_UOP_EDGE_H
#define KMC_UOP_EDGE_H

#include "uop.h"

/*
 * Where the edge is not known, not valid in this window, or engine.c's turn has come. fall: to the end
 * of the block; goto: to u's imm, its only target; target: to e->rip.
 */
void uop_fall(struct engine *e, const struct uop *u);
void uop_fall_checked(struct engine *e, const struct uop *u);
void uop_goto(struct engine *e, const struct uop *u);
void uop_goto_checked(struct engine *e, const struct uop *u);
void uop_target(struct engine *e, const struct uop *u);
void uop_target_checked(struct engine *e, const struct uop *u);

/* The block behind this edge, if it is known, valid in this window, and within what engine.c allows. */
static inline bool chained(struct engine *e, unsigned edge)
{
	struct block *next = e->block->next[edge];

	if (__builtin_expect(next->window != e->window, 0))
		return false;
	e->left -= (int64_t)next->insns;
	if (__builtin_expect(e->left < 0, 0)) {
		e->left += (int64_t)next->insns;
		return false;
	}
	e->block = next;
	return true;
}

#define GO_ON(e, u, edge, kind, otherwise)                                                             \
	do {                                                                                           \
		if (__builtin_expect(chained(e, edge), 1)) {                                           \
			const struct uop *first = uop_here((e)->block->uop);                           \
                                                                                                       \
			return first->kind(e, first);                                                  \
		}                                                                                      \
		return otherwise(e, u);                                                                \
	} while (0)

#define FALL(e, u)	   GO_ON(e, u, 0, fn, uop_fall)
#define FALL_CHECKED(e, u) GO_ON(e, u, 0, checked, uop_fall_checked)
#define GOTO(e, u)	   GO_ON(e, u, 1, fn, uop_goto)
#define GOTO_CHECKED(e, u) GO_ON(e, u, 1, checked, uop_goto_checked)

#define GOTO_IF(e, u, taken)                                                                           \
	do {                                                                                           \
		if (taken)                                                                             \
			GOTO(e, u);                                                                    \
		FALL(e, u);                                                                            \
	} while (0)
#define GOTO_IF_CHECKED(e, u, taken)                                                                   \
	do {                                                                                           \
		if (taken)                                                                             \
			GOTO_CHECKED(e, u);                                                            \
		FALL_CHECKED(e, u);                                                                    \
	} while (0)

#endif
