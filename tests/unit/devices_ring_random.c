// SPDX-License-Identifier: GPL-2.0-only
/*
 * devices_ring_random.c: whole devices, with their threads, against drivers that fill rings,
 * descriptors and requests with nonsense and change them while the device looks. Whatever comes,
 * the device can be reset afterwards, and its thread ends. KMC_RANDOM_SEED and KMC_RANDOM_ROUNDS.
 */
#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_vsock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "device_ring.h"

#define SLOTS	   7u /* 1...: disk, network, console, vsock, folder, rng */
#define QUEUES	   3u /* that are tried; not every device has as many */
#define VSOCK_SLOT 4u
#define ROUNDS	   400u

static struct world w;
static char folder[] = "/tmp/kmc-ring-echo-XXXXXX";
static char path[] = "/tmp/kmc-ring-XXXXXX", console[64], vsock[64], vsock_7[80];

static uint32_t any(uint32_t n)
{
	return (uint32_t)rand() % n;
}

/* Mostly small, sometimes not. */
static uint32_t length(void)
{
	return any(16) ? any(5000) : (uint32_t)rand() << any(4);
}

static uint64_t place(void)
{
	return any(16) ? any(WORLD_RAM) & (any(2) ? ~63u : ~0u) : (uint64_t)rand() << any(33);
}

static void scribble_descriptors(uint32_t at, unsigned n)
{
	struct vring_desc *d = (struct vring_desc *)(w.ram + at);

	for (unsigned i = 0; i < n; i++) {
		d[i] = (struct vring_desc){place(), length(), (uint16_t)any(any(64) ? 4 : 65536),
					   (uint16_t)(any(16) ? i + 1 : any(300))};
		if (!any(8))
			d[i] = (struct vring_desc){any(WORLD_RAM / 2), any(64) * 16,
						   VRING_DESC_F_INDIRECT, 0};
	}
}

/* A packet that means something to vsock, mostly. */
static struct virtio_vsock_hdr packet(void)
{
	return (struct virtio_vsock_hdr){.src_cid = any(32) ? 3 : any(9),
					 .dst_cid = any(32) ? 2 : any(9),
					 .src_port = any(8) ? any(4) : 7,
					 .dst_port = any(4) ? 7 : 0x40000001 + any(16),
					 .len = any(8) ? any(3000) : length(),
					 .type = (uint16_t)(any(32) ? 1 : any(4)),
					 .op = (uint16_t)(any(2) ? VIRTIO_VSOCK_OP_RW : any(9)),
					 .flags = any(5),
					 .buf_alloc = any(4) ? 100000 : length(),
					 .fwd_cnt = any(4) ? 0 : length()};
}

static void scribble_packets(void)
{
	for (uint32_t at = 0; at < WORLD_RAM; at += 64) {
		struct virtio_vsock_hdr h = packet();

		memcpy(w.ram + at, &h, sizeof(h));
	}
}

/* A request header that means something to the disk, here and there. */
static void scribble_requests(void)
{
	for (uint32_t at = 0; at + 64 < WORLD_RAM; at += 16 * (1 + any(64))) {
		struct virtio_blk_outhdr h = {.type = any(9), .sector = any(40) << any(30)};

		memcpy(w.ram + at, &h, sizeof(h));
	}
}

static void use_queues(const struct driver *v, uint32_t avail)
{
	for (unsigned i = 0; i < 40; i++) {
		uint16_t *a = (uint16_t *)(w.ram + avail);

		a[2 + any(256)] = (uint16_t)any(any(8) ? 256 : 65536);
		a[1] = (uint16_t)(a[1] + (any(32) ? 1 : any(65536)));
		if (!any(4))
			scribble_descriptors(any(WORLD_RAM / 2) & ~15u, any(32));
		if (!any(10))
			mmio_write(v, v->common + any(0x40), (uint64_t)rand() << any(32),
				   1u << any(4));
		driver_kick(v, any(QUEUES));
	}
}

