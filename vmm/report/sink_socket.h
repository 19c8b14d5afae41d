/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink_socket.h: a listening UNIX socket and its file. Used by sink.c, and by vmm/control/ for --metrics.
 */
#ifndef KMC_SINK_SOCKET_H
#define KMC_SINK_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SINK_PATH 512 /* longer than any address; what does not fit is refused */

struct sink_socket {
	int fd; /* listening, non-blocking; -1: none */
	char path[SINK_PATH];
	bool file; /* there is a file, and it is this one: */
	dev_t dev;
	ino_t ino;
};

/*
 * Listens at a path of this form, mode 0600. In it "{vm}" stands for the VM's name; a path that
 * ends in '/' or is a directory means {vm}.sock there; one that starts with '@' is a name in the
 * abstract namespace, which has no mode: the caller looks at who connects. The socket of a program
 * that is gone is replaced, a live one and anything that is not a socket are refused. 0, or -1 with
 * one line in err that names the option.
 */
int sink_socket_open(struct sink_socket *s, const char *option, const char *form, const char *vm,
		     char *err, size_t errlen);
/* Removes the file only if it is still the one that was made. */
void sink_socket_close(struct sink_socket *s);

#endif
