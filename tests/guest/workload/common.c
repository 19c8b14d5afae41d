// SPDX-License-Identifier: GPL-2.0-only
/* common.c: what the parts share. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "workload.h"

const char *running = "main";

__attribute__((format(printf, 1, 2))) void say(const char *format, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;
	if (write(STDOUT_FILENO, line, n) < 0)
		_exit(2);
}


_Noreturn void failed(int line, const char *condition)
{
	say("workload: failed %s line %d: %s: %s\n", running, line, condition, strerror(errno));
	_exit(1);
}

/* FNV-1a; the order of the calls matters. */
void add(struct sum *sum, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		sum->hash = (sum->hash ^ p[i]) * 0x100000001b3;
	sum->count++;
}

void add_text(struct sum *sum, const char *text)
{
	add(sum, text, strlen(text));
}

void add_number(struct sum *sum, uint64_t number)
{
	add(sum, &number, sizeof(number));
}

/* The same bytes for the same seed. */
void fill(char *data, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (char)((seed = seed * 1103515245 + 12345) >> 16);
}

void add_until_end(struct sum *sum, int fd)
{
	char data[4096];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0)
		for (ssize_t i = 0; i < n; i++) /* however the kernel cuts it */
			sum->hash = (sum->hash ^ (unsigned char)data[i]) * 0x100000001b3;
	NEED(n == 0);
	sum->count++;
}

void write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		NEED(n > 0);
		p += n;
		len -= n;
	}
}

void read_all(int fd, void *data, size_t len)
{
	char *p = data;

	while (len) {
		ssize_t n = read(fd, p, len);

		NEED(n > 0);
		p += n;
		len -= n;
	}
}

void *map_anonymous(size_t len, int flags)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

	NEED(p != MAP_FAILED);
	return p;
}

int wait_status(pid_t child)
{
	int status;

	NEED(waitpid(child, &status, 0) == child);
	return status;
}
