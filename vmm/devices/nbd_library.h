/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nbd_library.h: libnbd, loaded when the first image needs it: with what it is linked to it is most
 * of the time that kmc-vmm takes to start (docs/decisions/0021). Used by image_nbd.c only.
 */
#ifndef KMC_NBD_LIBRARY_H
#define KMC_NBD_LIBRARY_H

#include <libnbd.h>
#include <stddef.h>

#define NBD_LIBRARY_CALLS(X)                                                                       \
	X(create)                                                                                  \
	X(close)                                                                                   \
	X(connect_socket)                                                                          \
	X(get_size)                                                                                \
	X(get_errno)                                                                               \
	X(pread)                                                                                   \
	X(pwrite)                                                                                  \
	X(can_flush)                                                                               \
	X(flush)                                                                                   \
	X(shutdown)

/* nbd.pread is nbd_pread(), and so on. */
#define NBD_LIBRARY_MEMBER(name) __typeof__(nbd_##name) *name;
struct nbd_library {
	NBD_LIBRARY_CALLS(NBD_LIBRARY_MEMBER)
};

/* Filled by nbd_library_load(); stays as long as the process. */
extern struct nbd_library nbd;

/* Before the sandbox, on one thread; again is fine. 0, or -1 with a line in err: what is missing.
 */
int nbd_library_load(char *err, size_t errlen);

#endif
