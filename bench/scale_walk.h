/* SPDX-License-Identifier: GPL-2.0-only */
/* scale_walk.h: a kernel stack that is walked by ORC tables, for bench/scale_cost.c. */
#ifndef KMC_BENCH_SCALE_WALK_H
#define KMC_BENCH_SCALE_WALK_H

#include <stdbool.h>
#include <stdint.h>

struct scale_walk;

struct scale_walk *scale_walk_create(unsigned frames); /* NULL: out of memory, or there is no room for so many */
void scale_walk_destroy(struct scale_walk *s);
/* The addresses of all frames; false where there are others. */
bool scale_walk(struct scale_walk *s, uint64_t *frame);

#endif
