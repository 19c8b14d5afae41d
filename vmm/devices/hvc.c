// SPDX-License-Identifier: GPL-2.0-only
/*
 * hvc.c: virtio-console (VIRTIO 1.2, 5.3) with one port, which Linux calls hvc0: to a file, or to
 * and from the client of a UNIX socket.
 *
 * Linux waits for each line with a spin lock held, so output never waits for who reads it: it is
 * taken at once and kept, in a ring that loses its oldest bytes and says so. A client that comes
 * late sees what the ring still has.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capped_file.h"
#include "device_list.h"
#include "local_socket.h"

#define RX     0u
#define TX     1u
#define OUTPUT (256u * 1024)
#define INPUT  4096u
#define PREFIX "unix:"

struct hvc {
	struct virtio_device device; /* first */
	struct local_socket socket;  /* fd -1: output goes to a file */
	int fd;			     /* the file, or the client; -1: there is none */
	struct capped_file file;     /* the same file */
	bool eof;		     /* the client sends no more */
	short ready;		     /* what poll() said of what it waited for */
	size_t in_at, in_len;	     /* what the guest has no buffer for yet */
	size_t first, kept;	     /* of out, a ring */
	uint64_t lost;		     /* bytes that were in front of them */
	uint8_t in[INPUT], out[OUTPUT];
};

static bool has_client(const struct hvc *h)
{
	return h->socket.fd >= 0 && h->fd >= 0;
}

static void hang_up(struct hvc *h)
{
	close(h->fd);
	h->fd = -1;
	h->eof = false;
}

/* ---- what the guest says ---- */

static void lose(struct hvc *h, size_t len)
{
	h->first = (h->first + len) % OUTPUT;
	h->kept -= len;
	h->lost += len;
}

/* Adds a part of the chain at offset: no more than fits behind the end of what is kept, unwrapped.
 */
static size_t keep_part(struct hvc *h, uint64_t offset, size_t len)
{
	struct virtio_device *d = &h->device;
	size_t at = (h->first + h->kept) % OUTPUT, part = OUTPUT - at < len ? OUTPUT - at : len;

	if (h->kept + part > OUTPUT)
		lose(h, h->kept + part - OUTPUT);
	if (!virtqueue_read(&d->queue[TX], &d->chain, offset, h->out + at, part))
		return 0;
	h->kept += part;
	return part;
}

/* Of a request that is larger than the ring only the end is read. */
static bool keep(struct hvc *h)
{
	uint64_t len = h->device.chain.read_len, at = len > OUTPUT ? len - OUTPUT : 0;

	if (at) {
		lose(h, h->kept);
		h->lost += at;
	}
	while (at < len) {
		size_t part = keep_part(h, at, (size_t)(len - at));

		if (!part)
			return false;
		at += part;
	}
	return true;
}

static void take_output(struct hvc *h)
{
	struct virtio_device *d = &h->device;

	while (virtio_next(d, TX)) {
		if (!keep(h)) {
			virtio_broken(d, TX);
			return;
		}
		virtio_done(d, TX, 0);
	}
}

/* False: it takes no more now, or nothing any more. */
static bool put(struct hvc *h, const void *bytes, size_t len, size_t *done)
{
	ssize_t n = has_client(h) ? send(h->fd, bytes, len, MSG_NOSIGNAL)
				  : capped_file_write(&h->file, bytes, len);

	*done = n > 0 ? (size_t)n : 0;
	if (n < 0 && errno != EAGAIN && errno != EINTR && has_client(h))
		hang_up(h);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		lose(h, h->kept); /* the file's disk is full */
	return n > 0;
}

static bool tell_loss(struct hvc *h)
{
	char text[80];
	int len = snprintf(text, sizeof(text), "\r\n[kmc-vmm: %llu bytes are missing here]\r\n",
			   (unsigned long long)h->lost);
	size_t done;

	if (!put(h, text, (size_t)len, &done))
		return false;
	h->lost = 0;
	return true;
}

static void flush(struct hvc *h)
{
	size_t done;

	while (h->fd >= 0 && h->kept) {
		size_t room = OUTPUT - h->first;

		if (h->lost && !tell_loss(h))
			return;
		if (!put(h, h->out + h->first, h->kept < room ? h->kept : room, &done))
			return;
		h->first = (h->first + done) % OUTPUT;
		h->kept -= done;
	}
}

