/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bzimage.h: what the boot protocol needs to know of a bzImage. Used by boot.c and tests.
 *
 * Source: Documentation/x86/boot.rst in the kernel tree. The file is hostile input: every number
 * that comes out of bzimage_parse() has been checked against the file's size.
 */
#ifndef KMC_BZIMAGE_H
#define KMC_BZIMAGE_H

#include <asm/bootparam.h>
#include "machine.h"

/* Boot sector plus at most 255 setup sectors: all that bzimage_parse() ever looks at. */
#define BZIMAGE_SETUP_MAX (256u * 512u)

struct bzimage {
	struct setup_header header; /* as in the file; fields behind its end are zero */
	uint64_t code_offset;	    /* file offset of the protected-mode kernel */
	uint64_t code_size;	    /* bytes of it, all inside the file */
	uint64_t init_size;	    /* bytes from the load address that the kernel needs to start */
	uint64_t pref_address;	    /* preferred load address */
	uint64_t alignment;	    /* of the load address; a power of two */
	uint64_t cmdline_max;	    /* bytes, without the NUL */
	uint64_t initrd_end_max;    /* the initrd lies below this address */
	bool relocatable;
	char release[128]; /* "6.1.0-..." up to the first blank, "" where the file has none */
};

/*
 * setup: the first bytes of the file, len = min(file_size, BZIMAGE_SETUP_MAX). path is for
 * messages. 0, or -1 with *err.
 */
int bzimage_parse(const char *path, const uint8_t *setup, size_t len, uint64_t file_size,
		  struct bzimage *out, struct machine_error *err);

/* Opens and parses path. *fd is open for reading on success. 0, or -1 with *err. */
int bzimage_open(const char *path, int *fd, struct bzimage *out, struct machine_error *err);

/* Reads the protected-mode kernel into dst (code_size bytes). 0, or -1 with *err. */
int bzimage_read_code(const char *path, int fd, const struct bzimage *image, void *dst,
		      struct machine_error *err);

#endif
