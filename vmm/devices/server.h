/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * server.h: a program of others that serves a device, as a child with which we have one connection.
 * Used by image_nbd.c and vhost_user.c.
 *
 * It inherits a listening socket as descriptor 3 (systemd's protocol, sd_listen_fds(3), or an
 * option of its own), on which it finds us waiting; in the abstract namespace, so no file is left
 * behind. Either process ends when the other one is killed.
 */
#ifndef KMC_SERVER_H
#define KMC_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#define SERVER_FD 3

struct server {
	pid_t pid;  /* 0: none */
	int socket; /* connected; -1: none, or somebody else's by now */
};

/*
 * Starts argv[0], found in PATH. prepare(ctx), which may be NULL, is called in the child, where
 * only what is safe behind fork() may be done; false: the child ends. 0 or -errno; that the program
 * could not be started is only seen as the end of the connection.
 */
int server_start(struct server *s, char *const *argv, bool (*prepare)(const void *ctx),
		 const void *ctx);
/* Closes the socket; the program is asked to end, and waited for. */
void server_end(struct server *s);

#endif
