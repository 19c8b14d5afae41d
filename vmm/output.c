// SPDX-License-Identifier: GPL-2.0-only
/* output.c: opens them. A FIFO without a reader is refused, for it would hold up the start. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int output_open(const char *option, const char *path, int *fd, char *err, size_t errlen)
{
	*fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
	if (*fd >= 0 && !fcntl(*fd, F_SETFL, 0))
		return 0;
	snprintf(err, errlen, "%s: %s: give a writable file with --%s", path, strerror(errno),
		 option);
	return -1;
}

void output_begin(int fd)
{
	if (ftruncate(fd, 0) == 0)
		return; /* else it is a pipe or a terminal, and has no end to be moved */
}
