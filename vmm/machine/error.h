/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * error.h: filling a struct machine_error. Used inside vmm/machine/ only.
 */
#ifndef KMC_MACHINE_ERROR_H
#define KMC_MACHINE_ERROR_H

#include "machine.h"

/* Both return -1, so that a check reads "return bad_input(err, ...)". The text is one line. */
int bad_input(struct machine_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int host_error(struct machine_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
