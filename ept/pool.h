/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pool.h: memory for many things of one size that come and go all the time. Private to ept/. Any thread.
 *
 * The cell that was given back last is handed out first, for it is in the CPU's caches. What a pool has once
 * taken from the host it keeps until its end. It asks for memory in pieces that grow with it, and from
 * POOL_LARGE on for huge pages: a million things, used in any order, are more than the CPU's TLBs know of in
 * small ones, and a few thousand must not cost a huge page.
 */
#ifndef KMC_POOL_H
#define KMC_POOL_H

#include <stddef.h>

#define POOL_LARGE (8u << 20) /* bytes */

struct pool;

/* size: bytes of a cell. NULL: out of memory. */
struct pool *pool_create(size_t size);
void pool_destroy(struct pool *p); /* and all that is in it; NULL is allowed */

void *pool_get(struct pool *p); /* NULL: out of memory; else it contains anything */
void pool_put(struct pool *p, void *cell);

/*
 * Small pages for this process from now on, also where the host gives huge ones unasked: a VM has some megabytes in
 * dozens of mappings, and each that a huge page fits into would cost one. It ends when a pool or a table has grown
 * large. Children would inherit it.
 */
void pool_small_pages(void);

#define POOL_LARGE_TABLE 65536u /* entries that are in use */
/* A table that has grown large, and is used all over: huge pages from now on, where the host has them. */
void pool_make_huge(void *table, size_t bytes);

#endif
