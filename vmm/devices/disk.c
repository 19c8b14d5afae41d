// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk.c: copy-on-write over images, by clusters. The temporary file has no name from
 * the start, or has lost it before anything is in it: whatever ends the process ends it as well.
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image.h"

#define CLUSTER	       4096u
#define SIZE_MAX_IMAGE (1ull << 50) /* bytes */

struct disk {
	struct image image;
	bool open; /* it is */
	enum disk_mode mode;
	uint64_t size;	  /* bytes, whole sectors */
	int changes;	  /* what was written, at the same offsets; -1: it goes to image */
	uint8_t *changed; /* a bit a cluster: it is in changes */
	size_t map_size;  /* bytes of the mapping */
};

/* ---- copy on write ---- */

static bool is_changed(const struct disk *d, uint64_t cluster)
{
	return d->changed[cluster / 8] & 1u << cluster % 8;
}

/* Of the cluster that the end lies in there is more. */
static int read_image(struct disk *d, uint64_t offset, uint8_t *data, size_t len)
{
	size_t there = len < d->size - offset ? len : (size_t)(d->size - offset);

	memset(data + there, 0, len - there);
	return d->image.read(&d->image, offset, data, there);
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
		int r = changed ? file_read(d->changes, offset, data, run)
				: read_image(d, offset, data, run);

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
	r = read_image(d, cluster * CLUSTER, bytes, CLUSTER);
	return r < 0 ? r : file_write(d->changes, cluster * CLUSTER, bytes, CLUSTER);
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
		r = file_write(d->changes, offset, data, len);
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
	if (!len)
		return 0;
	return d->changes < 0 ? d->image.read(&d->image, offset, data, len)
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
	return d->changes < 0 ? d->image.write(&d->image, offset, data, len)
			      : write_changes(d, offset, data, len);
}

/* What is thrown away at the end need not be safe before it. */
int disk_flush(struct disk *d)
{
	if (d->mode != DISK_WRITABLE)
		return 0;
	return d->image.flush(&d->image);
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

static int open_image(struct disk *d, const struct disk_config *c, char *err, size_t errlen)
{
	bool writable = c->mode == DISK_WRITABLE;
	int r = c->format ? image_open_nbd(&d->image, c->path, c->format, writable, err, errlen)
			  : image_open_raw(&d->image, c->path, writable, err, errlen);

	if (r < 0)
		return -1;
	d->open = true;
	d->size = d->image.size / DISK_SECTOR * DISK_SECTOR;
	if (d->size && d->size <= SIZE_MAX_IMAGE)
		return 0;
	snprintf(err, errlen, "the disk %s has not 512 bytes to 1 PiB: give another one", c->path);
	return -1;
}

int disk_open(const struct disk_config *config, struct disk **out, char *err, size_t errlen,
	      bool *bad_input)
{
	struct disk *d = calloc(1, sizeof(*d));

	*bad_input = false;
	if (!d) {
		snprintf(err, errlen, "out of memory for the disk %s: free some memory",
			 config->path);
		return -1;
	}
	d->mode = config->mode;
	d->changes = -1;
	*bad_input = open_image(d, config, err, errlen) < 0;
	if (*bad_input || (d->mode == DISK_COPY_ON_WRITE && make_changes(d, err, errlen) < 0)) {
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
	if (d->open)
		d->image.close(&d->image);
	free(d);
}
