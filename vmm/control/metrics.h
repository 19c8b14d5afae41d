/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metrics.h: what a VM's counters are now, for Prometheus and its like: OpenMetrics 1.0 over
 * HTTP/1.0, on a UNIX socket or a TCP port. One reader at a time; one that is slow is dropped. Used
 * by vmm/main.c.
 */
#ifndef KMC_METRICS_H
#define KMC_METRICS_H

#include "control.h"

#define METRICS_SIZE 16384

/* All metrics as text, terminated; its length. What does not fit is a defect (metrics.c). */
size_t metrics_format(const struct control *c, char text[METRICS_SIZE]);

struct metrics;

/*
 * address: unix:PATH, as --report-socket has it ({vm}, @NAME, a folder), or [ADDRESS]:PORT, an IPv4
 * one of this host, 127.0.0.1 where it is left out. 0, or -1 with one line in err.
 */
int metrics_open(const char *address, const char *vm, struct metrics **out, char *err,
		 size_t errlen);
/* Answers from now on, with a thread; c is complete. 0, or -1 with one line in err. */
int metrics_start(struct metrics *m, const struct control *c, char *err, size_t errlen);
void metrics_close(struct metrics *m); /* NULL is fine */

#endif
