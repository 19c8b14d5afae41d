// SPDX-License-Identifier: GPL-2.0-only
/*
 * depot.c: two hash tables whose entries never go. A trace is a row of 32-bit words in one growing
 * array: its length, then its frames; its number is where it starts.
 */
#include "depot.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 256u
#define FIRST_NAMES 32u

struct depot {
	uint64_t limit;
	uint32_t *words; /* word 0 is not used: no trace has number 0 */
	uint32_t used, room;
	uint32_t *slots; /* numbers; 0: free */
	uint32_t nslots, traces; /* nslots is a power of two */
	unsigned names, name_room; /* name_room: a power of two, or 0 */
	char (*name)[16]; /* number 0 is empty */
	uint16_t *name_slots; /* numbers, in twice name_room slots, so that a probe ends */
};

struct depot *depot_create(uint64_t limit)
{
	struct depot *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->limit = limit < DEPOT_MAX ? limit : DEPOT_MAX;
	d->used = 1;
	d->slots = calloc(FIRST_SLOTS, sizeof(*d->slots));
	d->nslots = FIRST_SLOTS;
	if (!d->slots) {
		free(d);
		return NULL;
	}
	return d;
}

void depot_destroy(struct depot *d)
{
	if (!d)
		return;
	free(d->words);
	free(d->name);
	free(d->name_slots);
	free(d->slots);
	free(d);
}

/* FNV-1a over words; the multiplication spreads what differs in the low bits only. */
static uint32_t hash_words(const uint32_t *words, unsigned n)
{
	uint64_t h = 0xcbf29ce484222325;

	for (unsigned i = 0; i < n; i++)
		h = (h ^ words[i]) * 0x100000001b3;
	return (uint32_t)(h ^ h >> 32);
}

/* The slot that has the trace, or the free one where it belongs. words: length and frames. */
static uint32_t find(const struct depot *d, const uint32_t *words)
{
	unsigned n = words[0] + 1;
	uint32_t i = hash_words(words, n) & (d->nslots - 1);

	while (d->slots[i] && memcmp(d->words + d->slots[i], words, n * sizeof(*words)) != 0)
		i = (i + 1) & (d->nslots - 1);
	return i;
}

static uint64_t table_bytes(uint64_t nslots, uint64_t room)
{
	return (nslots + room) * sizeof(uint32_t);
}

/* Half of the slots stay free. */
static bool grow_slots(struct depot *d)
{
	uint32_t *old = d->slots, nold = d->nslots;

	if (d->traces < nold / 2)
		return true;
	if (table_bytes(2ull * nold, d->room) > d->limit)
		return false;
	d->slots = calloc(2 * (size_t)nold, sizeof(*d->slots));
	if (!d->slots) {
		d->slots = old;
		return false;
	}
	d->nslots = 2 * nold;
	for (uint32_t i = 0; i < nold; i++)
		if (old[i])
			d->slots[find(d, d->words + old[i])] = old[i];
	free(old);
	return true;
}

static bool grow_words(struct depot *d, unsigned n)
{
	uint64_t room = d->room ? d->room + d->room / 4 : 1024;
	uint32_t *words;

	if (d->used + n <= d->room)
		return true;
	if (table_bytes(d->nslots, room) > d->limit)
		return false;
	words = realloc(d->words, room * sizeof(*words));
	if (!words)
		return false;
	d->words = words;
	d->room = (uint32_t)room;
	return true;
}

static uint32_t add(struct depot *d, const uint32_t *words)
{
	unsigned n = words[0] + 1;
	uint32_t number = d->used;

	if (!grow_slots(d) || !grow_words(d, n))
		return 0;
	memcpy(d->words + number, words, n * sizeof(*words));
	d->used += n;
	d->slots[find(d, words)] = number;
	d->traces++;
	return number;
}

uint32_t depot_put(struct depot *d, const uint64_t *frames, unsigned n)
{
	uint32_t words[1 + DEPOT_FRAMES], number;

	if (!n || n > DEPOT_FRAMES)
		return 0;
	words[0] = n;
	for (unsigned i = 0; i < n; i++)
		words[1 + i] = frames[i] >= DEPOT_BASE ? (uint32_t)frames[i] : 0;
	number = d->words ? d->slots[find(d, words)] : 0;
	return number ? number : add(d, words);
}

unsigned depot_get(const struct depot *d, uint32_t number, uint64_t frames[DEPOT_FRAMES])
{
	const uint32_t *words = d->words + number;

	if (!number)
		return 0;
	for (unsigned i = 0; i < words[0]; i++)
		frames[i] = words[1 + i] ? DEPOT_BASE | words[1 + i] : 0;
	return words[0];
}

/* The slot that has the name, or the free one where it belongs. */
static uint16_t *find_name(const struct depot *d, const char whole[16])
{
	unsigned mask = 2 * d->name_room - 1;
	uint32_t words[4], i;

	memcpy(words, whole, sizeof(words));
	i = hash_words(words, 4) & mask;
	while (d->name_slots[i] && memcmp(d->name[d->name_slots[i]], whole, 16) != 0)
		i = (i + 1) & mask;
	return &d->name_slots[i];
}

static bool grow_names(struct depot *d)
{
	unsigned room = d->name_room ? 2 * d->name_room : FIRST_NAMES;
	uint16_t *slots;
	char(*name)[16];

	if (d->names + 1 < d->name_room)
		return true;
	if (d->names == DEPOT_NAMES)
		return false;
	name = realloc(d->name, room * sizeof(*name));
	if (!name)
		return false;
	d->name = name; /* all that is in it is found by the old slots still */
	slots = calloc(2 * (size_t)room, sizeof(*slots));
	if (!slots)
		return false;
	free(d->name_slots);
	d->name_slots = slots;
	d->name_room = room;
	for (unsigned n = 1; n <= d->names; n++)
		*find_name(d, d->name[n]) = (uint16_t)n;
	return true;
}

static unsigned add_name(struct depot *d, const char whole[16])
{
	if (!grow_names(d))
		return 0;
	memcpy(d->name[++d->names], whole, 16);
	*find_name(d, whole) = (uint16_t)d->names;
	return d->names;
}

unsigned depot_put_name(struct depot *d, const char *name)
{
	char whole[16] = "";
	unsigned number;

	if (!name[0])
		return 0;
	memcpy(whole, name, strnlen(name, sizeof(whole)));
	number = d->name_slots ? *find_name(d, whole) : 0;
	return number ? number : add_name(d, whole);
}

void depot_get_name(const struct depot *d, unsigned number, char name[17])
{
	memset(name, 0, 17);
	if (number)
		memcpy(name, d->name[number], 16);
}

uint64_t depot_bytes(const struct depot *d)
{
	return sizeof(*d) + d->name_room * (sizeof(*d->name) + 2 * sizeof(*d->name_slots)) +
	       table_bytes(d->nslots, d->room);
}

uint64_t depot_traces(const struct depot *d)
{
	return d->traces;
}
