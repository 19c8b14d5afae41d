// SPDX-License-Identifier: GPL-2.0-only
/* track_sites.c: see track_sites.h. A hash table of fixed size: a guest cannot make it grow. */
#include "track_sites.h"

#include <stdlib.h>

#define FIRST 4u  /* of a place are chosen in any case, sampling */
#define TRIES 16u /* entries that are looked at for one hash */

struct sites {
	uint64_t seed, coins;
	uint64_t allocations;
	struct track_stats stats;
	struct site site[TRACK_SITES];
};

struct sites *sites_create(uint64_t seed)
{
	struct sites *s = calloc(1, sizeof(*s));

	if (s)
		s->seed = seed;
	return s;
}

void sites_destroy(struct sites *s)
{
	free(s);
}

/* The finalizer of MurmurHash3 (public domain): every bit of the input changes half of the output. */
static uint64_t scramble(uint64_t v)
{
	v = (v ^ v >> 33) * 0xff51afd7ed558ccdull;
	v = (v ^ v >> 33) * 0xc4ceb9fe1a85ec53ull;
	return v ^ v >> 33;
}

static struct site *entry(struct sites *s, uint64_t hash)
{
	for (unsigned n = 0; n < TRIES; n++) {
		struct site *site = &s->site[(hash + n) % TRACK_SITES];

		if (site->hash == hash || !site->hash)
			return site;
	}
	return NULL;
}

struct site *sites_find(struct sites *s, uint64_t hash)
{
	struct site *site = entry(s, hash);

	return site && site->hash ? site : NULL;
}

struct site *sites_meet(struct sites *s, uint64_t hash)
{
	struct site *site = entry(s, hash);

	s->allocations++;
	if (!site) {
		s->stats.sites_lost++;
		return NULL;
	}
	if (!site->hash) {
		site->hash = hash;
		s->stats.sites++;
	}
	site->seen += site->seen != UINT32_MAX;
	return site;
}

unsigned sites_number(const struct sites *s, const struct site *site)
{
	return (unsigned)(site - s->site);
}

const struct site *sites_by_number(const struct sites *s, unsigned n)
{
	return s->site[n].hash ? &s->site[n] : NULL;
}

/* One of a place that made m is chosen with the chance fair / m; the coin is one of 2^32. */
struct chance {
	uint32_t first; /* before the coin is asked */
	unsigned __int128 fair;
};

/* For a sample fair is what each place would be given if all were given the same. */
static struct chance chance_of(const struct sites *s, const struct track_params *p)
{
	if (p->mode == TRACK_BUDGET)
		return (struct chance){p->first, (unsigned __int128)p->first << 32};
	return (struct chance){FIRST, ((unsigned __int128)s->allocations * p->share << 32) /
					      (100 * s->stats.sites)};
}

static bool choose(const struct sites *s, const struct site *site, unsigned ahead,
		   const struct chance *chance)
{
	uint64_t number = site->seen + (uint64_t)ahead;
	uint64_t coin = scramble(s->seed ^ scramble(site->hash + number)) >> 32;

	return number <= chance->first || (unsigned __int128)coin * number < chance->fair;
}

bool sites_choose(const struct sites *s, const struct site *site, const struct track_params *p)
{
	const struct chance chance = chance_of(s, p);

	return choose(s, site, 0, &chance);
}

unsigned sites_gap(const struct sites *s, const struct site *site, const struct track_params *p,
		   unsigned most)
{
	const struct chance chance = chance_of(s, p);
	unsigned gap = 0;

	while (gap < most && !choose(s, site, gap + 1, &chance))
		gap++;
	return gap;
}

void sites_chosen(struct sites *s, struct site *site)
{
	s->stats.sites_watched += !site->chosen;
	site->chosen += site->chosen != UINT32_MAX;
}

bool sites_coin(struct sites *s, uint32_t rate)
{
	return scramble(s->seed + ++s->coins) % 100 < rate;
}

void sites_get_stats(const struct sites *s, struct track_stats *stats)
{
	*stats = s->stats;
}
