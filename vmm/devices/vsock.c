// SPDX-License-Identifier: GPL-2.0-only
/*
 * vsock.c: virtio-vsock (VIRTIO 1.2, 5.10), streams only, ended here: each is a connection of a
 * UNIX socket on the host. Who connects to PATH says "CONNECT port\n" and hears "OK port\n" when
 * the guest has accepted; the guest's connections to port P of the host (CID 2) go to PATH_P.
 *
 * The guest is sent what it has credit for, straight from the socket. What it sends is kept until
 * the socket takes it; more than it was given credit for resets the connection, like all that is
 * wrong.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_vsock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device_list.h"
#include "local_socket.h"

#define RX	    0u
#define TX	    1u
#define QUEUES	    3u /* the third is for events, of which there are none */
#define HOST_CID    2u
#define CONNECTIONS 128u
#define BUFFER	    65536u /* bytes of a connection that its socket has not taken yet: its credit */
#define RESETS	    64u	   /* answers that wait for a buffer, to packets that are nobody's */
#define FIRST_PORT  0x40000000u
#define HEADER	    ((uint32_t)sizeof(struct virtio_vsock_hdr))
#define BOTH	    (VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND)
#define OP_BIT(op)  (1u << VIRTIO_VSOCK_OP_##op)

_Static_assert(CONNECTIONS + 2 <= VIRTIO_POLL_FDS, "with the kick and the listening socket");

enum state {
	FREE,
	ASKING,	   /* somebody on the host is saying which port */
	REQUESTED, /* the guest has not answered yet */
	OPEN,
	DYING, /* a reset is to be sent */
};

struct connection {
	enum state state;
	int fd;	      /* of the host's socket, -1 when DYING */
	int polled;   /* its place among what is polled, -1: none */
	short ready;  /* what poll() said */
	bool hung_up; /* poll() will say so for ever */
	uint32_t guest_port, host_port;
	unsigned pending;		/* OP_BIT()s that wait for a buffer */
	uint32_t guest_shut, host_shut; /* VIRTIO_VSOCK_SHUTDOWN_, of who will do so no more */
	bool write_shut;
	uint32_t sent, guest_alloc, guest_forwarded; /* to the guest */
	uint32_t forwarded, told;		     /* to the host; what the guest knows of it */
	size_t first, kept;			     /* of buffer, a ring */
	uint8_t *buffer;
	char line[32]; /* ASKING */
	size_t line_len;
};

struct vsock {
	struct virtio_device device; /* first */
	struct local_socket socket;
	char path[sizeof(((struct local_socket *)NULL)->path)];
	uint64_t cid;
	bool has_buffers; /* the guest has given some that are not used yet */
	int polled;	  /* the place of the socket */
	bool waiting;	  /* a client, there */
	uint32_t next_port;
	unsigned turn; /* the connection that comes next */
	struct connection connection[CONNECTIONS];
	struct virtio_vsock_hdr resets[RESETS];
	unsigned nresets;
	uint8_t data[BUFFER];
};

/* ---- connections ---- */

static struct connection *find(struct vsock *s, uint32_t guest_port, uint32_t host_port)
{
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &s->connection[i];

		if (c->state > ASKING && c->guest_port == guest_port && c->host_port == host_port)
			return c;
	}
	return NULL;
}

static struct connection *find_free(struct vsock *s)
{
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (s->connection[i].state == FREE)
			return &s->connection[i];
	return NULL;
}

static void close_host(struct connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	free(c->buffer);
	c->buffer = NULL;
	c->kept = 0;
}

static void release(struct connection *c)
{
	close_host(c);
	c->state = FREE;
}

/* The guest is told that it is over. */
static void kill_connection(struct connection *c)
{
	close_host(c);
	c->state = DYING;
	c->pending = OP_BIT(RST);
}

/* Takes over fd. NULL: there is no room. */
static struct connection *begin(struct vsock *s, int fd, enum state state)
{
	struct connection *c = find_free(s);
	uint8_t *buffer = c ? malloc(BUFFER) : NULL;

