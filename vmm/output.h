/* SPDX-License-Identifier: GPL-2.0-only */
/* output.h: files that are written at the end, and opened at the start: later nothing is. Used by
 * main.c. */
#ifndef KMC_OUTPUT_H
#define KMC_OUTPUT_H

#include <stddef.h>

/*
 * Makes the file if need be; what is in it stays until output_begin(). 0 with *fd, or -1 with one
 * line in err that names the option.
 */
int output_open(const char *option, const char *path, int *fd, char *err, size_t errlen);
void output_begin(int fd); /* from here on it is as new */

#endif
