// SPDX-License-Identifier: GPL-2.0-only
/* image_raw.c: raw files and block devices. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image.h"

int file_read(int fd, uint64_t offset, void *data, size_t len)
{
	uint8_t *at = data;

	while (len) {
		ssize_t n = pread(fd, at, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) {
			memset(at, 0, len);
			return 0;
		}
		at += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

int file_write(int fd, uint64_t offset, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len) {
		ssize_t n = pwrite(fd, at, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int raw_read(struct image *i, uint64_t offset, void *data, size_t len)
{
	return file_read(i->fd, offset, data, len);
}

static int raw_write(struct image *i, uint64_t offset, const void *data, size_t len)
{
	return file_write(i->fd, offset, data, len);
}

static int raw_flush(struct image *i)
{
	return fdatasync(i->fd) < 0 ? -errno : 0;
}

static void raw_close(struct image *i)
{
	close(i->fd);
}

/* Bytes, or 0. */
static uint64_t size_of(int fd)
{
	struct stat st;
	uint64_t size = 0;

	if (fstat(fd, &st) < 0)
		return 0;
	if (S_ISBLK(st.st_mode))
		return ioctl(fd, BLKGETSIZE64, &size) < 0 ? 0 : size;
	return S_ISREG(st.st_mode) && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

/* Nobody else who follows the rule uses it; file systems without locks have no rule. */
static bool lock(int fd, bool writable)
{
	return flock(fd, (writable ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

int image_open_raw(struct image *i, const char *path, bool writable, char *err, size_t errlen)
{
	*i = (struct image){
		.read = raw_read, .write = raw_write, .flush = raw_flush, .close = raw_close};
	i->fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
	if (i->fd < 0) {
		snprintf(err, errlen, "cannot open the disk %s: %s: check the path and its rights",
			 path, strerror(errno));
		return -1;
	}
	i->size = size_of(i->fd);
	if (i->size && lock(i->fd, writable))
		return 0;
	if (i->size)
		snprintf(err, errlen,
			 "the disk %s is in use by another VM that writes it%s: leave out rw, or"
			 " end that VM",
			 path, writable ? ", or reads it" : "");
	else
		snprintf(err, errlen,
			 "the disk %s is empty, or no file or block device: give another one",
			 path);
	close(i->fd);
	return -1;
}
