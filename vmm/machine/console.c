// SPDX-License-Identifier: GPL-2.0-only
/*
 * console.c: moves bytes between the guest's serial port and where they belong (console_port.c), stdio
 * unless something else was asked for. Terminal modes: terminal.c.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "console.h"
#include "console_port.h"
#include "escape.h"
#include "terminal.h"

#define FLUSH_MS      10 /* a partial line waits so long for its end */
#define WRITE_POLL_MS 100
#define GIVE_UP_MS    2000 /* without progress, once the machine is ending */
#define CLIENT_MS     1000 /* without progress: who connected to a socket does not read */
#define CHUNK	      512u /* at most PIPE_BUF: a pipe that polls writable takes it whole */

static const char help[] =
	"\nkmc-vmm console: Ctrl-A x ends the guest, Ctrl-A Ctrl-A sends Ctrl-A, "
	"Ctrl-A h shows this\n";

struct console {
	struct console_ops ops;
	int wake_fd;
	atomic_bool closing;

	/* Protects what follows, and the order of writes to stdout and stderr. */
	pthread_mutex_t lock;
	char line[4096];
	size_t len;
	struct console_port port;
	bool unfinished; /* stdout stands within a guest's line */
	bool out_gone;	 /* port.out is closed: output is dropped */
	bool one_place;	 /* stdout and stderr are the same file or terminal */
	struct panic_scan scan;

	/* Only the thread in console_serve(). */
	bool in_open, in_tty, escape;
	uint8_t in[256];
	size_t in_at, in_len; /* in[in_at, in_len) waits for room in the serial port */
};

static bool same_file(int a, int b)
{
	struct stat x, y;

	if (fstat(a, &x) || fstat(b, &y))
		return false;
	if (S_ISCHR(x.st_mode) && S_ISCHR(y.st_mode))
		return x.st_rdev == y.st_rdev;
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

struct console *console_create(const struct console_ops *ops)
{
	struct console *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->ops = *ops;
	c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->wake_fd < 0) {
		free(c);
		return NULL;
	}
	pthread_mutex_init(&c->lock, NULL);
	port_stdio(&c->port);
	return c;
}

int console_open(struct console *c, const char *where, uint64_t limit, char *err, size_t errlen)
{
	return port_open(&c->port, where, limit, err, errlen);
}

void console_destroy(struct console *c)
{
	if (!c)
		return;
	port_close(&c->port);
	pthread_mutex_destroy(&c->lock);
	close(c->wake_fd);
	free(c);
}

