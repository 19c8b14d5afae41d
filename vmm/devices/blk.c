// SPDX-License-Identifier: GPL-2.0-only
/* blk.c: virtio-blk (VIRTIO 1.2, 5.2): a disk image behind one queue. */
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_list.h"
#include "disk.h"

#define CHUNK	    65536u /* bytes that are copied at once */
#define MAX_SECTORS (UINT64_MAX / DISK_SECTOR)

struct blk {
	struct virtio_device device; /* first */
	struct disk *disk;
	char serial[VIRTIO_BLK_ID_BYTES];
	uint8_t chunk[CHUNK];
};

/* What a request wants: bytes of the chain behind its header and before its status. */
struct request {
	uint32_t type;
	uint64_t offset; /* on the disk, bytes */
	uint64_t in, out;
};

/* One part of a transfer; at: bytes that are done. */
static int move(struct blk *b, const struct request *r, uint64_t at, size_t len)
{
	struct virtio_device *d = &b->device;
	struct virtqueue *q = &d->queue[0];
	int error;

	if (r->type == VIRTIO_BLK_T_IN) {
		error = disk_read(b->disk, r->offset + at, b->chunk, len);
		if (!error && !virtqueue_write(q, &d->chain, at, b->chunk, len))
			error = -1;
		return error;
	}
	if (!virtqueue_read(q, &d->chain, sizeof(struct virtio_blk_outhdr) + at, b->chunk, len))
		return -1;
	return disk_write(b->disk, r->offset + at, b->chunk, len);
}

static uint8_t transfer(struct blk *b, const struct request *r)
{
	uint64_t len = r->type == VIRTIO_BLK_T_IN ? r->in : r->out;

	if (len % DISK_SECTOR)
		return VIRTIO_BLK_S_IOERR;
	for (uint64_t at = 0; at < len; at += CHUNK) {
		size_t part = len - at < CHUNK ? (size_t)(len - at) : CHUNK;

		if (move(b, r, at, part) || !virtio_breathe(&b->device))
			return VIRTIO_BLK_S_IOERR;
	}
	return VIRTIO_BLK_S_OK;
}

static uint8_t tell_serial(struct blk *b, const struct request *r)
{
	struct virtio_device *d = &b->device;
	size_t len = r->in < sizeof(b->serial) ? (size_t)r->in : sizeof(b->serial);

	return virtqueue_write(&d->queue[0], &d->chain, 0, b->serial, len) ? VIRTIO_BLK_S_OK
									   : VIRTIO_BLK_S_IOERR;
}

static uint8_t carry_out(struct blk *b, const struct request *r)
{
	switch (r->type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		return transfer(b, r);
	case VIRTIO_BLK_T_FLUSH:
		return disk_flush(b->disk) ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_GET_ID:
		return tell_serial(b, r);
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/* False: the driver has broken the rules. */
static bool one(struct blk *b)
{
	struct virtio_device *d = &b->device;
	struct virtqueue *q = &d->queue[0];
	struct virtio_blk_outhdr header;
	struct request r;
	uint8_t status;

	if (d->chain.read_len < sizeof(header) || !d->chain.write_len ||
	    !virtqueue_read(q, &d->chain, 0, &header, sizeof(header)))
		return false;
	r.type = header.type;
	r.offset = header.sector < MAX_SECTORS ? header.sector * DISK_SECTOR : UINT64_MAX;
	r.in = d->chain.write_len - 1;
	r.out = d->chain.read_len - sizeof(header);
	status = carry_out(b, &r);
	if (q->broken || !virtqueue_write(q, &d->chain, r.in, &status, 1))
		return false;
	/* How much of the data is valid only the status tells, where it is an error. */
	virtio_done(d, 0, status == VIRTIO_BLK_S_OK ? (uint32_t)d->chain.write_len : 1);
	return true;
}

static void serve(struct virtio_device *d)
{
	while (virtio_next(d, 0)) {
		if (!one((struct blk *)d)) {
			virtio_broken(d, 0);
			return;
		}
		virtio_signal(d, 0);
	}
}

static void destroy(struct virtio_device *d)
{
	struct blk *b = (struct blk *)d;

	disk_close(b->disk);
	free(b);
}

#define FEATURES (1u << VIRTIO_BLK_F_SEG_MAX | 1u << VIRTIO_BLK_F_FLUSH)

static const struct virtio_ops ops = {
	.name = "virtio-blk",
	.type = VIRTIO_ID_BLOCK,
	.class = 0x010000,
	.queues = 1,
	.thread = SANDBOX_DEVICE,
	.features = FEATURES,
	.serve = serve,
	.destroy = destroy,
};

static const struct virtio_ops read_only_ops = {
	.name = "virtio-blk",
	.type = VIRTIO_ID_BLOCK,
	.class = 0x010000,
	.queues = 1,
	.thread = SANDBOX_DEVICE,
	.features = FEATURES | 1u << VIRTIO_BLK_F_RO,
	.serve = serve,
	.destroy = destroy,
};

struct virtio_device *blk_create(struct disk *disk, unsigned index)
{
	struct blk *b = calloc(1, sizeof(*b));
	struct virtio_blk_config config = {
		.capacity = disk_sectors(disk), .seg_max = VQ_MAX_SIZE - 2, /* header and status */
	};

	if (!b)
		return NULL;
	b->disk = disk;
	b->device.ops = disk_read_only(disk) ? &read_only_ops : &ops;
	snprintf(b->serial, sizeof(b->serial), "disk%u", index); /* /dev/disk/by-id has it */
	/* Of fields whose features are not offered the driver reads none. */
	b->device.config_size = offsetof(struct virtio_blk_config, geometry);
	memcpy(b->device.config, &config, b->device.config_size);
	return &b->device;
}
