/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink_queue.h: what waits for one destination. Used by sink.c only.
 *
 * A record is shared by all queues it is in. Not locked: the caller holds the sink's lock, except
 * for record_create and the bytes of a record, which never change.
 */
#ifndef KMC_SINK_QUEUE_H
#define KMC_SINK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUE_NOTE 80 /* bytes of a note about losses, at most */

struct record {
	unsigned refs; /* under the sink's lock */
	size_t len;
	char data[];
};

struct record *record_create(const char *data, size_t len); /* one reference; NULL: no memory */
void record_put(struct record *r);			    /* NULL is fine */

struct queue_entry;

struct queue {
	struct queue_entry *first, **last;
	size_t n, bytes, limit;
	uint64_t lost; /* records dropped since the last note about it */
};

void queue_init(struct queue *q, size_t limit);
void queue_deinit(struct queue *q);
/*
 * Takes a reference. False, and the record counts as lost, where the queue is over its limit; from
 * then on all are dropped until queue_note() could say how many.
 */
bool queue_push(struct queue *q, struct record *r);
/* NULL where it is empty. The caller gets the queue's reference. */
struct record *queue_pop(struct queue *q);
/*
 * Where records were lost and half of the room is free again: queues a record, made with the given
 * format of one unsigned long long, that says how many. Before each queue_pop().
 */
void queue_note(struct queue *q, const char *format) __attribute__((format(printf, 2, 0)));

static inline bool queue_empty(const struct queue *q)
{
	return !q->first;
}

#endif
