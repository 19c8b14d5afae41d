// SPDX-License-Identifier: GPL-2.0-only
/* console_port.c: opens and closes; moves no data. */
#include "console_port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void port_stdio(struct console_port *p)
{
	*p = (struct console_port){.stdio = true,
				   .in = STDIN_FILENO,
				   .out = STDOUT_FILENO,
				   .file = {.fd = -1},
				   .listening = {.fd = -1}};
}

static int open_file(struct console_port *p, const char *path, uint64_t limit, char *err,
		     size_t errlen)
{
	p->out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (p->out >= 0) {
		capped_file_init(&p->file, p->out, limit);
		return 0;
	}
	snprintf(err, errlen, "--serial: cannot write to %s: %s: give another path", path,
		 strerror(errno));
	return -1;
}

int port_open(struct console_port *p, const char *where, uint64_t limit, char *err, size_t errlen)
{
	static const char socket[] = "unix:";

	port_stdio(p);
	if (!strcmp(where, "stdio"))
		return 0;
	p->stdio = false;
	p->in = p->out = -1;
	if (!strcmp(where, "null"))
		return 0;
	if (strncmp(where, socket, sizeof(socket) - 1) != 0)
		return open_file(p, where, limit, err, errlen);
	p->socket = true;
	return local_socket_open(&p->listening, where + sizeof(socket) - 1, "serial", err, errlen);
}

void port_close(struct console_port *p)
{
	if (!p->stdio && p->out >= 0)
		close(p->out);
	local_socket_close(&p->listening);
}

void port_accept(struct console_port *p)
{
	p->in = p->out = local_socket_accept(&p->listening);
}

void port_hang_up(struct console_port *p)
{
	close(p->out);
	p->in = p->out = -1;
}
