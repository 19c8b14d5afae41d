/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtqueue.h: the device's side of a split virtqueue. Used by virtio.c, the devices and tests.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2, 2.7 "Split Virtqueues". The ring is the guest's
 * and hostile: every number in it is read once, kept, and checked; what the specification forbids
 * makes the queue broken, and it stays so. The work for one chain is bounded by VQ_MAX_SIZE
 * descriptors. Not locked: one thread a queue.
 */
#ifndef KMC_VIRTQUEUE_H
#define KMC_VIRTQUEUE_H

#include "device_host.h"

#define VQ_MAX_SIZE 256u /* descriptors of a queue, of an indirect table and of a chain */

struct virtqueue {
	const struct device_host *host;
	const char *device; /* name, for reports */
	uint16_t size;	    /* a power of two */
	gpa_t desc, avail, used;
	bool event_idx; /* VIRTIO_F_EVENT_IDX was negotiated */
	bool broken;
	uint16_t next_avail, next_used;
	uint16_t signalled; /* next_used when the driver was last asked whether it wants to know */
};

struct vq_segment {
	gpa_t gpa;
	uint32_t len;
};

/* One request: segments that the device reads, followed by segments that it writes. */
struct vq_chain {
	uint16_t head;
	unsigned nread, n; /* segments: of the first kind, and in all */
	uint64_t read_len, write_len;
	struct vq_segment segment[VQ_MAX_SIZE];
};

/* The queue as the driver has laid it out; broken at once where that is not allowed. */
void virtqueue_begin(struct virtqueue *q, const struct virtqueue *layout);
/*
 * The next request. False: there is none (the driver will kick when there is one), or the queue is
 * broken.
 */
bool virtqueue_pop(struct virtqueue *q, struct vq_chain *chain);
/* Would virtqueue_pop() give one? */
bool virtqueue_waiting(struct virtqueue *q);
/* The request is done, written bytes of its writable part were filled. */
void virtqueue_push(struct virtqueue *q, const struct vq_chain *chain, uint32_t written);
/* Asked once after any number of pushes: does the driver want an interrupt for them? */
bool virtqueue_wants_interrupt(struct virtqueue *q);

/*
 * Copies from the readable or to the writable part of a chain, from offset on. False where the
 * chain is shorter: nothing is copied; or names memory that does not exist: the queue is broken.
 */
bool virtqueue_read(struct virtqueue *q, const struct vq_chain *chain, uint64_t offset, void *data,
		    size_t len);
bool virtqueue_write(struct virtqueue *q, const struct vq_chain *chain, uint64_t offset,
		     const void *data, size_t len);

#endif
