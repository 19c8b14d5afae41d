// SPDX-License-Identifier: GPL-2.0-only
/*
 * initramfs_test.c: reads back what initramfs_build() makes, with a newc reader of its own that
 * follows the format's description and not the writer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "initramfs.h"
#include "kmc_init.h"
#include "scratch.h"

#define ENTRIES 64

struct entry {
	char name[256];
	uint32_t inode, mode, nlink, size, major, minor;
	const unsigned char *data;
};

struct listing {
	struct entry entry[ENTRIES];
	unsigned n;
	size_t end; /* offset behind the trailer */
};

struct built {
	unsigned char *bytes;
	size_t len;
	struct listing list;
};

#define FILE_PATH (SCRATCH_PATH + 64)

static char dir[SCRATCH_PATH];

static uint32_t field(const unsigned char *header, unsigned index)
{
	char digits[9] = { 0 };

	memcpy(digits, header + 6 + 8 * index, 8);
	assert_int_equal(strspn(digits, "0123456789abcdefABCDEF"), 8);
	return strtoul(digits, NULL, 16);
}

/* Reads the archive at start to its trailer; fails the test where it is malformed. */
static void parse(const unsigned char *bytes, size_t len, size_t start, struct listing *list)
{
	size_t at = start;

	list->n = 0;
	for (;;) {
		struct entry *e = &list->entry[list->n];
		uint32_t namesize;

		assert_int_equal(at % 4, 0);
		assert_true(len - at >= 110);
		assert_memory_equal(bytes + at, "070701", 6);
		*e = (struct entry){ .inode = field(bytes + at, 0),
				     .mode = field(bytes + at, 1),
				     .nlink = field(bytes + at, 4),
				     .size = field(bytes + at, 6),
				     .major = field(bytes + at, 9),
				     .minor = field(bytes + at, 10) };
		namesize = field(bytes + at, 11);
		assert_true(namesize > 1 && namesize <= sizeof(e->name));
		assert_true(len - at >= 110 + namesize);
		memcpy(e->name, bytes + at + 110, namesize);
		assert_int_equal(strlen(e->name), namesize - 1);
		at = (at + 110 + namesize + 3) & ~(size_t)3;
		assert_true(len - at >= e->size);
		e->data = bytes + at;
		at = (at + e->size + 3) & ~(size_t)3;
		assert_true(at <= len);
		if (!strcmp(e->name, "TRAILER!!!"))
			break;
		assert_true(++list->n < ENTRIES);
	}
	list->end = at;
}

static const struct entry *find(const struct listing *list, const char *name)
{
	for (unsigned i = 0; i < list->n; i++)
		if (!strcmp(list->entry[i].name, name))
			return &list->entry[i];
	return NULL;
}

static void check_file(const struct listing *list, const char *name, const void *data, size_t size)
{
	const struct entry *e = find(list, name);

	assert_non_null(e);
	assert_true(S_ISREG(e->mode));
	assert_int_equal(e->nlink, 1);
	assert_int_equal(e->size, size);
	if (size)
		assert_memory_equal(e->data, data, size);
}

static void check_text(const struct listing *list, const char *name, const char *text)
{
	check_file(list, name, text, strlen(text));
}

static const char *write_file(char path[FILE_PATH], const char *name, const void *data, size_t size)
{
	FILE *f;

	snprintf(path, FILE_PATH, "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	fclose(f);
	return path;
}

static struct built build_at(const struct initramfs_config *config, size_t start)
{
	struct built b = { 0 };
	void *out;
	char err[256];

	assert_int_equal(initramfs_build(config, &out, &b.len, err, sizeof(err)), 0);
	b.bytes = out;
	parse(b.bytes, b.len, start, &b.list);
	assert_int_equal(b.list.end, b.len);
	return b;
}

static struct built build(const struct initramfs_config *config)
{
	return build_at(config, 0);
}

/* An ELF file of one segment, or one that says so. */
struct program {
	Elf64_Ehdr elf;
	Elf64_Phdr segment;
};

static struct program program_of(uint16_t segments, uint32_t type)
{
	return (struct program){ .elf = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64 },
					  .e_phoff = sizeof(Elf64_Ehdr),
					  .e_phentsize = sizeof(Elf64_Phdr),
					  .e_phnum = segments },
				 .segment = { .p_type = type } };
}

