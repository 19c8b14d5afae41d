/* SPDX-License-Identifier: GPL-2.0-only */
/* stats.h: the figures of a run. Used by vmm/main.c and the command "stats". */
#ifndef KMC_STATS_H
#define KMC_STATS_H

#include <jansson.h>

#include "checker.h"

struct run_figures {
	const struct checker_stats *checker;
	uint64_t lost;	 /* records some reader did not get */
	uint64_t run_ns; /* host time from the first instruction to the end */
	uint64_t overhead; /* bytes of the host's memory beside the guest's: memory_use.h */
	int exec_status; /* -1: not told */
	const char *release, *end;
};

json_t *stats_json(const struct run_figures *f); /* NULL: no memory */
/* The same to a file; path is its name. 0, or -1 with one line in err. */
int stats_write(int fd, const char *path, const struct run_figures *f, char *err, size_t errlen);
/* The summary line, with the \n. */
void stats_summary(const struct run_figures *f, char *line, size_t size);

#endif
