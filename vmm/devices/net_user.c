// SPDX-License-Identifier: GPL-2.0-only
/*
 * net_user.c: libslirp's callbacks. The guest's network is what QEMU's user networking has always
 * been, since images and farms count on it: 10.0.2.0/24, the host at .2, DNS at .3, the guest gets
 * .15 by DHCP. IPv4 only.
 */
#include "net_user.h"

#include <arpa/inet.h>
#include <errno.h>
#include <slirp/libslirp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NETWORK 0x0a000200u /* 10.0.2.0 */
#define HOST	(NETWORK + 2)
#define DNS	(NETWORK + 3)
#define GUEST	(NETWORK + 15)
#define MTU	1500

struct net_user {
	struct net_user_ops ops;
	Slirp *slirp;
	struct pollfd *fds;
	unsigned n, max;
};

static ssize_t send_packet(const void *frame, size_t len, void *ctx)
{
	struct net_user *u = ctx;

	u->ops.receive(u->ops.ctx, frame, len);
	return (ssize_t)len;
}

/* The guest's own affair, and it may send as many as it likes. */
static void guest_error(const char *text, void *ctx)
{
}

static int64_t clock_ns(void *ctx)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* All descriptors are asked for before each wait, and the library is called on one thread only. */
static void poll_fd_changed(int fd, void *ctx)
{
}

static void wake(void *ctx)
{
}

static struct in_addr address(uint32_t value)
{
	return (struct in_addr){.s_addr = htonl(value)};
}

static int forward(struct net_user *u, const struct forward_config *f, char *err, size_t errlen)
{
	struct in_addr host = address(f->host_address);
	char name[INET_ADDRSTRLEN] = "";

	if (slirp_add_hostfwd(u->slirp, f->udp, host, f->host_port, address(GUEST),
			      f->guest_port) == 0)
		return 0;
	inet_ntop(AF_INET, &host, name, sizeof(name));
	snprintf(err, errlen,
		 "cannot listen on port %u of %s for --net: %s: choose another port or address",
		 f->host_port, name, strerror(errno));
	return -1;
}

static Slirp *start(struct net_user *u, const struct net_config *config)
{
	/* No timers: only IPv6 has any. */
	static const SlirpCb callbacks = {.send_packet = send_packet,
					  .guest_error = guest_error,
					  .clock_get_ns = clock_ns,
					  .register_poll_fd = poll_fd_changed,
					  .unregister_poll_fd = poll_fd_changed,
					  .notify = wake};
	const SlirpConfig c = {.version = 1,
			       .restricted = config->restricted,
			       .in_enabled = true,
			       .vnetwork = address(NETWORK),
			       .vnetmask = address(0xffffff00u),
			       .vhost = address(HOST),
			       .vdhcp_start = address(GUEST),
			       .vnameserver = address(DNS),
			       .if_mtu = MTU,
			       .if_mru = MTU};

	return slirp_new(&c, &callbacks, u);
}

int net_user_create(const struct net_config *config, const struct net_user_ops *ops,
		    struct net_user **out, char *err, size_t errlen, bool *bad_input)
{
	struct net_user *u = calloc(1, sizeof(*u));

	*bad_input = false;
	if (u)
		u->slirp = start(u, config);
	if (!u || !u->slirp) {
		snprintf(err, errlen, "out of memory for the network: free some memory");
		free(u);
		return -1;
	}
	u->ops = *ops;
	for (unsigned i = 0; i < config->forwards && !*bad_input; i++)
		*bad_input = forward(u, &config->forward[i], err, errlen) < 0;
	if (*bad_input) {
		net_user_destroy(u);
		return -1;
	}
	*out = u;
	return 0;
}

void net_user_destroy(struct net_user *u)
{
	if (!u)
		return;
	slirp_cleanup(u->slirp);
	free(u);
}

void net_user_send(struct net_user *u, const void *frame, size_t len)
{
	slirp_input(u->slirp, frame, (int)len);
}

static const struct {
	int slirp;
	short poll;
} events[] = {
	{SLIRP_POLL_IN, POLLIN},   {SLIRP_POLL_OUT, POLLOUT}, {SLIRP_POLL_PRI, POLLPRI},
	{SLIRP_POLL_ERR, POLLERR}, {SLIRP_POLL_HUP, POLLHUP},
};

#define EVENTS (sizeof(events) / sizeof(events[0]))

static int add_fd(int fd, int wanted, void *ctx)
{
	struct net_user *u = ctx;
	struct pollfd *p = &u->fds[u->n];

	if (u->n == u->max)
		return -1; /* has its turn when another one is gone */
	*p = (struct pollfd){.fd = fd};
	for (size_t i = 0; i < EVENTS; i++)
		if (wanted & events[i].slirp)
			p->events |= events[i].poll;
	return (int)u->n++;
}

static int events_of(int index, void *ctx)
{
	struct net_user *u = ctx;
	int found = 0;

	for (size_t i = 0; i < EVENTS && index >= 0; i++)
		if (u->fds[index].revents & events[i].poll)
			found |= events[i].slirp;
	return found;
}

unsigned net_user_wait(struct net_user *u, struct pollfd *fds, unsigned max, int *timeout_ms)
{
	/* The library takes no "forever". */
	uint32_t timeout = *timeout_ms < 0 ? 3600000u : (uint32_t)*timeout_ms;

	u->fds = fds;
	u->max = max;
	u->n = 0;
	slirp_pollfds_fill(u->slirp, &timeout, add_fd, u);
	*timeout_ms = (int)timeout;
	return u->n;
}

void net_user_work(struct net_user *u, bool failed)
{
	slirp_pollfds_poll(u->slirp, failed, events_of, u);
}