static void one_round(const struct driver *v)
{
	const uint64_t features = 1ull << VIRTIO_F_VERSION_1 |
				  (uint64_t)any(2) << VIRTIO_RING_F_EVENT_IDX |
				  (uint64_t)any(2) << VIRTIO_RING_F_INDIRECT_DESC;
	uint32_t desc = any(64) * 0x400, avail = any(128) * 0x200;

	memset(w.ram, 0, sizeof(w.ram));
	if (v->slot == VSOCK_SLOT)
		scribble_packets();
	else
		scribble_requests();
	scribble_descriptors(desc, 256);
	assert_true(driver_features(v, features));
	for (unsigned i = 0; i < QUEUES; i++)
		driver_queue(v, i, any(16) ? 256 : any(65536), any(16) ? desc : place(),
			     any(16) ? avail : place(), any(16) ? any(128) * 0x200 : place());
	driver_ok(v);
	use_queues(v, avail);
	if (!driver_reset(v))
		fail_msg("the device in slot %u is not reset", v->slot);
}

/* Rings as they should be, and in them whatever a guest may want to say to whom. */
static void packets_round(const struct driver *v)
{
	struct ring rx, tx;
	uint32_t len;

	assert_true(driver_features(v, 1ull << VIRTIO_F_VERSION_1));
	ring_init(&rx, &w, v, 0);
	ring_init(&tx, &w, v, 1);
	driver_ok(v);
	for (unsigned i = 0; i < RING_SIZE; i++)
		ring_give(&rx, RING_BUFFER);
	for (unsigned i = 0; i < 60; i++) {
		struct virtio_vsock_hdr h = packet();

		memcpy(ring_buffer(&tx, tx.offered), &h, sizeof(h));
		ring_offer(&tx, sizeof(h) + any(3000), 0);
		assert_non_null(ring_next(&tx, &len));
		while (ring_next_within(&rx, &len, 0))
			ring_give(&rx, RING_BUFFER);
	}
	assert_false(driver_status(v) & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_true(driver_reset(v));
}

static void make_disk(void)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 40 * 512), 0);
	close(fd);
}

/* Somebody at the other end who talks and does not listen. Where too many wait already nothing is
 * said. */
static int connect_to(const char *where, const char *noise, size_t len)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", where);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		assert_true(send(fd, noise, len, MSG_NOSIGNAL) > 0);
	else
		assert_int_equal(errno, EAGAIN);
	return fd;
}

static int listen_at(const char *where)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", where);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 100), 0);
	return fd;
}

/* Whose connections are accepted now and then, and who asks for the guest's ports. */
static void visit_vsock(int listening)
{
	int fd = accept(listening, NULL, NULL);

	if (fd >= 0)
		close(fd);
	close(connect_to(vsock, "CONNECT 7\nhello", 15));
}

static void nonsense(void **state)
{
	const char *rounds = getenv("KMC_RANDOM_ROUNDS"), *seed = getenv("KMC_RANDOM_SEED");
	unsigned n = rounds ? (unsigned)atoi(rounds) : ROUNDS;
	struct devices_config c = {.rng = true,
				   .disks = 1,
				   .nets = 1,
				   .consoles = 1,
				   .console = {console},
				   .vsock = {.path = vsock, .cid = 3},
				   .folders = 1,
				   .folder = {{.tag = "tag", .path = folder}}};
	static const char noise[100000];
	struct driver driver[SLOTS];
	struct devices *d;
	char err[256];
	bool bad;
	int client, listening;

	srand(seed ? (unsigned)atoi(seed) : 1);
	world_init(&w);
	make_disk();
	assert_non_null(mkdtemp(folder));
	setenv("KMC_VIRTIOFSD", FAKE_VIRTIOFSD, 1);
	snprintf(console, sizeof(console), "unix:%s-console", path);
	snprintf(vsock, sizeof(vsock), "%s-vsock", path);
	snprintf(vsock_7, sizeof(vsock_7), "%s_7", vsock);
	c.disk[0].path = path;
	c.net[0].restricted = true;
	if (devices_create(&c, &w.host, &d, err, sizeof(err), &bad) < 0)
		fail_msg("%s", err);
	assert_int_equal(devices_start(d), 0);
	client = connect_to(strchr(console, '/'), noise, sizeof(noise));
	listening = listen_at(vsock_7);
	for (unsigned slot = 1; slot < SLOTS; slot++)
		driver_find(&driver[slot], d, slot);
	for (unsigned i = 0; i < n; i++)
		for (unsigned slot = 1; slot < SLOTS; slot++) {
			visit_vsock(listening);
			one_round(&driver[slot]);
			if (slot == VSOCK_SLOT && i % 10 == 0) /* its answers are waited for */
				packets_round(&driver[slot]);
		}
	devices_stop(d);
	devices_destroy(d);
	close(client);
	close(listening);
	unlink(vsock_7);
	rmdir(folder);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nonsense)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
