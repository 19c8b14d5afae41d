// SPDX-License-Identifier: GPL-2.0-only
/* qmp_client.c: one connection: bytes in, bytes out, neither without bounds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qmp_internal.h"

void client_open(struct qmp *q, int fd)
{
	for (unsigned i = 0; i < QMP_CLIENTS; i++) {
		struct qmp_client *c = &q->client[i];

		if (c->fd >= 0)
			continue;
		*c = (struct qmp_client){.fd = fd};
		client_send(c, qmp_greeting(q));
		return;
	}
	close(fd);
}

void client_close(struct qmp_client *c)
{
	close(c->fd);
	free(c->out);
	*c = (struct qmp_client){.fd = -1};
}

/* Room for n more bytes behind those that wait. */
static bool make_room(struct qmp_client *c, size_t n)
{
	size_t size = c->size ? c->size : 4096;
	char *out;

	if (c->sent)
		memmove(c->out, c->out + c->sent, c->len - c->sent);
	c->len -= c->sent;
	c->sent = 0;
	if (c->len + n > QMP_WAITING)
		return false;
	while (size < c->len + n)
		size *= 2;
	out = realloc(c->out, size);
	if (!out)
		return false;
	c->out = out;
	c->size = size;
	return true;
}

static int append(const char *text, size_t n, void *ctx)
{
	struct qmp_client *c = ctx;

	if (!make_room(c, n))
		return -1;
	memcpy(c->out + c->len, text, n);
	c->len += n;
	return 0;
}

void client_send(struct qmp_client *c, json_t *message)
{
	bool ok = message && !json_dump_callback(message, append, c, JSON_ENSURE_ASCII) &&
		  !append("\r\n", 2, c);

	json_decref(message);
	if (ok)
		client_write(c);
	else
		client_close(c);
}

void client_write(struct qmp_client *c)
{
	while (c->sent < c->len) {
		ssize_t n = send(c->fd, c->out + c->sent, c->len - c->sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			client_close(c);
			return;
		}
		c->sent += (size_t)n;
	}
	if (c->closing)
		client_close(c);
}

/* What was sent is answered one by one; a client that is gone meanwhile gets no more. */
static void take(struct qmp *q, struct qmp_client *c, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n && c->fd >= 0 && !c->closing; i++) {
		switch (qmp_split_byte(&c->in, bytes[i])) {
		case SPLIT_MORE:
			break;
		case SPLIT_OBJECT:
			client_send(c, qmp_execute(q, c, c->in.buf, c->in.len));
			break;
		case SPLIT_BAD:
			c->closing = true;
			client_send(c, qmp_error("GenericError", "Invalid JSON syntax"));
			break;
		}
	}
}

void client_read(struct qmp *q, struct qmp_client *c)
{
	char bytes[4096];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		client_close(c);
	else
		take(q, c, bytes, (size_t)n);
}
