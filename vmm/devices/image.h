/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image.h: where a disk's bytes are: a raw file or block device, or an image in another format that
 * qemu-nbd reads for us (docs/decisions/0013-devices-and-images.md). Used by disk.c. Offsets and
 * lengths lie within size.
 */
#ifndef KMC_IMAGE_H
#define KMC_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image {
	uint64_t size; /* bytes */
	int fd;	       /* raw */
	struct image_nbd *nbd;
	/* 0 or -errno. */
	int (*read)(struct image *i, uint64_t offset, void *data, size_t len);
	int (*write)(struct image *i, uint64_t offset, const void *data, size_t len);
	int (*flush)(struct image *i);
	void (*close)(struct image *i);
};

/*
 * 0, or -1 with one line in err: the file or the host's tools are not as they should be. The image
 * is locked: several may read it, one that writes is alone.
 */
int image_open_raw(struct image *i, const char *path, bool writable, char *err, size_t errlen);
/* format: as qemu-nbd names it. */
int image_open_nbd(struct image *i, const char *path, const char *format, bool writable, char *err,
		   size_t errlen);

/* All of it or an error; behind the end of a file there are zeros. */
int file_read(int fd, uint64_t offset, void *data, size_t len);
int file_write(int fd, uint64_t offset, const void *data, size_t len);

#endif
