/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libvirt_domain.h: a domain of libvirt's, by its name. Used by main.c of this folder. Knows
 * libvirt and XML, no machine and no checking. Each function connects and disconnects, and libvirt
 * prints nothing by itself.
 */
#ifndef KMC_LIBVIRT_DOMAIN_H
#define KMC_LIBVIRT_DOMAIN_H

#include <stdint.h>

#include "domain_parse.h"
#include "libvirt_call.h"

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

/* Whether libvirt_domain_record() will be able to write. 0, or -1 with one line in err. */
int libvirt_domain_writable(const struct libvirt_domain *d, char *err, size_t errlen);
/* Replaces the record in the domain's definition. 0, or -1 with one line in err. */
int libvirt_domain_record(const struct libvirt_domain *d, const struct libvirt_run *run, char *err,
			  size_t errlen);

#endif
