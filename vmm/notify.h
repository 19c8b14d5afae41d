/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * notify.h: tells a service manager how it stands, as sd_notify(3) has it: datagrams to
 * $NOTIFY_SOCKET, WATCHDOG=1 where $WATCHDOG_USEC asks for it. Used by main.c.
 */
#ifndef KMC_NOTIFY_H
#define KMC_NOTIFY_H

#include <stdbool.h>

struct notify {
	int fd;		      /* -1: nobody wants to know */
	unsigned watchdog_ms; /* how often to call notify_alive(); 0: never */
};

/* Nothing is opened later. False where the environment names a socket that cannot be reached. */
bool notify_open(struct notify *n);
void notify_close(struct notify *n);

/* Does not wait: what the manager has no room for is lost. state: lines as in sd_notify(3). */
void notify_send(const struct notify *n, const char *state);

#endif
