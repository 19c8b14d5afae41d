// SPDX-License-Identifier: GPL-2.0-only
/*
 * sink_inbox.c: a stack that producers push on with compare-and-swap and that the consumer takes as
 * a whole and turns round. Nothing is ever popped singly, so there is no ABA problem.
 *
 * Which records are lost is exact for each producer: it counts a loss after its earlier pushes, and
 * the consumer reads that count before it takes the stack. So what it takes holds everything from
 * before the loss.
 */
#include "sink_inbox.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct inbox_entry {
	struct inbox_entry *next;
	struct record *record;
};

int inbox_init(struct inbox *q, size_t limit)
{
	memset(q, 0, sizeof(*q));
	q->limit = limit;
	q->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return q->wake < 0 ? -1 : 0;
}

void inbox_deinit(struct inbox *q)
{
	struct record *r;
	uint64_t lost;

	if (q->wake < 0)
		return;
	do {
		r = inbox_pop(q, &lost);
		record_put(r);
	} while (r || lost);
	close(q->wake);
	q->wake = -1;
}

void inbox_wake(struct inbox *q)
{
	uint64_t one = 1;
	ssize_t ret = write(q->wake, &one, sizeof(one));

	(void)ret; /* EAGAIN: it is awake */
}

void inbox_awake(struct inbox *q)
{
	uint64_t n;
	ssize_t ret = read(q->wake, &n, sizeof(n));

	(void)ret; /* EAGAIN: nobody woke it */
}

void inbox_wait(struct inbox *q)
{
	struct pollfd p = {.fd = q->wake, .events = POLLIN};

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	inbox_awake(q);
}

/* ---- producers ---- */

bool inbox_push_always(struct inbox *q, struct record *r)
{
	struct inbox_entry *e = malloc(sizeof(*e)), *older;

	if (!e)
		return false;
	e->record = record_get(r);
	atomic_fetch_add(&q->bytes, r->len);
	older = atomic_load(&q->newest);
	do
		e->next = older;
	while (!atomic_compare_exchange_weak(&q->newest, &older, e));
	/* e is the consumer's now. Where another was there before, its owner has woken it. */
	if (!older)
		inbox_wake(q);
	return true;
}

bool inbox_push(struct inbox *q, struct record *r)
{
	if (!atomic_load(&q->lost) && atomic_load(&q->bytes) + r->len <= q->limit &&
	    inbox_push_always(q, r))
		return true;
	if (!atomic_fetch_add(&q->lost, 1))
		inbox_wake(q);
	return false;
}

/* ---- the consumer ---- */

static void take_all(struct inbox *q)
{
	struct inbox_entry *e, *next;

	q->lost_behind = atomic_load(&q->lost);
	for (e = atomic_exchange(&q->newest, NULL); e; e = next) {
		next = e->next;
		e->next = q->taken;
		q->taken = e;
	}
}

struct record *inbox_pop(struct inbox *q, uint64_t *lost)
{
	struct inbox_entry *e;
	struct record *r;

	*lost = 0;
	if (!q->taken && !q->lost_behind)
		take_all(q);
	e = q->taken;
	if (!e) {
		*lost = q->lost_behind ? atomic_exchange(&q->lost, 0) : 0;
		q->lost_behind = false;
		return NULL;
	}
	q->taken = e->next;
	r = e->record;
	free(e);
	atomic_fetch_sub(&q->bytes, r->len);
	return r;
}
