// SPDX-License-Identifier: GPL-2.0-only
/*
 * farm_io.c: what bench/farm measures disks and networks with; statically linked, for it runs in
 * guests. Each measurement takes SECONDS, and prints its name, what was done in a second, and the
 * unit.
 *
 * Usage: farm_io disk FILE SECONDS        reads and writes without the guest's page cache, one
 * request at a time farm_io answer PORT              in the guest: serves the other two, for ever
 *        farm_io network PORT SECONDS     on the host: over a forwarded port of 127.0.0.1
 *
 * What came from the guest is counted here; what went there is counted when the guest says that it
 * has it.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LARGE (256u << 10) /* bytes of a sequential request */
#define SMALL 4096u
#define MB    1e6

static uint8_t *buffer; /* LARGE bytes, aligned for O_DIRECT */
static double limit;	/* seconds */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void tell(const char *name, double amount, double began, const char *unit)
{
	printf("%s %.2f %s\n", name, amount / (now() - began), unit);
	fflush(stdout);
}

/* ---- disks ---- */

static void sequential(int fd, bool write, off_t size)
{
	double began = now(), bytes = 0;
	off_t at = 0;

	while (now() - began < limit) {
		ssize_t n = write ? pwrite(fd, buffer, LARGE, at) : pread(fd, buffer, LARGE, at);

		if (n != LARGE)
			fail(write ? "pwrite" : "pread");
		bytes += LARGE;
		at = at + 2 * (off_t)LARGE <= size ? at + LARGE : 0;
	}
	tell(write ? "disk-write" : "disk-read", bytes / MB, began, "MB/s");
}

static void scattered(int fd, off_t size)
{
	double began = now(), requests = 0;
	uint64_t seed = 1;

	while (now() - began < limit) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		if (pread(fd, buffer, SMALL,
			  (off_t)((seed >> 20) % (uint64_t)(size / SMALL)) * SMALL) != SMALL)
			fail("pread");
		requests++;
	}
	tell("disk-4k-reads", requests, began, "1/s");
}

static void measure_disk(const char *path)
{
	int fd = open(path, O_RDWR | O_DIRECT);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (size < 2 * (off_t)LARGE)
		fail(path);
	sequential(fd, false, size);
	scattered(fd, size);
	sequential(fd, true, size);
	close(fd);
}

/* ---- networks ---- */

static struct sockaddr_in address(const char *port, uint32_t host)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
				    .sin_addr.s_addr = htonl(host)};
}

/* Until the other one has no more, or goes away. */
static double swallow(int fd, double seconds)
{
	double began = now(), bytes = 0;
	ssize_t n;

	while (now() - began < seconds && (n = read(fd, buffer, LARGE)) > 0)
		bytes += (double)n;
	return bytes;
}

static double pour(int fd, double seconds)
{
	double began = now(), bytes = 0;
	ssize_t n;

	while (now() - began < seconds && (n = send(fd, buffer, LARGE, MSG_NOSIGNAL)) > 0)
		bytes += (double)n;
	return bytes;
}

/* The first byte says what is wanted. */
static void answer_one(int fd)
{
	char what = 0;

	if (read(fd, &what, 1) != 1)
		return;
	if (what == 's')
		pour(fd, 1e9);
	if (what == 'r') {
		swallow(fd, 1e9);
		send(fd, &what, 1, MSG_NOSIGNAL);
	}
	while (what == 'e' && read(fd, buffer, 1) == 1)
		send(fd, buffer, 1, MSG_NOSIGNAL);
}

static void answer(const char *port)
{
	struct sockaddr_in a = address(port, INADDR_ANY);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 4))
		fail("bind");
	for (;;) {
		int client = accept(fd, NULL, NULL);

		if (client < 0)
			fail("accept");
		answer_one(client);
		close(client);
	}
}

static int ask(const char *port, char what)
{
	struct sockaddr_in a = address(port, INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) || write(fd, &what, 1) != 1)
		fail("connect");
	return fd;
}

static void receive(const char *port)
{
	int fd = ask(port, 's');
	double began = now();

	tell("from-guest", swallow(fd, limit) / MB, began, "MB/s");
	close(fd);
}

static void give(const char *port)
{
	int fd = ask(port, 'r');
	double began = now(), bytes = pour(fd, limit);

	shutdown(fd, SHUT_WR);
	if (read(fd, buffer, 1) != 1)
		fail("read");
	tell("to-guest", bytes / MB, began, "MB/s");
	close(fd);
}

static void exchange(const char *port)
{
	int fd = ask(port, 'e');
	double began = now(), times = 0;

	while (now() - began < limit) {
		if (write(fd, buffer, 1) != 1 || read(fd, buffer, 1) != 1)
			fail("read");
		times++;
	}
	tell("round-trips", times, began, "1/s");
	close(fd);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	buffer = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffer == MAP_FAILED)
		fail("mmap");
	memset(buffer, 0x5a, LARGE);
	limit = argc > 3 ? strtod(argv[3], NULL) : 0;
	if (!strcmp(what, "answer") && argc == 3) {
		answer(argv[2]);
	} else if (!strcmp(what, "disk") && argc == 4) {
		measure_disk(argv[2]);
	} else if (!strcmp(what, "network") && argc == 4) {
		receive(argv[2]);
		give(argv[2]);
		exchange(argv[2]);
	} else {
		fprintf(stderr,
			"usage: farm_io disk FILE SECONDS | answer PORT | network PORT SECONDS\n");
		return 2;
	}
	return 0;
}
