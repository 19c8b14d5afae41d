/* SPDX-License-Identifier: GPL-2.0-only */
/* domain_devices.h: the parts of domain_parse(). Each adds options, or fails. Used by domain_*.c
 * only. */
#ifndef KMC_DOMAIN_DEVICES_H
#define KMC_DOMAIN_DEVICES_H

#include "domain_xml.h"

/* <devices>; NULL: none. */
void domain_disks(struct translation *t, xmlNode *devices);
void domain_interfaces(struct translation *t, xmlNode *devices);
void domain_characters(struct translation *t, xmlNode *devices); /* serial, console */
void domain_others(struct translation *t, xmlNode *devices);	 /* rng, vsock, filesystem, panic */

#endif
