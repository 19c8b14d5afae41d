// SPDX-License-Identifier: GPL-2.0-only
/*
 * sink_queue.c: records with a count of references, and bounded queues of them. Does no input or
 * output.
 */
#include "sink_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct queue_entry {
	struct queue_entry *next;
	struct record *record;
};

struct record *record_create(enum record_kind kind, const char *data, size_t len)
{
	struct record *r = malloc(sizeof(*r) + len);

	if (!r)
		return NULL;
	atomic_init(&r->refs, 1);
	r->kind = kind;
	r->reader = 0;
	r->len = len;
	memcpy(r->data, data, len);
	return r;
}

struct record *record_note(const char *note, uint64_t lost)
{
	char text[QUEUE_NOTE];

	snprintf(text, sizeof(text), note, (unsigned long long)lost);
	return record_create(RECORD_PLAIN, text, strlen(text));
}

struct record *record_get(struct record *r)
{
	atomic_fetch_add(&r->refs, 1);
	return r;
}

void record_put(struct record *r)
{
	if (r && atomic_fetch_sub(&r->refs, 1) == 1)
		free(r);
}

void queue_init(struct queue *q, size_t limit)
{
	memset(q, 0, sizeof(*q));
	q->last = &q->first;
	q->limit = limit;
}

void queue_deinit(struct queue *q)
{
	while (!queue_empty(q))
		record_put(queue_pop(q));
}

static bool append(struct queue *q, struct record *r)
{
	struct queue_entry *e = malloc(sizeof(*e));

	if (!e)
		return false;
	e->next = NULL;
	e->record = record_get(r);
	*q->last = e;
	q->last = &e->next;
	q->bytes += r->len + sizeof(*e);
	q->n++;
	return true;
}

bool queue_offer(struct queue *q, struct record *r)
{
	return !q->lost && q->bytes + r->len <= q->limit && append(q, r);
}

bool queue_push(struct queue *q, struct record *r)
{
	if (queue_offer(q, r))
		return true;
	q->lost++;
	return false;
}

struct record *queue_pop(struct queue *q)
{
	struct queue_entry *e = q->first;
	struct record *r;

	if (!e)
		return NULL;
	r = e->record;
	q->first = e->next;
	if (!q->first)
		q->last = &q->first;
	q->bytes -= r->len + sizeof(*e);
	q->n--;
	free(e);
	return r;
}

/* Nothing else may be queued while this fails: what was lost lies here. */
static bool append_note(struct queue *q, const char *note) __attribute__((format(printf, 2, 0)));

static bool append_note(struct queue *q, const char *note)
{
	struct record *r = q->lost ? record_note(note, q->lost) : NULL;

	if (r && append(q, r))
		q->lost = 0;
	record_put(r);
	return !q->lost;
}

void queue_note(struct queue *q, const char *note)
{
	if (q->bytes <= q->limit / 2)
		append_note(q, note);
}

bool queue_push_always(struct queue *q, struct record *r, const char *note)
{
	return append_note(q, note) && append(q, r);
}
