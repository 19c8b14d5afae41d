/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * capped_file.h: a file that a guest may fill with what it likes, up to a limit: then a line in it
 * says so, and the rest is dropped. Used by hvc.c and by vmm/machine/console_port.c.
 */
#ifndef KMC_CAPPED_FILE_H
#define KMC_CAPPED_FILE_H

#include <stdint.h>
#include <sys/types.h>

struct capped_file {
	int fd;	       /* -1: none */
	uint64_t left; /* bytes; UINT64_MAX: no limit */
};

/* fd stays the caller's. limit: bytes, 0: none. What is no regular file does not grow. */
void capped_file_init(struct capped_file *f, int fd, uint64_t limit);
/* As write(2). What is dropped counts as written. */
ssize_t capped_file_write(struct capped_file *f, const void *bytes, size_t len);

#endif
