// SPDX-License-Identifier: GPL-2.0-only
/*
 * sink_readers.c: input and output of the connected readers, never blocking. What the records say
 * and what the commands do is of no interest here.
 */
#include "sink_readers.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox.h"

#define TURN 256 /* records for one reader before the next one has its turn */

static const char note[] = "{\"v\":1,\"type\":\"lost\",\"count\":%llu}\n";

void readers_init(struct readers *rs, size_t limit, struct commands *commands)
{
	memset(rs, 0, sizeof(*rs));
	rs->limit = limit;
	rs->commands = commands;
	for (int i = 0; i < READERS; i++)
		rs->reader[i].fd = -1;
}

static void reader_close(struct reader *r)
{
	sandbox_untell(r->fd);
	close(r->fd);
	record_put(r->now);
	past_deinit(&r->past);
	queue_deinit(&r->queue);
	lines_deinit(&r->in);
	*r = (struct reader){.fd = -1};
}

void readers_deinit(struct readers *rs)
{
	for (int i = 0; i < READERS; i++)
		if (rs->reader[i].fd >= 0)
			reader_close(&rs->reader[i]);
}

/* ---- what they are to get ---- */

void readers_open(struct readers *rs, int fd, struct record *hello, const struct history *h)
{
	struct reader *r = NULL;

	for (int i = 0; i < READERS && !r; i++)
		if (rs->reader[i].fd < 0)
			r = &rs->reader[i];
	if (!r || !hello || history_past(h, &r->past)) {
		close(fd);
		return;
	}
	r->fd = fd;
	sandbox_tell(fd);
	r->number = ++rs->numbers;
	r->now = record_get(hello);
	queue_init(&r->queue, rs->limit);
}

static void count_lost(struct readers *rs, uint64_t n)
{
	atomic_fetch_add(&rs->lost, n);
}

static void push(struct readers *rs, struct reader *to, struct record *r)
{
	if (r->kind == RECORD_STATE)
		queue_offer(&to->queue, r);
	else if (!queue_push(&to->queue, r))
		count_lost(rs, 1);
}

/* Behind all that was queued before, so that whoever has the answer has the reports before it. */
static void push_reply(struct readers *rs, struct record *r)
{
	for (int i = 0; i < READERS; i++) {
		struct reader *to = &rs->reader[i];

		if (to->fd >= 0 && to->number == r->reader &&
		    !queue_push_always(&to->queue, r, note))
			reader_close(to); /* no memory: it must not wait for ever */
	}
}

void readers_push(struct readers *rs, struct record *r)
{
	if (r->kind == RECORD_REPLY) {
		push_reply(rs, r);
		return;
	}
	for (int i = 0; i < READERS; i++)
		if (rs->reader[i].fd >= 0)
			push(rs, &rs->reader[i], r);
}

void readers_lose(struct readers *rs, uint64_t n)
{
	for (int i = 0; i < READERS; i++) {
		if (rs->reader[i].fd < 0)
			continue;
		rs->reader[i].queue.lost += n;
		count_lost(rs, n);
	}
}

/* ---- listening ---- */

static bool may_send(const struct readers *rs, const struct reader *r)
{
	return rs->commands && r->commands < READER_COMMANDS;
}

/* Hands on whole lines, as many as may wait for an answer. False: no memory for that. */
static bool take_lines(struct readers *rs, struct reader *r)
{
	enum line_result result;
	const char *line;
	size_t len;

	while (may_send(rs, r)) {
		result = lines_next(&r->in, &line, &len);
		if (result == LINE_NONE)
			break;
		if (result == LINE_TOO_LONG)
			line = NULL, len = 0;
		if (!commands_submit(rs->commands, r->number, line, len))
			return false;
		r->commands++;
	}
	return true;
}

