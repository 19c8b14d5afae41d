/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * domain_parse.h: from a domain's XML to options of kmc-vmm. Pure: opens nothing, asks nobody. The
 * XML is hostile: at most 4 MiB (what libvirt's own protocol carries), 256 levels deep, 1024
 * attributes in an element; no DOCTYPE and so no entities; no value of it becomes an option of its
 * own.
 *
 * Format: https://libvirt.org/formatdomain.html, schema domaincommon.rng of libvirt 9.0.
 * docs/libvirt.md says what becomes of each element.
 */
#ifndef KMC_DOMAIN_PARSE_H
#define KMC_DOMAIN_PARSE_H

#include "domain_args.h"

#define DOMAIN_XML_MAX (4u << 20) /* bytes; VIR_NET_MESSAGE_STRING_MAX of libvirt */

/* Elements of the domain's <metadata> that are meant for kmc-vmm. */
#define DOMAIN_OPTIONS_URN "urn:kmc-vmm:domain:1"

struct domain_context {
	const char *runtime_dir; /* for the socket of a vsock */
	bool kernel_given;	 /* by the user: a domain without <kernel> will do */
};

/*
 * Fills *out, which must be zeroed; domain_args_deinit() it in any case. 0, or -1 with one line in
 * err (64 bytes or more): this domain cannot be booted, and why. Nothing of xml is used afterwards.
 */
int domain_parse(const char *xml, size_t len, const struct domain_context *context,
		 struct domain_args *out, char *err, size_t errlen);

#endif
