/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * qemu_argv.h: QEMU's command line, translated to kmc-vmm's; docs/kmc-vmm-qemu.1 describes what is
 * taken, ignored and refused. Used by vmm/main.c.
 *
 * Opens no file and asks nobody: the same line gives the same answer everywhere. What the values
 * mean is for options.c to judge.
 */
#ifndef KMC_QEMU_ARGV_H
#define KMC_QEMU_ARGV_H

#include <stdbool.h>
#include <stddef.h>

struct qemu_argv {
	char **argv; /* kmc-vmm's, argv[0] is "kmc-vmm"; NULL behind the last one */
	int argc;
	char **notes; /* what the user should know, a line each without \n */
	int nnotes;
};

enum qemu_result {
	QEMU_RUN,
	QEMU_ANSWER, /* -version, -help, -device help...: text has what to print, and that is all */
	QEMU_BAD,    /* text: what is wrong and what to do, one line without \n */
};

/* Is a program of this name (argv[0]) meant to be QEMU? */
bool qemu_name(const char *argv0);

/* Free *out in any case. */
enum qemu_result qemu_translate(int argc, char **argv, const char *version, struct qemu_argv *out,
				char *text, size_t size);
void qemu_argv_free(struct qemu_argv *out);

#endif
