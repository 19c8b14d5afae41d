/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * console_port.h: where the serial port's bytes go and come from: stdio, nowhere, a file, or
 * whoever is connected to a UNIX socket. Used by console.c only.
 *
 * One client at a time; the next one waits until it leaves. Opening, serving and closing are for
 * the thread that serves the console, with the console's lock held where "out" changes.
 */
#ifndef KMC_CONSOLE_PORT_H
#define KMC_CONSOLE_PORT_H

#include <stdbool.h>
#include "capped_file.h"
#include "local_socket.h"

struct console_port {
	bool stdio;
	bool socket;
	int out;		       /* -1: nobody takes it */
	int in;			       /* -1: nothing comes */
	struct capped_file file;       /* the same as out, where that is a file */
	struct local_socket listening; /* of a socket */
};

void port_stdio(struct console_port *p);
/*
 * "stdio", "null", "unix:PATH" or a file, which is truncated and gets at most limit bytes (0: no
 * limit). 0, or -1 with one line in err.
 */
int port_open(struct console_port *p, const char *where, uint64_t limit, char *err, size_t errlen);
void port_close(struct console_port *p);

/* Of a socket: takes a client, where one waits, and lets one go. */
void port_accept(struct console_port *p);
void port_hang_up(struct console_port *p);

#endif
