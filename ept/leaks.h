/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * leaks.h: objects that are allocated and that no pointer in guest memory reaches any more.
 *
 * A pointer is an aligned 64-bit word, not undefined as a whole, whose value, as an address in the kernel's
 * direct map, lies anywhere in an object's slot. Roots are the words given (registers), all pages of guest memory that hold
 * no tracked object and that the caller does not exclude (free pages, say), and objects older than the
 * tracking. From there on it goes through the objects that are reached. Words that only look like pointers
 * hide leaks and invent none.
 *
 * The guest stands still and the caller holds the checker's lock.
 */
#ifndef KMC_LEAKS_H
#define KMC_LEAKS_H

#include "objects.h"

/* [gpa, end) */
struct leaks_range {
	uint64_t gpa, end;
};

struct leaks_config {
	uint64_t direct_map;   /* gva of gpa 0 */
	/* ns since guest boot: what was allocated later is reached, as its first pointer may be on its way. */
	uint64_t newest;
	const uint64_t *words; /* registers and the like */
	size_t nwords;
	/*
	 * How many bytes at the start of the page, which holds no tracked object, hold no pointers that count:
	 * 0, all do; GUEST_PAGE, none. (Of a stack what is below the stack pointer is left over.)
	 */
	uint32_t (*dead)(void *ctx, gpa_t page);
	/* The same of any bytes but those of tracked objects: ascending, none overlaps another. */
	const struct leaks_range *unused;
	size_t nunused;
	/* A leak that no other leak points to, or one of a ring of them; in the order of addresses. */
	void (*found)(void *ctx, const struct object *object, uint64_t indirect_objects,
		      uint64_t indirect_bytes);
	void *ctx;
};

struct leaks_stats {
	uint64_t objects, bytes;	   /* looked at: alive, allocation seen */
	uint64_t lost_objects, lost_bytes; /* not reached, the indirect ones too */
};

/* 0, or -ENOMEM: nothing was found out. *stats is always filled. */
int leaks_find(struct objects *o, const struct leaks_config *config, struct leaks_stats *stats);

#endif
