/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * site_table.h: names of the places that allocate, made when each is met first: later its module
 * may have gone. What became of their allocations is ept/track.c's to know. Used by vmm/checker/,
 * and what it lists by vmm/control/coverage_file.c. The caller holds the checker's lock.
 */
#ifndef KMC_SITE_TABLE_H
#define KMC_SITE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbols.h"
#include "track.h"

struct site_table;

struct site_table *site_table_create(void); /* NULL: no memory */
void site_table_destroy(struct site_table *t);

/* site: track_event.site, below TRACK_SITES, at its first allocation. */
void site_table_meet(struct site_table *t, unsigned site, struct symbols *s, const uint64_t *stack,
		     unsigned frames);

struct site_entry {
	uint64_t id;	       /* site_name.h */
	const char *name;      /* the table's */
	uint64_t seen, chosen; /* allocations */
};
/*
 * Sorted by id, each once: a module that was loaded twice has one place of each name. *out is for
 * free(). False: no memory.
 */
bool site_table_list(const struct site_table *t, const struct track *track, struct site_entry **out,
		     size_t *n);

#endif
