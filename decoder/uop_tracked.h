/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uop_tracked.h: accesses of up to 8 bytes to tracked memory, all in one page that was reached for them:
 * most of those that take the slow path. Inline, because half of what they need is constant then.
 */
#ifndef KMC_UOP_TRACKED_H
#define KMC_UOP_TRACKED_H

#include "uop.h"

static inline struct engine_access tracked_access(const struct engine *e, const struct uop *u,
						  const struct tlb *t, uint64_t addr, unsigned size,
						  unsigned how)
{
	return (struct engine_access){ .addr = { addr },
				       .gpa = t->gpa + addr % ENGINE_PAGE,
				       .rip = uop_rip(e, u),
				       .number = t->number,
				       .len = size,
				       .size = size,
				       .how = how };
}

/* Into slot u->d. The bytes are read while the page is held. */
#define TRACKED_LOAD(e, u, t, addr, bits, type, how)                                                   \
	do {                                                                                           \
		struct engine_access a = tracked_access(e, u, t, addr, (bits) / 8, how);               \
		const guest##bits *from = (const guest##bits *)((addr) + (t)->addend);                 \
		uint64_t value, v = 0;                                                                 \
                                                                                                       \
		(e)->ops.hold((e)->ctx, a.number);                                                     \
		value = (uint64_t)(type)*from;                                                         \
		(e)->ops.check((e)->ctx, &a, (uint8_t *)&v);                                           \
		(e)->accesses++;                                                                       \
		(e)->ops.drop((e)->ctx, a.number);                                                     \
		uop_met_tracked(e);                                                                    \
		(e)->r[(u)->d] = value;                                                                \
		(e)->v[(u)->d] = (uint64_t)(type)v;                                                    \
		if (__builtin_expect(v != 0, 0))                                                       \
			mem_undefined(e, u, &a, v);                                                    \
	} while (0)

/* Stores slot u->d. The write itself was judged before where the instruction also reads. */
#define TRACKED_STORE(e, u, t, addr, bits, how)                                                        \
	do {                                                                                           \
		struct engine_access a = tracked_access(e, u, t, addr, (bits) / 8, how);               \
		guest##bits *to = (guest##bits *)((addr) + (t)->addend);                               \
		uint64_t v = (uint##bits##_t)(e)->v[(u)->d];                                           \
                                                                                                       \
		(e)->ops.hold((e)->ctx, a.number);                                                     \
		if (!((how) & ENGINE_READ)) {                                                          \
			(e)->ops.check((e)->ctx, &a, NULL);                                            \
			(e)->accesses++;                                                               \
		}                                                                                      \
		(e)->ops.change((e)->ctx, &a, v ? (const uint8_t *)&v : NULL,                          \
				v ? origin_named(e, (e)->origin[(u)->d]) : NULL);                      \
		*to = (uint##bits##_t)(e)->r[(u)->d];                                                  \
		(e)->ops.drop((e)->ctx, a.number);                                                     \
		uop_met_tracked(e);                                                                    \
	} while (0)

#endif
