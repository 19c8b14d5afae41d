/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * device_ring.h: a driver's queue in a world's memory, with one buffer a descriptor, used in turn.
 * For tests of devices: device_driver.h has the registers.
 */
#ifndef TESTS_DEVICE_RING_H
#define TESTS_DEVICE_RING_H

#include <linux/virtio_ring.h>
#include <string.h>
#include "device_driver.h"
#include "device_world.h"

#define RING_SIZE   16u
#define RING_BUFFER 0x1000u /* bytes of each */
#define RING_ROOM   0x13000u

struct ring {
	struct world *w;
	const struct driver *v;
	unsigned queue;
	uint32_t base; /* guest-physical: descriptors, avail, used, buffers */
	uint16_t offered, seen;
};

static inline void ring_init(struct ring *r, struct world *w, const struct driver *v,
			     unsigned queue)
{
	*r = (struct ring){.w = w, .v = v, .queue = queue, .base = queue * RING_ROOM};
	memset(w->ram + r->base, 0, 0x3000);
	driver_queue(v, queue, RING_SIZE, r->base, r->base + 0x1000, r->base + 0x2000);
}

static inline uint8_t *ring_buffer(const struct ring *r, uint16_t i)
{
	return r->w->ram + r->base + 0x3000 + i % RING_SIZE * RING_BUFFER;
}

static inline void ring_offer(struct ring *r, uint32_t len, uint16_t flags)
{
	uint16_t slot = r->offered % RING_SIZE, *avail = (uint16_t *)(r->w->ram + r->base + 0x1000);
	struct vring_desc *d = (struct vring_desc *)(r->w->ram + r->base) + slot;

	*d = (struct vring_desc){r->base + 0x3000 + slot * RING_BUFFER, len, flags, 0};
	avail[2 + slot] = slot;
	__atomic_store_n(&avail[1], ++r->offered, __ATOMIC_SEQ_CST);
	driver_kick(r->v, r->queue);
}

/* A buffer for the device to fill. */
static inline void ring_give(struct ring *r, uint32_t len)
{
	ring_offer(r, len, VRING_DESC_F_WRITE);
}

static inline void ring_send(struct ring *r, const void *data, uint32_t len)
{
	memcpy(ring_buffer(r, r->offered), data, len);
	ring_offer(r, len, 0);
}

/* Waits until the device has given back one more buffer. NULL: it has not within ms. */
static inline uint8_t *ring_next_within(struct ring *r, uint32_t *len, unsigned ms)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	const uint16_t *used = (uint16_t *)(r->w->ram + r->base + 0x2000);
	const struct vring_used_elem *e = (const struct vring_used_elem *)(used + 2);

	while (__atomic_load_n(&used[1], __ATOMIC_SEQ_CST) == r->seen) {
		if (!ms--)
			return NULL;
		nanosleep(&nap, NULL);
	}
	e += r->seen++ % RING_SIZE;
	*len = e->len;
	return ring_buffer(r, (uint16_t)e->id);
}

static inline uint8_t *ring_next(struct ring *r, uint32_t *len)
{
	return ring_next_within(r, len, 10000);
}

#endif