/* ---- what the guest hears ---- */

static void listen_to_client(struct hvc *h)
{
	ssize_t n;

	if (h->ready & (POLLHUP | POLLERR)) {
		hang_up(h);
		return;
	}
	if (!(h->ready & POLLIN) || h->in_len)
		return;
	n = read(h->fd, h->in, sizeof(h->in));
	h->in_at = 0;
	h->in_len = n > 0 ? (size_t)n : 0;
	h->eof = n == 0;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		hang_up(h);
}

static void give_input(struct hvc *h)
{
	struct virtio_device *d = &h->device;

	while (h->in_len && virtio_next(d, RX)) {
		uint64_t room = d->chain.write_len;
		size_t len = h->in_len < room ? h->in_len : (size_t)room;

		if (!virtqueue_write(&d->queue[RX], &d->chain, 0, h->in + h->in_at, len)) {
			virtio_broken(d, RX);
			return;
		}
		virtio_done(d, RX, (uint32_t)len);
		h->in_at += len;
		h->in_len -= len;
	}
}

/* ---- the device ---- */

static void serve(struct virtio_device *d)
{
	struct hvc *h = (struct hvc *)d;

	take_output(h);
	virtio_signal(d, TX);
	give_input(h);
	virtio_signal(d, RX);
}

static void reset(struct virtio_device *d)
{
	((struct hvc *)d)->in_len = 0;
}

/* One descriptor: who may come, or who is there, or the file. */
static unsigned poll_begin(struct virtio_device *d, struct pollfd *fds, int *timeout_ms)
{
	struct hvc *h = (struct hvc *)d;
	bool client = has_client(h);

	flush(h);
	fds->fd = h->fd >= 0 ? h->fd : h->socket.fd;
	fds->revents = 0;
	fds->events = h->fd < 0 || (client && !h->eof && !h->in_len) ? POLLIN : 0;
	if (h->fd >= 0 && h->kept)
		fds->events |= POLLOUT;
	return client || fds->events ? 1 : 0;
}

static void poll_end(struct virtio_device *d, const struct pollfd *fds, bool failed)
{
	struct hvc *h = (struct hvc *)d;

	h->ready = failed ? 0 : fds->revents;
	if (has_client(h))
		listen_to_client(h);
	else if (h->socket.fd >= 0 && (h->ready & POLLIN))
		h->fd = local_socket_accept(&h->socket);
}

static void destroy(struct virtio_device *d)
{
	struct hvc *h = (struct hvc *)d;

	flush(h);
	if (h->fd >= 0)
		close(h->fd);
	local_socket_close(&h->socket);
	free(h);
}

static const struct virtio_ops ops = {
	.name = "virtio-console",
	.type = VIRTIO_ID_CONSOLE,
	.class = 0x078000,
	.queues = 2,
	.thread = SANDBOX_LOCAL,
	.serve = serve,
	.reset = reset,
	.poll_begin = poll_begin,
	.poll_end = poll_end,
	.destroy = destroy,
};

/* 0, or -1. Not blocking, for it may be a FIFO. */
static int open_target(struct hvc *h, const char *to, uint64_t limit, char *err, size_t errlen)
{
	if (!strncmp(to, PREFIX, sizeof(PREFIX) - 1))
		return local_socket_open(&h->socket, to + sizeof(PREFIX) - 1, "console", err,
					 errlen);
	h->fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0600);
	if (h->fd >= 0) {
		capped_file_init(&h->file, h->fd, limit);
		return 0;
	}
	snprintf(err, errlen, "--console %s: %s: give a file that can be written, or unix:PATH", to,
		 strerror(errno));
	return -1;
}

int hvc_create(const char *to, uint64_t limit, struct virtio_device **out, char *err, size_t errlen,
	       bool *bad_input)
{
	struct hvc *h = calloc(1, sizeof(*h));

	*out = h ? &h->device : NULL;
	if (!h)
		return 0;
	h->device.ops = &ops;
	h->fd = h->socket.fd = -1;
	if (open_target(h, to, limit, err, errlen) == 0)
		return 0;
	*bad_input = true;
	free(h);
	return -1;
}
