// SPDX-License-Identifier: GPL-2.0-only
/* qmp.c: listens, and the thread that serves. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmp_internal.h"
#include "sandbox.h"

#define LOOK_MS	  100  /* so soon events are told */
#define FINISH_MS 1000 /* for clients to take the last ones */
#define HOST_MAX  256

/* ---- listening ---- */

static int try_address(const struct addrinfo *a)
{
	int on = 1, fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	/* The port of a predecessor that was killed can be used at once. */
	if (!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) &&
	    !bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, QMP_CLIENTS))
		return fd;
	close(fd);
	return -1;
}

static int listen_tcp(struct qmp *q, const char *address, char *err, size_t errlen)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	const char *colon = strrchr(address, ':');
	struct addrinfo *list = NULL;
	char host[HOST_MAX];
	int r;

	if (!colon || colon == address || colon - address >= HOST_MAX) {
		snprintf(err, errlen, "--qmp tcp:%s: give tcp:HOST:PORT", address);
		return -1;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
	r = getaddrinfo(host, colon + 1, &hints, &list);
	for (struct addrinfo *a = list; !r && a && q->listen_fd < 0; a = a->ai_next)
		q->listen_fd = try_address(a);
	if (r || q->listen_fd < 0)
		snprintf(err, errlen, "--qmp tcp:%s: cannot listen: %s: give another port", address,
			 r ? gai_strerror(r) : strerror(errno));
	if (!r)
		freeaddrinfo(list);
	return q->listen_fd < 0 ? -1 : 0;
}

static int listen_at(struct qmp *q, const char *address, char *err, size_t errlen)
{
	if (!strncmp(address, "tcp:", 4))
		return listen_tcp(q, address + 4, err, errlen);
	if (strncmp(address, "unix:", 5) != 0) {
		snprintf(err, errlen, "--qmp %s: give unix:PATH or tcp:HOST:PORT", address);
		return -1;
	}
	if (local_socket_open(&q->socket, address + 5, "qmp", err, errlen))
		return -1;
	q->listen_fd = q->socket.fd;
	return 0;
}

int qmp_open(const char *address, struct qmp **out, char *err, size_t errlen)
{
	struct qmp *q = calloc(1, sizeof(*q));

	if (!q) {
		snprintf(err, errlen, "out of memory for QMP");
		return -1;
	}
	q->listen_fd = q->socket.fd = -1;
	for (unsigned i = 0; i < QMP_CLIENTS; i++)
		q->client[i].fd = -1;
	q->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->wake_fd < 0)
		snprintf(err, errlen,
			 "eventfd failed: %s: raise the limit of open files (ulimit -n)",
			 strerror(errno));
	if (q->wake_fd < 0 || listen_at(q, address, err, errlen)) {
		qmp_close(q);
		return -1;
	}
	*out = q;
	return 0;
}

void qmp_close(struct qmp *q)
{
	if (!q)
		return;
	for (unsigned i = 0; i < QMP_CLIENTS; i++)
		if (q->client[i].fd >= 0)
			client_close(&q->client[i]);
	if (q->socket.fd >= 0)
		local_socket_close(&q->socket);
	else if (q->listen_fd >= 0)
		close(q->listen_fd);
	if (q->wake_fd >= 0)
		close(q->wake_fd);
	free(q);
}

/* ---- serving ---- */

static short wanted_events(const struct qmp_client *c)
{
	/* One that has not taken its answers is not listened to. */
	return c->sent < c->len ? POLLOUT : POLLIN;
}

static void serve(struct qmp *q, struct qmp_client *c, short events)
{
	if (c->fd < 0 || !events)
		return;
	if (events & POLLOUT)
		client_write(c);
	else if (events & (POLLIN | POLLHUP))
		client_read(q, c);
	else
		client_close(c);
}

static void turn(struct qmp *q)
{
	struct pollfd p[QMP_CLIENTS + 2];
	int fd;

	for (unsigned i = 0; i < QMP_CLIENTS; i++)
		p[i] = (struct pollfd){q->client[i].fd, wanted_events(&q->client[i]), 0};
	p[QMP_CLIENTS] = (struct pollfd){q->listen_fd, POLLIN, 0};
	p[QMP_CLIENTS + 1] = (struct pollfd){q->wake_fd, POLLIN, 0};
	if (poll(p, QMP_CLIENTS + 2, LOOK_MS) > 0) {
		for (unsigned i = 0; i < QMP_CLIENTS; i++)
			serve(q, &q->client[i], p[i].revents);
		if (p[QMP_CLIENTS].revents &&
		    (fd = accept4(q->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
			client_open(q, fd);
	}
	qmp_look(q);
}

/* Nothing is listened to any more: what waits goes out, as far as it is taken. */
static void drain(struct qmp *q)
{
	struct pollfd p[QMP_CLIENTS];
	bool waits = true;

	for (int left = FINISH_MS; waits && left > 0; left -= LOOK_MS) {
		waits = false;
		for (unsigned i = 0; i < QMP_CLIENTS; i++) {
			struct qmp_client *c = &q->client[i];

			p[i] = (struct pollfd){c->sent < c->len ? c->fd : -1, POLLOUT, 0};
			waits |= p[i].fd >= 0;
		}
		if (waits && poll(p, QMP_CLIENTS, LOOK_MS) > 0)
			for (unsigned i = 0; i < QMP_CLIENTS; i++)
				if (p[i].revents)
					client_write(&q->client[i]);
	}
}

static void *serve_all(void *arg)
{
	struct qmp *q = arg;

	sandbox_thread(SANDBOX_QMP);
	while (!atomic_load(&q->stop))
		turn(q);
	qmp_tell_end(q);
	drain(q);
	return NULL;
}

int qmp_start(struct qmp *q, struct machine *m, const char *name, const char *version, char *err,
	      size_t errlen)
{
	sigset_t all, before;
	int r;

	q->machine = m;
	q->name = name;
	q->version = version;
	sigfillset(&all); /* signals are for the main thread */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&q->thread, NULL, serve_all, q);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	q->running = !r;
	if (r)
		snprintf(err, errlen,
			 "pthread_create failed: raise the limit of processes (ulimit -u)");
	return r ? -1 : 0;
}

void qmp_finish(struct qmp *q, enum machine_end end)
{
	const uint64_t one = 1;

	if (!q || !q->running)
		return;
	q->end = end;
	atomic_store(&q->stop, true);
	if (write(q->wake_fd, &one, sizeof(one)) < 0)
		q->end = end; /* it looks within LOOK_MS anyway */
	pthread_join(q->thread, NULL);
	q->running = false;
}
