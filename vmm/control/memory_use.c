// SPDX-License-Identifier: GPL-2.0-only
/* memory_use.c: sums up lines of /proc/self/status (proc_pid_status(5)). */
#include "memory_use.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest_ram.h"

int memory_use_open(void)
{
	return open("/proc/self/status", O_RDONLY | O_CLOEXEC);
}

static uint64_t kilobytes(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

uint64_t memory_use_bytes(int status, const struct guest_ram *ram)
{
	uint64_t anonymous, guest;
	char text[4096];
	ssize_t n = -1;

	if (status >= 0 && lseek(status, 0, SEEK_SET) == 0)
		n = read(status, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	/* The guest may have got more since the line was made. */
	anonymous = 1024 * kilobytes(text, "\nRssAnon:");
	guest = guest_ram_anonymous(ram);
	return anonymous - (guest < anonymous ? guest : anonymous) + 1024 * kilobytes(text, "\nVmPTE:");
}
