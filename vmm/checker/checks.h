/* SPDX-License-Identifier: GPL-2.0-only */
/* checks.h: the names of checks, as --checks and the command "checks" have them. */
#ifndef KMC_CHECKS_H
#define KMC_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

struct check {
	const char *name;
	unsigned bits; /* VERDICT_BIT set */
};
/* The single ones, without "all" and "none". */
extern const struct check checks[];
extern const size_t nchecks;

/* Also "all", "none" and the classes of reports ("slab-use-after-free"). False: no such name. */
bool checks_by_name(const char *name, size_t len, unsigned *bits);

#endif
