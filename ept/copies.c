// SPDX-License-Identifier: GPL-2.0-only
/*
 * copies.c: a table of granules of 8 bytes, each with one place that the hash of its address gives. The
 * granules of a page have their places in one shard, which has a lock.
 */
#include "copies.h"

#include <pthread.h>
#include <stdlib.h>

#define GRANULE	   8u
#define SHARDS	   64u
#define SHARD_SIZE 512u /* a page has as many granules */

struct entry {
	uint64_t granule; /* address / GRANULE, 0 for none: page 0 is never a slab's */
	uint64_t from;	  /* of the first byte in mask */
	uint64_t time;
	uint32_t trace;
	uint8_t mask;	  /* bytes that came undefined */
	bool alike;
};

struct shard {
	pthread_mutex_t lock;
	struct entry entry[SHARD_SIZE];
};

struct copies {
	struct shard shard[SHARDS];
};

struct copies *copies_create(void)
{
	struct copies *c = calloc(1, sizeof(*c));

	for (unsigned n = 0; c && n < SHARDS; n++)
		pthread_mutex_init(&c->shard[n].lock, NULL);
	return c;
}

void copies_destroy(struct copies *c)
{
	for (unsigned n = 0; c && n < SHARDS; n++)
		pthread_mutex_destroy(&c->shard[n].lock);
	free(c);
}

static struct shard *shard_of(struct copies *c, uint64_t granule)
{
	uint64_t page = granule / (GUEST_PAGE / GRANULE);

	return &c->shard[(page ^ page / SHARDS) % SHARDS];
}

/* Pages that share a shard differ in the bits above. */
static struct entry *entry_of(struct shard *s, uint64_t granule)
{
	uint64_t page = granule / (GUEST_PAGE / GRANULE) / SHARDS;

	return &s->entry[(granule ^ page * 0x9e3779b97f4a7c15ull >> 32) % SHARD_SIZE];
}

/* The bytes of v that lie in the granule at offset at of it. */
static uint8_t mask_of(const uint8_t *v, uint32_t n, uint32_t at)
{
	uint8_t mask = 0;

	for (uint32_t i = 0; i < n; i++)
		mask |= (uint8_t)((v[i] != 0) << (at + i));
	return mask;
}

static void put(struct copies *c, uint64_t granule, const struct entry *e)
{
	struct shard *s = shard_of(c, granule);

	pthread_mutex_lock(&s->lock);
	*entry_of(s, granule) = *e;
	pthread_mutex_unlock(&s->lock);
}

void copies_put(struct copies *c, gpa_t to, const uint8_t *v, uint32_t len, const struct copy *copy,
		bool alike)
{
	for (uint32_t n = 0, part; n < len; n += part) {
		uint64_t at = to.v + n;
		uint32_t offset = (uint32_t)(at % GRANULE);
		struct entry e = { .granule = at / GRANULE,
				   .time = copy->time,
				   .trace = copy->trace,
				   .alike = alike };

		part = GRANULE - offset < len - n ? GRANULE - offset : len - n;
		e.mask = mask_of(v + n, part, offset);
		if (!e.mask)
			continue;
		e.from = copy->from.v;
		if (alike)
			e.from += n + (uint32_t)__builtin_ctz(e.mask) - offset;
		put(c, e.granule, &e);
	}
}

bool copies_find(struct copies *c, gpa_t at, struct copy *copy)
{
	uint64_t granule = at.v / GRANULE;
	uint32_t offset = (uint32_t)(at.v % GRANULE);
	struct shard *s = shard_of(c, granule);
	struct entry e;

	pthread_mutex_lock(&s->lock);
	e = *entry_of(s, granule);
	pthread_mutex_unlock(&s->lock);
	if (e.granule != granule || !(e.mask >> offset & 1))
		return false;
	if (e.alike)
		e.from += offset - (uint32_t)__builtin_ctz(e.mask);
	*copy = (struct copy){ .from = { e.from }, .trace = e.trace, .time = e.time };
	return true;
}
