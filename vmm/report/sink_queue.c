// SPDX-License-Identifier: GPL-2.0-only
/*
 * sink_queue.c: bounded queues of shared records. Does no input or output and takes no lock.
 */
#include "sink_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct queue_entry {
	struct queue_entry *next;
	struct record *record;
};

struct record *record_create(const char *data, size_t len)
{
	struct record *r = malloc(sizeof(*r) + len);

	if (!r)
		return NULL;
	r->refs = 1;
	r->len = len;
	memcpy(r->data, data, len);
	return r;
}

void record_put(struct record *r)
{
	if (r && !--r->refs)
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
	e->record = r;
	r->refs++;
	*q->last = e;
	q->last = &e->next;
	q->bytes += r->len + sizeof(*e);
	q->n++;
	return true;
}

bool queue_push(struct queue *q, struct record *r)
{
	if (q->lost || q->bytes + r->len > q->limit || !append(q, r)) {
		q->lost++;
		return false;
	}
	return true;
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

void queue_note(struct queue *q, const char *format)
{
	char text[QUEUE_NOTE];
	struct record *r;

	if (!q->lost || q->bytes > q->limit / 2)
		return;
	snprintf(text, sizeof(text), format, (unsigned long long)q->lost);
	r = record_create(text, strlen(text));
	if (!r)
		return;
	if (append(q, r))
		q->lost = 0;
	record_put(r);
}
