// SPDX-License-Identifier: GPL-2.0-only
/*
 * devices_vsock.c: virtio-vsock between a driver that speaks for the guest and UNIX sockets: both
 * sides connect, talk, stop talking and leave; nobody is sent more than there is credit for; what
 * is wrong is reset.
 */
#include <errno.h>
#include <linux/virtio_vsock.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "device_ring.h"

#define CID    42u
#define HEADER ((uint32_t)sizeof(struct virtio_vsock_hdr))
#define SEND   VIRTIO_VSOCK_SHUTDOWN_SEND
#define BOTH   (VIRTIO_VSOCK_SHUTDOWN_SEND | VIRTIO_VSOCK_SHUTDOWN_RCV)
#define OP(op) VIRTIO_VSOCK_OP_##op

static struct world w;
static struct devices *d;
static struct driver v;
static struct ring rx, tx;
static char folder[] = "/tmp/kmc-vsock-XXXXXX", path[64];
static const uint8_t *payload; /* of the packet that came last */

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/vsock", folder);
	return 0;
}

static int remove_folder(void **state)
{
	return rmdir(folder);
}

static void begin_driver(void)
{
	assert_true(driver_features(&v, 1ull << VIRTIO_F_VERSION_1));
	for (unsigned i = 0; i < 3; i++) {
		struct ring event;

		ring_init(i == 0 ? &rx : i == 1 ? &tx : &event, &w, &v, i);
	}
	driver_ok(&v);
	for (unsigned i = 0; i < RING_SIZE; i++)
		ring_give(&rx, RING_BUFFER);
}

static int setup(void **state)
{
	const struct devices_config c = {.vsock = {.path = path, .cid = CID}};

	d = world_devices(&w, &c);
	driver_find(&v, d, 1);
	begin_driver();
	return 0;
}

static int teardown(void **state)
{
	devices_stop(d);
	devices_destroy(d);
	return access(path, F_OK) ? 0 : -1;
}

/* ---- the guest ---- */

static struct virtio_vsock_hdr packet(uint16_t op, uint32_t guest_port, uint32_t host_port)
{
	return (struct virtio_vsock_hdr){.src_cid = CID,
					 .dst_cid = 2,
					 .src_port = guest_port,
					 .dst_port = host_port,
					 .type = VIRTIO_VSOCK_TYPE_STREAM,
					 .op = op,
					 .buf_alloc = 1u << 20};
}

static void send_header(const struct virtio_vsock_hdr *h)
{
	uint32_t len;

	ring_send(&tx, h, HEADER);
	assert_non_null(ring_next(&tx, &len));
}

static void send_op(uint16_t op, uint32_t guest_port, uint32_t host_port)
{
	struct virtio_vsock_hdr h = packet(op, guest_port, host_port);

	send_header(&h);
}

static void send_shutdown(uint32_t flags, uint32_t guest_port, uint32_t host_port)
{
	struct virtio_vsock_hdr h = packet(OP(SHUTDOWN), guest_port, host_port);

	h.flags = flags;
	send_header(&h);
}

static void send_data(const void *data, uint32_t n, uint32_t guest_port, uint32_t host_port)
{
	uint8_t bytes[RING_BUFFER];
	struct virtio_vsock_hdr h = packet(OP(RW), guest_port, host_port);
	uint32_t len;

	h.len = n;
	memcpy(bytes, &h, HEADER);
	memcpy(bytes + HEADER, data, n);
	ring_send(&tx, bytes, HEADER + n);
	assert_non_null(ring_next(&tx, &len));
}

/* The next packet for the guest, of this kind; updates of credit are passed over. */
static struct virtio_vsock_hdr expect(uint16_t op)
{
	struct virtio_vsock_hdr h;
	uint8_t *bytes;
	uint32_t len;

	do {
		bytes = ring_next(&rx, &len);
		assert_non_null(bytes);
		memcpy(&h, bytes, HEADER);
		assert_int_equal(len, HEADER + h.len);
		payload = bytes + HEADER;
		ring_give(&rx, RING_BUFFER);
	} while (h.op == OP(CREDIT_UPDATE) && op != OP(CREDIT_UPDATE));
	assert_int_equal(h.op, op);
	assert_int_equal(h.dst_cid, CID);
	return h;
}

static void expect_nothing(void)
{
	uint32_t len;

	assert_null(ring_next_within(&rx, &len, 50));
}

/* ---- the host ---- */

static struct sockaddr_un address(const char *suffix)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s%s", path, suffix);
	return a;
}

static int listener(const char *suffix)
{
	struct sockaddr_un a = address(suffix);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 200), 0);
	return fd;
}

static void end_listener(int fd, const char *suffix)
{
	struct sockaddr_un a = address(suffix);

	close(fd);
	unlink(a.sun_path);
}

static int ask(const char *line)
{
	struct sockaddr_un a = address("");
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	return fd;
}

static size_t read_some(int fd, void *to, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n;

	assert_int_equal(poll(&p, 1, 10000), 1);
	n = read(fd, to, size);
	return n > 0 ? (size_t)n : 0;
}

