/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net_user.h: a network that needs no rights on the host: libslirp makes the guest's connections
 * its own. Used by net.c. One thread a network.
 */
#ifndef KMC_NET_USER_H
#define KMC_NET_USER_H

#include <poll.h>
#include "devices.h"

struct net_user;

struct net_user_ops {
	void *ctx;
	void (*receive)(void *ctx, const void *frame, size_t len); /* for the guest */
};

/*
 * 0, or -1 with one line in err; *bad_input: a port of the options cannot be listened on. From here
 * on connections to forwarded ports are accepted, and wait for the guest.
 */
int net_user_create(const struct net_config *config, const struct net_user_ops *ops,
		    struct net_user **out, char *err, size_t errlen, bool *bad_input);
void net_user_destroy(struct net_user *u);

void net_user_send(struct net_user *u, const void *frame, size_t len); /* from the guest */
/*
 * What to wait for: fills up to max fds, which stay where they are until net_user_work(), and
 * lowers the timeout. net_user_work() must be called behind each wait.
 */
unsigned net_user_wait(struct net_user *u, struct pollfd *fds, unsigned max, int *timeout_ms);
void net_user_work(struct net_user *u, bool failed);

#endif
