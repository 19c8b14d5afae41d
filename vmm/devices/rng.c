// SPDX-License-Identifier: GPL-2.0-only
/* rng.c: virtio-rng (VIRTIO 1.2, 5.4): the host's random numbers. */
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <sys/random.h>

#include "device_list.h"

#define AT_ONCE 256u /* bytes; getrandom() gives as many without being interrupted */

static void serve(struct virtio_device *d)
{
	uint8_t bytes[AT_ONCE];

	while (virtio_next(d, 0)) {
		size_t len = d->chain.write_len < AT_ONCE ? d->chain.write_len : AT_ONCE;

		/* Less than was asked for is allowed, nothing at all is not (5.4.6.2). */
		if (!len || getrandom(bytes, len, 0) != (ssize_t)len ||
		    !virtqueue_write(&d->queue[0], &d->chain, 0, bytes, len)) {
			virtio_broken(d, 0);
			return;
		}
		virtio_done(d, 0, (uint32_t)len);
	}
	virtio_signal(d, 0);
}

static void destroy(struct virtio_device *d)
{
	free(d);
}

static const struct virtio_ops ops = {
	.name = "virtio-rng",
	.type = VIRTIO_ID_RNG,
	.class = 0x00ff00,
	.queues = 1,
	.thread = SANDBOX_DEVICE,
	.serve = serve,
	.destroy = destroy,
};

struct virtio_device *rng_create(void)
{
	struct virtio_device *d = calloc(1, sizeof(*d));

	if (d)
		d->ops = &ops;
	return d;
}