/* As recv(). Without commands only that it goes away is of interest. */
static ssize_t receive_some(struct readers *rs, struct reader *r)
{
	char ignored[4096], *to = ignored;
	size_t room = sizeof(ignored);
	ssize_t n;

	errno = ENOMEM;
	if (rs->commands)
		to = lines_room(&r->in, &room);
	n = to ? recv(r->fd, to, room, 0) : -1;
	if (!n) {
		r->half_closed = true;
		lines_end(&r->in);
	} else if (n > 0 && rs->commands) {
		lines_add(&r->in, (size_t)n);
	}
	return n;
}

static bool receive(struct readers *rs, struct reader *r)
{
	return receive_some(rs, r) >= 0 || errno == EAGAIN || errno == EINTR;
}

/* It went away between the poll and the sending: what it has sent is carried out all the same. */
static void take_last(struct readers *rs, struct reader *r)
{
	while (take_lines(rs, r) && !r->half_closed && may_send(rs, r))
		if (receive_some(rs, r) < 0)
			break;
}

/* ---- sending ---- */

static struct record *next_past(struct past *p)
{
	uint64_t fallen = p->fallen;

	p->fallen = 0;
	return fallen ? record_note(note, fallen) : past_pop(p);
}

static void next(struct reader *r)
{
	r->sent = 0;
	r->now = next_past(&r->past);
	if (r->now)
		return;
	queue_note(&r->queue, note);
	r->now = queue_pop(&r->queue);
}

static void sent_whole(struct reader *r)
{
	if (r->now->kind == RECORD_REPLY)
		r->commands--;
	record_put(r->now);
	next(r);
}

/* False: it is gone. */
static bool send_some(struct reader *r)
{
	if (!r->now)
		next(r);
	for (int i = 0; r->now && i < TURN; i++) {
		ssize_t n =
			send(r->fd, r->now->data + r->sent, r->now->len - r->sent, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		r->sent += (size_t)n;
		if (r->sent == r->now->len)
			sent_whole(r);
	}
	return true;
}

/* ---- a round ---- */

/* Between two rounds a reader has everything unless a record is in "now". */
static short wanted_events(const struct readers *rs, const struct reader *r)
{
	bool listen = !r->half_closed && (!rs->commands || may_send(rs, r));

	return (short)((listen ? POLLIN : 0) | (r->now ? POLLOUT : 0));
}

size_t readers_poll(struct readers *rs, struct pollfd *p, struct reader **who)
{
	size_t n = 0;

	for (int i = 0; i < READERS; i++) {
		struct reader *r = &rs->reader[i];

		if (r->fd < 0)
			continue;
		p[n] = (struct pollfd){.fd = r->fd, .events = wanted_events(rs, r)};
		who[n++] = r;
	}
	return n;
}

/* What it sent before it went is carried out. False: it is gone, and there is no more of that. */
static bool take_rest(struct readers *rs, struct reader *r)
{
	return take_lines(rs, r) && !r->half_closed && (!rs->commands || may_send(rs, r));
}

static bool serve(struct readers *rs, struct reader *r, short events)
{
	if ((events & POLLIN) && !receive(rs, r))
		return false;
	if (events & (POLLERR | POLLHUP | POLLNVAL))
		return take_rest(rs, r);
	/* take_lines() behind the sending: an answer that went out makes room for a command. */
	if (send_some(r))
		return take_lines(rs, r);
	take_last(rs, r);
	return false;
}

void reader_serve(struct readers *rs, struct reader *r, short events)
{
	if (r->fd >= 0 && !serve(rs, r, events)) /* not closed since the poll */
		reader_close(r);
}

uint64_t readers_waiting(const struct readers *rs)
{
	uint64_t n = 0;

	for (int i = 0; i < READERS; i++) {
		const struct reader *r = &rs->reader[i];

		if (r->fd >= 0)
			n += r->past.n - r->past.at + r->queue.n + (r->now != NULL);
	}
	return n;
}

uint64_t readers_lost(const struct readers *rs)
{
	return atomic_load(&rs->lost);
}
