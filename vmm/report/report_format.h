/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report_format.h: what report_title.c, report_text.c, report_json.c, site_name.c and vmm/control/
 * share. Not for others.
 */
#ifndef KMC_REPORT_FORMAT_H
#define KMC_REPORT_FORMAT_H

#include <stddef.h>
#include <stdio.h>

#include "report.h"

#define REPORT_TITLE	  256
#define REPORT_ALT_TITLES 3

/* How the kernel's own tools word it: "TOOL: WHAT in PLACE". */
struct report_form {
	const char *tool, *what;
	const char *alt_tool, *alt_what; /* how another one would, or NULL */
	bool is_free; /* a pointer was freed, nothing was read or written */
};
const struct report_form *report_form(const struct report *r);
/* Undefined bits with an origin that is known and named: KMSAN's form can be kept. */
bool report_is_kmsan(const struct report *r);
/* The event that made the memory undefined; may be unknown. */
const struct report_stack *report_created(const struct report *r);

/* The title, as it stands behind "BUG: ". */
void report_title(const struct report *r, enum report_style style, char *out, size_t size);
/* Other titles of it (docs/report.md says which); how many. */
unsigned report_alt_titles(const struct report *r, char out[REPORT_ALT_TITLES][REPORT_TITLE]);
/* Where it happened, of a leak where it was allocated; "unknown+0x0/0x0" where no symbol covers the address. */
void report_place(const struct report *r, char *out, size_t size);

/* "name+0x12/0x80" or "name.isra.0+0x12/0x80 [module]": the only forms that parsers take. */
bool report_is_symbol(const char *symbol);
/* Of its name. Such functions say nothing about the origin of memory; parsers skip them. */
bool report_is_alloc_helper(const char *symbol);
/* The first one that was not inlined into another; NULL where there is none. */
const struct report_frame *report_first_frame(const struct report_stack *s);
/* Frames that are there; 0 for a stack that is not known. */
unsigned report_frames(const struct report_stack *s);

/* Copies a string that came from the guest: printable ASCII stays, any other byte becomes '?'. */
void report_clean(const char *in, char *out, size_t size);

/* FNV-1a, 64 bits, of one string after another: begins with REPORT_HASH. */
#define REPORT_HASH 0xcbf29ce484222325ull
uint64_t report_hash(uint64_t h, const char *s);

/* report_text.c: one line of a trace, with one blank in front. */
void report_print_frame(FILE *f, const struct report_frame *frame);
/* report_leak.c: the text of a leak. */
void report_print_leak(FILE *f, const struct report *r, enum report_style style);

/* The letter of byte i of the map; i < map_len, map_len <= REPORT_MAP. */
char report_state_letter(const struct report *r, unsigned i);

/* Lower-case names of the general registers, in the order of struct report_registers. */
extern const char *const report_gpr_name[REPORT_GPRS];

#endif
