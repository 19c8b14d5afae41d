/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * root.h: the root file system that the kernel's command line asks for, mounted and made the only
 * one, as the kernel itself would do it without an initramfs. Used by init.c.
 */
#ifndef KMC_ROOT_H
#define KMC_ROOT_H

#include <stdbool.h>

/* Is there a root= in it? */
bool root_wanted(const char *cmdline);
/*
 * Mounts it and becomes its init, with these arguments. /proc and /dev are mounted. Understands
 * root=, rootfstype=, rootflags=, rootwait, ro, rw and init=; of names only those in /dev, and with
 * rootfstype=virtiofs the tag of a shared folder. Returns
 * where that fails, having said why.
 */
void root_enter(const char *cmdline, char **argv, void (*say)(const char *format, ...));

#endif
