/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * depot.h: call traces and task names, each kept once and named by a number. Private to ept/.
 *
 * A kernel allocates from a few ten thousand places, millions of times. Nothing is ever removed; what
 * goes beyond the limit gets number 0, which stands for "not recorded". Not locked.
 */
#ifndef KMC_DEPOT_H
#define KMC_DEPOT_H

#include "objects.h"

/* Kernel text, modules and JIT code lie in the top 2 GiB (Documentation/arch/x86/x86_64/mm.rst). */
#define DEPOT_BASE 0xffffffff00000000ull

#define DEPOT_FRAMES OBJ_FRAMES
#define DEPOT_NAMES  4095
/* Host bytes of traces: their numbers are smaller than 2^OBJ_TRACE_BITS then. */
#define DEPOT_MAX (sizeof(uint32_t) << OBJ_TRACE_BITS)

struct depot;

/* limit: host bytes for traces, DEPOT_MAX at most. NULL: out of memory. */
struct depot *depot_create(uint64_t limit);
void depot_destroy(struct depot *d);

/* 0: no room, or n is 0. n is at most DEPOT_FRAMES; a frame outside the top 2 GiB is kept as 0. */
uint32_t depot_put(struct depot *d, const uint64_t *frames, unsigned n);
/* The frames of a number that depot_put() returned; 0 of them for number 0. */
unsigned depot_get(const struct depot *d, uint32_t number, uint64_t frames[DEPOT_FRAMES]);

/* Names of at most 16 bytes, not terminated where they have 16. 0: no room, or empty. */
unsigned depot_put_name(struct depot *d, const char *name);
void depot_get_name(const struct depot *d, unsigned number, char name[17]);

uint64_t depot_bytes(const struct depot *d); /* host bytes in use */
uint64_t depot_traces(const struct depot *d);

#endif
