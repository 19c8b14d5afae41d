// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake_virtiofsd.c: a vhost-user server in virtiofsd's place, for tests of fs.c. Answers each
 * request with its own bytes behind a FUSE header. How it behaves the last part of the folder's
 * name says: echo; slow: answers only once it is asked to stop; dies: ends at the first request;
 * liar: says that it answered what nobody asked, or more than there was room for.
 */
#include <linux/fuse.h>
#include <linux/vhost_types.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BASE   0x100000000ull /* where the front-end says that its memory is */
#define QUEUES 2u

struct __attribute__((packed)) message {
	uint32_t request, flags, size;
	union {
		uint64_t number, bytes[8];
		struct vhost_vring_state state;
		struct vhost_vring_addr address;
	} payload;
};

#define HEADER (3 * sizeof(uint32_t))

struct queue {
	bool running;
	int kick, call;
	uint32_t size;
	struct vring_desc *desc;
	uint16_t *avail, *used;
	uint16_t seen;
};

static const char *mode;
static uint8_t *memory;
static struct queue queues[QUEUES];

static void *at(uint64_t address)
{
	return memory + (address - BASE);
}

static uint32_t answer(const struct vring_desc *in)
{
	const struct fuse_in_header *asked = at(in->addr);
	struct fuse_out_header out = {.unique = asked->unique};
	const struct vring_desc *to;
	uint32_t rest = in->len - (uint32_t)sizeof(*asked);

	if (!(in->flags & VRING_DESC_F_NEXT))
		return 0;
	to = in + 1;
	if (to->len < sizeof(out))
		return 0;
	rest = rest < to->len - sizeof(out) ? rest : to->len - (uint32_t)sizeof(out);
	out.len = (uint32_t)sizeof(out) + rest;
	memcpy(at(to->addr), &out, sizeof(out));
	memcpy((uint8_t *)at(to->addr) + sizeof(out), asked + 1, rest);
	return out.len;
}

static void work(struct queue *q)
{
	struct vring_used_elem *ring = (struct vring_used_elem *)(q->used + 2);
	const uint64_t one = 1;

	while (q->seen != __atomic_load_n(&q->avail[1], __ATOMIC_ACQUIRE)) {
		uint16_t head = q->avail[2 + q->seen % q->size];
		struct vring_used_elem e = {.id = head, .len = answer(&q->desc[head])};

		if (!strcmp(mode, "dies"))
			_exit(0);
		if (!strcmp(mode, "liar"))
			*(q->seen % 2 ? &e.id : &e.len) += 0x10001;
		ring[q->seen++ % q->size] = e;
		__atomic_store_n(&q->used[1], q->seen, __ATOMIC_RELEASE);
		if (write(q->call, &one, sizeof(one)) < 0)
			_exit(1);
	}
}

/* 0: the front-end has gone. */
static ssize_t receive(int fd, struct message *m, int *passed)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = {.iov_base = m, .iov_len = HEADER};
	struct msghdr h = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(fd, &h, MSG_WAITALL);

	*passed = -1;
	if (n == (ssize_t)HEADER && CMSG_FIRSTHDR(&h))
		memcpy(passed, CMSG_DATA(CMSG_FIRSTHDR(&h)), sizeof(int));
	if (n == (ssize_t)HEADER && m->size)
		n = recv(fd, &m->payload, m->size, MSG_WAITALL);
	return n;
}

static void reply(int fd, struct message *m, uint32_t size)
{
	m->flags = 5;
	m->size = size;
	if (send(fd, m, HEADER + size, 0) < 0)
		_exit(1);
}

static void start(struct queue *q, int kick)
{
	q->kick = kick;
	q->seen = 0;
	q->running = true;
}

static void obey(int fd, struct message *m, int passed)
{
	struct queue *q = &queues[m->payload.state.index % QUEUES];

	switch (m->request) {
	case 1:
		m->payload.number = 1ull << VIRTIO_F_VERSION_1 | 1ull << 30;
		reply(fd, m, sizeof(uint64_t));
		break;
	case 5: /* one region: its size is the third word */
		memory = mmap(NULL, m->payload.bytes[2], PROT_READ | PROT_WRITE, MAP_SHARED, passed,
			      0);
		break;
	case 8:
		q->size = m->payload.state.num;
		break;
	case 9:
		q->desc = at(m->payload.address.desc_user_addr);
		q->avail = at(m->payload.address.avail_user_addr);
		q->used = at(m->payload.address.used_user_addr);
		break;
	case 11:
		work(q);
		q->running = false;
		reply(fd, m, sizeof(m->payload.state));
		break;
	case 12:
		start(q, passed);
		break;
	case 13:
		q->call = passed;
		break;
	}
}

int main(int argc, char **argv)
{
	int fd = accept(3, NULL, NULL), passed;
	struct message m;

	mode = argc > 3 ? strrchr(argv[3], '/') + 1 : "";
	for (;;) {
		struct pollfd p[1 + QUEUES] = {{.fd = fd, .events = POLLIN}};
		uint64_t count;

		for (unsigned i = 0; i < QUEUES; i++)
			p[1 + i] =
				(struct pollfd){queues[i].running ? queues[i].kick : -1, POLLIN, 0};
		poll(p, 1 + QUEUES, -1);
		for (unsigned i = 0; i < QUEUES; i++)
			if (p[1 + i].revents && read(queues[i].kick, &count, sizeof(count)) > 0 &&
			    strcmp(mode, "slow") != 0)
				work(&queues[i]);
		if (p[0].revents && receive(fd, &m, &passed) <= 0)
			return 0;
		if (p[0].revents)
			obey(fd, &m, passed);
	}
}
