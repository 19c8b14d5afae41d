// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk.c: raw images, and copy-on-write over them by clusters. The temporary file has no name from
 * the start, or has lost it before anything is in it: whatever ends the process ends it as well.
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLUSTER	       4096u
#define SIZE_MAX_IMAGE (1ull << 50) /* bytes */

struct disk {
	int fd;
	enum disk_mode mode;
	uint64_t size;	  /* bytes, whole sectors */
	int changes;	  /* what was written, at the same offsets; -1: it goes to fd */
	uint8_t *changed; /* a bit a cluster: it is in changes */
	size_t map_size;  /* bytes of the mapping */
};

/* All of it or an error; behind the end of a file there are zeros. */
static int read_file(int fd, uint64_t offset, uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = pread(fd, data, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) {
			memset(data, 0, len);
			return 0;
		}
		data += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_file(int fd, uint64_t offset, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = pwrite(fd, data, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* ---- copy on write ---- */

static bool is_changed(const struct disk *d, uint64_t cluster)
{
	return d->changed[cluster / 8] & 1u << cluster % 8;
}

/* How much of [offset, offset + len) comes from the same file as its first byte. */
static size_t run_length(const struct disk *d, uint64_t offset, size_t len, bool *changed)
{
	uint64_t cluster = offset / CLUSTER;
	size_t run = CLUSTER - offset % CLUSTER;

	*changed = is_changed(d, cluster);
	while (run < len && is_changed(d, ++cluster) == *changed)
		run += CLUSTER;
	return run < len ? run : len;
}

static int read_both(struct disk *d, uint64_t offset, uint8_t *data, size_t len)
{
	while (len) {
		bool changed;
		size_t run = run_length(d, offset, len, &changed);
		int r = read_file(changed ? d->changes : d->fd, offset, data, run);

		if (r < 0)
			return r;
		data += run;
		offset += run;
		len -= run;
	}
	return 0;
}

/* The rest of a cluster that is written in part. */
static int complete(struct disk *d, uint64_t cluster)
{
	uint8_t bytes[CLUSTER];
	int r;

	if (is_changed(d, cluster))
		return 0;
	r = read_file(d->fd, cluster * CLUSTER, bytes, CLUSTER);
	return r < 0 ? r : write_file(d->changes, cluster * CLUSTER, bytes, CLUSTER);
}

static int write_changes(struct disk *d, uint64_t offset, const uint8_t *data, size_t len)
{
	uint64_t first = offset / CLUSTER, last = (offset + len - 1) / CLUSTER;
	int r = 0;

	if (offset % CLUSTER)
		r = complete(d, first);
	if (!r && (offset + len) % CLUSTER)
		r = complete(d, last);
	if (!r)
		r = write_file(d->changes, offset, data, len);
	for (uint64_t i = first; i <= last && !r; i++)
		d->changed[i / 8] |= (uint8_t)(1u << i % 8);
	return r;
}

/* ---- what the guest asks for ---- */

static bool is_inside(const struct disk *d, uint64_t offset, size_t len)
{
	return offset <= d->size && len <= d->size - offset;
}

int disk_read(struct disk *d, uint64_t offset, void *data, size_t len)
{
	if (!is_inside(d, offset, len))
		return -EINVAL;
	return d->changes < 0 ? read_file(d->fd, offset, data, len)
			      : read_both(d, offset, data, len);
}

int disk_write(struct disk *d, uint64_t offset, const void *data, size_t len)
{
	if (!is_inside(d, offset, len))
		return -EINVAL;
	if (d->mode == DISK_READ_ONLY)
		return -EROFS;
	if (!len)
		return 0;
	return d->changes < 0 ? write_file(d->fd, offset, data, len)
			      : write_changes(d, offset, data, len);
}

/* What is thrown away at the end need not be safe before it. */
int disk_flush(struct disk *d)
{
	if (d->mode != DISK_WRITABLE)
		return 0;
	return fdatasync(d->fd) < 0 ? -errno : 0;
}

uint64_t disk_sectors(const struct disk *d)
{
	return d->size / DISK_SECTOR;
}

bool disk_read_only(const struct disk *d)
{
	return d->mode == DISK_READ_ONLY;
}

/* ---- opening ---- */

/* Where the folder cannot hold it, memory does. */
static int temporary_file(void)
{
	const char *folder = getenv("TMPDIR");
	int fd =
		open(folder && *folder ? folder : "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : memfd_create("kmc-disk", MFD_CLOEXEC);
}

static int make_changes(struct disk *d, char *err, size_t errlen)
{
	void *map;

	d->changes = temporary_file();
	if (d->changes < 0) {
		snprintf(err, errlen,
			 "cannot make a temporary file for what the guest writes: %s: set TMPDIR",
			 strerror(errno));
		return -1;
	}
	d->map_size = (size_t)(d->size / CLUSTER / 8 + 1);
	map = mmap(NULL, d->map_size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED) {
		snprintf(err, errlen, "mmap failed: %s: free some memory", strerror(errno));
		return -1;
	}
	d->changed = map;
	return 0;
}

/* Bytes, or 0 with errno. */
static uint64_t size_of(int fd)
{
	struct stat st;
	uint64_t size = 0;

	if (fstat(fd, &st) < 0)
		return 0;
	errno = EINVAL;
	if (S_ISBLK(st.st_mode))
		return ioctl(fd, BLKGETSIZE64, &size) < 0 ? 0 : size;
	return S_ISREG(st.st_mode) && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

static int open_image(struct disk *d, const char *path, char *err, size_t errlen)
{
	bool writable = d->mode == DISK_WRITABLE;

	d->fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
	if (d->fd < 0) {
		snprintf(err, errlen, "cannot open the disk %s: %s: check the path and its rights",
			 path, strerror(errno));
		return -1;
	}
	d->size = size_of(d->fd) / DISK_SECTOR * DISK_SECTOR;
	if (!d->size || d->size > SIZE_MAX_IMAGE) {
		snprintf(err, errlen,
			 "the disk %s is no file or block device of 512 bytes to 1 PiB:"
			 " give another one",
			 path);
		return -1;
	}
	if (flock(d->fd, (writable ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return 0;
	snprintf(err, errlen,
		 "the disk %s is in use by another VM that writes it%s: leave out rw,"
		 " or end that VM",
		 path, writable ? ", or reads it" : "");
	return -1;
}

int disk_open(const char *path, enum disk_mode mode, struct disk **out, char *err, size_t errlen,
	      bool *bad_input)
{
	struct disk *d = calloc(1, sizeof(*d));

	*bad_input = false;
	if (!d) {
		snprintf(err, errlen, "out of memory for the disk %s: free some memory", path);
		return -1;
	}
	d->mode = mode;
	d->fd = d->changes = -1;
	*bad_input = open_image(d, path, err, errlen) < 0;
	if (*bad_input || (mode == DISK_COPY_ON_WRITE && make_changes(d, err, errlen) < 0)) {
		disk_close(d);
		return -1;
	}
	*out = d;
	return 0;
}

void disk_close(struct disk *d)
{
	if (!d)
		return;
	if (d->changed)
		munmap(d->changed, d->map_size);
	if (d->changes >= 0)
		close(d->changes);
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}
