// SPDX-License-Identifier: GPL-2.0-only
/*
 * terminal.c: puts the terminal into raw mode and makes sure that it comes back. Moves no data.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>
#include "terminal.h"

static struct {
	struct termios cooked, raw;
	volatile sig_atomic_t active; /* the terminal is, or will be again, in raw mode */
	volatile sig_atomic_t signal;
	volatile sig_atomic_t wake_fd;
	bool exit_handler;
} term = {.wake_fd = -1};

static void set_raw(void)
{
	if (term.active && tcgetpgrp(STDIN_FILENO) == getpgrp())
		tcsetattr(STDIN_FILENO, TCSANOW, &term.raw);
}

void terminal_restore(void)
{
	if (term.active)
		tcsetattr(STDIN_FILENO, TCSANOW, &term.cooked);
}

static void on_end(int sig)
{
	const uint64_t one = 1;
	int saved = errno;

	if (!term.signal)
		term.signal = sig;
	if (write(term.wake_fd, &one, sizeof(one)) < 0)
		term.signal = sig; /* the loop looks at it within its timeout anyway */
	errno = saved;
}

static void on_suspend(int sig)
{
	int saved = errno;

	terminal_restore();
	raise(SIGSTOP);
	set_raw();
	errno = saved;
}

static void on_continue(int sig)
{
	int saved = errno;

	set_raw();
	errno = saved;
}

/* SA_RESETHAND has put the default action back. */
static void on_crash(int sig)
{
	terminal_restore();
	raise(sig);
}

static void on_nothing(int sig)
{
}

#define CRASH_ACTION(n)                                                                            \
	{                                                                                          \
		.signal = (n), .handler = on_crash, .flags = SA_RESETHAND | SA_NODEFER,            \
		.raw_only = true, .default_only = true                                             \
	}

static struct {
	int signal;
	void (*handler)(int);
	int flags;
	bool raw_only;	   /* only where the terminal is in raw mode */
	bool default_only; /* leave it to whoever has a handler already */
	bool installed;
	struct sigaction old;
} actions[] = {
	{.signal = SIGINT, .handler = on_end},
	{.signal = SIGTERM, .handler = on_end},
	{.signal = SIGHUP, .handler = on_end},
	{.signal = SIGQUIT, .handler = on_end},
	{.signal = SIGPIPE, .handler = on_nothing},
	{.signal = SIGTSTP, .handler = on_suspend, .raw_only = true},
	{.signal = SIGCONT, .handler = on_continue, .raw_only = true},
	CRASH_ACTION(SIGSEGV),
	CRASH_ACTION(SIGBUS),
	CRASH_ACTION(SIGFPE),
	CRASH_ACTION(SIGILL),
	CRASH_ACTION(SIGABRT),
};

#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

static void install(size_t i, bool raw)
{
	struct sigaction sa = {.sa_handler = actions[i].handler, .sa_flags = actions[i].flags};

	actions[i].installed = false;
	if (actions[i].raw_only && !raw)
		return;
	if (sigaction(actions[i].signal, NULL, &actions[i].old))
		return;
	if (actions[i].default_only && actions[i].old.sa_handler != SIG_DFL)
		return;
	/* nohup and the like: who ignores a hang-up keeps ignoring it. */
	if (actions[i].handler == on_end && actions[i].old.sa_handler == SIG_IGN)
		return;
	sigemptyset(&sa.sa_mask);
	actions[i].installed = !sigaction(actions[i].signal, &sa, NULL);
}

bool terminal_usable(void)
{
	return isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

void terminal_begin(int wake_fd, bool raw)
{
	raw = raw && !tcgetattr(STDIN_FILENO, &term.cooked);
	if (raw) {
		term.raw = term.cooked;
		cfmakeraw(&term.raw);
		term.raw.c_oflag |= OPOST; /* our own messages end their lines with \n only */
	}
	term.signal = 0;
	term.wake_fd = wake_fd;
	term.active = raw;
	for (size_t i = 0; i < ACTIONS; i++)
		install(i, raw);
	if (!term.exit_handler)
		term.exit_handler = !atexit(terminal_restore);
	set_raw();
}

void terminal_end(void)
{
	terminal_restore();
	term.active = 0;
	for (size_t i = 0; i < ACTIONS; i++)
		if (actions[i].installed)
			sigaction(actions[i].signal, &actions[i].old, NULL);
	term.wake_fd = -1;
}

int terminal_signal(void)
{
	return term.signal;
}
