// SPDX-License-Identifier: GPL-2.0-only
/*
 * initramfs.c: cpio archives for the guest's first file system.
 *
 * The format is "newc" of Documentation/driver-api/early-userspace/buffer-format.rst: segments
 * follow each other, an uncompressed one starts at a multiple of 4, zeros in between are skipped.
 * Ours holds /kmc and is the last one, so it wins over the user's. What the files below /kmc mean
 * is described in guest-agent/init/init.c.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "initramfs.h"
#include "kmc_init.h"

#define MODULES_MAX 999
#define FILE_MAX    (UINT32_MAX - 4096u) /* a size is eight hexadecimal digits */

/* An archive that grows. After the first failure everything else does nothing. */
struct archive {
	unsigned char *bytes;
	size_t used, size;
	uint32_t inode;
	int failed; /* errno */
	char *err;  /* one line */
	size_t errlen;
};

__attribute__((format(printf, 3, 4))) static void set_failed(struct archive *a, int error,
							     const char *format, ...)
{
	va_list args;

	if (a->failed)
		return;
	a->failed = error;
	va_start(args, format);
	vsnprintf(a->err, a->errlen, format, args);
	va_end(args);
}

/* Room for n more bytes at the end, or NULL. */
static unsigned char *reserve(struct archive *a, size_t n)
{
	size_t need, size;
	unsigned char *bytes;

	if (a->failed)
		return NULL;
	if (__builtin_add_overflow(a->used, n, &need) || need > SIZE_MAX / 4) {
		set_failed(a, EFBIG, "the initial RAM disk is too large");
		return NULL;
	}
	for (size = a->size ? a->size : 65536; size < need; size *= 2)
		;
	if (size != a->size) {
		bytes = realloc(a->bytes, size);
		if (!bytes) {
			set_failed(a, ENOMEM, "out of memory for the initial RAM disk (%zu bytes)",
				   size);
			return NULL;
		}
		a->bytes = bytes;
		a->size = size;
	}
	return a->bytes + a->used;
}

static void put(struct archive *a, const void *data, size_t n)
{
	unsigned char *to = reserve(a, n);

	if (to && n) {
		memcpy(to, data, n);
		a->used += n;
	}
}

static void pad(struct archive *a)
{
	static const char zeros[4];

	put(a, zeros, -a->used & 3);
}

static void put_header(struct archive *a, const char *name, uint32_t mode, uint32_t size,
		       dev_t device)
{
	size_t namelen = strlen(name) + 1;
	char header[6 + 13 * 8 + 1];

	snprintf(header, sizeof(header),
		 "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", ++a->inode, mode, 0,
		 0, S_ISDIR(mode) ? 2 : 1, 0, size, 0, 0, major(device), minor(device),
		 (uint32_t)namelen, 0);
	put(a, header, sizeof(header) - 1);
	put(a, name, namelen);
	pad(a);
}

static void put_file(struct archive *a, const char *name, uint32_t mode, const void *data,
		     size_t size)
{
	put_header(a, name, S_IFREG | mode, size, 0);
	put(a, data, size);
	pad(a);
}

static void put_dir(struct archive *a, const char *name)
{
	put_header(a, name, S_IFDIR | 0755, 0, 0);
}

static void put_text(struct archive *a, const char *name, const char *text)
{
	put_file(a, name, 0644, text, strlen(text));
}

static void put_link(struct archive *a, const char *name, const char *target)
{
	put_header(a, name, S_IFLNK | 0777, strlen(target), 0);
	put(a, target, strlen(target));
	pad(a);
}

/* A host file, or -1 with a->err. Empty ones are an error: nothing here may be. */
static int open_input(struct archive *a, const char *what, const char *path, size_t *size)
{
	struct stat st;
	int fd;

	if (a->failed)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		set_failed(a, errno, "cannot open the %s %s: %s: check the path", what, path,
			   strerror(errno));
		goto fail;
	}
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > (off_t)FILE_MAX) {
		set_failed(a, EINVAL, "the %s %s is %s: give another one", what, path,
			   !S_ISREG(st.st_mode) ? "no regular file"
			   : st.st_size <= 0	? "empty"
						: "too large");
		goto fail;
	}
	*size = (size_t)st.st_size;
	return fd;
fail:
	if (fd >= 0)
		close(fd);
	return -1;
}

/* All of it, or false with a->err. to: room for size bytes, or NULL where there was no memory. */
static bool read_input(struct archive *a, int fd, const char *what, const char *path,
		       unsigned char *to, size_t size)
{
	size_t used = 0;
	ssize_t n = 1;

	while (to && used < size && (n = read(fd, to + used, size - used)) > 0)
		used += (size_t)n;
	if (to && used == size)
		return true;
	set_failed(a, EIO, "cannot read the %s %s: %s", what, path,
		   !to	   ? "out of memory"
		   : n < 0 ? strerror(errno)
			   : "it is being changed");
	return false;
}

