// SPDX-License-Identifier: GPL-2.0-only
/* libvirt_none.c: a build without libvirt says so, and which packages would change that. */
#include "libvirt_domain.h"

static int none(char *err, size_t errlen)
{
	snprintf(err, errlen,
		 "this build has no libvirt: configure it with libvirt-dev and libxml2-dev "
		 "installed");
	return -1;
}

int libvirt_domain_args(const struct libvirt_domain *d, const struct domain_context *context,
			struct domain_args *out, bool *active, char *err, size_t errlen)
{
	return none(err, errlen);
}

int libvirt_domain_writable(const struct libvirt_domain *d, char *err, size_t errlen)
{
	return none(err, errlen);
}

int libvirt_domain_record(const struct libvirt_domain *d, const struct libvirt_run *run, char *err,
			  size_t errlen)
{
	return none(err, errlen);
}
