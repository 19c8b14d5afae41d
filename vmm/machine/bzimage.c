// SPDX-License-Identifier: GPL-2.0-only
/*
 * bzimage.c: reads and checks Linux kernel images. Does not place them in memory: boot.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bzimage.h"
#include "error.h"

#define HEADER_START   0x1f1u
#define HEADER_END_MIN 0x264u /* behind init_size, protocol 2.10 */
#define SECTOR	       512u
#define PROTOCOL_MIN   0x020cu /* 2.12: xloadflags */
#define BOOT_FLAG      0xaa55u
#define HEADER_MAGIC   0x53726448u /* "HdrS" */
#define ENTRY_64       0x200u	   /* offset of the 64-bit entry point in the code */
#define INIT_SIZE_MAX  (1ull << 30)

static int check_kind(const char *path, const struct setup_header *h, struct machine_error *err)
{
	if (h->boot_flag != BOOT_FLAG || h->header != HEADER_MAGIC)
		return bad_input(err,
				 "kernel '%s' is no bzImage (no HdrS header): give --kernel the"
				 " file /boot/vmlinuz-RELEASE, not vmlinux or an archive",
				 path);
	if (h->version < PROTOCOL_MIN)
		return bad_input(err,
				 "kernel '%s' speaks boot protocol %u.%02u, 2.12 is needed: use"
				 " Linux 3.8 or later",
				 path, h->version >> 8, h->version & 0xffu);
	if (!(h->xloadflags & XLF_KERNEL_64))
		return bad_input(err,
				 "kernel '%s' has no 64-bit entry point: use an x86-64 kernel,"
				 " not a 32-bit one",
				 path);
	if (!(h->loadflags & LOADED_HIGH))
		return bad_input(err, "kernel '%s' is a zImage (not loaded high): use its bzImage",
				 path);
	return 0;
}

static int check_sizes(const char *path, uint64_t file_size, struct bzimage *b,
		       struct machine_error *err)
{
	const struct setup_header *h = &b->header;

	if (b->code_offset >= file_size)
		return bad_input(err,
				 "kernel '%s' is truncated: its %u setup sectors do not fit into"
				 " its %llu bytes: copy the file again",
				 path, h->setup_sects, (unsigned long long)file_size);
	if (b->code_size > file_size - b->code_offset)
		return bad_input(err,
				 "kernel '%s' is truncated: the header promises %llu bytes, the"
				 " file has %llu: copy the file again",
				 path, (unsigned long long)(b->code_offset + b->code_size),
				 (unsigned long long)file_size);
	if (b->code_size <= ENTRY_64)
		return bad_input(err,
				 "kernel '%s' has an absurd code size of %llu bytes: the file is"
				 " damaged, copy it again",
				 path, (unsigned long long)b->code_size);
	if ((uint64_t)h->payload_offset + h->payload_length > b->code_size)
		return bad_input(err,
				 "kernel '%s' has its payload beyond its end: the file is"
				 " damaged, copy it again",
				 path);
	if (b->init_size < b->code_size || b->init_size > INIT_SIZE_MAX)
		return bad_input(err,
				 "kernel '%s' has an absurd init_size of %llu bytes: the file is"
				 " damaged, copy it again",
				 path, (unsigned long long)b->init_size);
	return 0;
}

static int check_placement(const char *path, const struct bzimage *b, struct machine_error *err)
{
	uint64_t a = b->alignment;

	if (b->relocatable && (a < GUEST_PAGE || a > INIT_SIZE_MAX || (a & (a - 1))))
		return bad_input(err,
				 "kernel '%s' has an absurd alignment of %#llx: the file is"
				 " damaged, copy it again",
				 path, (unsigned long long)a);
	if (b->pref_address < 0x100000 || b->pref_address % GUEST_PAGE ||
	    b->pref_address > GUEST_RAM_LOW_END)
		return bad_input(err,
				 "kernel '%s' has an absurd load address of %#llx: the file is"
				 " damaged, copy it again",
				 path, (unsigned long long)b->pref_address);
	return 0;
}

/* kernel_version: offset minus 0x200 of a string in the setup code. */
static void find_release(const uint8_t *setup, size_t setup_size, struct bzimage *b)
{
	size_t at = (size_t)b->header.kernel_version + 0x200, n = 0;

	if (!b->header.kernel_version)
		return;
	while (at < setup_size && n + 1 < sizeof(b->release) && setup[at] > ' ' && setup[at] < 0x7f)
		b->release[n++] = (char)setup[at++];
	if (at >= setup_size || (setup[at] && setup[at] != ' '))
		n = 0;
	b->release[n] = '\0';
}