static const char *write_busybox(char path[FILE_PATH], uint16_t segments, uint32_t type)
{
	struct program program = program_of(segments, type);

	return write_file(path, "busybox", &program, sizeof(program));
}

static void test_smallest(void **state)
{
	struct initramfs_config config = { 0 };
	struct built b = build(&config);
	const struct entry *console = find(&b.list, "dev/console");

	check_file(&b.list, "kmc/init", kmc_init_start, kmc_init_end - kmc_init_start);
	assert_memory_equal(kmc_init_start, ELFMAG, SELFMAG);
	assert_int_equal(find(&b.list, "kmc/init")->mode & 0777, 0755);
	assert_non_null(console);
	assert_true(S_ISCHR(console->mode));
	assert_int_equal(console->major, 5);
	assert_int_equal(console->minor, 1);
	assert_null(find(&b.list, "kmc/kmc_agent.ko"));
	assert_null(find(&b.list, "kmc/exec"));
	assert_null(find(&b.list, "kmc/interactive"));
	assert_null(find(&b.list, "kmc/next"));
	assert_null(find(&b.list, "bin/sh"));
	free(b.bytes);
}

/* Each folder comes before what is in it, no inode is used twice. */
static void test_order(void **state)
{
	char path[FILE_PATH];
	struct initramfs_config config = { .exec = "true",
					   .interactive = true,
					   .busybox = write_busybox(path, 1, PT_LOAD) };
	struct built b = build(&config);

	for (unsigned i = 0; i < b.list.n; i++) {
		char parent[256];
		char *slash;

		snprintf(parent, sizeof(parent), "%s", b.list.entry[i].name);
		slash = strrchr(parent, '/');
		if (slash) {
			*slash = '\0';
			assert_non_null(find(&b.list, parent));
			assert_true(find(&b.list, parent) < &b.list.entry[i]);
			assert_true(S_ISDIR(find(&b.list, parent)->mode));
		}
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(b.list.entry[i].inode, b.list.entry[j].inode);
	}
	free(b.bytes);
}

/* Sizes of all remainders by 4, so that padding is right. */
static void test_content(void **state)
{
	char paths[4][FILE_PATH], second[160], busybox[FILE_PATH];
	const char *modules[4];
	struct initramfs_config config = { .modules = modules, .nmodules = 4, .interactive = true };
	struct built b;

	for (unsigned i = 0; i < 4; i++) {
		char name[16], data[8] = "abcdefg";

		snprintf(name, sizeof(name), "m%u.ko", i);
		modules[i] = write_file(paths[i], name, data, 4 + i);
	}
	snprintf(second, sizeof(second), "%s run=all  x=1", modules[1]);
	modules[1] = second;
	config.agent = paths[2];
	config.exec = "echo one; false";
	config.busybox = write_busybox(busybox, 1, PT_LOAD);

	b = build(&config);
	check_file(&b.list, "kmc/kmc_agent.ko", "abcdef", 6);
	check_file(&b.list, "kmc/modules/000-m0.ko", "abcd", 4);
	check_file(&b.list, "kmc/modules/001-m1.ko", "abcde", 5);
	check_text(&b.list, "kmc/modules/001-m1.ko.params", "run=all  x=1");
	check_file(&b.list, "kmc/modules/003-m3.ko", "abcdefg", 7);
	assert_null(find(&b.list, "kmc/modules/003-m3.ko.params"));
	check_text(&b.list, "kmc/exec", "echo one; false");
	check_text(&b.list, "kmc/interactive", "");
	free(b.bytes);
}

