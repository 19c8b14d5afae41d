/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debuginfo.h: source lines and inlined functions of guest code, from ELF files that the user
 * gives.
 *
 * A file is used only for what it was built with: a kernel by its build ID, a module because all
 * functions that the guest has of it have their sizes and distances in the file. What is given and
 * does not fit is said in one line and not used.
 * Not locked: one thread at a time.
 */
#ifndef KMC_DEBUGINFO_H
#define KMC_DEBUGINFO_H

#include "report.h"
#include "symbols.h"

#define DEBUGINFO_ID	 64 /* bytes of a build ID at most */
#define DEBUGINFO_PLACES 16 /* functions at one address at most */

struct debuginfo;
struct debuginfo_config {
	/*
	 * Files; or folders, which are searched for vmlinux, vmlinux-*, *.ko and *.ko.debug without
	 * following links. Used by debuginfo_open() only.
	 */
	const char *const *paths;
	unsigned npaths;
	void *ctx;
	void (*say)(void *ctx, const char *line); /* one line without \n */
};

/* 0, or -1 with one line in err: a path cannot be read, is no ELF file or has no debug information.
 */
int debuginfo_open(const struct debuginfo_config *config, struct debuginfo **d, char *err,
		   size_t errlen);
void debuginfo_close(struct debuginfo *d); /* NULL is fine */

/* The build ID among ELF notes, which may be hostile. Returns its bytes, 0 where there is none. */
size_t debuginfo_build_id(const void *notes, size_t len, uint8_t id[DEBUGINFO_ID]);
/* The kernel that runs, and where its _stext is. len 0: its build ID is not known. */
void debuginfo_set_kernel(struct debuginfo *d, const uint8_t *id, size_t len, uint64_t stext);

struct debuginfo_place {
	char function[REPORT_SYMBOL];
	char file[REPORT_FILE]; /* below the kernel's source tree where it is of it; "" unknown */
	uint32_t line;		/* 0 unknown; in a function with another inlined: of the call */
};
/*
 * What the code at addr (gva) was made from, innermost function first: all but the last one were
 * inlined there. Returns how many; 0: not known. s has the names that addr belongs to.
 */
unsigned debuginfo_find(struct debuginfo *d, struct symbols *s, uint64_t addr,
			struct debuginfo_place place[DEBUGINFO_PLACES]);

#endif
