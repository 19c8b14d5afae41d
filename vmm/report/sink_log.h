/* SPDX-License-Identifier: GPL-2.0-only */
/* sink_log.h: the file of --report-log. Used by sink.c only, written by one thread. */
#ifndef KMC_SINK_LOG_H
#define KMC_SINK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink_log {
	int fd; /* -1: none */
	const char *path;
	uint64_t left;	  /* bytes that it may get; UINT64_MAX: any number */
	uint64_t missing; /* records since the last one that is there */
	bool torn; /* ends within a line */
	bool complained;
};

/*
 * Opens for appending at most limit bytes (0: no limit), the last 64 KiB of which are for short
 * records: what was lost, the end. path is not copied; NULL: none. 0, or -1 with one line in err.
 */
int sink_log_open(struct sink_log *l, const char *path, uint64_t limit, char *err, size_t errlen);
void sink_log_close(struct sink_log *l);
/* A record, with its \n. False: it is not, or not wholly, there; the first time stderr says why. */
bool sink_log_write(void *log, const char *data, size_t len);

#endif
