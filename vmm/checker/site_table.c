// SPDX-License-Identifier: GPL-2.0-only
/* site_table.c: see site_table.h. At most TRACK_SITES names of SITE_NAME bytes. */
#include "site_table.h"

#include <stdlib.h>
#include <string.h>

#include "site_name.h"

struct site_table {
	struct {
		uint64_t id;
		char *name; /* NULL: not met, or no memory for it */
	} site[TRACK_SITES];
};

struct site_table *site_table_create(void)
{
	return calloc(1, sizeof(struct site_table));
}

void site_table_destroy(struct site_table *t)
{
	if (!t)
		return;
	for (unsigned n = 0; n < TRACK_SITES; n++)
		free(t->site[n].name);
	free(t);
}

void site_table_meet(struct site_table *t, unsigned site, struct symbols *s, const uint64_t *stack,
		     unsigned frames)
{
	struct site_name name;

	if (t->site[site].name)
		return;
	site_name(s, stack, frames, &name);
	t->site[site].id = name.id;
	t->site[site].name = strdup(name.name);
}

static int by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct site_entry *)a)->id, y = ((const struct site_entry *)b)->id;

	return x < y ? -1 : x > y;
}

static size_t merge(struct site_entry *entry, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (kept && entry[kept - 1].id == entry[i].id) {
			entry[kept - 1].seen += entry[i].seen;
			entry[kept - 1].chosen += entry[i].chosen;
		} else {
			entry[kept++] = entry[i];
		}
	}
	return kept;
}

bool site_table_list(const struct site_table *t, const struct track *track, struct site_entry **out,
		     size_t *n)
{
	struct site_entry *entry = calloc(TRACK_SITES, sizeof(*entry));
	size_t met = 0;

	*out = entry;
	*n = 0;
	if (!entry)
		return false;
	for (unsigned i = 0; i < TRACK_SITES; i++) {
		struct site_entry *e = &entry[met];

		if (!t->site[i].name || !track_site(track, i, &e->seen, &e->chosen))
			continue;
		e->id = t->site[i].id;
		e->name = t->site[i].name;
		met++;
	}
	qsort(entry, met, sizeof(*entry), by_id);
	*n = merge(entry, met);
	return true;
}