/* The user's initrd stays as it is, ours starts at the next multiple of 4. */
static void test_behind_initrd(void **state)
{
	static const char initrd[] = "not even an archive";
	char path[FILE_PATH];

	for (size_t size = 16; size < 20; size++) {
		struct initramfs_config config = { .initrd =
							   write_file(path, "initrd", initrd, size),
						   .cmdline_init = "/sbin/other" };
		struct built b = build_at(&config, (size + 3) & ~(size_t)3);

		assert_memory_equal(b.bytes, initrd, size);
		for (size_t i = size; i % 4; i++)
			assert_int_equal(b.bytes[i], 0);
		check_text(&b.list, "kmc/next", "/sbin/other");
		assert_non_null(find(&b.list, "kmc/init"));
		/* Nothing of the user's is overridden. */
		for (unsigned i = 0; i < b.list.n; i++)
			assert_int_equal(strncmp(b.list.entry[i].name, "kmc", 3), 0);
		free(b.bytes);
	}
}

static void test_next_default(void **state)
{
	char path[FILE_PATH];
	struct initramfs_config config = { .initrd = write_file(path, "initrd", "1234", 4) };
	struct built b = build_at(&config, 4);

	check_text(&b.list, "kmc/next", "/init");
	free(b.bytes);
}

/* Only a program that needs no shared libraries becomes the guest's busybox; without one there is no --exec. */
static void test_busybox(void **state)
{
	static const struct {
		uint16_t segments;
		uint32_t type;
	} useless[] = { { 1, PT_INTERP }, { UINT16_MAX, PT_LOAD } /* beyond the end of the file */ };
	const struct program program = program_of(1, PT_LOAD);
	char path[FILE_PATH], err[256] = "";
	struct initramfs_config config = { .busybox = write_busybox(path, 1, PT_LOAD) };
	struct built b = build(&config);
	const struct entry *sh = find(&b.list, "bin/sh");
	size_t len;
	void *out;

	check_file(&b.list, "bin/busybox", &program, sizeof(program));
	assert_non_null(sh);
	assert_true(S_ISLNK(sh->mode));
	assert_int_equal(sh->size, 7);
	assert_memory_equal(sh->data, "busybox", 7);
	free(b.bytes);

	for (unsigned n = 0; n < sizeof(useless) / sizeof(useless[0]); n++) {
		write_busybox(path, useless[n].segments, useless[n].type);
		config.exec = NULL;
		b = build(&config);
		assert_null(find(&b.list, "bin/busybox"));
		assert_null(find(&b.list, "bin/sh"));
		free(b.bytes);
		config.exec = "true";
		assert_int_equal(initramfs_build(&config, &out, &len, err, sizeof(err)), -1);
		assert_non_null(strstr(err, "busybox-static"));
	}
	config.busybox = NULL;
	assert_int_equal(initramfs_build(&config, &out, &len, err, sizeof(err)), -1);
}

/* One line that names the file; nothing is handed out. */
static void test_errors(void **state)
{
	static const char *const missing[] = { "/nonexistent/file.ko" };
	char empty[FILE_PATH];
	const struct {
		struct initramfs_config config;
		const char *says;
	} cases[] = {
		{ { .agent = missing[0] }, "agent /nonexistent/file.ko" },
		{ { .modules = missing, .nmodules = 1 }, "module /nonexistent/file.ko" },
		{ { .initrd = missing[0] }, "initrd /nonexistent/file.ko" },
		{ { .initrd = dir }, "no regular file" },
		{ { .agent = write_file(empty, "empty", "", 0) }, "empty" },
		{ { .modules = missing, .nmodules = 1000 }, "too many modules" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		void *out = NULL;
		size_t len = 0;
		char err[256] = "";

		assert_int_equal(initramfs_build(&cases[i].config, &out, &len, err, sizeof(err)),
				 -1);
		assert_non_null(strstr(err, cases[i].says));
		assert_null(strchr(err, '\n'));
		assert_null(out);
	}
}

static int make_dir(void **state)
{
	return scratch_folder(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "m0.ko",  "m1.ko",	  "m2.ko", "m3.ko",
					     "initrd", "busybox", "empty" };
	char path[FILE_PATH];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smallest),     cmocka_unit_test(test_order),
		cmocka_unit_test(test_content),	     cmocka_unit_test(test_behind_initrd),
		cmocka_unit_test(test_next_default), cmocka_unit_test(test_busybox),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
