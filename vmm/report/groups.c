// SPDX-License-Identifier: GPL-2.0-only
/* groups.c: a table of groups by hash, and a direct-mapped cache of places. */
#include "groups.h"

#include <stdlib.h>

#define SLOTS  (2 * GROUPS_MAX) /* a power of two; half of them stay free */
#define PLACES 8192u

struct place {
	uint64_t place;
	struct group *group; /* NULL: free */
};

struct groups {
	unsigned n;
	uint16_t slot[SLOTS]; /* number of the group, plus 1; 0: free */
	struct group group[GROUPS_MAX];
	struct place place[PLACES];
};

struct groups *groups_create(void)
{
	return calloc(1, sizeof(struct groups));
}

void groups_destroy(struct groups *g)
{
	free(g);
}

/* The numbers are hashes already, but the caller's: spread them once more (Fibonacci hashing). */
static unsigned spread(uint64_t n, unsigned size)
{
	return (unsigned)(n * 0x9e3779b97f4a7c15 >> 40) & (size - 1);
}

static unsigned slot_of(const struct groups *g, uint64_t hash)
{
	unsigned i = spread(hash, SLOTS);

	while (g->slot[i] && g->group[g->slot[i] - 1].hash != hash)
		i = (i + 1) & (SLOTS - 1);
	return i;
}

struct group *groups_find(struct groups *g, uint64_t hash)
{
	unsigned n = g->slot[slot_of(g, hash)];

	return n ? &g->group[n - 1] : NULL;
}

struct group *groups_add(struct groups *g, uint64_t hash, uint64_t seq, uint64_t stack_hash)
{
	if (g->n == GROUPS_MAX)
		return NULL;
	g->group[g->n] = (struct group){ hash, seq, stack_hash, 1, 1 };
	g->slot[slot_of(g, hash)] = (uint16_t)(g->n + 1);
	return &g->group[g->n++];
}

struct group *groups_at(const struct groups *g, uint64_t place)
{
	const struct place *p = &g->place[spread(place, PLACES)];

	return p->place == place ? p->group : NULL;
}

void groups_remember(struct groups *g, uint64_t place, struct group *group)
{
	g->place[spread(place, PLACES)] = (struct place){ place, group };
}

void groups_each(struct groups *g, void (*fn)(void *ctx, struct group *group), void *ctx)
{
	for (unsigned i = 0; i < g->n; i++)
		fn(ctx, &g->group[i]);
}
