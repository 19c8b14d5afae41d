/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * input.h: records of many sources, merged.
 *
 * What is in files is merged by host_time (each file is in order); what comes from sockets and
 * pipes is handed out as it comes.
 */
#ifndef KMC_CLIENT_INPUT_H
#define KMC_CLIENT_INPUT_H

#include <signal.h>

#include "record.h"

struct input;

/*
 * A path may be a directory: its sockets, and its files named *.jsonl and *.log. follow: as in
 * source.h, and directories are looked at again. NULL where memory is short. What cannot be opened
 * is said on stderr.
 */
struct input *input_create(char *const *paths, int n, bool follow);
void input_destroy(struct input *in);

enum input_state {
	INPUT_RECORD, /* *r is the caller's; *vm ("" unknown) is valid until the next call */
	INPUT_IDLE,   /* nothing at present: input_wait() */
	INPUT_END,    /* nothing will come */
};
enum input_state input_next(struct input *in, struct record *r, const char **vm);
/* At most so many ms, until something may have come or a signal that mask lets through. */
void input_wait(struct input *in, int ms, const sigset_t *mask);

uint64_t input_records(const struct input *in);
uint64_t input_malformed(const struct input *in); /* lines */
bool input_opened(const struct input *in);	  /* any source */

#endif
