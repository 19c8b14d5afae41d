/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * terminal.h: raw mode of the terminal on stdin, and the process's signals while a machine runs.
 *
 * One at a time in a process: signals and the terminal belong to all of it.
 */
#ifndef KMC_TERMINAL_H
#define KMC_TERMINAL_H

#include <stdbool.h>

/*
 * Takes over SIGINT, SIGTERM, SIGHUP, SIGQUIT (noted, wake_fd written) and SIGPIPE (ignored). With
 * raw, the terminal on stdin goes to raw mode and comes back on SIGTSTP and on a crash of the
 * process too.
 */
void terminal_begin(int wake_fd, bool raw);
void terminal_end(void);

/* Async-signal-safe: puts the terminal back as it was, where it is in raw mode. */
void terminal_restore(void);

/* stdin is a terminal and this process is in its foreground. */
bool terminal_usable(void);

/* The first of the noted signals, 0 for none. */
int terminal_signal(void);

#endif
