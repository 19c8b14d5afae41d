/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * local_socket.h: UNIX sockets on the host at which devices listen, or to which they connect. Used
 * by hvc.c and vsock.c.
 */
#ifndef KMC_LOCAL_SOCKET_H
#define KMC_LOCAL_SOCKET_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

struct local_socket {
	int fd; /* listening, non-blocking; -1: none */
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	dev_t dev; /* of the file that was made */
	ino_t ino;
};

/*
 * Listens at path, mode 0600. The socket of a program that is gone is replaced; a live one and
 * anything that is no socket are refused. 0, or -1 with one line in err, which names the option.
 */
int local_socket_open(struct local_socket *s, const char *path, const char *option, char *err,
		      size_t errlen);
/* Removes the file only if it is still the one that was made. s->fd may be -1. */
void local_socket_close(struct local_socket *s);

/* A connection that waits, non-blocking, or -1. */
int local_socket_accept(const struct local_socket *s);
/* Connects without waiting. The descriptor, non-blocking, or -1: nobody listens or there is no room. */
int local_socket_connect(const char *path);

#endif
