// SPDX-License-Identifier: GPL-2.0-only
/*
 * devices_disk.c: a disk against an array in memory, at random offsets and lengths: copy-on-write
 * gives back what was written and leaves the image alone, a writable disk changes it, a read-only
 * one refuses; files that are no disks are refused as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "disk.h"
#include "scratch.h"

#define SIZE   (37u * 4096u + 3u * 512u) /* the last cluster is not whole */
#define ROUNDS 4000u
#define LONG   20000u

static uint8_t image[SIZE], model[SIZE];
static char path[SCRATCH_PATH];
static const char *format; /* of the image; NULL: raw */

static void make_image(size_t extra)
{
	uint8_t more[512] = {0};
	int fd;

	fd = scratch_file(path, "");
	assert_true(fd >= 0);
	for (size_t i = 0; i < SIZE; i++)
		image[i] = (uint8_t)rand();
	memcpy(model, image, SIZE);
	assert_int_equal(write(fd, image, SIZE), SIZE);
	assert_int_equal(write(fd, more, extra), extra);
	close(fd);
}

static void image_is(const uint8_t *expected)
{
	static uint8_t now[SIZE];
	int fd = open(path, O_RDONLY);

	assert_int_equal(read(fd, now, SIZE), SIZE);
	assert_memory_equal(now, expected, SIZE);
	close(fd);
}

static struct disk *open_disk(enum disk_mode mode)
{
	char err[256] = "";
	struct disk *d = NULL;
	bool bad;

	const struct disk_config c = {.path = path, .format = format, .mode = mode};

	if (disk_open(&c, &d, err, sizeof(err), &bad) < 0)
		fail_msg("%s", err);
	return d;
}

static void exercise(struct disk *d)
{
	static uint8_t bytes[LONG];

	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t len = (size_t)rand() % (i % 4 ? 600 : LONG);
		uint64_t at = (uint64_t)rand() % (SIZE - len + 1);

		if (rand() % 2) {
			for (size_t k = 0; k < len; k++)
				bytes[k] = (uint8_t)rand();
			assert_int_equal(disk_write(d, at, bytes, len), 0);
			memcpy(model + at, bytes, len);
		} else {
			assert_int_equal(disk_read(d, at, bytes, len), 0);
			assert_memory_equal(bytes, model + at, len);
		}
	}
	assert_int_equal(disk_flush(d), 0);
}

static void copy_on_write(void **state)
{
	struct disk *d, *other;

	make_image(100); /* no whole sector: not part of the disk */
	d = open_disk(DISK_COPY_ON_WRITE);
	other = open_disk(DISK_COPY_ON_WRITE);
	assert_int_equal(disk_sectors(d), SIZE / 512);
	exercise(d);
	image_is(image);
	memcpy(model, image, SIZE); /* the other one has seen nothing of it */
	exercise(other);
	image_is(image);
	disk_close(d);
	disk_close(other);
	unlink(path);
}

static void writable(void **state)
{
	struct disk *d;

	make_image(0);
	d = open_disk(DISK_WRITABLE);
	exercise(d);
	disk_close(d);
	image_is(model);
	unlink(path);
}

static void bounds(void **state)
{
	static const enum disk_mode modes[] = {DISK_COPY_ON_WRITE, DISK_WRITABLE, DISK_READ_ONLY};
	uint8_t byte[2] = {0};

	make_image(0);
	for (unsigned i = 0; i < 3; i++) {
		struct disk *d = open_disk(modes[i]);

		assert_int_equal(disk_read(d, SIZE - 1, byte, 1), 0);
		assert_int_equal(disk_read(d, SIZE, byte, 0), 0);
		assert_int_equal(disk_read(d, SIZE - 1, byte, 2), -EINVAL);
		assert_int_equal(disk_read(d, UINT64_MAX, byte, 2), -EINVAL);
		assert_int_equal(disk_write(d, SIZE - 1, byte, 2), -EINVAL);
		assert_int_equal(disk_write(d, UINT64_MAX, byte, 2), -EINVAL);
		assert_int_equal(disk_write(d, 0, byte, 1),
				 modes[i] == DISK_READ_ONLY ? -EROFS : 0);
		disk_close(d);
	}
	unlink(path);
}

