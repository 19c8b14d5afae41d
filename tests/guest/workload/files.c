// SPDX-License-Identifier: GPL-2.0-only
/* files.c: file trees in memory and on ext4, /proc and /sys, modules. */
#include <dirent.h>
#include <errno.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "workload.h"

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int no_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
	       strcmp(entry->d_name, "lost+found");
}

static void add_xattrs(struct sum *sum, const char *path)
{
	char value[256];
	ssize_t n = lgetxattr(path, "trusted.workload", value, sizeof(value));

	if (n > 0)
		add(sum, value, n);
}

static void add_file(struct sum *sum, const char *path, const struct stat *st)
{
	char target[256];
	ssize_t n;
	int fd;

	add_number(sum, st->st_mode);
	add_number(sum, st->st_nlink);
	if (S_ISLNK(st->st_mode)) {
		n = readlink(path, target, sizeof(target));
		NEED(n > 0);
		add(sum, target, n);
	} else if (S_ISREG(st->st_mode)) {
		add_number(sum, st->st_size);
		fd = open(path, O_RDONLY);
		NEED(fd >= 0);
		add_until_end(sum, fd);
		close(fd);
	}
	add_xattrs(sum, path);
}

/* Names, kinds, sizes, contents and attributes of everything below the folder, in order. */
static void add_tree(struct sum *sum, const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, no_dots, by_name);

	NEED(n >= 0);
	for (int i = 0; i < n; i++) {
		char path[512];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		NEED(lstat(path, &st) == 0);
		add_text(sum, entries[i]->d_name);
		if (S_ISDIR(st.st_mode))
			add_tree(sum, path);
		else
			add_file(sum, path, &st);
		free(entries[i]);
	}
	free(entries);
}

/* Writes through read() of a file's own mapping as well. */
void make_file(const char *path, size_t len, unsigned int seed)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0640);
	char data[3000], *p;

	NEED(fd >= 0);
	for (size_t at = 0; at < len; at += sizeof(data)) {
		fill(data, sizeof(data), seed + at);
		write_all(fd, data, len - at < sizeof(data) ? len - at : sizeof(data));
	}
	NEED(pwrite(fd, "behind", 6, len + 10000) == 6);
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(p != MAP_FAILED);
	memcpy(p + len / 2, "mapped", 6);
	NEED(msync(p, len, MS_SYNC) == 0 && munmap(p, len) == 0);
	NEED(ftruncate(fd, len + 5000) == 0);
	close(fd);
}

static void change_file(unsigned int i)
{
	char name[64], other[64];

	snprintf(name, sizeof(name), "file-%u", i);
	snprintf(other, sizeof(other), "a much longer name for the same thing, number %u", i);
	if (setxattr(name, "trusted.workload", other, 10 + i % 20, 0) < 0)
		NEED(errno == ENOTSUP);
	NEED(link(name, other) == 0);
	snprintf(other, sizeof(other), "link-%u", i);
	NEED(symlink(name, other) == 0);
	if (i % 3 == 0)
		NEED(unlink(name) == 0);
	snprintf(other, sizeof(other), "moved-%u", i);
	if (i % 3 == 1)
		NEED(rename(name, other) == 0);
	if (i % 3 == 2)
		NEED(truncate(name, 100) == 0);
}

/* A tree below the current folder; its sum; and nothing is left but one folder in two. */
void change_tree(unsigned int size, struct sum *sum)
{
	char name[64];

	for (unsigned int i = 0; i < size; i++) {
		snprintf(name, sizeof(name), "folder-%u", i);
		NEED(mkdir(name, 0755) == 0 && chdir(name) == 0);
		for (unsigned int j = 0; j < 3; j++) {
			snprintf(name, sizeof(name), "file-%u", j);
			make_file(name, 2000 + 3500 * j, i + j);
			change_file(j);
		}
		NEED(mkfifo("fifo", 0600) == 0 && chdir("..") == 0);
	}
	add_tree(sum, ".");
}

void remove_tree(const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, no_dots, by_name);

	NEED(n >= 0);
	for (int i = 0; i < n; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		if (entries[i]->d_type == DT_DIR)
			remove_tree(path);
		else
			NEED(unlink(path) == 0);
		free(entries[i]);
	}
	free(entries);
	NEED(rmdir(folder) == 0);
}

void part_tmpfs(unsigned int size, struct sum *sum)
{
	char folder[] = "/tmp/tree-XXXXXX";

	NEED(mkdtemp(folder) && mount("tree", folder, "tmpfs", 0, NULL) == 0);
	NEED(chdir(folder) == 0);
	change_tree(size, sum);
	remove_tree("folder-0");
	add_tree(sum, ".");
	NEED(chdir("/") == 0 && umount(folder) == 0 && rmdir(folder) == 0);
}

