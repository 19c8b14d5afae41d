/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * coverage_file.h: the places that allocated, and how many of their allocations were watched, as
 * JSON lines (docs/report.md, Coverage). Used by vmm/main.c; read by kmc-report --coverage.
 */
#ifndef KMC_COVERAGE_FILE_H
#define KMC_COVERAGE_FILE_H

#include "checker.h"

struct coverage_run {
	struct checker *checker; /* with checker_config.coverage; its machine has stopped */
	const char *vm, *release;
	uint64_t seed;
};

/* Closes fd, an empty file. path is for messages. 0, or -1 with one line in err. */
int coverage_write(int fd, const char *path, const struct coverage_run *run, char *err, size_t errlen);

#endif
