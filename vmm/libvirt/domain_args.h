/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * domain_args.h: what became of a libvirt domain: options of kmc-vmm, and what of the domain they
 * do not express. Filled by domain_parse(), and in kmc-vmm by vmm/domain.c, which has the options
 * only. Knows neither XML nor libvirt.
 */
#ifndef KMC_DOMAIN_ARGS_H
#define KMC_DOMAIN_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define DOMAIN_ARGS_MAX	   512u	 /* words; a domain needs some twenty */
#define DOMAIN_IGNORED_MAX 1000u /* that are kept; the others are counted */

struct domain_ignored {
	char *path;	  /* "devices/disk[2]/iotune", "devices/interface/@type"; printable ASCII */
	unsigned line;	  /* of the XML */
	const char *note; /* what the guest has instead; NULL: nothing */
};

struct domain_args {
	char *argv[DOMAIN_ARGS_MAX + 1]; /* options only, no argv[0]; ends with NULL */
	unsigned argc;
	struct domain_ignored ignored[DOMAIN_IGNORED_MAX];
	unsigned nignored, more;
};

/* Appends a copy of the word. False: no memory, or no room. */
bool domain_args_add(struct domain_args *a, const char *word);
/* Takes path. */
void domain_args_ignore(struct domain_args *a, char *path, unsigned line, const char *note);
/* A zeroed one is fine. */
void domain_args_deinit(struct domain_args *a);

/* One word as POSIX shells read it: as it is where that is safe, else in single quotes. */
void domain_args_quote(FILE *f, const char *word);

#endif