	if (!buffer) {
		close(fd);
		return NULL;
	}
	*c = (struct connection){.state = state, .fd = fd, .polled = -1, .buffer = buffer};
	return c;
}

static uint32_t credit(const struct connection *c)
{
	uint32_t under_way = c->sent - c->guest_forwarded;

	return under_way < c->guest_alloc ? c->guest_alloc - under_way : 0;
}

/* ---- from the guest to the host ---- */

/* What follows once the host's socket has taken all. */
static void finish_writing(struct connection *c)
{
	if ((c->guest_shut & BOTH) == BOTH) {
		kill_connection(c);
	} else if ((c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_SEND) && !c->write_shut) {
		shutdown(c->fd, SHUT_WR);
		c->write_shut = true;
	}
}

static void flush(struct connection *c)
{
	while (c->kept) {
		size_t room = BUFFER - c->first, part = c->kept < room ? c->kept : room;
		ssize_t n = send(c->fd, c->buffer + c->first, part, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			kill_connection(c);
			return;
		}
		c->first = (c->first + (size_t)n) % BUFFER;
		c->kept -= (size_t)n;
		c->forwarded += (uint32_t)n;
	}
	if (c->forwarded - c->told >= BUFFER / 4)
		c->pending |= OP_BIT(CREDIT_UPDATE);
	if (!c->kept)
		finish_writing(c);
}

/* The guest's connection. False: refused. */
static bool accept_guest(struct vsock *s, const struct virtio_vsock_hdr *h)
{
	char path[sizeof(s->path) + 16];
	struct connection *c;
	int fd;

	snprintf(path, sizeof(path), "%s_%" PRIu32, s->path, h->dst_port);
	fd = local_socket_connect(path);
	c = fd >= 0 ? begin(s, fd, OPEN) : NULL;
	if (!c)
		return false;
	c->guest_port = h->src_port;
	c->host_port = h->dst_port;
	c->guest_alloc = h->buf_alloc;
	c->guest_forwarded = h->fwd_cnt;
	c->pending = OP_BIT(RESPONSE);
	return true;
}

/* False: wrong. */
static bool guest_accepted(struct connection *c)
{
	char line[32];
	int len = snprintf(line, sizeof(line), "OK %" PRIu32 "\n", c->host_port);

	if (c->state != REQUESTED)
		return false;
	c->state = OPEN;
	return send(c->fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) == len;
}

static bool take_data(struct vsock *s, struct connection *c, uint32_t len)
{
	struct virtio_device *d = &s->device;
	size_t at = (c->first + c->kept) % BUFFER, part = BUFFER - at < len ? BUFFER - at : len;

	if (c->state != OPEN || (c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_SEND) ||
	    len > BUFFER - c->kept)
		return false;
	if (!virtqueue_read(&d->queue[TX], &d->chain, HEADER, c->buffer + at, part) ||
	    !virtqueue_read(&d->queue[TX], &d->chain, HEADER + part, c->buffer, len - part))
		return false;
	c->kept += len;
	return true;
}

/* False: the connection is to be reset. */
static bool carry_out(struct vsock *s, struct connection *c, const struct virtio_vsock_hdr *h)
{
	switch (h->op) {
	case VIRTIO_VSOCK_OP_RESPONSE:
		return guest_accepted(c);
	case VIRTIO_VSOCK_OP_RW:
		return take_data(s, c, h->len);
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		c->guest_shut |= h->flags & BOTH;
		return c->state == OPEN;
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		c->pending |= OP_BIT(CREDIT_UPDATE);
		return true;
	default:
		return h->op == VIRTIO_VSOCK_OP_CREDIT_UPDATE;
	}
}

/* An answer to a packet of no connection; the caller has seen that there is room. */
static void refuse(struct vsock *s, const struct virtio_vsock_hdr *h)
{
	if (h->op == VIRTIO_VSOCK_OP_RST)
		return;
	s->resets[s->nresets++] = (struct virtio_vsock_hdr){
		.src_cid = h->dst_cid,
		.dst_cid = s->cid,
		.src_port = h->dst_port,
		.dst_port = h->src_port,
		.type = h->type,
		.op = VIRTIO_VSOCK_OP_RST,
	};
}

