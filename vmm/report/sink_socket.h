/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink_socket.h: the listening socket of --report-socket and its file. Used by sink.c only.
 */
#ifndef KMC_SINK_SOCKET_H
#define KMC_SINK_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sink_socket {
	int fd; /* listening, non-blocking; -1: none */
	const char *path;
	bool file; /* there is a file, and it is this one: */
	dev_t dev;
	ino_t ino;
};

/*
 * Listens at path, mode 0600; a path that starts with '@' is a name in the abstract namespace,
 * which has no permissions. The socket of a program that is gone is replaced, a live one and
 * anything that is not a socket are refused. path is not copied. 0, or -1 with one line in err.
 */
int sink_socket_open(struct sink_socket *s, const char *path, char *err, size_t errlen);
/* Removes the file only if it is still the one that was made. */
void sink_socket_close(struct sink_socket *s);

#endif
