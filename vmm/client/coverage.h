/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * coverage.h: kmc-report --coverage: what files of kmc-vmm --coverage say, added up over VMs, for each kernel
 * release apart (docs/report.md, Coverage).
 *
 * Files are as hostile as logs: record.h. What is kept is bounded; what does not fit is counted.
 */
#ifndef KMC_CLIENT_COVERAGE_H
#define KMC_CLIENT_COVERAGE_H

#include <stdio.h>

#include "map.h"
#include "options.h"

#define COVERAGE_KERNELS 256u
#define COVERAGE_VMS	 65536u	    /* of all kernels */
#define COVERAGE_SITES	 (1u << 20) /* the same */

struct coverage_vm {
	char *name, *seed, *mode;
	uint64_t sites, watched; /* places that allocated; of them, with an allocation that was watched */
	uint64_t adds;		 /* of watched, those that no VM in front of it had watched */
	uint64_t allocations, lost; /* lost: of places that it had no room for */
};

struct coverage_place {
	char id[17], *name;
	uint64_t allocations; /* of all VMs */
	bool watched;	      /* in any */
	size_t vm, watched_vm; /* the last ones that counted it, from 1 */
};

struct coverage_kernel {
	char *release;
	struct map known; /* ids of places */
	struct coverage_place *place;
	size_t nplaces, room;
	struct coverage_vm *vm; /* as they were read */
	size_t nvms;
	uint64_t watched; /* places */
	uint64_t allocations, unwatched; /* unwatched: at places that no VM watched */
};

struct coverage {
	struct coverage_kernel kernel[COVERAGE_KERNELS];
	size_t nkernels, nvms, nplaces;
	uint64_t malformed; /* lines */
	uint64_t left_out;  /* VMs and places beyond what is kept */
};

/* Adds what a file says ("-": standard input). False with one line on stderr: it says nothing of the kind. */
bool coverage_read(struct coverage *c, const char *path);
/* After the last one. */
void coverage_add_up(struct coverage *c);
void coverage_deinit(struct coverage *c);

/* coverage_view.c. sites: with the places that nobody watched, busiest first. */
void coverage_text(FILE *out, const struct coverage *c, bool sites);
void coverage_json(FILE *out, const struct coverage *c, bool sites);

#endif
