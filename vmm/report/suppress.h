/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * suppress.h: findings that nobody wants to see again: by class, function, cache and module, from files
 * (docs/report.md, "Suppressions") and at run time; and how to write one for a finding. Does not deliver
 * and does not count; vmm/checker/ asks. Any thread.
 */
#ifndef KMC_SUPPRESS_H
#define KMC_SUPPRESS_H

#include "report.h"

#define SUPPRESSIONS_MAX 4096

struct suppressions;

struct suppressions *suppress_create(void);    /* NULL: no memory */
void suppress_destroy(struct suppressions *s); /* NULL is fine */

/*
 * Shell wildcards; NULL matches anything, but not all four may be NULL. class: as in the report's
 * JSON, "slab-*". function: a frame of the access stack, of a leak of the allocation's, without offset and
 * compiler suffix (.isra.0). module: of a frame, the same one where both are given. cache: of the object.
 * 0, or -1 with one line in err.
 */
int suppress_add(struct suppressions *s, const char *class, const char *function, const char *cache,
		 const char *module, char *err, size_t errlen);
bool suppress_match(struct suppressions *s, const struct report *r);
size_t suppress_count(struct suppressions *s);

/* Adds what a file says. 0, or -1 with one line in err; entries in front of the bad one stay. */
int suppress_load(struct suppressions *s, const char *path, char *err, size_t errlen);
/* Adds an entry that matches this report, unless there is that very one. False: no room for it. */
bool suppress_note(struct suppressions *s, const struct report *r);
/* Writes all, for suppress_load(), to a file; path is its name. 0, or -1 with one line in err. */
int suppress_save(struct suppressions *s, int fd, const char *path, char *err, size_t errlen);

#endif
