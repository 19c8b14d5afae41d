/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * console.h: the guest's console: on the host's stdin and stdout, or where console_open() says. Used by
 * machine.c.
 *
 * Output is gathered to lines and written with a partial line after a short pause. It blocks the
 * vCPU while stdout takes nothing; once the machine is ending, a stuck stdout is given up after a
 * while. Input is never lost while stdin is not a terminal: what does not fit waits in the host's
 * pipe. Who is connected to a socket and takes nothing for a second is disconnected; while nobody is, output
 * is dropped.
 */
#ifndef KMC_CONSOLE_H
#define KMC_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "panic_scan.h"

struct console;

struct console_ops {
	void *ctx;
	size_t (*input)(void *ctx, const uint8_t *bytes, size_t len); /* returns how many it took */
	void (*panic)(void *ctx, enum panic_event event);	      /* the line is out already */
	void (*quit)(void *ctx, const char *why); /* escape sequence or a signal */
};

struct console *console_create(const struct console_ops *ops); /* NULL: errno says why */
void console_destroy(struct console *c);
/*
 * Before console_begin(): another place than stdio, "null", a file, which gets at most limit bytes
 * (0: no limit), or "unix:PATH". 0, or -1 with one line in err.
 */
int console_open(struct console *c, const char *where, uint64_t limit, char *err, size_t errlen);

/* Between the two, signals and terminal are ours. end: flushes. */
void console_begin(struct console *c);
void console_end(struct console *c);
/* One turn of the main loop: waits at most timeout_ms (-1: no limit) for something to do. */
void console_serve(struct console *c, int timeout_ms);

/* Any thread. */
void console_wake(struct console *c);	 /* ends the wait in console_serve */
void console_closing(struct console *c); /* from now on a stuck stdout is given up */
void console_put(struct console *c, uint8_t byte);
void console_write_stderr(struct console *c, const char *text, size_t len);

/* What the guest said of its panic, "" where it did not. After console_end(). */
const char *console_panic_text(const struct console *c);

#endif
