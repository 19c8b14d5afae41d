/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * initramfs.h: builds the initial RAM disk in memory (cpio newc). Used by main.c.
 */
#ifndef KMC_INITRAMFS_H
#define KMC_INITRAMFS_H

#include <stdbool.h>
#include <stddef.h>

struct initramfs_config {
	const char *initrd; /* path of the user's initrd, put in front; NULL: built-in only */
	const char *agent;  /* path, NULL: none */
	const char *const *modules; /* each "FILE.ko param=value ..." */
	unsigned nmodules;
	const char *exec;	  /* command for the busybox's shell, NULL: none */
	bool interactive;	  /* a shell on the console where there is no exec */
	const char *busybox;	  /* path of a static busybox, NULL: none */
	const char *cmdline_init; /* with initrd: the user's rdinit= or "/init" */
};

/* 0 with *out malloc'd, or -1 with one line in err. */
int initramfs_build(const struct initramfs_config *config, void **out, size_t *len, char *err,
		    size_t errlen);

#endif