static void hear(int fd, const char *text)
{
	char got[64] = "";
	size_t n = 0, part;

	while (n < strlen(text) && (part = read_some(fd, got + n, strlen(text) - n)))
		n += part;
	assert_string_equal(got, text);
}

static void hear_end(int fd)
{
	char byte;

	assert_int_equal(read_some(fd, &byte, 1), 0);
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* ---- */

/* A connection of the guest's port 1000 to port 7; the host's end. */
static int open_one(int l)
{
	struct virtio_vsock_hdr h;

	send_op(OP(REQUEST), 1000, 7);
	h = expect(OP(RESPONSE));
	assert_int_equal(h.src_cid, 2);
	assert_int_equal(h.src_port, 7);
	assert_int_equal(h.dst_port, 1000);
	assert_int_equal(h.type, VIRTIO_VSOCK_TYPE_STREAM);
	assert_true(h.buf_alloc > 0);
	return accept(l, NULL, NULL);
}

static void guest_connects(void **state)
{
	int l = listener("_7"), fd = open_one(l);

	send_data("hello", 5, 1000, 7);
	hear(fd, "hello");
	say(fd, "world");
	assert_int_equal(expect(OP(RW)).len, 5);
	assert_memory_equal(payload, "world", 5);
	send_op(OP(CREDIT_REQUEST), 1000, 7);
	assert_int_equal(expect(OP(CREDIT_UPDATE)).fwd_cnt, 5);
	/* The guest leaves; what it said before arrives. */
	send_data("bye", 3, 1000, 7);
	send_shutdown(BOTH, 1000, 7);
	expect(OP(RST));
	hear(fd, "bye");
	hear_end(fd);
	close(fd);
	/* The same ports again; now the host leaves, what it said arrives. */
	fd = open_one(l);
	say(fd, "last");
	close(fd);
	assert_int_equal(expect(OP(RW)).len, 4);
	for (uint32_t flags = 0; flags != BOTH; flags = expect(OP(SHUTDOWN)).flags)
		;
	send_op(OP(RST), 1000, 7);
	expect_nothing();
	end_listener(l, "_7");
}

static void host_connects(void **state)
{
	struct virtio_vsock_hdr h, other;
	char line[32];
	int fd = ask("CONNECT 99\nat once"), second;

	h = expect(OP(REQUEST));
	assert_int_equal(h.dst_port, 99);
	expect_nothing();
	second = ask("CONNECT 99\n");
	other = expect(OP(REQUEST));
	assert_true(other.src_port != h.src_port);
	send_op(OP(RST), 99, other.src_port); /* nobody listens there now */
	hear_end(second);
	close(second);
	send_op(OP(RESPONSE), 99, h.src_port);
	snprintf(line, sizeof(line), "OK %u\n", h.src_port);
	hear(fd, line);
	assert_int_equal(expect(OP(RW)).len, 7);
	assert_memory_equal(payload, "at once", 7);
	send_data("answer", 6, 99, h.src_port);
	hear(fd, "answer");
	send_op(OP(RST), 99, h.src_port);
	hear_end(fd);
	close(fd);
	/* Gone before the guest has answered. */
	fd = ask("CONNECT 98\n");
	h = expect(OP(REQUEST));
	close(fd);
	expect(OP(RST));
}

static void half_closed(void **state)
{
	int l = listener("_7"), fd = open_one(l);

	shutdown(fd, SHUT_WR);
	assert_int_equal(expect(OP(SHUTDOWN)).flags, SEND);
	send_data("still", 5, 1000, 7);
	hear(fd, "still");
	close(fd);
	assert_int_equal(expect(OP(SHUTDOWN)).flags, BOTH);
	send_op(OP(RST), 1000, 7);
	fd = open_one(l);
	send_shutdown(SEND, 1000, 7);
	hear_end(fd);
	say(fd, "goes on");
	assert_int_equal(expect(OP(RW)).len, 7);
	send_data("x", 1, 1000, 7); /* after it said that it would not */
	expect(OP(RST));
	close(fd);
	end_listener(l, "_7");
}

/* Nobody who is not there, not asked, or not us gets anything but a reset. */
static void wrong(void **state)
{
	static const char *const lines[] = {"CONNECT\n",
					    "CONNECT x\n",
					    "CONNECT 1 \n",
					    "GET / \n",
					    "CONNECT 4294967295\n",
					    "CONNECT -1\n",
					    "CONNECT 00000000000000000000000000000001\n"};
	static const uint16_t ops[] = {
		OP(RESPONSE), OP(RW), OP(SHUTDOWN), OP(CREDIT_UPDATE), OP(CREDIT_REQUEST),
		OP(INVALID),  77};
	int l = listener("_7"), fd;
	struct virtio_vsock_hdr h;

	send_op(OP(REQUEST), 5, 8); /* nobody listens */
	assert_int_equal(expect(OP(RST)).dst_port, 5);
	for (unsigned i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		send_op(ops[i], 5, 7);
		expect(OP(RST));
	}
	send_op(OP(RST), 5, 7);
	expect_nothing();
	for (unsigned i = 0; i < 3; i++) {
		h = packet(OP(REQUEST), 5, 7);
		h.src_cid += i == 0;
		h.dst_cid += i == 1;
		h.type = i == 2 ? VIRTIO_VSOCK_TYPE_SEQPACKET : h.type;
		send_header(&h);
		assert_int_equal(expect(OP(RST)).type, h.type);
	}
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		fd = ask(lines[i]);
		hear_end(fd);
		close(fd);
	}
	/* A second one on the same ports, and data that are not there. */
	fd = open_one(l);
	send_op(OP(REQUEST), 1000, 7);
	expect(OP(RST));
	close(fd);
	fd = open_one(l);
	h = packet(OP(RW), 1000, 7);
	h.len = 100;
	send_header(&h);
	expect(OP(RST));
	hear_end(fd);
	close(fd);
	end_listener(l, "_7");
}

