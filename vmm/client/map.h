/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * map.h: from strings to numbers. Holds copies of the keys; grows up to a limit, then refuses.
 */
#ifndef KMC_CLIENT_MAP_H
#define KMC_CLIENT_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct map {
	struct map_entry *entry;
	size_t n, size, limit;
};

void map_init(struct map *m, size_t limit); /* entries at most */
void map_deinit(struct map *m);
/* False where the key is not there. */
bool map_get(const struct map *m, const char *key, size_t *value);
/* The key must not be there. False: the limit, or memory. */
bool map_add(struct map *m, const char *key, size_t value);

#endif
