/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink_outlet.h: a destination that may block for as long as it likes, the log's disk or the
 * terminal, with a thread of its own. Used by sink.c; sink_thread() by others, too.
 */
#ifndef KMC_SINK_OUTLET_H
#define KMC_SINK_OUTLET_H

#include <pthread.h>
#include "sink_inbox.h"

struct outlet {
	struct inbox inbox;
	pthread_t thread;
	bool running; /* the thread's handle is valid; of who starts and finishes */
	atomic_bool stop;
	_Atomic uint64_t lost; /* records, altogether */
	const char *note;      /* format of a record about losses; one unsigned long long */
	void *ctx;
	bool (*write)(void *ctx, const char *data, size_t len); /* false: lost */
};

/* o is zeroed but for note, ctx and write. 0 or an error number; outlet_deinit() in any case. */
int outlet_start(struct outlet *o, size_t limit);
void outlet_push(struct outlet *o, struct record *r); /* any thread, never waits */
void outlet_finish(struct outlet *o);		      /* all that was pushed is written */
void outlet_deinit(struct outlet *o);

/* Starts a thread that gets no signals: they are for the main thread. 0 or an error number. */
int sink_thread(pthread_t *thread, void *(*main)(void *), void *arg);

#endif