/* One that is not in the initramfs is built in; one that is loaded may stay. */
static void load_module_with(const char *name, const char *parameters)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), MODULES "/%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (syscall(SYS_finit_module, fd, parameters, 0) < 0)
		NEED(errno == EEXIST);
	close(fd);
}

void load_module(const char *name)
{
	load_module_with(name, "");
}

void unload_module(const char *name)
{
	if (syscall(SYS_delete_module, name, O_NONBLOCK) < 0)
		NEED(errno == ENOENT);
}

void part_modules(unsigned int size, struct sum *sum)
{
	static const char *const names[] = { "ts_kmp", "dummy" };

	for (unsigned int i = 0; i < size; i++)
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			load_module(names[j]);
			unload_module(names[j]);
			add_text(sum, names[j]);
		}
}

/* The name of a loop device that has the image. */
static int attach_loop(const char *image, char *name, size_t size)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int file = open(image, O_RDWR | O_CLOEXEC), number, fd;
	struct loop_config config = { .fd = file };

	NEED(file >= 0 && control >= 0);
	number = ioctl(control, LOOP_CTL_GET_FREE);
	NEED(number >= 0);
	snprintf(name, size, "/dev/loop%d", number);
	fd = open(name, O_RDWR | O_CLOEXEC);
	NEED(fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) == 0);
	close(control);
	close(file);
	return fd;
}

void part_ext4(unsigned int size, struct sum *sum)
{
	static const char *const names[] = { "crc16", "crc32c_generic", "mbcache",
					     "jbd2", "ext4" };
	struct sum before = { 0 }, after = { 0 };
	char device[32];
	int loop;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		load_module(names[i]);
	load_module_with("loop", "max_loop=1");
	loop = attach_loop(IMAGE, device, sizeof(device));
	NEED(mkdir("/ext4", 0755) == 0 && mount(device, "/ext4", "ext4", 0, NULL) == 0);
	NEED(chdir("/ext4") == 0);
	change_tree(size, &before);
	NEED(chdir("/") == 0 && umount("/ext4") == 0);
	NEED(mount(device, "/ext4", "ext4", 0, NULL) == 0);
	add_tree(&after, "/ext4");
	NEED(before.count == after.count && before.hash == after.hash);
	remove_tree("/ext4/folder-0");
	add_tree(&after, "/ext4");
	NEED(umount("/ext4") == 0 && ioctl(loop, LOOP_CLR_FD) == 0);
	close(loop);
	*sum = after;
}

struct walk {
	unsigned int wanted, every, seen, done;
};

/* Files that wait for events, have no end, do something when read, or are memory. */
static bool is_skipped(const char *name)
{
	static const char *const names[] = {
		"kmsg",	      "kcore",		"kpagecount", "kpageflags", "kpagecgroup",
		"pagemap",    "mem",		"trace_pipe", "debug",	    "tracing",
		"rom",	      "trace_pipe_raw",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* An error is as good as data: many files exist only to be written. */
static void read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	char data[4096];

	for (int i = 0; fd >= 0 && i < 4; i++)
		if (read(fd, data, sizeof(data)) <= 0)
			break;
	if (fd >= 0)
		close(fd);
}

/* Reads one file in so many until as many as wanted are read, or there are no more. */
static void walk_folder(struct walk *w, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[512];
	int n;

	while (dir && w->done < w->wanted && (entry = readdir(dir))) {
		n = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] == '.' || is_skipped(entry->d_name) || n >= (int)sizeof(path))
			continue;
		if (entry->d_type == DT_DIR) {
			walk_folder(w, path);
		} else if (entry->d_type == DT_REG && w->seen++ % w->every == 0) {
			read_file(path);
			w->done++;
		}
	}
	if (dir)
		closedir(dir);
}

static void walk(struct sum *sum, const char *folder, unsigned int wanted, unsigned int every)
{
	struct walk w = { .wanted = wanted, .every = every };

	walk_folder(&w, folder);
	NEED(w.done);
	add_text(sum, folder);
}

void part_proc(unsigned int size, struct sum *sum)
{
	walk(sum, "/proc/self", 10 * size, 3);
	walk(sum, "/proc/1/net", 8 * size, 4);
	walk(sum, "/proc/sys", 8 * size, 67);
	walk(sum, "/proc", 8 * size, 13);
}

void part_sys(unsigned int size, struct sum *sum)
{
	walk(sum, "/sys/kernel", 8 * size, 61);
	walk(sum, "/sys/devices", 8 * size, 47);
	walk(sum, "/sys/module", 4 * size, 17);
	walk(sum, "/sys/class/net/lo", 6 * size, 5);
}
