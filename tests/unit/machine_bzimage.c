// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine_bzimage.c: kernel files, good, damaged and hostile. Every case is a small image in memory
 * with one thing changed; the fuzz part only asks that nothing crashes (run it under ASan).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "bzimage.h"
#include "scratch.h"

#define SETUP_SECTORS 4u
#define SETUP_BYTES   ((SETUP_SECTORS + 1) * 512u)
#define CODE_BYTES    0x1000u
#define FILE_BYTES    (SETUP_BYTES + CODE_BYTES)
#define RELEASE	      "6.1.0-test (builder@host) #1"
#define RELEASE_AT    0x800u

static struct setup_header *header_of(uint8_t *file)
{
	return (struct setup_header *)(file + 0x1f1);
}

static void make_good(uint8_t file[FILE_BYTES])
{
	struct setup_header *h = header_of(file);

	memset(file, 0, FILE_BYTES);
	h->setup_sects = SETUP_SECTORS;
	h->syssize = CODE_BYTES / 16;
	h->boot_flag = 0xaa55;
	h->jump = 0x6aeb;
	h->header = 0x53726448;
	h->version = 0x020f;
	h->kernel_version = RELEASE_AT - 0x200;
	h->loadflags = LOADED_HIGH;
	h->initrd_addr_max = 0x7fffffff;
	h->kernel_alignment = 0x200000;
	h->relocatable_kernel = 1;
	h->xloadflags = XLF_KERNEL_64;
	h->cmdline_size = 2047;
	h->payload_offset = 0x200;
	h->payload_length = 0x100;
	h->pref_address = 0x1000000;
	h->init_size = 0x200000;
	memcpy(file + RELEASE_AT, RELEASE, sizeof(RELEASE));
}

static int parse(const uint8_t *file, size_t len, struct bzimage *out, struct machine_error *err)
{
	/* A buffer of exactly the right size, so that ASan sees one byte too many. */
	size_t n = len < BZIMAGE_SETUP_MAX ? len : BZIMAGE_SETUP_MAX;
	uint8_t *copy = malloc(n ? n : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, file, n);
	memset(err, 0, sizeof(*err));
	r = bzimage_parse("kernel", copy, n, len, out, err);
	free(copy);
	return r;
}

static void good_image(void **state)
{
	uint8_t file[FILE_BYTES];
	struct machine_error err;
	struct bzimage b;

	make_good(file);
	assert_int_equal(parse(file, sizeof(file), &b, &err), 0);
	assert_int_equal(b.code_offset, SETUP_BYTES);
	assert_int_equal(b.code_size, CODE_BYTES);
	assert_int_equal(b.init_size, 0x200000);
	assert_int_equal(b.pref_address, 0x1000000);
	assert_int_equal(b.initrd_end_max, 0x80000000ull);
	assert_string_equal(b.release, "6.1.0-test");
}

#define DAMAGE(field, value)                                                                       \
	static void set_##field(uint8_t *file)                                                     \
	{                                                                                          \
		header_of(file)->field = (value);                                                  \
	}

DAMAGE(header, 0x12345678)
DAMAGE(boot_flag, 0)
DAMAGE(version, 0x020b)
DAMAGE(xloadflags, 0)
DAMAGE(loadflags, 0)
DAMAGE(setup_sects, 255)
DAMAGE(syssize, 0xffffffff)
DAMAGE(payload_offset, 0xfffffff0)
DAMAGE(payload_length, CODE_BYTES)
DAMAGE(init_size, 0xffffffff)
DAMAGE(kernel_alignment, 0x200001)
DAMAGE(pref_address, 0xfffffffffffff000ull)

static void no_code(uint8_t *file)
{
	header_of(file)->syssize = 0x10;
	header_of(file)->payload_length = 0;
}

static void small_init(uint8_t *file)
{
	header_of(file)->init_size = 0x10;
}

static void low_address(uint8_t *file)
{
	header_of(file)->pref_address = 0;
}

static const struct {
	void (*damage)(uint8_t *file);
	const char *says; /* a part of the message that no other case has */
} bad[] = {
	{set_header, "no bzImage"},
	{set_boot_flag, "no bzImage"},
	{set_version, "boot protocol 2.11"},
	{set_xloadflags, "no 64-bit entry"},
	{set_loadflags, "zImage"},
	{set_setup_sects, "setup sectors"},
	{set_syssize, "header promises"},
	{set_payload_offset, "payload"},
	{set_payload_length, "payload"},
	{set_init_size, "init_size"},
	{small_init, "init_size"},
	{set_kernel_alignment, "alignment"},
	{set_pref_address, "load address"},
	{low_address, "load address"},
	{no_code, "code size"},
};

