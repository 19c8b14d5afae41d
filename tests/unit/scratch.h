/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scratch.h: files and folders of tests, in TMPDIR or /tmp. The test removes them. Folders with sockets are
 * in /tmp in any case: the path of a socket has 107 bytes, and TMPDIR may be long.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_PATH 512u /* bytes of a path; what is in a folder may add some 60 */

/* "" where TMPDIR is too long. */
static inline void scratch_template(char path[SCRATCH_PATH], const char *ending)
{
	const char *folder = getenv("TMPDIR");
	int len = snprintf(path, SCRATCH_PATH, "%s/kmc-test-XXXXXX%s",
			   folder && *folder ? folder : "/tmp", ending);

	if (len < 0 || len >= (int)SCRATCH_PATH - 64)
		*path = '\0';
}

/* A new file, open for reading and writing, whose name has this ending; or -1. */
static inline int scratch_file(char path[SCRATCH_PATH], const char *ending)
{
	scratch_template(path, ending);
	return mkstemps(path, (int)strlen(ending));
}

static inline bool scratch_folder(char path[SCRATCH_PATH])
{
	scratch_template(path, "");
	return mkdtemp(path);
}

#endif
