// SPDX-License-Identifier: GPL-2.0-only
/* memory_use.c: sums up lines of /proc/self/status (proc_pid_status(5)). */
#include "memory_use.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int memory_use_open(void)
{
	return open("/proc/self/status", O_RDONLY | O_CLOEXEC);
}

static uint64_t kilobytes(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

uint64_t memory_use_bytes(int status)
{
	char text[4096];
	ssize_t n = -1;

	if (status >= 0 && lseek(status, 0, SEEK_SET) == 0)
		n = read(status, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return 1024 * (kilobytes(text, "\nRssAnon:") + kilobytes(text, "\nVmPTE:"));
}
