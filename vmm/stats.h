/* SPDX-License-Identifier: GPL-2.0-only */
/* stats.h: the closing figures of a run. Used by main.c. */
#ifndef KMC_STATS_H
#define KMC_STATS_H

#include "checker.h"

struct run_figures {
	const struct checker_stats *checker;
	uint64_t lost;	 /* records some reader did not get */
	uint64_t run_ns; /* host time from the first instruction to the end */
	int exec_status; /* -1: not told */
	const char *release, *end;
};

/* One JSON object. 0, or -1 with one line in err. */
int stats_write(const char *path, const struct run_figures *f, char *err, size_t errlen);
/* The summary line, with the \n. */
void stats_summary(const struct run_figures *f, char *line, size_t size);

#endif
