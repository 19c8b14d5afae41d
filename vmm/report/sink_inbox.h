/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink_inbox.h: records on their way from any thread to the one thread that delivers them. Used by
 * sink*.c only.
 *
 * Who pushes takes no lock and waits for nobody, not even for a consumer that the host's scheduler
 * has stopped in the middle of something: it may be a vCPU.
 */
#ifndef KMC_SINK_INBOX_H
#define KMC_SINK_INBOX_H

#include "sink_queue.h"

struct inbox_entry;

struct inbox {
	int wake;     /* eventfd, non-blocking: readable when there may be something */
	size_t limit; /* bytes */
	_Atomic(struct inbox_entry *) newest;
	atomic_size_t bytes;   /* not popped yet */
	_Atomic uint64_t lost; /* since the consumer was told; while it is not 0, all is lost */
	/* The consumer's: */
	struct inbox_entry *taken; /* oldest first */
	bool lost_behind;	   /* the loss lies behind what was taken */
};

int inbox_init(struct inbox *q, size_t limit); /* 0, or -1 with errno */
void inbox_deinit(struct inbox *q);

/* Any thread. Takes a reference. False: lost, as over the limit; the consumer will be told. */
bool inbox_push(struct inbox *q, struct record *r);
/* For what is bounded otherwise. False: no memory. */
bool inbox_push_always(struct inbox *q, struct record *r);
void inbox_wake(struct inbox *q);

/*
 * The oldest record, with the inbox's reference. NULL: there is none at the moment, and *lost
 * records are missing in this place: call again where that is not 0.
 */
struct record *inbox_pop(struct inbox *q, uint64_t *lost);
void inbox_wait(struct inbox *q); /* for the next inbox_wake() or push */
/* Forgets that it was woken: before looking what there is. For a consumer that polls q->wake. */
void inbox_awake(struct inbox *q);

#endif