/* A host file's bytes, malloc'd, or NULL with a->err. */
static void *load(struct archive *a, const char *what, const char *path, size_t *size)
{
	int fd = open_input(a, what, path, size);
	unsigned char *data;

	if (fd < 0)
		return NULL;
	data = malloc(*size);
	if (!read_input(a, fd, what, path, data, *size)) {
		free(data);
		data = NULL;
	}
	close(fd);
	return data;
}

/* An ELF program that needs no interpreter: only such a one runs in our small file system. */
static bool is_static_program(const unsigned char *data, size_t size)
{
	Elf64_Ehdr elf;
	Elf64_Phdr segment;

	if (size < sizeof(elf))
		return false;
	memcpy(&elf, data, sizeof(elf));
	if (memcmp(elf.e_ident, ELFMAG, SELFMAG) || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf.e_phentsize != sizeof(segment) || elf.e_phoff > size ||
	    (size - elf.e_phoff) / sizeof(segment) < elf.e_phnum)
		return false;
	for (unsigned i = 0; i < elf.e_phnum; i++) {
		memcpy(&segment, data + elf.e_phoff + i * sizeof(segment), sizeof(segment));
		if (segment.p_type == PT_INTERP)
			return false;
	}
	return true;
}

/* "FILE.ko param=value ...": the file keeps its name behind a number, for the order. */
static void put_module(struct archive *a, const char *module, unsigned index)
{
	size_t pathlen = strcspn(module, " "), size = 0;
	const char *params = module + pathlen + strspn(module + pathlen, " ");
	char path[4096], name[512], *base;
	void *data;

	if (pathlen >= sizeof(path)) {
		set_failed(a, ENAMETOOLONG, "the name of module %u is too long", index + 1);
		return;
	}
	memcpy(path, module, pathlen);
	path[pathlen] = '\0';
	data = load(a, "module", path, &size);
	base = strrchr(path, '/');
	snprintf(name, sizeof(name), "kmc/modules/%03u-%.255s", index, base ? base + 1 : path);
	put_file(a, name, 0644, data, size);
	free(data);
	if (*params) {
		strcat(name, ".params");
		put_text(a, name, params);
	}
}

static void put_agent(struct archive *a, const char *path)
{
	size_t size = 0;
	void *data = load(a, "agent", path, &size);

	put_file(a, "kmc/kmc_agent.ko", 0644, data, size);
	free(data);
}

/* A busybox that needs shared libraries is as good as none: false. */
static bool put_busybox(struct archive *a, const char *path)
{
	size_t size = 0;
	void *data = load(a, "busybox", path, &size);
	bool usable = data && is_static_program(data, size);

	if (usable) {
		put_file(a, "bin/busybox", 0755, data, size);
		put_link(a, "bin/sh", "busybox");
	}
	free(data);
	return usable;
}

/* What a root file system needs beside /kmc. */
static void put_root(struct archive *a, const struct initramfs_config *config)
{
	static const char *const dirs[] = { "bin", "dev", "proc", "sys", "tmp", "root" };
	bool shell;

	for (unsigned i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		put_dir(a, dirs[i]);
	put_header(a, "dev/console", S_IFCHR | 0600, 0, makedev(5, 1));
	shell = config->busybox && put_busybox(a, config->busybox);
	if (config->exec && !shell)
		set_failed(a, ENOENT, "--exec needs a shell for the guest: install busybox-static, or name a busybox "
				      "without shared libraries in KMC_BUSYBOX");
	if (config->exec)
		put_text(a, "kmc/exec", config->exec);
	if (config->interactive)
		put_text(a, "kmc/interactive", "");
}

/* The largest of all: read to where it belongs. */
static void put_initrd(struct archive *a, const char *path)
{
	size_t size;
	int fd = open_input(a, "initrd", path, &size);
	unsigned char *to;

	if (fd < 0)
		return;
	to = reserve(a, size);
	if (to && read_input(a, fd, "initrd", path, to, size))
		a->used += size;
	close(fd);
	pad(a);
}

static void put_all(struct archive *a, const struct initramfs_config *config)
{
	if (config->initrd)
		put_initrd(a, config->initrd);
	put_dir(a, "kmc");
	put_file(a, "kmc/init", 0755, kmc_init_start, kmc_init_end - kmc_init_start);
	if (config->agent)
		put_agent(a, config->agent);
	put_dir(a, "kmc/modules");
	for (unsigned i = 0; i < config->nmodules && !a->failed; i++)
		put_module(a, config->modules[i], i);
	if (config->initrd)
		put_text(a, "kmc/next", config->cmdline_init ? config->cmdline_init : "/init");
	else
		put_root(a, config);
	put_header(a, "TRAILER!!!", 0, 0, 0);
}

int initramfs_build(const struct initramfs_config *config, void **out, size_t *len, char *err,
		    size_t errlen)
{
	struct archive a = { .err = err, .errlen = errlen };

	if (config->nmodules > MODULES_MAX)
		set_failed(&a, E2BIG, "too many modules: at most %d", MODULES_MAX);
	put_all(&a, config);
	if (a.failed) {
		free(a.bytes);
		return -1;
	}
	*out = a.bytes;
	*len = a.used;
	return 0;
}
