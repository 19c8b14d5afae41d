/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink_queue.h: records, and what waits for one reader of the socket. Used by sink*.c only.
 *
 * A record is shared by everything that holds it, on several threads; its bytes never change. A
 * queue belongs to one thread.
 */
#ifndef KMC_SINK_QUEUE_H
#define KMC_SINK_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUE_NOTE 80 /* bytes of a note about losses, at most */

enum record_kind {
	RECORD_PLAIN,
	RECORD_REPORT, /* kept for readers that come later */
	RECORD_STATE,  /* out of date when the next one comes: no loss where there is no room */
	RECORD_REPLY,  /* for one reader, who waits for it: never dropped */
};

struct record {
	atomic_uint refs;
	enum record_kind kind;
	uint64_t reader; /* of a reply */
	size_t len;
	char data[];
};

/* One reference; NULL: no memory. */
struct record *record_create(enum record_kind kind, const char *data, size_t len);
/* A note about losses, by a format of one unsigned long long. */
struct record *record_note(const char *note, uint64_t lost) __attribute__((format(printf, 1, 0)));
struct record *record_get(struct record *r);
void record_put(struct record *r); /* NULL is fine */

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
/* The same, but false means only that it is not there. */
bool queue_offer(struct queue *q, struct record *r);
/* Whatever the limit is, behind a note about what was lost before. False: no memory. */
bool queue_push_always(struct queue *q, struct record *r, const char *note);
/* NULL where it is empty. The caller gets the queue's reference. */
struct record *queue_pop(struct queue *q);
/*
 * Where records were lost and half of the room is free again: queues a note that says how many.
 * Before each queue_pop().
 */
void queue_note(struct queue *q, const char *note) __attribute__((format(printf, 2, 0)));

static inline bool queue_empty(const struct queue *q)
{
	return !q->first;
}

#endif
