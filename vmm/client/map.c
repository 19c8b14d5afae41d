// SPDX-License-Identifier: GPL-2.0-only
/*
 * map.c: open addressing, at most three quarters full. The keys come from outside: the hash starts
 * at a random number, so that nobody can choose keys that collide.
 */
#include "map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct map_entry {
	char *key; /* NULL: free */
	uint64_t hash;
	size_t value;
};

static uint64_t hash_of(const char *key)
{
	static uint64_t seed;
	uint64_t h;

	if (!seed && getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = 1;
	h = seed;
	for (; *key; key++) {
		h = (h ^ (unsigned char)*key) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	return h;
}

void map_init(struct map *m, size_t limit)
{
	*m = (struct map){ .limit = limit };
}

void map_deinit(struct map *m)
{
	for (size_t i = 0; i < m->size; i++)
		free(m->entry[i].key);
	free(m->entry);
}

/* The entry of the key, or the free one where it belongs. size is a power of two. */
static struct map_entry *find(struct map_entry *entry, size_t size, const char *key, uint64_t hash)
{
	size_t i = hash & (size - 1);

	while (entry[i].key && (entry[i].hash != hash || strcmp(entry[i].key, key) != 0))
		i = (i + 1) & (size - 1);
	return &entry[i];
}

static bool grow(struct map *m)
{
	size_t size = m->size ? 2 * m->size : 64;
	struct map_entry *entry = calloc(size, sizeof(*entry));

	if (!entry)
		return false;
	for (size_t i = 0; i < m->size; i++)
		if (m->entry[i].key)
			*find(entry, size, m->entry[i].key, m->entry[i].hash) = m->entry[i];
	free(m->entry);
	m->entry = entry;
	m->size = size;
	return true;
}

bool map_get(const struct map *m, const char *key, size_t *value)
{
	const struct map_entry *e;

	if (!m->size)
		return false;
	e = find(m->entry, m->size, key, hash_of(key));
	if (!e->key)
		return false;
	*value = e->value;
	return true;
}

bool map_add(struct map *m, const char *key, size_t value)
{
	uint64_t hash = hash_of(key);
	char *copy;

	if (m->n >= m->limit || (m->n >= m->size / 4 * 3 && !grow(m)))
		return false;
	copy = strdup(key);
	if (!copy)
		return false;
	*find(m->entry, m->size, key, hash) =
		(struct map_entry){ .key = copy, .hash = hash, .value = value };
	m->n++;
	return true;
}
