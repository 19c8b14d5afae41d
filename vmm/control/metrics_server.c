// SPDX-License-Identifier: GPL-2.0-only
/*
 * metrics_server.c: HTTP/1.0 for one kind of question. What is asked is not parsed: whoever
 * connects gets the metrics, and the connection is closed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "metrics.h"
#include "sandbox.h"
#include "sink_outlet.h"
#include "sink_socket.h"

#define READER_MS    2000 /* for a reader to ask and to take all */
#define REQUEST_MAX  8192
#define ACCEPT_PAUSE 1000 /* ms, after accept() found no descriptor or memory */

static const char http[] =
	"HTTP/1.0 200 OK\r\n"
	"Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"
	"Connection: close\r\n\r\n";

struct metrics {
	struct sink_socket socket; /* its fd is also that of a TCP port */
	const struct control *control;
	int stop; /* eventfd */
	bool running;
	pthread_t thread;
	char text[METRICS_SIZE];
};

/* ---- a reader ---- */

struct reader {
	int fd, stop;
	int64_t deadline; /* ms, CLOCK_MONOTONIC */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* False: it has been too slow, or all is ending. */
static bool wait_for(const struct reader *r, short events)
{
	struct pollfd p[2] = {{.fd = r->fd, .events = events}, {.fd = r->stop, .events = POLLIN}};
	int64_t left = r->deadline - now_ms();

	return left > 0 && poll(p, 2, (int)left) > 0 && !p[1].revents;
}

/* To the empty line, so that closing does not reset a connection with something unread. */
static void read_request(const struct reader *r)
{
	char request[REQUEST_MAX];
	size_t len = 0;

	while (len < sizeof(request) - 1 && wait_for(r, POLLIN)) {
		ssize_t n = recv(r->fd, request + len, sizeof(request) - 1 - len, 0);

		if (n <= 0)
			return;
		len += (size_t)n;
		request[len] = '\0';
		if (strstr(request, "\r\n\r\n") || strstr(request, "\n\n"))
			return;
	}
}

static bool send_all(const struct reader *r, const char *text, size_t len)
{
	while (len && wait_for(r, POLLOUT)) {
		ssize_t n = send(r->fd, text, len, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return !len;
}

static void answer(struct metrics *m, int fd)
{
	const struct reader r = {.fd = fd, .stop = m->stop, .deadline = now_ms() + READER_MS};

	read_request(&r);
	if (send_all(&r, http, sizeof(http) - 1))
		send_all(&r, m->text, metrics_format(m->control, m->text));
	close(fd);
}

static void *thread_main(void *arg)
{
	struct metrics *m = arg;
	struct pollfd p[2] = {{.fd = m->stop, .events = POLLIN},
			      {.fd = m->socket.fd, .events = POLLIN}};
	int pause = -1;

	sandbox_thread(SANDBOX_METRICS);
	for (;;) {
		int fd;

		p[1].fd = pause < 0 ? m->socket.fd : -1;
		poll(p, 2, pause);
		pause = -1;
		if (p[0].revents)
			return NULL;
		if (!p[1].revents)
			continue;
		fd = accept4(m->socket.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			answer(m, fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause = ACCEPT_PAUSE;
	}
}

/* ---- opening ---- */

static int bad_address(const char *address, const char *remedy, char *err, size_t errlen)
{
	snprintf(err, errlen, "--metrics %s: %s", address, remedy);
	return -1;
}

static bool parse_port(const char *address, struct sockaddr_in *a)
{
	char host[64];
	const char *colon = strrchr(address, ':');
	char *end;
	unsigned long port;

	if (!colon || colon - address >= (ptrdiff_t)sizeof(host) || colon[1] < '0' ||
	    colon[1] > '9')
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
	port = strtoul(colon + 1, &end, 10);
	*a = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	return !*end && port > 0 && port < 65536 &&
	       inet_pton(AF_INET, *host ? host : "127.0.0.1", &a->sin_addr) == 1;
}

static int open_port(struct metrics *m, const char *address, char *err, size_t errlen)
{
	struct sockaddr_in a;
	int on = 1;

	if (!parse_port(address, &a))
		return bad_address(address, "give unix:PATH or [ADDRESS]:PORT", err, errlen);
	m->socket.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (m->socket.fd >= 0 &&
	    !setsockopt(m->socket.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) &&
	    !bind(m->socket.fd, (struct sockaddr *)&a, sizeof(a)) && !listen(m->socket.fd, 8))
		return 0;
	return bad_address(address, strerror(errno), err, errlen);
}

int metrics_open(const char *address, const char *vm, struct metrics **out, char *err,
		 size_t errlen)
{
	struct metrics *m = calloc(1, sizeof(*m));
	int r;

	*out = NULL;
	if (!m)
		return bad_address(address, "out of memory", err, errlen);
	m->socket.fd = -1;
	m->stop = eventfd(0, EFD_CLOEXEC);
	if (m->stop < 0)
		r = bad_address(address, strerror(errno), err, errlen);
	else if (!strncmp(address, "unix:", 5))
		r = sink_socket_open(&m->socket, "--metrics", address + 5, vm, err, errlen);
	else
		r = open_port(m, address, err, errlen);
	if (r < 0)
		metrics_close(m);
	else
		*out = m;
	return r;
}

int metrics_start(struct metrics *m, const struct control *c, char *err, size_t errlen)
{
	int r;

	m->control = c;
	r = sink_thread(&m->thread, thread_main, m);
	m->running = !r;
	if (r)
		snprintf(err, errlen, "cannot start a thread: %s: raise the limit on processes",
			 strerror(r));
	return r ? -1 : 0;
}

void metrics_close(struct metrics *m)
{
	const uint64_t one = 1;

	if (!m)
		return;
	if (m->running && write(m->stop, &one, sizeof(one)) == sizeof(one))
		pthread_join(m->thread, NULL);
	sink_socket_close(&m->socket);
	if (m->stop >= 0)
		close(m->stop);
	free(m);
}
