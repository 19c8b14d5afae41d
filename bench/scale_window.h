/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scale_window.h: guest code that the engine carries out, for bench/scale_cost.c: what works on a tracked object, and
 * other code of kernels. Code, stack and the other code's data are the program's own memory.
 */
#ifndef KMC_BENCH_SCALE_WINDOW_H
#define KMC_BENCH_SCALE_WINDOW_H

#include "shadow.h"

struct scale_window;

struct scale_window *scale_window_create(const struct guest_ram *ram, struct shadow *shadow); /* NULL: out of memory */
void scale_window_destroy(struct scale_window *w);

/*
 * Words from gpa on: so many are written one by one, then so many read. Adds to *insns how many instructions that took.
 * Where something is wrong, what; else NULL.
 */
const char *scale_window_use(struct scale_window *w, gpa_t gpa, uint32_t written, uint32_t read, uint64_t *insns);
/* So many instructions of the other code, which has no end. */
const char *scale_window_go_on(struct scale_window *w, uint64_t insns);

#endif