void console_wake(struct console *c)
{
	const uint64_t one = 1;

	/* Fails only where the counter is full: then it is awake. */
	while (write(c->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void console_closing(struct console *c)
{
	atomic_store(&c->closing, true);
	console_wake(c);
}

/* How long fd may take nothing, in ms; -1: for ever. */
static int patience(struct console *c, int fd)
{
	if (c->port.socket && fd == c->port.out)
		return CLIENT_MS;
	return atomic_load(&c->closing) ? GIVE_UP_MS : -1;
}

/* Waits until fd takes output. false: it never will, or has not for long. */
static bool wait_writable(struct console *c, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int waited = 0, limit;

	while ((limit = patience(c, fd)) < 0 || waited < limit) {
		int r = poll(&p, 1, WRITE_POLL_MS);

		if (r > 0)
			return !(p.revents & (POLLERR | POLLNVAL));
		if (r < 0 && errno != EINTR)
			return false;
		if (r == 0 && limit >= 0)
			waited += WRITE_POLL_MS;
	}
	return false;
}

static ssize_t write_some(struct console *c, int fd, const char *text, size_t len)
{
	return fd == c->port.file.fd ? capped_file_write(&c->port.file, text, len)
				     : write(fd, text, len);
}

/* Returns false where the rest was dropped. */
static bool write_all(struct console *c, int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n;

		if (!wait_writable(c, fd))
			return false;
		n = write_some(c, fd, text, len < CHUNK ? len : CHUNK);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return true;
}

static bool has_taker(const struct console *c)
{
	return c->port.out >= 0 && !c->out_gone;
}

static void flush_locked(struct console *c)
{
	if (!c->len)
		return;
	c->unfinished = c->line[c->len - 1] != '\n';
	if (has_taker(c) && !write_all(c, c->port.out, c->line, c->len)) {
		c->out_gone = true;
		if (c->port.socket)
			shutdown(c->port.out, SHUT_RDWR); /* so that console_serve() lets it go */
	}
	c->len = 0;
}

void console_put(struct console *c, uint8_t byte)
{
	enum panic_event event;
	bool first;

	pthread_mutex_lock(&c->lock);
	first = c->len == 0;
	c->line[c->len++] = (char)byte;
	if (byte == '\n' || c->len == sizeof(c->line))
		flush_locked(c);
	first = first && c->len;
	event = panic_scan_byte(&c->scan, byte);
	pthread_mutex_unlock(&c->lock);
	if (first)
		console_wake(c); /* starts the pause after which a partial line is written */
	if (event != PANIC_NOTHING)
		c->ops.panic(c->ops.ctx, event);
}

void console_write_stderr(struct console *c, const char *text, size_t len)
{
	pthread_mutex_lock(&c->lock);
	flush_locked(c);
	if (c->one_place && c->unfinished) {
		write_all(c, STDERR_FILENO, "\n", 1);
		c->unfinished = false;
	}
	write_all(c, STDERR_FILENO, text, len);
	pthread_mutex_unlock(&c->lock);
}

/* Writes a partial line unless its place or the lock is busy; then the next turn tries again. */
static void flush_idle(struct console *c)
{
	struct pollfd p = {.events = POLLOUT};

	if (pthread_mutex_trylock(&c->lock))
		return;
	p.fd = c->port.out;
	if (c->len && (!has_taker(c) || poll(&p, 1, 0) > 0))
		flush_locked(c);
	pthread_mutex_unlock(&c->lock);
}

static bool has_partial(struct console *c)
{
	bool partial;

	if (pthread_mutex_trylock(&c->lock))
		return true;
	partial = c->len;
	pthread_mutex_unlock(&c->lock);
	return partial;
}

/* Takes the escape sequences out of bytes; returns how many are left. */
static size_t filter(struct console *c, uint8_t *bytes, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		switch (escape_byte(&c->escape, bytes[i])) {
		case ESCAPE_SEND:
			bytes[kept++] = bytes[i];
			break;
		case ESCAPE_QUIT:
			c->ops.quit(c->ops.ctx, "ended by Ctrl-A x on the console");
			break;
		case ESCAPE_HELP:
			console_write_stderr(c, help, sizeof(help) - 1);
			break;
		case ESCAPE_NOTHING:
			break;
		}
	}
	return kept;
}

static void deliver(struct console *c)
{
	if (c->in_at < c->in_len)
		c->in_at += c->ops.input(c->ops.ctx, c->in + c->in_at, c->in_len - c->in_at);
}

static bool input_waits(const struct console *c)
{
	return c->in_at < c->in_len;
}

/* A socket's next client may be waiting. */
static void end_input(struct console *c)
{
	c->in_open = false;
	if (!c->port.socket)
		return;
	pthread_mutex_lock(&c->lock);
	port_hang_up(&c->port);
	pthread_mutex_unlock(&c->lock);
}

static void greet_client(struct console *c)
{
	pthread_mutex_lock(&c->lock);
	port_accept(&c->port);
	c->out_gone = false;
	c->in_open = c->port.in >= 0;
	pthread_mutex_unlock(&c->lock);
}

static void read_input(struct console *c)
{
	uint8_t spare[sizeof(c->in)];
	/* Of a terminal the escape keys must be seen even where the guest takes nothing. */
	uint8_t *to = input_waits(c) ? spare : c->in;
	ssize_t n = read(c->port.in, to, sizeof(c->in));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		end_input(c);
		return;
	}
	if (c->in_tty)
		n = (ssize_t)filter(c, to, (size_t)n);
	if (to != c->in)
		return;
	c->in_at = 0;
	c->in_len = (size_t)n;
	deliver(c);
}

static void check_signal(struct console *c)
{
	int sig = terminal_signal();
	char why[80];

	if (!sig)
		return;
	snprintf(why, sizeof(why), "ended by signal %d (%s)", sig, strsignal(sig));
	c->ops.quit(c->ops.ctx, why);
}

/* What input there may be: of the port, or a client of its socket. */
static struct pollfd wanted_input(const struct console *c)
{
	bool listen = c->in_open && (c->in_tty || !input_waits(c));

	if (c->port.socket && !c->in_open)
		return (struct pollfd){.fd = c->port.listening.fd, .events = POLLIN};
	/* A client that goes away must be seen even where the guest takes nothing. */
	return (struct pollfd){.fd = listen || (c->in_open && c->port.socket) ? c->port.in : -1,
			       .events = listen ? POLLIN : 0};
}

static void serve_input(struct console *c, const struct pollfd *p)
{
	if (c->port.socket && !c->in_open)
		greet_client(c);
	else if (p->revents & POLLNVAL || !p->events)
		end_input(c);
	else
		read_input(c);
}

void console_serve(struct console *c, int timeout_ms)
{
	struct pollfd p[2] = {{.fd = c->wake_fd, .events = POLLIN}, wanted_input(c)};
	bool partial = has_partial(c);
	uint64_t count;
	int r;

	if (partial && (timeout_ms < 0 || timeout_ms > FLUSH_MS))
		timeout_ms = FLUSH_MS;
	r = poll(p, 2, timeout_ms);
	check_signal(c);
	if (r == 0 && partial)
		flush_idle(c);
	if (r <= 0)
		return;
	if (p[0].revents && read(c->wake_fd, &count, sizeof(count)) > 0)
		deliver(c);
	if (p[1].revents)
		serve_input(c, &p[1]);
}

const char *console_panic_text(const struct console *c)
{
	return c->scan.text;
}

void console_begin(struct console *c)
{
	bool stdio = c->port.stdio, tty = stdio && isatty(STDIN_FILENO);

	/* In the background a terminal may neither be read nor changed. */
	c->in_tty = tty && terminal_usable();
	c->in_open = stdio && (!tty || c->in_tty);
	c->one_place = stdio && same_file(STDOUT_FILENO, STDERR_FILENO);
	terminal_begin(c->wake_fd, c->in_tty);
}

void console_end(struct console *c)
{
	atomic_store(&c->closing, true);
	pthread_mutex_lock(&c->lock);
	flush_locked(c);
	if (c->one_place && c->unfinished)
		write_all(c, STDERR_FILENO, "\n", 1);
	c->unfinished = false;
	pthread_mutex_unlock(&c->lock);
	terminal_end();
}
