/* SPDX-License-Identifier: GPL-2.0-only */
/* domain.h: --libvirt-domain: a domain's options in front of the user's. Used by main.c. */
#ifndef KMC_DOMAIN_H
#define KMC_DOMAIN_H

#include "domain_args.h"
#include "libvirt_call.h"
#include "options.h"
#include "recorder.h"

struct domain {
	struct domain_options o;
	struct domain_args args;
	char **argv; /* for options_parse(); what it points to stays until domain_deinit() */
	int argc;
	struct recorder recorder;
};

/*
 * OPTIONS_RUN: argv is there, whether with a domain or without. OPTIONS_EXIT: it was printed.
 * OPTIONS_BAD: stderr says why. domain_deinit() in any case.
 */
enum options_result domain_prepare(struct domain *d, int argc, char **argv);
/* --libvirt-record, if it was given. 0, or -1 with one line in err. */
int domain_record(const struct domain *d, const struct libvirt_run *run, char *err, size_t errlen);
void domain_deinit(struct domain *d);

#endif
