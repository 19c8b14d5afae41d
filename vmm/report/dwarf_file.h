/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dwarf_file.h: one ELF file with debug information, a kernel (ET_EXEC, ET_DYN) or a module
 * (ET_REL). Used by debuginfo.c only.
 *
 * Addresses are the file's own; sections of a module get some by libdwfl. Nothing but this file is
 * read: no debug links, no debuginfod. The file is mapped, so it must not be cut while it is in
 * use. Not locked: one thread at a time.
 */
#ifndef KMC_DWARF_FILE_H
#define KMC_DWARF_FILE_H

#include "debuginfo.h"

struct dwarf_file;

/* NULL with one line in err, which names path, where it is no such file or has no debug
 * information. */
struct dwarf_file *dwarf_file_open(const char *path, char *err, size_t errlen);
void dwarf_file_close(struct dwarf_file *f); /* NULL is fine */

/* The name that the module has in the kernel; "" for a kernel. */
const char *dwarf_file_module(const struct dwarf_file *f);
/* Bytes of the build ID copied to id; 0 where it has none. */
size_t dwarf_file_build_id(const struct dwarf_file *f, uint8_t id[DEBUGINFO_ID]);

struct dwarf_symbol {
	const char *name;
	uint64_t addr, size; /* size 0: not known */
	uint32_t section;    /* number of the ELF section */
};
/* Symbols of that name; *n gets how many follow the first one returned, itself included. */
const struct dwarf_symbol *dwarf_file_symbols(const struct dwarf_file *f, const char *name,
					      size_t *n);
/* The range that the symbols of a section cover. */
void dwarf_file_extent(const struct dwarf_file *f, uint32_t section, uint64_t *start,
		       uint64_t *end);

/*
 * What is at addr: functions that were inlined there, innermost first, and the one that they are
 * in. Returns how many, 0 where the file says nothing. A path that starts with root, or with the
 * place of the kernel's headers, comes without it.
 */
unsigned dwarf_file_places(const struct dwarf_file *f, uint64_t addr, const char *root,
			   struct debuginfo_place *place, unsigned max);

#endif
