/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_format.h: what report_text.c, report_json.c and vmm/control/ share. Not for others.
 */
#ifndef KMC_REPORT_FORMAT_H
#define KMC_REPORT_FORMAT_H

#include <stddef.h>

#include "report.h"

#define REPORT_TITLE 256

/* The title, as it stands behind "BUG: ". */
void report_title(const struct report *r, char *out, size_t size);

/* Copies a string that came from the guest: printable ASCII stays, any other byte becomes '?'. */
void report_clean(const char *in, char *out, size_t size);

/* The letter of byte i of the map; i < map_len, map_len <= REPORT_MAP. */
char report_state_letter(const struct report *r, unsigned i);

#endif
