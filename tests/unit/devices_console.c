// SPDX-License-Identifier: GPL-2.0-only
/*
 * devices_console.c: virtio-console to a file and to a socket's client: every byte both ways, what
 * nobody takes is kept up to a limit and the loss is told, and who leaves or was killed leaves no
 * trace.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "device_ring.h"

#define KEPT (256u * 1024)

static struct world w;
static struct devices *d;
static struct driver v;
static struct ring rx, tx;
static char folder[] = "/tmp/kmc-console-XXXXXX", path[64], to[80], err[256];
static uint64_t file_limit;

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/console", folder);
	snprintf(to, sizeof(to), "unix:%s", path);
	return 0;
}

static int remove_folder(void **state)
{
	return rmdir(folder);
}

static int create(const char *where)
{
	struct devices_config c = {.consoles = 1, .console = {where}, .file_limit = file_limit};
	bool bad = false;
	int r = devices_create(&c, &w.host, &d, err, sizeof(err), &bad);

	assert_int_equal(bad, r < 0);
	return r;
}

static void start(const char *where)
{
	world_init(&w);
	if (create(where) < 0)
		fail_msg("%s", err);
	assert_int_equal(devices_start(d), 0);
	driver_find(&v, d, 1);
	assert_true(driver_features(&v, 1ull << VIRTIO_F_VERSION_1));
	ring_init(&rx, &w, &v, 0);
	ring_init(&tx, &w, &v, 1);
	driver_ok(&v);
}

static void stop(void)
{
	devices_stop(d);
	devices_destroy(d);
}

static void say(const char *text, uint32_t len)
{
	uint32_t written;

	ring_send(&tx, text, len);
	assert_non_null(ring_next(&tx, &written));
	assert_int_equal(written, 0);
}

static int client(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(a.sun_path, path, strlen(path));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void expect(int fd, const char *text)
{
	char got[256] = "";
	size_t n = 0;

	while (n < strlen(text)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		assert_int_equal(poll(&p, 1, 10000), 1);
		n += (size_t)read(fd, got + n, strlen(text) - n);
	}
	assert_string_equal(got, text);
}

static void to_file(void **state)
{
	char got[32] = "";
	int fd = open(path, O_CREAT | O_RDWR, 0600);

	assert_int_equal(write(fd, "what was there before", 21), 21);
	start(path);
	say("one, ", 5);
	say("two\n", 4);
	stop();
	assert_int_equal(pread(fd, got, sizeof(got), 0), 9);
	assert_string_equal(got, "one, two\n");
	close(fd);
	unlink(path);
	assert_int_equal(create("/nowhere/console"), -1);
}

/* More than its limit: what came first stays, and the guest does not notice. */
static void to_full_file(void **state)
{
	static const char wanted[] = "one, t\n[kmc-vmm: the rest is missing: --file-limit]\n";
	char got[128] = "";
	int fd;

	file_limit = 6;
	start(path);
	file_limit = 0;
	say("one, ", 5);
	say("two\n", 4);
	say("three\n", 6);
	stop();
	fd = open(path, O_RDONLY);
	assert_true(read(fd, got, sizeof(got) - 1) > 0);
	assert_string_equal(got, wanted);
	close(fd);
	unlink(path);
}

static void to_client(void **state)
{
	uint32_t len;
	struct stat st;
	int fd;

	start(to);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	say("early ", 6);
	fd = client();
	expect(fd, "early ");
	say("late", 4);
	expect(fd, "late");
	/* Input waits for buffers, and fills them as far as they go. */
	assert_int_equal(write(fd, "abcdef", 6), 6);
	ring_give(&rx, 4);
	assert_memory_equal(ring_next(&rx, &len), "abcd", 4);
	assert_int_equal(len, 4);
	ring_give(&rx, 100);
	assert_memory_equal(ring_next(&rx, &len), "ef", 2);
	assert_int_equal(len, 2);
	/* One that has said all it has to say still listens. */
	shutdown(fd, SHUT_WR);
	say("more", 4);
	expect(fd, "more");
	close(fd);
	fd = client();
	say("other", 5);
	expect(fd, "other");
	close(fd);
	stop();
	assert_int_equal(stat(path, &st), -1);
}

/* Nobody reads: the end is kept, and how much is missing is said. */
static void bounded(void **state)
{
	static char line[RING_BUFFER], got[KEPT + 1000];
	size_t n = 0;
	int fd;

	start(to);
	for (unsigned i = 0; i < 80; i++) {
		memset(line, 'A' + (int)i % 26, sizeof(line));
		say(line, sizeof(line));
	}
	fd = client();
	expect(fd, "\r\n[kmc-vmm: 65536 bytes are missing here]\r\n");
	while (n < KEPT) {
		ssize_t r = read(fd, got + n, KEPT - n);

		assert_true(r > 0);
		n += (size_t)r;
	}
	for (size_t i = 0; i < KEPT; i++)
		assert_int_equal(got[i], 'A' + (16 + i / RING_BUFFER) % 26);
	/* A request larger than what is kept: its end. */
	for (unsigned i = 0; i < RING_SIZE; i++)
		((struct vring_desc *)(w.ram + tx.base))[i] = (struct vring_desc){
			0, 0x10000, i + 1 < RING_SIZE ? VRING_DESC_F_NEXT : 0, (uint16_t)(i + 1)};
	*(uint16_t *)(w.ram + tx.base + 0x1004) = 0;
	*(uint16_t *)(w.ram + tx.base + 0x1002) = ++tx.offered;
	driver_kick(&v, 1);
	expect(fd, "\r\n[kmc-vmm: 786432 bytes are missing here]\r\n");
	close(fd);
	stop();
}

static void sockets_of_others(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char longer[200];

	memcpy(a.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(create(to), -1);
	assert_non_null(strstr(err, "another program listens"));
	close(fd); /* as if it had been killed: the file is still there */
	start(to);
	stop();
	fd = open(path, O_CREAT | O_RDWR, 0600);
	assert_int_equal(create(to), -1);
	assert_non_null(strstr(err, "no socket"));
	close(fd);
	unlink(path);
	snprintf(longer, sizeof(longer), "unix:%0150d", 0);
	assert_int_equal(create(longer), -1);
	assert_non_null(strstr(err, "give one of 1 to 107"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(to_file),
					   cmocka_unit_test(to_full_file),
					   cmocka_unit_test(to_client), cmocka_unit_test(bounded),
					   cmocka_unit_test(sockets_of_others)};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
