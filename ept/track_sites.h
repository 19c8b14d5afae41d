/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * track_sites.h: the places that allocate, and which of their allocations are chosen. Private to track*.c.
 *
 * sample  Of n allocations in all, at s places, a place that made m of them is given the chance
 *         share x n / (s x m): as many looks for each, and all of them for one that asks for less. The first
 *         four of a place are chosen in any case.
 * budget  The first so many like this one (a place, and what it allocates: a hash) are chosen, and then the
 *         chance is first / m: what was looked at so often is looked at less often, but never not at all.
 */
#ifndef KMC_TRACK_SITES_H
#define KMC_TRACK_SITES_H

#include "track.h"

struct sites;

struct sites *sites_create(uint64_t seed); /* NULL: no memory */
void sites_destroy(struct sites *s);

struct site {
	uint64_t hash; /* 0: unused */
	uint32_t seen, chosen;
};
/* Counts an allocation. NULL: no room for another place. */
struct site *sites_meet(struct sites *s, uint64_t hash);
/* NULL: not met. */
struct site *sites_find(struct sites *s, uint64_t hash);
/* Numbers of places: below TRACK_SITES, and they stay. NULL: not met. */
unsigned sites_number(const struct sites *s, const struct site *site);
const struct site *sites_by_number(const struct sites *s, unsigned n);
/* Counts one more like this. */
void sites_wear(struct sites *s, uint64_t like);
/* Is the last one chosen? p: of a mode that chooses. */
bool sites_choose(const struct sites *s, const struct site *site, uint64_t like,
		  const struct track_params *p);
/* How many of those that come next would not be, at most so many. */
unsigned sites_gap(const struct sites *s, const struct site *site, uint64_t like,
		   const struct track_params *p, unsigned most);
/* It was chosen. */
void sites_chosen(struct sites *s, struct site *site);
/* True in rate of 100 cases. */
bool sites_coin(struct sites *s, uint32_t rate);
void sites_get_stats(const struct sites *s, struct track_stats *stats);

#endif