static void receive(struct vsock *s, const struct virtio_vsock_hdr *h)
{
	bool ours = h->src_cid == s->cid && h->dst_cid == HOST_CID &&
		    h->type == VIRTIO_VSOCK_TYPE_STREAM;
	struct connection *c = ours ? find(s, h->src_port, h->dst_port) : NULL;

	if (!c) {
		if (!ours || h->op != VIRTIO_VSOCK_OP_REQUEST || !accept_guest(s, h))
			refuse(s, h);
		return;
	}
	if (c->state == DYING)
		return;
	if (h->op == VIRTIO_VSOCK_OP_RST) {
		release(c);
		return;
	}
	c->guest_alloc = h->buf_alloc;
	c->guest_forwarded = h->fwd_cnt;
	if (carry_out(s, c, h))
		flush(c);
	else
		kill_connection(c);
}

/* True: it stopped only because there is no room for answers. */
static bool take_packets(struct vsock *s)
{
	struct virtio_device *d = &s->device;
	struct virtio_vsock_hdr h;

	while (s->nresets < RESETS) {
		if (!virtio_next(d, TX))
			return false;
		if (!virtqueue_read(&d->queue[TX], &d->chain, 0, &h, HEADER)) {
			virtio_broken(d, TX);
			return false;
		}
		receive(s, &h);
		if (d->queue[TX].broken)
			return false;
		virtio_done(d, TX, 0);
	}
	return true;
}

/* ---- from the host to the guest ---- */

/* With what lies in data behind it. */
static bool put_packet(struct vsock *s, const struct virtio_vsock_hdr *h)
{
	struct virtio_device *d = &s->device;
	struct virtqueue *q = &d->queue[RX];

	if (!virtqueue_write(q, &d->chain, 0, h, HEADER) ||
	    !virtqueue_write(q, &d->chain, HEADER, s->data, h->len)) {
		virtio_broken(d, RX);
		return false;
	}
	virtio_done(d, RX, HEADER + h->len);
	return true;
}

/* The next buffer, with room for a byte at least; how much: *room. */
static bool next_buffer(struct vsock *s, uint32_t *room)
{
	struct virtio_device *d = &s->device;

	if (!virtio_next(d, RX))
		return false;
	if (d->chain.write_len <= HEADER) {
		virtio_broken(d, RX);
		return false;
	}
	*room = d->chain.write_len - HEADER < BUFFER ? (uint32_t)d->chain.write_len - HEADER
						     : BUFFER;
	return true;
}

/* Those before others come first; a bit of pending, or 0. */
static unsigned first_pending(const struct connection *c)
{
	static const unsigned order[] = {OP_BIT(REQUEST), OP_BIT(RESPONSE), OP_BIT(RST),
					 OP_BIT(SHUTDOWN), OP_BIT(CREDIT_UPDATE)};

	for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (c->pending & order[i])
			return order[i];
	return 0;
}

static void shut_host(struct connection *c, uint32_t how)
{
	if ((c->host_shut | how) == c->host_shut)
		return;
	c->host_shut |= how;
	c->pending |= OP_BIT(SHUTDOWN);
}

static bool may_read(const struct connection *c)
{
	return c->state == OPEN && !c->pending && credit(c) &&
	       !(c->host_shut & VIRTIO_VSOCK_SHUTDOWN_SEND) &&
	       !(c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_RCV);
}

/* Is there something for the guest? The end of what the host says becomes a pending packet. */
static bool has_news(struct connection *c)
{
	char byte;
	ssize_t n;

	if (c->pending)
		return true;
	if (!may_read(c) || !(c->ready & (POLLIN | POLLHUP)))
		return false;
	n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		c->ready = 0;
	else if (n < 0)
		kill_connection(c);
	else if (n == 0)
		shut_host(c, VIRTIO_VSOCK_SHUTDOWN_SEND |
				     (c->hung_up ? VIRTIO_VSOCK_SHUTDOWN_RCV : 0u));
	return n > 0 || c->pending;
}

