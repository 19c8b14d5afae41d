/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink_history.h: the last reports, for readers that come later. Used by sink*.c only, on one
 * thread.
 */
#ifndef KMC_SINK_HISTORY_H
#define KMC_SINK_HISTORY_H

#include "sink_queue.h"

struct history {
	struct record **ring; /* max_records of them */
	size_t first, n, bytes;
	size_t max_records, max_bytes;
	uint64_t fallen; /* reports that are not kept any more */
};

int history_init(struct history *h, size_t max_records, size_t max_bytes); /* 0, or -1: no memory */
void history_deinit(struct history *h);
void history_add(struct history *h, struct record *r); /* takes a reference */

/* The records as they are now, oldest first: one that reads slowly is not overtaken. */
struct past {
	struct record **record; /* with a reference each */
	size_t n, at;
	uint64_t fallen;
};

int history_past(const struct history *h, struct past *p); /* 0, or -1: no memory, nothing in *p */
struct record *past_pop(struct past *p);		   /* NULL at the end */
void past_deinit(struct past *p);			   /* zeroed is fine */

#endif
