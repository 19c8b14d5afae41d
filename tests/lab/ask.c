// SPDX-License-Identifier: GPL-2.0-only
/*
 * ask.c: sends one command to a kmc-vmm's report socket and prints the answer, for scripts. Waits for a
 * socket that is not there yet.
 *
 * Usage: ask SOCKET '{"cmd":...}'
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define TRIES 600 /* of 0.1 s */

static int connect_to(const char *path)
{
	const struct timespec nap = {.tv_nsec = 100000000};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	for (int n = 0; n < TRIES; n++) {
		if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
			return fd;
		nanosleep(&nap, NULL);
	}
	return -1;
}

int main(int argc, char **argv)
{
	char line[65536];
	FILE *stream;
	int fd;

	if (argc != 3)
		return 2;
	fd = connect_to(argv[1]);
	stream = fd < 0 ? NULL : fdopen(fd, "r");
	if (!stream || dprintf(fd, "%s\n", argv[2]) < 0) {
		fprintf(stderr, "ask: nobody listens at %s\n", argv[1]);
		return 1;
	}
	while (fgets(line, sizeof(line), stream)) {
		if (!strstr(line, "\"type\":\"reply\""))
			continue;
		fputs(line, stdout);
		return 0;
	}
	fprintf(stderr, "ask: no answer\n");
	return 1;
}
