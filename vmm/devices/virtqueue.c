// SPDX-License-Identifier: GPL-2.0-only
/* virtqueue.c: takes requests from a split virtqueue and gives them back. */
#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <stddef.h>

#include "virtqueue.h"

#define AVAIL_FLAGS   0u /* struct vring_avail */
#define AVAIL_IDX     2u
#define AVAIL_RING    4u
#define USED_IDX      2u /* struct vring_used */
#define USED_RING     4u
#define DESC_ALIGN    16u
#define AVAIL_ALIGN   2u
#define USED_ALIGN    4u
#define MAX_CHAIN_LEN (1ull << 32)

/* A table of descriptors: the queue's own, or an indirect one. */
struct table {
	gpa_t base;
	uint32_t entries;
};

static bool copy(struct virtqueue *q, bool write, uint64_t gpa, void *data, uint32_t len)
{
	if (q->broken)
		return false;
	q->broken = !q->host->memory(q->host->ctx, q->device, write, (gpa_t){gpa}, data, len);
	return !q->broken;
}

/* Where it cannot be read the queue is broken, and the value does not matter. */
static uint16_t read16(struct virtqueue *q, uint64_t gpa)
{
	uint16_t value = 0;

	copy(q, false, gpa, &value, sizeof(value));
	return value;
}

static void write16(struct virtqueue *q, uint64_t gpa, uint16_t value)
{
	copy(q, true, gpa, &value, sizeof(value));
}

static uint64_t avail_event(const struct virtqueue *q)
{
	return q->used.v + USED_RING + q->size * sizeof(struct vring_used_elem);
}

static uint64_t used_event(const struct virtqueue *q)
{
	return q->avail.v + AVAIL_RING + q->size * sizeof(uint16_t);
}

void virtqueue_begin(struct virtqueue *q, const struct virtqueue *layout)
{
	*q = *layout;
	q->next_avail = q->next_used = q->signalled = 0;
	q->broken = !q->size || q->size > VQ_MAX_SIZE || (q->size & (q->size - 1)) ||
		    q->desc.v % DESC_ALIGN || q->avail.v % AVAIL_ALIGN || q->used.v % USED_ALIGN;
}

/* How many requests wait. */
static uint16_t waiting(struct virtqueue *q)
{
	return (uint16_t)(read16(q, q->avail.v + AVAIL_IDX) - q->next_avail);
}

/* The same, after the driver was told to kick when there is one more. */
static uint16_t waiting_at_last(struct virtqueue *q)
{
	uint16_t n = waiting(q);

	if (n || !q->event_idx)
		return n;
	write16(q, avail_event(q), q->next_avail);
	atomic_thread_fence(memory_order_seq_cst); /* pairs with the driver's before its look */
	return waiting(q);
}

static bool add_segment(struct vq_chain *c, const struct vring_desc *d)
{
	bool writable = d->flags & VRING_DESC_F_WRITE;

	if (c->n == VQ_MAX_SIZE || (!writable && c->nread < c->n))
		return false;
	c->segment[c->n++] = (struct vq_segment){{d->addr}, d->len};
	if (writable) {
		c->write_len += d->len;
	} else {
		c->read_len += d->len;
		c->nread++;
	}
	return c->read_len + c->write_len <= MAX_CHAIN_LEN;
}

/* Goes on in the table that d names. */
static bool enter_indirect(const struct vring_desc *d, struct table *t)
{
	*t = (struct table){{d->addr}, d->len / (uint32_t)sizeof(*d)};
	return !(d->flags & VRING_DESC_F_NEXT) && !(d->len % sizeof(*d)) &&
	       t->entries <= VQ_MAX_SIZE;
}

/* A loop ends when there is no room for one more segment. */
static bool walk_chain(struct virtqueue *q, struct vq_chain *c)
{
	struct table t = {q->desc, q->size};
	uint32_t i = c->head;
	bool indirect = false;
	struct vring_desc d;

	for (;;) {
		if (i >= t.entries || !copy(q, false, t.base.v + i * sizeof(d), &d, sizeof(d)))
			return false;
		i = d.next;
		if (d.flags & VRING_DESC_F_INDIRECT) {
			if (indirect || !enter_indirect(&d, &t))
				return false;
			indirect = true;
			i = 0;
			continue;
		}
		if (!add_segment(c, &d))
			return false;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return true;
	}
}

bool virtqueue_waiting(struct virtqueue *q)
{
	uint16_t n = waiting_at_last(q);

	if (n > q->size)
		q->broken = true;
	return n && !q->broken;
}

bool virtqueue_pop(struct virtqueue *q, struct vq_chain *chain)
{
	if (!virtqueue_waiting(q))
		return false;
	*chain = (struct vq_chain){.n = 0};
	chain->head = read16(q, q->avail.v + AVAIL_RING +
					(q->next_avail & (q->size - 1u)) * sizeof(uint16_t));
	if (!walk_chain(q, chain))
		q->broken = true;
	q->next_avail++;
	return !q->broken;
}

void virtqueue_push(struct virtqueue *q, const struct vq_chain *chain, uint32_t written)
{
	struct vring_used_elem e = {.id = chain->head, .len = written};

	copy(q, true, q->used.v + USED_RING + (q->next_used & (q->size - 1u)) * sizeof(e), &e,
	     sizeof(e));
	atomic_thread_fence(memory_order_release); /* the element before the index */
	write16(q, q->used.v + USED_IDX, ++q->next_used);
}

bool virtqueue_wants_interrupt(struct virtqueue *q)
{
	uint16_t fresh = (uint16_t)(q->next_used - q->signalled);

	if (!fresh || q->broken)
		return false;
	q->signalled = q->next_used;
	atomic_thread_fence(memory_order_seq_cst); /* pairs with the driver's behind its request */
	if (q->event_idx)
		return (uint16_t)(q->next_used - read16(q, used_event(q)) - 1) < fresh;
	return !(read16(q, q->avail.v + AVAIL_FLAGS) & VRING_AVAIL_F_NO_INTERRUPT);
}

/* One way or the other through the segments [first, end) of a chain. */
static bool transfer(struct virtqueue *q, const struct vq_chain *c, bool write, uint64_t offset,
		     uint8_t *data, size_t len)
{
	uint64_t total = write ? c->write_len : c->read_len;
	unsigned end = write ? c->n : c->nread;

	if (offset > total || len > total - offset)
		return false;
	for (unsigned i = write ? c->nread : 0; i < end && len; i++) {
		const struct vq_segment *s = &c->segment[i];
		size_t part;

		if (offset >= s->len) {
			offset -= s->len;
			continue;
		}
		part = s->len - offset < len ? s->len - (size_t)offset : len;
		if (s->gpa.v + offset < s->gpa.v)
			q->broken = true;
		if (!copy(q, write, s->gpa.v + offset, data, (uint32_t)part))
			return false;
		data += part;
		len -= part;
		offset = 0;
	}
	return !len;
}

bool virtqueue_read(struct virtqueue *q, const struct vq_chain *chain, uint64_t offset, void *data,
		    size_t len)
{
	return transfer(q, chain, false, offset, data, len);
}

bool virtqueue_write(struct virtqueue *q, const struct vq_chain *chain, uint64_t offset,
		     const void *data, size_t len)
{
	return transfer(q, chain, true, offset, (uint8_t *)(uintptr_t)data, len);
}