static void fill_header(struct vsock *s, struct connection *c, struct virtio_vsock_hdr *h)
{
	*h = (struct virtio_vsock_hdr){
		.src_cid = HOST_CID,
		.dst_cid = s->cid,
		.src_port = c->host_port,
		.dst_port = c->guest_port,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.buf_alloc = BUFFER,
		.fwd_cnt = c->forwarded,
	};
	c->told = c->forwarded;
}

/* One packet of what has_news() saw. */
static bool tell(struct vsock *s, struct connection *c, uint32_t room)
{
	unsigned bit = first_pending(c);
	struct virtio_vsock_hdr h;
	ssize_t n = 0;

	fill_header(s, c, &h);
	if (bit) {
		c->pending &= ~bit;
		h.op = (uint16_t)__builtin_ctz(bit);
		h.flags = bit == OP_BIT(SHUTDOWN) ? c->host_shut : 0;
	} else {
		n = recv(c->fd, s->data, room < credit(c) ? room : credit(c), MSG_DONTWAIT);
		/* Only we read there: what was seen is still there. */
		h.op = n > 0 ? VIRTIO_VSOCK_OP_RW : VIRTIO_VSOCK_OP_CREDIT_UPDATE;
		h.len = n > 0 ? (uint32_t)n : 0;
		c->sent += h.len;
	}
	if (bit == OP_BIT(RST))
		release(c);
	return put_packet(s, &h);
}

static bool send_resets(struct vsock *s)
{
	unsigned done = 0;
	uint32_t room;

	while (done < s->nresets && next_buffer(s, &room) && put_packet(s, &s->resets[done]))
		done++;
	s->nresets -= done;
	memmove(s->resets, s->resets + done, s->nresets * sizeof(s->resets[0]));
	return !s->nresets;
}

/* A packet each in turn, as long as there are buffers. */
static void give_packets(struct vsock *s)
{
	unsigned idle = 0;
	uint32_t room;

	if (!send_resets(s))
		return;
	while (idle < CONNECTIONS && virtio_waiting(&s->device, RX)) {
		struct connection *c = &s->connection[s->turn];

		if (!has_news(c)) {
			idle++;
		} else if (!next_buffer(s, &room) || !tell(s, c, room)) {
			return;
		} else {
			idle = 0;
		}
		s->turn = (s->turn + 1) % CONNECTIONS;
	}
}

/* ---- who connects on the host ---- */

static uint32_t free_port(struct vsock *s, uint32_t guest_port)
{
	do
		s->next_port = s->next_port == UINT32_MAX ? FIRST_PORT : s->next_port + 1;
	while (find(s, guest_port, s->next_port));
	return s->next_port;
}

static bool parse_line(struct connection *c)
{
	static const char word[] = "CONNECT ";
	const char *digits = c->line + sizeof(word) - 1;
	unsigned long long port;
	char *end;

	c->line[c->line_len] = '\0';
	if (strncmp(c->line, word, sizeof(word) - 1) || *digits < '0' || *digits > '9')
		return false;
	port = strtoull(digits, &end, 10);
	c->guest_port = (uint32_t)port;
	return !*end && port < UINT32_MAX;
}

/* One byte at a time, for what follows the line is the guest's. */
static void ask(struct vsock *s, struct connection *c)
{
	char byte = 0;
	ssize_t n;

	while ((n = recv(c->fd, &byte, 1, MSG_DONTWAIT)) == 1 && byte != '\n' &&
	       c->line_len < sizeof(c->line) - 1)
		c->line[c->line_len++] = byte;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n != 1 || byte != '\n' || !parse_line(c)) {
		release(c);
		return;
	}
	c->state = REQUESTED;
	c->host_port = free_port(s, c->guest_port);
	c->pending = OP_BIT(REQUEST);
}

static void look_at(struct vsock *s, struct connection *c)
{
	if (c->ready & (POLLHUP | POLLERR))
		c->hung_up = true;
	if (c->state == ASKING && c->ready)
		ask(s, c);
	else if (c->state == REQUESTED && c->hung_up)
		kill_connection(c);
	else if (c->state == OPEN && c->hung_up &&
		 (c->host_shut || (c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_RCV)))
		shut_host(c, BOTH);
	if (c->state == OPEN && c->kept)
		flush(c);
}

