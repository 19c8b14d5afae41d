/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * groups.h: the same bug met again is counted, not reported again.
 *
 * A group is named by a hash of a report's verdict and the innermost frames of its trace. Describing a finding to learn its hash costs
 * more than finding it, so a place (any 64-bit number that the caller makes of what is at hand) can be
 * remembered as belonging to a group. Not locked.
 */
#ifndef KMC_GROUPS_H
#define KMC_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#define GROUPS_MAX 4096u

struct group {
	uint64_t hash;
	uint64_t seq;	/* of its report */
	uint64_t stack_hash; /* the one that its report has */
	uint64_t told;	/* the count that readers know */
	uint64_t count; /* times met, the first one included */
};

struct groups;

struct groups *groups_create(void); /* NULL: out of memory */
void groups_destroy(struct groups *g);

/* NULL where there is none. Groups stay where they are until groups_destroy(). */
struct group *groups_find(struct groups *g, uint64_t hash);
/* Makes a group with count 1; hash is not known yet. NULL: there are GROUPS_MAX. */
struct group *groups_add(struct groups *g, uint64_t hash, uint64_t seq, uint64_t stack_hash);

/* A place is forgotten when another one needs its room. */
struct group *groups_at(const struct groups *g, uint64_t place);
void groups_remember(struct groups *g, uint64_t place, struct group *group);

/* The counts that are worth a record: 2, 4, 8, ... */
static inline bool group_is_round(const struct group *group)
{
	return (group->count & (group->count - 1)) == 0;
}

/* Calls fn for each group, in the order in which they were added. */
void groups_each(struct groups *g, void (*fn)(void *ctx, struct group *group), void *ctx);

#endif
