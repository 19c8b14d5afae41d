/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * disk.h: a disk image that is written, or one that never is, with what the guest
 * writes kept in an unnamed temporary file until the end. Used by blk.c and tests. One thread a
 * disk.
 */
#ifndef KMC_DISK_H
#define KMC_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_SECTOR 512u

enum disk_mode {
	DISK_COPY_ON_WRITE, /* the image is only read */
	DISK_WRITABLE,
	DISK_READ_ONLY, /* and the guest knows */
};

struct disk_config {
	const char *path;
	const char *format; /* as qemu-nbd names it; NULL: raw */
	enum disk_mode mode;
};

struct disk;

/*
 * 0, or -1 with one line in err; *bad_input: the image is wrong, otherwise the host. A block device
 * is as good as a raw file. The image is locked: several may read it, one that writes is alone.
 */
int disk_open(const struct disk_config *config, struct disk **out, char *err, size_t errlen,
	      bool *bad_input);
void disk_close(struct disk *d);

uint64_t disk_sectors(const struct disk *d);
bool disk_read_only(const struct disk *d);
/*
 * [offset, offset + len) in bytes, both any; what lies beyond disk_sectors() is -EINVAL. 0 or
 * -errno.
 */
int disk_read(struct disk *d, uint64_t offset, void *data, size_t len);
int disk_write(struct disk *d, uint64_t offset, const void *data, size_t len);
int disk_flush(struct disk *d);

#endif
