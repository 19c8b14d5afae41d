// SPDX-License-Identifier: GPL-2.0-only
/* idle.c: see idle.h. */
#include "idle.h"

#define KNOWN	    64u /* lessons: from then on the older half weighs less */
/* What counts as one lesson more: that of those that get so far, 100 of 256 come in each level. */
#define PRIOR	    100u

static unsigned lessons(const struct idle_place *p)
{
	unsigned n = 0;

	for (unsigned k = 0; k < IDLE_LEVELS; k++)
		n += p->came[k] + p->never[k];
	return n;
}

static void forget_half(struct idle_place *p)
{
	for (unsigned k = 0; k < IDLE_LEVELS; k++) {
		p->came[k] /= 2;
		p->never[k] /= 2;
	}
}

/*
 * The number of levels with the least expected cost: what is emulated, and an exit where nothing came. Of those
 * that got into a level, the share that came in it; who had stopped before says nothing of it. 16 bits of fraction.
 */
static unsigned best_levels(const struct idle_place *p, unsigned n, uint32_t exit_cost)
{
	uint64_t left = 1u << 16, waits = 0, least = left * exit_cost;
	unsigned best = 0, from = 0;

	for (unsigned k = 0; k < IDLE_LEVELS; k++) {
		unsigned length = (IDLE_LEAST << k) - from;
		uint64_t come = left * (p->came[k] * 256u + PRIOR) / ((n + 1) * 256u);

		left -= come;
		waits += come * (length / 2) + left * length;
		if (waits + left * exit_cost < least) {
			least = waits + left * exit_cost;
			best = k + 1;
		}
		n -= p->came[k] + p->never[k];
		from += length;
	}
	return best;
}

void idle_think(struct idle_place *p, uint32_t exit_cost)
{
	unsigned n = lessons(p);

	if (n >= KNOWN) {
		forget_half(p);
		n = lessons(p);
	}
	p->less = (uint8_t)(IDLE_LEVELS - best_levels(p, n, exit_cost));
}
