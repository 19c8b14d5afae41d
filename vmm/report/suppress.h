/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * suppress.h: findings that nobody wants to see again: by class, function, cache and module. Does
 * not deliver and does not count; vmm/checker/ asks. Any thread.
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
 * JSON, "slab-*". function: a frame of the access stack, without offset and compiler suffix
 * (.isra.0). module: of a frame, the same one where both are given. cache: of the object.
 * 0, or -1 with one line in err.
 */
int suppress_add(struct suppressions *s, const char *class, const char *function, const char *cache,
		 const char *module, char *err, size_t errlen);
bool suppress_match(struct suppressions *s, const struct report *r);
size_t suppress_count(struct suppressions *s);

#endif