int bzimage_parse(const char *path, const uint8_t *setup, size_t len, uint64_t file_size,
		  struct bzimage *out, struct machine_error *err)
{
	struct bzimage b = {0};
	size_t end, setup_size;

	if (len < HEADER_END_MIN)
		return bad_input(err,
				 "kernel '%s' is too short (%llu bytes) for a bzImage: give"
				 " --kernel the file /boot/vmlinuz-RELEASE",
				 path, (unsigned long long)file_size);
	/* The header's own length is the displacement of the jump at 0x200. */
	end = 0x202u + setup[0x201];
	if (end > HEADER_START + sizeof(b.header))
		end = HEADER_START + sizeof(b.header);
	if (end < HEADER_END_MIN)
		end = HEADER_END_MIN;
	if (end > len)
		end = len;
	memcpy(&b.header, setup + HEADER_START, end - HEADER_START);
	if (check_kind(path, &b.header, err))
		return -1;

	setup_size = (size_t)(b.header.setup_sects ? b.header.setup_sects + 1 : 5) * SECTOR;
	b.code_offset = setup_size;
	b.code_size = (uint64_t)b.header.syssize * 16;
	b.init_size = b.header.init_size;
	b.pref_address = b.header.pref_address;
	b.alignment = b.header.kernel_alignment;
	b.relocatable = b.header.relocatable_kernel;
	b.cmdline_max = b.header.cmdline_size;
	b.initrd_end_max = (uint64_t)b.header.initrd_addr_max + 1;
	if (check_sizes(path, file_size, &b, err) || check_placement(path, &b, err))
		return -1;
	find_release(setup, setup_size < len ? setup_size : len, &b);
	*out = b;
	return 0;
}

/* Reads exactly size bytes; 0, a negative errno, or 1 where the file is shorter. */
static int read_all(int fd, void *dst, uint64_t size, uint64_t offset)
{
	uint8_t *p = dst;

	while (size) {
		ssize_t n = pread(fd, p, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 1;
		p += n;
		offset += (uint64_t)n;
		size -= (uint64_t)n;
	}
	return 0;
}

static int read_failed(const char *path, int r, struct machine_error *err)
{
	if (r > 0)
		return bad_input(err, "kernel '%s' became shorter while it was read: copy it first",
				 path);
	return bad_input(err, "read of kernel '%s' failed: %s: give --kernel a readable file", path,
			 strerror(-r));
}

int bzimage_open(const char *path, int *fd, struct bzimage *out, struct machine_error *err)
{
	struct stat st;
	uint8_t *setup;
	size_t len;
	int f, r;

	/* O_NONBLOCK: a FIFO must not make us wait. */
	f = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f < 0)
		return bad_input(err,
				 "open of kernel '%s' failed: %s: give --kernel an existing,"
				 " readable bzImage",
				 path, strerror(errno));
	if (fstat(f, &st) || !S_ISREG(st.st_mode)) {
		close(f);
		return bad_input(err,
				 "kernel '%s' is no regular file: give --kernel the file"
				 " /boot/vmlinuz-RELEASE",
				 path);
	}
	len = st.st_size < (off_t)BZIMAGE_SETUP_MAX ? (size_t)st.st_size : BZIMAGE_SETUP_MAX;
	setup = malloc(len + 1);
	if (!setup) {
		close(f);
		return host_error(err, "out of memory while reading the kernel: free some memory");
	}
	r = read_all(f, setup, len, 0);
	r = r ? read_failed(path, r, err)
	      : bzimage_parse(path, setup, len, (uint64_t)st.st_size, out, err);
	free(setup);
	if (r)
		close(f);
	else
		*fd = f;
	return r;
}

int bzimage_read_code(const char *path, int fd, const struct bzimage *image, void *dst,
		      struct machine_error *err)
{
	int r = read_all(fd, dst, image->code_size, image->code_offset);

	return r ? read_failed(path, r, err) : 0;
}

int bzimage_release(const char *path, char *out, size_t size, struct machine_error *err)
{
	struct bzimage b;
	size_t n;
	int fd;

	if (bzimage_open(path, &fd, &b, err))
		return -1;
	close(fd);
	n = strlen(b.release);
	if (!n || n >= size)
		return bad_input(err,
				 "kernel '%s' carries no usable release string: use an image made"
				 " by the kernel's own build (make bzImage)",
				 path);
	memcpy(out, b.release, n + 1);
	return 0;
}
