/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * helper.h: kmc-libvirt, another program, which has libvirt so that this one needs not. It is
 * looked for beside this program, then where it is installed. Used by domain.c and recorder.c,
 * before the sandbox.
 */
#ifndef KMC_HELPER_H
#define KMC_HELPER_H

#include <stddef.h>
#include <sys/types.h>

struct helper {
	int fd; /* a socket: its standard input and output; -1: not there */
	pid_t pid;
};

/*
 * Runs it with these words (vmm/libvirt/libvirt_call.h) behind the version; they end with NULL. 0,
 * or -1 with one line in err; helper_end() in any case.
 */
int helper_start(struct helper *h, const char *const *words, char *err, size_t errlen);
/* Hangs up, and waits for its end: status as waitpid() gives it. 0 where it is not there. */
int helper_end(struct helper *h);

#endif