/* Looks at what has come. */
static bool was_reset(void)
{
	const struct virtio_vsock_hdr *h;
	uint32_t len;

	while ((h = (const void *)ring_next_within(&rx, &len, 0))) {
		if (h->op == OP(RST))
			return true;
		assert_int_equal(h->op, OP(CREDIT_UPDATE));
		ring_give(&rx, RING_BUFFER);
	}
	return false;
}

static void credit(void **state)
{
	static uint8_t zeros[4000];
	static char sent[300000];
	struct virtio_vsock_hdr h = packet(OP(REQUEST), 1, 7);
	int l = listener("_7"), fd;
	uint32_t total = 0;

	/* The guest has room for ten bytes, and then for ten more. */
	h.buf_alloc = 10;
	send_header(&h);
	expect(OP(RESPONSE));
	fd = accept(l, NULL, NULL);
	memset(sent, 'x', sizeof(sent));
	assert_int_equal(write(fd, sent, 100), 100);
	assert_int_equal(expect(OP(RW)).len, 10);
	expect_nothing();
	h.op = OP(CREDIT_UPDATE);
	h.fwd_cnt = 10;
	send_header(&h);
	assert_int_equal(expect(OP(RW)).len, 10);
	h.fwd_cnt = 5000; /* of what it never got: no credit */
	send_header(&h);
	expect_nothing();
	send_op(OP(RST), 1, 7);
	close(fd);
	/* The host does not read: what the guest may send is limited, and kept until it does. */
	fd = open_one(l);
	do {
		send_data(zeros, sizeof(zeros), 1000, 7);
		total += sizeof(zeros);
	} while (total < 1000000 && !was_reset());
	assert_true(total > 65536 && total < 1000000);
	close(fd);
	end_listener(l, "_7");
}

/* As many as there is room for, all at work; a reset of the device ends them. */
static void many(void **state)
{
	int l = listener("_7"), fd[128];
	uint32_t len = 0;

	for (uint32_t i = 0; i < 128; i++) {
		send_op(OP(REQUEST), i, 7);
		expect(OP(RESPONSE));
		fd[i] = accept(l, NULL, NULL);
	}
	send_op(OP(REQUEST), 128, 7);
	expect(OP(RST));
	for (unsigned i = 0; i < 128; i++)
		say(fd[i], "hello");
	for (unsigned i = 0; i < 128; i++)
		len += expect(OP(RW)).len;
	assert_int_equal(len, 128 * 5);
	send_op(OP(RST), 7, 7);
	hear_end(fd[7]);
	send_op(OP(REQUEST), 128, 7);
	expect(OP(RESPONSE));
	assert_true(driver_reset(&v));
	for (unsigned i = 0; i < 128; i++) {
		hear_end(fd[i]);
		close(fd[i]);
	}
	close(accept(l, NULL, NULL)); /* the one that was reset at the limit was never here */
	begin_driver();
	close(open_one(l));
	end_listener(l, "_7");
}

/* More answers than the guest has buffers for: its packets wait, nothing is lost. */
static void answers_wait(void **state)
{
	uint32_t len;
	unsigned n = 0;

	for (unsigned i = 0; i < RING_SIZE; i++) { /* uses up all buffers */
		send_op(OP(RW), 5, i);
		assert_non_null(ring_next(&rx, &len));
	}
	while (n < 200) {
		struct virtio_vsock_hdr h = packet(OP(RW), 5, n++);

		ring_send(&tx, &h, HEADER);
		if (!ring_next_within(&tx, &len, 100))
			break;
	}
	assert_int_equal(n, 65);
	for (unsigned i = 0; i < n; i++) {
		ring_give(&rx, RING_BUFFER);
		assert_non_null(ring_next(&rx, &len));
	}
	assert_non_null(ring_next(&tx, &len));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(guest_connects), TEST(host_connects), TEST(half_closed),  TEST(wrong),
		TEST(credit),	      TEST(many),	   TEST(answers_wait),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
