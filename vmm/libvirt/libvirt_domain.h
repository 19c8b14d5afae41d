/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libvirt_domain.h: a domain of libvirt's, by its name. Used by vmm/domain.c. Knows libvirt and
 * XML, no machine and no checking. Each function connects and disconnects: nothing is held while a
 * VM runs, and libvirt prints nothing by itself. A build without libvirt has libvirt_none.c: every
 * call fails.
 */
#ifndef KMC_LIBVIRT_DOMAIN_H
#define KMC_LIBVIRT_DOMAIN_H

#include <stdint.h>

#include "domain_parse.h"

struct libvirt_domain {
	const char *uri;  /* of the connection; NULL: libvirt's default */
	const char *name; /* of the domain */
};

/*
 * Translates the domain as it would be started next, over a read-only connection; *out as with
 * domain_parse(). *active: it runs now. 0, or -1 with one line in err.
 */
int libvirt_domain_args(const struct libvirt_domain *d, const struct domain_context *context,
			struct domain_args *out, bool *active, char *err, size_t errlen);

/* Elements of this namespace in the metadata are records of runs. */
#define LIBVIRT_RUN_URN	   "urn:kmc-vmm:run:1"
#define LIBVIRT_REPORT_MAX (256u << 10) /* bytes */

struct libvirt_run {
	const char *end; /* how it ended: a word or two */
	int status;	 /* exit status */
	uint64_t reports;
	const char *report; /* the last one, as JSON: printable ASCII; NULL: none */
	size_t report_len;
};

/* Whether libvirt_domain_record() will be able to write. 0, or -1 with one line in err. */
int libvirt_domain_writable(const struct libvirt_domain *d, char *err, size_t errlen);
/* Replaces the record in the domain's definition. 0, or -1 with one line in err. */
int libvirt_domain_record(const struct libvirt_domain *d, const struct libvirt_run *run, char *err,
			  size_t errlen);

#endif
