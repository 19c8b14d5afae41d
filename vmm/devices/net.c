// SPDX-License-Identifier: GPL-2.0-only
/*
 * net.c: virtio-net (VIRTIO 1.2, 5.1) without offloads: one frame a request, behind a header that
 * says nothing. Frames for which the guest has no buffer wait, as many as there is room for.
 */
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device_list.h"
#include "net_tap.h"
#include "net_user.h"

#define RX	  0u
#define TX	  1u
#define FRAME	  1514u /* bytes, at most: no VLAN tags, no jumbo frames */
#define MIN_FRAME 14u
#define HEADER	  ((uint32_t)sizeof(struct virtio_net_hdr_v1))
#define WAITING	  128u
#define AT_ONCE	  256u /* frames from a tap in one turn */

struct frame {
	uint16_t len;
	uint8_t bytes[FRAME];
};

struct net {
	struct virtio_device device; /* first */
	struct net_user *user;	     /* or, where it is NULL: */
	int tap;
	bool waited, failed; /* poll() has returned since the last turn, and how */
	struct frame waiting[WAITING];
	unsigned first, n; /* of waiting, a ring */
	uint8_t out[FRAME];
};

/* False: there is no buffer. */
static bool deliver(struct net *n, const void *bytes, size_t len)
{
	static const struct virtio_net_hdr_v1 header = {.num_buffers = 1};
	struct virtio_device *d = &n->device;
	struct virtqueue *q = &d->queue[RX];

	if (!virtio_next(d, RX))
		return false;
	/* A buffer that is too small takes nothing: the frame is lost, as on a wire. */
	if (d->chain.write_len < HEADER + len) {
		virtio_done(d, RX, 0);
	} else if (virtqueue_write(q, &d->chain, 0, &header, HEADER) &&
		   virtqueue_write(q, &d->chain, HEADER, bytes, len)) {
		virtio_done(d, RX, HEADER + (uint32_t)len);
	} else {
		virtio_broken(d, RX);
	}
	return true;
}

static void receive(void *ctx, const void *bytes, size_t len)
{
	struct net *n = ctx;
	struct frame *f = &n->waiting[(n->first + n->n) % WAITING];

	if (len > FRAME || (!n->n && deliver(n, bytes, len)) || n->n == WAITING)
		return;
	f->len = (uint16_t)len;
	memcpy(f->bytes, bytes, len);
	n->n++;
}

static void deliver_waiting(struct net *n)
{
	while (n->n && deliver(n, n->waiting[n->first].bytes, n->waiting[n->first].len)) {
		n->first = (n->first + 1) % WAITING;
		n->n--;
	}
}

static void to_network(struct net *n, size_t len)
{
	if (n->user)
		net_user_send(n->user, n->out, len);
	else if (write(n->tap, n->out, len) < 0)
		return; /* lost, as on a wire: it is full, or down */
}

/* Those for which there is no room stay with the host, whose queue is bounded. */
static void read_tap(struct net *n)
{
	uint8_t bytes[FRAME + 1];

	for (unsigned i = 0; i < AT_ONCE && n->n < WAITING; i++) {
		ssize_t len = read(n->tap, bytes, sizeof(bytes));

		if (len < 0)
			return;
		receive(n, bytes, (size_t)len);
	}
}

static void from_network(struct net *n)
{
	if (n->user)
		net_user_work(n->user, n->failed);
	else
		read_tap(n);
}

/* The driver's header tells of offloads only, and there are none: it is not read. */
static void transmit(struct net *n)
{
	struct virtio_device *d = &n->device;

	while (virtio_next(d, TX)) {
		uint64_t len = d->chain.read_len < HEADER ? 0 : d->chain.read_len - HEADER;
		bool good = len >= MIN_FRAME && len <= FRAME;

		if (good &&
		    !virtqueue_read(&d->queue[TX], &d->chain, HEADER, n->out, (size_t)len)) {
			virtio_broken(d, TX);
			return;
		}
		/* First, for what is sent may be answered at once, and needs the chain. */
		virtio_done(d, TX, 0);
		if (good)
			to_network(n, (size_t)len);
	}
}

static void serve(struct virtio_device *d)
{
	struct net *n = (struct net *)d;

	deliver_waiting(n);
	if (n->waited)
		from_network(n);
	n->waited = false;
	transmit(n);
	virtio_signal(d, TX);
	virtio_signal(d, RX);
}

static void reset(struct virtio_device *d)
{
	struct net *n = (struct net *)d;

	n->first = n->n = 0;
	n->waited = false;
}

static unsigned poll_begin(struct virtio_device *d, struct pollfd *fds, int *timeout_ms)
{
	struct net *n = (struct net *)d;

	n->waited = d->running;
	if (!d->running)
		return 0;
	if (n->user)
		return net_user_wait(n->user, fds, VIRTIO_POLL_FDS - 1, timeout_ms);
	*fds = (struct pollfd){.fd = n->tap, .events = POLLIN};
	return n->n < WAITING;
}

static void poll_end(struct virtio_device *d, const struct pollfd *fds, bool failed)
{
	struct net *n = (struct net *)d;

	n->failed = failed;
}

static void destroy(struct virtio_device *d)
{
	struct net *n = (struct net *)d;

	net_user_destroy(n->user);
	if (n->tap >= 0)
		close(n->tap);
	free(n);
}

static const struct virtio_ops ops = {
	.name = "virtio-net",
	.type = VIRTIO_ID_NET,
	.class = 0x020000,
	.queues = 2,
	.thread = SANDBOX_NET,
	.features = 1u << VIRTIO_NET_F_MAC,
	.serve = serve,
	.reset = reset,
	.poll_begin = poll_begin,
	.poll_end = poll_end,
	.destroy = destroy,
};

/* 0, or -1. */
static int connect_network(struct net *n, const struct net_config *config, char *err, size_t errlen,
			   bool *bad_input)
{
	struct net_user_ops user = {.ctx = n, .receive = receive};

	if (!config->tap[0])
		return net_user_create(config, &user, &n->user, err, errlen, bad_input);
	n->tap = net_tap_open(config->tap, err, errlen);
	*bad_input = n->tap < 0;
	return n->tap < 0 ? -1 : 0;
}

int net_create(const struct net_config *config, unsigned index, struct virtio_device **out,
	       char *err, size_t errlen, bool *bad_input)
{
	/* Locally administered; good where each guest has networks of its own. */
	const uint8_t mac[MAC_LENGTH] = {0x52, 0x54, 0x00, 0x12, 0x34, (uint8_t)(0x56 + index)};
	struct net *n = calloc(1, sizeof(*n));

	*out = n ? &n->device : NULL;
	if (!n)
		return 0;
	n->device.ops = &ops;
	n->tap = -1;
	n->device.config_size = MAC_LENGTH;
	memcpy(n->device.config, config->has_mac ? config->mac : mac, MAC_LENGTH);
	if (connect_network(n, config, err, errlen, bad_input) == 0)
		return 0;
	free(n);
	return -1;
}
