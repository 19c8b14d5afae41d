/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink_readers.h: the connected readers: what each is still to get, and the commands it sends. Used
 * by sink.c only, on its writer thread; readers_lost() from any.
 *
 * A reader can do what it likes: not read, send without end, go away in the middle of anything. It
 * harms itself at most: its queue, its input and the number of its commands are bounded.
 */
#ifndef KMC_SINK_READERS_H
#define KMC_SINK_READERS_H

#include <poll.h>
#include "commands.h"
#include "lines.h"
#include "sink_history.h"

#define READERS		32
#define READER_COMMANDS 8 /* of one reader, not answered yet; then it is not listened to */

struct reader {
	int fd;		    /* -1: free */
	uint64_t number;    /* 1.., never used again */
	bool half_closed;   /* will send nothing more, but still reads */
	struct record *now; /* being sent */
	size_t sent;
	struct past past; /* goes before the queue */
	struct queue queue;
	struct lines in;
	unsigned commands; /* whose answers have not been sent */
};

struct readers {
	struct reader reader[READERS];
	size_t limit;		   /* bytes queued for each */
	struct commands *commands; /* NULL: what they say is not listened to */
	uint64_t numbers;	   /* given out */
	_Atomic uint64_t lost;	   /* records that one of them did not get, altogether */
};

void readers_init(struct readers *rs, size_t limit, struct commands *commands);
void readers_deinit(struct readers *rs);

/*
 * Takes fd, and closes it where there is no room for one more. The reader gets the hello, what is
 * in the history, and then the stream.
 */
void readers_open(struct readers *rs, int fd, struct record *hello, const struct history *h);
/* To all of them, or a reply to its reader. */
void readers_push(struct readers *rs, struct record *r);
void readers_lose(struct readers *rs, uint64_t n); /* n records were lost before they came here */

/* What to poll for, from p[0] on; who[i] belongs to p[i]. Returns how many, at most READERS. */
size_t readers_poll(struct readers *rs, struct pollfd *p, struct reader **who);
/* After poll(): listens, and sends what it takes, up to a number, so that others get their turn. */
void reader_serve(struct readers *rs, struct reader *r, short events);

uint64_t readers_waiting(const struct readers *rs); /* records that have not been taken */
uint64_t readers_lost(const struct readers *rs);

#endif
