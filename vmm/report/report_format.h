/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_format.h: what report_text.c and report_json.c share. Not for others.
 */
#ifndef KMC_REPORT_FORMAT_H
#define KMC_REPORT_FORMAT_H

#include <stddef.h>
#include <stdio.h>

#include "report.h"

#define REPORT_TITLE 256

/* The title, as it stands behind "BUG: ". */
void report_title(const struct report *r, char *out, size_t size);

/* Copies a string that came from the guest: printable ASCII stays, any other byte becomes '?'. */
void report_clean(const char *in, char *out, size_t size);

/* "name+0x12/0x80", "name.isra.0+0x12/0x80 [module]": the forms that parsers take for a place. */
bool report_is_symbol(const char *symbol);
/* A function that only passes an allocation on: kmalloc, kstrdup, ... */
bool report_is_helper(const char *symbol);

/* report_leak.c: "memory leak in f" and the whole text. */
void report_leak_title(const struct report *r, char *out, size_t size);
void report_print_leak(FILE *f, const struct report *r);

/* The letter of byte i of the map; i < map_len, map_len <= REPORT_MAP. */
char report_state_letter(const struct report *r, unsigned i);

#endif