static void look_at_host(struct vsock *s)
{
	int fd = s->waiting ? local_socket_accept(&s->socket) : -1;

	s->waiting = false;
	if (fd >= 0)
		begin(s, fd, ASKING);
	for (unsigned i = 0; i < CONNECTIONS; i++)
		if (s->connection[i].fd >= 0 && s->connection[i].state != FREE)
			look_at(s, &s->connection[i]);
}

/* ---- the device ---- */

static void serve(struct virtio_device *d)
{
	struct vsock *s = (struct vsock *)d;
	bool again;

	look_at_host(s);
	do {
		again = take_packets(s);
		give_packets(s);
	} while (again && s->nresets < RESETS);
	s->has_buffers = virtio_waiting(d, RX);
	virtio_signal(d, TX);
	virtio_signal(d, RX);
}

static void reset(struct virtio_device *d)
{
	struct vsock *s = (struct vsock *)d;

	for (unsigned i = 0; i < CONNECTIONS; i++)
		release(&s->connection[i]);
	s->nresets = 0;
	s->waiting = s->has_buffers = false;
}

/* A connection that hung up is only waited for where something can be done about it. */
static bool wait_for(const struct connection *c, bool buffers, struct pollfd *p)
{
	*p = (struct pollfd){.fd = c->fd};
	if (c->state == FREE || c->state == DYING)
		return false;
	if (c->state == ASKING || (buffers && may_read(c)))
		p->events |= POLLIN;
	if (c->kept)
		p->events |= POLLOUT;
	return p->events || !c->hung_up;
}

static unsigned poll_begin(struct virtio_device *d, struct pollfd *fds, int *timeout_ms)
{
	struct vsock *s = (struct vsock *)d;
	unsigned n = 0;

	for (unsigned i = 0; d->running && i < CONNECTIONS; i++) {
		struct connection *c = &s->connection[i];

		c->ready = 0;
		c->polled = wait_for(c, s->has_buffers, &fds[n]) ? (int)n++ : -1;
	}
	s->polled = d->running && find_free(s) ? (int)n++ : -1;
	if (s->polled >= 0)
		fds[s->polled] = (struct pollfd){.fd = s->socket.fd, .events = POLLIN};
	return n;
}

static void poll_end(struct virtio_device *d, const struct pollfd *fds, bool failed)
{
	struct vsock *s = (struct vsock *)d;

	if (failed)
		return;
	for (unsigned i = 0; d->running && i < CONNECTIONS; i++)
		if (s->connection[i].polled >= 0)
			s->connection[i].ready = fds[s->connection[i].polled].revents;
	s->waiting = s->polled >= 0 && fds[s->polled].revents;
}

static void destroy(struct virtio_device *d)
{
	struct vsock *s = (struct vsock *)d;

	reset(d);
	local_socket_close(&s->socket);
	free(s);
}

static const struct virtio_ops ops = {
	.name = "virtio-vsock",
	.type = VIRTIO_ID_VSOCK,
	.class = 0x078000,
	.queues = QUEUES,
	.thread = SANDBOX_LOCAL,
	.serve = serve,
	.reset = reset,
	.poll_begin = poll_begin,
	.poll_end = poll_end,
	.destroy = destroy,
};

int vsock_create(const struct vsock_config *config, struct virtio_device **out, char *err,
		 size_t errlen, bool *bad_input)
{
	struct vsock *s = calloc(1, sizeof(*s));
	struct virtio_vsock_config registers = {.guest_cid = config->cid};

	*out = s ? &s->device : NULL;
	if (!s)
		return 0;
	s->device.ops = &ops;
	s->device.config_size = sizeof(registers);
	memcpy(s->device.config, &registers, sizeof(registers));
	s->cid = config->cid;
	s->next_port = FIRST_PORT;
	for (unsigned i = 0; i < CONNECTIONS; i++)
		s->connection[i].fd = -1;
	if (local_socket_open(&s->socket, config->path, "vsock", err, errlen) == 0) {
		memcpy(s->path, s->socket.path, sizeof(s->path));
		return 0;
	}
	*bad_input = true;
	free(s);
	return -1;
}
