// SPDX-License-Identifier: GPL-2.0-only
/*
 * devices_fs.c: virtio-fs between a driver and a server that is not virtiofsd: requests and answers
 * arrive whole, a server that ends or lies costs the guest an error and nothing else, a reset
 * leaves nothing of what was before, and no process is left behind.
 */
#include <errno.h>
#include <linux/fuse.h>
#include <linux/virtio_fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "device_ring.h"
#include "scratch.h"

#define IN  ((uint32_t)sizeof(struct fuse_in_header))
#define OUT ((uint32_t)sizeof(struct fuse_out_header))

static struct world w;
static struct devices *d;
static struct driver v;
static struct ring ring[2];
static char folder[SCRATCH_PATH], path[SCRATCH_PATH + 64], err[1024];
static uint64_t unique = 100;

static int make_folder(void **state)
{
	setenv("KMC_VIRTIOFSD", FAKE_VIRTIOFSD, 1);
	return scratch_folder(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	return rmdir(folder);
}

static void begin_driver(void)
{
	assert_true(driver_features(&v, 1ull << VIRTIO_F_VERSION_1));
	for (unsigned i = 0; i < 2; i++)
		ring_init(&ring[i], &w, &v, i);
	driver_ok(&v);
}

static int create(const char *where)
{
	struct devices_config c = {.folders = 1, .folder = {{.tag = "shared", .path = where}}};
	bool bad = false;
	int r = devices_create(&c, &w.host, &d, err, sizeof(err), &bad);

	assert_int_equal(bad, r < 0);
	return r;
}

static void start(const char *mode)
{
	snprintf(path, sizeof(path), "%s/%s", folder, mode);
	assert_int_equal(mkdir(path, 0700), 0);
	world_init(&w);
	if (create(path) < 0)
		fail_msg("%s", err);
	assert_int_equal(devices_start(d), 0);
	driver_find(&v, d, 1);
	begin_driver();
}

static void stop(void)
{
	devices_stop(d);
	devices_destroy(d);
	rmdir(path);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child, not even one that ended */
	assert_int_equal(errno, ECHILD);
}

/* A request of two descriptors: what is asked, and room for the answer. */
static void ask(unsigned queue, const char *text, uint32_t room)
{
	struct ring *r = &ring[queue];
	struct fuse_in_header in = {.len = IN + (uint32_t)strlen(text), .unique = ++unique};
	uint16_t head = (uint16_t)(r->offered * 2 % RING_SIZE);
	uint16_t *avail = (uint16_t *)(w.ram + r->base + 0x1000);
	struct vring_desc *desc = (struct vring_desc *)(w.ram + r->base) + head;
	uint32_t at = r->base + 0x3000 + head * RING_BUFFER;

	memcpy(w.ram + at, &in, IN);
	memcpy(w.ram + at + IN, text, strlen(text));
	memset(w.ram + at + RING_BUFFER, 0, RING_BUFFER);
	desc[0] =
		(struct vring_desc){at, in.len, room ? VRING_DESC_F_NEXT : 0, (uint16_t)(head + 1)};
	desc[1] = (struct vring_desc){at + RING_BUFFER, room, VRING_DESC_F_WRITE, 0};
	avail[2 + r->offered % RING_SIZE] = head;
	__atomic_store_n(&avail[1], ++r->offered, __ATOMIC_SEQ_CST);
	driver_kick(&v, queue);
}

static struct fuse_out_header expect(unsigned queue, const char *text)
{
	struct fuse_out_header out;
	uint8_t *bytes;
	uint32_t len;

	bytes = ring_next(&ring[queue], &len);
	assert_non_null(bytes);
	memcpy(&out, bytes + RING_BUFFER, OUT);
	assert_int_equal(len, OUT + strlen(text));
	assert_memory_equal(bytes + RING_BUFFER + OUT, text, strlen(text));
	return out;
}

static void expect_refusal(void)
{
	struct fuse_out_header out = expect(1, "");

	assert_int_equal(out.unique, unique);
	assert_int_equal(out.error, -ENOTCONN);
	assert_int_equal(out.len, OUT);
}

static void requests(void **state)
{
	struct virtio_fs_config c;
	uint32_t len;

	start("echo");
	for (unsigned i = 0; i < sizeof(c); i++)
		((uint8_t *)&c)[i] = (uint8_t)mmio_read(&v, v.device + i, 1);
	assert_string_equal((char *)c.tag, "shared");
	assert_int_equal(c.num_request_queues, 1);
	for (unsigned i = 0; i < 100; i++) {
		ask(i % 3 == 0, "what is there", 100);
		assert_int_equal(expect(i % 3 == 0, "what is there").unique, unique);
	}
	ask(1, "more than there is room for", OUT + 4);
	expect(1, "more");
	ask(0, "no answer", 0);
	assert_non_null(ring_next(&ring[0], &len));
	assert_int_equal(len, 0);
	stop();
}

static void server_ends(void **state)
{
	uint32_t len;

	start("dies");
	ask(1, "x", 100);
	expect_refusal();
	ask(1, "y", 100);
	expect_refusal();
	ask(0, "forget", 0);
	assert_non_null(ring_next(&ring[0], &len));
	assert_true(driver_reset(&v));
	begin_driver();
	ask(1, "z", 100);
	expect_refusal();
	stop();
}

static void server_lies(void **state)
{
	start("liar");
	ask(1, "x", 100);
	expect_refusal();
	ask(1, "x", 100);
	expect_refusal();
	stop();
}

/* What was asked before a reset is not answered behind it. */
static void reset(void **state)
{
	uint32_t len;

	start("slow");
	for (unsigned i = 0; i < 8; i++)
		ask(1, "before", 100);
	assert_null(ring_next_within(&ring[1], &len, 50));
	assert_true(driver_reset(&v));
	begin_driver();
	ask(1, "behind", 100);
	assert_null(ring_next_within(&ring[1], &len, 50));
	assert_true(driver_reset(&v));
	stop();
}

static void broken_requests(void **state)
{
	start("echo");
	ring_send(&ring[1], "short", 5);
	assert_true(driver_wait(&v, VIRTIO_CONFIG_S_NEEDS_RESET));
	assert_true(driver_reset(&v));
	begin_driver();
	ask(1, "all is well", 100);
	expect(1, "all is well");
	ask(1, "too much room", 2u << 20);
	assert_true(driver_wait(&v, VIRTIO_CONFIG_S_NEEDS_RESET));
	stop();
}

static void no_server(void **state)
{
	world_init(&w);
	assert_int_equal(create("/nowhere"), -1);
	assert_non_null(strstr(err, "no folder"));
	assert_int_equal(create("/dev/null"), -1);
	setenv("KMC_VIRTIOFSD", "/nowhere/virtiofsd", 1);
	assert_int_equal(create("/"), -1);
	assert_non_null(strstr(err, "install virtiofsd"));
	setenv("KMC_VIRTIOFSD", "/bin/cat", 1); /* says that it does not know the option */
	assert_int_equal(create("/"), -1);
	assert_non_null(strstr(err, "--help"));
	setenv("KMC_VIRTIOFSD", "/bin/true", 1);
	assert_int_equal(create("/"), -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	setenv("KMC_VIRTIOFSD", FAKE_VIRTIOFSD, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),	   cmocka_unit_test(server_ends),
		cmocka_unit_test(server_lies),	   cmocka_unit_test(reset),
		cmocka_unit_test(broken_requests), cmocka_unit_test(no_server),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
