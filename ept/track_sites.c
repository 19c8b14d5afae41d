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
	uint32_t made[TRACK_SITES]; /* by their hashes */
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

void sites_wear(struct sites *s, uint64_t like)
{
	uint32_t *made = &s->made[like % TRACK_SITES];

	*made += *made != UINT32_MAX;
}

/* One of those of which m were made is chosen with the chance fair / m; the coin is one of 2^32. */
struct chance {
	uint64_t hash;	/* what the coin is thrown for */
	uint64_t made;	/* m */
	uint32_t first; /* before the coin is asked */
	unsigned __int128 fair;
};

/* For a sample fair is what each place would be given if all were given the same. */
static struct chance chance_of(const struct sites *s, const struct site *site, uint64_t like,
			       const struct track_params *p)
{
	if (p->mode == TRACK_BUDGET)
		return (struct chance){like, s->made[like % TRACK_SITES], p->first,
				       (unsigned __int128)p->first << 32};
	return (struct chance){site->hash, site->seen, FIRST,
			       ((unsigned __int128)s->allocations * p->share << 32) /
				       (100 * s->stats.sites)};
}

static bool choose(const struct sites *s, const struct chance *c, unsigned ahead)
{
	uint64_t number = c->made + (uint64_t)ahead;
	uint64_t coin = scramble(s->seed ^ scramble(c->hash + number)) >> 32;

	return number <= c->first || (unsigned __int128)coin * number < c->fair;
}

bool sites_choose(const struct sites *s, const struct site *site, uint64_t like,
		  const struct track_params *p)
{
	const struct chance chance = chance_of(s, site, like, p);

	return choose(s, &chance, 0);
}

unsigned sites_gap(const struct sites *s, const struct site *site, uint64_t like,
		   const struct track_params *p, unsigned most)
{
	const struct chance chance = chance_of(s, site, like, p);
	unsigned gap = 0;

	while (gap < most && !choose(s, &chance, gap + 1))
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
