// SPDX-License-Identifier: GPL-2.0-only
/*
 * counted.c: how many bytes of allocated objects are read and written in the slabs of those caches that
 * the rules call "counted". For tests that know the numbers: bytes, because into how many pieces an
 * access is cut depends on where pages and windows end. Costs one comparison where there is no such
 * cache.
 */
#include "checker_internal.h"

void counted_begin(struct checker *c, const struct obj_cache *cache, gpa_t gpa, uint64_t len)
{
	unsigned n = atomic_load(&c->ncounted);

	if (!cache || n == COUNTED_SLABS ||
	    !rules_match_cache(c->config.rules, "counted", cache->name))
		return;
	atomic_store(&c->counted[n].start, gpa.v);
	atomic_store(&c->counted[n].end, gpa.v + len);
	atomic_store(&c->ncounted, n + 1);
}

void counted_end(struct checker *c, gpa_t gpa, uint64_t len)
{
	for (unsigned n = 0; n < atomic_load(&c->ncounted); n++)
		if (c->counted[n].start < gpa.v + len && gpa.v < c->counted[n].end)
			atomic_store(&c->counted[n].end, 0);
}

bool counted_has(struct checker *c, gpa_t gpa)
{
	unsigned slabs = atomic_load(&c->ncounted);

	for (unsigned n = 0; n < slabs; n++)
		if (gpa.v >= atomic_load(&c->counted[n].start) &&
		    gpa.v < atomic_load(&c->counted[n].end))
			return true;
	return false;
}
