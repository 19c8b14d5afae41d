// SPDX-License-Identifier: GPL-2.0-only
/*
 * talk.c: carries standard input to a socket and what comes back to standard output, until both
 * have ended. For scripts on the host and, statically linked, in the guest, whose busybox knows
 * neither kind of socket.
 *
 * Usage: talk unix PATH | listen-unix PATH | vsock CID PORT | listen-vsock PORT
 * Connecting is tried for a minute. Where the first line of the input begins with a '<', it is not
 * sent, but waited for.
 */
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define TRIES 600 /* of 0.1 s */

union address {
	struct sockaddr any;
	struct sockaddr_un local;
	struct sockaddr_vm vm;
};

static bool parse(int argc, char **argv, union address *a, socklen_t *len, bool *listening)
{
	const char *kind = argc > 2 ? argv[1] : "";

	memset(a, 0, sizeof(*a));
	*listening = !strncmp(kind, "listen-", 7);
	kind += *listening ? 7 : 0;
	if (!strcmp(kind, "unix")) {
		a->local.sun_family = AF_UNIX;
		snprintf(a->local.sun_path, sizeof(a->local.sun_path), "%s", argv[2]);
		*len = sizeof(a->local);
		return true;
	}
	if (strcmp(kind, "vsock") || argc != (*listening ? 3 : 4))
		return false;
	a->vm.svm_family = AF_VSOCK;
	a->vm.svm_cid = *listening ? VMADDR_CID_ANY : (unsigned)strtoul(argv[2], NULL, 10);
	a->vm.svm_port = (unsigned)strtoul(argv[argc - 1], NULL, 10);
	*len = sizeof(a->vm);
	return true;
}

static int listen_at(const union address *a, socklen_t len)
{
	int fd = socket(a->any.sa_family, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, &a->any, len) || listen(fd, 1))
		return -1;
	return accept(fd, NULL, NULL);
}

static int connect_to(const union address *a, socklen_t len)
{
	const struct timespec nap = {.tv_nsec = 100000000};

	for (int n = 0; n < TRIES; n++) {
		int fd = socket(a->any.sa_family, SOCK_STREAM, 0);

		if (fd >= 0 && connect(fd, &a->any, len) == 0)
			return fd;
		close(fd);
		nanosleep(&nap, NULL);
	}
	return -1;
}

static bool copy(int from, int to)
{
	char bytes[65536];
	ssize_t n = read(from, bytes, sizeof(bytes));

	for (ssize_t at = 0, done; at < n; at += done) {
		done = write(to, bytes + at, (size_t)(n - at));
		if (done < 0)
			return false;
	}
	return n > 0;
}

/* Until both have ended. */
static void carry(int fd)
{
	struct pollfd p[2] = {{.fd = 0, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		poll(p, 2, -1);
		if (p[1].revents && !copy(fd, 1))
			p[1].fd = -1;
		if (p[0].revents && !copy(0, fd)) {
			shutdown(fd, SHUT_WR);
			p[0].fd = -1;
		}
	}
}

/* Byte by byte: what follows is for others. */
static void read_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(fd, line + n, 1) == 1 && line[n++] != '\n')
		;
	line[n] = '\0';
}

static void await_line(int fd)
{
	char wanted[128], line[128];

	read_line(0, wanted, sizeof(wanted));
	if (wanted[0] != '<') {
		dprintf(fd, "%s", wanted);
		return;
	}
	do
		read_line(fd, line, sizeof(line));
	while (line[0] && strcmp(line, wanted + 1) != 0);
}

int main(int argc, char **argv)
{
	union address a;
	bool listening;
	socklen_t len;
	int fd;

	if (!parse(argc, argv, &a, &len, &listening))
		return 2;
	fd = listening ? listen_at(&a, len) : connect_to(&a, len);
	if (fd < 0) {
		perror("talk");
		return 1;
	}
	await_line(fd);
	carry(fd);
	return 0;
}