static void bad_images(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t file[FILE_BYTES];
		struct machine_error err;
		struct bzimage b;

		make_good(file);
		bad[i].damage(file);
		assert_int_equal(parse(file, sizeof(file), &b, &err), -1);
		assert_true(err.bad_input);
		if (!strstr(err.text, bad[i].says))
			fail_msg("case %zu says \"%s\", not \"%s\"", i, err.text, bad[i].says);
		assert_null(strchr(err.text, '\n'));
		assert_non_null(strchr(err.text, ':')); /* what: remedy */
	}
}

/* A release string must not reach beyond the setup code, nor hold odd characters. */
static void release_bounds(void **state)
{
	static const struct {
		uint16_t at;
		const char *text, *expected;
	} cases[] = {
		{RELEASE_AT - 0x200, "6.12.95+deb12-amd64 (x)", "6.12.95+deb12-amd64"},
		{RELEASE_AT - 0x200, "6.1", "6.1"},
		{RELEASE_AT - 0x200, "6.1\x01", ""},
		{RELEASE_AT - 0x200, "", ""},
		{0, "6.1", ""},
		{0xffff, "6.1", ""},
		{SETUP_BYTES - 0x200, "6.1", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t file[FILE_BYTES];
		struct machine_error err;
		struct bzimage b;

		make_good(file);
		header_of(file)->kernel_version = cases[i].at;
		memset(file + RELEASE_AT, 0, 64);
		memcpy(file + RELEASE_AT, cases[i].text, strlen(cases[i].text));
		assert_int_equal(parse(file, sizeof(file), &b, &err), 0);
		assert_string_equal(b.release, cases[i].expected);
	}
}

static void unterminated_release(void **state)
{
	uint8_t file[FILE_BYTES];
	struct machine_error err;
	struct bzimage b;

	make_good(file);
	memset(file + RELEASE_AT, 'x', FILE_BYTES - RELEASE_AT);
	assert_int_equal(parse(file, sizeof(file), &b, &err), 0);
	assert_string_equal(b.release, "");
}

static void truncations(void **state)
{
	uint8_t file[FILE_BYTES];
	struct machine_error err;
	struct bzimage b;

	make_good(file);
	for (size_t len = 0; len < FILE_BYTES; len++) {
		assert_int_equal(parse(file, len, &b, &err), -1);
		assert_true(err.bad_input);
		assert_true(strlen(err.text) > 0);
	}
}

static void random_headers(void **state)
{
	uint8_t file[FILE_BYTES];
	struct machine_error err;
	struct bzimage b;

	srand(1);
	for (unsigned round = 0; round < 20000; round++) {
		make_good(file);
		for (int n = rand() % 6; n >= 0; n--)
			file[0x1f1 + rand() % 0x80] = (uint8_t)rand();
		if (parse(file, sizeof(file), &b, &err))
			continue;
		assert_true(b.code_offset + b.code_size <= FILE_BYTES);
		assert_true(b.code_size <= b.init_size && b.init_size <= 1u << 30);
		assert_true(!b.relocatable || !(b.alignment & (b.alignment - 1)));
		assert_true(strlen(b.release) < sizeof(b.release));
	}
}

static void write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void files(void **state)
{
	char dir[SCRATCH_PATH], path[SCRATCH_PATH + 8], name[64];
	struct machine_error err;
	uint8_t file[FILE_BYTES];

	make_good(file);
	assert_true(scratch_folder(dir));
	snprintf(path, sizeof(path), "%s/kernel", dir);
	assert_int_equal(bzimage_release(path, name, sizeof(name), &err), -1);
	assert_non_null(strstr(err.text, "No such file"));
	assert_int_equal(bzimage_release(dir, name, sizeof(name), &err), -1);
	assert_non_null(strstr(err.text, "no regular file"));
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(bzimage_release(path, name, sizeof(name), &err), -1);
	assert_non_null(strstr(err.text, "no regular file"));
	assert_int_equal(unlink(path), 0);

	write_file(path, file, sizeof(file));
	assert_int_equal(bzimage_release(path, name, sizeof(name), &err), 0);
	assert_string_equal(name, "6.1.0-test");
	assert_int_equal(bzimage_release(path, name, 5, &err), -1);
	assert_non_null(strstr(err.text, "release"));
	write_file(path, file, 0);
	assert_int_equal(bzimage_release(path, name, sizeof(name), &err), -1);
	assert_non_null(strstr(err.text, "too short"));
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_image),	  cmocka_unit_test(bad_images),
		cmocka_unit_test(release_bounds), cmocka_unit_test(unterminated_release),
		cmocka_unit_test(truncations),	  cmocka_unit_test(random_headers),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