static void refused(const char *file, enum disk_mode mode, const char *pattern)
{
	char err[256] = "";
	const struct disk_config c = {.path = file, .format = format, .mode = mode};
	struct disk *d;
	bool bad = false;

	assert_int_equal(disk_open(&c, &d, err, sizeof(err), &bad), -1);
	assert_true(bad);
	if (!strstr(err, pattern))
		fail_msg("\"%s\" does not say \"%s\"", err, pattern);
}

static void refusals(void **state)
{
	struct disk *d;

	refused("/no/such/file", DISK_COPY_ON_WRITE, "No such file");
	refused("/tmp", DISK_COPY_ON_WRITE, "no file or block device");
	refused("/dev/null", DISK_READ_ONLY, "is empty");
	make_image(0);
	d = open_disk(DISK_COPY_ON_WRITE);
	refused(path, DISK_WRITABLE, "in use");
	disk_close(d);
	d = open_disk(DISK_WRITABLE);
	refused(path, DISK_COPY_ON_WRITE, "in use");
	refused(path, DISK_WRITABLE, "in use");
	disk_close(d);
	assert_int_equal(truncate(path, 511), 0);
	refused(path, DISK_COPY_ON_WRITE, "512 bytes");
	unlink(path);
}

/* The temporary file goes elsewhere where its folder cannot hold it. */
static void no_folder(void **state)
{
	struct disk *d;

	make_image(0);
	setenv("TMPDIR", "/proc", 1);
	d = open_disk(DISK_COPY_ON_WRITE);
	unsetenv("TMPDIR");
	exercise(d);
	image_is(image);
	disk_close(d);
	unlink(path);
}

/* The image in another format; back: the other way, into model's form. */
static void convert(bool back)
{
	char command[4 * SCRATCH_PATH + 128];

	snprintf(command, sizeof(command), "qemu-img convert -f %s -O %s '%s' '%s.new' && mv '%s.new' '%s'",
		 back ? "qcow2" : "raw", back ? "raw" : "qcow2", path, path, path, path);
	assert_int_equal(system(command), 0);
}

static void qcow2(void **state)
{
	struct disk *d, *other;

	make_image(0);
	convert(false);
	format = "qcow2";
	d = open_disk(DISK_COPY_ON_WRITE);
	other = open_disk(DISK_READ_ONLY);
	assert_int_equal(disk_sectors(d), SIZE / 512);
	exercise(d);
	refused(path, DISK_WRITABLE, "not in use");
	disk_close(d);
	disk_close(other);
	convert(true);
	image_is(image);

	convert(false);
	memcpy(model, image, SIZE);
	d = open_disk(DISK_WRITABLE);
	exercise(d);
	disk_close(d);
	convert(true);
	image_is(model);
	refused(path, DISK_COPY_ON_WRITE, "qemu-nbd cannot open");
	refused("/no/such/file", DISK_COPY_ON_WRITE, "No such file");
	setenv("PATH", "/nowhere", 1);
	refused(path, DISK_COPY_ON_WRITE, "install qemu-utils");
	format = NULL;
	unlink(path);
}

/* qemu-nbd holds its lock on the image as long as it lives. */
static void killed(void **state)
{
	struct disk *d;
	char ready, command[SCRATCH_PATH + 64];
	pid_t child;
	int pipes[2];

	make_image(0);
	convert(false);
	format = "qcow2";
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	if (child == 0) {
		open_disk(DISK_WRITABLE);
		assert_int_equal(write(pipes[1], "", 1), 1);
		pause();
	}
	assert_int_equal(read(pipes[0], &ready, 1), 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	snprintf(command, sizeof(command), "qemu-img check -q '%s' 2>/dev/null", path);
	for (unsigned i = 0; system(command) != 0; i++) {
		assert_true(i < 100);
		usleep(100000);
	}
	d = open_disk(DISK_WRITABLE);
	disk_close(d);
	format = NULL;
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copy_on_write), cmocka_unit_test(writable),
		cmocka_unit_test(bounds),	 cmocka_unit_test(refusals),
		cmocka_unit_test(no_folder),	 cmocka_unit_test(killed),
		cmocka_unit_test(qcow2),
	};

	srand(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
