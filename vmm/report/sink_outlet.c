// SPDX-License-Identifier: GPL-2.0-only
/* sink_outlet.c: writes what was pushed, in order, until it is told to finish. */
#include "sink_outlet.h"

#include <errno.h>
#include <signal.h>

#include "sandbox.h"

int sink_thread(pthread_t *thread, void *(*main)(void *), void *arg)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(thread, NULL, main, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ret;
}

static void write_note(struct outlet *o, uint64_t lost)
{
	struct record *r = record_note(o->note, lost);

	if (r)
		o->write(o->ctx, r->data, r->len);
	record_put(r);
}

static void drain(struct outlet *o)
{
	struct record *r;
	uint64_t lost;

	do {
		r = inbox_pop(&o->inbox, &lost);
		if (r && !o->write(o->ctx, r->data, r->len))
			atomic_fetch_add(&o->lost, 1);
		if (lost)
			write_note(o, lost);
		record_put(r);
	} while (r || lost);
}

static void *outlet_main(void *arg)
{
	struct outlet *o = arg;
	bool stop;

	sandbox_thread(SANDBOX_OUTLET);
	do {
		stop = atomic_load(&o->stop);
		drain(o);
		if (!stop)
			inbox_wait(&o->inbox);
	} while (!stop);
	return NULL;
}

int outlet_start(struct outlet *o, size_t limit)
{
	int ret;

	if (inbox_init(&o->inbox, limit))
		return errno;
	ret = sink_thread(&o->thread, outlet_main, o);
	o->running = !ret;
	return ret;
}

void outlet_push(struct outlet *o, struct record *r)
{
	if (!inbox_push(&o->inbox, r))
		atomic_fetch_add(&o->lost, 1);
}

void outlet_finish(struct outlet *o)
{
	if (!o->running)
		return;
	atomic_store(&o->stop, true);
	inbox_wake(&o->inbox);
	pthread_join(o->thread, NULL);
	o->running = false;
}

void outlet_deinit(struct outlet *o)
{
	outlet_finish(o);
	inbox_deinit(&o->inbox);
}
